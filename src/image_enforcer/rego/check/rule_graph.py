"""Which rules need which: every reference in a rule, and the rules that it may mean.

A reference with a variable in it may mean many rules; where the body has bound the variable to one of a few constants,
only those count. This is read from the bodies as they are written, before they are put in a safe order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from ..records import record, replace
from ..syntax.nodes import Array, Body, CallExpr, Expr, Object, Ref, Rule, Scalar, Set, Term, Var
from ..values import Num
from .constants import comparable, parts
from .documents import Place, RuleTree
from .visit import is_equality, variables, walk

MOST_REFS: Final = 64
"""Into how many references one is taken apart."""

Known: TypeAlias = Mapping[str, Sequence[Term]]
"""The constants that a variable may be."""
Needs: TypeAlias = Mapping[Place, Sequence[Place]]


@record(frozen=True, slots=True)
class Mention:
    """A reference as ``written``, what is left of it where that is one, and the rules that it may mean."""

    written: Ref
    narrowed: Ref
    is_open: bool
    """Whether it has steps that are no constants."""
    at: int
    """The number of its expression in the body; the head comes last."""
    rules: tuple[tuple[Rule, Ref], ...]


def needs(tree: RuleTree) -> Needs:
    """For each rule and ``else`` branch those that it needs; what its own branches need is theirs."""
    found: dict[Place, dict[Place, None]] = {}
    for rule, _ in tree.rules():
        there = found[tree.place_of[id(rule)]] = {}
        for mention in mentions(tree, rule):
            for target, _ in mention.rules:
                link: Rule | None = target
                while link is not None:
                    there[tree.place_of[id(link)]] = None
                    link = link.else_
    return {place: tuple(there) for place, there in found.items()}


def mentions(tree: RuleTree, rule: Rule) -> Iterator[Mention]:
    """The references of a rule that mean rules, those of the body first."""
    bindings: list[tuple[int, str, Sequence[Term]]] | None = None
    for at, part in enumerate((*rule.body, rule.head)):
        known: dict[str, Sequence[Term]] | None = None
        for x in walk(part):
            if not isinstance(x, Ref) or not isinstance(x.head, Var) or x.head.name != "data":
                continue
            if all(map(is_constant, x.path)):
                yield Mention(x, x, False, at, tuple(tree.matching(x)))
                continue
            if bindings is None:
                bindings = list(_bindings(rule.body))
            if known is None:
                known = {name: values for i, name, values in bindings if i < at}
            narrowed = _expanded(x, known)
            rules = [pair for ref in narrowed for pair in tree.matching(ref)]
            yield Mention(x, narrowed[0] if len(narrowed) == 1 else x, True, at, tuple(rules))


def selects(ref: Ref, path: Ref, bound: frozenset[str]) -> list[int] | None:
    """Which steps have to be those of a rule's path for a reference to mean the rule; None where it cannot.

    None at all is an empty list: a variable without a value that stands in it once takes every step.
    """
    open_steps: list[int] = []
    for i in range(1, min(len(ref.terms), len(path.terms))):
        mine, theirs = ref.terms[i], path.terms[i]
        if not is_constant(theirs):
            continue
        if isinstance(mine, Var) and mine.name not in bound and ref.terms.count(mine) == 1:
            continue
        if not is_constant(mine):
            open_steps.append(i)
        elif comparable(mine) != comparable(theirs):
            return None
    return open_steps


def bound_before(rule: Rule, at: int) -> frozenset[str]:
    """The variables that may have a value when an expression of a body is evaluated.

    As in OPA those of the head's reference are none of them, but for its key.
    """
    head = rule.head
    return frozenset(variables((head.args or (), head.key, head.value, rule.body[:at])))


def is_constant(term: Term) -> bool:
    """Whether a term holds no variable, reference, call or closure."""
    match term:
        case Scalar():
            return True
        case Array() | Object() | Set():
            return all(map(is_constant, parts(term)))
        case _:
            return False


def members(term: Term) -> Sequence[Term] | None:
    """What a constant collection holds; None of anything else."""
    match term:
        case Array(items) | Set(items):
            return items
        case Object(pairs):
            return [v for _, v in pairs]
        case _:
            return None


def _bindings(body: Body) -> Iterator[tuple[int, str, Sequence[Term]]]:
    """The variables that expressions of a body unify with constants: number, name and constants, the first of each."""
    known: dict[str, Sequence[Term]] = {}
    for i, expr in enumerate(body):
        if is_equality(expr) and not expr.negated and not expr.withs:
            found = _binding(expr, known)
            if found is not None and found[0] not in known:
                known[found[0]] = found[1]
                yield i, found[0], found[1]


def _binding(expr: Expr, known: Known) -> tuple[str, Sequence[Term]] | None:
    if not isinstance(expr.terms, CallExpr) or len(expr.terms.args) != 2:
        return None
    a, b = expr.terms.args
    for var, term in ((a, b), (b, a)):
        if isinstance(var, Var):
            values = _values(term, known)
            if values is not None:
                return var.name, values
    return None


def _values(term: Term, known: Known) -> Sequence[Term] | None:
    """The constants that a term may be; None where that is not known."""
    match term:
        case Var(name):
            return known.get(name)
        case Ref(terms):
            return _steps(terms, known)
        case _:
            return (term,) if is_constant(term) else None


def _steps(terms: tuple[Term, ...], known: Known) -> Sequence[Term] | None:
    values = _values(terms[0], known)
    for step in terms[1:]:
        if values is None:
            return None
        following: list[Term] = []
        for value in values:
            if is_constant(step):
                following += _member(value, step)
                continue
            inside = members(value)
            if inside is None:
                return None
            following += inside
        values = following if len(following) <= MOST_REFS else None
    return values


def _member(value: Term, step: Term) -> Sequence[Term]:
    """What a constant collection has at a step, if anything."""
    match value:
        case Array(items):
            index = step.value if isinstance(step, Scalar) else None
            index = int(str(index)) if isinstance(index, Num) and str(index).isdecimal() else index
            return items[index : index + 1] if type(index) is int and index >= 0 else ()
        case Set(items):
            return [i for i in items if comparable(i) == comparable(step)][:1]
        case Object(pairs):
            return [v for k, v in pairs if comparable(k) == comparable(step)][-1:]
        case _:
            return ()


def _expanded(ref: Ref, known: Known) -> list[Ref]:
    """The references that one may be, with constants for the variables of which they are known; never none."""
    made = [ref]
    for i, step in enumerate(ref.terms[1:], 1) if known else ():
        values = None if is_constant(step) else _values(step, known)
        if values and len(made) * len(values) <= MOST_REFS:
            made = [replace(r, terms=(*r.terms[:i], v, *r.terms[i + 1 :])) for r in made for v in values]
    return made
