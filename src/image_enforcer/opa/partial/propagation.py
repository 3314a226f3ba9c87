"""Making what is left over short: variables that only pass something on give way to it, as in OPA."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ...rego.check.documents import RuleTree
from ...rego.check.safety import equality_outputs
from ...rego.check.visit import Rewriter, children, indexed, variables, walk
from ...rego.syntax.nodes import (
    Array,
    ArrayComprehension,
    Body,
    Call,
    CallExpr,
    Every,
    Expr,
    Object,
    ObjectComprehension,
    Ref,
    Scalar,
    Set,
    SetComprehension,
    Term,
    TermExpr,
    Var,
)
from .saved import equation

ROOTS = frozenset({"data", "input"})


@dataclass(slots=True)
class _Root:
    name: str
    constant: Term | None = None

    def value(self) -> Term:
        return self.constant if self.constant is not None else Var(self.name)


@dataclass(slots=True)
class _Classes:
    """Variables that are equal, by classes."""

    live: frozenset[str]
    parents: dict[str, str] = field(default_factory=dict)
    roots: dict[str, _Root] = field(default_factory=dict)

    def find(self, name: str) -> _Root | None:
        if name not in self.parents:
            return None
        while self.parents[name] != name:
            name = self.parents[name]
        return self.roots[name]

    def make(self, name: str) -> _Root:
        found = self.find(name)
        if found is None:
            self.parents[name] = name
            found = self.roots[name] = _Root(name)
        return found

    def merge(self, a: str, b: str) -> bool:
        first, second = self.make(a), self.make(b)
        if first is second:
            return True
        parent, child = (first, second) if first.name in self.live else (second, first)
        self.parents[child.name] = parent.name
        del self.roots[child.name]
        if child.constant is not None:
            if parent.constant is not None and parent.constant != child.constant:
                return False
            parent.constant = child.constant
        return True


def propagated(body: Iterable[Expr], live: Iterable[str], tree: RuleTree, *, never_empty: bool = False) -> Body:
    """A body that says the same about the ``live`` variables."""
    query = tuple(body)
    classes = _Classes(frozenset(live))
    if not all(_joined(classes, e) for e in query):
        return indexed(query)
    heads: set[str] = set()
    for x in walk(query):
        if isinstance(x, Ref) and isinstance(x.head, Var):
            root = classes.find(x.head.name)
            if root is None:
                heads.add(x.head.name)
            else:
                root.constant = None
                heads.add(root.name)
    removed: dict[str, Term] = {}
    result: list[Expr] = []
    for expr in query:
        made = _Put(classes, removed, expr.negated).expr(expr)
        if _says_defined(expr) or not _removed(made, classes.live, heads, removed, tree):
            result.append(made)
    for name in sorted(classes.live):
        root = classes.find(name)
        if root is None:
            continue
        if root.constant is not None:
            result.append(equation(Var(name), root.constant))
        elif root.name in removed:
            result.append(equation(Var(name), removed[root.name]))
        elif root.name != name:
            result.append(equation(Var(name), Var(root.name)))
    unsafe = _restored(result, removed, classes.live, tree)
    if unsafe:
        return indexed(query)
    if never_empty and not result:
        result.append(Expr(TermExpr(Scalar(True))))
    return indexed(result)


def _says_defined(expr: Expr) -> bool:
    """Whether an equation has the same on both sides, as written, and that may be undefined."""
    match expr.terms:
        case CallExpr(_, (a, b)) if _is_equation(expr.terms):
            return a == b and any(isinstance(x, Ref | Call) for x in walk(a))
        case _:
            return False


def _joined(classes: _Classes, expr: Expr) -> bool:
    if expr.negated or expr.withs or not isinstance(expr.terms, CallExpr) or not _is_equation(expr.terms):
        return True
    a, b = expr.terms.args
    if isinstance(a, Var) and isinstance(b, Var):
        return classes.merge(a.name, b.name)
    for var, other in ((a, b), (b, a)):
        if isinstance(var, Var) and _is_constant(other):
            root = classes.make(var.name)
            if root.constant is not None and root.constant != other:
                return False
            root.constant = other
            return True
    return True


def _is_equation(call: CallExpr) -> bool:
    return call.operator.terms == (Var("eq"),) and len(call.args) == 2


def _is_constant(term: Term) -> bool:
    return all(isinstance(x, Scalar | Array | Object | Set) for x in walk(term) if not isinstance(x, tuple))


class _Put(Rewriter):
    """Puts in place of variables what they pass on."""

    def __init__(self, classes: _Classes, removed: dict[str, Term], negated: bool) -> None:
        self.classes = classes
        self.removed = removed
        self.negated = negated

    def term(self, term: Term) -> Term:
        """A term, as :class:`Rewriter` does it."""
        if isinstance(term, Var):
            return self._var(term)
        if isinstance(term, Ref):
            head = self._var(term.head) if isinstance(term.head, Var) else self.term(term.head)
            steps = tuple(self.term(t) for t in term.path)
            terms = (*head.terms, *steps) if isinstance(head, Ref) else (head, *steps)
            return replace(term, terms=terms)
        return super().term(term)

    def operator(self, operator: Ref) -> Ref:
        """What is called."""
        return operator

    def _var(self, var: Var) -> Term:
        root = self.classes.find(var.name)
        made: Term = var if root is None else root.value()
        if not isinstance(made, Var) or made.name not in self.removed:
            return made
        passed = self.removed[made.name]
        return made if self.negated and not _is_ground(passed) else passed


def _is_ground(term: Term) -> bool:
    return not (set(variables(term)) - ROOTS)


def _removed(expr: Expr, live: frozenset[str], heads: set[str], removed: dict[str, Term], tree: RuleTree) -> bool:
    """Whether an expression is not needed any more: what it says is put in place of a variable, or always holds."""
    if expr.negated or expr.withs:
        return False
    match expr.terms:
        case CallExpr(_, (a, b)) if _is_equation(expr.terms):
            if a == b:
                return True
            for var, other in ((a, b), (b, a)):
                if isinstance(var, Var) and var.name not in live and isinstance(other, Ref | Call):
                    removed[var.name] = other
                    return True
            return False
        case CallExpr(operator, args):
            output = args[-1] if args else None
            if (
                tree.arity(operator) == len(args) - 1
                and isinstance(output, Var)
                and output.name not in live
                and output.name not in heads
            ):
                removed[output.name] = Call(operator, args[:-1])
                return True
            return False
        case TermExpr(term):
            return _is_constant(term) and term != Scalar(False)
        case _:
            return False


def _restored(result: list[Expr], removed: dict[str, Term], live: frozenset[str], tree: RuleTree) -> set[str]:
    """Put back what was removed and is not said elsewhere; gives the variables that nothing binds."""
    safe = set(ROOTS) | live
    safe |= _outputs(result, safe, tree)
    unsafe = _needed(result) - safe
    for name in sorted(removed, reverse=True):
        made = equation(Var(name), removed[name])
        bound = _outputs([made], safe, tree)
        binds = bool(unsafe & bound)
        unsafe -= bound
        if binds or not _said(removed[name], tuple(result)):
            result.append(made)
            safe |= bound
    return unsafe


def _said(term: Term, node: object) -> bool:
    """Whether a term stands in a body outside closures, a reference also at the beginning of a longer one."""
    todo = [node]
    while todo:
        x = todo.pop()
        if isinstance(x, ArrayComprehension | SetComprehension | ObjectComprehension):
            continue
        if x == term or (isinstance(x, Ref) and isinstance(term, Ref) and x.terms[: len(term.terms)] == term.terms):
            return True
        todo.extend((x.key or (), x.value, x.domain) if isinstance(x, Every) else children(x))
    return False


def _needed(body: Iterable[Expr]) -> set[str]:
    found: set[str] = set()
    for expr in body:
        node = expr.terms.domain if isinstance(expr.terms, Every) else expr
        found |= {n for n in variables(node, closures=False, call_heads=False) if not n.startswith("$")}
    return found


def _outputs(body: Iterable[Expr], safe: set[str], tree: RuleTree) -> set[str]:
    """The variables that a body binds."""
    bound: set[str] = set()
    while True:
        before = len(bound)
        for expr in body:
            if expr.negated:
                continue
            known = safe | bound
            for x in walk(expr):
                if isinstance(x, Ref) and isinstance(x.head, Var) and x.head.name in known:
                    bound |= {t.name for t in x.path if isinstance(t, Var)}
            match expr.terms:
                case CallExpr(operator, args) if _is_equation(expr.terms):
                    del operator, args
                    bound |= set(equality_outputs(expr, known))
                case CallExpr(operator, args) if tree.arity(operator) == len(args) - 1:
                    if not (set(variables(args[:-1], closures=False)) - known):
                        bound |= set(variables(args[-1]))
                case _:
                    pass
        if len(bound) == before:
            return bound
