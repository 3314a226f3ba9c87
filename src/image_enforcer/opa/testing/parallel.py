"""Running tests in several processes. Each has a copy of the compiled policy from a fork, and sends back its results.

Results come in the order of the tests whoever ran them. A process that ends before its time (there was too little
memory, say) makes the test that it was at an error; what it had left is run here.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO, Final

from .finding import UnitTest
from .results import Error, Result
from .running import Runner, described

FEWEST: Final = 32
"""Tests for which several processes are worth it."""

FAULT: Final = 70
"""The exit code of a process that met a fault of ours."""


def run_all(runner: Runner, tests: Sequence[UnitTest], processes: int) -> Iterator[Result]:
    """Results in the order of the tests."""
    alone = processes <= 1 or len(tests) < FEWEST or runner.coverage is not None
    if alone or not hasattr(os, "fork"):
        yield from map(runner.run, tests)
        return
    yield from _shared(runner, tests, processes)


def _shared(runner: Runner, tests: Sequence[UnitTest], processes: int) -> Iterator[Result]:
    workers: list[_Worker] = []
    try:
        workers.extend(_Worker(runner, tests[i::processes], workers) for i in range(processes))
        for i, test in enumerate(tests):
            yield workers[i % processes].next_result(runner, test)
    finally:
        for worker in workers:
            worker.end()


class _Worker:
    """A process that runs every so-manieth test."""

    def __init__(self, runner: Runner, tests: Sequence[UnitTest], before: Sequence[_Worker]) -> None:
        reading, writing = os.pipe()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        self.pid = os.fork()
        if not self.pid:
            os.close(reading)
            for worker in before:
                worker.results.close()
            _work(runner, tests, writing)
        os.close(writing)
        self.results: BinaryIO = os.fdopen(reading, "rb")
        self._gone = False
        self._ended = False

    def next_result(self, runner: Runner, test: UnitTest) -> Result:
        """The result of its next test, which is the one given."""
        if self._gone:
            return runner.run(test)
        try:
            got: Result = pickle.load(self.results)  # noqa: S301 - what a copy of this process has written
        except (EOFError, pickle.UnpicklingError):
            self._gone = True
            if os.waitstatus_to_exitcode(self._status()) == FAULT:
                return runner.run(test)  # the fault is met here once more, and told
            text = "the process that ran it ended before it was done; was there too little memory?"
            return replace(described(test), error=Error(text, (), {"message": text}))
        return got

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


def _work(runner: Runner, tests: Sequence[UnitTest], writing: int) -> None:
    """Run tests and write what came of them; never returns. A fault of ours ends it, without a word."""
    code = FAULT
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told too, and ends the others
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with os.fdopen(writing, "wb") as out:
            for test in tests:
                pickle.dump(runner.run(test), out)
                out.flush()
        code = 0
    except BrokenPipeError:
        code = 0
    finally:
        os._exit(code)
