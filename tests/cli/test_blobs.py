"""`--serve-blobs-addr` of sync, worker and up: a scanner that cannot reach the registry gets its layers from us."""

import asyncio
import json
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.cli.main import main
from image_enforcer.domain.facts import Kind
from tests.cli.test_worker import working
from tests.fakes.clair_v4 import FakeClairV4
from tests.fakes.registry.faults import FAULTS
from tests.fakes.registry.server import FakeRegistry
from tests.server.running import SECONDS, Running, command, environment
from tests.services.synced import VULNERABLE, known_world, scannable


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry(auth="basic", private=frozenset({"*"})) as fake:
        fake.tokens.users["alice"] = "s3cret-word"
        yield fake


@pytest.fixture
async def clair(registry: FakeRegistry) -> AsyncIterator[FakeClairV4]:
    """It cannot reach that registry."""
    async with FakeClairV4(known_world()) as running:
        running.cannot_reach = registry.url
        yield running


@pytest.fixture
def image(registry: FakeRegistry, clair: FakeClairV4) -> str:
    return scannable(clair.world, registry, "team/app", "bad", VULNERABLE)


def sync(registry: FakeRegistry, clair: FakeClairV4, folder: Path, *more: str) -> tuple[int, list[dict[str, Any]]]:
    arguments = (
        "sync", "-repository", "team/app", "-registry-url", registry.url, "-clair-url", clair.url, "--once", "--store",
        f"sqlite:///{folder / 'store.db'}", "-o", "json", *more,
    )  # fmt: skip
    given = {**environment(), "HOME": str(folder), "DOCKER_USER": "alice", "DOCKER_PASSWORD": "s3cret-word"}
    done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=60, check=False, env=given)
    assert done.stderr == ""
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def state(folder: Path, image: str) -> str:
    """What is known of an image's scan."""
    store = open_store(f"sqlite:///{folder / 'store.db'}")
    try:
        entry = store.entries(Kind.SCAN, [image]).get(image)
    finally:
        store.close()
    return json.loads(entry.value)["state"] if entry is not None and entry.value is not None else ""


async def test_sync(registry: FakeRegistry, clair: FakeClairV4, image: str, tmp_path: Path) -> None:
    code, lines = await asyncio.to_thread(sync, registry, clair, tmp_path)
    assert code == 3
    assert [line["code"] for line in lines if line["event"] == "failed"] == ["index-failed"]
    other = tmp_path / "other"
    other.mkdir()
    code, lines = await asyncio.to_thread(sync, registry, clair, other, "--serve-blobs-addr", "127.0.0.1:0")
    assert (code, [line["event"] for line in lines]) == (0, ["looked", "scanned"])
    assert state(other, image) == "scanned"
    assert {status for _, status in clair.pulled} == {200}
    told = [request.body.decode() for request in clair.asked if request.method == "POST"][-1]
    assert registry.place not in told
    assert "uthorization" not in told


async def test_sync_says_what_went_wrong(
    registry: FakeRegistry, clair: FakeClairV4, image: str, tmp_path: Path
) -> None:
    registry.switch(FAULTS["other-bytes"], "/blobs/")
    code, lines = await asyncio.to_thread(sync, registry, clair, tmp_path, "--serve-blobs-addr", "127.0.0.1:0")
    assert code == 3
    assert {(line["about"].rpartition("/")[2][:9], line["code"]) for line in lines if line["event"] == "failed"} == {
        ("app blobs", "lying"), ("app@sha25", "index-failed")
    }  # fmt: skip
    assert state(tmp_path, image) == "failed"


