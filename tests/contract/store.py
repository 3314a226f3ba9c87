"""What every store does, as one suite: each adapter's tests derive from it and say how to open one."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.domain.digest import Digest
from image_enforcer.domain.facts import Changes, Entry, Kind
from image_enforcer.domain.manifest import Manifest
from image_enforcer.domain.reference import Repository
from image_enforcer.domain.report import Gap, Report, Severity
from image_enforcer.domain.watched import Look, Trouble
from image_enforcer.ports.store import ClaimLost, LookWork, ScanWork, Store, StoreError

from .contents import (
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
    repository,
    result,
    trouble,
)

NGINX = repository()
REDIS = repository("library/redis")
EVIL = repository("library/nginx", "evil.example")


def claim(store: Store, at: datetime = NOON, most: int = 100, lease: timedelta = 5 * MINUTE) -> list[LookWork]:
    return list(store.claim_looks("worker", at, lease, most))


def look_at(
    store: Store, where: Repository, tags: dict[str, Manifest], *, at: datetime = NOON,
    troubles: dict[str, Trouble] | None = None, listed: frozenset[str] = frozenset(), store_all: bool = True,
    others: tuple[Manifest, ...] = (),
) -> int:  # fmt: skip
    """Claim a repository, look, and record that it has these tags. Whatever else is due fails."""
    assert store.hint(where, at)
    works = {work.watched.repository: work for work in claim(store, at)}
    for other in works.keys() - {where}:
        store.record_trouble(works[other], trouble(at), at + HOUR)
    seen = a_look(where, tags, at, troubles, listed, store_all)
    return store.record_look(works[where], replace(seen, manifests=(*others, *seen.manifests)), at + HOUR)


def a_look(
    where: Repository, tags: dict[str, Manifest], at: datetime = NOON, troubles: dict[str, Trouble] | None = None,
    listed: frozenset[str] = frozenset(), store_all: bool = True,
) -> Look:  # fmt: skip
    return Look(
        repository=where, at=at, tags=tuple((name, found.digest) for name, found in tags.items()),
        listed=listed | tags.keys() | (troubles or {}).keys(), manifests=tuple(tags.values()) if store_all else (),
        troubles=tuple((troubles or {}).items()),
    )  # fmt: skip


def look_more(
    store: Store, where: Repository, tags: dict[str, Manifest], *others: Manifest, at: datetime = NOON
) -> int:
    """As :func:`look_at`, with manifests beside those that the tags point to."""
    return look_at(store, where, tags, at=at, others=others)


def claim_scans(
    store: Store, at: datetime = NOON, version: str = "1", most: int = 100, lease: timedelta = 5 * MINUTE
) -> list[ScanWork]:
    return list(store.claim_scans("clair", version, "worker", at, lease, most))


def scan_all(store: Store, at: datetime = NOON, version: str = "1", **more: Any) -> list[Digest]:
    """Scan what is due, without findings; what that was."""
    works = claim_scans(store, at, version)
    for work in works:
        store.record_scan(work, result(work, at=at, version=version, **more))
    return sorted(work.manifest.digest for work in works)


def value(store: Store, kind: Kind, key: str) -> Any:
    """What is published under a key; None where nothing is."""
    found = store.entries(kind, [key]).get(key)
    return None if found is None or found.value is None else json.loads(found.value)


def everything(store: Store, most: int = 1000) -> dict[tuple[Kind, str], Entry]:
    """All entries, page by page, gone ones included."""
    entries: dict[tuple[Kind, str], Entry] = {}
    page = store.changes(0, most)
    while True:
        entries.update({(entry.kind, entry.key): entry for entry in page.entries})
        if page.revision == page.newest:
            return entries
        page = store.changes(page.revision, most, page.began)


class StoreContract:
    """A subclass gives ``opened``, which opens the same empty database each time it is called."""

    @pytest.fixture
    def opened(self) -> Callable[[], Store]:
        raise AssertionError("which store?")

    @pytest.fixture
    def store(self, opened: Callable[[], Store]) -> Iterator[Store]:
        store = opened()
        yield store
        store.close()

    # What is followed

    def test_an_empty_store_has_nothing(self, store: Store) -> None:
        assert store.watched() == []
        assert claim(store) == []
        assert claim_scans(store) == []
        assert store.tags(NGINX) == {}
        assert store.missing([digest_of("a")]) == {digest_of("a")}
        assert store.report(digest_of("a"), "clair") is None
        assert store.entries(Kind.TAG, ["a"]) == {}
        assert store.entries(Kind.TAG, []) == {}
        assert store.manifests([digest_of("a")]) == {}
        assert store.position("reader") == ""
        nothing = store.changes(0, 10)
        assert (nothing.revision, nothing.newest, nothing.entries) == (0, 0, ())
        assert nothing.epoch

    def test_what_is_watched_is_due_at_once_and_in_order(self, store: Store) -> None:
        store.watch([REDIS, EVIL, NGINX], NOON)
        assert [found.repository for found in store.watched()] == [NGINX, REDIS, EVIL]
        assert {found.next_look for found in store.watched()} == {NOON}
        assert value(store, Kind.REPOSITORY, "docker.io/library/nginx") == {"failures": 0, "looked_at": None}
        assert len(claim(store, NOON - MINUTE)) == 0
        assert {work.watched.repository for work in claim(store)} == {NGINX, REDIS, EVIL}

    def test_watching_the_same_again_changes_nothing(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        before = store.watched(), store.changes(0, 100)
        store.watch([NGINX], NOON + HOUR)
        assert (store.watched(), store.changes(0, 100)) == before

    def test_what_is_not_watched_any_more_is_forgotten(self, store: Store) -> None:
        store.watch([NGINX, REDIS], NOON)
        one, both = image("one"), image("both")
        look_at(store, NGINX, {"1": one, "2": both})
        look_at(store, REDIS, {"1": both})
        store.watch([REDIS], NOON)
        assert [found.repository for found in store.watched()] == [REDIS]
        assert store.tags(NGINX) == {}
        gone = {key for (_, key), entry in everything(store).items() if entry.value is None}
        held = {f"{NGINX}@{found.digest}" for found in (one, both)}
        assert gone == {str(NGINX), f"{NGINX}:1", f"{NGINX}:2", one.digest} | held
        assert value(store, Kind.MANIFEST, both.digest) is not None
        assert not store.hint(NGINX, NOON)

    def test_a_hint_makes_due(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {})
        assert claim(store, NOON + MINUTE) == []
        assert store.hint(NGINX, NOON + MINUTE)
        assert len(claim(store, NOON + MINUTE)) == 1

    def test_a_hint_during_a_look_makes_due_again(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        (work,) = claim(store)
        assert store.hint(NGINX, NOON + MINUTE)
        store.record_look(work, a_look(NGINX, {}), NOON + HOUR)
        (work,) = claim(store, NOON + MINUTE)
        store.record_look(work, a_look(NGINX, {}), NOON + HOUR)
        assert claim(store, NOON + 2 * MINUTE) == []

    def test_the_longest_due_come_first(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        store.watch([NGINX, REDIS], NOON + MINUTE)
        store.watch([NGINX, REDIS, EVIL], NOON + 2 * MINUTE)
        works = claim(store, NOON + HOUR, most=2)
        assert [work.watched.repository for work in works] == [NGINX, REDIS]

    # Looks

    def test_a_look_is_recorded_and_published(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        a, b = image("a", ["base", "app"]), legacy()
        revision = look_at(store, NGINX, {"1": a, "old": b})
        assert store.tags(NGINX).keys() == {"1", "old"}
        tag = store.tags(NGINX)["1"]
        assert (tag.name, tag.digest, tag.since, tag.seen_at) == ("1", a.digest, NOON, NOON)
        assert store.missing([a.digest, digest_of("c")]) == {digest_of("c")}
        assert store.manifests([a.digest, b.digest, digest_of("c")]) == {a.digest: a, b.digest: b}
        assert value(store, Kind.REPOSITORY, str(NGINX)) == {"failures": 0, "looked_at": "2026-03-01T12:00:00Z"}
        assert value(store, Kind.TAG, f"{NGINX}:1") == {"digest": a.digest, "since": "2026-03-01T12:00:00Z"}
        assert value(store, Kind.MANIFEST, b.digest) == {"kind": "legacy", "media_type": b.media_type}
        assert value(store, Kind.MANIFEST, a.digest) == {
            "kind": "image", "media_type": a.media_type, "size": 2100, "runnable": True,
            "config": {"digest": a.config.digest, "size": 100, "media_type": a.config.media_type},
            "layers": [{"digest": x.digest, "size": 1000, "media_type": x.media_type} for x in a.layers],
        }  # fmt: skip
        found = store.watched()[0]
        assert (found.looked_at, found.next_look, found.failures) == (NOON, NOON + HOUR, 0)
        assert {entry.revision for entry in store.changes(revision - 1, 100).entries} == {revision}

    def test_schema_1_never_takes_the_place_of_an_image(self, store: Store) -> None:
        """Its digest proves nothing: a hostile registry can say that it is that of somebody else's image."""
        store.watch([EVIL, NGINX], NOON)
        a = image("a")
        false = replace(legacy(), digest=a.digest)
        look_at(store, EVIL, {"1": false})
        assert value(store, Kind.MANIFEST, a.digest)["kind"] == "legacy"
        assert store.missing([a.digest]) == {a.digest}
        look_at(store, NGINX, {"1": a}, at=NOON + MINUTE)
        assert value(store, Kind.MANIFEST, a.digest)["kind"] == "image"
        assert store.missing([a.digest]) == frozenset()
        look_at(store, EVIL, {"1": false}, at=NOON + 2 * HOUR)
        assert store.manifests([a.digest]) == {a.digest: a}
        assert [work.manifest for work in claim_scans(store, NOON + 2 * HOUR)] == [a]
        look_more(store, NGINX, {"2": image("b")}, replace(legacy(), digest=image("b").digest), at=NOON + 4 * HOUR)
        assert store.manifests([image("b").digest]) == {image("b").digest: image("b")}

    def test_an_index_is_published_with_its_platforms(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        a, b = image("a"), image("statement")
        both = index(a, attestations=[b])
        look_more(store, NGINX, {"1": both}, a, b)
        assert value(store, Kind.MANIFEST, both.digest) == {
            "kind": "index", "media_type": both.media_type, "children": [
                {"digest": a.digest, "media_type": a.media_type,
                 "platform": {"os": "linux", "architecture": "arch0"}},
                {"digest": b.digest, "media_type": b.media_type,
                 "platform": {"os": "unknown", "architecture": "unknown"}},
            ],
        }  # fmt: skip
        assert value(store, Kind.MANIFEST, a.digest)["kind"] == "image"
        assert value(store, Kind.MANIFEST, b.digest)["kind"] == "image"

    def test_the_same_look_again_changes_the_repository_alone(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        first = look_at(store, NGINX, {"1": image("a"), "2": image("b")})
        second = look_at(store, NGINX, {"1": image("a"), "2": image("b")}, at=NOON + MINUTE)
        assert [entry.kind for entry in store.changes(first, 100).entries] == [Kind.REPOSITORY]
        assert second == first + 1
        tag = store.tags(NGINX)["2"]
        assert (tag.since, tag.seen_at) == (NOON, NOON + MINUTE)

    def test_a_tag_that_moves(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        look_at(store, NGINX, {"1": image("b")}, at=NOON + MINUTE)
        assert store.tags(NGINX)["1"].since == NOON + MINUTE
        assert value(store, Kind.MANIFEST, image("a").digest) is None
        assert value(store, Kind.MANIFEST, image("b").digest) is not None
        assert everything(store)[Kind.MANIFEST, image("a").digest].value is None
        look_at(store, NGINX, {"1": image("a")}, at=NOON + 2 * MINUTE, store_all=False)
        assert value(store, Kind.MANIFEST, image("a").digest) is not None

    def test_a_tag_that_is_gone(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a"), "2": image("b")})
        look_at(store, NGINX, {"2": image("b")})
        assert store.tags(NGINX).keys() == {"2"}
        gone = {entry.key for entry in everything(store).values() if entry.value is None}
        assert gone == {f"{NGINX}:1", image("a").digest, f"{NGINX}@{image('a').digest}"}

    def test_a_tag_that_is_listed_and_was_not_resolved_stays(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a"), "2": image("b")})
        look_at(store, NGINX, {"2": image("b")}, listed=frozenset({"1"}), at=NOON + MINUTE)
        assert store.tags(NGINX)["1"].seen_at == NOON
        assert value(store, Kind.TAG, f"{NGINX}:1")["digest"] == image("a").digest

    def test_a_tag_in_trouble_keeps_what_is_known(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        bad = {"1": trouble(NOON + MINUTE), "new": trouble(NOON + MINUTE, text="a \0 and a \ud800")}
        look_at(store, NGINX, {}, troubles=bad, at=NOON + MINUTE)
        told = {"code": "registry-unreachable", "text": "no answer", "at": "2026-03-01T12:01:00Z"}
        assert value(store, Kind.TAG, f"{NGINX}:1") == {
            "digest": image("a").digest, "since": "2026-03-01T12:00:00Z", "trouble": told
        }  # fmt: skip
        assert value(store, Kind.TAG, f"{NGINX}:new") == {
            "digest": None, "trouble": told | {"text": "a \ufffd and a \ufffd"}
        }  # fmt: skip
        assert store.tags(NGINX).keys() == {"1"}
        assert store.tags(NGINX)["1"].seen_at == NOON
        look_at(store, NGINX, {"1": image("a"), "new": image("b")}, at=NOON + 2 * MINUTE)
        assert value(store, Kind.TAG, f"{NGINX}:1") == {
            "digest": image("a").digest, "since": "2026-03-01T12:00:00Z"
        }  # fmt: skip
        assert value(store, Kind.TAG, f"{NGINX}:new")["since"] == "2026-03-01T12:02:00Z"

    def test_a_tag_whose_manifest_could_not_be_had_says_so(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        (work,) = claim(store, NOON + HOUR)
        moved = Look(
            repository=NGINX, at=NOON + HOUR, tags=(("1", image("b").digest),), listed=frozenset({"1"}),
            troubles=(("1", trouble(NOON + HOUR)),),
        )  # fmt: skip
        store.record_look(work, moved, NOON + 2 * HOUR)
        told = value(store, Kind.TAG, f"{NGINX}:1")
        assert (told["digest"], told["trouble"]["code"]) == (image("b").digest, "registry-unreachable")
        assert value(store, Kind.MANIFEST, image("a").digest) is None
        look_at(store, NGINX, {"1": image("b")}, at=NOON + 2 * HOUR)
        assert "trouble" not in value(store, Kind.TAG, f"{NGINX}:1")

    def test_a_look_that_failed_leaves_what_is_known(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        for times in (1, 2):
            assert store.hint(NGINX, NOON + times * MINUTE)
            (work,) = claim(store, NOON + times * MINUTE)
            assert work.watched.failures == times - 1
            store.record_trouble(work, trouble(NOON + times * MINUTE), NOON + HOUR)
        (found,) = store.watched()
        assert (found.failures, found.looked_at, found.trouble) == (2, NOON, trouble(NOON + 2 * MINUTE))
        assert value(store, Kind.REPOSITORY, str(NGINX)) == {
            "failures": 2, "looked_at": "2026-03-01T12:00:00Z",
            "trouble": {"code": "registry-unreachable", "text": "no answer", "at": "2026-03-01T12:02:00Z"},
        }  # fmt: skip
        assert value(store, Kind.TAG, f"{NGINX}:1") is not None
        look_at(store, NGINX, {"1": image("a")}, at=NOON + HOUR)
        assert (store.watched()[0].failures, store.watched()[0].trouble) == (0, None)

    def test_a_manifest_is_published_once_it_is_known(self, store: Store) -> None:
        store.watch([NGINX, REDIS], NOON)
        a = image("a")
        both = index(a)
        look_at(store, NGINX, {"1": both}, store_all=False)
        assert value(store, Kind.TAG, f"{NGINX}:1")["digest"] == both.digest
        assert value(store, Kind.MANIFEST, both.digest) is None
        look_more(store, REDIS, {}, both, at=NOON + MINUTE)
        assert value(store, Kind.MANIFEST, both.digest) is not None
        assert claim_scans(store) == []
        look_more(store, REDIS, {}, a, at=NOON + 2 * MINUTE)
        assert value(store, Kind.MANIFEST, a.digest) is not None
        (work,) = claim_scans(store)
        assert work.home == NGINX

    def test_what_a_repository_holds_is_published_by_digest(self, store: Store) -> None:
        def holds(place: Repository, *found: Manifest) -> list[bool]:
            return [value(store, Kind.HELD, f"{place}@{one.digest}") == {"digest": one.digest} for one in found]

        a, b = image("a"), image("b")
        both = index(a, b)
        store.watch([NGINX, REDIS], NOON)
        look_at(store, NGINX, {"1": both})
        assert holds(NGINX, both, a, b) == [True, True, True]
        assert holds(REDIS, both, a, b) == [False, False, False]
        look_at(store, REDIS, {"x": a})
        assert holds(REDIS, both, a, b) == [False, True, False]
        look_at(store, NGINX, {"1": a}, at=NOON + HOUR)
        assert holds(NGINX, both, a, b) == [False, True, False]
        store.watch([REDIS], NOON + HOUR)
        assert (holds(NGINX, a), holds(REDIS, a)) == ([False], [True])

    def test_a_manifest_that_no_tag_reaches_is_kept_to_itself(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_more(store, NGINX, {"1": image("a")}, image("stray"))
        assert store.missing([image("stray").digest]) == frozenset()
        assert value(store, Kind.MANIFEST, image("stray").digest) is None
        assert [work.manifest for work in claim_scans(store)] == [image("a")]

    def test_indexes_within_indexes(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        a = image("a")
        inner = index(a)
        outer = index(inner, name="outer")
        look_more(store, NGINX, {"1": outer, "2": inner}, a)
        look_at(store, NGINX, {"1": outer})
        assert value(store, Kind.MANIFEST, a.digest) is not None
        look_at(store, NGINX, {"2": inner})
        assert value(store, Kind.MANIFEST, a.digest) is not None
        assert value(store, Kind.MANIFEST, outer.digest) is None
        look_at(store, NGINX, {})
        assert {kind for (kind, _), entry in everything(store).items() if entry.value is not None} == {Kind.REPOSITORY}

    def test_what_fails_midway_leaves_nothing(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a"), "2": image("b")})
        assert store.hint(NGINX, NOON)
        (work,) = claim(store)
        before = store.changes(0, 100), store.tags(NGINX), store.info().counts, store.watched()
        broken = replace(image("broken"), content=b"not what it was")
        with pytest.raises(ValueError, match="cannot be read"):
            store.record_look(work, a_look(NGINX, {"1": broken, "3": image("c")}), NOON + HOUR)
        assert (store.changes(0, 100), store.tags(NGINX), store.info().counts, store.watched()) == before
        store.record_look(work, a_look(NGINX, {"1": image("c")}), NOON + HOUR)
        (first,) = [work for work in claim_scans(store) if work.manifest == image("c")]
        before = store.changes(0, 100), store.tags(NGINX), store.info().counts, store.watched()
        with pytest.raises(ValueError, match="malformed"):
            store.record_scan(first, result(first, finding("CVE-1"), parts={digest_of("base"): b"{]"}))
        assert (store.changes(0, 100), store.tags(NGINX), store.info().counts, store.watched()) == before
        store.record_scan(first, result(first, finding("CVE-1")))

    # Claims

    def test_two_owners_never_get_the_same(self, store: Store) -> None:
        store.watch([NGINX, REDIS, EVIL], NOON)
        first, rest = claim(store, most=1), claim(store)
        assert len(first + rest) == 3
        assert len({work.claim.token for work in first + rest}) == 3
        assert claim(store) == []

    def test_a_lease_that_ended_is_taken_over_and_the_late_one_changes_nothing(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        (late,) = claim(store)
        assert claim(store, NOON + 4 * MINUTE) == []
        (work,) = claim(store, NOON + 5 * MINUTE)
        before = store.changes(0, 100)
        with pytest.raises(ClaimLost):
            store.record_look(late, a_look(NGINX, {"1": image("a")}), NOON + HOUR)
        with pytest.raises(ClaimLost):
            store.record_trouble(late, trouble(), NOON + HOUR)
        assert store.changes(0, 100) == before
        assert store.tags(NGINX) == {}
        assert store.missing([image("a").digest])
        store.record_look(work, a_look(NGINX, {"1": image("b")}), NOON + HOUR)
        with pytest.raises(ClaimLost):
            store.record_look(work, a_look(NGINX, {"1": image("b")}), NOON + HOUR)

    def test_a_claim_holds_for_longer_where_its_owner_says_so(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        (work,) = claim(store)
        store.extend_looks([work], NOON + HOUR)
        assert claim(store, NOON + HOUR - MINUTE) == []
        (other,) = claim(store, NOON + HOUR)
        store.extend_looks([work], NOON + 9 * HOUR)
        assert len(claim(store, NOON + 2 * HOUR)) == 1, "what is another's is not extended"
        store.extend_looks([other], NOON + 9 * HOUR)

    def test_a_claim_on_a_scan_holds_for_longer_where_its_owner_says_so(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a"), "2": image("b")})
        first, second = claim_scans(store)
        store.extend_scans([first], NOON + HOUR)
        assert [work.manifest for work in claim_scans(store, NOON + HOUR - MINUTE)] == [second.manifest]
        (other,) = [work for work in claim_scans(store, NOON + HOUR) if work.manifest == first.manifest]
        store.extend_scans([first, second], NOON + 9 * HOUR)
        assert len(claim_scans(store, NOON + 2 * HOUR)) == 2, "what is another's is not extended"
        with pytest.raises(ClaimLost):
            store.record_scan(first, result(first))
        assert other.attempts == 1

    def test_a_claim_on_what_is_forgotten_is_lost(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        (work,) = claim(store)
        store.watch([], NOON)
        store.watch([NGINX], NOON)
        with pytest.raises(ClaimLost):
            store.record_look(work, a_look(NGINX, {}), NOON + HOUR)

    def test_many_threads_claim_each_work_once(self, store: Store) -> None:
        places = [repository(f"r/{number}") for number in range(60)]
        store.watch(places, NOON)
        works = claim(store)
        for number, work in enumerate(works):
            where = work.watched.repository
            store.record_look(work, a_look(where, {"1": image(f"image {number}")}), NOON)

        def take(number: int) -> tuple[list[Repository], list[Digest]]:
            looks, scans = [], []
            while more := store.claim_looks(f"worker {number}", NOON, HOUR, 3):
                looks += [work.watched.repository for work in more]
            while scanned := store.claim_scans("clair", "1", f"worker {number}", NOON, HOUR, 3):
                scans += [work.manifest.digest for work in scanned]
            return looks, scans

        with ThreadPoolExecutor(8) as threads:
            taken = list(threads.map(take, range(8)))
        assert sorted(where for looks, _ in taken for where in looks) == sorted(places)
        assert Counter(digest for _, scans in taken for digest in scans) == Counter(
            image(f"image {number}").digest for number in range(60)
        )

    def test_a_result_about_something_else_is_refused(self, store: Store) -> None:
        store.watch([NGINX, REDIS], NOON)
        look_at(store, NGINX, {"1": image("a"), "2": image("b")})
        first, second = claim_scans(store)
        with pytest.raises(ValueError, match="no result"):
            store.record_scan(first, result(second))
        with pytest.raises(ValueError, match="either"):
            store.record_scan(first, result(first, trouble=trouble()))
        assert store.hint(NGINX, NOON)
        work = next(work for work in claim(store) if work.watched.repository == NGINX)
        with pytest.raises(ValueError, match="no result"):
            store.record_look(work, a_look(REDIS, {}), NOON)

    # What is to be scanned

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
            "gaps": [{"code": "no-distribution", "text": "\0"}], "findings_total": 3,
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
                page = store.changes(page.revision, most, page.began)
                seen += page.entries
                here = Counter(entry.revision for entry in page.entries)
                assert all(sizes[revision] == count for revision, count in here.items())
                assert len(page.entries) <= most or len(here) == 1
            assert tuple(seen) == whole.entries

    def test_a_revision_that_never_was_gives_all(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        newest = look_at(store, NGINX, {"1": image("a")})
        whole = store.changes(0, 100)
        for since in (newest + 1, -1):
            assert store.changes(since, 100) == whole
        upto_date = store.changes(newest, 100)
        assert (upto_date.entries, upto_date.since, upto_date.revision) == ((), newest, newest)

    def test_a_reader_that_slept_through_pruning_begins_anew(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a"), "2": image("b")})
        slept = store.changes(0, 100)
        look_at(store, NGINX, {"1": image("a")}, at=NOON + MINUTE)
        awake = store.changes(slept.revision, 100, slept.began)
        store.watch([NGINX, REDIS], NOON + HOUR)
        assert store.prune(NOON + HOUR, HOUR) == 0
        assert store.prune(NOON + 2 * HOUR, HOUR) == 4
        again = store.changes(slept.revision, 100, slept.began)
        assert again.since == 0
        held = f"{NGINX}@{image('a').digest}"
        assert {e.key for e in again.entries} == {str(NGINX), str(REDIS), f"{NGINX}:1", image("a").digest, held}
        assert store.changes(awake.revision, 100, awake.began).since == awake.revision
        # One that is on its way through everything goes on, even before what was pruned.
        page = store.changes(0, 1)
        assert page.revision < awake.revision
        assert store.changes(page.revision, 100, page.began).since == page.revision

    def test_entries_are_found_by_kind_and_key(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a"), "2": image("b")})
        look_at(store, NGINX, {"2": image("b")})
        found = store.entries(Kind.TAG, [f"{NGINX}:1", f"{NGINX}:2", str(NGINX), "no"])
        assert found.keys() == {f"{NGINX}:2"}

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
        assert (info.kind in ("sqlite", "postgresql"), info.schema, info.revision) == (True, "0002", 2)
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
            "meta": 1, "repositories": 1, "scanners": 1, "entries": 1
        }  # fmt: skip

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
