"""Clair v1's documents as ours, any report as parts of such documents, and what the sample policy makes of those."""

import json
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer import rego
from image_enforcer.analysis import clair, clair_v1, clair_v4, digest
from image_enforcer.analysis.clair import BadReport
from image_enforcer.domain.digest import Digest
from image_enforcer.domain.report import Finding, Gap, Package, Report, Severity
from tests.analysis.recorded_clair import encoded, reports

MADE = datetime(2026, 11, 23, tzinfo=UTC)
IMAGE = Digest("sha256:" + "1" * 64)
LAYERS = tuple([digest.of(name) for name in (b"base", b"middle", b"top")])
CHAIN = clair_v1.names(LAYERS)


def document() -> dict[str, Any]:
    """What Clair 2.1.0 answers for the topmost of three layers, in shape."""
    return {
        "Layer": {
            "Name": CHAIN[2], "NamespaceName": "debian:12", "ParentName": CHAIN[1], "IndexedByVersion": 3,
            "Features": [
                {
                    "Name": "openssl", "NamespaceName": "debian:12", "VersionFormat": "dpkg", "AddedBy": CHAIN[0],
                    "Version": "3.0.11-1~deb12u2", "Vulnerabilities": [
                        {
                            "Name": "CVE-2024-0001", "NamespaceName": "debian:12", "Description": "Bad.",
                            "Link": "https://e.invalid/1", "Severity": "High", "FixedBy": "3.0.13-1~deb12u1",
                            "Metadata": {"NVD": {"CVSSv2": {"Score": 7.5}}},
                        }
                    ],
                },
                {"Name": "coreutils", "NamespaceName": "debian:12", "VersionFormat": "dpkg", "Version": "9.1-1",
                 "AddedBy": CHAIN[0]},
                {"Name": "curl", "NamespaceName": "debian:12", "VersionFormat": "dpkg", "Version": "7.88.1-10",
                 "AddedBy": CHAIN[1],
                 "Vulnerabilities": [{"Name": "CVE-2024-0002", "NamespaceName": "debian:12", "Severity": "Defcon1"}]},
            ],
        }
    }  # fmt: skip


def read(body: Any, layers: tuple[Digest, ...] = LAYERS) -> Report:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return clair_v1.report(clair_v1.layer(content), IMAGE, layers, made_at=MADE)


def codes(report: Report) -> list[str]:
    return [gap.code for gap in report.gaps]


def changed(**parts: Any) -> dict[str, Any]:
    body = document()
    body["Layer"].update(parts)
    return body


def feature(**parts: Any) -> dict[str, Any]:
    body = document()
    body["Layer"]["Features"][1].update(parts)
    return body


# --- documents as reports -------------------------------------------------------------------------


def test_names_are_of_chains() -> None:
    assert len(set(CHAIN)) == 3
    assert CHAIN[:2] == clair_v1.names(LAYERS[:2])
    assert clair_v1.names(LAYERS[1:])[0] != CHAIN[1]
    assert len(set(clair_v1.names([LAYERS[0], LAYERS[0]]))) == 2
    assert clair_v1.names([]) == ()


