"""The embedded engine: the contract, then what it does with files, reloads and revisions."""

import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.adapters.policy.embedded import LIMITS, MAX_VALUES, EmbeddedEngine
from image_enforcer.opa.loader import Loaded
from image_enforcer.ports.policy import Answered, Exceeded, Failed, Undefined, UnusablePolicy
from image_enforcer.rego import Limits, Value, parse_module
from tests.contract.policy_engine import PACKAGE, POLICY, REVIEW, Engines, PolicyEngineContract, ask


class TestContract(PolicyEngineContract):
    @pytest.fixture
    def engines(self, tmp_path: Path) -> Engines:
        (tmp_path / "contract.rego").write_text(POLICY, encoding="utf-8")

        def start(rule: str, seconds: float = 30.0) -> EmbeddedEngine:
            return EmbeddedEngine.from_paths([str(tmp_path)], [], entry_point=(PACKAGE, rule), seconds=seconds)

        return start


class Files:
    """A folder of policies and data, and engines over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def engine(self, *entry_point: str) -> EmbeddedEngine:
        return EmbeddedEngine.from_paths([str(self.folder)], [], entry_point=entry_point or ("a", "answer"))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    found = Files(tmp_path / "files")
    found.write("policy.rego", 'package a\n\nanswer := ["first", data.facts.n]\n')
    found.write("facts/facts.json", '{"n": 1}')
    return found


def in_memory(policy: str, data: dict[str, Value], limits: Limits) -> EmbeddedEngine:
    loaded = Loaded(documents=data, modules={"a.rego": parse_module("a.rego", policy)}, raw={"a.rego": policy})
    return EmbeddedEngine(lambda: loaded, entry_point=("a", "answer"), limits=limits)


def test_policies_and_data(files: Files) -> None:
    engine = files.engine()
    assert ask(engine) == Answered(["first", 1])
    assert not engine.blocking
    assert engine.notices == ()


def test_policies_and_data_of_several_places(files: Files, tmp_path: Path) -> None:
    more = Files(tmp_path / "more")
    more.write("facts.json", '{"more": 2}')
    engine = EmbeddedEngine.from_paths([str(files.folder)], [f"extra:{more.folder}"], entry_point=("data_of_extra",))
    assert ask(engine) == Undefined("no policy defines data.data_of_extra", no_policy=True)
    files.write("second.rego", "package a.second\n\nanswer := data.extra.more\n")
    engine = EmbeddedEngine.from_paths(
        [str(files.folder)], [f"extra:{more.folder}"], entry_point=("a", "second", "answer")
    )
    assert ask(engine) == Answered(2)


def test_tests_of_policies_are_left_out(files: Files) -> None:
    files.write("policy_test.rego", "package a\n\nanswer := 7\n")
    assert ask(files.engine()) == Answered(["first", 1])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("policy.rego", "package a\n\nanswer := ", "policy.rego"),
        ("policy.rego", "package a\n\nanswer := nowhere\n", "nowhere"),
        ("facts/facts.json", "{", "facts.json"),
        ("facts/more.json", '{"n": 2}', "more.json"),
        ("a/a.json", '{"answer": 1}', "conflict"),
    ],
)
def test_what_cannot_be_used(files: Files, name: str, text: str, said: str) -> None:
    good = files.engine()
    before = good.revision()
    files.write(name, text)
    with pytest.raises(UnusablePolicy, match=said):
        files.engine()
    assert said in good.reload()
    assert good.revision() == before
    assert ask(good) == Answered(["first", 1]), "the old state stays in force"
    files.write(name, "")
    (files.folder / name).unlink()
    files.write("policy.rego", "package a\n\nanswer := data.facts.n\n")
    files.write("facts/facts.json", '{"n": 2}')
    assert good.reload() == ""
    assert ask(good) == Answered(2)


def test_missing_files() -> None:
    with pytest.raises(UnusablePolicy, match="nowhere"):
        EmbeddedEngine.from_paths(["nowhere.rego"], [], entry_point=("a", "answer"))


def test_without_a_policy_it_is_not_ready_until_one_is_loaded(files: Files) -> None:
    files.write("policy.rego", "package b\n")
    engine = files.engine()
    assert "data.a.answer" in engine.ready()
    assert ask(engine) == Undefined("no policy defines data.a.answer", no_policy=True)
    files.write("policy.rego", "package a\n\nanswer if input.x\n")
    assert engine.reload() == ""
    assert engine.ready() == ""
    assert isinstance(ask(engine), Undefined)
    assert ask(engine, {"x": True}) == Answered(True)


def test_a_reload_without_a_policy_leaves_the_old_one_in_force(files: Files) -> None:
    engine = files.engine()
    before = engine.revision()
    (files.folder / "policy.rego").rename(files.folder / "policy.rego.old")
    assert engine.reload() == "no policy defines data.a.answer"
    assert (engine.ready(), engine.revision()) == ("", before)
    assert ask(engine) == Answered(["first", 1])
    (files.folder / "policy.rego.old").rename(files.folder / "policy.rego")
    files.write("facts/facts.json", '{"n": 2}')
    assert engine.reload() == ""
    assert ask(engine) == Answered(["first", 2])


def test_files_that_are_swapped_while_they_are_read_are_never_mixed(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = files.engine()
    opened = os.open
    swapped: list[str] = []

    def swapping(path: str, *more: int) -> int:
        handle = opened(path, *more)
        if str(path).endswith("facts.json") and not swapped:
            swapped.append(path)
            files.write("facts/facts.json", '{"n": 22}')
            files.write("policy.rego", 'package a\n\nanswer := ["second", data.facts.n]\n')
        return handle

    files.write("facts/facts.json", '{"n": 1 }')
    monkeypatch.setattr(os, "open", swapping)
    assert engine.reload() == ""
    assert swapped
    assert ask(engine) == Answered(["second", 22])


# --- revisions -----------------------------------------------------------------------------------------


def test_the_same_files_are_the_same_revision_everywhere(files: Files, tmp_path: Path) -> None:
    twin = Files(tmp_path / "twin")
    for name in ("policy.rego", "facts/facts.json"):
        twin.write(name, (files.folder / name).read_text())
    assert twin.engine().revision().data == files.engine().revision().data
    assert files.engine().revision() == files.engine().revision()


def test_a_reload_of_the_same_files_changes_no_revision(files: Files) -> None:
    engine = files.engine()
    before = engine.revision()
    assert engine.reload() == ""
    assert engine.revision() == before


def test_a_changed_policy_is_another_policy_revision(files: Files) -> None:
    engine = files.engine()
    before = engine.revision()
    files.write("policy.rego", 'package a\n\nanswer := ["second", data.facts.n]\n')
    assert engine.reload() == ""
    assert engine.revision().policy != before.policy
    assert engine.revision().data == before.data
    outcome, revision = engine.decide(REVIEW)
    assert outcome == Answered(["second", 1])
    assert revision == engine.revision()


DOCUMENTS: list[Any] = [
    {}, {"a": {}}, {"a": None}, {"a": []}, {"a": [[]]}, {"a": ""}, {"a": "b"}, {"a": {"b": 1}}, {"a": {"b": "1"}},
    {"a": {"b": 1.5}}, {"a": {"b": True}}, {"a": {"c": 1}}, {"a": {"b": {"c": {"d": {"e": 1}}}}},
    {"a": {"b": {"c": {"d": {"e": 2}}}}}, {"a": {"b": {"c": {"d": {"f": 1}}}}}, {"a": {"b": {"c": {"d": {}}}}},
    {"a": {"b": {"c": {"d": {"e": {"f": {"g": {}}}}}}}}, {"a": 10**40}, {"ä": 1}, {"a": ["b", "c"]}, {"a": ["bc"]},
    {"a": 1, "b": 1}, {"b": {"a": 1}}, {"a": {"b": 1}, "c": 2}, {"a": {"b": 1, "c": 2}}, {"a,b": 1}, {'a","b': 1},
]  # fmt: skip


def test_every_change_of_data_is_another_revision(files: Files) -> None:
    seen: dict[str, Any] = {}
    engine = files.engine()
    for document in DOCUMENTS:
        files.write("facts/facts.json", json.dumps({"n": 1, "rest": document}))
        assert engine.reload() == ""
        assert engine.revision().data not in seen, (document, seen[engine.revision().data])
        seen[engine.revision().data] = document


def test_the_order_of_keys_is_no_change(files: Files) -> None:
    engine = files.engine()
    files.write("facts/facts.json", '{"n": 1, "m": {"x": [{"p": 1, "q": 2.50}], "y": {"z": {"u": {"v": 1, "w": 2}}}}}')
    assert engine.reload() == ""
    before = engine.revision()
    files.write("facts/facts.json", '{"m": {"y": {"z": {"u": {"w": 2, "v": 1}}}, "x": [{"q": 2.50, "p": 1}]}, "n": 1}')
    assert engine.reload() == ""
    assert engine.revision() == before


# --- loading while others ask ----------------------------------------------------------------------------


def test_the_first_question_does_not_pay_for_what_is_derived_from_data() -> None:
    """What the policy derives from data alone and what one question costs are more together than one question may."""
    policy = (
        "package a\n\n"
        "derived := count({x | some x in data.numbers; x % 7 == 0})\n\n"
        "answer := derived + count([x | some x in input.numbers; x >= 0])\n"
    )
    size = 20_000
    numbers: dict[str, Value] = {"numbers": list(range(size))}
    engine = in_memory(policy, numbers, Limits(seconds=60.0, units=size + size // 4))
    assert ask(engine, {"numbers": list(range(size // 2))}) == Answered(len(range(0, size, 7)) + size // 2)
    assert isinstance(ask(engine, {"numbers": list(range(2 * size))}), Exceeded)


def test_a_policy_that_exceeds_its_limit_can_be_loaded() -> None:
    policy = "package a\n\nanswer := count([1 | some x in data.numbers; some y in data.numbers; x == y + input.z])\n"
    engine = in_memory(policy, {"numbers": list(range(1_000))}, Limits(seconds=60.0, units=10_000))
    assert engine.ready() == ""
    found = ask(engine, {"z": 1})
    assert isinstance(found, Exceeded)
    assert not found.time


def test_answers_and_revisions_belong_together_while_it_is_reloaded(files: Files) -> None:
    """Eight threads ask while files change: each answer is one state's whole answer, and names that state."""
    states = {}
    texts = [(f'package a\n\nanswer := ["p{i}", data.facts.n]\n', f'{{"n": {i}}}') for i in range(3)]
    for i, (policy, facts) in enumerate(texts):
        files.write("policy.rego", policy)
        files.write("facts/facts.json", facts)
        states[files.engine().revision()] = Answered([f"p{i}", i])
    engine = files.engine()
    stop = threading.Event()

    def asking() -> list[Any]:
        wrong = []
        while not stop.is_set():
            outcome, revision = engine.decide(REVIEW)
            if states[revision] != outcome:
                wrong.append((outcome, revision))
        return wrong

    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(asking) for _ in range(8)]
        try:
            for turn in range(6):
                policy, facts = texts[turn % 3]
                files.write("policy.rego", policy)
                files.write("facts/facts.json", facts)
                assert engine.reload() == ""
                assert engine.decide(REVIEW)[0] == Answered([f"p{turn % 3}", turn % 3])
        finally:
            stop.set()
    assert [future.result() for future in running] == [[]] * 8


