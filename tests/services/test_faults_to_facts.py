"""Every fault of the fake registry, from the look over the store to what policies see: never known without its content.

Each is met twice: by an image of which nothing is known yet, and by one that is known. A fault must not make something
up, must not lose what is known, and must not make it look fresh. All of one part stand in one world, to be quick.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from image_enforcer.adapters.facts import replica_file
from image_enforcer.adapters.facts.local import LocalFacts
from image_enforcer.adapters.registry.client import RegistryClient
from image_enforcer.adapters.registry.credentials import Keychain
from image_enforcer.adapters.registry.hosts import Host, Hosts
from image_enforcer.domain.reference import Repository
from image_enforcer.services.gather import gather
from tests.adapters.registry.asking import IMPATIENT, QUICK, Clock, Names, at
from tests.adapters.registry.test_faults import SLOW, TOKEN
from tests.fakes.clair_v4 import FakeClairV4
from tests.fakes.registry.faults import FAULTS
from tests.fakes.registry.http import Connection, Reply, Request
from tests.fakes.registry.server import FakeRegistry
from tests.services.synced import VULNERABLE, Synced, known_world, scannable, syncing

PARTS: Final = {
    "list": ("GET", "/tags/"), "head": ("HEAD", "/manifests/"), "manifest": ("GET", "/manifests/"),
    "blob": ("HEAD", "/blobs/"), "token": ("GET", "/token"),
}  # fmt: skip
"""What a worker asks a registry for. Of a blob it asks where that is, so that the scanner can fetch it."""
_ONLY: Final = {"token-": "token", "pages-": "list", "tags-": "list"}
_ALONE: Final = ("429-", "503-", "401-", "realm-", "token-", "pages-", "redirect-elsewhere")
"""What is remembered of the whole registry, so that it would hit its neighbours too."""
_DOCUMENTS: Final = frozenset({
    "not-json", "not-an-object", "no-utf-8", "huge", "deep", "deep-unread", "two-kinds", "twice", "other-case",
    "no-version", "negative-size", "huge-size", "bad-inner-digest", "upper-inner-digest", "many-layers",
    "many-children", "unknown-type", "no-type",
})  # fmt: skip
_BODIES: Final = frozenset({
    "silent-after-headers", "slow-body", "lying-length-more", "length-huge", "length-less", "other-bytes", "short",
    "long", "empty",
})  # fmt: skip
"""Faults of bodies, which an answer to HEAD has none of."""
_LABELS: Final = frozenset({"header-utf-8", "lying-digest", "bad-digest"})
"""Lies about the digest, where it is known already or none is asked for."""
_TYPES: Final = frozenset({"wrong-type", "html-type"})
HARMLESS: Final[dict[str, frozenset[str]]] = {
    "list": _LABELS | _TYPES | {"cookie"},
    "head": _DOCUMENTS | _BODIES | _TYPES | {"cookie"},
    "manifest": _LABELS | {"cookie"},
    # Where a blob is: any good answer, and any redirect, which is for the scanner to follow.
    "blob": _DOCUMENTS | _BODIES | _LABELS | _TYPES | {"cookie"} | {n for n in FAULTS if n.startswith("redirect-")},
    "token": frozenset(),
}
"""What keeps nobody from the right content."""
UNDECIDED: Final = frozenset({"silent-after-headers", "slow-body"})
"""Harmless for HEAD itself; whoever is given the same connection afterwards may wait in vain, and try too often."""
ELSEWHERE: Final = {("list", "tags-null"), ("head", "404"), ("head", "lying-digest")}
"""What says in good form that there is no such tag, or that it points to something else: who lies so is believed, and
what the tag pointed to before counts no longer."""


def faults(part: str) -> list[str]:
    """The faults that a part can have."""
    if part == "token":
        return [name for name in FAULTS if name in TOKEN]
    return [n for n in FAULTS if all(part == own for start, own in _ONLY.items() if n.startswith(start))]


@dataclass(frozen=True, slots=True)
class Case:
    """A fault of a registry, with a repository that is known before it and one that is not."""

    name: str
    registry: FakeRegistry
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def homes(self) -> dict[str, Repository]:
        return {what: at(self.registry, f"{self.name}/{what}") for what in ("known", "fresh")}

    def push(self, what: str, clair: FakeClairV4, version: str) -> str:
        """An image like no other, since the content of images is known wherever they are; its digest."""
        layer = f"{self.name}, {what}, {version}"
        path = self.homes[what].path
        self.digests[what] = scannable(clair.world, self.registry, path, "v1", {layer: VULNERABLE["base"]})
        return self.digests[what]

    def switch_on(self, part: str, everywhere: bool) -> None:
        method, path = PARTS[part]

        async def act(request: Request, reply: Reply, connection: Connection, registry: FakeRegistry) -> Reply | None:
            if request.method != method or path not in request.path or (path == "/token") != (request.path == path):
                return reply
            return await FAULTS[self.name](request, reply, connection, registry)

        self.registry.switch(act, path if everywhere else f"/v2/{self.name}/")


@asynccontextmanager
async def worker(
    registries: Mapping[str, FakeRegistry], cases: Iterable[Case], clair: FakeClairV4, folder: Path,
    impatient: frozenset[str],
) -> AsyncIterator[Synced]:  # fmt: skip
    """A worker that follows the repositories of all cases; it loses patience soon with some registries."""
    clock = Clock()
    named = {
        registry.place: Host(name=registry.place, url=registry.url, limits=IMPATIENT if name in impatient else QUICK)
        for name, registry in registries.items()
    }
    client = RegistryClient(
        Hosts(named=named), Keychain([], clock=clock), clock=clock, sleep=clock.sleep, chance=lambda: 0.5,
        lookup=Names({"inside.example": ["10.0.0.1"]}),
    )  # fmt: skip
    homes = [home for case in cases for home in case.homes.values()]
    try:
        async with syncing(registries[""], folder, "none", clair=clair, client=client, more=homes) as synced:
            yield synced
    finally:
        await client.close()


def seen(synced: Synced, images: Iterable[str], folder: Path) -> dict[str, dict[str, Any]]:
    """What policies see of images, through a copy of the facts."""
    place = folder / f"facts-{synced.clock():%H%M%S}.db"
    replica_file.make(place, [synced.store.changes(0, 1_000_000)], synced.clock())
    with contextlib.closing(LocalFacts(place)) as copy:
        return {image: gather([image], copy, synced.clock())[image] for image in images}


def contents(facts: Mapping[str, Any]) -> Any:
    """What is said of an image itself: not of when that was seen."""
    return [(p["digest"], p["layers"], p["scan"]["findings"]) for p in facts["platforms"]]


def check_named(case: Case, facts: Mapping[str, Any]) -> None:
    """Not known, and why that is has a name and a text."""
    assert not facts["known"], case
    assert facts["unknown"], case
    assert all(reason["code"] and reason["text"].isprintable() for reason in facts["unknown"])


def check_old(case: Case, facts: Mapping[str, Any]) -> None:
    """As old as it is, or not known."""
    assert facts["age_seconds"] >= 60 or not facts["known"], case


def registries_of(part: str, stack: contextlib.ExitStack) -> dict[str, FakeRegistry]:
    """One for all faults, by no name, and one for each of those that need one of their own."""
    other = stack.enter_context(FakeRegistry(auth="bearer", private=frozenset("*")))
    made = {"": stack.enter_context(FakeRegistry(auth="bearer"))}
    for name in faults(part):
        if part == "token" or name in SLOW or name.startswith(_ALONE):
            elsewhere = other.url if name == "redirect-elsewhere" else ""
            made[name] = stack.enter_context(FakeRegistry(auth="bearer", elsewhere=elsewhere))
    return made


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
async def test_no_fault_is_taken_for_content(part: str, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        registries = registries_of(part, stack)
        cases = [Case(name, registries.get(name, registries[""])) for name in faults(part)]
        tags = {(c.name, what): f"{home}:v1" for c in cases for what, home in c.homes.items()}
        async with FakeClairV4(known_world()) as clair:
            for case in cases:
                before = case.push("known", clair, "1")
                case.registry.repositories[case.homes["known"].path].tags["v0"] = before
            async with worker(registries, cases, clair, tmp_path, frozenset()) as synced:
                await synced.sync.once()
                kept = {case.name: f"{case.homes['known']}:v0" for case in cases}
                first = seen(synced, kept.values(), tmp_path)
            for case in cases:
                case.push("fresh", clair, "1")
                if part in ("manifest", "blob"):  # these are asked for once for each content alone
                    case.push("known", clair, "2")
                case.switch_on(part, everywhere=case.registry is not registries[""])
            undecided = UNDECIDED if PARTS[part][0] == "HEAD" else frozenset()
            impatient = frozenset(SLOW - HARMLESS[part] | undecided)
            async with worker(registries, cases, clair, tmp_path, impatient) as synced:
                await synced.again(60)
                found = seen(synced, [*tags.values(), *kept.values()], tmp_path)

    had = {case.name for case in cases if found[tags[case.name, "fresh"]]["known"]}
    assert had - undecided == (HARMLESS[part] & set(faults(part))) - undecided
    assert had <= HARMLESS[part]
    for case in cases:
        fresh, known = found[tags[case.name, "fresh"]], found[tags[case.name, "known"]]
        was, still = first[kept[case.name]], found[kept[case.name]]
        assert was["known"], case
        if case.name in undecided:  # each of the two by itself
            for what, facts in (("fresh", fresh), ("known", known)):
                if facts["known"] and facts["age_seconds"] == 0:
                    assert facts["digest"] == case.digests[what], case
                elif what == "fresh":
                    check_named(case, facts)
                else:
                    check_old(case, facts)
            continue
        if case.name in had:
            assert fresh["digest"] == case.digests["fresh"], case
            assert known["digest"] == case.digests["known"], case
            assert (known["known"], known["age_seconds"]) == (True, 0), case
            continue
        check_named(case, fresh)
        if (part, case.name) in ELSEWHERE:
            check_named(case, still)
            check_named(case, known)
            continue
        # What is known is neither lost nor made fresh.
        assert contents(still) == contents(was), case
        if part in ("list", "head", "token"):
            check_old(case, still)
        if part in ("manifest", "blob") and known["digest"] != was["digest"]:
            check_named(case, known)  # the tag moved to what could not be had
        else:
            check_old(case, known)
            assert contents(known) == contents(was), case
