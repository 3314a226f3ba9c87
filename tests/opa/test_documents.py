"""Ownership, writes that hold whole or not at all, revisions, and readers that are never disturbed."""

import sys
import threading
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from image_enforcer.opa.documents import Documents
from image_enforcer.opa.errors import BadPatch, Conflict, InvalidWrite, NotFound, ReadOnly, StoreError
from image_enforcer.opa.loader import Loaded
from image_enforcer.rego import CompileError, parse_module


def files(data: dict[str, Any] | None = None, **policies: str) -> Loaded:
    modules = {k: parse_module(k, v) for k, v in policies.items()}
    return Loaded(data or {}, modules, dict(policies))


def root(documents: Documents) -> Any:
    return documents.state.snapshot.root


def value(documents: Documents, query: str) -> Any:
    state = documents.state
    return state.policy.prepare(query).value(data=state.snapshot)


# --- data ----------------------------------------------------------------------------------------


def test_parents_are_made_and_arrays_are_inserted_into() -> None:
    d = Documents()
    d.put_data(("a", "b", "c"), 1)
    d.put_data(("a", "list"), ["x", "z"])
    d.put_data(("a", "list", "1"), "y")
    assert root(d) == {"a": {"b": {"c": 1}, "list": ["x", "y", "z"]}}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (("s", "x"), "storage_write_conflict_error: /s"),
        (("s", "x", "y", "z"), "storage_write_conflict_error: /s"),
        (("list", "9"), "storage_write_conflict_error: /list"),
        (("list", "-"), "storage_write_conflict_error: /list"),
        (("list", "²"), "storage_write_conflict_error: /list"),
        (("list", "0", "x"), "storage_write_conflict_error: /list/0"),
        (("o;o", "x"), "storage_write_conflict_error: /o%3Bo"),
    ],
)
def test_a_write_through_something_else_than_an_object_is_a_conflict(path: tuple[str, ...], message: str) -> None:
    d = Documents(files({"s": "text", "list": [1, 2], "o;o": None}))
    before = d.state
    with pytest.raises(Conflict) as caught:
        d.put_data(path, 1)
    assert str(caught.value) == message
    assert d.state is before


def test_only_an_object_takes_the_place_of_the_root() -> None:
    d = Documents()
    with pytest.raises(InvalidWrite, match="root must be object"):
        d.put_data((), [1])
    d.put_data((), {"a": 1})
    assert root(d) == {"a": 1}


def test_a_document_is_written_once_where_it_must_be_absent() -> None:
    d = Documents()
    assert d.put_data(("a",), 1, absent=True)
    revision = d.state.revision
    assert not d.put_data(("a",), 2, absent=True)
    assert root(d) == {"a": 1}
    assert d.state.revision == revision


def test_reading_and_removing_what_is_not_there() -> None:
    d = Documents(files({"a": {"list": [1]}}))
    for path, message in [
        (("b",), "document does not exist"),
        (("a", "list", "0", "x"), "document does not exist"),
        (("a", "list", "5"), "/a/list/5: array index out of range"),
        (("a", "list", "-1"), "/a/list/-1: array index out of range"),
        (("a", "list", "x"), "/a/list/x: array index must be integer"),
        (("a", "list", "x", "y"), "/a/list/x/y: array index must be integer"),
    ]:
        for act in (d.read, d.delete_data):
            with pytest.raises(NotFound) as caught:
                act(path)
            assert str(caught.value) == "storage_not_found_error: " + message
    assert d.read(("a", "list", "0")) == 1


# --- patches -------------------------------------------------------------------------------------


def test_patches_add_replace_and_remove() -> None:
    d = Documents(files({"a": {"k": [1], "x": 1}}))
    d.patch_data(
        [
            ("add", ("a", "k", "-"), 2),
            ("replace", ("a", "k", "0"), 9),
            ("remove", ("a", "k", "0"), None),
            ("add", ("a", "k", "1"), 3),
            ("replace", ("a", "x"), {"y": 1}),
        ]
    )
    assert root(d) == {"a": {"k": [2, 3], "x": {"y": 1}}}


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        (("remove", ("nope",), None), NotFound),
        (("replace", ("nope",), 1), NotFound),
        (("add", ("x", "y", "z"), 1), NotFound),
        (("add", ("k", "99"), 1), NotFound),
        (("replace", ("k", "-"), 1), InvalidWrite),
        (("remove", (), None), InvalidWrite),
        (("add", (), 1), InvalidWrite),
        (("move", ("k",), 1), BadPatch),
    ],
)
def test_a_patch_holds_whole_or_not_at_all(operation: Any, fault: type[Exception]) -> None:
    d = Documents(files({"k": [1]}))
    before = d.state
    with pytest.raises(fault):
        d.patch_data([("add", ("ok",), 1), operation])
    assert d.state is before
    d.put_data(("later",), 1)
    assert "ok" not in root(d)


