"""Clair v4's reports as ours: what a real one sent, one for one, and all the ways to send something else."""

import json
from collections import Counter
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.analysis import clair, clair_v4
from image_enforcer.analysis.clair import BadReport
from image_enforcer.domain.digest import Digest
from image_enforcer.domain.report import Gap, Report, Severity
from tests.analysis.recorded_clair import encoded, reports

MADE = datetime(2026, 11, 23, tzinfo=UTC)
DIGEST = Digest("sha256:" + "1" * 64)
BASE = "sha256:" + "a" * 64
TOP = "sha256:" + "b" * 64


def read(body: Any, digest: str = DIGEST, gaps: tuple[Gap, ...] = ()) -> Report:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return clair_v4.report(content, Digest(digest), scanner_version="s", made_at=MADE, gaps=gaps)


def codes(report: Report) -> list[str]:
    return [gap.code for gap in report.gaps]


def place(layer: str = BASE, distribution: str = "1", **more: Any) -> dict[str, Any]:
    return {
        "package_db": "var/lib/dpkg/status", "introduced_in": layer, "distribution_id": distribution,
        "repository_ids": None, **more,
    }  # fmt: skip


def small() -> dict[str, Any]:
    """A whole report: one package of Debian with one vulnerability."""
    return {
        "manifest_hash": DIGEST,
        "packages": {
            "7": {
                "id": "7", "name": "libc6", "version": "2.36-9", "kind": "BINARY",
                "source": {"name": "glibc", "version": "2.36-9"},
            }
        },
        "distributions": {"1": {"did": "debian", "version_id": "12", "version": "12 (bookworm)"}},
        "repository": {},
        "environments": {"7": [place()]},
        "vulnerabilities": {
            "9": {
                "name": "CVE-2026-0001", "updater": "debian/updater", "description": "Bad\u202e.",
                "links": " https://a.invalid  https://b.invalid https://a.invalid", "severity": "unimportant",
                "normalized_severity": "Low", "fixed_in_version": "2.36-10", "unknown": {"to": ["us"]},
            }
        },
        "package_vulnerabilities": {"7": ["9"]},
        "enrichments": {},
    }  # fmt: skip


# --- what a real one sent -------------------------------------------------------------------------


def test_every_recorded_finding_is_there_once(shared_cases: Path) -> None:
    total = 0
    found = reports(shared_cases, "package_vulnerabilities")
    assert len(found) > 50
    for name, body in found.items():
        expected = Counter(
            (package["name"], package["version"], known["name"], known["updater"], known["normalized_severity"])
            for key, package in body["packages"].items()
            for known in [body["vulnerabilities"][v] for v in body["package_vulnerabilities"].get(key, [])]
        )
        report = read(encoded(body), body["manifest_hash"])
        ours = Counter(
            (f.package.name, f.package.version, f.vulnerability, f.rated_by, f.severity.word) for f in report.findings
        )
        assert ours == expected, name
        assert len(report.packages) == len(body["packages"]), name
        layers = {e["introduced_in"] for key in body["packages"] for e in body["environments"].get(key, [])}
        assert {package.layer for package in report.packages} == layers, name
        total += len(report.findings)
    assert total > 400


def test_what_recorded_reports_leave_open(shared_cases: Path) -> None:
    open_ = {name: codes(read(encoded(body), body["manifest_hash"]))
             for name, body in reports(shared_cases, "package_vulnerabilities").items()}  # fmt: skip
    assert open_.pop("22-vuln-rpm_rocky9@v2.json") == ["no-distribution", "not-matched"]
    assert open_.pop("22-vuln-fmt_noos@1.json") == ["no-distribution"]
    assert open_.pop("22-vuln-fmt_helm@1.json") == ["no-distribution"]
    without_packages = {name for name, found in open_.items() if found == ["no-packages"]}
    assert {"22-vuln-npm_app@v1.json", "22-vuln-fmt_noinfo@1.json", "22-vuln-py_whopq@v1.json"} <= without_packages
    assert {name: found for name, found in open_.items() if found and name not in without_packages} == {}


