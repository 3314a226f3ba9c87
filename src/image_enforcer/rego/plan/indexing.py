"""Which rules cannot hold, told before their bodies run: OPA's rule index, as conditions at the head of a body.

This is no mere saving. A rule that the index leaves out is not evaluated at all, so a conflict or a fault that
its body would have met first does not happen. Conditions count wherever they stand in the body; they are planned
again at its head only where something before them could fail so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile

from ..syntax import nodes as ast
from . import ops
from .bodies import BodyPlanner
from .documents import is_virtual
from .ground import ground_term, ground_value, is_ground, is_root, ref_name
from .index import Condition, RuleIndex, branches
from .said import Place
from .world import World

_SURE = frozenset({"eq", "assign", "equal"})


def plan_conditions(planner: BodyPlanner, index: Callable[[], RuleIndex], rule: ast.Rule) -> None:
    """Plan those conditions of a rule that stand behind what can fail with an error. ``index`` is its document's."""
    world = planner.world
    risky = _first_risky(world, rule.body)
    inside = risky < len(rule.body) and isinstance(rule.body[risky].terms, ast.LogicalAnd | ast.LogicalOr)
    if rule.default or not world.savings.index or risky >= len(rule.body) - (not world.strict and not inside):
        return

    def counts(condition: Condition) -> bool:
        # a fault of the very call that asks counts in strict mode alone; of several operands an earlier one may fail
        return condition.at > risky or (condition.at == risky and (world.strict or inside))

    asked = index().asked(rule)
    for condition in asked.always:
        if counts(condition):
            _plan(planner, condition)
    if any(counts(condition) for way in asked.ways for condition in way):
        planner.ops.append(_any([_way(planner, way) for way in asked.ways]))


def plan_gate(planner: BodyPlanner, index: RuleIndex, rules: Sequence[ast.Rule]) -> ops.Block | None:
    """What the index asks of all rules of a document without arguments before any is evaluated; None if nothing."""
    every = [index.asked(link) for rule in rules for link in branches(rule)]
    if not planner.world.savings.index or not all(asked.always or asked.ways for asked in every):
        return None
    blocks = [_way(planner, (*asked.always, *way)) for asked in every for way in (asked.ways or ((),))]
    return ops.Block((_any(blocks),), ops.Found(True)) if len(blocks) > 1 else blocks[0]


def _any(blocks: Sequence[ops.Block]) -> ops.Either:
    """Whether one of several blocks, at least two, has a solution."""
    rest = blocks[-1]
    for block in reversed(blocks[1:-1]):
        rest = ops.Block((ops.Either(block, rest),), ops.Found(True))
    return ops.Either(blocks[0], rest)


def _way(planner: BodyPlanner, way: Sequence[Condition]) -> ops.Block:
    inner = planner.within()
    for condition in way:
        _plan(inner, condition)
    return ops.Block(tuple(inner.ops), ops.Found(True))


def _plan(planner: BodyPlanner, condition: Condition) -> None:
    place = condition.place
    source = planner.value(_reference(place)) if place[0] in ("input", "data") else planner.env.get(place[0])
    if source is None:
        return
    if condition.tests:
        planner.ops.append(ops.Indexed(source, condition.tests))
    if condition.inside is not None:
        planner.ops.append(ops.KeyOf(planner.value(_reference(condition.inside)), source))


def _reference(place: Place) -> ast.Ref:
    return ast.Ref((ast.Var(place[0]), *map(ground_term, place[1:])))


def _first_risky(world: World, body: ast.Body) -> int:
    """The first expression that can fail with an error: more than comparing constants, variables, base documents."""
    constants: set[str] = set()
    for at, expr in enumerate(body):
        if expr.negated or expr.withs:
            return at
        match expr.terms:
            case ast.TermExpr(term):
                sure = _plain(world, constants, term)
            case ast.CallExpr(operator, args):
                sure = ref_name(operator) in _SURE and all(_plain(world, constants, a) for a in args)
                if args and isinstance(args[0], ast.Var) and isinstance(args[-1], ast.Scalar):
                    constants.add(args[0].name)
            case ast.SomeDecl():
                sure = True
            case _:
                sure = False
        if not sure:
            return at
    return len(body)


def _plain(world: World, constants: set[str], term: ast.Term) -> bool:
    match term:
        case ast.Scalar():
            return True
        case ast.Var(name):
            return name != "data"
        case ast.Ref(terms):
            steps = [ast.Scalar(None) if isinstance(t, ast.Var) and t.name in constants else t for t in terms[1:]]
            if not is_root(terms[0]) or not all(map(is_ground, steps)):
                return False
            ground = list(takewhile(is_ground, terms[1:]))
            return is_root(terms[0], "input") or not is_virtual(world.root, [ground_value(t) for t in ground])
        case ast.Array(items):
            return all(_plain(world, constants, i) for i in items)
    return False
