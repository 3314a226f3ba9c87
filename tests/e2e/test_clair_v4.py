"""The scanner's contract with a real Clair v4."""

import asyncio
import random
import time
from collections.abc import AsyncIterator

import pytest

from image_enforcer.adapters.scanners.clair_v4 import ClairV4
from image_enforcer.adapters.scanners.exchange import Limits
from image_enforcer.ports.scanner import Failed, Scanned, ScannerBusy
from tests.contract.scanner import Images, ScannerContract
from tests.e2e.clair_world import Blobs, vulnerabilities
from tests.e2e.supply import Clair


@pytest.fixture(scope="module")
def address(clair: Clair) -> str:
    clair.load(vulnerabilities().decode())
    return clair.url


@pytest.fixture
async def blobs() -> AsyncIterator[Blobs]:
    async with Blobs() as running:
        yield running


@pytest.fixture
def known(blobs: Blobs) -> Images:
    return blobs.images()


@pytest.fixture
async def scanner(address: str) -> AsyncIterator[ClairV4]:
    made = ClairV4(address, clock=time.time, chance=random.random)
    yield made
    await made.close()


class TestContract(ScannerContract):
    @pytest.fixture
    def images(self, known: Images) -> Images:
        return known


async def test_too_many_at_once_is_busy_and_nothing_else(address: str, blobs: Blobs) -> None:
    many = [blobs.images().clean for _ in range(40)]
    scanner = ClairV4(address, clock=time.time, chance=random.random, limits=Limits(at_once=40))
    found = await asyncio.gather(*[scanner.scan(image) for image in many], return_exceptions=True)
    await scanner.close()
    assert {type(outcome) for outcome in found} <= {Scanned, ScannerBusy}
    assert any(isinstance(outcome, Scanned) for outcome in found)


async def test_whoever_goes_away_leaves_nothing_that_is_final(scanner: ClairV4, address: str, known: Images) -> None:
    hasty = ClairV4(address, clock=time.time, chance=random.random, limits=Limits(scan=0.001))
    with pytest.raises(Exception, match="has not answered"):
        await hasty.scan(known.vulnerable)
    await hasty.close()
    assert not isinstance(await scanner.report(known.vulnerable), Failed)
    assert isinstance(await scanner.scan(known.vulnerable), Scanned)