def test_an_empty_patch_changes_nothing() -> None:
    d = Documents()
    before = d.state
    d.patch_data([])
    assert d.state is before


# --- rules and documents -------------------------------------------------------------------------

EX = "package ex\n\nallow := true\n\na.b.c := 1\n"


@pytest.mark.parametrize(
    ("path", "document"),
    [
        (("ex",), {"allow": 1}),
        (("ex", "allow"), 1),
        (("ex", "allow", "deep"), 1),
        (("ex",), 5),
        (("ex", "a"), []),
        ((), {"ex": {"allow": 1}}),
    ],
)
def test_a_document_may_not_stand_where_a_rule_does(path: tuple[str, ...], document: Any) -> None:
    d = Documents(files(ex=EX))
    before = d.state
    with pytest.raises(CompileError, match="conflicting rule for data path ex/"):
        d.put_data(path, document)
    below = document["ex"] if path == () else document
    for step in reversed(path[1:]):
        below = {step: below}
    with pytest.raises(CompileError, match="conflicting rule for data path ex/"):
        d.patch_data([("add", ("other",), 1), ("add", ("ex",), below)])
    assert d.state is before
    assert value(d, "data.ex.allow") is True


def test_documents_beside_rules_are_fine() -> None:
    d = Documents(files(ex=EX))
    d.put_data(("ex", "extra"), 1)
    assert value(d, "data.ex") == {"allow": True, "a": {"b": {"c": 1}}, "extra": 1}


@pytest.mark.parametrize(
    "text", ["package base.users\n\np := 1\n", "package base\n\nusers := 1\n", "package s\n\np := 1\n"]
)
def test_a_policy_may_not_stand_where_a_document_does(text: str) -> None:
    d = Documents(files({"base": {"users": ["a"]}, "s": "text"}))
    before = d.state
    with pytest.raises(CompileError, match="conflicting rule for data path"):
        d.put_policy("p", text)
    assert d.state is before


# --- policies ------------------------------------------------------------------------------------


def test_policies_are_replaced_and_removed() -> None:
    d = Documents()
    assert d.put_policy("p", "package p\n\nx := 1\n")
    assert not d.put_policy("p", "package p\n\nx := 1\n")
    assert value(d, "data.p.x") == 1
    assert d.put_policy("p", "package p\n\nx := 2\n")
    assert value(d, "data.p.x") == 2
    d.delete_policy("p")
    with pytest.raises(NotFound, match='policy id "p"'):
        d.delete_policy("p")
    assert d.state.modules == {}


def test_a_policy_that_others_need_stays() -> None:
    d = Documents()
    d.put_policy("a", "package a\n\nf(x) := x\n")
    d.put_policy("b", "package b\n\ny := data.a.f(1)\n")
    with pytest.raises(CompileError, match=r"undefined function data\.a\.f"):
        d.delete_policy("a")
    assert value(d, "data.b.y") == 1


def test_what_a_former_policy_made_of_the_data_is_forgotten() -> None:
    d = Documents(files({"n": 1}, p="package p\n\nx := data.n + 1\n"))
    assert value(d, "data.p.x") == 2
    d.put_policy("p", "package p\n\nx := data.n + 10\n")
    assert value(d, "data.p.x") == 11
    d.put_data(("n",), 2)
    assert value(d, "data.p.x") == 12


def test_a_write_of_data_compiles_nothing() -> None:
    d = Documents(files({"n": 1}, p="package p\n\nx := data.n\n"))
    before = d.state
    d.put_data(("m",), 1)
    assert d.state.policy is before.policy
    assert d.state.policy_revision == before.policy_revision
    assert d.state.revision == before.revision + 1


# --- files and the API ---------------------------------------------------------------------------


