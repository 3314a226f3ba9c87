"""Results for people, in OPA's layout: a line for each, then how the failures came about, then the counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..measuring import memory_text, times_text
from .durations import duration
from .results import FailedAt, Result, Row, cases_in_order

RULE: Final = "-" * 80
GAP: Final = 4
"""Columns between those of a trace."""


@dataclass(slots=True)
class Pretty:
    """Writes results as they come; ``values``: with the expression that failed and the values in it.

    ``allocations`` and ``gobench`` are about benchmarks, which are told instead of tests where they were ``measured``.
    """

    write: Callable[[str], object]
    verbose: bool = False
    values: bool = False
    measured: bool = False
    allocations: bool = True
    gobench: bool = False
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    errors: int = 0
    _failures: list[Result] = field(default_factory=list)
    _file: str = ""
    _dirty: bool = False

    def report(self, results: Iterable[Result]) -> None:
        """All of it."""
        for result in results:
            self._count(result)
            self._result(result)
        if self.failed and (self.verbose or self.values):
            self.write(f"{RULE}\nFAILURES\n{RULE}\n")
            for failure in self._failures:
                self._failure(failure)
        if self._dirty:
            self.write(f"{RULE}\n")
        counts = (("PASS", self.passed), ("FAIL", self.failed), ("SKIPPED", self.skipped), ("ERROR", self.errors))
        total = sum(count for _, count in counts)
        self.write("".join(f"{name}: {count}/{total}\n" for name, count in counts if count))

    def _count(self, result: Result) -> None:
        if result.skip:
            self.skipped += 1
        elif result.error is not None:
            self.errors += 1
        else:
            if result.fail:
                self._failures.append(result)
            leaves = [c.fail for _, c in cases_in_order(result.cases) if not c.below] or [result.fail]
            self.failed += sum(leaves)
            self.passed += len(leaves) - sum(leaves)

    def _result(self, result: Result) -> None:
        if result.passed and self.measured:
            self._dirty = True
            if result.measured is not None:
                self.write(bench_line(result, self.allocations, self.gobench) + "\n")
        elif self.verbose or not result.passed:
            self._told(result)
        if result.error is not None:
            self.write(f"  {result.error.text}\n")
            if result.error.calls:
                self.write("  Traceback:\n" + "".join(f"    {call}\n" for call in result.error.calls))

    def _told(self, result: Result) -> None:
        if self._file and self._file != result.file:
            self.write("\n")
        self._file = result.file
        self._dirty = True
        self.write(f"{result.file}:{result.row}:\n{line(result)}\n")
        for path, case in cases_in_order(result.cases):
            if case.fail or self.verbose:
                self.write(f"{'  ' * len(path)}{case.name}: {case.outcome}\n")
        if result.output:
            self.write("\n" + indented(result.output.strip() + "\n", 2) + "\n")

    # --- failures --------------------------------------------------------------------------------

    def _failure(self, result: Result) -> None:
        self.write(line(result) + "\n")
        self._trace(result.trace)
        if not result.cases:
            self._at(result.failed_at, 0)
        else:
            self.write("\n")
            for path, case in cases_in_order(result.cases):
                if case.fail and not case.below:
                    for depth, name in enumerate(path):
                        self.write(f"{' ' * (2 + 2 * depth)}{name}: {case.outcome}\n")
                    self._at(case.failed_at, 2 + 2 * len(path))
        self.write("\n")

    def _trace(self, rows: Sequence[Row]) -> None:
        if not self.verbose:
            return
        widths = [max(len(row[i].encode()) for row in rows) + GAP for i in range(len(rows[0]))] if rows else []
        self.write("\n")
        for row in rows:
            cells = [f"  {cell:<{w}} " for cell, w in zip(row[:-1], widths, strict=False)]
            self.write("".join(cells) + f"  {row[-1]}  \n")

    def _at(self, at: FailedAt | None, depth: int) -> None:
        if not self.values:
            return
        room = " " * depth
        self.write(f"{room}\n")
        if at is not None:
            self.write(f"{room}  {at.place}:\n{indented(at.text, depth + 4)}{room}\n")


def line(result: Result) -> str:
    """A test and its outcome; how long it took, where it was run."""
    name = f"{result.package}.{result.name}: {result.outcome}"
    return name if result.skip else f"{name} ({duration(result.duration)})"


def indented(text: str, depth: int) -> str:
    """A text with room before each of its lines."""
    return "".join(f"{' ' * depth}{part}" for part in text.splitlines(keepends=True))


def bench_line(result: Result, allocations: bool, gobench: bool) -> str:
    """A test that was measured. In the format of Go's tools its name is one word with capitals."""
    assert result.measured is not None
    name = f"{result.package}.{result.name}"
    if gobench:
        name = "Benchmark" + "".join(part[:1].upper() + part[1:] for part in name.replace("_", ".").split("."))
    return f"{name}\t{times_text(result.measured)}" + (f"\t{memory_text(result.measured)}" if allocations else "")
