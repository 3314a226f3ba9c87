"""``verify --resolve``: tags as their registries have them, and what is known of their digests."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.cli.main import main
from image_enforcer.wiring.facts import snapshot
from tests.contract.contents import NOON, digest_of, finding, image, part, repository, result
from tests.contract.store.steps import claim_scans, look_at
from tests.fakes.clair_v4 import FakeClairV4
from tests.fakes.registry.http import Connection, Reply, Request
from tests.fakes.registry.server import FakeRegistry
from tests.services.synced import VULNERABLE, known_world, scannable, syncing

POLICY = """package io.k8s.image_policy

verify := {
	"apiVersion": "imagepolicy.k8s.io/v1alpha1",
	"kind": "ImageReview",
	"status": {"allowed": count(deny) == 0, "reason": concat("; ", deny)},
}

deny contains sprintf("%s is ill [ill]", [image]) if {
	some image, facts in input.images
	facts.counts.Critical > 0
}
"""
SOUND = {"base": VULNERABLE["base"]}


@dataclass
class Scene:
    """A copy of facts about what team/app had, and the registry as it is now."""

    registry: FakeRegistry
    folder: Path

    async def verify(self, *images: str, more: tuple[str, ...] = ("--resolve",)) -> int:
        """The exit code. The command has a loop of its own, and so a thread."""
        named = [image if "://" in image or "." in image.partition("/")[0] else self.at(image) for image in images]
        asked = [
            "verify", "--policy", str(self.folder / "policy.rego"), "--facts", str(self.folder / "facts.db"), *more
        ]  # fmt: skip
        if "--resolve" in more:
            asked += ["--settings", str(self.folder / "settings.yaml")]
        return await asyncio.to_thread(main, [*asked, *named])

    def at(self, image: str) -> str:
        return f"{self.registry.place}/{image}"


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    world = known_world()
    with FakeRegistry() as registry:
        async with FakeClairV4(world) as clair:
            scannable(world, registry, "team/app", "sound", SOUND)
            scannable(world, registry, "team/app", "ill", VULNERABLE)
            async with syncing(registry, tmp_path, clair=clair) as synced:
                await synced.again()
                found = synced.store.changes(0, 100_000)
                await asyncio.to_thread(snapshot, tmp_path / "facts.db", iter([found]))
        registry.seen.clear()
        (tmp_path / "policy.rego").write_text(POLICY, "utf-8")
        settings = {"registries": [{"name": registry.place, "url": registry.url}]}
        (tmp_path / "settings.yaml").write_text(json.dumps(settings), "utf-8")
        yield Scene(registry, tmp_path)


Out = pytest.CaptureFixture[str]


async def test_a_tag_that_nobody_follows_is_known_by_its_digest(scene: Scene, capsys: Out) -> None:
    scannable(known_world(), scene.registry, "other/app", "1", SOUND)
    scannable(known_world(), scene.registry, "other/app", "2", VULNERABLE)
    assert await scene.verify("other/app:1", more=()) == 3
    assert "(not-resolved)" in capsys.readouterr().out
    assert scene.registry.seen == []
    assert await scene.verify("other/app:1") == 0
    assert await scene.verify("other/app:2") == 1
    assert "other/app:2 is ill" in capsys.readouterr().out


async def test_a_tag_that_moved_is_what_it_is_now(scene: Scene, capsys: Out) -> None:
    assert await scene.verify("team/app:sound") == 0
    scannable(known_world(), scene.registry, "team/app", "sound", VULNERABLE)
    assert await scene.verify("team/app:sound", more=()) == 0
    assert await scene.verify("team/app:sound") == 1
    scene.registry.image("team/app", "sound", (b"nobody knows",))
    assert await scene.verify("team/app:sound") == 3
    assert "(no-manifest)" in capsys.readouterr().out


OLDER = """package io.k8s.image_policy

verify := {
	"apiVersion": "imagepolicy.k8s.io/v1alpha1",
	"kind": "ImageReview",
	"status": {"allowed": count(deny) == 0, "reason": concat("; ", deny)},
}

