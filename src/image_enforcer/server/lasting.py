"""Work beside all other that goes on for as long as a process does: a fault in it is told, and it begins again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

PAUSE: Final = 1.0
"""Seconds before it begins again."""


async def lasting(
    work: Callable[[], Coroutine[Any, Any, None]], told: Callable[[BaseException], Any], pause: float = PAUSE
) -> None:
    """Do it until it ends by itself; after a fault, which nobody foresaw, again. ``told`` is what is done about one."""
    while True:
        task = asyncio.create_task(work())
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
            await asyncio.wait([task])
        fault = None if task.cancelled() else task.exception()
        if fault is None:
            return
        told(fault)
        await asyncio.sleep(pause)
