"""The prompt on a terminal: statements over several lines, history in a file, completion, interruption."""

import os
import stat
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from image_enforcer.opa.documents import Documents
from image_enforcer.opa.loader import Loaded
from image_enforcer.opa.repl import Session
from image_enforcer.opa.repl.terminal import open_history, prompt_session

CTRL_C, CTRL_D, UP = "\x03", "\x04", "\x1b[A"


def typed(keys: str, history: InMemoryHistory | None = None) -> str:
    """What a prompt gives when keys are pressed."""
    session = Session(Documents(Loaded({"clair": {"layers": {"sha256:ab": 1}}})))
    with create_pipe_input() as source:
        source.send_text(keys)
        kept = history or InMemoryHistory()
        return prompt_session(session, kept, source=source, target=DummyOutput()).prompt()


def test_a_whole_statement_ends_with_enter() -> None:
    assert typed("1 + 1\r") == "1 + 1"
    assert typed("\r") == ""
    assert typed("help [\r") == "help ["


def test_what_is_not_whole_goes_on() -> None:
    assert typed('x := {\r"a": 1\r}\r') == 'x := {\n"a": 1\n}'


def test_an_empty_line_ends_what_is_not_whole() -> None:
    assert typed("1 +\r\r") == "1 +\n"


def test_completion_takes_the_place_of_the_name_before_the_cursor() -> None:
    session = Session(Documents(Loaded({"clair": {"layers": {}}})))
    completer = prompt_session(session, InMemoryHistory(), target=DummyOutput()).completer
    assert completer is not None
    found = list(completer.get_completions(Document("count(data.clair.la"), CompleteEvent()))
    assert [(c.text, c.start_position) for c in found] == [("data.clair.layers", -len("data.clair.la"))]


def test_history_with_up() -> None:
    history = InMemoryHistory()
    assert typed("x := [\r1]\r", history) == "x := [\n1]"
    assert typed("2\r", history) == "2"
    assert typed(f"{UP}\r", history) == "2"
    assert list(history.get_strings()) == ["x := [\n1]", "2"]


def test_interruption_and_the_end() -> None:
    with pytest.raises(KeyboardInterrupt):
        typed(f"x := {{\r{CTRL_C}")
    with pytest.raises(EOFError):
        typed(CTRL_D)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def no_reports(text: str) -> None:
    raise AssertionError(text)


def test_the_history_is_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "history"
    open_history(str(path), no_reports).append_string("a := 1")
    assert mode(path) == 0o600
    assert list(open_history(str(path), no_reports).load_history_strings()) == ["a := 1"]
    path.chmod(0o644)
    open_history(str(path), no_reports)
    assert mode(path) == 0o600


def test_the_history_is_in_the_home_where_nothing_else_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    open_history("", no_reports)
    open_history("~/other", no_reports)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".image_enforcer_history", "other"]


@pytest.mark.parametrize("name", ["", "no/where", "pipe"])
def test_a_history_that_cannot_be_kept_is_told_once(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    told: list[str] = []
    history = open_history(str(tmp_path / name), told.append)
    history.append_string("a")
    assert len(told) == 1
    assert told[0].startswith("the history is not kept: ")


def test_a_history_that_goes_on_the_way(tmp_path: Path) -> None:
    told: list[str] = []
    path = tmp_path / "d" / "history"
    path.parent.mkdir()
    history = open_history(str(path), told.append)
    path.unlink()
    path.parent.rmdir()
    history.append_string("a")
    history.append_string("b")
    assert len(told) == 1
    assert told[0].startswith("the history is not kept any more: ")
