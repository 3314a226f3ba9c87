"""Records are what dataclasses would be."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from image_enforcer.rego.records import field, fields, is_record, record, replace


def _shared() -> Any:
    return field(default=0, compare=False, repr=False)


@record(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2
    names: list[str] = field(default_factory=list)
    note: str = field(default="", compare=False, repr=False)
    place: int = _shared()


@record(frozen=True, slots=True)
class Weighed:
    x: int
    weight: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", self.x * 2)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Weighed) and self.x == other.x

    def __hash__(self) -> int:
        return 7


@record(slots=True)
class Open:
    a: int = 1
    b: dict[str, int] = field(default_factory=dict)


@record(slots=True, eq=False)
class Itself:
    a: int


@record(frozen=True, kw_only=True, slots=True)
class Named:
    a: int
    b: int = 2


@record(frozen=True, slots=True)
class Below(Point):
    z: int = 5


class Plain(Point):
    __slots__ = ()


def test_values() -> None:
    p = Point(1)
    assert (p.x, p.y, p.names, p.note, p.place) == (1, 2, [], "", 0)
    assert Point(1).names is not p.names
    assert repr(p) == "Point(x=1, y=2, names=[])".replace("Point", Point.__qualname__)
    assert p == Point(1, note="other", place=9)
    assert p != Point(1, 3)
    assert p != object()
    assert Point.__match_args__ == ("x", "y", "names", "note", "place")
    assert not hasattr(p, "__dict__")
    match p:
        case Point(x, y):
            assert (x, y) == (1, 2)
    with pytest.raises(TypeError):
        Point()  # type: ignore[call-arg]


def test_frozen() -> None:
    p = Point(1, 2, ())  # type: ignore[arg-type]
    assert hash(p) == hash(Point(1, 2, ()))  # type: ignore[arg-type]
    changes: list[Callable[[], None]] = [
        lambda: setattr(p, "x", 2),
        lambda: setattr(p, "new", 2),
        lambda: delattr(p, "x"),
    ]
    for change in changes:
        with pytest.raises(dataclasses.FrozenInstanceError):
            change()
    assert p.x == 1


def test_what_dataclasses_can_do_with_them() -> None:
    p = Point(1, names=["a"])
    assert dataclasses.is_dataclass(p)
    assert [f.name for f in dataclasses.fields(p)] == ["x", "y", "names", "note", "place"]
    assert dataclasses.replace(p, y=7) == Point(1, 7, ["a"])
    assert dataclasses.asdict(p) == {"x": 1, "y": 2, "names": ["a"], "note": "", "place": 0}
    assert copy.copy(p) == copy.deepcopy(p) == p
    assert pickle.loads(pickle.dumps(p)) == p
    assert dataclasses.replace(Named(a=1), b=3) == Named(a=1, b=3)


def test_others() -> None:
    o = Open()
    o.a = 5
    assert o == Open(5)
    assert o.b is not Open().b
    with pytest.raises(TypeError):
        hash(o)
    assert Itself(1) != Itself(1)
    assert isinstance(hash(Itself(1)), int)
    assert Named.__match_args__ == ()
    with pytest.raises(TypeError):
        Named(1)  # type: ignore[call-arg]
    w = Weighed(3)
    assert (w.weight, hash(w), w == Weighed(3)) == (6, 7, True)


def test_classes_below() -> None:
    b = Below(1, z=9)
    assert (b.x, b.y, b.z) == (1, 2, 9)
    assert b == Below(1, z=9)
    assert b != Point(1)
    assert Point(1) != b
    assert Plain(1) == Plain(1)
    assert Plain(1) != Point(1)
    assert [f.name for f in dataclasses.fields(Below)] == ["x", "y", "names", "note", "place", "z"]


def test_a_record_with_other_fields() -> None:
    point = Point(1, 3, ["a"], "note", 5)
    assert replace(point, y=4) == dataclasses.replace(point, y=4) == Point(1, 4, ["a"])
    assert (replace(point, y=4).note, replace(point, y=4).names) == ("note", point.names)
    assert replace(Weighed(2), x=3).weight == 6
    assert replace(Named(a=1), a=3) == Named(a=3)
    with pytest.raises(TypeError):
        replace(point, z=1)  # type: ignore[call-arg]


def test_what_records_there_are() -> None:
    assert [f.name for f in fields(Point)] == [f.name for f in fields(Point(1))] == ["x", "y", "names", "note", "place"]
    assert is_record(Point(1))
    assert not is_record(1)
