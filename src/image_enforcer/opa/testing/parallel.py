"""Running tests in several processes. Each has a copy of the compiled policy from a fork, and sends back its results.

Results come in the order of the tests whoever ran them. A process that ends before its time (there was too little
memory, say) makes the test that it was at an error; what it had left is run here.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias

from .finding import UnitTest
from .results import Error, Result
from .running import Runner, described

if TYPE_CHECKING:
    from ..coverage import Coverage

Do: TypeAlias = "Callable[[UnitTest], Result | None]"
"""What is done with a test."""

FEWEST: Final = 32
"""Tests for which several processes are worth it."""

FAULT: Final = 70
"""The exit code of a process that met a fault of ours."""


def run_all(runner: Runner, tests: Sequence[UnitTest], processes: int) -> Iterator[Result]:
    """Results in the order of the tests."""
    for got in _each(runner, runner.run, tests, processes):
        assert got is not None
        yield got


def cover_all(runner: Runner, tests: Sequence[UnitTest], passes: Sequence[str], processes: int) -> None:
    """Collect what tests come by in further ways of going through them."""

    def cover(test: UnitTest) -> None:
        runner.cover(test, passes)

    for _ in _each(runner, cover, tests, processes):
        pass


def _each(runner: Runner, do: Do, tests: Sequence[UnitTest], processes: int) -> Iterator[Result | None]:
    if processes <= 1 or len(tests) < FEWEST or not hasattr(os, "fork"):
        yield from map(do, tests)
        return
    workers: list[_Worker] = []
    try:
        workers.extend(_Worker(runner, do, tests[i::processes], workers) for i in range(processes))
        for i, test in enumerate(tests):
            yield workers[i % processes].next_result(do, test)
        for worker in workers:
            worker.collect(runner.coverage)
    finally:
        for worker in workers:
            worker.end()


class _Worker:
    """A process that runs every so-manieth test."""

    def __init__(self, runner: Runner, do: Do, tests: Sequence[UnitTest], before: Sequence[_Worker]) -> None:
        reading, writing = os.pipe()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        self.pid = os.fork()
        if not self.pid:
            os.close(reading)
            for worker in before:
                worker.results.close()
            _work(runner, do, tests, writing)
        os.close(writing)
        self.results: BinaryIO = os.fdopen(reading, "rb")
        self._gone = False
        self._ended = False

    def next_result(self, do: Do, test: UnitTest) -> Result | None:
        """The result of its next test, which is the one given."""
        if self._gone:
            return do(test)
        try:
            got: Result | None = pickle.load(self.results)  # noqa: S301 - what a copy of this process has written
        except (EOFError, pickle.UnpicklingError):
            self._gone = True
            if os.waitstatus_to_exitcode(self._status()) == FAULT:
                return do(test)  # the fault is met here once more, and told
            text = "the process that ran it ended before it was done; was there too little memory?"
            return replace(described(test), error=Error(text, (), {"message": text}))
        return got

    def collect(self, coverage: Coverage | None) -> None:
        """Take what it has collected beside the results."""
        if coverage is None:
            return
        if self._gone:
            coverage.cuts.append("what the process came by that ended before it was done")
        else:
            coverage.add(pickle.load(self.results))  # noqa: S301 - as above

    def end(self) -> None:
        """Wait for it, or end it where it is not done."""
        self.results.close()
        if not self._ended:
            os.kill(self.pid, signal.SIGTERM)
            self._status()

    def _status(self) -> int:
        """How it ended, once it has."""
        self._ended = True
        return os.waitpid(self.pid, 0)[1]


def _work(runner: Runner, do: Do, tests: Sequence[UnitTest], writing: int) -> None:
    """Run tests and write what came of them; never returns. A fault of ours ends it, without a word."""
    code = FAULT
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told too, and ends the others
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if runner.coverage is not None:
            runner.coverage = type(runner.coverage)(runner.coverage.kinds)
        with os.fdopen(writing, "wb") as out:
            for test in tests:
                pickle.dump(do(test), out)
                out.flush()
            if runner.coverage is not None:
                pickle.dump(runner.coverage.collected(), out)
        code = 0
    except BrokenPipeError:
        code = 0
    finally:
        os._exit(code)
