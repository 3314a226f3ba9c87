"""Equality, order and key forms of values."""

from __future__ import annotations

import functools
import itertools
import re
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.rego.text import term
from image_enforcer.rego.values import (
    MAX_DIGITS,
    UNDEFINED,
    Num,
    RegoSet,
    Value,
    compare,
    equal,
    index_of,
    integer,
    integer_text,
    key,
    sort_values,
    sorted_keys,
    type_name,
    unkey,
)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(),
    st.sampled_from(["0.5", "1.0", "-1.0", "2e0", "1e2", "-0", "0.0"]).map(Num),
    st.text(max_size=3),
)


def composites(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(children, max_size=3),
        st.lists(children, max_size=3).map(RegoSet.of),
        st.lists(st.tuples(children, children), max_size=3).map(lambda pairs: {key(k): v for k, v in pairs}),
    )


VALUES = st.recursive(SCALARS, composites, max_leaves=8)


def json_like(value: Value) -> Any:
    """A form that Python itself compares as Rego does: types apart, numbers by value."""
    match value:
        case None:
            return ("null",)
        case bool():
            return ("boolean", value)
        case str():
            return ("string", value)
        case list():
            return ("array", tuple(map(json_like, value)))
        case RegoSet():
            return ("set", frozenset(map(json_like, value.members.values())))
        case dict():
            return ("object", frozenset((json_like(unkey(k)), json_like(v)) for k, v in value.items()))
    return ("number", value)


@given(VALUES, VALUES)
def test_equal_is_equality_of_types_and_contents(a: Value, b: Value) -> None:
    assert equal(a, b) == (json_like(a) == json_like(b))
    assert equal(a, a)


@given(VALUES, VALUES)
def test_keys_are_equal_where_values_are(a: Value, b: Value) -> None:
    assert (key(a) == key(b)) == equal(a, b)
    if equal(a, b):
        assert hash(key(a)) == hash(key(b))
    assert equal(unkey(key(a)), a)


@given(VALUES, VALUES, VALUES)
def test_compare_is_a_total_order_that_agrees_with_equality(a: Value, b: Value, c: Value) -> None:
    assert (compare(a, b) == 0) == equal(a, b)
    assert compare(a, b) == -compare(b, a)
    if compare(a, b) <= 0 and compare(b, c) <= 0:
        assert compare(a, c) <= 0


@given(st.lists(VALUES, max_size=6))
def test_sorting_follows_the_order(values: list[Value]) -> None:
    got = sort_values(values)
    assert all(compare(x, y) <= 0 for x, y in itertools.pairwise(got))
    assert sorted(map(term, got)) == sorted(map(term, values))


@given(st.lists(st.lists(st.text(max_size=2), max_size=3), max_size=8))
def test_arrays_of_strings_sort_as_any_arrays(values: list[Value]) -> None:
    assert sort_values(values) == sorted(values, key=functools.cmp_to_key(compare))


@given(st.dictionaries(SCALARS.map(key), st.integers(), max_size=6))
def test_keys_of_objects_are_sorted(obj: dict[Any, Any]) -> None:
    got = [unkey(k) for k in sorted_keys(obj)]
    assert all(compare(x, y) < 0 for x, y in itertools.pairwise(got))


ASCENDING: list[Value] = [
    None, False, True, -1, Num("0.5"), 1, 2, "", "A", "a", "é", "\U0001f600", [], [1], [1, 1], [2], {}, {"a": 1},
    {"a": 1, "b": 0}, {"a": 2}, {"b": 0}, RegoSet.of([]), RegoSet.of([1]), RegoSet.of([1, 2]), RegoSet.of([2]),
]  # fmt: skip


def test_order_of_types() -> None:
    for (i, a), (j, b) in itertools.product(enumerate(ASCENDING), repeat=2):
        assert compare(a, b) == (i > j) - (i < j), (a, b)


def test_numbers_and_booleans() -> None:
    assert equal(1, Num("1.0"))
    assert equal(Num("1e2"), 100)
    assert not equal(True, 1)
    assert not equal(False, 0)
    assert not equal([True], [1])
    assert not equal({"a": False}, {"a": 0})
    assert RegoSet.of([1, Num("1.0"), True]).sorted() == [True, 1]
    assert term(RegoSet.of([Num("1.0"), 1])) == "{1.0}"


def test_sets_hold_composites_and_sets() -> None:
    sets = RegoSet.of([[1], [Num("1.0")], {"a": [1]}, RegoSet.of([2]), RegoSet.of([2])])
    assert len(sets) == 3
    assert [1] in sets
    assert RegoSet.of([Num("2.0")]) in sets
    assert RegoSet.of([sets]) == RegoSet.of([RegoSet.of(list(sets))])


def test_names_of_types() -> None:
    values: list[Value] = [None, True, 1, Num("1.5"), "", [], {}, RegoSet.of([])]
    assert [type_name(v) for v in values] == [
        "null", "boolean", "number", "number", "string", "array", "object", "set",
    ]  # fmt: skip


def test_undefined_is_false_and_no_value() -> None:
    assert not UNDEFINED
    with pytest.raises(TypeError):
        key(UNDEFINED)


@pytest.mark.parametrize("digits", [1, 4_299, 4_300, 4_301, 20_000, MAX_DIGITS])
def test_integers_of_any_length_into_text_and_back(digits: int) -> None:
    for text in ("9" * digits, "-" + "8" * (digits - 1)) if digits > 1 else ("7", "-7"):
        assert integer_text(integer(text)) == text
    assert sys.get_int_max_str_digits() == 4_300


@pytest.mark.parametrize("text", ["", "x", "1" * 5_000 + "x", "9" * (MAX_DIGITS + 100)])
def test_text_that_is_no_integer(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        integer(text)


@given(
    st.one_of(
        st.text(st.sampled_from("+-0123.٣ \n"), max_size=6), st.from_regex(r"[+-]?[0-9]{0,20}(\.0*)?", fullmatch=True)
    )
)
def test_texts_that_name_places_in_arrays(text: str) -> None:
    match = re.fullmatch(r"([+-]?)(([0-9]*)(?:\.0*)?)", text, re.ASCII)
    if match is None or not 0 < len(match[2]) <= 19:
        assert index_of(text) == -1
    else:
        assert index_of(text) == int(match[1] + (match[3] or "0"))
