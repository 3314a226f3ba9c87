"""``verify --facts``: the same facts, and the same refusals, as those of ``serve``."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from image_enforcer.adapters.facts import replica_file
from image_enforcer.cli.main import main
from image_enforcer.domain.facts import Changes, Entry, Kind
from tests.services.test_gather import INDEX, image, index, scan

NOW = datetime(2026, 11, 27, tzinfo=UTC)
SOUND, ILL = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
POLICY = """package io.k8s.image_policy

verify := {
	"apiVersion": "imagepolicy.k8s.io/v1alpha1",
	"kind": "ImageReview",
	"status": {"allowed": count(deny) == 0, "reason": concat("; ", deny)},
}

deny contains sprintf("%s is ill [ill]", [image]) if {
	some image, facts in input.images
	facts.counts.High > 0
}
"""

LEGACY = """package io.k8s.image_policy

verify := {
	"apiVersion": "imagepolicy.k8s.io/v1alpha1",
	"kind": "ImageReview",
	"status": {"allowed": allowed, "reason": "no document [none]"},
}

default allowed := false

allowed if data.docker.layers.library.app.sound
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    entries = [(Kind.REPOSITORY, "docker.io/library/app", {"looked_at": NOW.isoformat(), "failures": 0})]
    for tag, digest, high in (("sound", SOUND, 0), ("ill", ILL, 1)):
        entries += [
            (Kind.TAG, f"docker.io/library/app:{tag}", {"digest": digest, "since": NOW.isoformat()}),
            image(digest),
            scan(digest, {"High": high, "total": high}, at=NOW.isoformat(), confirmed_at=NOW.isoformat()),
        ]
    entries += [(Kind.TAG, "docker.io/library/app:both", {"digest": INDEX}), index(("amd64", SOUND), ("arm64", ILL))]
    made = tuple(Entry(kind=k, key=key, value=json.dumps(v).encode(), revision=1) for k, key, v in entries)
    changes = Changes(epoch="e", since=0, began=1, revision=1, newest=1, entries=made)
    replica_file.make(tmp_path / "new.db", [changes], NOW)
    replica_file.install(tmp_path / "new.db", tmp_path / "facts.db")
    (tmp_path / "policy.rego").write_text(POLICY, "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("reference", "more", "code", "said"),
    [
        ("app:sound", [], 0, "1 allowed"),
        ("app:ill", [], 1, "app:ill is ill"),
        ("app:both", [], 1, "app:both is ill"),
        ("app:both", ["--platform", "linux/amd64"], 0, "1 allowed"),
        ("app:both", ["--platform", "linux/amd64,linux/arm64"], 1, "app:both is ill"),
        ("app:both", ["--platform", "linux/s390x"], 3, "no-platform"),
        ("app:other", [], 3, "not-resolved"),
        ("app:other", ["--facts-require", "nothing"], 0, "1 allowed"),
        ("evil.example/library/app:sound", [], 3, "not-resolved"),
    ],
)
def test_verdicts(
    folder: Path, reference: str, more: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["verify", "--policy", str(folder / "policy.rego"), "--facts", str(folder / "facts.db"), *more, reference]
    assert main(asked) == code
    assert said in capsys.readouterr().out


def test_a_platform_that_is_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["verify", "--policy", str(folder / "policy.rego"), "--facts", str(folder / "facts.db"), "app:sound"]
    assert main([*asked, "--platform", "amd64"]) == 2
    assert "--platform linux/amd64" in capsys.readouterr().err


def test_a_copy_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["verify", "--policy", str(folder / "policy.rego"), "--facts", str(folder / "none.db"), "app:sound"]
    assert main(asked) == 2
    assert "image-enforcer pull --once" in capsys.readouterr().err


def test_a_workers_address_is_no_copy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["verify", "--policy", str(folder / "policy.rego"), "--facts", "http://127.0.0.1:8383", "app:sound"]
    assert main(asked) == 2
    said = capsys.readouterr().err
    assert "image-enforcer pull --once --to facts.db http://127.0.0.1:8383" in said
    assert "No such file" not in said


@pytest.mark.parametrize(("registry", "code"), [(None, 0), ("docker.io", 0), ("registry.corp:5000", 1)])
def test_documents_are_of_the_registry_that_is_named(folder: Path, registry: str | None, code: int) -> None:
    policy = folder / "legacy.rego"
    policy.write_text(LEGACY, "utf-8")
    more = [] if registry is None else ["--facts-registry", registry]
    asked = ["verify", "--policy", str(policy), "--facts", str(folder / "facts.db"), *more, "app:sound"]
    assert main(asked) == code


def test_a_registry_that_is_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["verify", "--facts", str(folder / "facts.db"), "--facts-registry", "https://registry.corp", "app:sound"]
    assert main(asked) == 2
    assert "--facts-registry registry.corp" in capsys.readouterr().err
