"""Remembered answers are those of the built-ins, for operands of any kind; faults are not remembered."""

import pytest

from image_enforcer.rego.builtins import catalog
from image_enforcer.rego.builtins.remembered import LONGEST, of_text, of_texts, of_texts_and_number
from image_enforcer.rego.errors import BuiltinError
from image_enforcer.rego.values import Value


class Counted:
    """A built-in that counts how often it is asked, and fails for "bad"."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, *operands: Value) -> Value:
        self.asked += 1
        if "bad" in operands:
            raise BuiltinError("bad")
        return [type(o).__name__ for o in operands]


def test_short_texts_are_asked_for_once() -> None:
    one, two, three = Counted(), Counted(), Counted()
    for _ in range(3):
        assert of_text(one)("a") == ["str"]
    f, g, h = of_text(one), of_texts(two), of_texts_and_number(three)
    one.asked = 0
    for _ in range(3):
        assert (f("a"), g("a", "b"), h("a", "b", -1)) == (["str"], ["str", "str"], ["str", "str", "int"])
    assert (one.asked, two.asked, three.asked) == (1, 1, 1)


@pytest.mark.parametrize("operand", [1, True, None, ["a"], {"a": 1}, "x" * (LONGEST + 1)])
def test_everything_else_goes_to_the_built_in(operand: Value) -> None:
    one, two, three = Counted(), Counted(), Counted()
    f, g, h = of_text(one), of_texts(two), of_texts_and_number(three)
    for _ in range(2):
        assert f(operand) == [type(operand).__name__]
        assert g("a", operand) == ["str", type(operand).__name__]
        assert h(operand, "a", 1) == [type(operand).__name__, "str", "int"]
    assert (one.asked, two.asked, three.asked) == (2, 2, 2)


def test_true_is_not_taken_for_one() -> None:
    h = of_texts_and_number(Counted())
    assert h("a", "b", 1) == ["str", "str", "int"]
    assert h("a", "b", True) == ["str", "str", "bool"]


def test_faults_are_worked_out_anew() -> None:
    fn = Counted()
    f = of_text(fn)
    for _ in range(2):
        with pytest.raises(BuiltinError, match="bad"):
            f("bad")
    assert fn.asked == 2


def test_answers_stay_right_when_asked_again() -> None:
    match = catalog.load("regex.match").fn
    glob = catalog.load("glob.match").fn
    for _ in range(2):
        assert match("^a", "ab") is True
        assert match("^a", "ba") is False
        assert glob("*.com", ["."], "a.com") is True
        assert glob("*.com", ["."], "a.b.com") is False
        assert glob("*.com", None, "a.b.com") is True
        with pytest.raises(BuiltinError):
            match("(", "a")


def test_long_lists_are_not_remembered() -> None:
    fn = Counted()
    h = of_texts_and_number(fn)
    for _ in range(2):
        assert h("(" * 90 + ")" * 90, "x" * 100, -1) == ["str", "str", "int"]
    assert fn.asked == 2
    for _ in range(2):
        h("(a)(b)", "x" * 100, -1)
    assert fn.asked == 3