def test_a_report_in_full() -> None:
    report = read(document())
    assert report.complete
    assert (report.scanner, report.scanner_version, report.distribution) == ("clair-v1", "3", "debian:12")
    assert [(p.name, p.layer, p.kind) for p in report.packages] == [
        ("coreutils", LAYERS[0], "source"), ("curl", LAYERS[1], "source"), ("openssl", LAYERS[0], "source"),
    ]  # fmt: skip
    first, second = report.findings
    assert (first.vulnerability, first.severity, first.fixed_in) == ("CVE-2024-0001", Severity.HIGH, "3.0.13-1~deb12u1")
    assert (first.links, first.rated_by) == (("https://e.invalid/1",), "debian:12")
    assert (second.severity, second.fixed_in, second.links) == (Severity.DEFCON1, "", ())


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("alpine:v3.18", "alpine:3.18"), ("oracle:7", "ol:7"), ("debian:12", "debian:12"), ("", ""), ("alpine", "alpine"),
     ("centos:7", "centos:7"), ("alpine:edge", "alpine:edge")],
)  # fmt: skip
def test_namespaces(theirs: str, ours: str) -> None:
    assert clair.namespace_of(theirs) == ours
    assert clair.v1_namespace(ours) == theirs


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (document(), []),
        (changed(Features=None), ["no-packages"]),
        (changed(NamespaceName="", Features=[]), ["no-distribution"]),
        (changed(NamespaceName=None), ["no-distribution"]),
        (feature(NamespaceName="debian:11"), ["several-distributions"]),
        (feature(NamespaceName="rocky:9"), ["not-matched", "several-distributions"]),
        (feature(NamespaceName=""), ["not-matched"]),
        (feature(AddedBy=""), ["unplaced"]),
        (feature(AddedBy="f" * 64), ["inconsistent"]),
    ],
)
def test_gaps(body: dict[str, Any], expected: list[str]) -> None:
    assert codes(read(body)) == expected


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "cannot be read"), (b"{}", "no layer"), (b"[" * 100_000, "cannot be read"), (b"\xff", "cannot be read"),
        ({"Error": {"Message": "could not find \x1b"}}, "it is an error"), ({"Layer": []}, "cannot be read"),
        ({**document(), "Error": {"Message": "half done"}}, "it is an error"),
        (changed(Name=CHAIN[1]), "not about the topmost one"), (changed(Name=""), "no layer, not about"),
        (changed(ParentName=""), "another layer"), (feature(Name="x" * 2000), "more than 1024"),
        (changed(Features=[{"Name": "x"}] * (clair.MAX_PACKAGES + 1)), "features"),
        (feature(Vulnerabilities=[{}] * (clair.MAX_FINDINGS + 1)), "vulnerabilities"),
        (b" " * (clair.MAX_SIZE + 1), "larger than"),
    ],
)  # fmt: skip
def test_what_is_no_report(body: Any, words: str) -> None:
    with pytest.raises(BadReport, match=words) as caught:
        read(body)
    assert "\x1b" not in str(caught.value)


def test_an_image_without_layers_has_no_report() -> None:
    with pytest.raises(BadReport):
        read(document(), ())


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"{}", b'{"Error": null}', b"[" * 100_000])
def test_errors_without_a_message(body: bytes) -> None:
    assert clair_v1.error(body) == ""


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.sampled_from(CHAIN)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner), max_leaves=6
)


@given(ANYTHING)
def test_anything_is_refused(body: Any) -> None:
    for value in (body, {"Layer": body}):
        with pytest.raises(BadReport):
            read(value)


@given(
    st.dictionaries(
        st.sampled_from(["Name", "NamespaceName", "Version", "VersionFormat", "AddedBy", "Vulnerabilities"]), ANYTHING
    ),
    st.dictionaries(st.sampled_from(["Name", "NamespaceName", "ParentName", "Features", "IndexedByVersion"]), ANYTHING),
)
def test_mutants_are_refused_or_read(of_feature: dict[str, Any], of_layer: dict[str, Any]) -> None:
    body = feature(**of_feature)
    body["Layer"].update(of_layer)
    try:
        report = read(body)
    except BadReport:
        return
    assert list(report.findings) == sorted(report.findings)
    if report.complete:
        assert report.distribution
        assert report.packages
        assert {package.layer for package in report.packages} <= set(LAYERS)


# --- reports as parts of documents ----------------------------------------------------------------


def rendered(report: Report, layers: tuple[Digest, ...] = LAYERS) -> dict[str, Any]:
    found = clair_v1.parts(report, layers)
    assert found is not None
    return {layer: json.loads(part) for layer, part in found.items()}


def test_parts_of_a_v1_report_are_what_clair_said() -> None:
    parts = rendered(read(document()))
    assert list(parts) == list(LAYERS)
    said = deepcopy(document()["Layer"]["Features"])
    for told in said:
        told["AddedBy"] = LAYERS[CHAIN.index(told["AddedBy"])]
        for vulnerability in told.get("Vulnerabilities", []):
            vulnerability.pop("Metadata", None)
    assert parts[LAYERS[0]] == {"NamespaceName": "debian:12", "Features": [said[1], said[0]]}
    assert parts[LAYERS[1]] == {"NamespaceName": "debian:12", "Features": [said[2]]}
    assert parts[LAYERS[2]] == {"NamespaceName": "debian:12"}


