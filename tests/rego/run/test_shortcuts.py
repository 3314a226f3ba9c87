"""Shortcuts of built-ins against the built-ins themselves, on operands of every kind, constant and not."""

import itertools
from typing import Any

import pytest

from image_enforcer.rego.builtins import catalog
from image_enforcer.rego.errors import BuiltinError
from image_enforcer.rego.meter import LARGE
from image_enforcer.rego.plan.ops import Const, Operand, Reg
from image_enforcer.rego.run.evaluation import Evaluation
from image_enforcer.rego.run.limits import DEFAULT_HOST, UNLIMITED
from image_enforcer.rego.run.namespace import shared
from image_enforcer.rego.run.shortcuts import _MAKERS, shortcut
from image_enforcer.rego.signatures import signatures
from image_enforcer.rego.values import UNDEFINED, Num, RegoSet, Value, equal

VALUES: list[Value] = [
    None, True, False, 0, 1, 2, 1 << 61, -(1 << 70), Num("1.0"), Num("2.5"),
    "", "a", "ab", "b", "ÀB", "İ", "x" * (LARGE + 1), "1",
    [], ["a", "b"], [1, "a", None], {}, {"a": 1}, {"b": ["a"]}, RegoSet.of([]), RegoSet.of(["a", 1]),
    RegoSet.of([True, "b"]),
]  # fmt: skip
ARITY = {name: len(signatures()[name].args) for name in _MAKERS}


def called(name: str, operands: tuple[Value, ...]) -> Value:
    """What the built-in gives."""
    try:
        builtin = catalog.load(name)
        evaluation = Evaluation(UNLIMITED, DEFAULT_HOST, strict=False)
        return builtin.fn(evaluation, *operands) if builtin.context else builtin.fn(*operands)
    except BuiltinError as fault:
        return fault


@pytest.mark.parametrize("name", sorted(_MAKERS))
def test_a_shortcut_gives_what_its_built_in_gives(name: str) -> None:
    made = 0
    for operands in itertools.product(VALUES, repeat=ARITY[name]):
        if name == "object.get" and operands[2] not in (None, "a"):
            continue
        for constants in itertools.product((False, True), repeat=ARITY[name]):
            names = shared()

            def hoist(value: Value, names: dict[str, Any] = names) -> str:
                names[f"K{len(names)}"] = value
                return f"K{len(names) - 1}"

            given: list[Operand] = [
                Const(v) if c else Reg(i) for i, (v, c) in enumerate(zip(operands, constants, strict=True))
            ]
            quick = shortcut(name, given, [hoist(v) for v in operands], hoist)
            if quick is None or (quick.guard and not eval(quick.guard, names)):
                continue
            made += 1
            found, wanted = eval(quick.made, names), called(name, operands)
            assert found is not UNDEFINED
            assert not isinstance(wanted, BuiltinError), (operands, quick)
            assert equal(found, wanted), (operands, quick)
            assert type(found) is type(wanted), (operands, quick)
    assert made >= 10


@pytest.mark.parametrize("name", ["lower", "upper", "trim_prefix", "trim_suffix"])
def test_texts_that_are_made_take_room(name: str) -> None:
    both: list[Operand] = [Reg(0), Const("a")]
    operands = both[: ARITY[name]]
    quick = shortcut(name, operands, ["text", "'a'"][: len(operands)], repr)
    assert quick is not None
    assert eval(quick.cost.format("text"), {"text": "x" * 1000}) == 1050


@pytest.mark.parametrize("name", ["plus", "minus", "mul"])
def test_long_integers_are_left_to_the_built_in_whose_result_takes_room(name: str) -> None:
    orders: list[list[Operand]] = [[Reg(0), Const(1)], [Const(1), Reg(0)]]
    for operands in orders:
        quick = shortcut(name, operands, ["1" if isinstance(o, Const) else "n" for o in operands], repr)
        assert quick is not None
        assert eval(quick.guard, {"n": 1 << 59})
        assert not eval(quick.guard, {"n": 1 << 60})
        assert not eval(quick.guard, {"n": -(1 << 70)})
    assert shortcut(name, [Reg(0), Const(1 << 70)], ["n", "K"], repr) is None


def test_long_texts_are_left_to_the_built_in_which_pays_for_them() -> None:
    for name in ("split", "contains", "lower", "trim_prefix"):
        operands: list[Operand] = [Reg(0)] if name == "lower" else [Reg(0), Const("a")]
        quick = shortcut(name, operands, ["text", "'a'"][: len(operands)], repr)
        assert quick is not None
        assert eval(quick.guard, {"text": "x" * LARGE})
        assert not eval(quick.guard, {"text": "x" * (LARGE + 1)})
