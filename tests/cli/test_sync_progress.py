"""The line at the bottom of a terminal: what is left, out of the way of what is said, and gone at the end."""

import io
import threading
from dataclasses import replace

import pytest

from image_enforcer.cli import sync_progress
from image_enforcer.cli.sync_progress import CLEAR, Progress, line
from image_enforcer.ports.store import Backlog, StoreUnreachable

NOTHING = Backlog(
    revision=1, repositories=4, failing=0, looks_due=0, oldest_look=None, scanner="clair", images=9, scanned=9,
    scans_due=0,
)  # fmt: skip


def test_what_is_left_is_said() -> None:
    assert line(NOTHING) == ""
    assert line(replace(NOTHING, looks_due=3)) == "3 of 4 repositories to look at"
    assert line(replace(NOTHING, looks_due=1, scans_due=5)) == "1 of 4 repositories to look at, 5 of 9 images to scan"


def test_it_follows_gets_out_of_the_way_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_progress, "EVERY", 0.001)
    out, asked = io.StringIO(), threading.Event()
    progress = Progress(out)
    answers = iter([replace(NOTHING, scans_due=5), None, replace(NOTHING, scans_due=4)])

    def backlog() -> Backlog:
        found = next(answers, NOTHING)
        if found is NOTHING:
            asked.set()
        if found is None:
            raise StoreUnreachable("gone")
        return found

    with progress.following(backlog):
        assert asked.wait(30)
    five, four = "5 of 9 images to scan", "4 of 9 images to scan"
    assert out.getvalue() == f"{CLEAR}{five}{CLEAR}{CLEAR}{four}{CLEAR}"


def test_a_line_is_written_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_progress, "EVERY", 0.001)
    out, shown = io.StringIO(), threading.Event()
    progress = Progress(out)
    answers = iter([replace(NOTHING, looks_due=1)] * 2)

    def backlog() -> Backlog:
        found = next(answers, None)
        if found is None:
            shown.set()
            threading.Event().wait(0.001)
        return found or replace(NOTHING, looks_due=1)

    with progress.following(backlog):
        assert shown.wait(30)
        with progress.aside():
            out.write("a line\n")
    left = "1 of 4 repositories to look at"
    assert out.getvalue() == f"{CLEAR}{left}{CLEAR}a line\n{left}{CLEAR}"