def test_recorded_index_reports_are_never_clean(shared_cases: Path) -> None:
    found = reports(shared_cases, "success")
    assert len(found) > 50
    for name, body in found.items():
        report = read(encoded(body), body["manifest_hash"])
        assert "index-only" in codes(report), name
        assert ("not-finished" in codes(report)) == (body["state"] != "IndexFinished" or not body["success"]), name
        index = clair_v4.index(encoded(body), Digest(body["manifest_hash"]))
        assert index.finished == ("not-finished" not in codes(report)), name
        assert index.finished or index.state != "IndexError" or index.error != "no reason is given", name


def test_the_systems_of_recorded_reports(shared_cases: Path) -> None:
    found = {name: read(encoded(body), body["manifest_hash"])
             for name, body in reports(shared_cases, "package_vulnerabilities").items()}  # fmt: skip
    alpine = found["22-vuln-alpine_app@v2.json"]
    assert alpine.distribution == "alpine:3.18"
    assert {package.version_format for package in alpine.packages} == {"apk"}
    assert {finding.severity for finding in alpine.findings} == {Severity.UNKNOWN}
    assert alpine.complete, "severities that nobody rated are no gap"
    oracle = found["full-vuln_report-rpm-ol9.json"]
    assert {package.namespace for package in oracle.packages} == {"ol:9"}, "of two environments, one names it"
    assert {package.version_format for package in oracle.packages} == {"rpm"}
    everything = found["full-vuln_report-app-all.json"]
    languages = {package.name for package in everything.packages if not package.namespace}
    assert {"django", "golang.org/x/net"} <= languages


def test_order_does_not_depend_on_clairs(shared_cases: Path) -> None:
    body = reports(shared_cases, "package_vulnerabilities")["full-vuln_report-app-all.json"]
    turned = {key: dict(reversed(value.items())) if isinstance(value, dict) else value for key, value in body.items()}
    assert read(encoded(body), body["manifest_hash"]) == read(encoded(turned), body["manifest_hash"])


# --- small ones -----------------------------------------------------------------------------------


def test_a_finding_in_full() -> None:
    report = read(small())
    assert report.complete
    assert (report.scanner, report.scanner_version, report.made_at) == ("clair-v4", "s", MADE)
    [finding] = report.findings
    package = finding.package
    assert (package.name, package.kind, package.source, package.source_version) == (
        "libc6",
        "binary",
        "glibc",
        "2.36-9",
    )
    assert (package.namespace, package.layer, package.database) == ("debian:12", BASE, "var/lib/dpkg/status")
    assert (package.version, package.version_format) == ("2.36-9", "dpkg")
    assert (finding.severity, finding.rating, finding.rated_by) == (Severity.LOW, "unimportant", "debian/updater")
    assert finding.fixed_in == "2.36-10"
    assert finding.links == ("https://a.invalid", "https://b.invalid")
    assert finding.description == "Bad\\u202e."


def test_the_gaps_of_who_asks_are_kept() -> None:
    assert codes(read(small(), gaps=(Gap(code="foreign-layer", text="x"),))) == ["foreign-layer"]


@pytest.mark.parametrize(
    ("told", "fixed"),
    [
        ("", ""), (None, ""), ("1:2.38.1-99", "1:2.38.1-99"), ("fixed=3.2.2&introduced=3.0", "3.2.2"),
        ("fixed=1.0%2Bdeb", "1.0+deb"), ("lastAffected=2.19.0", ""), ("introduced=1", ""), ("fixed=", ""),
        ("a=b", "a=b"), ("fixed=1&odd=2", "fixed=1&odd=2"), ("&" * 20 + "=", "&" * 20 + "="),
    ],
)  # fmt: skip
def test_fixed_versions(told: str | None, fixed: str) -> None:
    assert clair_v4.fixed_in(told) == fixed


@pytest.mark.parametrize(
    ("word", "severity"),
    [("High", Severity.HIGH), ("critical", Severity.CRITICAL), ("Odd", Severity.UNKNOWN), (None, Severity.UNKNOWN)],
)
def test_severities(word: str | None, severity: Severity) -> None:
    body = small()
    body["vulnerabilities"]["9"]["normalized_severity"] = word
    assert read(body).findings[0].severity == severity


