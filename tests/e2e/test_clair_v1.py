"""The scanner's contract with a real Clair 2, whose address ``IMAGE_ENFORCER_CLAIR_V1`` names.

It must reach 127.0.0.1, and may not update itself (``updater.interval: 0``).
"""

import os
import random
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from image_enforcer.adapters.scanners.clair_v1 import ClairV1
from image_enforcer.ports.scanner import Scanned
from tests.contract.scanner import Images, ScannerContract
from tests.e2e.clair_world import Blobs
from tests.fakes.clair_images import FLAWS

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def address() -> str:
    found = os.environ.get("IMAGE_ENFORCER_CLAIR_V1", "")
    if not found:
        pytest.skip("no Clair: IMAGE_ENFORCER_CLAIR_V1 names none")
    return found


@pytest.fixture
async def blobs() -> AsyncIterator[Blobs]:
    async with Blobs() as running:
        yield running


@pytest.fixture
async def scanner(address: str, blobs: Blobs) -> AsyncIterator[ClairV1]:
    """Clair has to know a layer of a namespace before it takes vulnerabilities for it."""
    made = ClairV1(address, clock=time.time, chance=random.random)
    assert isinstance(await made.scan(blobs.images().clean), Scanned)
    async with aiohttp.ClientSession() as session:
        for flaw in FLAWS:
            told: dict[str, Any] = {
                "Name": flaw.name, "NamespaceName": "debian:12", "Severity": flaw.severity, "Description": "In words.",
                "Link": f"https://e.invalid/{flaw.name}",
                "FixedIn": [{
                    "Name": flaw.source, "NamespaceName": "debian:12", "VersionFormat": "dpkg",
                    "Version": flaw.fixed_in or "None",
                }],
            }  # fmt: skip
            at = f"{address}/v1/namespaces/debian:12/vulnerabilities"
            async with session.post(at, json={"Vulnerability": told}) as response:
                assert response.status in (201, 409), await response.text()
    yield made
    await made.close()


@pytest.fixture
def known(blobs: Blobs) -> Images:
    return blobs.images()


class TestContract(ScannerContract):
    @pytest.fixture
    def images(self, known: Images) -> Images:
        return known


async def test_layers_are_attributed_and_unfixed_ones_have_no_version(scanner: ClairV1, known: Images) -> None:
    outcome = await scanner.scan(known.vulnerable)
    assert isinstance(outcome, Scanned)
    found = {(f.vulnerability, f.package.name, f.package.layer, f.fixed_in) for f in outcome.report.findings}
    base, _, top = [layer.digest for layer in known.vulnerable.layers]
    assert found == {
        ("CVE-2026-0001", "glibc", base, "2.36-10"), ("CVE-2026-0002", "curl", top, ""),
        ("CVE-2026-0003", "curl", top, "7.88.1-11"),
    }  # fmt: skip
