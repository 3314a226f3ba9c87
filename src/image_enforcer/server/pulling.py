"""Keeping a copy of a worker's facts, in a process of its own: reading what arrives takes nothing from reviews.

The process ends with its standard input, so with this one, however that ends. It is started again where it ends before.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

PAUSE: Final = 1.0
"""Seconds before a process that ended is started again."""
MAX_LINE: Final = 4000
QUIET: Final = frozenset({"recovered", "waiting"})
"""Events of ``pull`` that nobody has to act on."""


async def keep_pulling(
    command: Sequence[str], log: Callable[..., Any], stopping: Callable[[], bool] = lambda: False
) -> None:
    """Run the command again and again, its standard error into the log, until ``stopping`` says that this is the end.

    It is in a session of its own, so that Ctrl-C does not end it. A signal to all processes of a service does, and is
    no fault: what ended is told after a pause, in which this process has heard of it too.
    """
    while True:
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
        except OSError as e:
            log("error", "facts cannot be pulled; trying again", reason=f"{command[0]}: {e.strerror or e}")
            await asyncio.sleep(PAUSE)
            continue
        try:
            assert process.stderr is not None
            async for line in _lines(process.stderr):
                said = line.decode("utf-8", "replace").strip()[:MAX_LINE]
                log("info" if said.partition(" ")[0] in QUIET else "warning", "facts", said=said)
            code = await process.wait()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        await asyncio.sleep(PAUSE)
        if stopping():
            return
        log("error", "facts are not pulled any more; starting again", exit_code=code)


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The lines of a stream until its end; of one that is longer than anybody reads, the beginning."""
    line = b""
    while piece := await stream.read(MAX_LINE):
        *whole, rest = piece.split(b"\n")
        for end in whole:
            yield (line + end)[:MAX_LINE]
            line = b""
        line = (line + rest)[:MAX_LINE]
    if line:
        yield line