def test_null_is_nothing() -> None:
    body = {**small(), "repository": None, "vulnerabilities": None, "package_vulnerabilities": None}
    assert read(body).complete
    assert read(body).findings == ()
    body["environments"]["7"][0]["repository_ids"] = None
    body["packages"]["7"]["source"] = None
    assert read(body).packages[0].source == ""


def test_a_package_in_two_layers_is_found_in_both() -> None:
    body = small()
    body["environments"]["7"] = [place(distribution=""), place(), place(TOP)]
    report = read(body)
    assert [package.layer for package in report.packages] == [BASE, TOP]
    assert [finding.package.layer for finding in report.findings] == [BASE, TOP]
    assert {package.namespace for package in report.packages} == {"debian:12"}


def _without(*names: str) -> dict[str, Any]:
    body = small()
    for name in names:
        del body[name]
    return body


def _with(**parts: Any) -> dict[str, Any]:
    return {**small(), **parts}


GAPS: list[tuple[dict[str, Any], list[str]]] = [
    (_without("package_vulnerabilities"), ["index-only"]),
    (_without("vulnerabilities"), ["inconsistent", "index-only"]),
    (_with(state="IndexFinished", success=True), []),
    (_with(state="IndexFinished", success=False), ["not-finished"]),
    (_with(state="IndexFinished"), ["not-finished"]),
    (_with(success=True), ["not-finished"]),
    (_with(state="", success=True), ["not-finished"]),
    (_with(state=None), ["not-finished"]),
    (_with(state="IndexFinished", success=True, err="but"), ["not-finished"]),
    (_with(distributions={}, environments={"7": [place(distribution="")]}), ["no-distribution", "not-matched"]),
    (_with(distributions={"1": {"did": ""}}), ["inconsistent", "no-distribution", "not-matched"]),
    (_with(distributions={"1": {"did": "debian", "version_id": "12"}, "2": {"did": "alpine", "version": "3.18"}}),
     ["several-distributions"]),
    (_with(distributions={"1": {"did": "rocky", "version_id": "9"}}), ["not-matched"]),
    (_with(distributions={"1": {"did": "rhel", "version_id": "9"}}), ["not-matched"]),
    (_with(distributions={"1": {"did": "rhel", "version_id": "9"}},
           repository={"3": {"key": "rhel-cpe-repository"}}, environments={"7": [place(repository_ids=["3"])]}), []),
    (_with(repository={"3": {"name": "npm"}}, environments={"7": [place(distribution="", repository_ids=["3"])]}),
     ["no-packages", "not-matched"]),
    (_with(repository={"3": {"name": "pypi"}}, environments={"7": [place(distribution="", repository_ids=["3"])]}),
     ["no-packages"]),
    (_with(packages={}, environments={}, package_vulnerabilities={}), ["no-packages"]),
    (_with(environments={}), ["no-packages", "not-matched", "unplaced"]),
    (_with(environments={"7": [place("")]}), ["unplaced"]),
    (_with(environments={"7": [place()], "8": [place()]}), ["inconsistent"]),
    (_with(environments={"7": [place(distribution="2")]}), ["inconsistent", "no-packages", "not-matched"]),
    (_with(environments={"7": [place(repository_ids=["2"])]}), ["inconsistent"]),
    (_with(package_vulnerabilities={"7": ["10"]}), ["inconsistent"]),
    (_with(package_vulnerabilities={"8": ["9"]}), ["inconsistent"]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), GAPS)
