"""What `sync` is put together from: secrets, credentials, places, and how it is stopped."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from image_enforcer.adapters.registry.credentials import BadCredentials, Password
from image_enforcer.adapters.store.opening import open_store
from image_enforcer.domain.facts import Kind
from image_enforcer.domain.reference import Repository
from image_enforcer.ports.store import StoreUnusable
from image_enforcer.settings import sync as told
from image_enforcer.settings.sync import BadSettings
from image_enforcer.wiring.sync import (
    default_store,
    entries,
    hosts,
    opened,
    secret,
    state_folder,
    syncing,
    until_stopped,
)
from tests.contract.contents import HOUR, MINUTE, NOON, image, result
from tests.contract.store.steps import NGINX, claim_scans, look_at, value
from tests.services.synced import Heard

Rest = Callable[[bool], Awaitable[bool]]


def test_a_secret_is_a_line_of_text(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(" s3cret\n", encoding="utf-8")
    assert secret(str(file)) == "s3cret"
    assert secret("") == ""


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", b"x" * (65 << 10), b"one\ntwo\n", b"a\x00b", b"a\x7f"])
def test_what_is_no_secret(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(BadSettings, match="secret"):
        secret(str(file))
    with pytest.raises(BadSettings, match="No such file"):
        secret(str(tmp_path / "absent"))


def test_places(tmp_path: Path) -> None:
    assert state_folder({}, tmp_path) == tmp_path / ".local/state/image-enforcer"
    other = tmp_path / "other"
    assert default_store({"XDG_STATE_HOME": str(other)}, tmp_path) == f"sqlite:///{other}/image-enforcer/store.db"
    assert (other / "image-enforcer").stat().st_mode & 0o777 == 0o700


def test_registries_are_as_the_settings_say() -> None:
    registry = told.Registry(
        name="registry.corp", url="http://registry.corp:5000", mirrors=(told.Mirror(url="https://m.corp", proxy=True),),
        private_hosts=("tokens.corp",), requests_per_second=3,
    )  # fmt: skip
    host = hosts(told.Sync(registries=(registry,))).named["registry.corp"]
    assert (host.url, host.limits.rate, host.private_redirects) == (registry.url, 3, frozenset({"tokens.corp"}))
    assert [(m.url, m.proxy) for m in host.mirrors] == [("https://m.corp", True)]


@pytest.mark.parametrize(
    "settings",
    [
        told.Sync(scanner=told.Scanner(kind="clair-v4", url="http://clair", ca_file="absent.pem")),
        told.Sync(scanner=told.Scanner(kind="clair-v4", url="http://clair", key_file="absent.key")),
        told.Sync(sinks=(told.Sink(url="http://opa", token_file="absent.token"),)),
        told.Sync(registries=(told.Registry(name="a.example", username="alice", password_file="absent.password"),)),
    ],
)
async def test_what_cannot_be_used_is_said_before_anything_is_done(settings: told.Sync, tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    with pytest.raises(BadSettings, match=r"absent\."):
        async with syncing(settings, Heard(), store, {}, tmp_path):
            pass
    store.close()


@pytest.mark.parametrize(
    ("name", "asked"), [("LocalHost:5000", "localhost:5000"), ("LocalHost:5000", "LocalHost:5000"), ("a.b", "a.b")]
)
def test_a_password_of_the_settings_is_for_its_registry_however_that_is_written(
    name: str, asked: str, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("hush\n", "utf-8")
    registry = told.Registry(name=name, username="kim", password_file=str(tmp_path / "password"))
    (entry,) = entries(told.Sync(registries=(registry,)), {}, tmp_path)
    assert entry.credential == Password("kim", "hush")
    assert entry.key.fits(Repository(registry=asked, path="team/app"))


@pytest.mark.parametrize(
    ("legacy", "asked"),
    [
        ("", "docker.io"), ("registry-1.docker.io", "docker.io"), ("index.docker.io", "docker.io"),
        ("Reg.Example:5000", "reg.example:5000"),
    ],
)  # fmt: skip
def test_those_of_the_environment_are_for_the_legacy_registry_however_that_is_written(
    legacy: str, asked: str, tmp_path: Path
) -> None:
    (entry,) = entries(told.Sync(legacy_registry=legacy), {"DOCKER_USER": "kim", "DOCKER_PASSWORD": "hush"}, tmp_path)
    assert entry.key.fits(Repository(registry=asked, path="team/app"))


@pytest.mark.parametrize("more", [{}, {"DOCKER_PASSWORD": ""}])
def test_a_user_without_a_password_is_an_error(more: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="DOCKER_PASSWORD is not: set both"):
        entries(told.Sync(), {"DOCKER_USER": "kim"} | more, tmp_path)
    assert entries(told.Sync(), {"DOCKER_USER": ""} | more, tmp_path) == []


def test_pull_secrets_are_files_among_others(tmp_path: Path) -> None:
    for name, host in (("team", "a.example"), ("shop", "b.example")):
        auth = {"username": name, "password": "hush"}
        (tmp_path / name).write_text(json.dumps({"auths": {host: auth}}), "utf-8")
    both = tuple(str(tmp_path / name) for name in ("team", "shop"))
    found = entries(told.Sync(docker_config=both), {}, tmp_path)
    assert [entry.key.host for entry in found] == ["a.example", "b.example"]
    (one,) = entries(told.Sync(docker_config=both[1]), {}, tmp_path)
    assert one.key.host == "b.example"
    with pytest.raises(BadCredentials, match="absent: No such file"):
        entries(told.Sync(docker_config=(*both, str(tmp_path / "absent"))), {}, tmp_path)
    (tmp_path / "sync.yaml").write_text(f"docker_config: [{', '.join(both)}]", "utf-8")
    assert told.read(tmp_path / "sync.yaml").credential_files == both


@pytest.mark.parametrize("recheck", [MINUTE, 15 * MINUTE, 55 * MINUTE, 3 * HOUR])
def test_what_is_well_is_never_older_than_twice_the_time_between_two_reports(
    tmp_path: Path, recheck: timedelta
) -> None:
    address = f"sqlite:///{tmp_path / 'store.db'}"
    with opened(told.Sync(store=address, recheck=recheck.total_seconds()), {}, tmp_path) as store:
        store.watch([NGINX], NOON)
        look_at(store, NGINX, {"1": image("a")})
        at = NOON
        for _ in range(10):
            (work,) = claim_scans(store, at)
            store.record_scan(work, result(work, at=at, next_at=at + recheck))
            at += recheck + timedelta(seconds=1)
            confirmed = datetime.fromisoformat(value(store, Kind.SCAN, image("a").digest)["confirmed_at"])
            assert at - confirmed < 2 * recheck


async def test_what_is_under_way_comes_to_its_end() -> None:
    stopping, gate = asyncio.Event(), asyncio.Event()
    done: list[str] = []

    async def run(rest: Rest) -> None:
        await gate.wait()
        done.append("batch")
        while not await rest(True):
            done.append("another")

    running = asyncio.create_task(until_stopped(run, stopping))
    stopping.set()
    await asyncio.sleep(0)
    gate.set()
    await running
    assert done == ["batch"]


async def test_who_waits_for_work_is_stopped_at_once() -> None:
    stopping = asyncio.Event()
    rested: list[bool] = []

    async def run(rest: Rest) -> None:
        stopping.set()
        rested.append(await rest(False))

    await until_stopped(run, stopping)
    assert rested == [True]


async def test_an_error_is_not_lost() -> None:
    async def run(rest: Rest) -> None:
        raise StoreUnusable("damaged")

    with pytest.raises(StoreUnusable, match="damaged"):
        await until_stopped(run, asyncio.Event())
