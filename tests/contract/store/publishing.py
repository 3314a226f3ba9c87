"""What every store publishes and keeps, as one suite."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from image_enforcer.adapters.store import publication
from image_enforcer.domain.facts import Changes, Entry, Kind
from image_enforcer.domain.manifest import Manifest
from image_enforcer.ports.store import Store, StoreError
from tests.contract.contents import HOUR, MINUTE, NOON, digest_of, finding, image, index, part, result, trouble
from tests.contract.store.steps import (
    EVIL,
    NGINX,
    REDIS,
    StoreSuite,
    claim_scans,
    everything,
    look_at,
    look_more,
    scan_all,
    value,
)


class PublishingSuite(StoreSuite):
    """Layers, the facts as they are read, and looking after them."""

    # Layers

    def test_a_layer_says_what_all_images_say_of_it(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        base = digest_of("base")
        texts = {"a": part("CVE-1", "CVE-2"), "b": part("CVE-2", "CVE-3"), "c": part("CVE-9", package="zlib")}
        look_at(store, NGINX, {name: image(name) for name in texts})
        works = {work.manifest.digest: work for work in claim_scans(store)}
        for name, text in texts.items():
            work = works[image(name).digest]
            store.record_scan(work, result(work, parts={base: text}))
        told = value(store, Kind.LAYER, base)["Layer"]
        assert (told["Name"], told["NamespaceName"], told["IndexedByVersion"]) == (base, "debian:12", 3)
        flaws = {feature["Name"]: [flaw["Name"] for flaw in feature["Vulnerabilities"]] for feature in told["Features"]}
        assert flaws == {"openssl": ["CVE-1", "CVE-2", "CVE-3"], "zlib": ["CVE-9"]}
        look_at(store, NGINX, {"a": image("a"), "c": image("c")})
        told = value(store, Kind.LAYER, base)["Layer"]
        assert [flaw["Name"] for flaw in told["Features"][0]["Vulnerabilities"]] == ["CVE-1", "CVE-2"]
        look_at(store, NGINX, {})
        assert value(store, Kind.LAYER, base) is None
        assert everything(store)[Kind.LAYER, base].value is None

    def test_where_two_differ_the_last_holds(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        base = digest_of("base")
        look_at(store, NGINX, {"a": image("a"), "b": image("b")})
        works = {work.manifest.digest: work for work in claim_scans(store)}
        for name, severity in (("a", "Low"), ("b", "High")):
            work = works[image(name).digest]
            store.record_scan(work, result(work, parts={base: part("CVE-1", severity=severity)}))
        (feature,) = value(store, Kind.LAYER, base)["Layer"]["Features"]
        assert feature["Vulnerabilities"] == [{"Name": "CVE-1", "Severity": "High"}]
        store.due_now("clair", [image("a").digest], NOON)
        (work,) = claim_scans(store)
        store.record_scan(work, result(work, parts={base: part("CVE-1", severity="Medium")}))
        (feature,) = value(store, Kind.LAYER, base)["Layer"]["Features"]
        assert feature["Vulnerabilities"] == [{"Name": "CVE-1", "Severity": "Medium"}]

    def test_a_layer_is_written_anew_only_when_another_text_comes(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        base = digest_of("base")
        look_at(store, NGINX, {str(number): image(str(number)) for number in range(5)})
        revisions = set()
        for work in claim_scans(store):
            store.record_scan(work, result(work, parts={base: part("CVE-1")}))
            revisions.add(store.entries(Kind.LAYER, [base])[base].revision)
        assert len(revisions) == 1
        assert store.info().counts["parts"] == 1
        look_at(store, NGINX, {"1": image("1")})
        assert store.entries(Kind.LAYER, [base])[base].revision in revisions

    def test_a_report_without_parts_takes_them_back(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        (work,) = claim_scans(store)
        store.record_scan(work, result(work, parts={digest_of("base"): part("CVE-1"), digest_of("top"): part()}))
        assert value(store, Kind.LAYER, digest_of("top"))["Layer"]["Features"][0].get("Vulnerabilities") is None
        store.due_now("clair", None, NOON)
        (work,) = claim_scans(store)
        store.record_scan(work, result(work, parts=None))
        assert value(store, Kind.LAYER, digest_of("base")) is None

    # The facts

    def test_changes_come_in_pages_and_revisions_are_never_parted(self, store: Store) -> None:
        store.watch([NGINX, REDIS], NOON)
        for number in range(6):
            tags: dict[str, Manifest] = {f"{n}": image(f"{number} {n}") for n in range(number)}
            look_at(store, NGINX if number % 2 else REDIS, tags, at=NOON + number * MINUTE)
        whole = store.changes(0, 1000)
        assert whole.revision == whole.newest
        assert [entry.revision for entry in whole.entries] == sorted(entry.revision for entry in whole.entries)
        assert len({(entry.kind, entry.key) for entry in whole.entries}) == len(whole.entries)
        sizes = Counter(entry.revision for entry in whole.entries)
        for most in (1, 2, 3, 7, len(whole.entries), 100):
            seen: list[Entry] = []
            page = Changes(epoch="", since=0, began=0, revision=0, newest=1, entries=())
            while page.revision < page.newest:
                page = store.changes(page.revision, most, page.began, page.rest, page.stamp)
                seen += page.entries
                here = Counter(entry.revision for entry in page.entries)
                assert all(sizes[revision] == count for revision, count in here.items())
                assert len(page.entries) <= most or len(here) == 1
            assert tuple(seen) == whole.entries

    def test_a_revision_that_is_too_large_comes_in_parts(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        first = look_at(store, NGINX, {"old": image("old", ["old"])})
        before_scan = store.changes(0, 1000).stamp
        scan_all(store, parts={digest_of("old"): part("CVE-1")})
        look_at(store, NGINX, {f"{n}": image(f"{n}") for n in range(5)}, at=NOON + MINUTE)
        for since, stamp in ((0, ""), (first, before_scan)):
            whole = store.changes(since, 1000, stamp=stamp)
            assert (whole.after, whole.rest) == ("", "")
            for size in (1, 700, 1500, 100_000):
                seen: list[Entry] = []
                page = replace(whole, revision=since, began=0, stamp=stamp, entries=(), newest=whole.newest + 1)
                while page.revision < page.newest or page.rest:
                    before = page
                    page = store.changes(before.revision, 1000, before.began, before.rest, before.stamp, size)
                    assert (page.since, page.after) == (before.revision, before.rest)
                    assert len(page.entries) == 1 or sum(len(e.value or b"") for e in page.entries) <= size
                    # Whoever is within a revision has not more than the one before.
                    assert (page.revision < page.newest) if page.rest else page.entries[-1].revision == page.revision
                    seen += page.entries
                assert tuple(seen) == whole.entries
        whole = store.changes(0, 1000)
        last = [entry for entry in whole.entries if entry.revision == whole.newest]
        told = [(entry.kind, entry.value is None) for entry in last]
        gone = [kind for kind, no_more in told if no_more]
        assert told[: len(gone) - 1] == [(kind, True) for kind in gone[:-1]]
        assert (told[-1], Kind.LAYER in gone[:-1]) == ((Kind.LAYER, True), False)

    def test_findings_are_told_before_what_they_are_about(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        scan_all(store, parts={digest_of("base"): part("CVE-1")})
        look_at(store, NGINX, {})
        newest = look_at(store, NGINX, {"1": image("a")}, at=NOON + MINUTE)
        last = [entry.kind for entry in store.changes(0, 1000).entries if entry.revision == newest]
        assert (last[0], Kind.TAG in last, Kind.HELD in last) == (Kind.LAYER, True, True)

    def test_what_changes_between_two_parts_is_told_again(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {f"{n}": image(f"{n}") for n in range(4)})
        page = store.changes(0, 1000, size=1000)
        assert page.rest
        seen = {(entry.kind, entry.key): entry for entry in page.entries}
        look_at(store, NGINX, {"0": image("other"), "9": image("9")}, at=NOON + MINUTE)
        while page.rest or page.revision < page.newest:
            page = store.changes(page.revision, 1000, page.began, page.rest, page.stamp, 1000)
            seen.update({(entry.kind, entry.key): entry for entry in page.entries})
        assert seen == {(entry.kind, entry.key): entry for entry in store.changes(0, 1000).entries}

    @pytest.mark.parametrize(
        "rest", ["x", "1 1 tag", "a 1 tag k", "99 1 tag k", "-1 1 tag k", "0 0 tag k", "2 1 tag \0", "9" * 5000]
    )
    def test_a_place_that_never_was_gives_all(self, store: Store, rest: str) -> None:
        store.watch([NGINX], NOON)
        newest = look_at(store, NGINX, {"1": image("a")})
        whole = store.changes(0, 100)
        assert store.changes(0, 100, newest, rest, whole.stamp) == whole
        assert store.changes(newest - 1, 100, newest, rest, whole.stamp) == whole

    def test_what_changes_between_two_pages_is_told_again(self, store: Store) -> None:
        store.watch([NGINX, REDIS], NOON)
        look_at(store, NGINX, {"1": image("a"), "2": image("b")})
        look_at(store, REDIS, {"1": image("c")})
        page = store.changes(0, 3)
        seen = {entry.key: entry for entry in page.entries}
        assert page.revision < page.newest == page.began
        assert f"{NGINX}:1" in seen
        look_at(store, NGINX, {"1": image("d")}, at=NOON + MINUTE)
        again: dict[str, Entry] = {}
        while page.revision < page.newest:
            page = store.changes(page.revision, 3, page.began, page.rest, page.stamp)
            for entry in page.entries:
                if entry.key in seen:
                    again[entry.key] = entry
                    assert entry.revision > page.began
                seen[entry.key] = entry
        assert {f"{NGINX}:1", f"{NGINX}:2"} <= again.keys()
        assert again[f"{NGINX}:2"].value is None
        assert seen == {entry.key: entry for entry in store.changes(0, 1000).entries}

    def test_a_revision_that_never_was_gives_all(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        newest = look_at(store, NGINX, {"1": image("a")})
        whole = store.changes(0, 100)
        for since in (newest + 1, -1):
            assert store.changes(since, 100, 0, "", whole.stamp) == whole
        for stamp in ("", "other", "\0", store.changes(0, 1).stamp + " "):
            assert store.changes(newest, 100, 0, "", stamp) == whole
        upto_date = store.changes(newest, 100, 0, "", whole.stamp)
        assert (upto_date.entries, upto_date.since, upto_date.revision) == ((), newest, newest)

    def test_each_revision_has_a_stamp_of_its_own_that_stays(self, store: Store, opened: Callable[[], Store]) -> None:
        store.watch([NGINX, REDIS], NOON)
        pages = [store.changes(0, 1000)]
        for number in range(3):
            look_at(store, NGINX, {f"{number}": image(f"{number}")}, at=NOON + number * MINUTE)
            pages.append(store.changes(0, 1000))
        assert len({page.stamp for page in pages} - {""}) == 4
        again = opened()
        for page in pages:
            told = again.changes(page.revision, 1000, page.began, "", page.stamp)
            assert (told.since, told.stamp) == (page.revision, pages[-1].stamp)
            other = pages[page is pages[0]].stamp
            assert again.changes(page.revision, 1000, page.began, "", other) == pages[-1]
        again.close()

    def test_one_on_its_way_through_everything_proves_where_it_began(self, store: Store) -> None:
        store.watch([NGINX, REDIS], NOON)
        for number in range(3):
            look_at(store, NGINX, {f"{number}": image(f"{number}")}, at=NOON + number * MINUTE)
        page = store.changes(0, 1)
        assert (page.revision < page.began, page.stamp) == (True, store.changes(0, 1000).stamp)
        assert store.changes(page.revision, 1, page.began, "", page.stamp).since == page.revision
        assert store.changes(page.revision, 1, page.began, "", "other").since == 0

    def test_stamps_of_long_ago_are_forgotten(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(publication, "HISTORY", 2)
        store.watch([NGINX], NOON)
        pages = []
        for number in range(4):
            look_at(store, NGINX, {"1": image(f"{number}")}, at=NOON + number * MINUTE)
            pages.append(store.changes(0, 1000))
        since = [store.changes(p.revision, 1000, p.began, "", p.stamp).since for p in pages]
        assert since == [0, 0, pages[2].revision, pages[3].revision]
        assert store.info().counts["revisions"] == 2

    def test_a_reader_that_slept_through_pruning_begins_anew(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a"), "2": image("b")})
        slept = store.changes(0, 100)
        look_at(store, NGINX, {"1": image("a")}, at=NOON + MINUTE)
        awake = store.changes(slept.revision, 100, slept.began, "", slept.stamp)
        store.watch([NGINX, REDIS], NOON + HOUR)
        assert store.prune(NOON + HOUR, HOUR) == 0
        assert store.prune(NOON + 2 * HOUR, HOUR) == 4
        again = store.changes(slept.revision, 100, slept.began, "", slept.stamp)
        assert again.since == 0
        held = f"{NGINX}@{image('a').digest}"
        assert {e.key for e in again.entries} == {str(NGINX), str(REDIS), f"{NGINX}:1", image("a").digest, held}
        assert store.changes(awake.revision, 100, awake.began, "", awake.stamp).since == awake.revision
        # One that is on its way through everything goes on, even before what was pruned.
        page = store.changes(0, 1)
        assert page.revision < awake.revision
        assert store.changes(page.revision, 100, page.began, "", page.stamp).since == page.revision

    def test_entries_are_found_by_kind_and_key(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a"), "2": image("b")})
        look_at(store, NGINX, {"2": image("b")})
        found = store.entries(Kind.TAG, [f"{NGINX}:1", f"{NGINX}:2", str(NGINX), "no"])
        assert found.keys() == {f"{NGINX}:2"}
        revisions = store.revisions(Kind.TAG, [f"{NGINX}:1", f"{NGINX}:2", str(NGINX), "no"])
        assert revisions == {key: entry.revision for key, entry in found.items()}
        assert store.revisions(Kind.TAG, []) == {}

    def test_notes_of_readers(self, store: Store, opened: Callable[[], Store]) -> None:
        store.note("opa", "1")
        store.note("opa", "2")
        store.note("replica", "7")
        assert (store.position("opa"), store.position("replica"), store.position("")) == ("2", "7", "")
        again = opened()
        assert again.position("opa") == "2"
        again.close()

    # Looking after it

    def test_info(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        info = store.info()
        assert (info.kind in ("sqlite", "postgresql"), info.schema, info.revision) == (True, "0004", 2)
        assert info.epoch == store.changes(0, 1).epoch
        assert info.counts["tags"] == info.counts["manifests"] == info.counts["repositories"] == 1
        assert info.size > 10_000

    def test_pruning_forgets_what_nothing_points_to(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        a, b, child = image("a"), image("b"), image("child")
        both = index(child)
        look_more(store, NGINX, {"a": a, "b": b, "both": both}, child)
        scan_all(store, parts={digest_of("base"): part("CVE-1")})
        look_at(store, NGINX, {"a": a}, at=NOON + MINUTE)
        assert store.prune(NOON + HOUR, HOUR) == 0
        assert store.missing([b.digest, both.digest, child.digest]) == frozenset()
        entries = store.info().counts["entries"]
        assert store.prune(NOON + HOUR + MINUTE, HOUR) == 3 + 10
        assert store.missing([a.digest, b.digest, both.digest, child.digest]) == {b.digest, both.digest, child.digest}
        assert store.info().counts["entries"] == entries - 10
        assert store.info().counts["scans"] == 1
        assert value(store, Kind.LAYER, digest_of("base")) is not None
        assert store.prune(NOON + HOUR + MINUTE, HOUR) == 0
        look_at(store, NGINX, {}, at=NOON + 2 * HOUR)
        store.prune(NOON + 4 * HOUR, HOUR)
        counts = store.info().counts
        assert {name: count for name, count in counts.items() if count} == {
            "meta": 1, "repositories": 1, "scanners": 1, "entries": 1, "revisions": store.info().revision + 1
        }  # fmt: skip

    def test_pruning_goes_in_parts_that_are_short(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {f"{number}": image(f"image {number}") for number in range(120)})
        look_at(store, NGINX, {}, at=NOON + MINUTE)
        assert store.info().counts["manifests"] == 120
        assert store.prune(NOON + 2 * HOUR, HOUR) > 0
        assert store.info().counts["manifests"] >= 60
        while store.prune(NOON + 2 * HOUR, HOUR):
            pass
        counts = store.info().counts
        assert {name: count for name, count in counts.items() if count} == {
            "meta": 1, "repositories": 1, "entries": 1, "revisions": store.info().revision + 1
        }  # fmt: skip

    def test_what_nothing_points_to_has_only_so_much_room(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        images = [image(f"image {number}") for number in range(5)]
        size = len(images[0].content)
        for number, each in enumerate(images):
            look_at(store, NGINX, {"1": each}, at=NOON + number * MINUTE)
        assert store.crowded(4 * size) is None
        since = store.crowded(4 * size - 1)
        assert since == NOON + 1 * MINUTE
        assert (store.crowded(2 * size), store.crowded(0)) == (NOON + 2 * MINUTE, NOON + 4 * MINUTE)
        assert store.prune(NOON + HOUR, 9 * HOUR, NOON + 2 * MINUTE) == 2
        kept = [each.digest for each in images[2:]]
        assert store.missing([each.digest for each in images]) == {each.digest for each in images} - set(kept)
        assert store.prune(NOON + HOUR, 9 * HOUR, NOON + 2 * MINUTE) == 0
        assert store.crowded(2 * size) is None

    def test_what_is_unreached_does_not_become_young_again(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        a = image("a")
        look_at(store, NGINX, {"1": a})
        look_at(store, NGINX, {})
        look_more(store, NGINX, {}, index(a), at=NOON + HOUR / 2)
        store.prune(NOON + HOUR, HOUR)
        assert store.missing([a.digest]) == {a.digest}
        assert value(store, Kind.MANIFEST, index(a).digest) is None
        assert store.info().counts["manifests"] == 1

    def test_a_backup_is_a_store(self, store: Store, tmp_path: Path, restored: Callable[[Path], Store]) -> None:
        store.watch([NGINX, REDIS], NOON)
        child = image("child")
        look_at(store, NGINX, {"1": image("a"), "bad": image("b")}, troubles={"x": trouble()})
        look_more(store, REDIS, {"1": index(child)}, child, at=NOON + 2 * HOUR)
        for work in claim_scans(store):
            store.record_scan(work, result(work, finding("CVE-1"), parts={digest_of("base"): part("CVE-1")}))
        store.note("opa", "3")
        target = tmp_path / "copy.db"
        store.backup(target)
        with pytest.raises(StoreError, match="exists already"):
            store.backup(target)
        assert [path.name for path in tmp_path.iterdir() if "copy" in path.name] == ["copy.db"]
        copy = restored(target)
        try:
            assert copy.changes(0, 1000).entries == store.changes(0, 1000).entries
            assert copy.info().counts == store.info().counts
            assert copy.info().epoch != store.info().epoch
            assert copy.watched() == store.watched()
            assert copy.report(child.digest, "clair") == store.report(child.digest, "clair")
            assert copy.position("opa") == "3"
            copy.watch([NGINX, REDIS, EVIL], NOON)
            look_at(copy, EVIL, {"1": image("new")}, at=NOON + 3 * HOUR)
        finally:
            copy.close()

    def test_a_backup_that_cannot_be_written_leaves_nothing(self, store: Store, tmp_path: Path) -> None:
        with pytest.raises(StoreError):
            store.backup(tmp_path / "no" / "folder" / "copy.db")

    def test_what_was_recorded_is_there_when_it_is_opened_again(
        self, store: Store, opened: Callable[[], Store]
    ) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        scan_all(store, parts={digest_of("base"): part("CVE-1")})
        before = store.changes(0, 100)
        store.close()
        again = opened()
        assert again.changes(0, 100) == before
        again.close()
