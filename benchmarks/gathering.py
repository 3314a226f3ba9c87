"""What is known of an image, looked up in a replica of 100 images and in one of 100,000; and a pass over many tags.

The peer of the first is ours itself: a decision must not grow with the world. Times are medians in µs.
"""

import asyncio
import contextlib
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from image_enforcer.adapters.facts import replica_file
from image_enforcer.adapters.facts.local import LocalFacts
from image_enforcer.adapters.store.opening import open_store
from image_enforcer.analysis import review
from image_enforcer.analysis.review import KIND, VERSION
from image_enforcer.domain.facts import Changes, Entry, Kind
from image_enforcer.domain.reference import Repository
from image_enforcer.domain.review import Refusal
from image_enforcer.services.informing import Informing, Require
from image_enforcer.services.looking import Choice, Looking
from image_enforcer.settings import PolicySource
from image_enforcer.wiring import policy_engine
from image_enforcer.wiring.facts import legacy_documents

NOW = datetime(2026, 11, 27, tzinfo=UTC)
AT = NOW.isoformat()
LAYERS = 5
POLICIES = Path(__file__).parents[1] / "policies"


def entries(images: int) -> Iterator[Entry]:
    """The facts about so many images, a hundred in a repository, with layers of their own."""
    for number in range(images):
        digest = f"sha256:{number:064x}"
        layers = [f"sha256:{number * LAYERS + i:063x}f" for i in range(LAYERS)]
        home = f"docker.io/org/r{number // 100}"
        if number % 100 == 0:
            yield _entry(Kind.REPOSITORY, home, {"looked_at": AT, "failures": 0})
        yield _entry(Kind.TAG, f"{home}:t{number}", {"digest": digest, "since": AT})
        described = [{"digest": layer, "size": 1000, "media_type": "layer"} for layer in layers]
        yield _entry(Kind.MANIFEST, digest, {
            "kind": "image", "media_type": "manifest", "size": 1000, "runnable": True, "layers": described,
            "config": {"digest": digest, "size": 1000, "media_type": "config"},
        })  # fmt: skip
        yield _entry(Kind.SCAN, digest, {
            "scanner": "clair-v4", "version": "1", "state": "scanned", "at": AT, "confirmed_at": AT, "packages": 100,
            "distribution": "debian:12", "gaps": [], "counts": {"High": 0, "Low": 2, "total": 2}, "findings_total": 2,
            "findings": [{"vulnerability": f"CVE-{i}", "severity": "Low", "package": "p"} for i in range(2)],
        })  # fmt: skip
        for layer in layers:
            yield _entry(Kind.LAYER, layer, {"Layer": {"Name": layer, "NamespaceName": "debian:12"}})


def _entry(kind: Kind, key: str, value: Any, revision: int = 1) -> Entry:
    return Entry(kind=kind, key=key, value=json.dumps(value, separators=(",", ":")).encode(), revision=revision)


def replica(folder: Path, images: int) -> tuple[Path, float]:
    """A replica of so many images, and the seconds in which a change of 1,000 of them was applied to it."""
    whole = Changes(epoch="e", since=0, began=1, revision=1, newest=1, entries=tuple(entries(images)))
    fresh, place = folder / "fresh.db", folder / f"facts-{images}.db"
    replica_file.make(fresh, [whole], NOW)
    replica_file.install(fresh, place)
    changed = tuple(
        Entry(kind=e.kind, key=e.key, value=e.value, revision=2) for e in whole.entries[: 1000 * (LAYERS + 3)]
    )
    changes = Changes(epoch="e", since=1, began=1, revision=2, newest=2, entries=changed)
    began = time.perf_counter()
    replica_file.apply(place, changes, NOW)
    return place, time.perf_counter() - began


