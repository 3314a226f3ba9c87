"""What every store does with a tag that was asked about alone."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from image_enforcer.domain.facts import Kind
from image_enforcer.domain.manifest import Manifest
from image_enforcer.domain.reference import Repository
from image_enforcer.domain.watched import TagLook, Trouble
from image_enforcer.ports.store import Store
from tests.contract.contents import HOUR, MINUTE, NOON, digest_of, image, index, trouble
from tests.contract.store.steps import (
    NGINX,
    REDIS,
    StoreSuite,
    a_look,
    behind,
    claim,
    claim_scans,
    everything,
    look_at,
    scan_all,
    value,
)

LATER = NOON + MINUTE


def asked(
    found: Manifest | None, tag: str = "1", *, where: Repository = NGINX, at: datetime = LATER,
    failed: Trouble | None = None, others: tuple[Manifest, ...] = (), stored: bool = True,
) -> TagLook:  # fmt: skip
    """What a registry says of one tag: what it points to, or that there is none."""
    kept = (found, *others) if found is not None and stored else others
    digest = found.digest if found is not None else None
    return TagLook(repository=where, tag=tag, at=at, digest=digest, manifests=kept, trouble=failed)


class AskedSuite(StoreSuite):
    """A tag is recorded, a repository followed, an image scanned first, because somebody waits."""

    def test_a_tag_becomes_known_without_a_look_at_the_others(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"old": image("old")})
        before = store.watched()
        revision = store.record_tag(asked(image("a")))
        assert value(store, Kind.TAG, f"{NGINX}:1") == {
            "digest": image("a").digest, "since": "2026-03-01T12:01:00Z", "looked_at": "2026-03-01T12:01:00Z"
        }  # fmt: skip
        assert value(store, Kind.MANIFEST, image("a").digest)["kind"] == "image"
        assert value(store, Kind.HELD, f"{NGINX}@{image('a').digest}") == {"digest": image("a").digest}
        assert value(store, Kind.TAG, f"{NGINX}:old")["digest"] == image("old").digest
        assert store.tags(NGINX).keys() == {"1", "old"}
        assert store.watched() == before
        assert store.head() == (store.changes(0, 1000).epoch, revision)
        assert {work.manifest.digest for work in claim_scans(store)} == {image("a").digest, image("old").digest}

    def test_an_index_brings_its_images(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        a, b = image("a"), image("b")
        store.record_tag(asked(index(a, b), others=(a, b)))
        assert {work.manifest.digest for work in claim_scans(store)} == {a.digest, b.digest}

    def test_nothing_is_recorded_of_what_nobody_follows(self, store: Store) -> None:
        store.watch([REDIS], NOON)
        before = everything(store)
        assert store.record_tag(asked(image("a"))) is None
        assert everything(store) == before
        assert store.missing([image("a").digest]) == {image("a").digest}

    def test_a_tag_that_there_is_none_of_is_forgotten_and_leaves_no_trace(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        revision = look_at(store, NGINX, {"1": image("a"), "2": image("b")})
        assert store.record_tag(asked(None, "never")) == revision
        assert (Kind.TAG, f"{NGINX}:never") not in everything(store)
        store.record_tag(asked(None, "1"))
        assert store.tags(NGINX).keys() == {"2"}
        assert value(store, Kind.TAG, f"{NGINX}:1") is None
        assert value(store, Kind.MANIFEST, image("a").digest) is None

    def test_a_tag_that_moved(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a"), "2": image("a")})
        store.record_tag(asked(image("b")))
        assert value(store, Kind.TAG, f"{NGINX}:1")["digest"] == image("b").digest
        assert value(store, Kind.TAG, f"{NGINX}:2")["digest"] == image("a").digest
        assert store.tags(NGINX)["1"].since == LATER

    def test_a_trouble_stands_beside_a_digest_and_goes_with_the_next_word(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        failed = trouble(LATER, "rate-limited", "later")
        store.record_tag(asked(image("a"), failed=failed, stored=False))
        told = value(store, Kind.TAG, f"{NGINX}:1")
        assert (told["digest"], told["trouble"]["code"]) == (image("a").digest, "rate-limited")
        store.record_tag(asked(image("a"), at=LATER + MINUTE))
        told = value(store, Kind.TAG, f"{NGINX}:1")
        assert (told["digest"], told["since"]) == (image("a").digest, "2026-03-01T12:01:00Z")
        assert "trouble" not in told

    def test_a_look_that_began_before_does_not_have_the_last_word(self, store: Store) -> None:
        """It may have listed the tags before this one was pushed: it does not take it back, and is followed by
        another."""
        store.watch([NGINX], NOON)
        (work,) = claim(store)
        store.record_tag(asked(image("a")))
        store.record_look(work, a_look(NGINX, {}), NOON + HOUR)
        assert value(store, Kind.TAG, f"{NGINX}:1")["digest"] == image("a").digest
        (again,) = claim(store, LATER)
        store.record_look(again, a_look(NGINX, {"1": image("a")}, LATER), LATER + HOUR)
        assert value(store, Kind.TAG, f"{NGINX}:1")["digest"] == image("a").digest
        assert claim(store, LATER + MINUTE) == []

    def test_a_look_that_began_before_brings_no_old_digest_back(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("old"), "2": image("old")}, at=NOON - HOUR)
        (work,) = claim(store)
        store.record_tag(asked(image("new")))
        store.record_tag(asked(image("new"), "3"))
        before = value(store, Kind.TAG, f"{NGINX}:1")
        found = a_look(NGINX, {"1": image("old"), "2": image("b")}, troubles={"3": trouble()})
        store.record_look(work, found, NOON + HOUR)
        assert value(store, Kind.TAG, f"{NGINX}:1") == before
        assert "trouble" not in value(store, Kind.TAG, f"{NGINX}:3")
        assert {name: tag.digest for name, tag in store.tags(NGINX).items()} == {
            "1": image("new").digest, "2": image("b").digest, "3": image("new").digest
        }  # fmt: skip
        assert value(store, Kind.MANIFEST, image("old").digest) is None
        assert value(store, Kind.MANIFEST, image("new").digest) is not None

    def test_a_look_that_began_before_brings_no_tag_back_that_is_gone(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a"), "2": image("b")}, at=NOON - HOUR)
        (work,) = claim(store)
        store.record_tag(asked(None))
        store.record_look(work, a_look(NGINX, {"1": image("a"), "2": image("b")}), NOON + HOUR)
        assert store.tags(NGINX).keys() == {"2"}
        assert value(store, Kind.TAG, f"{NGINX}:1") is None
        (again,) = claim(store, LATER)
        store.record_look(again, a_look(NGINX, {"1": image("a")}, LATER + MINUTE), LATER + HOUR)
        assert store.tags(NGINX).keys() == {"1"}  # it was pushed again

    def test_who_asked_before_a_look_does_not_have_the_last_word_either(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("old"), "2": image("old")}, at=NOON)
        look_at(store, NGINX, {"1": image("new")}, at=LATER + MINUTE)
        before = everything(store)
        store.record_tag(asked(image("old")))
        store.record_tag(asked(image("old"), "2"))
        store.record_tag(asked(None))
        assert everything(store) == before

    def test_a_time_that_a_clock_was_wrong_about_holds_no_tag(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        ahead = NOON + 9000 * HOUR
        store.record_tag(asked(image("old"), at=ahead))
        store.record_tag(asked(image("old"), "2", at=ahead))
        store.record_tag(asked(None, "2", at=ahead))
        assert store.record_tag(asked(image("new"))) is not None
        assert store.tags(NGINX)["1"].digest == image("new").digest
        store.record_tag(asked(image("old"), at=ahead))
        (work,) = claim(store)
        assert store.hint(NGINX, NOON)
        store.record_look(work, a_look(NGINX, {"1": image("new"), "2": image("new")}), NOON + HOUR)
        assert {tag.digest for tag in store.tags(NGINX).values()} == {image("new").digest}

    def test_what_brought_nothing_new_starts_no_other_look(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        (work,) = claim(store)
        store.record_tag(asked(None))
        store.record_look(work, a_look(NGINX, {}), NOON + HOUR)
        assert claim(store, LATER) == []

    def test_the_next_look_keeps_what_it_finds_too(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        store.record_tag(asked(image("a")))
        revision = look_at(store, NGINX, {"1": image("a")}, at=NOON + HOUR)
        assert [entry.kind for entry in behind(store, revision - 1)] == [Kind.REPOSITORY]
        assert store.tags(NGINX)["1"].since == LATER

    def test_one_more_is_followed_up_to_so_many(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        assert store.follow(NGINX, LATER, 1)
        assert not store.follow(REDIS, LATER, 1)
        assert [found.repository for found in store.watched()] == [NGINX]
        assert store.follow(REDIS, LATER, 2)
        assert value(store, Kind.REPOSITORY, str(REDIS)) == {"failures": 0, "looked_at": None}
        assert {work.watched.repository for work in claim(store, LATER)} == {NGINX, REDIS}
        store.watch([NGINX], LATER)
        assert value(store, Kind.REPOSITORY, str(REDIS)) is None

    def test_those_for_which_somebody_waits_are_scanned_first(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        images = {name: image(name) for name in "abcdef"}
        last = max(images.values(), key=lambda found: found.digest)
        claim_scans(store)  # so that the scanner is known
        look_at(store, NGINX, dict(images))
        assert store.scan_first([last.digest, digest_of("nothing")], NOON) == 1
        (work,) = claim_scans(store, most=1)
        assert work.manifest == last

    def test_those_in_an_index_for_which_somebody_waits_too(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        claim_scans(store)
        both = index(image("x"), image("y"))
        others = tuple(image(str(number)) for number in range(20))
        look_at(store, NGINX, {"1": both}, others=(image("x"), image("y")))
        look_at(store, NGINX, {"1": both, **{f"o{n}": found for n, found in enumerate(others)}}, at=LATER)
        assert store.scan_first([both.digest], LATER) == 2
        taken = claim_scans(store, LATER, most=2)
        assert {work.manifest.digest for work in taken} == {image("x").digest, image("y").digest}

    def test_what_has_been_scanned_is_not_scanned_again_for_that(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        scan_all(store)
        assert store.scan_first([image("a").digest], LATER) == 0
        assert claim_scans(store, LATER) == []

    def test_many_at_once_are_all_recorded(self, store: Store) -> None:
        store.watch([NGINX, REDIS], NOON)
        looks = [
            asked(image(f"{number}"), f"t{number}", where=(NGINX, REDIS)[number % 2]) for number in range(20)
        ]  # fmt: skip
        with ThreadPoolExecutor(4) as threads:
            revisions = list(threads.map(store.record_tag, looks))
        assert len(set(revisions)) == 20
        assert len(store.tags(NGINX)) == len(store.tags(REDIS)) == 10