async def test_worker(
    registry: FakeRegistry, clair: FakeClairV4, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "sync.yaml"
    (tmp_path / "password").write_text("s3cret-word", "utf-8")
    (tmp_path / "secret").write_text("s" * 64, "utf-8")
    settings.write_text(
        f"""
registries:
  - name: "{registry.place}"
    url: {registry.url}
    username: alice
    password_file: {tmp_path / "password"}
    serve_blobs: true
    repositories: [{{name: team/app}}]
blobs: {{addr: "127.0.0.1:0", secret_file: {tmp_path / "secret"}}}
""",
        "utf-8",
    )

    def run() -> None:
        with working(registry, clair, tmp_path, "--addr", "127.0.0.1:0", "--settings", str(settings)) as worker:
            worker.until(lambda: state(tmp_path, image) == "scanned")
            assert worker.stop() == 0
            assert worker.said == []

    await asyncio.to_thread(run)
    assert {status for _, status in clair.pulled} == {200}


async def test_up(registry: FakeRegistry, clair: FakeClairV4, image: str, tmp_path: Path) -> None:
    policy = tmp_path / "policy.rego"
    policy.write_text("package p\n", encoding="utf-8")
    arguments = command(
        "up", "--policy", str(policy), "--repository", "team/app", "--registry-url", registry.url, "--clair-url",
        clair.url, "--serve-blobs-addr", "127.0.0.1:0", "--store", f"sqlite:///{tmp_path / 'store.db'}", "--addr",
        "127.0.0.1:0", "--admin-addr", "127.0.0.1:0",
    )  # fmt: skip
    given = {**environment(), "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    given |= {"DOCKER_USER": "alice", "DOCKER_PASSWORD": "s3cret-word"}

    def run() -> None:
        with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=given) as process:
            try:
                Running(process).until(lambda: state(tmp_path, image) == "scanned" or process.poll() is not None)
            finally:
                process.send_signal(signal.SIGTERM)
                assert process.wait(SECONDS) == 0

    await asyncio.to_thread(run)
    assert state(tmp_path, image) == "scanned"


# --- what is told ---------------------------------------------------------------------------------

Run = Callable[..., tuple[int, str, str]]
CLAIR = ("--clair-url", "http://clair:6060")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def go(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return go


def test_what_would_be_done(run: Run) -> None:
    code, out, _ = run("sync", "-repository", "nginx", *CLAIR, "-serve-blobs-addr", "127.0.0.1:8484", "-dry-run")
    assert code == 0
    assert "would serve blobs of docker.io to it at 127.0.0.1:8484\n" in out


SERVED = "registries: [{name: a.example, serve_blobs: true, repositories: [{name: x}]}]\n"
PLAIN = "registries: [{name: a.example, repositories: [{name: x}]}]\n"
SCANNER = "scanner: {kind: clair-v4, url: 'http://clair'}\n"


@pytest.mark.parametrize("name", ["sync", "worker"])
@pytest.mark.parametrize(
    ("text", "options", "code", "said"),
    [
        (SERVED + SCANNER, (), "IE2003", "there is no blobs.addr"),
        (PLAIN + SCANNER + "blobs: {addr: '127.0.0.1:0'}", (), "IE2003", "blobs are of no registry"),
        (SERVED + "blobs: {addr: '127.0.0.1:0'}", (), "IE2003", "blobs are for a scanner"),
        (SERVED + SCANNER + "blobs: {}", (), "IE2003", "addr"),
        (SERVED + SCANNER + "blobs: {addr: '127.0.0.1:0', cert_file: x}", (), "IE2003", "given together"),
        (SERVED + SCANNER + "blobs: {addr: '127.0.0.1:0', url: 'clair:1'}", (), "IE2003", "blobs.url"),
        (SERVED + SCANNER + "blobs: {addr: '127.0.0.1'}", (), "IE2003", "is not HOST:PORT"),
        (SERVED + SCANNER + "blobs: {addr: '0.0.0.0:0'}", (), "IE2005", "without TLS"),
        (SERVED + SCANNER + "blobs: {addr: ':0', allow_http: true}", (), "IE2003", "no address that Clair could ask"),
        (SERVED + SCANNER + "blobs: {addr: '[::]:0', allow_http: true}", (), "IE2003", "no address that Clair"),
        (SERVED + SCANNER + "blobs: {addr: '127.0.0.1:0', secret_file: absent}", (), "IE2003", "absent: No such file"),
        (SERVED + SCANNER + "blobs: {addr: '127.0.0.1:0', secret_file: {short}}", (), "IE3001", "openssl rand -hex 32"),
        (PLAIN, ("--serve-blobs-addr", "127.0.0.1:0"), "IE2003", "blobs are for a scanner"),
        (PLAIN + SCANNER, ("--serve-blobs-addr", "10.1.2.3:0"), "IE2005", "without TLS"),
        (PLAIN + SCANNER, ("--serve-blobs-addr", "x"), "IE2003", "--serve-blobs-addr 'x'"),
    ],
)
def test_what_cannot_be_done_is_said(
    run: Run, tmp_path: Path, name: str, text: str, options: tuple[str, ...], code: str, said: str
) -> None:
    (tmp_path / "short").write_text("too short", "utf-8")
    (tmp_path / "sync.yaml").write_text(text.replace("{short}", f"'{tmp_path / 'short'}'"), "utf-8")
    more = ("--once",) if name == "sync" else ("--addr", "127.0.0.1:0")
    ended, out, err = run(name, "--settings", str(tmp_path / "sync.yaml"), *more, *options)
    assert (ended, out) == (2, ""), err
    assert err.startswith(f"error[{code}]: ")
    assert said in err
    assert "Traceback" not in err
