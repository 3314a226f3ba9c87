"""``status`` and ``db``: what is in a store, how fresh that is, what to do. ``up``: two processes that end together."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.cli import up
from image_enforcer.cli.main import main
from image_enforcer.domain.reference import Repository
from image_enforcer.domain.report import Gap
from image_enforcer.domain.watched import Look, Trouble
from image_enforcer.services.ailing import Ailing
from image_enforcer.services.undelivered import Undelivered
from tests.contract.contents import NOON, failure, image, result
from tests.contract.store.steps import NGINX, claim_scans, look_at

FRESH, STALE, FAILING, WAITING = (
    Repository(registry="docker.io", path=f"library/{name}") for name in ("fresh", "stale", "failing", "waiting")
)


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A store in which each repository is another way."""
    address = f"sqlite:///{tmp_path / 'store.db'}"
    now = datetime.now(UTC)
    opened = open_store(address)
    opened.watch([FRESH, STALE, FAILING], now - timedelta(hours=5))
    works = {w.watched.repository: w for w in opened.claim_looks("t", now - timedelta(hours=5), timedelta(hours=9), 9)}
    for place, at in ((FRESH, now), (STALE, now - timedelta(hours=3))):
        look = Look(repository=place, at=at, tags=(), listed=frozenset())
        opened.record_look(works[place], look, now + timedelta(hours=1))
    trouble = Trouble(code="not-authorised", text="it answers 401\x1b[2J", at=now)
    opened.record_trouble(works[FAILING], trouble, now + timedelta(hours=1))
    opened.watch([FRESH, STALE, FAILING, WAITING], now)
    opened.close()
    return address


