"""Types: unions in OPA's order, and a bound on how many parts of a type are looked at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.rego import compile_modules
from image_enforcer.rego.types import (
    ANY,
    BOOLEAN,
    MAX_WEIGHT,
    NULL,
    NUMBER,
    STRING,
    AnyOf,
    ArrayType,
    ObjectType,
    Property,
    SetType,
    Type,
    bounded,
    compare_types,
    type_of,
    union,
    union_of,
    values,
)

FLAT = st.sampled_from([NULL, BOOLEAN, NUMBER, STRING])
TYPES = st.recursive(
    FLAT,
    lambda inner: st.one_of(
        inner.map(lambda t: ArrayType((), t)),
        st.lists(inner, max_size=3).map(lambda ts: ArrayType(tuple(ts))),
        inner.map(SetType),
        st.tuples(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), inner).map(lambda p: ObjectType((Property(*p),))),
    ),
    max_leaves=4,
)


@given(st.lists(TYPES, min_size=1, max_size=60))
def test_a_union_is_the_same_in_whatever_steps_it_is_made(types: list[Type]) -> None:
    stepwise: Type | None = None
    for t in types:
        stepwise = union(stepwise, t)
    assert stepwise == union_of(types) == union_of(reversed(types))
    if isinstance(stepwise, AnyOf):
        order = [compare_types(a, b) for a, b in zip(stepwise.members, stepwise.members[1:], strict=False)]
        assert all(c < 0 for c in order)


def test_anything_swallows_everything() -> None:
    assert union_of([STRING, AnyOf(), NUMBER]) == ANY
    assert union_of([None, STRING, None]) == STRING
    assert union_of([]) is None


def test_a_type_of_too_many_parts_is_any() -> None:
    assert values(type_of(list(range(MAX_WEIGHT // 2)))) == NUMBER
    assert type_of(list(range(MAX_WEIGHT + 1))) == ANY
    held: Type = STRING
    for _ in range(60):
        held = bounded(ArrayType((held, held)))
    assert held == ANY or isinstance(held, ArrayType)
    assert len(str(held)) < 100 * MAX_WEIGHT


DOUBLED = "package a\n\np := x60 if {\n\tx0 := [1]\n" + "".join(
    f"\tx{i + 1} := [x{i}, x{i}]\n" for i in range(60)
) + "}\n"  # fmt: skip
DIFFERENT = (
    "package a\n\nlist := ["
    + ", ".join(f'{{"k{i}": {i}}}' for i in range(3000))
    + "]\n\np if {\n\tsome x in list\n\tx.k7 == 7\n}\n"
)
PARTIAL = "package a\n\n" + "".join(f'p contains {{"k{i}": {i}}}\n' for i in range(1500))


@pytest.mark.parametrize("text", [DOUBLED, DIFFERENT, PARTIAL], ids=["doubled", "different", "partial"])
def test_policies_with_many_types_compile(text: str) -> None:
    # Not a matter of seconds but of whether it ends: compared part by part, the first would take longer than anybody.
    assert compile_modules({"a.rego": text}).has_rules(["a"])


def test_a_wrong_type_is_found_among_many() -> None:
    with pytest.raises(Exception, match="match error"):
        compile_modules({"a.rego": "package a\n\np if {\n\tx := [" + "1, " * 2000 + '1]\n\tx == "one"\n}\n'})
