"""Calling the functions that rules make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...rego import UNDEFINED, Value
from ...rego.syntax.nodes import Ref, Rule, Scalar, Term
from ...rego.values import equal, key
from .asking import Outcome, branches, look_up, settled
from .bindings import Known
from .exits import Then, suppressed

if TYPE_CHECKING:
    from .frame import Frame


def call_function(frame: Frame, operator: Ref, args: tuple[Term, ...], then: Then) -> None:
    """Call a function that rules make."""
    node = frame.run.rules.world.find(tuple(t.value for t in operator.path if isinstance(t, Scalar)))
    if node is None or not node.rules:
        return
    arity = len(node.rules[0].rule.head.args or ())
    operands = [frame.bindings.value(a) for a in args[:arity]]
    matched = look_up(frame, node, operator, operands)
    if not matched.rules and matched.default is None:
        return
    captured = len(args) > arity
    memo = frame.outside.memo
    asked = args if captured and frame.bindings.value(args[-1]) is not UNDEFINED else args[:arity]
    k = ("call", node.doc, len(asked), key([frame.bindings.value(a) for a in asked[:arity]]))
    if k in memo:
        if captured:
            frame.unify(args[arity], Known(memo[k]), frame.bindings, frame.bindings, then)
        elif memo[k] is not False:
            then()
        return

    def one(rule: Rule, before: Value) -> Outcome:
        child = frame.child(rule)
        child.one = matched.early_exit
        child.tell("Enter", rule)
        result, made = before, UNDEFINED

        def found() -> None:
            nonlocal result, made
            child.tell("Exit", rule, "early" if child.one else "")
            made = memo[k] = child.bindings.value(rule.head.value or Scalar(True))
            if not captured and made is False:
                if result is not UNDEFINED and not equal(made, result):
                    raise child.conflict("functions must not produce multiple outputs for same inputs", rule)
                result = made
                return
            if result is not UNDEFINED:
                if not equal(made, result):
                    raise child.conflict("functions must not produce multiple outputs for same inputs", rule)
                child.tell("Redo", rule)
                return
            result = made
            then()
            child.tell("Redo", rule)

        theirs = [*(rule.head.args or ()), *([rule.head.value or Scalar(True)] if captured else [])]
        pairs = list(zip(args, theirs, strict=False))
        return settled(lambda: _given(frame, child, pairs, lambda: child.evaluate(found)), lambda: made)

    suppressed(lambda: branches(matched, one))


def _given(frame: Frame, child: Frame, pairs: list[tuple[Term, Term]], then: Then) -> None:
    if not pairs:
        then()
        return
    (mine, theirs), rest = pairs[0], pairs[1:]
    child.unify(mine, theirs, frame.bindings, child.bindings, lambda: _given(frame, child, rest, then))