def _medians(works: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """The median of each, in µs. They take turns, so that a machine that changes its pace does so for all of them."""
    times: list[list[float]] = [[] for _ in works]
    for work in works:
        work()
    for _ in range(rounds):
        for work, taken in zip(works, times, strict=True):
            began = time.perf_counter()
            work()
            taken.append(time.perf_counter() - began)
    return [statistics.median(taken) * 1e6 for taken in times]


class _Seconds:
    """A clock that stands at another second each time: nothing is kept from the last."""

    def __init__(self) -> None:
        self._now = NOW.timestamp()

    def next(self) -> float:
        """The next second."""
        self._now += 1
        return self._now


def _replicas(sizes: list[int], rounds: int) -> None:
    print("\nOne review of one image, µs: what is known of it, cold, and the decision of the sample policies on it.\n")
    print(f"{'images':>8} {'gather':>8} {'decide':>8} {'both':>8} {'ratio':>7} {'applied, s':>11}")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        gathering: list[Callable[[], object]] = []
        deciding: list[Callable[[], object]] = []
        applied = []
        for size in sizes:
            place, seconds = replica(Path(folder), size)
            applied.append(seconds)
            facts = stack.enter_context(contextlib.closing(LocalFacts(place)))
            engine = policy_engine(PolicySource(policies=(str(POLICIES),)), legacy_documents(place, "docker.io"))
            image = f"docker.io/org/r{(size - 1) // 100}:t{size - 1}"
            subject = review.read({
                "kind": KIND, "apiVersion": VERSION,
                "spec": {"namespace": "production", "containers": [{"image": image}]},
            })  # fmt: skip
            assert not isinstance(subject, Refusal)
            informing = Informing(facts, _Seconds().next, Require.SCANNED)
            gathering.append(partial(informing.inform, subject))
            deciding.append(partial(engine.decide, informing.inform(subject).document))
        gathered, decided = _medians(gathering, rounds), _medians(deciding, rounds)
        first = gathered[0] + decided[0]
        for size, one, other, seconds in zip(sizes, gathered, decided, applied, strict=True):
            both = one + other
            print(
                f"{size:>8,} {one:>8.1f} {other:>8.1f} {both:>8.1f} {both / first:>6.2f}x {seconds:>11.3f}", flush=True
            )


def _passes(repositories: int, tags: int) -> None:
    from image_enforcer.adapters.registry.client import RegistryClient
    from image_enforcer.adapters.registry.credentials import Keychain
    from image_enforcer.adapters.registry.hosts import Host, Hosts, Limits
    from tests.fakes.registry.server import FakeRegistry

    print(f"\nPasses over {repositories} repositories of {tags} tags each on a registry in this process.\n")
    print(f"{'pass':>6} {'requests':>9} {'of them HEAD':>13} {'requests/s':>11} {'CPU a tag, µs':>14} {'peak, MB':>9}")
    with FakeRegistry() as registry, tempfile.TemporaryDirectory() as folder:
        for r in range(repositories):
            for t in range(tags):
                registry.image(f"org/r{r}", f"t{t}", (b"layer of %d" % r,))
        store = open_store(f"sqlite:///{folder}/store.db")
        known = [Repository(registry=registry.place, path=f"org/r{r}") for r in range(repositories)]
        store.watch(known, NOW)

        async def one(now: datetime) -> None:
            limits = Limits(rate=1e6)
            client = RegistryClient(
                Hosts(named={registry.place: Host(name=registry.place, limits=limits)}), Keychain(clock=time.monotonic),
                clock=time.monotonic, sleep=asyncio.sleep, chance=lambda: 0.5,
            )  # fmt: skip

            async def missing(digests: Any) -> Any:
                return store.missing(digests)

            looking = Looking(client, missing, lambda: now)
            while works := store.claim_looks("bench", now, timedelta(hours=1), 8):
                for work in works:
                    found = await looking.look(work.watched.repository, store.tags(work.watched.repository), Choice())
                    store.record_look(work, found.look, now + timedelta(minutes=1))
            await client.close()

        for number in (1, 2):
            before, heads = sum(registry.counts().values()), _heads(registry.counts())
            began, cpu = time.perf_counter(), time.process_time()
            asyncio.run(one(NOW + timedelta(hours=number)))
            took, spent = time.perf_counter() - began, time.process_time() - cpu
            asked = sum(registry.counts().values()) - before
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{number:>6} {asked:>9,} {_heads(registry.counts()) - heads:>13,} {asked / took:>11,.0f} "
                f"{spent / repositories / tags * 1e6:>14.0f} {peak:>9.0f}",
                flush=True,
            )
        store.close()


def _heads(counts: Any) -> int:
    return sum(count for key, count in counts.items() if "HEAD" in key)


def run(sizes: list[int], rounds: int, repositories: int, tags: int) -> None:
    """Print both tables. What is spent on a tag is the client's and the registry's, which share the process."""
    _replicas(sizes, rounds)
    _passes(repositories, tags)
