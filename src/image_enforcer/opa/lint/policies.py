"""What the rules of a lint look at: modules with names resolved, each expression with what its failing does.

Whether something lets images through depends on where it stands: in ``allow`` what holds does, in ``deny`` what does
not hold. For other rules that depends on who asks them, and how.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from ...rego import UNDEFINED, Value
from ...rego.check.documents import RuleTree
from ...rego.check.resolve import resolve_modules
from ...rego.check.visit import children, operator_name, walk
from ...rego.syntax.nodes import (
    ArrayComprehension,
    Body,
    Call,
    CallExpr,
    Every,
    Expr,
    Head,
    LogicalAnd,
    LogicalOr,
    Module,
    Not,
    Object,
    ObjectComprehension,
    Ref,
    Rule,
    Scalar,
    SetComprehension,
    SomeDecl,
    Term,
    TermExpr,
    Var,
)

Kind: TypeAlias = Literal["allow", "deny", "other"]

ALLOWING: Final = frozenset({
    "allow", "allowed", "is_allowed", "permit", "permitted", "accept", "accepted", "admit", "admitted", "approved",
    "authorized", "pass", "ok",
})  # fmt: skip
DENYING: Final = frozenset({
    "deny", "denied", "denies", "is_denied", "violation", "violations", "reject", "rejected", "refuse", "refused",
    "block", "blocked", "forbid", "forbidden", "disallow", "disallowed", "errors", "warn", "warning", "warnings",
})  # fmt: skip
VERDICTS: Final = frozenset({"status", "response", "verdict", "decision", "result", "main", "verify", "review"})

CLOSURES: Final = (ArrayComprehension, SetComprehension, ObjectComprehension)
MOST_ASKERS: Final = 6
"""How many rules up it is looked who asks."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A rule, or an ``else`` branch of one, in its module."""

    rule: Rule
    module: Module
    path: tuple[str, ...]

    @property
    def name(self) -> str:
        """The last constant step of its path."""
        return self.path[-1]

    @property
    def kind(self) -> Kind:
        """What it says by its name."""
        name = self.name.lower()
        if isinstance(self.rule.head.value, Object) and not _has_allowed(self.rule.head.value):
            return "other"
        if name in ALLOWING:
            return "allow"
        return "deny" if name in DENYING else "other"

    @property
    def is_test(self) -> bool:
        """Whether it is there for tests."""
        package = self.module.package.names
        return self.name.startswith(("test_", "todo_test_")) or bool(package and package[-1].endswith("_test"))


@dataclass(frozen=True, slots=True)
class Site:
    """An expression in a rule. ``negated`` where it is asked that it does not hold; ``closed`` in a comprehension."""

    policy: Policy
    expr: Expr
    negated: bool
    closed: bool


@dataclass(slots=True)
class Policies:
    """All modules of a lint. ``documents`` are the paths of what data files hold."""

    modules: Mapping[str, Module]
    documents: Value = UNDEFINED
    tree: RuleTree = field(init=False)
    all: list[Policy] = field(init=False, default_factory=list)
    _of: dict[int, Policy] = field(init=False, default_factory=dict)
    _asked: dict[tuple[str, ...], list[Site]] | None = field(init=False, default=None)
    _passing: dict[tuple[str, ...], bool | None] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        resolved, _, _ = resolve_modules(self.modules)
        self.tree = RuleTree(resolved)
        for module in resolved.values():
            for rule in module.rules:
                path = constant_path(module, rule)
                link: Rule | None = rule
                while link is not None:
                    policy = Policy(link, module, path)
                    self.all.append(policy)
                    self._of[id(link)] = policy
                    link = link.else_

    @property
    def rules(self) -> list[Policy]:
        """The rules that are not there for tests."""
        return [p for p in self.all if not p.is_test]

    def sites(self) -> Iterator[Site]:
        """Every expression of the rules that are not there for tests."""
        for policy in self.rules:
            yield from sites_of(policy)

    def named(self, ref: Ref) -> list[Policy]:
        """The rules that a reference names: those at its constant part."""
        path = names_of(ref)
        found = [self._of[id(rule)] for rule, _ in self.tree.matching(ref)]
        return [p for p in found if p.path == path[: len(p.path)]]

    def lets_pass(self, site: Site) -> bool:
        """Whether images may pass because an expression holds, as far as can be told."""
        passing = self._lets_pass(site.policy, MOST_ASKERS)
        return True if passing is None else passing != site.negated

    def _lets_pass(self, policy: Policy, depth: int) -> bool | None:
        """Whether images may pass because a rule holds; None where nobody asks it."""
        if policy.kind != "other":
            return policy.kind == "allow"
        if policy.path in self._passing:
            return self._passing[policy.path]
        self._passing[policy.path] = None  # for rules on the way back here
        found: bool | None = None
        if depth:
            for site in self.askers(policy):
                above = self._lets_pass(site.policy, depth - 1)
                above = (True if above is None else above) != site.negated
                found = above if found is None else found or above
        self._passing[policy.path] = found
        return found

    def askers(self, policy: Policy) -> list[Site]:
        """The expressions that refer to a rule."""
        if self._asked is None:
            self._asked = {}
            for site in self.sites():
                self._note(site, outside(site.expr))
            for other in self.rules:
                self._note(Site(other, Expr(TermExpr(Scalar(True))), False, False), outside(other.rule.head))
        return [s for s in self._asked.get(policy.path, ()) if s.policy.path != policy.path]

    def _note(self, site: Site, references: Iterable[Ref]) -> None:
        """Keep an expression under all that it refers to, and under what that is a part of."""
        assert self._asked is not None
        paths = {names_of(r) for r in references if is_data(r)}
        for path in {p[:size] for p in paths for size in range(1, len(p) + 1)}:
            self._asked.setdefault(path, []).append(site)


