"""Local variables of rules and queries: the arguments, what closures in the head declare, then what the body does.

After this stage no name means two things: every declared variable of a rule is ``__localN__``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..errors import COMPILE_ERROR, Problem
from ..records import replace
from ..signatures import signatures
from ..syntax.nodes import (
    Array,
    ArrayComprehension,
    Body,
    Call,
    Head,
    Object,
    ObjectComprehension,
    Ref,
    Rule,
    Scalar,
    Set,
    SetComprehension,
    TemplateString,
    Term,
    Var,
    With,
)  # fmt: skip
from ..syntax.term_order import changed_members, changed_pairs
from .local_bodies import BodyVars
from .resolve import declared
from .scopes import Names, Renamed, Scope
from .shared_heads import SharedHeads
from .visit import ROOTS, variables, walk


class LocalVars(BodyVars):
    """Rewrites rules one by one: their arguments, the closures in their heads, their bodies."""

    def __init__(self, names: Names, strict: bool = False, heads: SharedHeads | None = None) -> None:
        super().__init__(names, strict, heads)
        self._given: Mapping[str, str] = {}

    def query(self, body: Body) -> Body:
        """The body of a query."""
        self.scopes.stack = [Scope()]
        self.unused = []
        self._clean = len(self.problems)
        made = self._body(body, set())
        self.all_unused.extend(self.unused)
        return made

    def rule(self, rule: Rule) -> Rule:
        """A rule: arguments, closures in the head, the body; each ``else`` branch is a scope of its own."""
        made, unused = self._branch(rule)
        if self.strict:
            self.all_unused.extend(
                Problem(
                    COMPILE_ERROR, f"unused argument {name}. (hint: use _ (wildcard variable) instead)", rule.head.loc
                )
                for name in unused
            )
        return made

    def _branch(self, rule: Rule, above: Mapping[str, str] | None = None) -> tuple[Rule, list[str]]:
        """A rule from here on down its ``else`` chain, and the arguments that none of these branches uses.

        ``above`` are the names that the branch above gave the arguments: they have them here, too.
        """
        self.scopes.stack = [Scope()]
        self._given = above or {}
        args = None if rule.head.args is None else tuple(self._arg(a) for a in rule.head.args)
        self._clean = len(self.problems)
        args = None if args is None else tuple(self._closures(a) for a in args)
        head = self._head(rule.head, self._closures)
        used = set(variables((head.key, head.value, head.ref.terms[1:])))
        self._clean = len(self.problems)
        self.unused = []
        self._hide_built_ins(rule)
        body = self._body(rule.body, used)
        self.all_unused.extend(self.unused)
        scope = self.scopes.stack[0]
        in_value = variables(head.value)
        # those in a set, too, which nothing is matched by; they count as used where they are met twice
        unused = [
            name
            for name in dict.fromkeys(x.name for x in walk(rule.head.args or ()) if isinstance(x, Var))
            if not name.startswith("$") and name not in in_value
            and scope.uses.get(name, 0) <= (scope.how.get(name) == "seen")
        ]  # fmt: skip
        renamed = Renamed(scope.names, self.heads).term
        args = None if args is None else tuple(renamed(a) for a in args)
        made = replace(rule, head=replace(self._head(head, renamed), args=args), body=body)
        if rule.else_ is None:
            return made, unused
        below, unused_below = self._branch(
            rule.else_, {n: scope.names[n] for n, how in scope.how.items() if how == "arg"}
        )
        return replace(made, else_=below), [name for name in unused if name in unused_below]

    def _hide_built_ins(self, rule: Rule) -> None:
        """Variables of a body that are named as built-ins are get other names: none is to be taken for the built-in.

        As in OPA those keep theirs that a ``with`` names, for it may mean the built-in.
        """
        found = variables(rule.body, closures=False, call_heads=False)
        if not any(name in signatures() for name in found):
            return
        withs = (x for x in walk(rule) if isinstance(x, With))
        mocked = {v for w in withs for x in walk((w.target, w.value)) if isinstance(x, Var) for v in (x.name,)}
        for name in sorted(found):
            if name in signatures() and name not in declared(rule.body) | mocked and self.scopes.declared(name) is None:
                self.scopes.insert(name, self.names.fresh(), "seen")

    @staticmethod
    def _head(head: Head, change: Callable[[Term], Term]) -> Head:
        """A head whose reference, key and value are changed; its arguments are not."""
        ref = replace(head.ref, terms=(head.ref.terms[0], *(change(t) for t in head.ref.terms[1:])))
        key = None if head.key is None else change(head.key)
        return replace(head, ref=ref, key=key, value=None if head.value is None else change(head.value))

    def _closures(self, term: Term) -> Term:
        """A term of a head whose closures are rewritten as if nothing stood around them, as OPA does before the body.

        What they leave undeclared is taken from the arguments and the body afterwards, by its name. As in OPA nothing
        is looked for in an object or a set without a variable in sight: a closure that is indexed is overlooked.
        """
        match term:
            case Object() | Set() if _is_ground(term):
                return term
            case ArrayComprehension() | SetComprehension() | ObjectComprehension() | TemplateString():
                outer, self.scopes.stack, self.unused = self.scopes.stack, [Scope()], []
                try:
                    return self.term(term)
                finally:
                    self.all_unused.extend(self.unused)
                    self.scopes.stack = outer
            case Ref(terms):
                return replace(term, terms=tuple(self._closures(t) for t in terms))
            case Array(items):
                return replace(term, items=tuple(self._closures(i) for i in items))
            case Set(items):
                return replace(term, items=changed_members(items, lambda i: self._closures(self.heads.copied(i))))
            case Object(pairs):
                change = lambda t: self._closures(self.heads.copied(t))
                return replace(term, pairs=changed_pairs(pairs, change, change))
            case Call(_, args):
                return replace(term, args=tuple(self._closures(a) for a in args))
            case _:
                return term

    def _arg(self, arg: Term) -> Term:
        match arg:
            case Var(name):
                return Var(self._insert_arg(name), arg.loc)
            case Ref((Var(name),)) if name in ROOTS:
                return Var(self._insert_arg(name), arg.loc)
            case Ref(terms):
                return replace(arg, terms=tuple(self._arg(t) for t in terms))
            case Array(items):
                return replace(arg, items=tuple(self._arg(i) for i in items))
            case Object(pairs):
                return replace(arg, pairs=tuple((k, self._arg(v)) for k, v in pairs))
            case Call():
                self.problems.append(Problem(COMPILE_ERROR, "rule arguments cannot contain calls", arg.loc))
                return arg
            case _:  # nothing is matched by the parts of a set
                return arg

    def _insert_arg(self, name: str) -> str:
        scope = self.scopes.stack[-1]
        if name in scope.names:
            self.scopes.use(name)
        else:
            self.scopes.insert(name, self._given.get(name) or self.names.fresh(), "arg")
        return scope.names[name]


def _is_ground(term: Term) -> bool:
    """Whether a term has no variable, as OPA sees it: what a reference starts from does not count."""
    match term:
        case Scalar():
            return True
        case Ref(terms):
            return all(_is_ground(t) for t in terms[1:])
        case Array(items) | Set(items):
            return all(_is_ground(i) for i in items)
        case Object(pairs):
            return all(_is_ground(k) and _is_ground(v) for k, v in pairs)
        case Call(operator, args):
            return _is_ground(operator) and all(_is_ground(a) for a in args)
        case _:
            return False
