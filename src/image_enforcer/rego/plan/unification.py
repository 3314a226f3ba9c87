"""Unification in plans: what is unbound is bound, patterns are taken apart, and the rest is compared.

Of several pairs those come first of which a side is known; what they bind may make a side of others known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ..check.visit import walk
from ..records import record
from ..syntax import nodes as ast
from ..values import key
from . import ops
from .ops import Operand

if TYPE_CHECKING:
    from .bodies import BodyPlanner


@record(frozen=True, slots=True)
class Slot:
    """An operand in the place of a term, while a unification is worked off."""

    operand: Operand


Side: TypeAlias = "ast.Term | Slot"
_COMPREHENSIONS = (ast.ArrayComprehension, ast.SetComprehension, ast.ObjectComprehension)
_KINDS = dict(zip(_COMPREHENSIONS, ("array", "set", "object"), strict=True))


def unify(planner: BodyPlanner, a: Side, b: Side) -> None:
    """Plan ``a = b``: bind what is unbound, take patterns apart, compare the rest."""
    pending: list[tuple[Side, Side]] = [(a, b)]
    while pending:
        for i, (x, y) in enumerate(pending):
            done = _unify_one(planner, x, y)
            if done is not None:
                pending[i : i + 1] = done
                break
        else:
            planner.left(pending)
            break
        if planner.bound:
            pending += _settled(planner)


def _settled(planner: BodyPlanner) -> list[tuple[Side, Side]]:
    """What was left of other pairs and may be done now."""
    found: list[tuple[Side, Side]] = []
    while planner.bound:
        found += planner.unsettled.pop(planner.bound.pop(), ())
    return found


def postpone(planner: BodyPlanner, pending: list[tuple[Side, Side]]) -> None:
    """Plan pairs of which no side is known.

    OPA lets a variable stand for a term whose own variables have no value yet, and takes that for true: the checks
    see to it that nobody asks for the variable. What binds it later is compared with the term then.
    """
    for x, y in pending:
        if isinstance(x, ast.Object) and isinstance(y, ast.Object):
            _leave(planner, (x, y), x, y)
            continue
        var, term = (x, y) if is_unbound(planner, x) else (y, x)
        composite = isinstance(term, ast.Var | ast.Array | ast.Set | ast.Object)
        if not composite or not isinstance(var, ast.Var) or planner.known(var):
            planner.ops.append(ops.Fail())
            return
        if any(_never_equal(term, other) for pair in planner.unsettled.get(var.name, ()) for other in pair):
            planner.ops.append(ops.Fail())
            return
        _leave(planner, (x, y), var, term)


def stands_for(planner: BodyPlanner, term: ast.Term) -> ast.Term:
    """The array, set or object that a variable without a value has been compared with; any other term is itself."""
    if isinstance(term, ast.Var) and is_unbound(planner, term):
        for pair in planner.unsettled.get(term.name, ()):
            for mine, other in (pair, pair[::-1]):
                if mine == term and isinstance(other, ast.Array | ast.Set | ast.Object):
                    return other
    return term


def _leave(planner: BodyPlanner, pair: tuple[Side, Side], *terms: Side) -> None:
    """Look at a pair again when a variable of these terms has got a value."""
    names: set[str] = set()
    for term in terms:
        if not is_unbound(planner, term):
            _parts(planner, term)
        names |= {v.name for v in walk(term) if isinstance(v, ast.Var) and not planner.known(v)}
    for name in names:
        planner.unsettled.setdefault(name, []).append(pair)


def _never_equal(a: Side, b: Side) -> bool:
    """Whether two terms cannot have the same value, whatever is in them."""
    composite = ast.Array | ast.Set | ast.Object
    if not isinstance(a, composite) or not isinstance(b, composite):
        return False
    if isinstance(a, ast.Array) and isinstance(b, ast.Array):
        return len(a.items) != len(b.items)
    return type(a) is not type(b)


def _parts(planner: BodyPlanner, term: Side) -> None:
    """Plan what a term without a value has of parts with one: it needs them all the same."""
    if not isinstance(term, Slot) and planner.known(term):
        planner.value(term)
        return
    match term:
        case ast.Array(items) | ast.Set(items):
            for item in items:
                _parts(planner, item)
        case ast.Object(pairs):
            for k, v in pairs:
                _parts(planner, k)
                _parts(planner, v)
        case _:
            pass


def _unify_one(planner: BodyPlanner, a: Side, b: Side) -> list[tuple[Side, Side]] | None:
    """What is left to do after this pair, or None when neither side is known yet."""
    known_a, known_b = planner.known(a), planner.known(b)
    if is_unbound(planner, a):
        if not known_b:
            return None
        return _bind(planner, a, b)
    if is_unbound(planner, b):
        if not known_a:
            return None
        return _bind(planner, b, a)
    if known_a and known_b:
        if isinstance(a, _COMPREHENSIONS) and isinstance(b, ast.Ref):  # OPA begins with the reference
            a, b = b, a
        x = planner.value(a)
        # OPA leaves its body alone where the other is of another kind, but not what it compares with base documents
        if isinstance(b, _COMPREHENSIONS) and not planner.outside_rules(a):
            planner.ops.append(ops.CheckKind(x, _KINDS[type(b)]))
        y = planner.value(b)
        if x is not y:
            planner.ops.append(ops.TestEqual(x, y))
        return []
    if known_b:
        if isinstance(b, _COMPREHENSIONS) and _KINDS[type(b)] != ("array" if isinstance(a, ast.Array) else "object"):
            planner.ops.append(ops.Fail())
            return []
        return _take_apart(planner, a, b)
    if known_a:
        return _take_apart(planner, b, a)
    return _pairwise(planner, a, b)


def is_unbound(planner: BodyPlanner, term: Side) -> bool:
    """Whether a side is a variable that nothing has bound yet."""
    return isinstance(term, ast.Var) and not planner.known(term)


def _bind(planner: BodyPlanner, var: Side, term: Side) -> list[tuple[Side, Side]]:
    if isinstance(var, ast.Var) and _stands_for_another_kind(planner, var, term):
        planner.ops.append(ops.Fail())
        return []
    value = planner.value(term)
    if isinstance(var, ast.Var):
        if var.name in planner.env:  # a scan within the term has bound it meanwhile
            planner.ops.append(ops.TestEqual(planner.env[var.name], value))
        else:
            planner.env[var.name] = value
            if planner.unsettled:
                planner.bound.append(var.name)
    return []


def _stands_for_another_kind(planner: BodyPlanner, var: ast.Var, term: Side) -> bool:
    """Whether a variable without a value stands for another kind of term than a comprehension, which is left alone."""
    if not isinstance(term, _COMPREHENSIONS):
        return False
    others = [side for pair in planner.unsettled.get(var.name, ()) for side in pair]
    kinds = {type(side).__name__.lower() for side in others if isinstance(side, ast.Array | ast.Set | ast.Object)}
    return bool(kinds - {_KINDS[type(term)]})


def _take_apart(planner: BodyPlanner, pattern: Side, term: Side) -> list[tuple[Side, Side]]:
    source = planner.value(term)
    left: list[tuple[Side, Side]] = []
    match pattern:
        case ast.Array(items):
            planner.ops.append(ops.CheckArray(source, len(items)))
            for i, item in enumerate(items):
                if isinstance(item, ast.Var) and item.is_wildcard:
                    continue
                dst = planner.reg()
                planner.ops.append(ops.Item(dst, source, i))
                left.append((item, Slot(dst)))
        case ast.Object(pairs):
            planner.ops.append(ops.CheckObject(source, len({_pair_key(k) for k, _ in pairs})))
            for k, v in pairs:
                dst = planner.reg()
                planner.ops.append(ops.Get(dst, source, planner.value(k)))
                left.append((v, Slot(dst)))
        case _:
            planner.ops.append(ops.Fail())
    return left


def _pairwise(planner: BodyPlanner, a: Side, b: Side) -> list[tuple[Side, Side]] | None:
    match a, b:
        case ast.Array(xs), ast.Array(ys) if len(xs) == len(ys):
            return list(zip(xs, ys, strict=True))
        case ast.Object(xs), ast.Object(ys) if len(xs) == len(ys):
            return _by_keys(planner, xs, ys)
    planner.ops.append(ops.Fail())
    return []


_Pairs: TypeAlias = "tuple[tuple[ast.Term, ast.Term], ...]"


def _by_keys(planner: BodyPlanner, xs: _Pairs, ys: _Pairs) -> list[tuple[Side, Side]] | None:
    """The values of equal keys; None where it takes the value of one side to know which keys are equal."""
    here, there = ({_pair_key(k): v for k, v in pairs} for pairs in (xs, ys))
    found: list[tuple[Side, Side]] = [(v, there[k]) for k, v in here.items() if k in there]
    mine, theirs = ([p for p in pairs if _pair_key(p[0]) not in other] for pairs, other in ((xs, there), (ys, here)))
    if not mine and not theirs:
        return found
    if all(isinstance(k, ast.Scalar) for k, _ in (*mine, *theirs)):
        planner.ops.append(ops.Fail())
        return []
    if len(mine) != 1 or len(theirs) != 1:
        return None
    planner.ops.append(ops.TestEqual(planner.value(mine[0][0]), planner.value(theirs[0][0])))
    return [*found, (mine[0][1], theirs[0][1])]


def _pair_key(term: ast.Term) -> object:
    if isinstance(term, ast.Scalar):
        return key(term.value)
    return term
