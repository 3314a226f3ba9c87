"""`serve` is killed again and again, at any instant, while it is asked and its files change: nothing comes of it."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.server.running import serving
from tests.server.test_run import POLICY, Client

pytestmark = [pytest.mark.soak]
KILLS = int(os.environ.get("SOAK_KILLS", "20"))


def test_kills_at_any_instant(tmp_path: Path) -> None:
    policy, data = tmp_path / "policy.rego", tmp_path / "good.json"
    policy.write_text(POLICY.replace("WORD", "first"), encoding="utf-8")
    data.write_text('{"good": ["a:1"]}', encoding="utf-8")
    chance = random.Random(KILLS)
    answers = 0
    for _ in range(KILLS):
        with serving([policy], [data], "--watch") as server:
            clients = [Client(server) for _ in range(4)]
            for client in clients:
                client.start()
            until = time.monotonic() + chance.uniform(0.0, 1.5)
            while time.monotonic() < until:
                # Half-written files are seen, refused, and put right.
                data.write_text('{"good": ["a:1"', encoding="utf-8")
                data.write_text('{"good": ["a:1"]}', encoding="utf-8")
                time.sleep(0.01)
            assert server.stop(signal.SIGKILL) == -signal.SIGKILL
            for client in clients:
                client.join(30)
        assert not [thread for thread in threading.enumerate() if isinstance(thread, Client)]
        wrong = [client.fault for client in clients if client.fault.startswith("AssertionError")]
        assert wrong == []
        # Every line but the last, which the kill may have cut, is whole; every answer that was given has one.
        assert all("result" in line for line in server.decided[:-1])
        given = sum(client.answers for client in clients)
        assert len(server.decided) >= given
        answers += given
    assert answers > KILLS
