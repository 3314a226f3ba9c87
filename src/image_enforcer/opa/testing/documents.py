"""Results for programs: OPA's JSON, and JUnit's XML, which is ours alone."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from .. import presentation
from ..measuring import document as measured_document
from .results import Result, Subcase, cases_in_order

_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def json_text(results: Iterable[Result], *, slowest_first: bool = False) -> str:
    """All results as OPA's JSON."""
    found = list(results)
    if slowest_first:
        found.sort(key=lambda r: -r.duration)
    return presentation.dumps([_result(r) for r in found] or None) + "\n"


def _result(result: Result) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "location": {"file": result.file, "row": result.row, "col": result.col},
        "package": result.package,
        "name": result.name,
    }
    if result.fail:
        shown["fail"] = True
    if result.error is not None:
        shown["error"] = result.error.document
    if result.skip:
        shown["skip"] = True
    shown["duration"] = result.duration
    if result.events:
        shown["trace"] = list(result.events)
    if result.output:
        shown["output"] = base64.b64encode(result.output.encode("utf-8", "surrogatepass")).decode()
    if result.measured is not None:
        shown["benchmark_result"] = measured_document(result.measured)
    if result.cases:
        shown["sub_results"] = _cases(result.cases)
    return shown


def _cases(cases: Mapping[str, Subcase]) -> dict[str, Any]:
    return {name: _case(cases[name]) for name in sorted(cases)}


def _case(case: Subcase) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if case.name:
        shown["name"] = case.name
    if case.fail:
        shown["fail"] = True
    if case.below:
        shown["sub_results"] = _cases(case.below)
    return shown


def junit_text(results: Iterable[Result]) -> str:
    """All results as JUnit's XML: a suite for each package, a test case for each test, or for each case of one."""
    suites: dict[str, list[str]] = {}
    counts: dict[str, list[int]] = {}
    times: dict[str, float] = {}
    for result in results:
        suite = suites.setdefault(result.package, [])
        count = counts.setdefault(result.package, [0, 0, 0, 0])
        times[result.package] = times.get(result.package, 0.0) + result.duration / 1e9
        for name, told, which in _entries(result):
            suite.append(_entry(result, name, told))
            count[0] += 1
            if which:
                count[which] += 1
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    total = [sum(c[i] for c in counts.values()) for i in range(4)]
    lines.append(f"<testsuites {_counts(total, sum(times.values()))}>")
    for package, entries in suites.items():
        lines.append(f"  <testsuite name={_attribute(package)} {_counts(counts[package], times[package])}>")
        lines += [*entries, "  </testsuite>"]
    return "\n".join([*lines, "</testsuites>"]) + "\n"


def _counts(count: list[int], seconds: float) -> str:
    tests, failures, errors, skipped = count
    return f'tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}" time="{seconds:.6f}"'


def _entries(result: Result) -> list[tuple[str, str, int]]:
    """The test, or its cases: name, what is told, and which count it adds to (1 failures, 2 errors, 3 skipped)."""
    if result.skip:
        return [(result.name, "<skipped/>", 3)]
    if result.error is not None:
        detail = "\n".join([result.error.text, *result.error.calls])
        message = result.error.text.partition("\n")[0]
        return [(result.name, f"<error message={_attribute(message)}>{_text(detail)}</error>", 2)]
    where = f"{result.file}:{result.row}"
    leaves = [(path, case) for path, case in cases_in_order(result.cases) if not case.below]
    if not leaves:
        at = _at(result.failed_at)
        failure = f"<failure message={_attribute(f'failed at {where}')}>{_text(at)}</failure>"
        return [(result.name, failure if result.fail else "", int(result.fail))]
    return [
        (
            "/".join((result.name, *path)),
            f"<failure message={_attribute(f'failed at {where}')}>{_text(_at(case.failed_at))}</failure>"
            if case.fail
            else "",
            int(case.fail),
        )
        for path, case in leaves
    ]


def _at(failed: Any) -> str:
    return "" if failed is None else f"{failed.place}:\n{failed.text}"


def _entry(result: Result, name: str, told: str) -> str:
    head = (
        f"    <testcase classname={_attribute(result.package)} name={_attribute(name)} file={_attribute(result.file)} "
        f'line="{result.row}" time="{result.duration / 1e9:.6f}"'
    )
    output = f"<system-out>{_text(result.output)}</system-out>" if result.output else ""
    return f"{head}>{told}{output}</testcase>" if told or output else f"{head}/>"


def _attribute(text: str) -> str:
    return quoteattr(_NOT_IN_XML.sub("\ufffd", text))


def _text(text: str) -> str:
    return escape(_NOT_IN_XML.sub("\ufffd", text))
