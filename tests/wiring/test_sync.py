"""What `sync` is put together from: secrets, credentials, places, and how it is stopped."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.ports.store import StoreUnusable
from image_enforcer.settings import sync as told
from image_enforcer.settings.sync import BadSettings
from image_enforcer.wiring.sync import default_store, hosts, secret, state_folder, syncing, until_stopped
from tests.services.synced import Heard

Rest = Callable[[bool], Awaitable[bool]]


def test_a_secret_is_a_line_of_text(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(" s3cret\n", encoding="utf-8")
    assert secret(str(file)) == "s3cret"
    assert secret("") == ""


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", b"x" * (65 << 10)])
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
