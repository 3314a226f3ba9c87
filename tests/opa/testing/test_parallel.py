"""Several processes give what one gives, also where one of them ends early."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from image_enforcer.opa.testing.finding import UnitTest, find_tests
from image_enforcer.opa.testing.parallel import FEWEST, run_all
from image_enforcer.opa.testing.results import Result
from image_enforcer.opa.testing.running import Options, Runner
from tests.opa.testing.projects import compiled, session, written

COUNT = FEWEST + 9
TEXT = "package a\n" + "\n".join(f'test_{i} if {{ print("{i}"); {i} != 7 }}' for i in range(COUNT))


class Watched(Runner):
    """A runner that does something before one of its tests."""

    before: Callable[[UnitTest], None] = staticmethod(lambda _: None)

    def run(self, test: UnitTest) -> Result:
        """Run a test."""
        type(self).before(test)
        return super().run(test)


def runner() -> Watched:
    return Watched(compiled(TEXT), {}, Options())


def told(processes: int) -> list[Result]:
    made = runner()
    return [replace(r, duration=0) for r in run_all(made, find_tests(made.policy), processes)]


def test_the_same_in_the_same_order() -> None:
    alone = told(1)
    assert [r.name for r in alone] == [f"test_{i}" for i in range(COUNT)]
    assert [r.name for r in alone if not r.passed] == ["test_7"]
    assert told(3) == alone


def test_a_process_that_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    here = os.getpid()

    def die(test: UnitTest) -> None:
        if test.name == "test_5" and os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(Watched, "before", staticmethod(die))
    results = told(3)
    assert len(results) == COUNT
    assert [r.name for r in results if r.error is not None] == ["test_5"]


def test_a_fault_of_ours_is_met_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(test: UnitTest) -> None:
        if test.name == "test_5":
            raise LookupError("a mistake")

    monkeypatch.setattr(Watched, "before", staticmethod(fault))
    with pytest.raises(LookupError, match="a mistake"):
        told(3)


def test_who_stops_early_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    children: list[int] = []
    fork = os.fork

    def noted() -> int:
        children.append(fork())
        return children[-1]

    monkeypatch.setattr(os, "fork", noted)
    made = runner()
    results = run_all(made, find_tests(made.policy), 3)
    next(iter(results))
    del results
    assert len(children) == 3
    for child in children:
        with pytest.raises(ChildProcessError):
            os.waitpid(child, os.WNOHANG)


def test_what_is_covered_comes_together(tmp_path: Path) -> None:
    text = "package a\np(x) if x > 1\np(x) if {\n\tx < 0\n}\nq if input.z == 1\n" + "\n".join(
        f"test_{i} if {'p(2)' if i % 2 else 'not p(0)'}" for i in range(COUNT)
    )
    paths = written(tmp_path, {"a.rego": f"{text}\ntest_q if not q\n"})
    wanted = {"coverage": True, "kinds": ("index_excluded", "early_exit")}
    alone, several = (session(paths, **wanted, processes=n) for n in (1, 3))
    assert alone == several
    assert alone[0] == 0
    assert '"index_excluded"' in alone[1]
