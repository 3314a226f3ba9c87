"""Whatever is killed at whatever moment, nothing that was published is lost or wrong, and decisions go on.

A slice in `make e2e`; in `make soak` as many kills as SOAK_KILLS says, at the seed of SOAK_FROM.
"""

import json
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.analysis import digest
from image_enforcer.domain.reference import Repository
from tests import postgresql

from . import supply
from .conftest import peer
from .kills import Asking, Claims, Frozen, Killable, World, differing, killable, published, settled, tags
from .servers import COMMAND, free_port, running
from .test_sync import POLICY, review

LEASE: Final = 3.0
"""Seconds that what was begun waits after a death."""
CHANGING: Final = ("shop/web", "shop/api", "shop/jobs")
STABLE: Final = "stable/app"
GOOD: Final = tuple(f"good-{number}" for number in range(12))
"""Tags of images that nothing is ever known of."""
KINDS: Final = ("sync or worker", "postgresql", "clair", "registry")
MOST: Final = 60.0
"""Seconds after the last kill within which everything must have come to rest."""


@dataclass
class Peers:
    """Servers of our own, since what dies here is not to disturb other tests."""

    database: postgresql.Server
    registry: Killable
    clair: Killable
    address: str
    known: supply.Clair


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peers]:
    registry, clair, importer = (
        peer("docker-registry", "registry"), peer("clair", "clair"), peer("clair-import", "clair"),
    )  # fmt: skip
    with ExitStack() as stack:
        database = stack.enter_context(postgresql.running(tmp_path_factory))
        supply.prepare(database, database.socket.parent / "share")
        there = supply.registry_serving(registry, tmp_path_factory.mktemp("registry"))
        url = database.new_database()
        looking = supply.clair_serving(clair, url, tmp_path_factory.mktemp("clair"))
        started = killable(there), killable(looking)
        for server in started:
            stack.callback(server.stop)
            server.start()
        yield Peers(database, *started, there.address, supply.Clair(looking.address, url, importer))


class Scene:
    """A registry, Clair, PostgreSQL and whoever gathers facts, of which one dies at a time."""

    def __init__(self, peers: Peers, world: World, store: str, folder: Path) -> None:
        self.peers = peers
        self.world = world
        self.store = store
        self.folder = folder
        self.claims = Claims(store)
        self.facts = f"127.0.0.1:{free_port()}"
        self._settings = folder / "settings.yaml"
        self._settings.write_text(json.dumps({"lease": LEASE}), "utf-8")
        self._command = "worker"
        self.gathering = Killable(self._gathering)

    def options(self, store: str) -> list[str]:
        return [
            "--repository", ",".join((*self.world.repositories, STABLE)), "--registry-url", self.peers.address,
            "--clair-url", self.peers.known.url, "--store", store, "--settings", str(self._settings),
        ]  # fmt: skip

    def _gathering(self) -> Any:
        command = [COMMAND, self._command, *self.options(self.store), "--poll-delay", "1s", "--recheck", "1s"]
        ready, status = f"http://{self.facts}/v1/facts/changes?epoch=none", 409
        if self._command == "worker":
            command += ["--addr", self.facts]
        else:
            ready, status = f"{self.peers.address}/v2/", 200
        return running(command, self.folder / "gathering.log", ready, ready_status=status)

    def moment(self, chance: random.Random) -> None:
        """Wait for a moment: one in twenty at any time, the others soon after Clair was asked."""
        time.sleep(chance.uniform(0.0, 1.0))
        until = time.monotonic() + (0 if chance.random() < 0.05 else 5)
        while time.monotonic() < until and not self.claims.scans():
            time.sleep(0.002)
        time.sleep(chance.uniform(0.0, 0.01))

    def kill(self, kind: str, chance: random.Random) -> str:
        """Let something die and come back; what it was within, if anything: a ``write`` of the store's, or an ``index``
        of Clair's, which reads the registry and writes to PostgreSQL."""
        process = self.gathering.process
        assert process is not None
        self.healthy()
        with Frozen(process):
            indexed, written = self.claims.scans(), self.claims.writes()
            within = "write" if written else "index" if indexed else ""
            match kind:
                case "sync or worker":
                    self.gathering.kill()
                case "postgresql":
                    self.peers.database.crash()
                case "clair":
                    self.peers.clair.kill()
                case "registry":
                    self.peers.registry.kill()
        time.sleep(chance.uniform(0, 0.5))
        match kind:
            case "sync or worker":
                self.claims.bury()
                self._command = chance.choice(("sync", "worker"))
                self.gathering.start()
            case "postgresql":
                self.peers.database.start()
            case "clair":
                self.peers.clair.start()
            case "registry":
                self.peers.registry.start()
        return within

    def healthy(self) -> None:
        """Whoever gathers has not ended by itself, and has met nothing that it was not made for."""
        process = self.gathering.process
        said = (self.folder / "gathering.log").read_text("utf-8")
        assert process is not None
        assert process.poll() is None, f"it ended by itself:\n{said}"
        assert "Traceback" not in said, said

    def work(self) -> None:
        """From now on a worker, if it is none."""
        if self._command != "worker":
            self.gathering.kill()
            self._command = "worker"
            self.gathering.start()


