"""Merging documents: any order of disjoint files gives the same tree; what conflicts is named with both files."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.opa.errors import LoadError
from image_enforcer.opa.merging import Tree


def merged(*files: dict[str, Any]) -> dict[str, Any]:
    tree = Tree()
    for i, value in enumerate(files):
        tree.merge(f"{i}.json", value)
    return tree.root


def conflict(*files: dict[str, Any]) -> str:
    with pytest.raises(LoadError) as caught:
        merged(*files)
    return caught.value.faults[0]


def test_objects_become_one() -> None:
    assert merged({"a": {"b": 1}}, {"a": {"c": {"d": 2}}}, {"a": {"c": {"e": 3}}, "f": []}) == {
        "a": {"b": 1, "c": {"d": 2, "e": 3}},
        "f": [],
    }


def test_what_a_file_brought_is_not_changed() -> None:
    first = {"a": {"b": {"c": 1}}}
    merged(first, {"a": {"b": {"d": 2}}}, {"a": {"e": 3}})
    assert first == {"a": {"b": {"c": 1}}}


@pytest.mark.parametrize(
    ("files", "place", "other"),
    [
        (({"a": {"b": 1}}, {"a": {"b": 2}}), "data.a.b", "0.json"),
        (({"a": {"b": 1}}, {"a": 2}), "data.a", "0.json"),
        (({"a": 2}, {"x": 1}, {"a": {"b": 1}}), "data.a", "0.json"),
        (({"x": 1}, {"a": {"b": []}}, {"a": {"b": []}}), "data.a.b", "1.json"),
        (({"a": {"b": {"c": 1}}}, {"a": {"b": {"d": 1}}}, {"a": {"b": {"d": 1}}}), "data.a.b.d", "1.json"),
        (({"a": {}}, {"a": {"b": 1}}, {"a": []}), "data.a", "0.json"),
    ],
)
def test_conflicts_name_the_place_and_both_files(files: tuple[dict[str, Any], ...], place: str, other: str) -> None:
    last = f"{len(files) - 1}.json"
    assert conflict(*files) == f"{last}: merge error: conflicting values at {place}, also defined in {other}"


paths = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple)


def nested(path: tuple[str, ...], value: int) -> dict[str, Any]:
    made: Any = value
    for step in reversed(path):
        made = {step: made}
    assert isinstance(made, dict)
    return made


@given(st.lists(paths, unique=True, max_size=8), st.randoms())
def test_order_does_not_matter(chosen: list[tuple[str, ...]], random: Any) -> None:
    apart = [p for p in chosen if not any(q != p and q[: len(p)] == p for q in chosen)]
    files = [nested(p, i) for i, p in enumerate(apart)]
    shuffled = files[:]
    random.shuffle(shuffled)
    assert merged(*files) == merged(*shuffled)
