"""What every scanner does, as one suite: each adapter's tests derive from it and say where its images come from.

Nothing here knows which scanner it is, or whether it is real.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import pytest

from image_enforcer.domain.report import Severity
from image_enforcer.ports.scanner import Failed, Outcome, Scanned, Scanner, Subject, Unknown, Unscannable


@dataclass(frozen=True)
class Images:
    """Images that a scanner can get at, none of which it has been told of."""

    vulnerable: Subject
    """Of several layers, of which the base has a vulnerability called ``vulnerability``, and one of the others too."""
    vulnerability: str
    severity: Severity
    clean: Subject
    """Packages without any vulnerability."""
    empty: Subject
    """Nothing that is known to be a system."""
    unreadable: Subject
    """A layer that is no archive."""
    unfetchable: Subject
    """A layer that nobody has."""
    refused: Subject
    """A layer that its registry gives to those alone who have credentials; those here are missing."""
    allowed: Subject
    """The same with credentials, under another digest."""
    foreign: Subject
    """A layer that its registry does not hold, on a base that it does."""


def report_of(outcome: Outcome) -> Any:
    assert isinstance(outcome, Scanned), outcome
    return outcome.report


class ScannerContract:
    """The suite; ``scanner`` and ``images`` are fixtures of who derives from it."""

    async def test_it_has_a_version(self, scanner: Scanner) -> None:
        found = await scanner.version()
        assert found
        assert await scanner.version() == found

    async def test_what_it_was_not_told_of_is_unknown(self, scanner: Scanner, images: Images) -> None:
        assert await scanner.report(images.vulnerable) == Unknown()

    async def test_a_scan_finds_what_is_there(self, scanner: Scanner, images: Images) -> None:
        report = report_of(await scanner.scan(images.vulnerable))
        assert report.digest == images.vulnerable.digest
        assert report.scanner == scanner.name
        assert report.scanner_version == await scanner.version()
        assert report.complete
        assert report.distribution
        layers = {layer.digest for layer in images.vulnerable.layers}
        assert {package.layer for package in report.packages} <= layers
        known = [finding for finding in report.findings if finding.vulnerability == images.vulnerability]
        assert known
        assert {finding.severity for finding in known} == {images.severity}
        assert {finding.package.layer for finding in known} == {images.vulnerable.layers[0].digest}
        assert {finding.package for finding in report.findings} <= set(report.packages)
        assert len({finding.package.layer for finding in report.findings}) > 1

    async def test_a_report_says_what_the_scan_said(self, scanner: Scanner, images: Images) -> None:
        scanned = report_of(await scanner.scan(images.vulnerable))
        asked = report_of(await scanner.report(images.vulnerable))
        again = report_of(await scanner.scan(images.vulnerable))
        for other in (asked, again):
            assert replace(other, made_at=scanned.made_at) == scanned

    async def test_a_report_needs_no_addresses(self, scanner: Scanner, images: Images) -> None:
        scanned = report_of(await scanner.scan(images.vulnerable))
        bare = replace(
            images.vulnerable,
            layers=tuple([replace(layer, url="", headers=()) for layer in images.vulnerable.layers]),
        )
        assert report_of(await scanner.report(bare)).findings == scanned.findings

    async def test_equal_scans_at_once(self, scanner: Scanner, images: Images) -> None:
        found = await asyncio.gather(*[scanner.scan(images.vulnerable) for _ in range(5)])
        assert len({report_of(outcome).findings for outcome in found}) == 1

    async def test_several_images_at_once(self, scanner: Scanner, images: Images) -> None:
        vulnerable, clean = await asyncio.gather(scanner.scan(images.vulnerable), scanner.scan(images.clean))
        assert report_of(vulnerable).findings
        assert not report_of(clean).findings

    async def test_who_gives_up_leaves_the_others_their_answer(self, scanner: Scanner, images: Images) -> None:
        first = asyncio.create_task(scanner.scan(images.vulnerable))
        second = asyncio.create_task(scanner.scan(images.vulnerable))
        await asyncio.sleep(0)
        first.cancel()
        assert report_of(await second).findings
        with pytest.raises(asyncio.CancelledError):
            await first

    async def test_clean(self, scanner: Scanner, images: Images) -> None:
        report = report_of(await scanner.scan(images.clean))
        assert report.complete
        assert report.packages
        assert report.findings == ()

    async def test_an_image_without_a_known_system_is_not_clean(self, scanner: Scanner, images: Images) -> None:
        report = report_of(await scanner.scan(images.empty))
        assert report.findings == ()
        assert "no-distribution" in [gap.code for gap in report.gaps]

    async def test_what_cannot_be_read(self, scanner: Scanner, images: Images) -> None:
        outcome = await scanner.scan(images.unreadable)
        assert isinstance(outcome, Unscannable)
        assert outcome.code == "unsupported"
        assert isinstance(await scanner.report(images.unreadable), Unscannable | Unknown)

    async def test_what_cannot_be_fetched(self, scanner: Scanner, images: Images) -> None:
        outcome = await scanner.scan(images.unfetchable)
        assert isinstance(outcome, Failed)
        assert isinstance(await scanner.report(images.unfetchable), Failed | Unknown)

    async def test_credentials_reach_the_registry(self, scanner: Scanner, images: Images) -> None:
        assert isinstance(await scanner.scan(images.refused), Failed)
        assert report_of(await scanner.scan(images.allowed)).packages

    async def test_foreign_layers_are_left_out_and_told(self, scanner: Scanner, images: Images) -> None:
        for outcome in (await scanner.scan(images.foreign), await scanner.report(images.foreign)):
            report = report_of(outcome)
            assert report.packages
            assert [gap.code for gap in report.gaps] == ["foreign-layer"]

    async def test_nothing_but_foreign_layers(self, scanner: Scanner, images: Images) -> None:
        layers = tuple([replace(layer, foreign=True) for layer in images.foreign.layers])
        outcome = await scanner.scan(replace(images.foreign, layers=layers))
        assert isinstance(outcome, Unscannable)
        assert outcome.code == "no-layers"

    async def test_forgetting(self, scanner: Scanner, images: Images) -> None:
        await scanner.forget(images.clean)  # it knows nothing of it: all is well
        await scanner.scan(images.clean)
        await scanner.forget(images.clean)
        assert await scanner.report(images.clean) == Unknown()
        assert report_of(await scanner.scan(images.clean)).packages
