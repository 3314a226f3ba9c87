"""Built-ins whose plain case is one Python expression: it is written into the code, with a guard that tells the case.

A shortcut gives what the built-in itself gives for the operands that its guard lets through, and cannot fail there.
Everything else (other types, long texts that have to be paid for, characters with rules of their own) is the
built-in's. The tests compare both on operands of every kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ..meter import CELL, LARGE
from ..plan.ops import Const, Operand
from ..records import record
from ..values import RegoSet, Value


@record(frozen=True, slots=True)
class Shortcut:
    """``made`` gives the result where ``guard`` holds, always where that is empty; ``cost`` is its memory."""

    guard: str
    made: str
    cost: str = ""


@record(frozen=True, slots=True)
class Given:
    """An operand: the text that names it, and its value where that is known."""

    text: str
    constant: Const | None

    @property
    def value(self) -> Value:
        """The constant's value, or an object that is no value at all."""
        return NOTHING if self.constant is None else self.constant.value

    @property
    def is_text(self) -> bool:
        """Whether it is a constant string."""
        return type(self.value) is str


NOTHING: Final = object()
SHORT: Final = 1 << 60
Hoist = Callable[[Value], str]
Make = Callable[[Sequence[Given], Hoist], "Shortcut | None"]


def shortcut(name: str, operands: Sequence[Operand], texts: Sequence[str], hoist: Hoist) -> Shortcut | None:
    """The shortcut for a call, if there is one for such operands."""
    make = _MAKERS.get(name)
    if make is None:
        return None
    given = [Given(t, o if isinstance(o, Const) else None) for o, t in zip(operands, texts, strict=True)]
    return make(given, hoist)


def _guards(given: Sequence[Given], kind: str, type_: type) -> str | None:
    """That each operand is of one type; None where a constant is not."""
    tests: list[str] = []
    for one in given:
        if one.constant is None:
            tests.append(f"type({one.text}) is {kind}")
        elif type(one.value) is not type_:
            return None
    return " and ".join(tests)


def _texts(form: str, bounded: bool = False, ascii_only: bool = False, makes_text: bool = False) -> Make:
    """A shortcut for operands that are all strings; ``bounded``: the first one is short, ``ascii_only``: and plain."""
    cost = "len({}) + 50" if makes_text else ""

    def make(given: Sequence[Given], _hoist: Hoist) -> Shortcut | None:
        guard = _guards(given, "str", str)
        if guard is None:
            return None
        first = given[0].text
        extra = [f"len({first}) <= {LARGE}"] if bounded else []
        extra += [f"{first}.isascii()"] if ascii_only else []
        return Shortcut(" and ".join([g for g in (guard, *extra) if g]), form.format(*[g.text for g in given]), cost)

    return make


def _numbers(operator: str) -> Make:
    """A comparison of two integers."""

    def make(given: Sequence[Given], _hoist: Hoist) -> Shortcut | None:
        guard = _guards(given, "int", int)
        return Shortcut(guard, f"{given[0].text} {operator} {given[1].text}") if guard else None

    return make


def _arithmetic(operator: str) -> Make:
    """Of two short integers: long ones take room, and their product more than both."""

    def make(given: Sequence[Given], _hoist: Hoist) -> Shortcut | None:
        guard = _guards(given, "int", int)
        if not guard:
            return None
        if any(one.constant is not None and not -SHORT < one.value < SHORT for one in given):
            return None
        short = [f"-{SHORT} < {one.text} < {SHORT}" for one in given if one.constant is None]
        return Shortcut(" and ".join([guard, *short]), f"{given[0].text} {operator} {given[1].text}")

    return make


def _kind(test: str) -> Make:
    def make(given: Sequence[Given], _hoist: Hoist) -> Shortcut | None:
        return Shortcut("", test.format(given[0].text)) if given[0].constant is None else None

    return make


def _split(given: Sequence[Given], _hoist: Hoist) -> Shortcut | None:
    text, by = given
    if not by.is_text or not by.value or text.constant is not None:
        return None
    guard = f"type({text.text}) is str and len({text.text}) <= {LARGE}"
    return Shortcut(guard, f"{text.text}.split({by.text})", f"len({{}}) * {CELL}")


def _count(given: Sequence[Given], _hoist: Hoist) -> Shortcut | None:
    return Shortcut(f"type({given[0].text}) in SIZED", f"len({given[0].text})")


def _member(given: Sequence[Given], hoist: Hoist) -> Shortcut | None:
    value, source = given
    if value.constant is not None and not value.is_text:
        return None
    known = [] if value.is_text else [f"type({value.text}) is str"]
    if source.constant is None:
        guard = " and ".join([*known, f"type({source.text}) is RegoSet"])
        return Shortcut(guard, f"{value.text} in {source.text}.members")
    if type(source.value) is RegoSet and known:
        return Shortcut(known[0], f"{value.text} in {hoist(source.value.members)}")
    if type(source.value) is list and known and len(source.value) <= LARGE:
        return Shortcut(known[0], f"{value.text} in {source.text}")
    return None


def _differ(given: Sequence[Given], _hoist: Hoist) -> Shortcut | None:
    a, b = given
    if a.constant is not None and b.constant is not None:
        return None
    if a.is_text or b.is_text:
        return Shortcut("", f"{a.text} != {b.text}")
    guards = [f"type({one.text}) is str" for one in given if one.constant is None]
    return Shortcut(guards[0], f"{a.text} != {b.text}")


def _get(given: Sequence[Given], _hoist: Hoist) -> Shortcut | None:
    source, step, default = given
    if not step.is_text or source.constant is not None:
        return None
    return Shortcut(f"type({source.text}) is dict", f"{source.text}.get({step.text}, {default.text})")


_MAKERS: Final[Mapping[str, Make]] = {
    "startswith": _texts("{0}.startswith({1})"),
    "endswith": _texts("{0}.endswith({1})"),
    "contains": _texts("{1} in {0}", bounded=True),
    "trim_prefix": _texts("{0}.removeprefix({1})", bounded=True, makes_text=True),
    "trim_suffix": _texts("{0}.removesuffix({1})", bounded=True, makes_text=True),
    "lower": _texts("{0}.lower()", bounded=True, ascii_only=True, makes_text=True),
    "upper": _texts("{0}.upper()", bounded=True, ascii_only=True, makes_text=True),
    "split": _split,
    "count": _count,
    "plus": _arithmetic("+"),
    "minus": _arithmetic("-"),
    "mul": _arithmetic("*"),
    "lt": _numbers("<"),
    "lte": _numbers("<="),
    "gt": _numbers(">"),
    "gte": _numbers(">="),
    "neq": _differ,
    "internal.member_2": _member,
    "object.get": _get,
    "is_array": _kind("type({}) is list"),
    "is_boolean": _kind("type({}) is bool"),
    "is_null": _kind("{} is None"),
    "is_number": _kind("type({0}) is int or type({0}) is Num"),
    "is_object": _kind("type({}) is dict"),
    "is_set": _kind("type({}) is RegoSet"),
    "is_string": _kind("type({}) is str"),
}
