"""The order of values is one total order, equal values are the same key, and all of it is OPA's."""

from __future__ import annotations

import functools
import itertools
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_enforcer import rego
from image_enforcer.rego.text import term
from image_enforcer.rego.values import Num, RegoSet, Value, compare, equal, key, sort_values, sorted_keys, unkey
from tests.differential.cases import Case, canonical, exact
from tests.differential.sides import Driver
from tools import peers

SPELLED: Final = (
    "0",
    "-0",
    "0.0",
    "1",
    "1.0",
    "1e0",
    "10e-1",
    "2",
    "20e-1",
    "0.5",
    "5e-1",
    "1e20",
    "-1",
    "9007199254740993",
)
SCALARS: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from(SPELLED).map(Num),
    st.sampled_from(("", "a", "b", "aa", "A", "é", "\uffff", "\U00010000", "1", "true")),
)


def _composites(inner: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    members = st.lists(inner, max_size=3)
    return st.one_of(
        members,
        members.map(RegoSet.of),
        st.lists(st.tuples(inner, inner), max_size=3).map(lambda pairs: {key(k): v for k, v in pairs}),
    )


VALUES: Final = st.recursive(SCALARS, _composites, max_leaves=8)


@given(VALUES, VALUES, VALUES)
def test_it_is_total_and_transitive(a: Value, b: Value, c: Value) -> None:
    assert compare(a, a) == 0
    assert compare(a, b) == -compare(b, a)
    if compare(a, b) <= 0 and compare(b, c) <= 0:
        assert compare(a, c) <= 0
    if compare(a, b) == 0:
        assert compare(a, c) == compare(b, c)


@given(VALUES, VALUES)
def test_equal_values_are_one_key(a: Value, b: Value) -> None:
    assert equal(a, b) is (compare(a, b) == 0)
    assert (key(a) == key(b)) is equal(a, b)
    if equal(a, b):
        assert hash(key(a)) == hash(key(b))
    assert equal(unkey(key(a)), a)


@given(st.lists(VALUES, max_size=8))
def test_sorting_does_not_depend_on_where_it_begins(values: list[Value]) -> None:
    ordered = sort_values(values)
    assert all(compare(a, b) <= 0 for a, b in itertools.pairwise(ordered))
    assert [key(v) for v in sort_values(reversed(values))] == [key(v) for v in ordered]
    assert [key(v) for v in sorted(values, key=functools.cmp_to_key(compare))] == [key(v) for v in ordered]
    assert [key(v) for v in RegoSet.of(values).sorted()] == list(dict.fromkeys(key(v) for v in ordered))
    assert [unkey(k) for k in sorted_keys({key(v): True for v in values})] == [
        unkey(k) for k in dict.fromkeys(key(v) for v in ordered)
    ]


@pytest.mark.e2e
@settings(max_examples=20)
@given(st.lists(VALUES, min_size=2, max_size=12))
def test_it_is_the_order_of_a_real_opa(values: list[Value]) -> None:
    try:
        driver = Driver(peers.find("opa-driver"))
    except peers.Unavailable as reason:
        pytest.skip(str(reason))
    written = ", ".join(map(term, values))
    pairs = ", ".join(f"[z | x := xs[_]; y := xs[_]; z := (x {op} y)]" for op in ("<", "<=", "==", "!=", ">", ">="))
    query = f"xs := [{written}]; ordered := sort(xs); same := {{x | x := xs[_]}}; pairs := [{pairs}]"
    (theirs,) = driver.answers([Case(modules=(), query=query)])
    assert theirs is not None
    (solution,) = rego.compile_modules({}).prepare(query).run()
    bindings = ", ".join(f'"{n}": {rego.to_json(v)}' for n, v in solution.bindings.items())
    assert theirs.results == {canonical(exact(f"[{{{bindings}}}, true, true, true, true]"))}
