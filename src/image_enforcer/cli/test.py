"""``test``: run the tests of policies."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from cyclopts import Parameter

from . import opa
from .faults import Fault, say

if TYPE_CHECKING:
    from ..opa.loader import Loaded
    from ..opa.testing.session import TestSession

Format: TypeAlias = Literal["pretty", "json", "gobench", "junit"]
Mode: TypeAlias = Literal["", "fails", "full", "notes", "debug"]


def run_tests(
    *paths: str,
    verbose: Annotated[bool, Parameter(name=["--verbose", "-v"], negative=())] = False,
    run: Annotated[str, Parameter(name=["--run", "-r"])] = "",
    format_: Annotated[Format, Parameter(name=["--format", "-f"])] = "pretty",
    explain: Mode = "",
    var_values: opa.Flag = False,
    coverage: Annotated[bool, Parameter(name=["--coverage", "-c"], negative=())] = False,
    threshold: float = 0.0,
    coverage_runs: opa.Many = (),
    bench: opa.Flag = False,
    benchmem: opa.Flag = True,
    count: int = 1,
    timeout: str = "",
    parallel: Annotated[int, Parameter(name=["--parallel", "-p"])] = 0,
    sort: Literal["none", "duration"] = "none",
    exit_zero_on_skipped: Annotated[bool, Parameter(name=["--exit-zero-on-skipped", "-z"], negative=())] = False,
    fail_on_empty: opa.Flag = True,
    watch: Annotated[bool, Parameter(name=["--watch", "-w"], negative=())] = False,
    bundle: Annotated[bool, Parameter(name=["--bundle", "-b"], negative=())] = False,
    ignore: opa.Many = (),
    max_errors: Annotated[int, Parameter(name=["--max-errors", "-m"])] = 10,
    v0_compatible: opa.Flag = False,
    v1_compatible: opa.HiddenFlag = True,
    no_mount: opa.Flag = False,
    target: Annotated[str, Parameter(name=["--target", "-t"], show=False)] = "rego",
    capabilities: opa.HiddenText = "",
    schema: Annotated[str, Parameter(name=["--schema", "-s"])] = "",
) -> int:
    """Run the tests that policies bring along.

    A test is a rule whose name begins with test_. It passes where it is true. A rule test_x[name] is a table of tests,
    each told apart; one whose name begins with todo_test_ is skipped.

    Parameters
    ----------
    paths
        files and directories with policies, tests and data
    verbose
        show every test, and the steps that failed
    run
        run only tests whose full name, data.a.test_x, matches this regular expression
    format_
        pretty, json, junit, or with --bench gobench
    explain
        which steps of failed tests are shown: fails, full, notes or debug; shows every test, too
    var_values
        show the expression that failed with the values in it
    coverage
        report what of the policies the tests come by, as JSON
    threshold
        fail where less of the lines than so many percent is covered; reports coverage
    coverage_runs
        why something is not covered is looked for in these ways: index_excluded, early_exit; "" in none
    bench
        measure how long each test takes
    benchmem
        measure memory, too
    count
        how often every test is run
    timeout
        how long a test may take, e.g. 500ms or 1m (default: 5s; 30s where tests are measured)
    parallel
        how many tests are run side by side; 0 for as many as there are processors
    sort
        order of JSON results: none for files and lines, or duration
    exit_zero_on_skipped
        exit with 0 where tests were skipped
    fail_on_empty
        exit with 1 where no test was run; --fail-on-empty=false exits with 0
    watch
        run the tests again when files change
    bundle
        read the paths as bundles
    ignore
        names of files and directories to leave out, as globs
    max_errors
        how many errors of policies are shown
    v0_compatible
        read policies as Rego v0
    no_mount
        do not mount directories that stand side by side under their own names
    schema
        a JSON schema of the input, or a directory of schemas that annotations name
    """
    opa.refuse("test", {"target": "" if target == "rego" else target, "capabilities": capabilities})
    if not paths:
        raise Fault("IE2002", "specify at least one file", hint="image-enforcer test ./policies", exit_code=1)
    if format_ == "gobench" and not bench:
        text = "cannot use output format gobench without running benchmarks (--bench)"
        raise Fault("IE2003", text, hint="add --bench", exit_code=1)
    if not 0 <= threshold <= 100:
        text = "Code coverage threshold must be between 0 and 100"
        raise Fault("IE2003", text, hint="--threshold 80", exit_code=1)
    kinds = _kinds(coverage_runs)
    coverage = coverage or bool(coverage_runs) or threshold > 0
    if coverage and bench:
        text = "coverage reporting is not supported when benchmarking tests"
        raise Fault("IE2003", text, hint="leave out --bench or --coverage", exit_code=1)
    if sort != "none" and format_ != "json":
        say("warning: --sort is only supported with JSON format")
    if count < 0 or parallel < 0 or max_errors < 0:
        raise Fault("IE2003", "--count, --parallel and --max-errors are not negative", hint="leave it out")
    from ..opa.testing.session import TestSession, Wanted

    wanted = Wanted(
        pattern=run, verbose=verbose or bool(explain), explain=explain, values=var_values, coverage=coverage,
        kinds=kinds, threshold=threshold, bench=bench, allocations=benchmem, count=count,
        seconds=opa.seconds(timeout) or 0.0, format=format_, slowest_first=sort == "duration",
        skipped_pass=exit_zero_on_skipped, empty_fails=fail_on_empty, processes=parallel, max_errors=max_errors,
        schema=schema,
    )  # fmt: skip
    session = TestSession(wanted, opa.write, say)
    names = opa.parts(ignore)

    def load() -> Loaded:
        from ..opa.bundles import BundleError

        version = 0 if v0_compatible or not v1_compatible else 1
        try:
            return opa.load_policies(paths, names, version=version, bundle=bundle, mount=not no_mount)
        except BundleError as e:
            if not e.path:
                raise
            raise BundleError(f"unable to load bundle {e.path}: {e.plain()}", e.causes[0].hint) from None

    if watch:
        return _watched(session, load, paths, names)
    return session.run(load)


def _kinds(runs: Sequence[str]) -> tuple[str, ...]:
    from ..opa.coverage import KINDS

    found = opa.parts(runs)
    for name in found:
        if name not in KINDS:
            wanted = " or ".join(f'"{kind}"' for kind in KINDS)
            raise Fault("IE2003", f'invalid --coverage-runs value "{name}" (expected {wanted})', hint=KINDS[0])
    return tuple(k for k in KINDS if k in found) if runs else KINDS


def _watched(session: TestSession, load: opa.Load, paths: Sequence[str], ignore: Sequence[str]) -> int:
    """Run, and run again after each change, until interrupted."""
    from ..opa.watch import now, watch

    def again() -> None:
        session.run(load, alone=True)
        waiting()

    def waiting() -> None:
        opa.write(f"{'*' * 80}\nWatching for changes ...\n")

    since = now(paths, ignore)
    session.run(load)
    waiting()
    with contextlib.suppress(KeyboardInterrupt):
        watch(paths, again, threading.Event(), ignore=ignore, report=say, since=since)
    sys.stdout.flush()
    return 0
