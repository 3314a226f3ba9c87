"""Asking the worker about images that are not known. It is the only one that is ever asked."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Annotated, Final

import aiohttp
import msgspec
from aiohttp import ClientSession

from ...analysis import text
from ...ports.facts import State
from .session import WorkerLying, WorkerRefused, WorkerUnreachable, session, why

MAX_ANSWER: Final = 1 << 20
SLACK: Final = 1.0
"""Seconds beyond those that the worker may wait, for the question and its answer to travel."""
CONNECTIONS: Final = 64


class _Answer(msgspec.Struct, frozen=True):
    epoch: Annotated[str, msgspec.Meta(max_length=200)]
    revision: Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]


_ANSWER: Final = msgspec.json.Decoder(_Answer)


class AskedWorker:
    """See :class:`image_enforcer.ports.facts.Worker`. ``url`` is the worker's address, ``token`` what reads facts."""

    def __init__(self, url: str, *, token: str = "", ca_file: str = "") -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._ca_file = ca_file
        self._session: ClientSession | None = None

    async def close(self) -> None:
        """See the port."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, references: Collection[str], require: str, seconds: float) -> State:
        """See the port."""
        if self._session is None:
            self._session = session(self._token, self._ca_file, idle=seconds + SLACK, connections=CONNECTIONS)
        body = msgspec.json.encode({"images": sorted(references), "require": require, "wait": seconds})
        headers = {"Content-Type": "application/json"}
        try:
            async with (
                asyncio.timeout(seconds + SLACK),
                self._session.post(
                    f"{self._url}/v1/facts/asked", data=body, headers=headers, allow_redirects=False
                ) as response,
            ):
                if response.status in (401, 403):
                    raise WorkerRefused(
                        f"{self._url} answers {response.status}; give its token with --facts-token-file"
                    )
                if response.status != 200:
                    raise WorkerUnreachable(f"{self._url} answers {response.status} to a question; see its log")
                answer = b""
                while len(answer) <= MAX_ANSWER and not response.content.at_eof():
                    answer += await response.content.read(MAX_ANSWER + 1 - len(answer))
        except (TimeoutError, aiohttp.ClientError, UnicodeError) as e:  # the last: of a name that no resolver takes
            raise WorkerUnreachable(f"{self._url} cannot be asked: {why(e)}; what is not known stays so") from None
        if len(answer) > MAX_ANSWER:
            raise WorkerLying(f"{self._url} answers a question with more than {MAX_ANSWER} bytes")
        try:
            read = _ANSWER.decode(answer)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
            raise WorkerLying(f"{self._url} gives what is no answer: {text.name(str(e), 200)}") from None
        return State(epoch=read.epoch, revision=read.revision, as_of=None)
