"""Names to references: rules of the package, imports, ``input`` and ``data``; what is left is a variable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ..places import Location
from ..records import replace
from ..syntax.nodes import (
    ArrayComprehension,
    Body,
    Call,
    CallExpr,
    Every,
    Expr,
    ExprTerms,
    Head,
    Import,
    Module,
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
    Var,
    With,
)  # fmt: skip
from ..values import key as value_key
from .shared_heads import SharedHeads
from .visit import ROOTS, Rewriter, children, is_assignment, kept, walk


def import_name(item: Import) -> str:
    """The name that an import brings."""
    if item.alias is not None:
        return item.alias
    last = item.path.terms[-1]
    return last.name if isinstance(last, Var) else str(getattr(last, "value", ""))


def is_keyword_import(item: Import) -> bool:
    """Whether an import is of keywords or of a version of the language."""
    head = item.path.head
    return isinstance(head, Var) and head.name in ("future", "rego")


def global_names(package: Ref, rules: Iterable[str], imports: Sequence[Import]) -> dict[str, Ref]:
    """What names stand for in a module: rules of its package, then imports."""
    names = {r: Ref((*package.terms, Scalar(r))) for r in rules}
    for item in imports:
        if not is_keyword_import(item):
            names[import_name(item)] = item.path
    return names


def declared(body: Body) -> set[str]:
    """The names that ``:=`` and ``some`` declare in a body or in the bodies below it that are no comprehension's."""
    names: set[str] = set()
    todo: list[object] = list(body)
    while todo:
        x = todo.pop()
        if isinstance(x, ArrayComprehension | SetComprehension | ObjectComprehension):
            continue
        if isinstance(x, Expr):
            if is_assignment(x) and isinstance(x.terms, CallExpr) and len(x.terms.args) == 2:
                names |= _names(x.terms.args[0])
            elif isinstance(x.terms, SomeDecl):
                for symbol in x.terms.symbols:
                    names |= _names(symbol.args[:-1] if isinstance(symbol, Call) else symbol)
        todo.extend(children(x))
    return names


def _names(node: object) -> set[str]:
    return {x.name for x in walk(node) if isinstance(x, Var)}


def _pattern_names(arg: object) -> set[str]:
    """The names in an argument that stand where something can be matched by them."""
    match arg:
        case Var(name):
            return {name}
        case Set() | ArrayComprehension() | SetComprehension() | ObjectComprehension() | Call():
            return set()
        case Object(pairs):
            return {n for _, v in pairs for n in _pattern_names(v)}
        case _:
            return {n for x in children(arg) for n in _pattern_names(x)}


def _with_unique_keys(term: Object) -> Object:
    """An object without the values whose keys are written again: as in OPA they are not evaluated at all."""
    unique: dict[object, tuple[Term, Term]] = {}
    for k, v in term.pairs:
        known = value_key(k.value) if isinstance(k, Scalar) else k
        unique[known] = (unique.get(known, (k, v))[0], v)
    return term if len(unique) == len(term.pairs) else replace(term, pairs=tuple(unique.values()))