def test_status_says_what_to_do(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--store", store]) == 1
    out = capsys.readouterr().out
    assert "4 repositories: 1 fresh, 1 stale, 1 failing, 1 waiting" in out
    assert "next: give credentials that may pull" in out
    assert "next: see that sync or worker runs" in out
    assert "\x1b" not in out
    assert main(["status", "--store", store, "-o", "json"]) == 1
    rows = {row["repository"]: row for row in json.loads(capsys.readouterr().out)["repositories"]}
    assert {name.rpartition("/")[2]: row["state"] for name, row in rows.items()} == {
        "fresh": "fresh", "stale": "stale", "failing": "failing", "waiting": "waiting"
    }  # fmt: skip


def test_status_says_how_far_scans_have_come(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"sqlite:///{tmp_path / 'store.db'}"
    opened = open_store(address)
    opened.watch([NGINX], NOON)
    look_at(opened, NGINX, {name: image(name) for name in "abcd"})
    works = claim_scans(opened)
    opened.record_scan(works[0], result(works[0]))
    opened.record_scan(works[1], failure(works[1], final=True, code="no-layers"))
    opened.record_scan(works[2], failure(works[2], code="x\x1b[2J"))
    opened.close()
    assert main(["status", "--store", address, "--stale", "1h"]) == 1
    out = capsys.readouterr().out
    assert "4 images: 1 scanned by clair, 1 failed, 4 due\n" in out
    assert f"troubled 1 of them, as {works[1].manifest.digest}\n         it is no archive [no-layers]" in out
    assert "next: there is nothing in it that could be scanned" in out
    assert "\x1b" not in out
    assert main(["status", "--store", address, "-o", "json"]) == 1
    images = json.loads(capsys.readouterr().out)["images"]
    assert (images["total"], images["scanned"], images["scanner"]) == (4, 1, "clair")
    assert {t["code"] for t in images["troubles"]} == {"no-layers", "x\x1b[2J"}


def scanned(tmp_path: Path, *outcomes: str) -> str:
    """A store in which all is fresh, and each image came to such an end."""
    address = f"sqlite:///{tmp_path / 'scanned.db'}"
    now = datetime.now(UTC)
    with closing(open_store(address)) as opened:
        opened.watch([NGINX], now)
        look_at(opened, NGINX, {name: image(name) for name in "abc"[: len(outcomes)]}, at=now)
        for work, outcome in zip(claim_scans(opened, now), outcomes, strict=True):
            ended = result(work, at=now)
            assert ended.report is not None
            match outcome:
                case "gaps":
                    gaps = (Gap(code="no-distribution", text="it names none\x1b[2J"),)
                    ended = replace(ended, report=replace(ended.report, gaps=gaps))
                case "failed" | "final":
                    ended = failure(work, now, final=outcome == "final")
            opened.record_scan(work, replace(ended, next_at=now + timedelta(hours=1)))
    return address


@pytest.mark.parametrize(
    ("outcomes", "code", "said"),
    [
        (["good", "final"], 0, "2 images: 1 scanned by clair\n"),
        (["good", "failed"], 1, "2 images: 1 scanned by clair, 1 failed\n"),
        (["good", "gaps"], 0, "2 images: 2 scanned by clair, 1 incomplete\nincomplete 1 of them, as sha256:"),
    ],
)
def test_status_of_scans(
    outcomes: list[str], code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = scanned(tmp_path, *outcomes)
    assert main(["status", "--store", address]) == code
    out = capsys.readouterr().out
    assert said in out
    assert ("it names none" in out) == ("gaps" in outcomes)
    assert "\x1b" not in out
    assert main(["status", "--store", address, "-o", "json"]) == code
    images = json.loads(capsys.readouterr().out)["images"]
    assert (images["failed"], images["incomplete"]) == (outcomes.count("failed"), outcomes.count("gaps"))


async def test_status_says_what_ails_the_scanner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = scanned(tmp_path, "good")
    with closing(open_store(address)) as opened:
        ailing = Ailing(opened, "clair")
        await ailing.note(Trouble(code="scanner-unreachable", text="nobody at clair:6060\x1b[2J", at=NOON))
    assert main(["status", "--store", address]) == 1
    out = capsys.readouterr().out
    assert "failing  clair, since 2026-03-01T12:00:00+00:00\n         nobody at clair:6060" in out
    assert "[scanner-unreachable]\n         next: see that the scanner runs" in out
    assert "\x1b" not in out
    with closing(open_store(address)) as opened:
        await Ailing(opened, "clair").note(None)  # another worker, which can ask it
    assert main(["status", "--store", address]) == 0


def test_status_says_which_tags_are_in_trouble(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"sqlite:///{tmp_path / 'store.db'}"
    now = datetime.now(UTC)
    lying = Trouble(code="lying", text="it answers 418\x1b[2J", at=now)
    with closing(open_store(address)) as opened:
        opened.watch([NGINX], now)
        look_at(opened, NGINX, {"ok": image("a")}, at=now, troubles={f"{number}": lying for number in range(7)})
    assert main(["status", "--store", address]) == 1
    out = capsys.readouterr().out
    place = "docker.io/library/nginx"
    assert f"troubled 7 tags: {', '.join(f'{place}:{number}' for number in range(5))} and 2 more\n" in out
    assert "it answers 418\\u001b[2J [lying]\n         next: tell who runs the registry" in out
    assert main(["status", "--store", address, "-o", "json"]) == 1
    tags = json.loads(capsys.readouterr().out)["tags"]
    (found,) = tags["troubles"]
    assert (tags["troubled"], found["code"], found["tags"], len(found["first"])) == (7, "lying", 7, 5)
    with closing(open_store(address)) as opened:
        look_at(opened, NGINX, {"ok": image("a")}, at=now + timedelta(seconds=1))
    assert main(["status", "--store", address]) == 0


async def test_status_says_which_sinks_did_not_get_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = scanned(tmp_path, "good")
    with closing(open_store(address)) as opened:
        await Undelivered(opened, ["http://opa:8181"]).note(
            {"http://opa:8181": Trouble(code="sink", text="it cannot be reached\x1b[2J", at=NOON)}
        )
    assert main(["status", "--store", address]) == 1
    out = capsys.readouterr().out
    assert "failing  http://opa:8181, since 2026-03-01T12:00:00+00:00\n         it cannot be reached\\u001b" in out
    assert "[sink]\n         next: see that the OPA runs" in out
    assert main(["status", "--store", address, "-o", "json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["sinks"]
    assert (found["sink"], found["code"]) == ("http://opa:8181", "sink")
    with closing(open_store(address)) as opened:
        await Undelivered(opened, ["http://opa:8181"]).note({"http://opa:8181": None})
    assert main(["status", "--store", address]) == 0


def test_status_of_what_is_fresh(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    opened = open_store(store)
    opened.watch([FRESH], datetime.now(UTC))
    opened.close()
    assert main(["status", "--store", store, "--stale", "2h"]) == 0
    assert "1 repository: 1 fresh" in capsys.readouterr().out


def test_db_says_what_is_there_and_copies_it(store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["db", "info", "--store", store]) == 0
    assert "repositories   4" in capsys.readouterr().out
    copy = tmp_path / "copy.db"
    assert main(["db", "backup", "--store", store, "--to", str(copy), "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["backup"] == str(copy)
    assert main(["status", "--store", f"sqlite:///{copy}"]) == 1
    assert main(["db", "migrate", "--store", store]) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["status", "--store", "nonsense"], 2, "sqlite:///path/to/file"),
        (["status", "--stale", "soon"], 2, "write 60s, 5m or 1h30m"),
        (["db", "backup"], 2, "--to FILE"),
        (["db", "info", "--to", "x"], 2, "--to FILE"),
        (["db", "drop"], 2, "info"),
        (["status", "--store", "postgresql://nobody@127.0.0.1:1/none"], 3, "127.0.0.1"),
        (["status", "--store", "postgresql://u:hush@127.0.0.1:1/x?port=abc"], 2, "127.0.0.1:1/x cannot be reached by"),
        (
            ["status", "--store", "postgresql://u:hush@127.0.0.1:1/x?passwrd=x"],
            2,
            'invalid connection option "passwrd"',
        ),
        (["sync", "--once", "--repository", "a", "--store", "postgresql://u@127.0.0.1:1/x?passwrd=x"], 2, "IE3001"),
    ],
)
def test_wrong_use(arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == code
    err = capsys.readouterr().err
    assert said in err
    assert "hush" not in err


@pytest.mark.parametrize("command", [["status"], ["db", "info"], ["db", "backup", "--to", "copy.db"]])
def test_who_only_reads_makes_no_store(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for place in (["--store", f"sqlite:///{tmp_path / 'nope.db'}"], []):
        assert main([*command, *place]) == 2
        assert "there is no store at" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert main(["db", "migrate", "--store", f"sqlite:///{tmp_path / 'nope.db'}"]) == 0


def test_up_ends_with_both_and_when_one_ends(tmp_path: Path) -> None:
    policy = tmp_path / "policy.rego"
    policy.write_text("package io.k8s.image_policy\n\nverify := {}\n", "utf-8")
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    command = [
        sys.executable, "-m", "image_enforcer", "up", "--policy", str(policy), "--repository", "team/app",
        "--registry-url", "http://127.0.0.1:1", "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0",
    ]  # fmt: skip
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        try:
            while b"ready facts" not in running.stdout.readline():
                assert running.poll() is None
        finally:
            running.send_signal(signal.SIGINT)
            running.communicate(timeout=40)
    assert running.returncode == 0
    kept = {path.name for path in (tmp_path / "state" / "image-enforcer").iterdir()}
    assert not any(name.startswith("facts") for name in kept), kept
    assert not (tmp_path / "state/image-enforcer/store.db").exists()  # that of sync and worker is left as it is
    assert (tmp_path / "state/image-enforcer/up.db").exists()
    policy.write_text("this is no policy", "utf-8")
    ended = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert b"serve ended with 2" in ended.stderr


@pytest.mark.parametrize(
    ("scanner", "options", "required"),
    [
        ("", (), "resolved"),
        ("scanner: {kind: clair-v4, url: 'http://clair:6060'}", (), "scanned"),
        ("", ("--clair-url", "http://clair:6060"), "scanned"),
        ("", ("--clair-url", "http://clair:6060", "--facts-require", "resolved"), "resolved"),
    ],
)
def test_up_wants_scans_where_there_is_a_scanner(
    scanner: str, options: tuple[str, ...], required: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "sync.yaml"
    settings.write_text(f"registries: [{{name: a.example, repositories: [team/app]}}]\n{scanner}\n", "utf-8")
    started: list[list[str]] = []

    def together(commands: Sequence[Sequence[str]]) -> int:
        started.extend(map(list, commands))
        return 0

    monkeypatch.setattr(up, "_together", together)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert main(["up", "--policy", str(tmp_path), "--settings", str(settings), *options]) == 0
    _, serve = started
    assert serve[serve.index("--facts-require") + 1] == required


def test_up_without_policies_says_how_to_have_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["up", "--repository", "team/app"]) == 2
    assert "image-enforcer init DIR" in capsys.readouterr().err
    assert main(["up", "--policy", ".", "--repository", "team/app", "--facts-registry", "https://reg.corp"]) == 2
    assert "--facts-registry reg.corp" in capsys.readouterr().err


def test_a_home_that_cannot_be_written_is_said_with_the_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file" / "state"))
    for arguments, options in (
        (["sync", "--once", "--repository", "a"], ["--store", "--facts-copy"]),
        (["status"], ["--store"]),
    ):
        assert main(arguments) in (2, 3)
        said = capsys.readouterr().err
        assert all(option in said for option in options), said
