"""Whatever happens to a store, in whatever order, is what happens to a few dictionaries."""

import json
import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.domain.digest import Digest
from image_enforcer.domain.facts import Kind
from image_enforcer.domain.manifest import ImageIndex, ImageManifest, Manifest
from image_enforcer.domain.reference import Repository
from image_enforcer.domain.watched import TagLook
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
    repository,
    result,
    trouble,
)
from tests.contract.store.steps import a_look

PLACES = [repository(f"r/{number}") for number in range(3)]
IMAGES = [image(name, ["base", name]) for name in "abcd"]
BOTH = index(IMAGES[0], IMAGES[1])
INDEXES = [BOTH, index(IMAGES[1], attestations=[IMAGES[2]]), index(BOTH, name="outer")]
EVERY: list[Manifest] = [*IMAGES, *INDEXES]
KNOWN: dict[Digest, Manifest] = {found.digest: found for found in EVERY}

places = st.sampled_from(PLACES)
taggings = st.dictionaries(st.sampled_from(["1", "2", "3"]), st.sampled_from([*IMAGES, *INDEXES]))
subsets = st.sets(st.sampled_from(IMAGES))


class Machine(RuleBasedStateMachine):
    """The store beside its model: what is watched, what its tags point to, what is stored, what was scanned."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = open_store(f"sqlite:///{Path(self.folder.name) / 'store.db'}")
        self.now = NOON
        self.tags: dict[Repository, dict[str, Digest]] = {}
        self.stored: set[Digest] = set()
        self.scanned: dict[Digest, str] = {}
        self.seen: dict[tuple[Kind, str], bytes | None] = {}
        self.revision = self.began = 0
        self.stamp = ""

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def tick(self) -> datetime:
        self.now += MINUTE
        return self.now

    @initialize()
    def begin(self) -> None:
        self.watch(set(PLACES))

    @rule(which=st.sets(places))
    def watch(self, which: set[Repository]) -> None:
        self.store.watch(which, self.tick())
        self.tags = {place: self.tags.get(place, {}) for place in which}

    @rule(place=places, tags=taggings, more=subsets, failing=st.sets(st.sampled_from(["1", "2"])))
    def look(self, place: Repository, tags: dict[str, Manifest], more: set[ImageManifest], failing: set[str]) -> None:
        now = self.tick()
        assert self.store.hint(place, now) == (place in self.tags)
        for work in self.store.claim_looks("worker", now, HOUR, 10):
            if work.watched.repository != place:
                self.store.record_trouble(work, trouble(now), now)
                continue
            troubles = {name: trouble(now) for name in failing - tags.keys()}
            look = a_look(place, tags, now, troubles)
            manifests = tuple({*look.manifests, *more})
            self.store.record_look(work, replace(look, manifests=manifests), now + HOUR)
            kept = {name: found for name, found in self.tags[place].items() if name in troubles}
            self.tags[place] = kept | {name: found.digest for name, found in tags.items()}
            self.stored |= {found.digest for found in manifests}

    @rule(place=places, tag=st.sampled_from(["1", "2", "3"]), found=st.none() | st.sampled_from([*IMAGES, *INDEXES]))
    def ask(self, place: Repository, tag: str, found: Manifest | None) -> None:
        digest, manifests = (None, ()) if found is None else (found.digest, (found,))
        look = TagLook(repository=place, tag=tag, at=self.tick(), digest=digest, manifests=manifests)
        assert (self.store.record_tag(look) is not None) == (place in self.tags)
        if place in self.tags and found is None:
            self.tags[place].pop(tag, None)
        elif place in self.tags and found is not None:
            self.tags[place][tag] = found.digest
            self.stored.add(found.digest)

    @rule(flaw=st.sampled_from(["CVE-1", "CVE-2"]), most=st.integers(1, 3), fails=st.booleans())
    def scan(self, flaw: str, most: int, fails: bool) -> None:
        now = self.tick()
        works = self.store.claim_scans("clair", "1", "worker", now, HOUR, most)
        digests = {work.manifest.digest for work in works}
        assert digests <= self.running()
        assert len(digests) == min(most, len(self.running() - self.scanned.keys()))
        for work in works:
            if fails:
                done = failure(work, now, final=True)
            else:
                done = result(work, finding(flaw), at=now, parts={digest_of("base"): part(flaw)})
            self.store.record_scan(work, replace(done, next_at=NOON + 10_000 * HOUR))
            self.scanned[work.manifest.digest] = "" if fails else flaw

    @rule()
    def prune(self) -> None:
        self.store.prune(self.tick(), 0 * MINUTE)
        gone = self.stored - self.reached()
        self.stored -= gone
        for digest in gone:
            self.scanned.pop(digest, None)

    @rule(most=st.integers(1, 5), pages=st.integers(1, 3))
    def read(self, most: int, pages: int) -> None:
        for _ in range(pages):
            page = self.store.changes(self.revision, most, self.began, "", self.stamp)
            if page.since == 0:
                self.seen = {}
            self.seen.update({(entry.kind, entry.key): entry.value for entry in page.entries})
            self.revision, self.began, self.stamp = page.revision, page.began, page.stamp

    @invariant()
    def what_is_published_follows_from_the_tags(self) -> None:
        page = self.store.changes(0, 10_000)
        told = {(entry.kind, entry.key): json.loads(entry.value) for entry in page.entries if entry.value is not None}
        keys = {kind: {key for known, key in told if known is kind} for kind in Kind}
        tags = {f"{place}:{name}": digest for place, found in self.tags.items() for name, digest in found.items()}
        assert {key: told[Kind.TAG, key]["digest"] for key in keys[Kind.TAG] if told[Kind.TAG, key]["digest"]} == tags
        assert keys[Kind.REPOSITORY] == {str(place) for place in self.tags}
        assert keys[Kind.MANIFEST] == self.reached() & self.stored
        published = {digest: flaw for digest, flaw in self.scanned.items() if digest in self.reached()}
        assert keys[Kind.SCAN] == published.keys()
        flaws = {flaw for flaw in published.values() if flaw}
        assert keys[Kind.LAYER] == ({digest_of("base")} if flaws else set())
        if flaws:
            (feature,) = told[Kind.LAYER, digest_of("base")]["Layer"]["Features"]
            assert {flaw["Name"] for flaw in feature["Vulnerabilities"]} == flaws
        lacking = {
            found.digest for found in INDEXES if any(child.digest not in self.stored for child in found.platforms)
        }
        assert self.store.missing(list(KNOWN)) == (KNOWN.keys() - self.stored) | lacking

    @invariant()
    def a_reader_that_catches_up_has_all(self) -> None:
        page = self.store.changes(self.revision, 10_000, self.began, "", self.stamp)
        seen = ({} if page.since == 0 else self.seen) | {(entry.kind, entry.key): entry.value for entry in page.entries}
        whole = {(entry.kind, entry.key): entry.value for entry in self.store.changes(0, 10_000).entries}
        assert {key: value for key, value in seen.items() if value is not None} == {
            key: value for key, value in whole.items() if value is not None
        }

    def reached(self, *, running: bool = False) -> set[Digest]:
        """What tags reach through what is stored; without what stands under unknown platforms, if ``running``."""
        frontier = [digest for tags in self.tags.values() for digest in tags.values()]
        found: set[Digest] = set()
        while frontier:
            digest = frontier.pop()
            found.add(digest)
            known = KNOWN.get(digest)
            if isinstance(known, ImageIndex) and digest in self.stored:
                frontier += [child.digest for child in (known.platforms if running else known.children)]
        return found

    def running(self) -> set[Digest]:
        """The stored images that could run."""
        return {image.digest for image in IMAGES if image.digest in self.reached(running=True) & self.stored}


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
