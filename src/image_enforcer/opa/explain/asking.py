"""Asking rules in OPA's order: which may hold, each with its ``else`` branches, the default last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from ...rego import UNDEFINED, Value
from ...rego.plan.documents import Node
from ...rego.plan.said import Place
from ...rego.run.access import get
from ...rego.syntax.nodes import Ref, Rule, Var
from .exits import LateExit, Then
from .rules import Matched

if TYPE_CHECKING:
    from .frame import Frame

Outcome: TypeAlias = "tuple[Value, LateExit | None]"
"""What a rule gave, and the late exit that came from there."""


def settled(run: Then, made: Callable[[], Value]) -> Outcome:
    """Run a rule; what it gave, and a late exit that came from there."""
    try:
        run()
    except LateExit as e:
        return made(), e
    return made(), None


def branches(matched: Matched, one: Callable[[Rule, Value], Outcome]) -> Value:
    """Each rule, behind one that gives nothing its ``else`` branches, and the default where all give nothing.

    Gives the value, UNDEFINED where there is none; raises the first :class:`LateExit` at the end.
    """
    before: Value = UNDEFINED
    late: LateExit | None = None
    for at in matched.rules:
        for rule in (at.rule, *matched.otherwise[id(at.rule)]):
            made, exit_ = one(rule, before)
            late = late or exit_
            if made is not UNDEFINED:
                before = made
                break
    if matched.default is not None and before is UNDEFINED:
        before, exit_ = one(matched.default, UNDEFINED)
        late = late or exit_
    if late is not None:
        raise late
    return before


def look_up(frame: Frame, node: Node, shown: Ref, operands: list[Value] | None) -> Matched:
    """The rules of a document that may hold now, told as an event."""

    def place(where: Place, rule: Rule) -> Value:
        head, *steps = where
        if head == "input":
            value = frame.outside.input
            for step in steps:
                value = get(value, step) if value is not UNDEFINED else value
            return value
        if head == "data":
            return frame.outside.base(tuple(steps))
        names = [a.name for a in rule.head.args or () if isinstance(a, Var)]
        found = [i for i, a in enumerate(rule.head.args or ()) if isinstance(a, Var) and a.name == head]
        assert names
        return operands[found[0]] if operands is not None and found else UNDEFINED

    matched = frame.run.rules.matched(node, place)
    index = min(frame.index, len(frame.body) - 1)
    frame.tell("Index", frame.body[index], matched.message, replace(shown, loc=frame.body[index].loc))
    return matched
