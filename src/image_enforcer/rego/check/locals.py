"""Local variables: declarations get names of their own, ``:=`` becomes unification, ``some … in`` a reference.

After this stage no name means two things: every declared variable of a rule is ``__localN__``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count

from ..errors import COMPILE_ERROR, Problem
from ..places import Location
from ..records import field, record, replace
from ..signatures import signatures
from ..syntax.nodes import (
    Array,
    ArrayComprehension,
    Body,
    Call,
    CallExpr,
    Every,
    Expr,
    Head,
    LogicalAnd,
    LogicalOr,
    Not,
    Object,
    ObjectComprehension,
    Ref,
    Rule,
    Scalar,
    Set,
    SetComprehension,
    SomeDecl,
    TemplateString,
    Term,
    TermExpr,
    Var,
    With,
)  # fmt: skip
from ..syntax.printer import term_text
from ..syntax.shapes import value_name
from ..syntax.term_order import in_order, members_in_order
from .resolve import declared
from .safety import equality_outputs
from .shared_heads import SharedHeads
from .visit import ROOTS, Rewriter, children, is_assignment, variables, walk

ASSIGN_IN_NEGATED = "cannot assign vars inside negated expression"
ASSIGN_IN_AND = "cannot assign vars inside implicit and operand"
ASSIGN_IN_OR = "cannot assign vars inside implicit or operand"
_WORDS = {"seen": "referenced above", "assigned": "assigned above", "declared": "declared above"}


class Names:
    """Generates ``__localN__``, leaving out names that occur in the text; ``terms`` has what some of them stand for."""

    def __init__(self, taken: set[str], suffix: str = "") -> None:
        self.taken = taken
        self.suffix = suffix
        self.numbers = count()
        self.terms: dict[str, Term] = {}

    def fresh(self) -> str:
        """A new name."""
        while True:
            name = f"__local{self.suffix}{next(self.numbers)}__"
            if name not in self.taken:
                return name


@record(slots=True)
class Scope:
    """What is known of names in one body: their new name, how they came up, how often they were used."""

    names: dict[str, str] = field(default_factory=dict)
    how: dict[str, str] = field(default_factory=dict)
    uses: dict[str, int] = field(default_factory=dict)


class LocalVars:
    """Rewrites rules one by one; ``original`` maps new names to written ones.

    ``problems`` collects what is wrong, ``all_unused`` what is declared and never used: that is wrong as well, but
    keeps no later check from being made.
    """

    def __init__(self, names: Names, strict: bool = False, heads: SharedHeads | None = None) -> None:
        self.names = names
        self.heads = heads or SharedHeads()
        self.strict = strict
        self.scopes: list[Scope] = []
        self.problems: list[Problem] = []
        self.unused: list[Problem] = []
        self.all_unused: list[Problem] = []
        self.original: dict[str, str] = {}
        self._clean = 0
        self._whole = False
        self._again = False
        self._given: Mapping[str, str] = {}

    # --- rules -----------------------------------------------------------------------------------

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
        self.scopes = [Scope()]
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
        scope = self.scopes[0]
        in_value = variables(head.value)
        # those in a set, too, which nothing is matched by; they count as used where they are met twice
        unused = [
            name
            for name in dict.fromkeys(x.name for x in walk(rule.head.args or ()) if isinstance(x, Var))
            if not name.startswith("$") and name not in in_value
            and scope.uses.get(name, 0) <= (scope.how.get(name) == "seen")
        ]  # fmt: skip
        renamed = _Renamed(scope.names, self.heads).term
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
            if name in signatures() and name not in declared(rule.body) | mocked and self._declared(name) is None:
                self._insert(name, self.names.fresh(), "seen")

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
                outer, self.scopes, self.unused = self.scopes, [Scope()], []
                try:
                    return self.term(term)
                finally:
                    self.all_unused.extend(self.unused)
                    self.scopes = outer
            case Ref(terms):
                return replace(term, terms=tuple(self._closures(t) for t in terms))
            case Array(items):
                return replace(term, items=tuple(self._closures(i) for i in items))
            case Set(items):
                return replace(term, items=_members(items, lambda i: self._closures(self.heads.copied(i))))
            case Object(pairs):
                change = lambda t: self._closures(self.heads.copied(t))
                return replace(term, pairs=_pairs(pairs, change, change))
            case Call(_, args):
                return replace(term, args=tuple(self._closures(a) for a in args))
            case _:
                return term

    def query(self, body: Body) -> Body:
        """The body of a query."""
        self.scopes = [Scope()]
        self.unused = []
        self._clean = len(self.problems)
        made = self._body(body, set())
        self.all_unused.extend(self.unused)
        return made

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
        scope = self.scopes[-1]
        if name in scope.names:
            self._use(name)
        else:
            self._insert(name, self._given.get(name) or self.names.fresh(), "arg")
        return scope.names[name]

    # --- scopes ----------------------------------------------------------------------------------

    def _insert(self, name: str, new: str, how: str) -> None:
        scope = self.scopes[-1]
        scope.names[name] = new
        scope.how[name] = how
        scope.uses[name] = 1 if how == "seen" else 0
        if new != name:
            self.original[new] = name

    def _declared(self, name: str) -> str | None:
        for scope in reversed(self.scopes):
            if name in scope.names:
                return scope.names[name]
        return None

    def _use(self, name: str) -> None:
        for scope in reversed(self.scopes):
            if name in scope.names:
                scope.uses[name] = scope.uses.get(name, 0) + 1
                return

    def _declare(self, name: str, how: str, loc: Location) -> str:
        was = self.scopes[-1].how.get(name)
        if was is not None:
            message = f"arg {name} redeclared" if was == "arg" else f"var {name} {_WORDS[was]}"
            self.problems.append(Problem(COMPILE_ERROR, message, loc))
            return name
        new = self.names.fresh()
        self._insert(name, new, how)
        return new

    # --- bodies ----------------------------------------------------------------------------------

    def _body(self, body: Body, used: set[str]) -> Body:
        made: list[Expr] = []
        for expr in body:
            done = self._expr(expr)
            if done is not None:
                made.append(done)
        if not made:
            loc = body[0].loc if body else Location()
            made.append(Expr(TermExpr(Scalar(True, loc)), loc=loc))
        if len(self.problems) == self._clean and not self.unused:
            self._check_unused(body, tuple(made), used)
        return tuple(made)

    def _check_unused(self, body: Body, made: Body, used: set[str]) -> None:
        scope = self.scopes[-1]
        found: list[Problem] = []
        places = self._places(body)
        if self.strict:
            found.extend(
                Problem(COMPILE_ERROR, f"assigned var {name} unused", places.get(name, body[0].loc))
                for name, how in scope.how.items()
                if how == "assigned" and not scope.uses.get(name) and name not in used and not name.startswith("$")
            )
        names = [n for n, how in scope.how.items() if how == "declared" and not n.startswith("$")]
        if names and not found:
            there = {self._declared(v) or v for v in used} | set(variables(made))
            found.extend(
                Problem(COMPILE_ERROR, f"declared var {name} unused", places.get(name, body[0].loc))
                for name in sorted(names, key=lambda n: _number(scope.names[n]))
                if scope.names[name] not in there and name not in used
            )
        self.unused.extend(found)

    @staticmethod
    def _places(body: Body) -> dict[str, Location]:
        """Where each name of a body is declared first."""
        places: dict[str, Location] = {}
        for expr in body:
            for name in declared((expr,)):
                places.setdefault(name, expr.loc)
        return places

    def _expr(self, expr: Expr) -> Expr | None:
        if is_assignment(expr):
            return self._assignment(expr)
        match expr.terms:
            case SomeDecl():
                return self._some(self.heads.copied_expr(expr))
            case Every():
                return self._every(self.heads.copied_expr(expr))
            case Not(body):
                if not _explicit(expr.terms):
                    body = self._implicit(body, ASSIGN_IN_NEGATED)
                    return self._withs(replace(expr, terms=replace(expr.terms, body=body)))
                return self._explicit_not(self.heads.copied_expr(expr))
            case LogicalAnd() | LogicalOr():
                return self._logical(self.heads.copied_expr(expr))
            case CallExpr(operator, args):
                called = self._operator(operator)
                made = replace(expr, terms=CallExpr(called, tuple(self.term(a) for a in args)))
                return self._withs(made)
            case TermExpr(term):
                return self._withs(replace(expr, terms=TermExpr(self.term(term))))

    def _explicit_not(self, expr: Expr) -> Expr:
        node = expr.terms
        assert isinstance(node, Not)
        whole = self._whole
        with self._inside(whole=True):
            # as below ``every``
            return self._renamed(expr, replace(node, body=self._body(node.body, set())), whole)

    def _scoped(self, body: Body) -> Body:
        with self._inside(whole=True):
            return self._body(body, set())

    @contextmanager
    def _inside(self, *, whole: bool = False) -> Iterator[None]:
        """A scope inside: of a comprehension, or of a ``whole`` expression, through which OPA goes a second time."""
        before = self._whole, self._again
        if whole:
            self._whole = True
        else:
            self._again = self._whole
        self.scopes.append(Scope())
        try:
            yield
        finally:
            self.scopes.pop()
            self._whole, self._again = before

    def _implicit(self, body: Body, message: str) -> Body:
        made: list[Expr] = []
        for expr in body:
            if is_assignment(expr):
                self.problems.append(Problem(COMPILE_ERROR, message, expr.loc))
                made.append(expr)
                continue
            done = self._expr(expr)
            if done is not None:
                made.append(done)
        return tuple(made)

    def _logical(self, expr: Expr) -> Expr:
        node = expr.terms
        assert isinstance(node, LogicalAnd | LogicalOr)
        message = ASSIGN_IN_AND if isinstance(node, LogicalAnd) else ASSIGN_IN_OR
        lhs = self._scoped(node.lhs) if node.explicit_lhs else self._implicit(node.lhs, message)
        rhs = self._scoped(node.rhs) if node.explicit_rhs else self._implicit(node.rhs, message)
        self._see([*(lhs if node.explicit_lhs else ()), *(rhs if node.explicit_rhs else ())])
        return self._withs(replace(expr, terms=replace(node, lhs=lhs, rhs=rhs)))

    def _see(self, body: Sequence[Expr]) -> None:
        """As in OPA, what a body between braces leaves undeclared has been referenced outside it as well."""
        todo: list[object] = [*body]
        while todo:
            x = todo.pop()
            match x:
                case Var():
                    self.term(x)
                case ArrayComprehension() | SetComprehension() | ObjectComprehension():
                    continue
                case Ref((Var(name),)) if name in ROOTS:
                    continue
                case _:
                    todo.extend(children(x))

    def _withs(self, expr: Expr) -> Expr:
        return replace(expr, withs=tuple(self._with(w) for w in expr.withs)) if expr.withs else expr

    def _with(self, item: With) -> With:
        """A ``with``; its target never starts from an ``input`` that is declared here, but may from anything else."""
        target = self.term(item.target)
        new = self._declared("input")
        match target:
            case Var(name) if name == new:
                target = Ref((Var("input", target.loc),), target.loc)
            case Ref((Var(name), *steps)) if name == new:
                target = replace(target, terms=(Var("input", target.terms[0].loc), *steps))
            case _:
                pass
        return replace(item, target=target, value=self.term(item.value))

    def _assignment(self, expr: Expr) -> Expr:
        assert isinstance(expr.terms, CallExpr)
        if expr.negated:
            self.problems.append(Problem(COMPILE_ERROR, ASSIGN_IN_NEGATED, expr.loc))
            return expr
        if len(expr.terms.args) != 2:
            return expr
        lhs, rhs = expr.terms.args
        made_rhs = self.term(rhs)
        # the targets of its modifiers keep their names, as in OPA
        made = replace(expr, withs=tuple(replace(w, value=self.term(w.value)) for w in expr.withs))
        before = len(self.problems)
        made_lhs = self._target(lhs)
        if len(self.problems) > before:
            return made
        operator = replace(expr.terms.operator, terms=(Var("eq", expr.terms.operator.loc),))
        return replace(made, terms=CallExpr(operator, (made_lhs, made_rhs)), assignment=True)

    def _target(self, term: Term) -> Term:
        match term:
            case Var(name):
                return Var(self._declare(name, "assigned", term.loc), term.loc)
            case Ref((Var(name),)) if name in ROOTS:
                return Var(self._declare(name, "assigned", term.loc), term.loc)
            case Array(items):
                return replace(term, items=tuple(self._target(i) for i in items))
            case Object(pairs):
                return replace(
                    term,
                    pairs=tuple((self.term(k) if not isinstance(k, Scalar) else k, self._target(v)) for k, v in pairs),
                )
            case _:
                self.problems.append(Problem(COMPILE_ERROR, f"cannot assign to {value_name(term)}", term.loc))
                return term

    def _some(self, expr: Expr) -> Expr | None:
        assert isinstance(expr.terms, SomeDecl)
        for symbol in expr.terms.symbols:
            if isinstance(symbol, Var):
                before = len(self.problems)
                self._declare(symbol.name, "declared", expr.loc)
                if len(self.problems) > before:
                    return None
            elif isinstance(symbol, Call):
                return self._some_in(expr, symbol)
        return None

    def _some_in(self, expr: Expr, call: Call) -> Expr | None:
        key: Term
        if len(call.args) == 3:
            key, value, domain = call.args
        else:
            value, domain = call.args
            key = Var(self.names.fresh(), call.loc)
        bound = variables((key, value), ref_heads=False, object_keys=False, closures=False)
        inside = variables(domain, closures=False)
        clash = [v for v in sorted(bound) if v in inside and not v.startswith("$")]
        if clash:
            self.problems.extend(Problem(COMPILE_ERROR, f"var {v} assigned before", expr.loc) for v in clash)
            return None
        rhs = replace(domain, terms=(*domain.terms, key)) if isinstance(domain, Ref) else Ref((domain, key), domain.loc)
        operator = Ref((Var("eq", expr.loc),), expr.loc)
        plain = Expr(CallExpr(operator, (value, rhs)), expr.negated, expr.withs, expr.index, loc=expr.loc)
        for name in sorted(equality_outputs(plain, set(variables(domain)))):
            before = len(self.problems)
            self._declare(name, "declared", expr.loc)
            if len(self.problems) > before:
                return None
        return self._withs(replace(plain, terms=CallExpr(operator, (self.term(value), self.term(rhs)))))

    def _every(self, expr: Expr) -> Expr | None:
        node = expr.terms
        assert isinstance(node, Every)
        whole, self._whole = self._whole, True
        domain = self.term(node.domain)
        self._whole = whole
        with self._inside(whole=True):
            key = node.key
            before = len(self.problems)
            if isinstance(key, Var) and not key.is_wildcard:
                key = Var(self._declare(key.name, "declared", expr.loc), key.loc)
            elif key is None:
                key = Var(self.names.fresh(), node.loc)
            value = node.value
            if isinstance(value, Var) and not value.is_wildcard:
                value = Var(self._declare(value.name, "declared", expr.loc), value.loc)
            if len(self.problems) > before:
                return None
            if self._again:  # by then they have names of its own, which OPA tells
                self.original.update({v.name: v.name for v in (key, value) if isinstance(v, Var) and v.is_generated})
            body = self._body(node.body, set())
            # as in OPA, what is not declared outside is taken from the body everywhere else, modifiers included
            return self._renamed(expr, replace(node, key=key, value=value, domain=domain, body=body), whole)

    def _renamed(self, expr: Expr, terms: Every | Not, whole: bool) -> Expr:
        """An expression with the names of the innermost scope in all of it."""
        made = _Renamed(self.scopes[-1].names).expr_terms(replace(expr, terms=terms, withs=()))
        self._whole = whole  # through its modifiers OPA has not gone before
        return self._withs(replace(expr, terms=made))

    # --- terms -----------------------------------------------------------------------------------

    def _operator(self, operator: Ref) -> Ref:
        """What is called, renamed like every reference: a local variable is no function, but hides one."""
        made = self.term(operator)
        return made if isinstance(made, Ref) else operator

    def _check_shadowed(self, operator: Ref, loc: Location) -> None:
        for x in walk((self.heads.now(operator.terms[0]), *operator.terms[1:])):
            if isinstance(x, Var):
                new = self._declared(x.name)
                if new is not None and new != x.name:
                    self.problems.append(Problem(COMPILE_ERROR, f"called function {term_text(operator)} shadowed", loc))
                    return

    def term(self, term: Term) -> Term:
        """A term with its variables renamed."""
        match term:
            case Scalar():
                return term
            case Var(name):
                new = self._declared(name)
                if new is not None:
                    self._use(name)
                    return term if new == name else Var(new, term.loc)
                if name not in self.scopes[-1].how:
                    self._insert(name, name, "seen")
                return term
            case Ref((Var(name),)) if name in ROOTS:
                for scope in reversed(self.scopes):
                    how = scope.how.get(name)
                    if how is not None and how != "seen":
                        return Var(scope.names[name], term.loc)
                return term
            case Ref(terms):
                head = self.heads.now(terms[0])
                made = self.term(head)
                self.heads.renamed(head, made)
                return replace(term, terms=(made, *(self.term(t) for t in terms[1:])))
            case Array(items):
                return replace(term, items=tuple(self.term(i) for i in items))
            case Set(items):
                return replace(term, items=_members(items, lambda i: self.term(self.heads.copied(i))))
            case Object(pairs):
                return replace(term, pairs=_pairs(pairs, lambda k: self.term(self.heads.copied(k)), self.term))
            case Call(operator, args):
                self._check_shadowed(operator, term.loc)
                return replace(term, operator=self._operator(operator), args=tuple(self.term(a) for a in args))
            case ArrayComprehension(inner, body) | SetComprehension(inner, body):
                with self._inside():
                    made_body = self._body(body, set(variables(inner)))
                    return replace(term, body=made_body, term=self.term(inner))
            case ObjectComprehension(k, v, body):
                with self._inside():
                    made_body = self._body(body, set(variables((k, v))))
                    return replace(term, body=made_body, key=self.term(k), value=self.term(v))
            case TemplateString(parts):
                return replace(term, parts=tuple(self._part(p) for p in parts))

    def _part(self, part: Scalar | Expr) -> Scalar | Expr:
        if isinstance(part, Scalar):
            return part
        return self._expr(part) or part


class _Renamed(Rewriter):
    """Terms of a head with the new names of what the arguments and the body declare."""

    def __init__(self, names: Mapping[str, str], heads: SharedHeads | None = None) -> None:
        self.names = names
        self.heads = heads or SharedHeads()

    def term(self, term: Term) -> Term:
        """A term with its variables renamed."""
        match term:
            case Var(name):
                new = self.names.get(name, name)
                return term if new == name else Var(new, term.loc)
            case Ref((Var(name),)) if self.names.get(name, name) != name:
                return Var(self.names[name], term.loc)
            case Ref():
                return self.operator(term)
            case _:
                return super().term(term)

    def operator(self, operator: Ref) -> Ref:
        """A reference; what is called is, as in OPA, by a new name an undefined function."""
        head = self.heads.now(operator.terms[0])
        made = self.term(head)
        self.heads.renamed(head, made)
        return replace(operator, terms=(made, *(self.term(t) for t in operator.terms[1:])))


def _members(items: tuple[Term, ...], change: Callable[[Term], Term]) -> tuple[Term, ...]:
    """The members of a set, changed one by one in OPA's order and left in that of the text."""
    made = {id(t): change(t) for t in members_in_order([t for t in items if not isinstance(t, Scalar)])}
    return tuple(made.get(id(t), t) for t in items)


def _pairs(
    pairs: tuple[tuple[Term, Term], ...], key: Callable[[Term], Term], value: Callable[[Term], Term]
) -> tuple[tuple[Term, Term], ...]:
    """The pairs of an object, likewise."""
    parts = [p for p in pairs if not (isinstance(p[0], Scalar) and isinstance(p[1], Scalar))]
    made = {id(p): (key(p[0]), value(p[1])) for p in in_order(parts)}
    return tuple(made.get(id(p), p) for p in pairs)


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


def _explicit(node: Not) -> bool:
    return node.explicit


def _number(name: str) -> int:
    digits = "".join(c for c in name if c.isdigit())
    return int(digits) if digits else -1
