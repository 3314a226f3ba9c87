"""Running tests in several processes. Each has a copy of the compiled policy from a fork, and sends back its results.

Results come in the order of the tests whoever ran them. A process that ends before its time (there was too little
memory, say) makes the test that it was at an error; what it had left is run here.
"""

from __future__ import annotations

import contextlib
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

    def next_result(self, runner: Runner, test: UnitTest) -> Result:
        """The result of its next test, which is the one given."""
        if self._gone:
            return runner.run(test)
        try:
            got = pickle.load(self.results)  # noqa: S301 - what a copy of this process has written
        except (EOFError, pickle.UnpicklingError):
            self._gone = True
            text = "the process that ran it ended before it was done; was there too little memory?"
            return replace(described(test), error=Error(text, (), {"message": text}))
        return got if isinstance(got, Result) else runner.run(test)

    def end(self) -> None:
        """Wait for it, or end it where it is not done."""
        self.results.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _work(runner: Runner, tests: Sequence[UnitTest], writing: int) -> None:
    """Run tests and write what came of them; never returns. An unforeseen fault is left to the parent to have."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told too, and ends the others
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with os.fdopen(writing, "wb") as out:
            for test in tests:
                try:
                    made: Result | None = runner.run(test)
                except Exception:  # noqa: BLE001 - the parent meets it once more, and tells of it
                    made = None
                pickle.dump(made, out)
                out.flush()
        code = 0
    except BrokenPipeError:
        code = 0
    finally:
        os._exit(code)
