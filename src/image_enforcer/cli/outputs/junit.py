"""JUnit XML: a test case for each use of an image; a denial is a failure, what cannot be told an error."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from .report import Report, Result, Verdict

_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")


def as_junit(report: Report) -> str:
    """One suite. Cases have different names, since readers merge those that have the same."""
    cases: list[str] = []
    names: Counter[tuple[str, str]] = Counter()
    for result in report.results:
        group = " ".join(p for p in (result.place.file, result.place.resource) if p) or "images"
        name = " ".join(p for p in (result.place.part, result.image) if p)
        cases += _case(group, _unique(names, group, name), result)
    for trouble in report.troubles:
        group = trouble.place.file or "verify"
        name = " ".join(p for p in (trouble.place.point, trouble.place.resource, trouble.code) if p)
        cases += [
            f'    <testcase classname={_attribute(group)} name={_attribute(_unique(names, group, name))} time="0">',
            f"      <error type={_attribute(trouble.code)} message={_attribute(trouble.text)}/>",
            "    </testcase>",
        ]
    tests = len(report.results) + len(report.troubles)
    failures = report.count(Verdict.DENY)
    errors = report.count(Verdict.UNDECIDED) + len(report.troubles)
    seconds = sum(r.seconds for r in report.results)
    counts = f'tests="{tests}" failures="{failures}" errors="{errors}" time="{seconds:.6f}"'
    return "\n".join(
        (
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<testsuites name="image-enforcer verify" {counts}>',
            f'  <testsuite name="image-enforcer verify" {counts}>',
            *cases,
            "  </testsuite>",
            "</testsuites>\n",
        )
    )


def _case(group: str, name: str, result: Result) -> list[str]:
    head = f'    <testcase classname={_attribute(group)} name={_attribute(name)} time="{result.seconds:.6f}"'
    text = "\n".join(f"{r.text} [{r.rule}]" if r.rule else r.text for r in result.reasons)
    if result.verdict is Verdict.ALLOW:
        if result.note:
            return [f"{head}>", f"      <system-out>{_text(result.note)}</system-out>", "    </testcase>"]
        return [f"{head}/>"]
    element = "failure" if result.verdict is Verdict.DENY else "error"
    kind = " ".join(dict.fromkeys(r.rule for r in result.reasons if r.rule)) or result.cause or result.verdict.value
    first = result.reasons[0].text if result.reasons else result.verdict.value
    return [
        f"{head}>",
        f"      <{element} type={_attribute(kind)} message={_attribute(first)}>{_text(text)}</{element}>",
        "    </testcase>",
    ]


def _unique(names: Counter[tuple[str, str]], group: str, name: str) -> str:
    names[group, name] += 1
    return name if names[group, name] == 1 else f"{name} #{names[group, name]}"


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("?", text))


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("?", text))
