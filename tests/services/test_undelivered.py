"""Which sinks did not get everything, as the workers on one store say it."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.ports.store import Store
from image_enforcer.services.undelivered import AGAIN, MOST, READER, Undelivered, noted
from tests.contract.contents import HOUR, NOON, trouble
from tests.fakes.opa_data import FakeOpaData
from tests.fakes.registry.server import FakeRegistry
from tests.services.synced import syncing

OPA = "http://opa:8181"
AWAY = trouble(code="sink", text="nobody is there")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(f"sqlite:///{tmp_path / 'store.db'}")) as opened:
        yield opened


async def test_it_is_noted_since_when_until_it_is_over(store: Store) -> None:
    found = Undelivered(store, [OPA])
    await found.note({OPA: AWAY})
    await found.note({OPA: replace(AWAY, text="x" * 2 * MOST, at=NOON + HOUR)})
    assert noted(store) == {OPA: replace(AWAY, text="x" * MOST)}
    # Another worker, which goes on where this one stopped.
    await Undelivered(store, [OPA]).note({OPA: replace(AWAY, at=NOON + HOUR)})
    assert noted(store) == {OPA: AWAY}
    await found.note({OPA: None})
    assert noted(store) == {}


async def test_sinks_have_their_word_one_by_one(store: Store) -> None:
    other = "http://other:8181"
    found = Undelivered(store, [OPA, other])
    await asyncio.gather(found.note({OPA: AWAY}), found.note({other: AWAY}))
    assert noted(store) == {OPA: AWAY, other: AWAY}
    await asyncio.gather(found.note({OPA: None}), found.note({}))
    assert noted(store) == {other: AWAY}


async def test_the_same_is_written_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(store, "note", lambda reader, position: written.append(reader))
    found = Undelivered(store, [OPA])
    for _ in range(AGAIN - 1):
        await found.note({OPA: AWAY})
    assert written == [READER]


async def test_what_another_noted_is_taken_back_by_who_goes_on(store: Store) -> None:
    found = Undelivered(store, [OPA])
    await found.note({OPA: None})
    await Undelivered(store, [OPA]).note({OPA: AWAY})
    for _ in range(AGAIN):
        await found.note({OPA: None})
    assert noted(store) == {}


async def test_what_is_no_sink_any_more_is_dropped_at_the_start_and_others_are_left_alone(store: Store) -> None:
    await Undelivered(store, [OPA]).note({OPA: AWAY})
    nobody = Undelivered(store, [])
    await nobody.note({})
    assert noted(store) == {}
    await Undelivered(store, [OPA]).note({OPA: AWAY})
    for _ in range(2 * AGAIN):
        await nobody.note({})
    assert noted(store) == {OPA: AWAY}


async def test_a_worker_notes_a_sink_that_fails_and_one_that_refuses_a_document(tmp_path: Path) -> None:
    with FakeRegistry() as registry, FakeOpaData() as opa:
        registry.image("team/app", "bad")
        async with syncing(registry, tmp_path, opa=opa.url) as synced:
            opa.refuse = lambda method, path: -1
            await synced.again()
            assert "cannot be reached" in noted(synced.store)[opa.url].text
            began = synced.clock()
            opa.refuse = lambda method, path: 400 if path.endswith("/bad") else 0
            await synced.again()
            (found,) = noted(synced.store).values()
            assert found.text.startswith(f"tag {registry.place}/team/app:bad: ")
            assert found.at == began
            opa.refuse = lambda method, path: 0
            await synced.again()
            assert noted(synced.store) == {}
