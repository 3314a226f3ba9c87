"""What every store does about work that several want to have, as one suite."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from image_enforcer.domain.digest import Digest
from image_enforcer.domain.reference import Repository
from image_enforcer.ports.store import ClaimLost, Store
from tests.contract.contents import HOUR, MINUTE, NOON, image, repository, result, trouble
from tests.contract.store.steps import EVIL, NGINX, REDIS, StoreSuite, a_look, claim, claim_scans, look_at


class ClaimsSuite(StoreSuite):
    """Work is one owner's at a time."""

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

    def test_a_look_that_nobody_outlives_counts_as_a_failure_and_is_tried_ever_more_rarely(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        at, pauses = NOON, []
        works = claim(store, at)
        assert (works[0].watched.failures, works[0].watched.trouble) == (0, None)
        for failures in range(1, 9):
            began = at
            while not (works := claim(store, at)):
                at += MINUTE
            pauses.append((at - began) // MINUTE)
            (watched,) = store.watched()
            assert watched.failures == works[0].watched.failures == failures
            assert watched.trouble is not None
            assert (watched.trouble.code, watched.trouble.at) == ("look-died", at)
        assert pauses == [5, 10, 20, 40, 60, 60, 60, 60]
        store.record_look(works[0], a_look(NGINX, {}, at), at)
        assert (store.watched()[0].failures, store.watched()[0].trouble) == (0, None)
        assert len(claim(store, at)) == 1
        assert len(claim(store, at + 5 * MINUTE)) == 1

    def test_a_hint_and_a_pass_do_not_wait_for_that(self, store: Store) -> None:
        store.watch([NGINX], NOON)
        for number in range(4):
            assert len(claim(store, NOON + number * HOUR)) == 1
        at = NOON + 3 * HOUR + 6 * MINUTE
        assert claim(store, at) == []
        assert store.look_now(at, "rate-limited") == []
        assert len(claim(store, at)) == 1
        assert store.hint(NGINX, at + 6 * MINUTE)
        assert len(claim(store, at + 6 * MINUTE)) == 1

    def test_what_is_given_back_without_a_word_is_anybodys_at_once_and_did_not_fail(self, store: Store) -> None:
        store.watch([NGINX, REDIS], NOON)
        nginx, redis = claim(store)
        store.release_looks([nginx], NOON + MINUTE)
        (work,) = claim(store, NOON + MINUTE)
        assert (work.watched.repository, work.watched.failures) == (NGINX, 0)
        store.release_looks([nginx], NOON + MINUTE)
        assert claim(store, NOON + MINUTE) == [], "what is another's is not given back"
        with pytest.raises(ClaimLost):
            store.record_look(nginx, a_look(NGINX, {}), NOON + HOUR)
        store.record_look(redis, a_look(REDIS, {}), NOON + HOUR)

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

    def test_what_a_wrong_clock_put_off_or_claimed_is_due_and_free(self, store: Store) -> None:
        store.watch([NGINX, REDIS, EVIL], NOON)
        look_at(store, NGINX, {"1": image("a"), "2": image("b")})
        year = 366 * 24 * HOUR
        first, second = claim_scans(store)
        store.record_scan(first, result(first, at=NOON + year))
        store.extend_scans([second], NOON + year)
        assert store.hint(REDIS, NOON)
        assert store.hint(EVIL, NOON)
        works = {work.watched.repository: work for work in claim(store, NOON + HOUR)}
        store.record_look(works[NGINX], a_look(NGINX, {"1": image("a"), "2": image("b")}), NOON + year)
        store.extend_looks([works[REDIS]], NOON + year)
        store.record_look(works[EVIL], a_look(EVIL, {}), NOON + 5 * HOUR)
        later = NOON + 2 * HOUR
        assert (claim(store, later), claim_scans(store, later)) == ([], [])
        assert store.doubt(later, 3 * HOUR, 3 * HOUR, 24 * HOUR) == 4
        assert {work.watched.repository for work in claim(store, later)} == {NGINX, REDIS}
        assert {work.manifest.digest for work in claim_scans(store, later)} == {image("a").digest, image("b").digest}
        assert store.doubt(later, 3 * HOUR, 3 * HOUR, 24 * HOUR) == 0

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

    def test_a_sink_is_one_workers_at_a_time(self, store: Store) -> None:
        work = store.claim_sink("opa", "first", NOON, HOUR)
        assert work is not None
        assert (work.name, work.claim.owner, work.claim.until, work.left) == ("opa", "first", NOON + HOUR, False)
        assert store.claim_sink("opa", "second", NOON + HOUR - MINUTE, HOUR) is None
        assert store.claim_sink("other", "second", NOON, HOUR) is not None
        assert store.position("opa") == ""
        store.note_sent(work, "7")
        store.give_back(work)
        again = store.claim_sink("opa", "second", NOON, HOUR)
        assert again is not None
        assert (again.left, store.position("opa")) == (False, "7")
        assert again.claim.token != work.claim.token

    def test_a_sink_whose_claim_ran_out_is_taken_over_and_the_late_one_notes_nothing(self, store: Store) -> None:
        late = store.claim_sink("opa", "first", NOON, HOUR)
        assert late is not None
        store.extend_sink(late, NOON + 2 * HOUR)
        assert store.claim_sink("opa", "second", NOON + 2 * HOUR - MINUTE, HOUR) is None
        work = store.claim_sink("opa", "second", NOON + 2 * HOUR, HOUR)
        assert work is not None
        assert work.left
        with pytest.raises(ClaimLost):
            store.note_sent(late, "9")
        with pytest.raises(ClaimLost):
            store.extend_sink(late, NOON + 9 * HOUR)
        store.give_back(late)
        assert store.position("opa") == ""
        assert store.claim_sink("opa", "third", NOON + 2 * HOUR, HOUR) is None
        store.note_sent(work, "8")
        store.give_back(work)
        with pytest.raises(ClaimLost):
            store.note_sent(work, "9")
        assert store.position("opa") == "8"

    def test_a_claim_on_a_sink_that_a_wrong_clock_made_holds_nobody_up(self, store: Store) -> None:
        assert store.claim_sink("opa", "first", NOON + 9000 * HOUR, MINUTE) is not None
        assert store.claim_sink("opa", "second", NOON, MINUTE) is not None

    def test_many_threads_claim_a_sink_and_one_gets_it(self, store: Store) -> None:
        with ThreadPoolExecutor(8) as threads:
            works = list(threads.map(lambda number: store.claim_sink("opa", f"w{number}", NOON, HOUR), range(16)))
        assert len([work for work in works if work is not None]) == 1

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
