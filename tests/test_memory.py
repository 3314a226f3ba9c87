"""Memory of a process that runs for long."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

from image_enforcer import memory

GROW = """
import sys, threading
from pathlib import Path
from image_enforcer.memory import give_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

if sys.argv[1] == "give back":
    give_back()
before = resident()
kept = []

def work():
    made = [b"x" * 300_000 for _ in range(200)]
    kept.append(bytes(1000))

for _ in range(8):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
print(resident() - before)
"""


def grown(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", GROW, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_what_threads_used_is_given_back() -> None:
    assert grown("give back") < 8 << 20


class Loop:
    """Part of a cycle."""

    def __init__(self) -> None:
        self.me = self


def test_what_was_loaded_is_searched_no_more_until_it_is_replaced() -> None:
    loop = Loop()
    seen = weakref.ref(loop)
    try:
        memory.settle()
        del loop
        gc.collect()
        assert seen() is not None
        memory.settle()
        assert seen() is None
    finally:
        gc.unfreeze()