def put_through(peers: Peers, kind: str, folder: Path, kills: int, seed: int) -> None:
    """Kill so often; see the module."""
    chance = random.Random(seed)
    store = f"sqlite:///{folder / 'store.db'}" if kind == "sqlite" else peers.database.new_database()
    world = World(peers.address, peers.known, tuple(f"{name}-{kind}-{seed}" for name in CHANGING), chance)
    world.flaws["openssl"] = {"CVE-2026-0001"}
    world.know()
    for name in GOOD:
        world.push(f"{STABLE}:{name}", "tar")
    world.push(f"{STABLE}:bad", "openssl")
    for _ in range(8):
        world.change()
    scene = Scene(peers, world, store, folder)
    place = peers.address.partition("://")[2]
    reviews = {name: review(f"{place}/{STABLE}:{name}") for name in (*GOOD, "bad")} | {
        "digest": review(f"{place}/{STABLE}@{world.tags[f'{STABLE}:{GOOD[0]}']}")
    }
    done, landed = Counter[str](), Counter[str]()
    with ExitStack() as stack:
        stack.callback(scene.gathering.stop)
        scene.gathering.start()
        address = stack.enter_context(_serving(folder, scene.facts))
        before = _first_answers(address, reviews)
        asking = Asking(address, reviews)
        with asking:
            for number in range(kills):
                world.change()
                what = KINDS[number % len(KINDS)] if number < len(KINDS) else chance.choice(KINDS)
                scene.moment(chance)
                done[what] += 1
                if within := scene.kill(what, chance):
                    landed[f"{what} within {within}"] += 1
            world.change()
            scene.work()
            _compare(scene)
            time.sleep(1)
        scene.healthy()
        print(f"{kind}: {kills} kills {dict(done)}, {dict(landed)}; {asking.asked} reviews")
        assert asking.answers == {name: {answer} for name, answer in before.items()}
    assert asking.asked > 3 * kills
    assert landed.total() >= 0.6 * kills


def _serving(folder: Path, facts: str) -> Any:
    reviews, admin = free_port(), free_port()
    policy = folder / "policy.rego"
    policy.write_text(POLICY, "utf-8")
    serve = [
        COMMAND, "serve", "--policy", str(policy), "--addr", f"127.0.0.1:{reviews}", "--admin-addr",
        f"127.0.0.1:{admin}", "--facts", f"http://{facts}", "--facts-copy", str(folder / "facts.db"),
    ]  # fmt: skip
    stack = ExitStack()
    stack.enter_context(running(serve, folder / "serve.log", f"http://127.0.0.1:{admin}/readyz"))
    return _Address(stack, f"http://127.0.0.1:{reviews}/image-policy")


class _Address:
    """An address while its server runs."""

    def __init__(self, stack: ExitStack, address: str) -> None:
        self._stack = stack
        self._address = address

    def __enter__(self) -> str:
        return self._address

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _first_answers(address: str, reviews: dict[str, Any]) -> dict[str, str]:
    """What is answered once all these images are known."""
    until = time.monotonic() + MOST
    while True:
        asking = Asking(address, reviews)
        with asking:
            time.sleep(0.3)
        found = {name: next(iter(answers), "") for name, answers in asking.answers.items()}
        allowed = {name for name, answer in found.items() if '"allowed": true' in answer}
        if allowed == {*GOOD, "digest"} and "1 high" in found["bad"]:
            return found
        assert time.monotonic() < until, found
        time.sleep(0.2)


def _compare(scene: Scene) -> None:
    """Wait until all has come to rest; then it is as if nobody had ever died."""
    fresh = f"sqlite:///{scene.folder / 'fresh.db'}"
    command = [COMMAND, "sync", "--once", *scene.options(fresh)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    undisturbed = open_store(fresh)
    wanted = published(undisturbed)
    undisturbed.close()
    store = open_store(scene.store)
    try:
        _hurry(store, scene)
        found = settled(lambda: published(store), wanted, MOST)
        assert differing(found, wanted) == {}
        time.sleep(2)
        assert differing(published(store), wanted) == {}, "it has not come to rest"
        assert tags(found) == scene.world.tags
        for place, pointed in scene.world.tags.items():
            report = store.report(digest.parse(pointed), "clair-v4")
            assert report is not None
            assert report.digest == pointed
            assert {f.vulnerability for f in report.findings} == scene.world.findings(place), place
            assert len(report.findings) == len(scene.world.findings(place)), place
    finally:
        store.close()


def _hurry(store: Any, scene: Scene) -> None:
    """What failed is tried again after a while, which need not be waited for."""
    now = datetime.now(UTC)
    registry = scene.peers.address.partition("://")[2]
    for path in (*scene.world.repositories, STABLE):
        store.hint(Repository(registry=registry, path=path), now)
    store.due_now("clair-v4", None, now)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_nothing_is_lost_in_a_few_kills(kind: str, peers: Peers, tmp_path: Path) -> None:
    put_through(peers, kind, tmp_path, 5, 7)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_nothing_is_lost_in_many_kills(kind: str, peers: Peers, tmp_path: Path) -> None:
    put_through(peers, kind, tmp_path, int(os.environ.get("SOAK_KILLS", "50")), int(os.environ.get("SOAK_FROM", "0")))
