"""Facts given out: an answer that is held back until something changes, or the worker stops."""

import asyncio
import json
from pathlib import Path

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.server.facts import FactsApp
from image_enforcer.wiring.facts import snapshot

from .asgi import ask


async def test_no_answer_is_held_back_once_it_stops(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    try:
        app = FactsApp(store, snapshot, None)
        epoch = store.changes(0, 1).epoch
        asked = asyncio.create_task(ask(app, f"/v1/facts/changes?epoch={epoch}&since=0&wait=30", method="GET"))
        await asyncio.sleep(0)
        assert not asked.done()
        app.draining = True
        async with asyncio.timeout(20):
            reply = await asked
        assert reply.status == 200
        assert json.loads(reply.body)["entries"] == []
    finally:
        store.close()
