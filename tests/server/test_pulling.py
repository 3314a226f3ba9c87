"""The process that keeps a copy of the facts: what it says is logged, it is started again, and it does not stay."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.server.pulling import keep_pulling
from tests.adapters.registry.asking import until


class Log:
    """Notes what is logged."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def __call__(self, level: str, message: str, **fields: Any) -> None:
        self.lines.append((level, message, fields))


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_it_says_is_logged_and_it_is_started_again() -> None:
    log = Log()
    script = "import sys; sys.stderr.write('failed the worker\\x1b cannot be reached\\n'); sys.exit(3)"
    task = asyncio.create_task(keep_pulling([sys.executable, "-c", script], log))
    await until(lambda: len(log.lines) >= 3)
    await _ended(task)
    assert [line[0] for line in log.lines[:3]] == ["warning", "error", "warning"]
    assert log.lines[0][2]["said"].startswith("failed the worker")
    assert log.lines[1][2] == {"exit_code": 3}


async def test_what_is_no_trouble_is_no_warning() -> None:
    log = Log()
    script = "import sys; print('waiting a\\nrecovered b\\nTraceback', file=sys.stderr, flush=True); sys.stdin.read()"
    task = asyncio.create_task(keep_pulling([sys.executable, "-c", script], log))
    await until(lambda: len(log.lines) >= 3)
    await _ended(task)
    assert [line[0] for line in log.lines] == ["info", "info", "warning"]


async def test_a_line_without_end_is_cut_and_it_goes_on() -> None:
    log = Log()
    script = "import sys; sys.stderr.write('x' * 300_000 + '\\nafter it\\n'); sys.exit(3)"
    task = asyncio.create_task(keep_pulling([sys.executable, "-c", script], log))
    await until(lambda: task.done() or any(level == "error" for level, _, _ in log.lines))
    assert not task.done()
    await _ended(task)
    said = [fields.get("said", "") for _, _, fields in log.lines]
    assert "after it" in said
    assert max(map(len, said)) <= 4000
    assert "x" * 100 in said[0]


async def test_its_end_is_no_fault_where_everything_ends() -> None:
    log = Log()
    command = [sys.executable, "-c", "import sys; print('waiting', file=sys.stderr)"]
    await asyncio.wait_for(keep_pulling(command, log, lambda: bool(log.lines)), 30)
    assert [line[0] for line in log.lines] == ["info"]


async def test_a_signal_to_the_group_is_not_for_it() -> None:
    log = Log()
    script = "import os, sys; print('waiting', os.getsid(0), file=sys.stderr, flush=True); sys.stdin.read()"
    task = asyncio.create_task(keep_pulling([sys.executable, "-c", script], log))
    await until(lambda: bool(log.lines))
    await _ended(task)
    assert int(log.lines[0][2]["said"].split()[1]) != os.getsid(0)


async def test_a_program_that_is_not_there_is_said() -> None:
    log = Log()
    task = asyncio.create_task(keep_pulling([str(Path(sys.executable).with_name("nosuch"))], log))
    await until(lambda: bool(log.lines))
    await _ended(task)
    assert log.lines[0][:2] == ("error", "facts cannot be pulled; trying again")
    assert "No such file" in log.lines[0][2]["reason"]


async def test_it_ends_with_whoever_keeps_it() -> None:
    log = Log()
    script = "import os, sys; sys.stderr.write(f'{os.getpid()}\\n'); sys.stderr.flush(); sys.stdin.read()"
    task = asyncio.create_task(keep_pulling([sys.executable, "-c", script], log))
    await until(lambda: bool(log.lines))
    process = int(log.lines[0][2]["said"])
    os.kill(process, 0)
    await _ended(task)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
