"""One ``test`` command: load, compile, run, report, and say how it ended."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ...rego import CompileError, Policy, Value, compile_modules
from ...rego.check.test_rules import ForTests
from .. import presentation
from ..errors import LoadError
from ..loader import Loaded
from ..measuring import SECONDS
from ..schemas import Schemas, load_schemas
from ..trees import occupied
from .benchmarks import measured
from .documents import json_text, junit_text
from .durations import duration
from .finding import BadPattern, UnitTest, find_tests
from .parallel import cover_all, run_all
from .pretty import Pretty
from .results import Result, cases_in_order
from .running import Options, Runner

PASSED = 0
NOT_RUN = 1
FAILED = 2

Format: TypeAlias = Literal["pretty", "json", "gobench", "junit"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What was asked for."""

    pattern: str = ""
    verbose: bool = False
    explain: str = ""
    values: bool = False
    coverage: bool = False
    kinds: Sequence[str] = ()
    threshold: float = 0.0
    bench: bool = False
    bench_seconds: float = SECONDS
    """About how long each test is measured."""
    allocations: bool = True
    count: int = 1
    seconds: float = 0.0
    format: Format = "pretty"
    slowest_first: bool = False
    skipped_pass: bool = False
    empty_fails: bool = True
    processes: int = 0
    max_errors: int = 10
    schema: str = ""
    """Where the schemas are that inputs and documents follow."""

    @property
    def limit(self) -> float:
        """Seconds that a test may take."""
        return self.seconds or (30.0 if self.bench else 5.0)


@dataclass(slots=True)
class TestSession:
    """Runs the tests of files. ``write`` takes results, ``say`` the rest."""

    __test__ = False  # a name that test runners look for

    wanted: Wanted
    write: Callable[[str], object]
    say: Callable[[str], object]
    ran: int = 0
    _code: int = field(default=PASSED, init=False)

    def run(self, load: Callable[[], Loaded], *, alone: bool = False) -> int:
        """Load and run once, or as often as is wanted; the exit code. ``alone``: in this process."""
        try:
            loaded = load()
            policy = self._compiled(loaded, load_schemas(self.wanted.schema) if self.wanted.schema else None)
            tests = find_tests(policy, self.wanted.pattern)
        except LoadError as e:
            self.say(presentation.harmless(e.plain()))
            for hint in e.hints:
                self.say(f"hint: {hint}")
            return NOT_RUN
        except CompileError as e:
            self.say(presentation.harmless(str(e)))
            return NOT_RUN
        except BadPattern as e:
            self.say(str(e))
            return NOT_RUN
        for notice in loaded.notices:
            self.say(notice)
        code = PASSED
        for _ in range(self.wanted.count):
            code = self._once(policy, loaded.documents, tests, alone)
            if code:
                break
        return code

    def _compiled(self, loaded: Loaded, schemas: Schemas | None) -> Policy:
        root = loaded.documents
        return compile_modules(
            loaded.modules, path_conflicts=lambda path: occupied(root, path), keep_prints=not self.wanted.bench,
            max_errors=self.wanted.max_errors, tests=ForTests(self.wanted.values), schemas=schemas,
        )  # fmt: skip

    def _once(self, policy: Policy, root: Value, tests: Sequence[UnitTest], alone: bool) -> int:
        wanted = self.wanted
        self.ran, self._code = 0, PASSED
        processes = 1 if alone else wanted.processes or os.cpu_count() or 1
        if wanted.bench:
            code = self._report(self._counted(self._measured(policy, root, tests)))
        elif wanted.coverage:
            code = self._coverage(policy, root, tests, processes)
        else:
            runner = Runner(policy, root, self._options())
            code = self._report(self._counted(run_all(runner, tests, processes)))
        if code:
            return code
        if not self.ran and wanted.empty_fails:
            self.say("no tests were run")
            self.say("hint: rules whose names begin with test_ are tests; --run chooses among them")
            return NOT_RUN
        return self._code

    def _options(self) -> Options:
        wanted = self.wanted
        return Options(
            seconds=wanted.limit, trace=wanted.verbose, mode=wanted.explain, values=wanted.values,
            events=wanted.verbose and wanted.format == "json",
        )  # fmt: skip

    def _measured(self, policy: Policy, root: Value, tests: Sequence[UnitTest]) -> Iterator[Result]:
        limit, seconds, memory = self.wanted.limit, self.wanted.bench_seconds, self.wanted.allocations
        return (measured(policy, root, t, seconds=limit, bench_seconds=seconds, memory=memory) for t in tests)

    def _counted(self, results: Iterable[Result]) -> Iterator[Result]:
        for result in results:
            self.ran += 1
            if not result.passed and not (result.skip and self.wanted.skipped_pass):
                self._code = FAILED
            if result.notice:
                self.say(result.notice)
            yield result

    def _report(self, results: Iterator[Result]) -> int:
        wanted = self.wanted
        match wanted.format:
            case "json":
                self.write(json_text(results, slowest_first=wanted.slowest_first))
            case "junit":
                self.write(junit_text(results))
            case _:
                Pretty(
                    self.write, verbose=wanted.verbose, values=wanted.values, measured=wanted.bench,
                    allocations=wanted.allocations, gobench=wanted.format == "gobench",
                ).report(results)  # fmt: skip
        return PASSED

    def _coverage(self, policy: Policy, root: Value, tests: Sequence[UnitTest], processes: int) -> int:
        """The report, where all tests hold and enough is covered.

        Why something was not covered is looked for once more, and only where something was not.
        """
        from ..coverage import Coverage

        coverage = Coverage(self.wanted.kinds)
        runner = Runner(policy, root, self._options(), coverage=coverage)
        results = self._counted(run_all(runner, tests, processes))
        failures: list[Result] = []
        for result in results:
            if result.error is not None:
                self.say(result.error.text)
                return NOT_RUN
            if result.fail:
                failures.append(result)
        if failures:
            Pretty(self.write, verbose=self.wanted.verbose).report(failures)
            self.say(_in_full(failures[0]))
            return NOT_RUN
        report = coverage.report(policy.modules)
        if report.not_covered_lines and self.wanted.kinds and report.coverage >= self.wanted.threshold:
            cover_all(runner, tests, self.wanted.kinds, processes)
            report = coverage.report(policy.modules)
        for cut in coverage.cuts:
            self.say(f"coverage is not complete: {cut}")
        if report.coverage < self.wanted.threshold:
            lines = [
                f"Code coverage threshold not met: got {report.coverage:.2f} instead of {self.wanted.threshold:.2f}"
            ]
            if self.wanted.verbose and report.files:
                lines.append("Lines not covered:")
                for name in sorted(report.files):
                    spans = report.files[name].lines_not_covered()
                    lines += [f"\t{name}:{a}" if a == b else f"\t{name}:{a}-{b}" for a, b in spans]
            self.say("\n".join(lines))
            return FAILED
        self.write(presentation.dumps(report.json()) + "\n")
        return PASSED


def _in_full(result: Result) -> str:
    """A failure with its cases, in one text."""
    lines = [f"{result.package}.{result.name}: {result.outcome} ({duration(result.duration)})"]
    lines += [f"{'  ' * (len(path) - 1)}{case.name}: {case.outcome}" for path, case in cases_in_order(result.cases)]
    return "\n".join(lines) + "\n"
