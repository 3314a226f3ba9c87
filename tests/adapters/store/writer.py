"""A process that writes into a store until it is killed, or until its disk is full, and says what was recorded."""

import itertools
import os
import resource
import sys
from pathlib import Path

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.domain.facts import Kind
from image_enforcer.ports.store import Store, StoreUnreachable
from tests.contract.contents import MINUTE, NOON, digest_of, finding, image, part, repository, result
from tests.contract.store.steps import claim_scans, look_at

PLACES = [repository(f"r/{number}") for number in range(5)]


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def step(store: Store, number: int) -> int:
    """One look and the scans that follow from it; the revision after it."""
    at = NOON + number * 10 * MINUTE  # what a process that was killed had claimed is free again
    revision = look_at(store, PLACES[number % len(PLACES)], {"1": image(f"{number}", ["base", f"{number}"])}, at=at)
    for work in claim_scans(store, at):
        flaw = f"CVE-{number}"
        parts = {digest_of("base"): part(flaw), digest_of(f"{number}"): part(flaw, layer=f"{number}")}
        revision = store.record_scan(work, result(work, finding(flaw), at=at, parts=parts))
    return revision


def write_until_killed(path: Path, first: int) -> None:
    store = open_store(f"sqlite:///{path}")
    store.watch(PLACES, NOON)
    for number in itertools.count(first):
        say(step(store, number), number)


def write_until_full(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    store.watch(PLACES, NOON)
    revision = step(store, 0)
    largest = max(found.stat().st_size for found in path.parent.iterdir())
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + (256 << 10), hard))
    number = 1
    try:
        for number in range(1, 100_000):
            revision = step(store, number)
    except StoreUnreachable as e:
        say("full", number, str(e).partition(":")[0])
    entries = store.changes(0, 10_000_000)
    assert entries.newest >= revision
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    step(store, number + len(PLACES))
    key = f"{PLACES[number % len(PLACES)]}:1"
    assert store.entries(Kind.TAG, [key])
    say("again", store.info().revision > revision)
    store.close()


if __name__ == "__main__":
    target = Path(sys.argv[2])
    if sys.argv[1] == "full":
        write_until_full(target)
    else:
        write_until_killed(target, int(sys.argv[3]))
