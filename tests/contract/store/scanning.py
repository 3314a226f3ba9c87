"""What every store does about scans, as one suite."""

import zlib
from dataclasses import replace

import pytest

from image_enforcer.adapters.store import scan_rows
from image_enforcer.analysis import manifest
from image_enforcer.domain.digest import Digest
from image_enforcer.domain.facts import Kind
from image_enforcer.domain.manifest import Manifest
from image_enforcer.domain.report import Gap, Report, Severity
from image_enforcer.ports.store import ClaimLost, Store
from tests.contract.contents import (
    HOUR,
    MINUTE,
    NOON,
    digest_of,
    failure,
    finding,
    image,
    index,
    legacy,
    part,
    result,
    trouble,
)
from tests.contract.store.steps import (
    EVIL,
    NGINX,
    REDIS,
    StoreSuite,
    claim,
    claim_scans,
    look_at,
    look_more,
    scan_all,
    value,
)


class ScanningSuite(StoreSuite):
    """What is to be scanned, and what came of it."""

    # What is to be scanned

    def test_what_is_stored_and_cannot_be_read_any_more_stops_nothing(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.watch([NGINX], NOON)
        bad, good = image("bad"), image("good")
        look_at(store, NGINX, {"1": bad, "2": good})
        stored = manifest.stored

        def stricter(content: bytes, media_type: str, expected: Digest | None = None) -> Manifest:
            if content == bad.content:
                raise manifest.BadManifest("it has no name")
            return stored(content, media_type, expected)

        monkeypatch.setattr(manifest, "stored", stricter)
        assert [work.manifest for work in claim_scans(store)] == [good]
        assert claim_scans(store) == []
        assert [work.manifest for work in claim_scans(store, NOON + 48 * HOUR)] == [good]
        assert list(store.images("clair", "", 10)) == [good]
        assert store.manifests([bad.digest, good.digest]) == {good.digest: good}
        look_at(store, NGINX, {"2": good}, at=NOON + HOUR)
        look_at(store, NGINX, {"1": bad, "2": good}, at=NOON + 2 * HOUR)
        assert value(store, Kind.TAG, f"{NGINX}:1")["digest"] == bad.digest
        assert value(store, Kind.MANIFEST, bad.digest) is None

    @pytest.mark.parametrize("kept", [
        b"\0 of a version to come", zlib.compress(b"[]"), zlib.compress(b'{"digest": "\xff"}'),
        zlib.compress(b'{"more": ' + b"[" * 100_000),
    ])  # fmt: skip
    def test_a_report_that_cannot_be_read_any_more_is_none_until_the_next_one(
        self, store: Store, monkeypatch: pytest.MonkeyPatch, kept: bytes
    ) -> None:
        store.watch([NGINX], NOON)
        bad, good = image("bad"), image("good")
        look_at(store, NGINX, {"1": bad, "2": good})
        with monkeypatch.context() as patched:
            patched.setattr(scan_rows, "write", lambda report: kept)
            assert scan_all(store) == sorted([bad.digest, good.digest])
        told = value(store, Kind.SCAN, bad.digest)
        assert (told["state"], told["trouble"]["code"]) == ("failed", "unreadable-report")
        assert "findings" not in told
        assert store.report(bad.digest, "clair") is None
        look_at(store, NGINX, {}, at=NOON + MINUTE)
        look_at(store, NGINX, {"1": bad, "2": good}, at=NOON + 2 * MINUTE)
        assert value(store, Kind.SCAN, bad.digest) == told
        store.due_now("clair", None, NOON + HOUR)
        scan_all(store, NOON + HOUR)
        told = value(store, Kind.SCAN, bad.digest)
        assert (told["state"], told["findings_total"]) == ("scanned", 0)

    def test_images_behind_tags_are_due_at_once_and_nothing_else(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        plain, child, attestation = image("plain"), image("child"), image("attestation")
        chart = image("chart", config_type="application/vnd.cncf.helm.config.v1+json")
        artifact = image("artifact", artifact_type="application/x")
        both = index(child, attestations=[attestation])
        tags: dict[str, Manifest] = {"1": plain, "2": both, "3": chart, "4": artifact, "5": legacy()}
        look_more(store, NGINX, tags, child, attestation)
        works = claim_scans(store)
        assert {work.manifest for work in works} == {plain, child}
        assert {(work.home, work.attempts, work.indexed) for work in works} == {(NGINX, 0, False)}
        assert claim_scans(store) == []

    def test_an_attestation_that_also_stands_among_images_is_scanned(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        odd = image("odd")
        look_more(store, NGINX, {"1": index(attestations=[odd])}, odd)
        assert claim_scans(store) == []
        look_more(store, NGINX, {"1": index(attestations=[odd]), "2": index(odd)}, at=NOON + MINUTE)
        assert [work.manifest for work in claim_scans(store)] == [odd]

    def test_a_report_is_due_when_it_says_so_or_the_scanner_is_another(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        assert scan_all(store) == [image("a").digest]
        assert claim_scans(store, NOON + HOUR - MINUTE) == []
        (work,) = claim_scans(store, NOON + HOUR)
        assert work.indexed
        store.record_scan(work, result(work, at=NOON + HOUR))
        (work,) = claim_scans(store, NOON + HOUR, version="2")
        assert not work.indexed
        store.record_scan(work, result(work, at=NOON + HOUR, version="2"))
        assert claim_scans(store, NOON + HOUR, version="2") == []
        assert len(claim_scans(store, NOON + HOUR, version="1")) == 1, "going back to a version is another version too"
        (other,) = store.claim_scans("embedded", "1", "worker", NOON + HOUR, HOUR, 10)
        assert other.manifest == image("a")

    def test_what_was_never_seen_comes_first_and_another_version_last(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        due, later, new = image("due"), image("later"), image("new")
        look_at(store, NGINX, {"1": due})
        scan_all(store)
        look_at(store, NGINX, {"1": due, "2": later})
        scan_all(store, at=NOON + HOUR / 2)
        look_at(store, NGINX, {"1": due, "2": later, "3": new}, at=NOON + HOUR)
        works = claim_scans(store, NOON + HOUR, version="2")
        assert [work.manifest for work in works] == [new, due, later]

    def test_what_no_tag_reaches_any_more_is_not_scanned(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        (work,) = claim_scans(store)
        look_at(store, NGINX, {})
        store.record_scan(work, result(work, parts={digest_of("base"): part("CVE-1")}))
        assert value(store, Kind.SCAN, image("a").digest) is None
        assert value(store, Kind.LAYER, digest_of("base")) is None
        assert claim_scans(store, NOON + 2 * HOUR) == []
        look_at(store, NGINX, {"1": image("a")}, store_all=False)
        assert value(store, Kind.SCAN, image("a").digest)["state"] == "scanned"
        assert value(store, Kind.LAYER, digest_of("base")) is not None
        assert len(claim_scans(store, NOON + 2 * HOUR)) == 1

    def test_failures_are_counted_and_a_claim_that_ran_out_is_one(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        (work,) = claim_scans(store)
        store.record_scan(work, failure(work))
        assert claim_scans(store) == []
        (work,) = claim_scans(store, NOON + MINUTE)
        assert work.attempts == 1
        (work,) = claim_scans(store, NOON + HOUR)
        assert work.attempts == 2
        store.record_scan(work, result(work, at=NOON + HOUR))
        (work,) = claim_scans(store, NOON + 2 * HOUR)
        assert work.attempts == 0

    def test_a_late_scan_changes_nothing(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        (late,) = claim_scans(store)
        (work,) = claim_scans(store, NOON + HOUR)
        before = store.changes(0, 100)
        with pytest.raises(ClaimLost):
            store.record_scan(late, result(late, finding("CVE-1"), parts={digest_of("base"): part("CVE-1")}))
        assert store.changes(0, 100) == before
        assert store.report(image("a").digest, "clair") is None
        store.record_scan(work, result(work))
        with pytest.raises(ClaimLost):
            store.record_scan(work, result(work))

    def test_images_of_a_scanner_come_in_pages(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        found = {image(f"{number}").digest: image(f"{number}") for number in range(5)}
        tags: dict[str, Manifest] = {f"{number}": image(f"{number}") for number in range(5)}
        look_at(store, NGINX, tags | {"old": legacy()})
        assert store.images("clair", "", 10) == []
        scan_all(store)
        ordered = [found[digest] for digest in sorted(found)]
        assert list(store.images("clair", "", 10)) == ordered
        assert list(store.images("clair", ordered[1].digest, 2)) == ordered[2:4]
        assert store.images("clair", ordered[-1].digest, 2) == []
        assert store.images("embedded", "", 10) == []
        look_at(store, NGINX, {"0": image("0")})
        assert list(store.images("clair", "", 10)) == [image("0")]

    def test_due_now(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        a, b = image("a"), image("b")
        look_at(store, NGINX, {"1": a, "2": b})
        scan_all(store)
        assert store.due_now("clair", [a.digest, digest_of("nobody")], NOON + MINUTE) == 1
        (work,) = claim_scans(store, NOON + MINUTE)
        assert work.manifest == a
        assert store.due_now("clair", None, NOON + 2 * MINUTE) == 2
        assert store.due_now("embedded", None, NOON) == 0
        store.record_scan(work, result(work, at=NOON + 2 * MINUTE))
        works = claim_scans(store, NOON + 2 * MINUTE)
        assert {found.manifest.digest for found in works} == {a.digest, b.digest}, "what was under way is due again"

    # What came of it

    def test_a_report_is_kept_and_published(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        (work,) = claim_scans(store)
        found = [
            finding("CVE-2", Severity.LOW, fixed_in="", links=("https://a.example", "https://b.example")),
            finding("CVE-1", Severity.CRITICAL),
            finding("CVE-0", Severity.LOW),
        ]
        whole = result(work, *found)
        assert isinstance(whole.report, Report)
        told = replace(whole.report, gaps=(Gap(code="no-distribution", text="\0"),))
        store.record_scan(work, replace(whole, report=told))
        assert store.report(image("a").digest, "clair") == told
        shown = {"package": "openssl", "version": "3.0.11", "layer": digest_of("base"), "rated_by": "debian"}
        assert value(store, Kind.SCAN, image("a").digest) == {
            "scanner": "clair", "version": "1", "state": "scanned", "at": "2026-03-01T12:00:00Z",
            "confirmed_at": "2026-03-01T12:00:00Z", "distribution": "debian:12", "packages": 1,
            "gaps": [{"code": "no-distribution", "text": "\0"}], "cautions": [], "findings_total": 3,
            "counts": {"Unknown": 0, "Negligible": 0, "Low": 2, "Medium": 0, "High": 0, "Critical": 1, "Defcon1": 0,
                       "total": 3, "fixable": 2},
            "findings": [
                shown | {"vulnerability": "CVE-1", "severity": "Critical", "fixed_in": "3.0.13"},
                shown | {"vulnerability": "CVE-0", "severity": "Low", "fixed_in": "3.0.13"},
                shown | {"vulnerability": "CVE-2", "severity": "Low", "fixed_in": "", "link": "https://a.example"},
            ],
        }  # fmt: skip

    def test_of_many_findings_the_worst_are_published(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        (work,) = claim_scans(store)
        minor = [finding(f"CVE-{number:04}", Severity.MEDIUM) for number in range(300)]
        store.record_scan(work, result(work, *minor, finding("CVE-9999", Severity.DEFCON1)))
        told = value(store, Kind.SCAN, image("a").digest)
        assert (len(told["findings"]), told["findings_total"], told["counts"]["total"]) == (200, 301, 301)
        assert told["findings"][0]["vulnerability"] == "CVE-9999"
        assert store.info().counts["findings"] == 301

    def test_the_same_report_again_is_published_when_it_is_old(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        (work,) = claim_scans(store)
        first = store.record_scan(work, result(work, finding("CVE-1")))
        for minutes, known in (
            (59, "2026-03-01T12:00:00Z"),
            (60, "2026-03-01T13:00:00Z"),
            (61, "2026-03-01T13:00:00Z"),
        ):
            at = NOON + minutes * MINUTE
            store.due_now("clair", None, at)
            (work,) = claim_scans(store, at)
            store.record_scan(work, result(work, finding("CVE-1"), at=at))
            told = value(store, Kind.SCAN, image("a").digest)
            assert (told["at"], told["confirmed_at"]) == ("2026-03-01T12:00:00Z", known)
        kept = store.report(image("a").digest, "clair")
        assert kept is not None
        assert kept.made_at == NOON + 61 * MINUTE
        assert store.changes(0, 100).newest == first + 1
        store.due_now("clair", None, NOON + 62 * MINUTE)
        (work,) = claim_scans(store, NOON + 62 * MINUTE)
        store.record_scan(work, result(work, finding("CVE-2"), at=NOON + 62 * MINUTE))
        assert value(store, Kind.SCAN, image("a").digest)["at"] == "2026-03-01T13:02:00Z"

    def test_without_a_report_it_says_why(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        (work,) = claim_scans(store)
        store.record_scan(work, failure(work))
        told = {"code": "layer-unreadable", "text": "it is no archive", "at": "2026-03-01T12:00:00Z"}
        assert value(store, Kind.SCAN, image("a").digest) == {
            "scanner": "clair", "version": "1", "state": "failed", "at": "2026-03-01T12:00:00Z",
            "confirmed_at": "2026-03-01T12:00:00Z", "trouble": told,
        }  # fmt: skip
        assert store.report(image("a").digest, "clair") is None
        (work,) = claim_scans(store, NOON + MINUTE)
        store.record_scan(work, failure(work, NOON + MINUTE, final=True))
        assert value(store, Kind.SCAN, image("a").digest)["state"] == "unscannable"

    def test_reports_with_gaps_are_counted(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {name: image(name) for name in "ab"})
        assert (store.backlog(NOON).incomplete, store.backlog(NOON).incomplete_one) == (0, None)
        first, second = claim_scans(store)
        for work, gaps in ((first, (Gap(code="a", text=""), Gap(code="b", text=""))), (second, ())):
            told = result(work)
            assert told.report is not None
            store.record_scan(work, replace(told, report=replace(told.report, gaps=gaps)))
        backlog = store.backlog(NOON)
        assert (backlog.scanned, backlog.incomplete, backlog.incomplete_one) == (2, 1, first.manifest.digest)
        works = {work.manifest.digest: work for work in claim_scans(store, NOON + HOUR)}
        store.record_scan(works[first.manifest.digest], failure(works[first.manifest.digest], final=True))
        assert (store.backlog(NOON).incomplete, store.backlog(NOON).scanned) == (0, 1)

    def test_what_failed_can_be_tried_again_at_once(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {name: image(name) for name in "abcdef"})
        works = claim_scans(store)
        store.record_scan(works[0], result(works[0]))
        store.record_scan(works[1], failure(works[1]))
        store.record_scan(works[2], failure(works[2], final=True))
        store.record_scan(works[3], failure(works[3], code="scanner-busy"))
        (store.record_scan(works[4], result(works[4])), store.due_now("clair", [works[4].manifest.digest], NOON))
        (again,) = claim_scans(store)
        store.record_scan(again, failure(again))  # a report that grows old
        at = NOON + MINUTE / 2
        assert store.backlog(at).scans_failed == 3
        assert store.scan_again("clair", at, ["scanner-busy"]) == 2
        assert {w.manifest.digest for w in claim_scans(store, at)} == {w.manifest.digest for w in (works[1], again)}
        assert store.scan_again("clair", at, []) == 1
        assert store.scan_again("another", at, []) == 0

    def test_a_report_grows_old_when_asking_again_fails(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        (work,) = claim_scans(store)
        store.record_scan(work, result(work, finding("CVE-1"), parts={digest_of("base"): part("CVE-1")}))
        (work,) = claim_scans(store, NOON + HOUR)
        store.record_scan(work, failure(work, NOON + HOUR))
        told = value(store, Kind.SCAN, image("a").digest)
        assert (told["state"], told["confirmed_at"]) == ("scanned", "2026-03-01T12:00:00Z")
        assert told["trouble"]["at"] == "2026-03-01T13:00:00Z"
        assert value(store, Kind.LAYER, digest_of("base")) is not None
        (work,) = claim_scans(store, NOON + 2 * HOUR)
        store.record_scan(work, failure(work, NOON + 2 * HOUR, final=True))
        assert value(store, Kind.SCAN, image("a").digest)["state"] == "unscannable"
        assert store.report(image("a").digest, "clair") is None
        assert store.info().counts["findings"] == 0
        assert value(store, Kind.LAYER, digest_of("base")) is None

    # How far it has come

    def test_the_backlog_of_nothing_is_empty(self, store: Store) -> None:
        found = store.backlog(NOON)
        assert (found.repositories, found.images, found.scanner, found.oldest_look) == (0, 0, "", None)
        assert (found.looks_due, found.scans_due, found.scan_troubles) == (0, 0, ())

    def test_the_backlog_says_what_is_done_and_what_is_due(self, store: Store) -> None:
        store.watch([NGINX, REDIS, EVIL], NOON)
        assert (store.backlog(NOON).looks_due, store.backlog(NOON).under_way) == (3, 0)
        assert len(claim(store, lease=MINUTE)) == 3
        assert (store.backlog(NOON).under_way, store.backlog(NOON + MINUTE).under_way) == (3, 0)
        last = look_at(store, NGINX, {str(number): image(str(number)) for number in range(5)}, at=NOON + MINUTE)
        found = store.backlog(NOON + MINUTE)
        assert (found.repositories, found.failing, found.looks_due, found.oldest_look) == (3, 2, 0, None)
        assert (found.revision, found.images) == (last, 0)
        works = claim_scans(store, NOON + MINUTE)
        assert store.backlog(NOON + MINUTE).under_way == 5
        codes = ["", "layer-unreadable", "b", "layer-unreadable"]
        for work, code in zip(works, codes, strict=False):
            done = failure(work, NOON, code=code) if code else result(work)
            store.record_scan(work, replace(done, next_at=NOON + HOUR))
        found = store.backlog(NOON + MINUTE)
        assert (found.scanner, found.images, found.scanned, found.scans_due) == ("clair", 5, 1, 1)
        assert sorted((t.code, t.count) for t in found.scan_troubles) == [("b", 1), ("layer-unreadable", 2)]
        assert found.scan_troubles[0].count == 2
        assert store.backlog(NOON + 2 * HOUR).scans_due == 5

    def test_the_backlog_says_which_tags_are_in_trouble_and_why(self, store: Store) -> None:
        store.watch([NGINX, REDIS], NOON)
        lying, limited = trouble(code="lying", text="it answers 418"), trouble(code="rate-limited")
        look_at(store, REDIS, {"ok": image("a")}, troubles={"1": lying, "2": limited})
        look_at(store, NGINX, {}, troubles={f"{number:02}": lying for number in range(9)}, at=NOON + MINUTE)
        first, second = store.backlog(NOON + MINUTE).tag_troubles
        assert (first.code, first.count, first.text) == ("lying", 10, "it answers 418")
        assert first.tags == tuple(f"docker.io/library/nginx:{number:02}" for number in range(5))
        assert (second.code, second.count, second.tags) == ("rate-limited", 1, ("docker.io/library/redis:2",))
        look_at(store, NGINX, {"00": image("a")}, at=NOON + 2 * HOUR)
        look_at(store, REDIS, {"ok": image("a")}, at=NOON + 4 * HOUR)
        assert store.backlog(NOON + 4 * HOUR).tag_troubles == ()

    def test_the_oldest_look_is_told_once_every_repository_has_been_looked_at(self, store: Store) -> None:
        store.watch([NGINX, REDIS], NOON)
        look_at(store, NGINX, {}, at=NOON + MINUTE)
        look_at(store, REDIS, {}, at=NOON + 3 * MINUTE)
        assert store.backlog(NOON + HOUR).oldest_look == NOON + MINUTE

    def test_images_that_cannot_run_and_other_scanners_are_no_backlog(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a"), "2": image("chart", artifact_type="chart")})
        claim_scans(store)
        store.claim_scans("embedded", "1", "worker", NOON, HOUR, 10)
        assert store.backlog(NOON).images == 1
        store.use("embedded", NOON)
        assert (store.backlog(NOON).scanner, store.backlog(NOON).images) == ("embedded", 1)
        look_at(store, NGINX, {})
        assert store.backlog(NOON).images == 0