def test_a_reload_replaces_what_files_had_and_leaves_what_the_api_wrote() -> None:
    d = Documents(files({"f": {"a": 1, "b": 1, "gone": 1}, "list": [1]}, p="package p\n\nx := 1\n"))
    d.put_data(("f", "a"), "api")
    d.put_data(("f", "new"), "api")
    d.put_data(("own", "x"), "api")
    d.delete_data(("f", "b"))
    d.put_data(("list", "0"), 0)
    d.put_policy("api", "package api\n\ny := 1\n")
    d.replace_files(files({"f": {"a": 2, "b": 2, "c": 2}, "list": [7, 8]}, q="package q\n\nz := 1\n"))
    assert root(d) == {"f": {"a": "api", "c": 2, "new": "api"}, "own": {"x": "api"}, "list": [0, 1]}
    assert set(d.state.modules) == {"api", "q"}


def test_a_policy_that_was_pushed_over_a_files_one_wins() -> None:
    d = Documents(files(p="package p\n\nx := 1\n"))
    d.put_policy("p", "package p\n\nx := 2\n")
    d.replace_files(files(p="package p\n\nx := 3\n"))
    assert value(d, "data.p.x") == 2


def test_files_that_do_not_compile_change_nothing() -> None:
    d = Documents(files({"a": 1}, p="package p\n\nx := 1\n"))
    d.put_data(("ex", "allow"), 1)
    before = d.state
    for broken in (
        files(p="package p\n\nx := y\n"),
        files({"a": 2}, ex=EX),
        files({"p": {"x": 1}}, p="package p\n\nx := 1\n"),
    ):
        with pytest.raises(CompileError):
            d.replace_files(broken)
    assert d.state is before


def test_repeated_writes_do_not_grow_what_is_remembered() -> None:
    d = Documents(files({"f": {"a": 1}}))
    for i in range(200):
        d.put_data(("x", "y"), {"n": i})
        d.put_data(("x", "y", "n"), i + 1)
        d.put_data(("tmp", str(i)), 1)
        d.delete_data(("tmp", str(i)))
        d.put_data(("f", "a"), i)
        d.delete_data(("f", "a"))
    assert d._overlay.size() == 2
    d.put_data(("x",), {"whole": True})
    assert d._overlay.size() == 2
    d.replace_files(files({}))
    assert d._overlay.size() == 1
    assert root(d) == {"x": {"whole": True}}


class Lazy:
    def to_value(self) -> Any:
        return {"k": "v"}


def test_documents_that_are_read_from_elsewhere_take_no_writes() -> None:
    lazy = Lazy()
    d = Documents(files({"clair": {"other": 1}}), mounted={("clair", "layers"): lazy})
    for path in [(), ("clair",), ("clair", "layers"), ("clair", "layers", "x")]:
        with pytest.raises(ReadOnly):
            d.put_data(path, {})
        with pytest.raises(ReadOnly):
            d.patch_data([("add", path, {})])
        with pytest.raises(ReadOnly):
            d.delete_data(path)
    d.put_data(("clair", "mine"), 1)
    d.replace_files(files({"clair": {"other": 2}}))
    assert root(d) == {"clair": {"layers": lazy, "mine": 1, "other": 2}}


# --- threads -------------------------------------------------------------------------------------


def test_writers_wait_for_each_other_and_readers_see_whole_states() -> None:
    d = Documents(files({"n": {"a": 0, "b": 0}}, p="package p\n\nsame if data.n.a == data.n.b\n"))
    torn: list[Any] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            state = d.state
            n = state.snapshot.root["n"]
            if n["a"] != n["b"] or state.policy.prepare("data.p.same").value(data=state.snapshot) is not True:
                torn.append(n)

    def write(name: str) -> None:
        for i in range(100):
            d.patch_data([("add", ("n", "a"), (name, i)[1]), ("add", ("n", "b"), i)])
            d.put_data((name, str(i)), i)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        reader = threading.Thread(target=read)
        writers = [threading.Thread(target=write, args=(f"w{i}",)) for i in range(4)]
        for thread in (reader, *writers):
            thread.start()
        for thread in writers:
            thread.join()
        done.set()
        reader.join()
    finally:
        sys.setswitchinterval(interval)
    assert torn == []
    assert all(len(root(d)[f"w{i}"]) == 100 for i in range(4))
    assert d.state.revision == 1 + 4 * 200


