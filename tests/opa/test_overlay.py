"""The API's writes survive new files, and never hold more than was written."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.opa.errors import StoreError
from image_enforcer.opa.overlay import Overlay
from image_enforcer.opa.trees import added, find, removed, with_parents

VALUES = st.recursive(
    st.integers(0, 3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=6,
)
ROOTS = st.dictionaries(st.sampled_from(["a", "b"]), VALUES, max_size=2)
PATHS = st.lists(st.sampled_from(["a", "b", "0"]), min_size=1, max_size=3).map(tuple)
WRITES = st.lists(st.tuples(PATHS, VALUES | st.just("remove")), max_size=8)


def written(files: Any, writes: Any) -> tuple[Overlay, Any]:
    overlay, root = Overlay(), files
    for path, value in writes:
        try:
            root = removed(root, path) if value == "remove" else added(with_parents(root, path), path, value)
        except StoreError:
            continue
        overlay.write(path, root, files)
    return overlay, root


def whole(tree: Any) -> Any:
    """Without empty objects: those made on the way to a write are not the API's own."""
    if isinstance(tree, dict):
        made = {k: whole(v) for k, v in tree.items()}
        return {k: v for k, v in made.items() if v != {}}
    return tree


@given(ROOTS, WRITES)
def test_laid_over_the_same_files_it_gives_what_was_there(files: Any, writes: Any) -> None:
    overlay, root = written(files, writes)
    assert whole(overlay.over(files)) == whole(root)


@given(ROOTS, WRITES, ROOTS)
def test_over_other_files_every_last_write_still_holds(files: Any, writes: Any, others: Any) -> None:
    overlay, root = written(files, writes)
    over = overlay.over(others)
    for path, value in writes[-1:]:
        if (
            value != "remove"
            and find(root, path) is value
            and not any(isinstance(find(root, path[:i]), list) for i in range(len(path)))
        ):
            assert find(over, path) == value


@given(ROOTS, WRITES, ROOTS)
def test_pruning_changes_nothing_over_those_files(files: Any, writes: Any, others: Any) -> None:
    overlay, _ = written(files, writes)
    pruned = overlay.pruned(others)
    assert pruned.over(others) == overlay.over(others)
    assert pruned.size() <= overlay.size() <= len(writes)


def test_a_parent_covers_its_children() -> None:
    overlay, root = written({}, [(("a", "b"), 1), (("a", "c"), 2), (("a",), {"d": 3}), (("a", "e"), 4)])
    assert overlay.size() == 1
    assert overlay.over({"a": {"file": 1}, "f": 1}) == {**root, "f": 1}