deny contains sprintf("%s [ill]", [flaw.Name]) if {
	some layer in data.docker.layers.team.app["1"].layers
	some feature in data.clair.layers[layer.digest].Layer.Features
	some flaw in feature.Vulnerabilities
}
"""


@pytest.mark.parametrize("name", ["team/app", "other/app"])
async def test_older_policies_see_what_a_tag_points_to_now(tmp_path: Path, name: str, capsys: Out) -> None:
    app = repository("team/app")
    clean, ill = image("clean", ("sound",)), image("ill", ("ill",))
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    store.watch([app], NOON)
    look_at(store, app, {"1": clean, "2": ill})
    for work in claim_scans(store):
        flaws, layer = (["CVE-1"], "ill") if work.manifest.digest == ill.digest else ([], "sound")
        findings = [finding("CVE-1", layer="ill")] if flaws else []
        found = result(work, *findings)
        store.record_scan(work, replace(found, parts={digest_of(layer): part(*flaws, layer=layer)}))
    await asyncio.to_thread(snapshot, tmp_path / "facts.db", iter([store.changes(0, 100_000)]))
    store.close()
    (tmp_path / "policy.rego").write_text(OLDER.replace("team", name.partition("/")[0]), "utf-8")
    with FakeRegistry() as registry:
        registry.manifest(name, ill.content, ill.media_type, "1")
        settings = {"registries": [{"name": "docker.io", "url": registry.url}]}
        (tmp_path / "settings.yaml").write_text(json.dumps(settings), "utf-8")
        asked = [
            "verify",
            "--policy",
            str(tmp_path / "policy.rego"),
            "--facts",
            str(tmp_path / "facts.db"),
            f"{name}:1",
        ]
        now = ["--resolve", "--settings", str(tmp_path / "settings.yaml")]
        assert await asyncio.to_thread(main, asked) == (0 if name == "team/app" else 3)
        assert await asyncio.to_thread(main, [*asked, *now]) == 1
    assert "CVE-1 [ill]" in capsys.readouterr().out


async def test_a_silent_registry_costs_no_more_than_the_time_that_it_is_given(scene: Scene, capsys: Out) -> None:
    async def silent(
        request: Request, reply: Reply, connection: Connection, registry: FakeRegistry
    ) -> Reply | None:  # fmt: skip
        del request, reply, connection, registry
        await asyncio.sleep(600)
        return None

    scene.registry.switch(silent, "/manifests/")
    images = [f"team/app:{n}" for n in range(30)]
    async with asyncio.timeout(60):
        assert await scene.verify(*images, more=("--resolve", "--resolve-timeout", "1s")) == 3
    assert capsys.readouterr().out.count("(not-resolved/unreachable)") == 30
    assert len(scene.registry.seen) <= 8


async def out_of_order(
    request: Request, reply: Reply, connection: Connection, registry: FakeRegistry
) -> Reply | None:  # fmt: skip
    """The registry has a fault."""
    del request, reply, connection, registry
    return Reply(status=401)


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ("team/app:none", "not-resolved/not-found"), ("none/app:1", "not-resolved/not-found"),
        ("10.0.0.1:1/team/app:sound", "not-resolved/forbidden"), ("team/app:sound", "not-resolved/not-authorised"),
    ],
)  # fmt: skip
async def test_what_cannot_be_resolved_is_undecided_and_says_why(
    scene: Scene, image: str, code: str, capsys: Out
) -> None:
    scene.registry.switch(out_of_order, "/manifests/sound")
    assert await scene.verify(image) == 3
    assert f"({code})" in capsys.readouterr().out


async def test_each_tag_is_asked_about_once_and_no_digest_is(scene: Scene) -> None:
    digest = scene.registry.repositories["team/app"].tags["sound"]
    pods = [{"name": f"c{n}", "image": scene.at("team/app:sound")} for n in range(5)]
    pods.append({"name": "pinned", "image": scene.at(f"team/app@{digest}")})
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": pods}}
    (scene.folder / "pod.yaml").write_text(json.dumps(pod), "utf-8")
    assert await scene.verify(more=("--resolve", "-f", str(scene.folder / "pod.yaml"))) == 0
    assert [(r.method, r.path) for r in scene.registry.seen] == [("HEAD", "/v2/team/app/manifests/sound")]


async def test_credentials_are_those_that_docker_keeps(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    scene.registry.auth, scene.registry.private = "basic", frozenset({"*"})
    monkeypatch.setenv("DOCKER_CONFIG", str(scene.folder))
    assert await scene.verify("team/app:sound") == 3
    assert "(not-resolved/not-authorised)" in capsys.readouterr().out
    scene.registry.tokens.users["robot"] = "secret"
    auth = base64.b64encode(b"robot:secret").decode()
    (scene.folder / "config.json").write_text(json.dumps({"auths": {scene.registry.place: {"auth": auth}}}), "utf-8")
    assert await scene.verify("team/app:sound") == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--resolve"], "--resolve needs --facts"),
        (["--facts", "x.db", "--settings", "s.yaml"], "which only --resolve asks"),
        (["--facts", "x.db", "--resolve-timeout", "5s"], "which only --resolve asks"),
        (
            ["--facts", "x.db", "--resolve", "--resolve-timeout", "soon"],
            "--resolve-timeout 'soon' is no length of time",
        ),
        (["--facts", "x.db", "--resolve", "--resolve-timeout", "0"], "--resolve-timeout is at least one second"),
        (["--facts", "x.db", "--resolve", "--settings", "nosuch.yaml"], "nosuch.yaml: No such file"),
    ],
)
def test_what_cannot_be_used(more: list[str], said: str, tmp_path: Path, capsys: Out) -> None:
    (tmp_path / "policy.rego").write_text(POLICY, "utf-8")
    with contextlib.chdir(tmp_path):
        assert main(["verify", "--policy", "policy.rego", *more, "nginx"]) == 2
    assert said in capsys.readouterr().err
