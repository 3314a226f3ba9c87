"""Cautions: what Clair is known to get wrong, where a report shows it, and nowhere else."""

from dataclasses import replace
from pathlib import Path

import pytest

from image_enforcer.analysis import cautions, clair_v4
from image_enforcer.domain.digest import Digest
from image_enforcer.domain.report import Finding, Package, Report, Severity
from tests.analysis.recorded_clair import encoded, reports
from tests.contract.contents import NOON, digest_of

EMPTY = Report(digest=digest_of("image"), scanner="clair-v4", scanner_version="1", made_at=NOON)


def deb(name: str, version: str, source: str = "", source_version: str = "") -> Package:
    return Package(
        name=name, version=version, source=source, source_version=source_version, namespace="debian:12",
        version_format="dpkg",
    )  # fmt: skip


def rated(package: Package, severity: Severity) -> Report:
    finding = Finding(vulnerability="CVE-1", package=package, severity=severity, rated_by="somebody")
    return replace(EMPTY, packages=(package,), findings=(finding,))


def codes(*packages: Package) -> dict[str, tuple[str, ...]]:
    return {told.code: told.packages for told in cautions.of(replace(EMPTY, packages=packages))}


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        (deb("bsdutils", "1:2.38.1-5", "util-linux", "2.38.1-5"), "epoch-differs"),
        (deb("bsdutils", "1:2.38.1-5+b1", "util-linux", "2.38.1-5"), "epoch-differs"),
        (deb("old", "1.0-1", "new", "2:1.0-1"), "epoch-differs"),
        (deb("gcc", "4:12.2.0-3", "gcc-defaults", "4:1.203"), "version-differs"),
        (deb("libfoo", "1.0-1+deb12u1", "foo", "1.0-1"), "version-differs"),
        (deb("util-linux", "2.38.1-5"), ""),
        (deb("login", "1:4.13+dfsg1-1+b1", "shadow", "1:4.13+dfsg1-1"), ""),
        (deb("zero", "0:1.0-1", "zeros", "1.0-1"), "version-differs"),
        (deb("sourceless", "1:1.0-1", "another", ""), ""),
        (replace(deb("bash", "1:5-1", "bash-src", "5-1"), version_format="rpm"), ""),
    ],
)
def test_versions_that_are_not_their_sources(package: Package, expected: str) -> None:
    assert codes(package) == ({expected: (package.name,)} if expected else {})


def test_alpine_rates_nothing() -> None:
    busybox = Package(name="busybox", version="1.36.1-r5", namespace="alpine:3.18", version_format="apk")
    [told] = cautions.of(rated(busybox, Severity.UNKNOWN))
    assert (told.code, told.packages) == ("alpine-unrated", ("busybox",))
    assert cautions.of(rated(busybox, Severity.HIGH)) == ()
    assert cautions.of(rated(deb("bash", "5"), Severity.UNKNOWN)) == ()
    assert codes(busybox) == {}


def test_oracle_s_epochs() -> None:
    bind = Package(name="bind-libs", version="32:9.16.23-1", namespace="ol:9", version_format="rpm")
    assert codes(bind) == {"oracle-epochs": ("bind-libs",)}
    assert codes(replace(bind, version="0:9.16.23-1"), replace(bind, namespace="rhel:9")) == {}


def test_few_are_named_and_all_are_counted() -> None:
    many = [deb(f"p{number:02}", "1:1", "source", "1") for number in range(30)]
    [told] = cautions.of(replace(EMPTY, packages=(*many, *many)))
    assert told.packages == tuple(f"p{number:02}" for number in range(20))
    assert told.text.endswith("p19 and 10 more")


def test_names_are_made_safe_to_show() -> None:
    [told] = cautions.of(replace(EMPTY, packages=(deb("a\n\x1b[2J" + "x" * 1000, "1:1", "source", "1"),)))
    assert told.text.isprintable()
    assert len(told.text) < 200


def test_they_are_clair_v4_s_mistakes() -> None:
    bsdutils = deb("bsdutils", "1:2.38.1-5", "util-linux", "2.38.1-5")
    assert cautions.of(replace(EMPTY, scanner="clair-v1", packages=(bsdutils,))) == ()


def test_real_debian_images_have_the_package_that_clair_misses(shared_cases: Path) -> None:
    found: dict[str, set[str]] = {}
    for body in reports(shared_cases, "package_vulnerabilities").values():
        digest = Digest(body["manifest_hash"])
        report = clair_v4.report(encoded(body), digest, scanner_version="s", made_at=NOON)
        for told in cautions.of(report):
            found.setdefault(told.code, set()).update(told.packages)
    assert "bsdutils" in found["epoch-differs"]