class Resolver(Rewriter):
    """Rewrites one module's rules, or a query. ``used`` collects the names that were needed.

    ``hides_roots`` tells whether something took ``data`` or ``input`` for a name of its own.

    ``shared`` are the places of the heads that names stand for. OPA has one and the same head in all
    references by names of the package, and in all by one import, which stands where it was mentioned last.
    """

    def __init__(self, names: Mapping[str, Ref], shared: Mapping[str, Location] | None = None) -> None:
        self.names = names
        self.shared = shared or {}
        self.scopes: list[set[str]] = []
        self.used: set[str] = set()
        self.hides_roots = False

    def hidden(self, name: str) -> bool:
        """Whether a local declaration hides a global name."""
        return any(name in s for s in self.scopes)

    def _hide(self, names: set[str]) -> None:
        self.scopes.append(names)
        self.hides_roots = self.hides_roots or not names.isdisjoint(ROOTS)

    def rule(self, rule: Rule) -> Rule:
        """A rule: its arguments and the declarations of its body hide names."""
        self._hide(_pattern_names(rule.head.args))
        self._hide(declared(rule.body))
        try:
            head = self.head(rule.head)
            body = self.body_plain(rule.body)
        finally:
            self.scopes.pop()
            self.scopes.pop()
        return replace(rule, head=head, body=body, else_=None if rule.else_ is None else self.rule(rule.else_))

    def head(self, head: Head) -> Head:
        """A head; its arguments are declarations, in which nothing is resolved."""
        return replace(super().head(replace(head, args=None)), args=head.args)

    def body_plain(self, body: Body) -> Body:
        """A body whose declarations are in scope already."""
        return super().body(body)

    def body(self, body: Body) -> Body:
        """A body inside another one."""
        with self._inside(body):
            return super().body(body)

    @contextmanager
    def _inside(self, body: Body) -> Iterator[None]:
        """Where the declarations of a body hide names."""
        self._hide(declared(body))
        try:
            yield
        finally:
            self.scopes.pop()

    def expr_terms(self, expr: Expr) -> ExprTerms:
        """Expressions; ``every`` declares its variables for its body, implicit operands declare nothing."""
        match expr.terms:
            case Every(k, v, domain, body):
                # as in OPA they hide names in the domain, too, although it does not see them
                self.scopes.append({x.name for x in (k, v) if isinstance(x, Var)})
                try:
                    made_domain = self.term(domain)
                    return replace(expr.terms, domain=made_domain, body=self.body(body))
                finally:
                    self.scopes.pop()
            case SomeDecl(symbols) if symbols and isinstance(symbols[0], Call):
                call = symbols[0]
                return replace(expr.terms, symbols=(replace(call, args=self.terms(call.args)),))
            case SomeDecl():
                return expr.terms
            case CallExpr(operator, args) if is_assignment(expr) and len(args) == 2:
                return CallExpr(operator, (self._target(args[0]), self.term(args[1])))
            case _:
                return super().expr_terms(expr)

    def _target(self, term: Term) -> Term:
        return term if isinstance(term, Var) else self.term(term)

    def term(self, term: Term) -> Term:
        """Variables that are global names become references; references grow by what their head stands for."""
        match term:
            case Var(name):
                full = self._global(name)
                return term if full is None else replace(full, loc=term.loc, terms=self._placed(full, term))
            case Ref(terms):
                head = terms[0]
                steps = terms[1:]
                # in a template string that is a step OPA resolves nothing
                rest = kept(steps, [t if isinstance(t, TemplateString) else self.term(t) for t in steps])
                made: Term = head
                if isinstance(head, Var):
                    full = self._global(head.name)
                    if full is not None:
                        return replace(term, terms=(*self._placed(full, head), *rest))
                else:
                    made = self.term(head)
                return term if made is head and rest is steps else replace(term, terms=(made, *rest))
            case Object(pairs) if len(pairs) > 1:
                made = super().term(term)  # names in what another value of the same key replaces count as used
                return _with_unique_keys(made) if isinstance(made, Object) else made
            case ArrayComprehension(inner, body) | SetComprehension(inner, body):
                with self._inside(body):
                    value = self.term(inner)
                    made_body = self.body_plain(body)
                    same = value is inner and made_body is body
                    return term if same else replace(term, term=value, body=made_body)
            case ObjectComprehension(k, v, body):
                with self._inside(body):
                    key, value = self.term(k), self.term(v)
                    made_body = self.body_plain(body)
                    same = key is k and value is v and made_body is body
                    return term if same else replace(term, key=key, value=value, body=made_body)
            case _:
                return super().term(term)

    def with_(self, item: With) -> With:
        """``with``: the target is resolved like any reference."""
        return super().with_(item)

    def operator(self, operator: Ref) -> Ref:
        """What is called: a function of the package or an import, else a built-in."""
        made = self.term(operator)
        return made if isinstance(made, Ref) else operator

    def _global(self, name: str) -> Ref | None:
        if name not in self.names or self.hidden(name):
            return None
        self.used.add(name)
        return self.names[name]

    def _placed(self, full: Ref, at: Var) -> tuple[Term, ...]:
        """What a name stands for, at the place of the name; its head where it is shared."""
        place = self.shared.get(at.name)
        if place is not None:
            place.follow(at.loc)
        head, *steps = full.terms
        return (replace(head, loc=place or at.loc), *(replace(t, loc=at.loc) for t in steps))


def resolve_modules(modules: Mapping[str, Module]) -> tuple[dict[str, Module], dict[str, set[str]], SharedHeads]:
    """All modules with absolute references, the imported names that each of them used, and the heads they share."""
    by_package: dict[tuple[str, ...], dict[str, None]] = {}
    for module in modules.values():
        names = by_package.setdefault(module.package.names, {})
        for rule in module.rules:
            names[rule.head.name] = None
    resolved: dict[str, Module] = {}
    used: dict[str, set[str]] = {}
    own_places: dict[str, Location] = {}
    imported_places: list[Location] = []
    for key, module in modules.items():
        names_here = global_names(module.package.path, by_package[module.package.names], module.imports)
        own = Location()
        imported = {import_name(i): Location() for i in module.imports if not is_keyword_import(i)}
        resolver = Resolver(names_here, dict.fromkeys(names_here, own) | imported)
        rules = tuple(resolver.rule(r) for r in module.rules)
        resolved[key] = replace(module, rules=rules)
        used[key] = resolver.used
        if resolver.hides_roots:
            own_places[key] = own
            imported_places.extend(imported.values())
    return resolved, used, SharedHeads(own_places, imported_places)