def _has_allowed(value: Object) -> bool:
    return any(text(key) in ("allowed", "allow") for key, _ in value.pairs)


def sites_of(policy: Policy) -> Iterator[Site]:
    """Every expression of one rule, its own branch only; those inside others too."""
    yield from _sites(policy, policy.rule.body, False, False)
    for term in head_terms(policy.rule.head):
        yield from _inside(policy, term, False, False)


def head_terms(head: Head) -> Iterator[Term]:
    """The terms of a head."""
    yield from head.ref.path
    yield from (t for t in (head.key, head.value) if t is not None)


def _sites(policy: Policy, body: Body, negated: bool, closed: bool) -> Iterator[Site]:
    for expr in body:
        now = negated != expr.negated
        yield Site(policy, expr, now, closed)
        match expr.terms:
            case Every(body=inner):
                yield from _sites(policy, inner, now, closed)
            case Not(body=inner):
                yield from _sites(policy, inner, not now, closed)
            case LogicalAnd(lhs, rhs) | LogicalOr(lhs, rhs):
                yield from _sites(policy, (*lhs, *rhs), now, closed)
            case _:
                yield from _inside(policy, expr.terms, now, closed)


def _inside(policy: Policy, node: object, negated: bool, closed: bool) -> Iterator[Site]:
    """The expressions of comprehensions in a term."""
    if isinstance(node, CLOSURES):
        yield from _sites(policy, node.body, negated, True)
    for child in children(node):
        if not isinstance(child, Expr):
            yield from _inside(policy, child, negated, closed)


def constant_path(module: Module, rule: Rule) -> tuple[str, ...]:
    """A rule's path below ``data`` up to its first variable."""
    steps = [rule.head.name]
    for term in rule.head.ref.path:
        if not (isinstance(term, Scalar) and isinstance(term.value, str)):
            break
        steps.append(term.value)
    return (*module.package.names, *steps)


def names_of(ref: Ref) -> tuple[str, ...]:
    """The constant steps of a reference behind its head."""
    steps: list[str] = []
    for term in ref.path:
        if not (isinstance(term, Scalar) and isinstance(term.value, str)):
            break
        steps.append(term.value)
    return tuple(steps)


def is_data(ref: Ref) -> bool:
    """Whether a reference begins with ``data``."""
    return isinstance(ref.head, Var) and ref.head.name == "data"


def is_input(ref: Ref) -> bool:
    """Whether a reference begins with ``input``."""
    return isinstance(ref.head, Var) and ref.head.name == "input"


@dataclass(frozen=True, slots=True)
class Called:
    """A call of a built-in or function: its name, its operands, and where it stands."""

    name: str
    args: tuple[Term, ...]
    node: Call | Expr


def calls(expr: Expr) -> Iterator[Called]:
    """The calls in an expression, those in closures left out: they are in expressions of their own."""
    todo: list[object] = [expr.terms, *(w.value for w in expr.withs)]
    while todo:
        node = todo.pop()
        if isinstance(node, Call | CallExpr):
            yield Called(operator_name(node.operator), node.args, node if isinstance(node, Call) else expr)
        match node:
            case ArrayComprehension() | SetComprehension() | ObjectComprehension() | Not() | LogicalAnd() | LogicalOr():
                continue
            case Every(domain=domain):
                todo.append(domain)
            case _:
                todo.extend(c for c in children(node) if not isinstance(c, Expr))


def text(term: Term | None) -> str | None:
    """The text that a constant is."""
    return term.value if isinstance(term, Scalar) and isinstance(term.value, str) else None


def members(term: Term) -> tuple[Term, Term] | None:
    """``value in domain`` as its two terms, whether in ``some`` or not."""
    if isinstance(term, Call) and operator_name(term.operator) in ("internal.member_2", "internal.member_3"):
        return term.args[-2], term.args[-1]
    return None


def membership(expr: Expr) -> tuple[Term, Term] | None:
    """The value and the domain of ``some value in domain``."""
    return members(expr.terms.symbols[0]) if isinstance(expr.terms, SomeDecl) and len(expr.terms.symbols) == 1 else None


def equation(expr: Expr) -> tuple[str, Term, Term] | None:
    """The operator and the sides of ``a := b``, ``a = b`` and ``a == b``."""
    if isinstance(expr.terms, CallExpr) and len(expr.terms.args) == 2:
        name = operator_name(expr.terms.operator)
        if name in ("assign", "eq", "equal"):
            return name, expr.terms.args[0], expr.terms.args[1]
    return None


def outside(node: object) -> Iterator[Ref]:
    """The references in a node, those in the bodies of closures left out: they are in expressions of their own."""
    todo: list[object] = [node]
    while todo:
        x = todo.pop()
        if isinstance(x, Ref):
            yield x
        if x is not node and isinstance(x, Expr):
            continue
        if isinstance(x, Not | LogicalAnd | LogicalOr):
            continue
        todo.extend(children(x)[::-1])


def everything(policy: Policy) -> Iterator[object]:
    """All nodes of one rule, its own branch only."""
    for term in (*(policy.rule.head.args or ()), *head_terms(policy.rule.head)):
        yield from walk(term)
    for expr in policy.rule.body:
        yield from walk(expr)
