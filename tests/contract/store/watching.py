"""What every store does about repositories that are followed, as one suite."""

from dataclasses import replace

import pytest

from image_enforcer.adapters.store import published
from image_enforcer.domain.facts import Kind
from image_enforcer.domain.manifest import Manifest
from image_enforcer.domain.reference import Repository
from image_enforcer.domain.watched import Look
from image_enforcer.ports.store import ClaimLost, Store
from tests.contract.contents import HOUR, MINUTE, NOON, digest_of, finding, image, index, legacy, result, trouble
from tests.contract.store.steps import (
    EVIL,
    NGINX,
    REDIS,
    StoreSuite,
    a_look,
    behind,
    claim,
    claim_scans,
    everything,
    look_at,
    look_more,
    value,
)


class WatchingSuite(StoreSuite):
    """What is followed, and what looks find."""

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
        assert store.watch([REDIS], NOON) == [NGINX]
        assert store.watch([REDIS], NOON) == []
        assert [found.repository for found in store.watched()] == [REDIS]
        assert store.tags(NGINX) == {}
        gone = {key for (_, key), entry in everything(store).items() if entry.value is None}
        held = {f"{NGINX}@{found.digest}" for found in (one, both)}
        assert gone == {str(NGINX), f"{NGINX}:1", f"{NGINX}:2", one.digest} | held
        assert value(store, Kind.MANIFEST, both.digest) is not None
        assert not store.hint(NGINX, NOON)

    def test_what_is_not_watched_any_more_may_stay(self, store: Store) -> None:
        store.watch([NGINX, EVIL], NOON)
        assert store.follow(REDIS, NOON, 10)
        look_at(store, REDIS, {"1": image("a")})
        asked: list[Repository] = []

        def stays(repository: Repository) -> bool:
            asked.append(repository)
            return repository == REDIS

        assert store.watch([NGINX], NOON, stays) == [EVIL]
        assert sorted(asked) == [REDIS, EVIL]
        assert [found.repository for found in store.watched()] == [NGINX, REDIS]
        assert store.tags(REDIS).keys() == {"1"}
        assert store.watch([NGINX], NOON, lambda _: False) == [REDIS]

    def test_a_hint_makes_due(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {})
        assert claim(store, NOON + MINUTE) == []
        assert store.hint(NGINX, NOON + MINUTE)
        assert len(claim(store, NOON + MINUTE)) == 1

    def test_all_can_be_due_but_for_who_is_to_be_left_alone(self, store: Store) -> None:
        store.watch([NGINX, REDIS, EVIL], NOON)
        at = NOON + MINUTE
        works = {work.watched.repository: work for work in claim(store)}
        limited = trouble(NOON, "rate-limited")
        store.record_look(works[NGINX], a_look(NGINX, {}, troubles={"1": limited}), NOON + HOUR)
        store.record_trouble(works[REDIS], limited, NOON + HOUR)
        store.record_trouble(works[EVIL], trouble(NOON), NOON + HOUR)
        assert [w.repository for w in store.look_now(at, "rate-limited")] == [NGINX, REDIS]
        assert [work.watched.repository for work in claim(store, at)] == [EVIL]
        assert store.look_now(at, "nothing") == []
        assert {work.watched.repository for work in claim(store, at)} == {NGINX, REDIS}
        assert claim(store, at) == []
        assert store.look_now(at, "rate-limited") == []  # somebody is at them all

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

    def test_registries_can_be_spared(self, store: Store) -> None:
        store.watch([NGINX, REDIS, EVIL], NOON)
        (work,) = store.claim_looks("worker", NOON, HOUR, 9, ["docker.io"])
        assert work.watched.repository == EVIL
        assert len(store.claim_looks("worker", NOON, HOUR, 9, [EVIL.registry])) == 2

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
        assert {entry.revision for entry in behind(store, revision - 1)} == {revision}

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
        assert [entry.kind for entry in behind(store, first)] == [Kind.REPOSITORY]
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

    def test_manifests_are_recorded_while_a_look_goes_on(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        a, b, c = image("a"), image("b"), image("c")
        look_at(store, NGINX, {"1": a}, store_all=False)
        (work,) = claim(store, NOON + HOUR)
        head = store.head()
        assert store.record_manifests(work, [b], NOON + HOUR) == head[1]
        assert store.record_manifests(work, [a, b], NOON + HOUR) == head[1] + 1
        assert value(store, Kind.MANIFEST, a.digest)["kind"] == "image"
        assert value(store, Kind.MANIFEST, b.digest) is None, "no tag reaches it"
        assert store.missing([a.digest, b.digest, c.digest]) == {c.digest}
        assert claim(store, NOON + HOUR) == [], "the look goes on"
        found = a_look(NGINX, {"1": a, "2": b}, NOON + HOUR, store_all=False)
        store.record_look(work, found, NOON + 2 * HOUR)
        assert value(store, Kind.MANIFEST, b.digest)["kind"] == "image"
        with pytest.raises(ClaimLost):
            store.record_manifests(work, [c], NOON + HOUR)
        assert store.missing([c.digest]) == {c.digest}

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

    def test_the_weight_of_a_repository_is_that_of_what_its_tags_reach(self, store: Store) -> None:
        store.watch([NGINX, REDIS], NOON)
        a, b, child = image("a"), image("b"), image("child")
        both = index(child)
        assert (store.weight(NGINX), store.weight(EVIL)) == (0, 0)
        look_more(store, NGINX, {"a": a, "again": a, "both": both}, child)
        look_at(store, REDIS, {"a": a, "b": b})
        a_, b_, both_ = len(a.content), len(b.content), len(both.content) + len(child.content)
        assert (store.weight(NGINX), store.weight(REDIS)) == (a_ + both_, a_ + b_)
        look_at(store, NGINX, {"a": a}, at=NOON + HOUR)
        assert (store.weight(NGINX), store.weight(REDIS)) == (a_, a_ + b_)

    def test_what_fails_midway_leaves_nothing(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a"), "2": image("b")})
        assert store.hint(NGINX, NOON)
        (work,) = claim(store)
        before = store.changes(0, 100), store.tags(NGINX), store.info().counts, store.watched()

        def broken(_: Manifest) -> bytes:
            raise ValueError("it cannot be told")

        with monkeypatch.context() as during:
            during.setattr(published, "manifest", broken)
            with pytest.raises(ValueError, match="cannot be told"):
                store.record_look(work, a_look(NGINX, {"1": image("new"), "3": image("c")}), NOON + HOUR)
        assert (store.changes(0, 100), store.tags(NGINX), store.info().counts, store.watched()) == before
        store.record_look(work, a_look(NGINX, {"1": image("c")}), NOON + HOUR)
        (first,) = [work for work in claim_scans(store) if work.manifest == image("c")]
        before = store.changes(0, 100), store.tags(NGINX), store.info().counts, store.watched()
        with pytest.raises(ValueError, match="malformed"):
            store.record_scan(first, result(first, finding("CVE-1"), parts={digest_of("base"): b"{]"}))
        assert (store.changes(0, 100), store.tags(NGINX), store.info().counts, store.watched()) == before
        store.record_scan(first, result(first, finding("CVE-1")))