def package(name: str, **more: str) -> Package:
    told = {"namespace": "debian:12", "version": "1", "layer": LAYERS[0], "version_format": "dpkg", **more}
    return Package(name=name, **told)


def found(name: str, of: Package, severity: Severity = Severity.LOW) -> Finding:
    return Finding(vulnerability=name, package=of, severity=severity, rated_by="debian/updater")


def made(*packages: Package, findings: tuple[Finding, ...] = (), gaps: tuple[Gap, ...] = ()) -> Report:
    return Report(
        digest=IMAGE, scanner="clair-v4", scanner_version="s", made_at=MADE, distribution="debian:12",
        packages=packages, findings=findings, gaps=gaps,
    )  # fmt: skip


def test_binaries_of_one_source_are_one_feature() -> None:
    libc, other = package("libc6", source="glibc"), package("libc-bin", source="glibc", source_version="1")
    above = replace(libc, name="libc-dev", layer=LAYERS[2])
    report = made(libc, other, above, findings=(found("CVE-1", libc), found("CVE-2", other), found("CVE-1", other)))
    parts = rendered(report)
    [glibc] = parts[LAYERS[0]]["Features"]
    assert (glibc["Name"], glibc["Version"], glibc["VersionFormat"]) == ("glibc", "1", "dpkg")
    assert [vulnerability["Name"] for vulnerability in glibc["Vulnerabilities"]] == ["CVE-1", "CVE-2"]
    assert "Features" not in parts[LAYERS[1]]
    assert parts[LAYERS[2]]["Features"] == [{
        "Name": "glibc", "NamespaceName": "debian:12", "VersionFormat": "dpkg", "Version": "1", "AddedBy": LAYERS[2],
    }]  # fmt: skip


def test_a_source_of_another_version() -> None:
    parts = rendered(made(package("bsdutils", version="1:2.38", source="util-linux", source_version="2.38")))
    assert [(f["Name"], f["Version"]) for f in parts[LAYERS[0]]["Features"]] == [("util-linux", "2.38")]


def test_rpm_and_apk_stand_under_their_own_names() -> None:
    for namespace, theirs, kind in (("ol:9", "oracle:9", "rpm"), ("alpine:3.18", "alpine:v3.18", "dpkg")):
        one = package("ssl-libs", source="openssl", namespace=namespace, version_format="apk")
        [told] = rendered(made(one))[LAYERS[0]]["Features"]
        assert (told["Name"], told["NamespaceName"], told["VersionFormat"]) == ("ssl-libs", theirs, kind)


def test_packages_of_languages_are_not_lost() -> None:
    django = package("django", namespace="", version_format="", database="python:usr/lib")
    [told] = rendered(made(django, findings=(found("GHSA-1", django, Severity.CRITICAL),)))[LAYERS[0]]["Features"]
    assert told == {
        "Name": "django", "Version": "1", "AddedBy": LAYERS[0],
        "Vulnerabilities": [{"Name": "GHSA-1", "Severity": "Critical"}],
    }  # fmt: skip


def test_gaps_leave_no_parts() -> None:
    assert clair_v1.parts(made(package("x"), gaps=(Gap(code="no-distribution", text="x"),)), LAYERS) is None


def test_packages_of_no_layer_leave_no_parts() -> None:
    lost = package("x", layer="")
    assert clair_v1.parts(made(lost), LAYERS) is None
    assert clair_v1.parts(made(package("x")), LAYERS[1:]) is None
    assert clair_v1.parts(made(package("y"), findings=(found("CVE-1", lost),)), LAYERS) is None


def test_every_severity_has_clairs_word() -> None:
    one = package("x")
    findings = tuple([found(severity.name, one, severity) for severity in Severity])
    [told] = rendered(made(one, findings=findings))[LAYERS[0]]["Features"]
    assert {v["Severity"] for v in told["Vulnerabilities"]} == {
        "Unknown", "Negligible", "Low", "Medium", "High", "Critical", "Defcon1",
    }  # fmt: skip