def test_gaps(body: dict[str, Any], expected: list[str]) -> None:
    assert codes(read(body)) == expected


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "cannot be read"), (b"null", "cannot be read"), (b"[" * 100_000, "cannot be read"),
        (b"\xff", "cannot be read"), (b'{"manifest_hash": "\\ud800"}', "cannot be read"), ({}, "cannot be read"),
        (_with(manifest_hash="sha256:" + "2" * 64), "not about"), (_with(manifest_hash="\x1b[2J"), "not about"),
        (_with(packages=[]), "cannot be read"), (_with(packages={"7": None}), "cannot be read"),
        (_with(packages={"7": {"name": "x" * 2000}}), "more than 1024 characters"),
        (_with(environments={"7": [place("../x")]}), "as a layer"),
        (_with(environments={"7": [place()] * 1001}), "more than 1000 times"),
        (_with(packages={str(n): {"name": "x"} for n in range(clair.MAX_PACKAGES + 1)}), "packages"),
        (_with(vulnerabilities={str(n): {"name": "x"} for n in range(clair_v4.MAX_VULNERABILITIES + 1)}),
         "vulnerabilities"),
        (_with(package_vulnerabilities={"7": ["9"] * (clair.MAX_FINDINGS + 1)}), "more than 500000 times"),
        (b" " * (clair_v4.MAX_SIZE + 1), "larger than"),
    ],
)  # fmt: skip
def test_what_is_no_report(body: Any, words: str) -> None:
    with pytest.raises(BadReport, match=words) as caught:
        read(body)
    assert "\x1b" not in str(caught.value)


def test_texts_are_cut() -> None:
    body = small()
    body["vulnerabilities"]["9"].update(
        description="x" * 10_000, links=" ".join(f"https://e.invalid/{n}" for n in range(100)) + " " + "y" * 9000
    )
    [finding] = read(body).findings
    assert len(finding.description) == clair.MAX_DESCRIPTION
    assert len(finding.links) == clair.MAX_LINKS


# --- any document ---------------------------------------------------------------------------------

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
ANYTHING = st.recursive(
    SCALARS | st.sampled_from(["7", "9", "1", BASE, DIGEST, "IndexFinished"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to everything within a document."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += paths(inner, (*path, key))
    return found


def test_mutants_are_refused_or_read() -> None:
    ways = paths(small())

    @given(st.lists(st.tuples(st.sampled_from(ways), st.none() | ANYTHING.map(lambda v: (v,))), max_size=4))
    def check(changes: list[tuple[tuple[Any, ...], tuple[Any] | None]]) -> None:
        body = deepcopy(small())
        for way, change in changes:
            where: Any = body
            for key in way[:-1]:
                where = where[key] if isinstance(where, dict) and key in where else (
                    where[key] if isinstance(where, list) and isinstance(key, int) and key < len(where) else None
                )  # fmt: skip
            if isinstance(where, dict):
                if change is None:
                    where.pop(way[-1], None)
                else:
                    where[way[-1]] = change[0]
        try:
            report = read(body)
        except BadReport:
            return
        assert report.digest == DIGEST
        assert list(report.findings) == sorted(report.findings)
        if report.complete:
            assert body.get("state", "IndexFinished") == "IndexFinished"
            assert body.get("success", True) is True
            assert all(package.layer for package in report.packages)

    check()


@given(ANYTHING)
def test_anything_is_refused(body: Any) -> None:
    with pytest.raises(BadReport):
        read(body)


@given(st.sampled_from(["", "FetchLayers", "ScanLayers", "Coalesce", "IndexError", "indexfinished", "IndexFinished "]),
       st.sampled_from([True, False, None]))  # fmt: skip
def test_what_is_not_finished_is_never_complete(state: str, success: bool | None) -> None:
    assert not read(_with(state=state, success=success)).complete
    assert not clair_v4.index(json.dumps(_with(state=state, success=success)).encode(), DIGEST).finished


def test_mutated_recordings_are_refused_or_read(shared_cases: Path) -> None:
    body = reports(shared_cases, "package_vulnerabilities")["22-vuln-rpm_ol9@v2.json"]
    content = encoded(body)

    @given(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), min_size=1, max_size=5))
    def check(changes: list[tuple[int, int]]) -> None:
        spoilt = bytearray(content)
        for at, byte in changes:
            spoilt[at] = byte
        try:
            report = read(bytes(spoilt), body["manifest_hash"])
        except BadReport:
            return
        assert report.digest == body["manifest_hash"]

    check()
