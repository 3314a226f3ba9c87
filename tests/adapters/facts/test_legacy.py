"""The documents of older policies, looked up in a replica: those that a running OPA is given, key by key or whole."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.adapters.facts import replica_file
from image_enforcer.adapters.facts.legacy import ClairLayers, DockerLayers
from image_enforcer.adapters.facts.local import LocalFacts
from image_enforcer.adapters.policy.embedded import EmbeddedEngine
from image_enforcer.analysis.documents import CLAIR_ROOT, DOCKER_ROOT
from image_enforcer.domain.facts import Changes, Entry, Kind
from image_enforcer.ports.policy import Answered, Mounted, Unreadable, UnusablePolicy

NOW = datetime(2026, 11, 27, tzinfo=UTC)
ONE, TWO, INDEX = (f"sha256:{digit * 64}" for digit in "123")
LAYERS = {ONE: ["sha256:" + "a" * 64], TWO: ["sha256:" + "a" * 64, "sha256:" + "b" * 64]}


def described(digest: str) -> dict[str, Any]:
    return {"digest": digest, "size": 1, "media_type": "application/octet-stream"}


def image(digest: str) -> dict[str, Any]:
    return {
        "kind": "image", "media_type": "m", "size": 1, "config": described(digest), "runnable": True,
        "layers": [described(layer) for layer in LAYERS[digest]],
    }  # fmt: skip


FACTS: list[tuple[Kind, str, Any]] = [
    (Kind.REPOSITORY, "docker.io/library/nginx", {"looked_at": NOW.isoformat()}),
    (Kind.REPOSITORY, "docker.io/team/a", {"looked_at": NOW.isoformat()}),
    (Kind.REPOSITORY, "docker.io/team/a/b", {"looked_at": NOW.isoformat()}),
    (Kind.REPOSITORY, "docker.io/teams/c", {"looked_at": NOW.isoformat()}),
    (Kind.REPOSITORY, "evil.example/library/redis", {"looked_at": NOW.isoformat()}),
    (Kind.TAG, "docker.io/library/nginx:1", {"digest": ONE}),
    (Kind.TAG, "docker.io/library/nginx:2", {"digest": TWO}),
    (Kind.TAG, "docker.io/library/nginx:gone", {"digest": None, "trouble": {"code": "unreachable", "text": "x"}}),
    (Kind.TAG, "docker.io/team/a:1", {"digest": INDEX}),
    (Kind.TAG, "docker.io/team/a/b:1", {"digest": ONE}),
    (Kind.TAG, "docker.io/teams/c:1", {"digest": ONE}),
    (Kind.TAG, "evil.example/library/redis:1", {"digest": ONE}),
    (Kind.TAG, "evil.example/library/nginx:3", {"digest": ONE}),
    (Kind.HELD, f"docker.io/library/nginx@{TWO}", {"digest": TWO}),
    (Kind.HELD, f"evil.example/library/nginx@{INDEX}", {"digest": INDEX}),
    (Kind.MANIFEST, ONE, image(ONE)),
    (Kind.MANIFEST, TWO, image(TWO)),
    (
        Kind.MANIFEST, INDEX,
        {"kind": "index", "media_type": "i", "children": [{**described(ONE)}, {**described(TWO)}]},
    ),
    (Kind.LAYER, LAYERS[TWO][0], {"Layer": {"Name": LAYERS[TWO][0]}}),
    (Kind.LAYER, LAYERS[TWO][1], {"Layer": {"Name": LAYERS[TWO][1], "Features": [{"Name": "p"}]}}),
]  # fmt: skip


@pytest.fixture
def facts(tmp_path: Path) -> Iterator[LocalFacts]:
    entries = tuple(Entry(kind=k, key=key, value=json.dumps(v).encode(), revision=1) for k, key, v in FACTS)
    changes = Changes(epoch="e", since=0, began=1, revision=1, newest=1, entries=entries)
    replica_file.make(tmp_path / "new.db", [changes], NOW)
    replica_file.install(tmp_path / "new.db", tmp_path / "facts.db")
    found = LocalFacts(tmp_path / "facts.db")
    yield found
    found.close()


def plain(value: Any) -> Any:
    return {key: plain(value[key]) for key in value} if isinstance(value, Mapping) else value


def test_keys_are_looked_up(facts: LocalFacts) -> None:
    docker = DockerLayers(facts, "docker.io")
    nginx = docker["library"]["nginx"]
    assert [layer["digest"] for layer in nginx["2"]["layers"]] == LAYERS[TWO]
    assert nginx[TWO] == nginx["2"]
    assert {layer["digest"] for layer in docker["team"]["a"]["1"]["layers"]} == {*LAYERS[ONE], *LAYERS[TWO]}
    assert docker["team"]["a"]["b"]["1"]["layers"] == nginx["1"]["layers"]
    assert ClairLayers(facts)[LAYERS[TWO][1]] == {"Layer": {"Name": LAYERS[TWO][1], "Features": [{"Name": "p"}]}}


ABSENT: list[list[Any]] = [
    ["tea"], ["library", "redis"], ["library", "nginx", "3"], ["library", "nginx", "gone"], ["library", "nginx", INDEX],
    ["library", "nginx", "sha256:" + "9" * 64], ["library/nginx"], [""], [3], ["team", "a", "b", "2"],
]  # fmt: skip


@pytest.mark.parametrize("path", ABSENT)
def test_what_is_not_there_is_undefined(facts: LocalFacts, path: list[Any]) -> None:
    found: Any = DockerLayers(facts, "docker.io")
    for step in path[:-1]:
        found = found[step]
    with pytest.raises(KeyError):
        found[path[-1]]


def test_read_whole_it_is_all_that_is_followed(facts: LocalFacts) -> None:
    whole = plain(DockerLayers(facts, "docker.io"))
    assert set(whole) == {"library", "team", "teams"}
    assert set(whole["team"]["a"]) == {"1", "b"}
    assert set(whole["library"]["nginx"]) == {"1", "2", TWO}
    assert whole == DockerLayers(facts, "docker.io").to_value()
    assert plain(ClairLayers(facts)) == ClairLayers(facts).to_value()
    assert set(ClairLayers(facts)) == set(LAYERS[TWO])


def test_a_policy_reads_them(facts: LocalFacts, tmp_path: Path) -> None:
    policy = tmp_path / "p.rego"
    policy.write_text(
        "package io.k8s.image_policy\n\nverify := {\n"
        '\t"digest": data.docker.layers.library.nginx["2"].layers[1].digest,\n'
        "\t\"layer\": data.clair.layers[data.docker.layers.library.nginx[\"2\"].layers[1].digest].Layer.Name,\n"
        '\t"none": count([1 | data.docker.layers.library.redis]),\n'
        '\t"names": sort([name | some name, _ in data.docker.layers]),\n}\n',
        "utf-8",
    )  # fmt: skip
    mounted = Mounted(documents={DOCKER_ROOT: DockerLayers(facts, "docker.io"), CLAIR_ROOT: ClairLayers(facts)})
    engine = EmbeddedEngine.from_paths(
        [str(policy)], [], entry_point=("io", "k8s", "image_policy", "verify"), mounted=mounted
    )
    outcome, _ = engine.decide({})
    assert outcome == Answered(
        {"digest": LAYERS[TWO][1], "layer": LAYERS[TWO][1], "none": 0, "names": ["library", "team", "teams"]}
    )
    facts.close()
    (tmp_path / "facts.db").unlink()
    outcome, _ = engine.decide({})
    assert isinstance(outcome, Unreadable)
    assert "no facts have been fetched yet" in outcome.text


def test_files_with_the_same_documents_are_refused(facts: LocalFacts, tmp_path: Path) -> None:
    (tmp_path / "docker.json").write_text('{"docker": {"layers": {"x": 1}}}', "utf-8")
    with pytest.raises(UnusablePolicy, match=r"data\.docker\.layers is in the files and among the facts"):
        EmbeddedEngine.from_paths(
            [str(tmp_path / "docker.json")], [], entry_point=("a",),
            mounted=Mounted(documents={DOCKER_ROOT: DockerLayers(facts, "docker.io")}),
        )  # fmt: skip
