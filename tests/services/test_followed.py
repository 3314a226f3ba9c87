"""One list of what is followed: what is named, and what was asked about and may be, whoever followed it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.domain.reference import Repository
from image_enforcer.ports.store import Store
from image_enforcer.services.followed import EVERY, LIST, Followed
from tests.contract.contents import NOON

from .synced import Clock, Heard

WEB, API, OTHER = (Repository(registry="reg.example", path=path) for path in ("shop/web", "shop/api", "other/app"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield found
    found.close()


def followed(store: Store) -> list[Repository]:
    return [watched.repository for watched in store.watched()]


async def test_what_was_asked_about_and_may_be_stays(store: Store) -> None:
    store.watch([API, OTHER], NOON)
    heard, clock = Heard(), Clock()
    await Followed(store, [WEB], ["reg.example/shop/*"], heard, clock).give()
    assert followed(store) == [API, WEB]
    assert heard.dropped == [str(OTHER)]


async def test_without_an_allowance_nothing_stays(store: Store) -> None:
    store.watch([API, OTHER], NOON)
    heard = Heard()
    await Followed(store, [WEB], [], heard, Clock()).give()
    assert followed(store) == [WEB]
    assert heard.dropped == [str(OTHER), str(API)]


async def test_another_list_is_told_once_until_it_is_mended(store: Store) -> None:
    heard, clock = Heard(), Clock()
    ours = Followed(store, [WEB, API], [], heard, clock)
    await ours.give()
    store.watch([OTHER], NOON)
    await ours.look()
    assert heard.failures == []  # it is not yet time to look
    for _ in range(3):
        clock.moment += EVERY + timedelta(seconds=1)
        await ours.look()
    assert heard.failures == [(LIST, "taken")]
    store.watch([WEB, API], NOON)
    clock.moment += EVERY
    await ours.look()
    assert heard.recoveries == [LIST]