def test_every_recorded_vulnerability_is_in_a_part(shared_cases: Path) -> None:
    seen = 0
    for name, body in reports(shared_cases, "package_vulnerabilities").items():
        report = clair_v4.report(
            encoded(body), Digest(body["manifest_hash"]), scanner_version="s", made_at=MADE
        )  # fmt: skip
        layers = tuple(sorted({Digest(package.layer) for package in report.packages}))
        parts = clair_v1.parts(report, layers)
        assert (parts is None) == (not report.complete), name
        told = {
            (layer, v["Name"])
            for layer, part in (parts or {}).items()
            for f in json.loads(part).get("Features", [])
            for v in f.get("Vulnerabilities", [])
        }
        if parts is not None:
            assert told == {(finding.package.layer, finding.vulnerability) for finding in report.findings}, name
            seen += len(told)
    assert seen > 200


# --- what the sample policy makes of them ---------------------------------------------------------


@pytest.fixture(scope="module")
def verdict(root: Path) -> Any:
    """Gives the status of a review of one image in production."""
    modules = {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted((root / "policies").glob("*.rego"))
        if not path.name.endswith("_test.rego")
    }
    query = rego.compile_modules(modules).prepare("data.io.k8s.image_policy.verify")

    def ask(layers: tuple[Digest, ...], parts: dict[Digest, bytes]) -> Any:
        data = {
            "docker": {"layers": {"library": {"shop": {"1": {
                "config": {"digest": IMAGE, "size": 1}, "layers": [{"digest": layer, "size": 1} for layer in layers],
            }}}}},
            "clair": {"layers": {
                layer: {"Layer": {"Name": layer, "IndexedByVersion": 3, **json.loads(part)}}
                for layer, part in parts.items()
            }},
        }  # fmt: skip
        review = {"spec": {"namespace": "production", "containers": [{"image": "docker.io/library/shop:1"}]}}
        answer: Any = query.value(input=rego.from_json(json.dumps(review)), data=rego.from_json(json.dumps(data)))
        return answer["status"]

    return ask


def recorded(shared_cases: Path, name: str) -> tuple[Report, tuple[Digest, ...]]:
    body = reports(shared_cases, "package_vulnerabilities")[name]
    report = clair_v4.report(encoded(body), Digest(body["manifest_hash"]), scanner_version="s", made_at=MADE)
    return report, tuple(sorted({Digest(package.layer) for package in report.packages}))


@pytest.mark.parametrize("name", ["full-vuln_report-deb-l3.json", "22-vuln-rpm_ol9@v2.json"])
def test_a_vulnerable_image_is_denied(shared_cases: Path, verdict: Any, name: str) -> None:
    report, layers = recorded(shared_cases, name)
    parts = clair_v1.parts(report, layers)
    assert parts is not None
    status = verdict(layers, parts)
    assert status["allowed"] is False
    assert "[scan-vulnerable]" in status["reason"]
    assert "scan-unknown" not in status["reason"]
    count = len({finding.vulnerability for finding in report.findings})
    assert f"known vulnerabilities in its layers: {count} (" in status["reason"]


def test_an_image_of_clean_layers_is_allowed(shared_cases: Path, verdict: Any) -> None:
    report, layers = recorded(shared_cases, "full-vuln_report-deb-l3.json")
    bare = digest.of(b"a layer without packages")
    parts = clair_v1.parts(replace(report, findings=()), (*layers, bare))
    assert parts is not None
    assert verdict((*layers, bare), parts) == {"allowed": True}


def test_an_image_that_was_not_seen_whole_is_denied(shared_cases: Path, verdict: Any) -> None:
    report, layers = recorded(shared_cases, "22-vuln-fmt_noos@1.json")
    assert clair_v1.parts(report, layers) is None
    status = verdict(layers, {})
    assert status["allowed"] is False
    assert "[scan-unknown]" in status["reason"]
