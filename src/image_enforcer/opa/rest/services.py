"""What the handlers work with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from ..documents import Documents
from .bodies import BodyLimits
from .evaluate import Evaluator
from .replies import Reply
from .requests import Request

LARGE_BODY: Final = 256 << 10
"""Bytes from which on a body is parsed on a thread."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Documents, their evaluator, the one thread that writes, and what is said about this server.

    ``instance`` is an id made at the start; ``monotonic_ns`` the clock of durations.
    """

    documents: Documents
    evaluator: Evaluator
    writer: Executor
    limits: BodyLimits
    version: str
    instance: str
    monotonic_ns: Callable[[], int]
    metrics_text: Callable[[], bytes]

    async def write(self, work: Callable[[], _T]) -> _T:
        """Change documents or policies: one after the other, in the order asked for, off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.writer, work)

    async def parse(self, request: Request, work: Callable[[], _T]) -> _T:
        """Read a body, on a thread where it is large."""
        begun = self.monotonic_ns()
        large = len(request.body) > LARGE_BODY or "content-encoding" in request.headers
        result = await self.evaluator.on_thread(work) if large else work()
        request.timers["timer_rego_input_parse_ns"] = self.monotonic_ns() - begun
        return result


Handler: TypeAlias = Callable[[Services, Request], Awaitable[Reply]]