def test_two_reloads_at_once_leave_the_newest_state() -> None:
    """The first reload has read old files when the second begins: it may not end last."""
    policy = "package a\n\nanswer := data.n\n"
    module = parse_module("a.rego", policy)
    versions = iter(range(100))
    first_has_read, go_on = threading.Event(), threading.Event()

    def read() -> Loaded:
        n = next(versions)
        if n == 1:
            first_has_read.set()
            assert go_on.wait(30)
        return Loaded(documents={"n": n}, modules={"a.rego": module}, raw={"a.rego": policy})

    engine = EmbeddedEngine(read, entry_point=("a", "answer"))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(engine.reload)
        assert first_has_read.wait(30)
        second = pool.submit(engine.reload)
        assert ask(engine) == Answered(0), "and nobody waits meanwhile"
        go_on.set()
        assert (first.result(), second.result()) == ("", "")
    assert ask(engine) == Answered(2)


# --- answers ---------------------------------------------------------------------------------------------


def test_an_answer_that_grows_when_written_out() -> None:
    """Each rule holds the one before it twice: small while shared, larger than any memory once written."""
    rules = "".join(f"v{i} := array.concat([v{i - 1}], [v{i - 1}])\n\n" for i in range(1, 40))
    engine = in_memory(f"package a\n\nv0 := [1]\n\n{rules}answer := v39\n", {}, LIMITS)
    assert ask(engine) == Failed(f"the answer holds more than {MAX_VALUES} values")


def test_keys_with_one_text_are_one_key() -> None:
    engine = in_memory(
        'package a\n\nanswer := {1: "number", "1": "string", true: 1, "true": 2, [1]: {2: {3}}}\n', {}, LIMITS
    )
    assert ask(engine) == Answered({"1": "string", "true": 2, "[1]": {"2": [3]}})


@pytest.fixture(autouse=True)
def _nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    assert capfd.readouterr() == ("", "")
