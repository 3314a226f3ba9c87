"""Which scanner's word counts in a store, and which images an index lacks: a suite for every adapter."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from image_enforcer.adapters.store import scanning
from image_enforcer.domain.digest import Digest
from image_enforcer.domain.facts import Kind
from image_enforcer.domain.manifest import Platform
from image_enforcer.domain.report import Finding
from image_enforcer.ports.store import Store
from tests.contract.contents import (
    HOUR,
    MINUTE,
    NOON,
    digest_of,
    failure,
    finding,
    image,
    index,
    part,
    result,
)
from tests.contract.store.steps import NGINX, StoreSuite, look_at, look_more, value

A = image("a")
OLD, NEW = "clair-v1", "clair-v4"


def scanned(
    store: Store, scanner: str, *findings: Finding, at: datetime = NOON, fails: bool = False, final: bool = False
) -> None:
    """Scan all that a scanner is due to."""
    for work in store.claim_scans(scanner, "1", "worker", at, HOUR, 10_000):
        parts = {digest_of("base"): part(*[found.vulnerability for found in findings])}
        done = failure(work, at, final=final) if fails else result(work, *findings, at=at, parts=parts)
        store.record_scan(work, replace(done, scanner=scanner, next_at=at + MINUTE))


def told(store: Store, digest: Digest = A.digest) -> dict[str, Any]:
    found: dict[str, Any] = value(store, Kind.SCAN, digest)
    return found


def flaws(store: Store) -> set[str]:
    """The vulnerabilities that the document of the base layer names."""
    layer = value(store, Kind.LAYER, digest_of("base"))
    features = [] if layer is None else layer["Layer"].get("Features", [])
    return {flaw["Name"] for feature in features for flaw in feature.get("Vulnerabilities", ())}


class CountingSuite(StoreSuite):
    @pytest.fixture
    def store(self, opened: Callable[[], Store]) -> Iterator[Store]:
        store = opened()
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": A})
        yield store
        store.close()

    def test_a_later_clean_scan_of_another_scanner_hides_nothing(self, store: Store) -> None:
        store.use(NEW, NOON)
        scanned(store, NEW, finding("CVE-1"))
        scanned(store, OLD, at=NOON + HOUR)
        assert (told(store)["scanner"], told(store)["counts"]["total"], flaws(store)) == (NEW, 1, {"CVE-1"})

    def test_until_the_scanner_in_use_has_come_to_an_end_the_other_counts(self, store: Store) -> None:
        store.use(OLD, NOON)
        scanned(store, OLD, finding("CVE-1"))
        store.use(NEW, NOON + HOUR)
        assert (told(store)["scanner"], flaws(store)) == (OLD, {"CVE-1"})
        scanned(store, NEW, fails=True, at=NOON + HOUR)
        assert (told(store)["scanner"], flaws(store)) == (OLD, {"CVE-1"})
        scanned(store, NEW, finding("CVE-2"), at=NOON + 2 * HOUR)
        assert (told(store)["scanner"], told(store)["confirmed_at"]) == (NEW, "2026-03-01T14:00:00Z")
        assert flaws(store) == {"CVE-2"}

    def test_what_the_scanner_in_use_cannot_scan_is_not_known(self, store: Store) -> None:
        store.use(OLD, NOON)
        scanned(store, OLD)
        store.use(NEW, NOON + HOUR)
        scanned(store, NEW, fails=True, final=True, at=NOON + HOUR)
        assert (told(store)["state"], told(store)["scanner"]) == ("unscannable", NEW)
        assert value(store, Kind.LAYER, digest_of("base")) is None

    def test_a_failure_after_the_end_brings_nobody_elses_word_back(self, store: Store) -> None:
        store.use(OLD, NOON)
        scanned(store, OLD)
        store.use(NEW, NOON + HOUR)
        scanned(store, NEW, finding("CVE-1"), at=NOON + HOUR)
        scanned(store, NEW, fails=True, final=True, at=NOON + 2 * HOUR)
        scanned(store, NEW, fails=True, at=NOON + 3 * HOUR)
        assert (told(store)["state"], told(store)["scanner"]) == ("unscannable", NEW)
        assert value(store, Kind.LAYER, digest_of("base")) is None
        scanned(store, NEW, finding("CVE-2"), at=NOON + 5 * HOUR)
        assert (told(store)["state"], flaws(store)) == ("scanned", {"CVE-2"})

    def test_both_say_the_same_of_whom_they_are(self, store: Store) -> None:
        store.use("silent", NOON)
        scanned(store, OLD, finding("CVE-1"))
        scanned(store, NEW, at=NOON + HOUR)
        assert (told(store)["scanner"], flaws(store)) == (NEW, set())
        scanned(store, OLD, finding("CVE-1"), at=NOON + HOUR + MINUTE)
        assert (told(store)["scanner"], flaws(store)) == (OLD, {"CVE-1"})

    def test_a_failure_of_the_one_in_use_is_told_where_nobody_has_a_report(self, store: Store) -> None:
        store.use(NEW, NOON)
        scanned(store, OLD, fails=True, final=True, at=NOON + HOUR)
        scanned(store, NEW, fails=True)
        assert (told(store)["state"], told(store)["scanner"]) == ("failed", NEW)

    def test_whoever_asks_first_counts_until_somebody_says(self, store: Store) -> None:
        scanned(store, OLD, finding("CVE-1"))
        scanned(store, NEW, finding("CVE-2"), at=NOON + HOUR)
        assert (told(store)["scanner"], flaws(store)) == (OLD, {"CVE-1"})
        before = store.changes(0, 1).newest
        assert store.use(NEW, NOON + 2 * HOUR) == before + 1
        assert (told(store)["scanner"], flaws(store)) == (NEW, {"CVE-2"})
        assert store.use(NEW, NOON + 2 * HOUR) == before + 1
        store.use(OLD, NOON + 3 * HOUR)
        assert (told(store)["scanner"], flaws(store)) == (OLD, {"CVE-1"})

    def test_what_is_reached_again_is_told_by_the_one_in_use(self, store: Store) -> None:
        scanned(store, OLD, finding("CVE-1"))
        scanned(store, NEW, finding("CVE-2"), at=NOON + HOUR)
        look_at(store, NGINX, {})
        assert (value(store, Kind.SCAN, A.digest), flaws(store)) == (None, set())
        store.use(NEW, NOON + 2 * HOUR)
        assert value(store, Kind.SCAN, A.digest) is None
        look_at(store, NGINX, {"1": A})
        assert (told(store)["scanner"], flaws(store)) == (NEW, {"CVE-2"})

    def test_many_images_change_hands(
        self, store: Store, opened: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(scanning, "_TOGETHER", 20)
        many = [image(str(number)) for number in range(50)]
        look_at(store, NGINX, {str(number): found for number, found in enumerate(many)})
        scanned(store, OLD, finding("CVE-1"))
        scanned(store, NEW, finding("CVE-2"), at=NOON + HOUR)
        other = opened()
        other.use(NEW, NOON + HOUR)
        other.close()
        found = store.entries(Kind.SCAN, [each.digest for each in many])
        assert {json.loads(entry.value or b"")["scanner"] for entry in found.values()} == {NEW}
        assert (len(found), flaws(store)) == (50, {"CVE-2"})

    def test_an_index_of_which_an_image_is_not_stored_is_missing(self, store: Store) -> None:
        other = image("other")
        both = index(A, other)
        look_more(store, NGINX, {"1": both}, A)
        assert store.missing([A.digest, both.digest]) == {both.digest}
        look_more(store, NGINX, {"1": both}, other)
        assert store.missing([A.digest, both.digest]) == set()
        assert value(store, Kind.MANIFEST, other.digest) is not None

    @pytest.mark.parametrize(
        ("node", "lacks"),
        [(Platform(os="linux", architecture="arch0"), False), (Platform(os="linux", architecture="arch1"), True)],
    )
    def test_what_no_node_runs_is_not_missed(self, store: Store, node: Platform, lacks: bool) -> None:
        both = index(A, image("other"))
        look_more(store, NGINX, {"1": both}, A)
        assert (both.digest in store.missing([both.digest], (node,))) is lacks