# --- against a model -----------------------------------------------------------------------------

STEPS = st.sampled_from(["a", "b", "0", "1", "-"])
PATHS = st.lists(STEPS, min_size=1, max_size=3).map(tuple)
VALUES = st.recursive(
    st.integers(0, 3) | st.none(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "0"]), inner, max_size=2),
    max_leaves=4,
)
ROOTS = st.dictionaries(st.sampled_from(["a", "b", "0"]), VALUES, max_size=3)


class Model(RuleBasedStateMachine):
    """Documents beside a plain tree that is changed in place; and the API's writes once more, over the files' own."""

    def __init__(self) -> None:
        super().__init__()
        self.documents = Documents()
        self.tree: dict[str, Any] = {}
        self.revision = 1

    def _tried(self, act: Any, expected: Any) -> None:
        """Both do the same, or both refuse."""
        import copy

        model = copy.deepcopy(self.tree)
        try:
            changed = expected(model)
        except (KeyError, IndexError, TypeError, ValueError):
            before = self.documents.state
            with pytest.raises(StoreError):
                act()
            assert self.documents.state is before
            return
        act()
        self.tree = changed
        self.revision += 1

    @rule(path=PATHS, value=VALUES)
    def put(self, path: tuple[str, ...], value: Any) -> None:
        self._tried(lambda: self.documents.put_data(path, value), lambda tree: model_put(tree, path, value))

    @rule(path=PATHS)
    def delete(self, path: tuple[str, ...]) -> None:
        self._tried(lambda: self.documents.delete_data(path), lambda tree: model_delete(tree, path))

    @rule(path=PATHS, value=VALUES)
    def replace(self, path: tuple[str, ...], value: Any) -> None:
        self._tried(
            lambda: self.documents.patch_data([("replace", path, value)]),
            lambda tree: model_replace(tree, path, value),
        )

    @rule(value=ROOTS)
    def whole(self, value: dict[str, Any]) -> None:
        self._tried(lambda: self.documents.put_data((), value), lambda tree: value)

    @rule()
    def reload_the_same_files(self) -> None:
        self.documents.replace_files(Loaded())
        self.revision += 1

    @invariant()
    def the_trees_are_the_same(self) -> None:
        assert without_empty(root(self.documents)) == without_empty(self.tree)
        self.tree = dict(root(self.documents))  # a parent made on the way goes with the last write below it
        assert self.documents.state.revision == self.revision


def without_empty(tree: Any) -> Any:
    """Without objects that hold nothing: after a reload, parents made on the way are only there for what is in them."""
    if isinstance(tree, dict):
        made = {k: without_empty(v) for k, v in tree.items()}
        return {k: v for k, v in made.items() if v != {}}
    return tree


def place(node: list[Any], step: str, extra: int = 0) -> int:
    if not step.isdigit() or int(step) >= len(node) + extra:
        raise IndexError(step)
    return int(step)


def step_into(node: Any, step: str) -> Any:
    if isinstance(node, dict):
        return node[step]
    if isinstance(node, list):
        return node[place(node, step)]
    raise TypeError(step)


def model_put(tree: Any, path: tuple[str, ...], value: Any) -> Any:
    node: Any = tree
    there = True
    for step in path[:-1]:
        try:
            node = step_into(node, step)
        except (KeyError, IndexError, TypeError):
            there = False
            if not isinstance(node, dict):
                raise TypeError(step) from None
            node[step] = {}
            node = node[step]
    last = path[-1]
    if isinstance(node, dict):
        node[last] = value
    elif isinstance(node, list) and there:
        node.insert(place(node, last), value)
    else:
        raise TypeError(last)
    return tree


def model_delete(tree: Any, path: tuple[str, ...]) -> Any:
    node: Any = tree
    for step in path[:-1]:
        node = step_into(node, step)
    step_into(node, path[-1])
    if isinstance(node, dict):
        del node[path[-1]]
    else:
        del node[int(path[-1])]
    return tree


def model_replace(tree: Any, path: tuple[str, ...], value: Any) -> Any:
    node: Any = tree
    for step in path[:-1]:
        node = step_into(node, step)
    step_into(node, path[-1])
    node[path[-1] if isinstance(node, dict) else int(path[-1])] = value
    return tree


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
