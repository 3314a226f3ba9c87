"""Trees are changed by making others, which share what stayed the same."""

import contextlib
import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.opa.errors import Conflict, NotFound, StoreError
from image_enforcer.opa.trees import (
    GONE,
    added,
    exists,
    find,
    occupied,
    path_text,
    read,
    removed,
    replaced,
    with_parents,
)

VALUES = st.recursive(
    st.integers(0, 3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "0"]), inner, max_size=3),
    max_leaves=8,
)
ROOTS = st.dictionaries(st.sampled_from(["a", "b", "0"]), VALUES, max_size=3)
PATHS = st.lists(st.sampled_from(["a", "b", "0", "1", "-", "+1", "x"]), max_size=4).map(tuple)


@given(ROOTS, PATHS, VALUES)
def test_no_change_touches_the_tree_it_starts_from(root: Any, path: tuple[str, ...], value: Any) -> None:
    before = copy.deepcopy(root)
    changes: list[Callable[[], Any]] = [
        lambda: added(root, path, value),
        lambda: replaced(root, path, value),
        lambda: removed(root, path),
        lambda: with_parents(root, path),
    ]
    for change in changes:
        with contextlib.suppress(StoreError):
            change()
        assert root == before


@given(ROOTS, PATHS)
def test_find_and_read_agree(root: Any, path: tuple[str, ...]) -> None:
    found = find(root, path)
    assert exists(root, path) == (found is not GONE)
    try:
        assert read(root, path) is found
    except NotFound:
        assert found is GONE


@given(ROOTS, PATHS, VALUES)
def test_what_was_added_is_there_and_what_was_removed_is_not(root: Any, path: tuple[str, ...], value: Any) -> None:
    try:
        made = added(with_parents(root, path), path, value)
    except StoreError:
        return
    if path and path[-1] != "-":
        assert find(made, path) is value
        parent = find(made, path[:-1])
        less = removed(made, path)
        if isinstance(parent, dict):
            assert not exists(less, path)
        else:
            assert len(find(less, path[:-1])) == len(parent) - 1


def test_siblings_are_shared() -> None:
    big = {"x": 1}
    root = {"a": {"b": big, "c": 1}, "d": big}
    made = added(root, ("a", "c"), 2)
    assert made["a"]["b"] is big
    assert made["d"] is big


def test_something_else_than_an_object_occupies_what_is_below() -> None:
    root = {"s": "text", "o": {"k": None}, "l": [1]}
    assert [occupied(root, p) for p in [("s",), ("s", "x"), ("o", "k"), ("o", "k", "x"), ("l", "9", "y")]] == [True] * 5
    assert [occupied(root, p) for p in [("x",), ("o", "x"), ("o", "x", "y")]] == [False] * 3
    assert occupied(root, ())


def test_parents_stop_at_what_is_no_object() -> None:
    assert with_parents({}, ("a", "b", "c")) == {"a": {"b": {}}}
    assert with_parents({"a": {}}, ("a", "b")) == {"a": {}}
    with pytest.raises(Conflict, match=r"/a/b$"):
        with_parents({"a": {"b": 1}}, ("a", "b", "c", "d"))


def test_paths_are_printed_as_in_urls() -> None:
    assert path_text(("a", "b c", "d/e", "sha256:f", "é")) == "/a/b%20c/d%2Fe/sha256:f/%C3%A9"
