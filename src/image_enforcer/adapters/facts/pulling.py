"""Pulling facts from a worker: a whole copy at first, then what changed, for as long as the process lives.

Whatever goes wrong, the last copy stays and grows old; its age says so. What is fetched is checked before it is used.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import aiohttp
import msgspec
from aiohttp import ClientSession

from ...analysis import text
from ...domain.facts import Changes, Entry, Kind
from ...ports.facts import FactsError
from . import replica_file
from .session import WorkerLying, WorkerRefused, WorkerUnreachable, session, why

WAIT: Final = 20
"""Seconds that the worker holds an answer back until something changes."""
SECONDS: Final = 60.0
IDLE: Final = 30.0
LONGEST: Final = 1800.0
"""Seconds that a whole copy may take."""
MAX_CHANGES: Final = 64 << 20
MAX_SNAPSHOT: Final = 8 << 30
PIECE: Final = 256 << 10

Number = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]
"""A revision. Larger ones fit into no file."""


class _Entry(msgspec.Struct, frozen=True):
    kind: Kind
    key: str
    value: msgspec.Raw
    revision: Number


class _Changes(msgspec.Struct, frozen=True):
    epoch: str
    since: Number
    began: Number
    revision: Number
    newest: Number
    entries: tuple[_Entry, ...]


class Pulling:
    """Keeps one replica. ``url`` is the worker's address, ``token`` what it wants to be told."""

    def __init__(
        self, url: str, place: Path, *, now: Callable[[], datetime], token: str = "", ca_file: str = ""
    ) -> None:
        self._url = url.rstrip("/")
        self._place = place
        self._now = now
        self._token = token
        self._ca_file = ca_file
        self._session: ClientSession | None = None
        self._verified = False
        """Whether the copy that an earlier process left has been read as a whole."""

    def _opened(self) -> ClientSession:
        if self._session is None:
            self._session = session(self._token, self._ca_file, idle=IDLE + WAIT)
        return self._session

    async def close(self) -> None:
        """Give connections up."""
        if self._session is not None:
            await self._session.close()

    async def pull(self, wait: int = WAIT) -> bool:
        """Fetch what is new, waiting for it up to ``wait`` seconds; whether there was anything.

        Raises a :class:`FactsError`; the replica is then as it was. It is a :class:`ForeignFile` where the file in its
        place is of somebody else.
        """
        found = await asyncio.to_thread(self._position)
        changes = None if found is None else await self._changes(*found, wait)
        if changes is None:
            await self._whole()
            return True
        as_of = self._now() if changes.revision >= changes.newest else None
        await asyncio.to_thread(replica_file.apply, self._place, changes, as_of)
        return bool(changes.entries)

    def _position(self) -> tuple[str, int, int] | None:
        replica_file.spare(self._place)
        try:
            found = replica_file.position(self._place, thoroughly=not self._verified)
            self._verified = found is not None
            return found
        except FactsError:
            return None  # damaged, or of another format: it is fetched anew, and stays until that has been checked

    async def _changes(self, epoch: str, since: int, began: int, wait: int) -> Changes | None:
        """What changed since a revision; None where only a whole copy helps."""
        url = f"{self._url}/v1/facts/changes"
        asked = {"epoch": epoch, "since": str(since), "began": str(began), "wait": str(wait)}
        try:
            async with (
                asyncio.timeout(SECONDS + wait),
                self._opened().get(url, params=asked, allow_redirects=False) as response,
            ):
                if response.status == 409:
                    return None
                self._check(response.status)
                body = await response.content.read(MAX_CHANGES + 1)
                while len(body) <= MAX_CHANGES and not response.content.at_eof():
                    body += await response.content.read(MAX_CHANGES + 1 - len(body))
        except (TimeoutError, aiohttp.ClientError, UnicodeError) as e:  # the last: of a name that no resolver takes
            raise self._unreachable(e) from None
        if len(body) > MAX_CHANGES:
            raise WorkerLying(f"{self._url} sends more than {MAX_CHANGES} bytes of changes at a time")
        try:
            read = msgspec.json.decode(body, type=_Changes)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
            raise WorkerLying(f"{self._url} sends what are no changes: {text.name(str(e), 200)}") from None
        if read.epoch != epoch or read.since != since or read.revision < since:
            return None
        return Changes(
            epoch=read.epoch, since=read.since, began=read.began, revision=read.revision, newest=read.newest,
            entries=tuple([
                Entry(kind=e.kind, key=e.key, value=_value(e.value), revision=e.revision) for e in read.entries
            ]),
        )  # fmt: skip

    async def _whole(self) -> None:
        """Fetch a whole copy, check it, and put it in place."""
        fresh = self._place.with_name(f"{self._place.name}.new")
        try:
            _clear(fresh)
            self._place.parent.mkdir(parents=True, exist_ok=True)
            try:
                expected, found = await self._download(fresh)
                if not expected or found != expected:
                    named = expected or "named by a checksum"
                    raise WorkerLying(f"{self._url} sends a copy that is {found}, not {named}")
                await asyncio.to_thread(replica_file.install, fresh, self._place)
            finally:
                _clear(fresh)
        except OSError as e:
            text = f"{fresh}: {e.strerror or e}; see that there is room, and that it may be written"
            raise FactsError(text) from None

    async def _download(self, fresh: Path) -> tuple[str, str]:
        """The checksum that the worker names, and that of what it sent."""
        url = f"{self._url}/v1/facts/snapshot"
        digest = hashlib.sha256()
        size = 0
        try:
            async with (
                asyncio.timeout(LONGEST),
                self._opened().get(url, allow_redirects=False) as response,
            ):
                self._check(response.status)
                with fresh.open("wb") as file:
                    async for piece in response.content.iter_chunked(PIECE):
                        size += len(piece)
                        if size > MAX_SNAPSHOT:
                            raise WorkerLying(f"{self._url} sends more than {MAX_SNAPSHOT} bytes")
                        digest.update(piece)
                        file.write(piece)
                return response.headers.get("X-Facts-Checksum", ""), f"sha256:{digest.hexdigest()}"
        except (TimeoutError, aiohttp.ClientError, UnicodeError) as e:  # the last: of a name that no resolver takes
            raise self._unreachable(e) from None

    def _check(self, status: int) -> None:
        if status in (401, 403):
            given = "another token" if self._token else "its token"
            options = "--token-file of pull, --facts-token-file of serve"
            raise WorkerRefused(f"{self._url} answers {status}; give {given} ({options})")
        if status == 404:
            raise WorkerUnreachable(f"{self._url} answers 404: there is no worker; give the --addr of one, no path")
        if status != 200:
            raise WorkerUnreachable(f"{self._url} answers {status}; see its log")

    def _unreachable(self, error: Exception) -> WorkerUnreachable:
        return WorkerUnreachable(f"{self._url} cannot be reached: {why(error)}; the last facts stay, and grow old")


def _clear(path: Path) -> None:
    """Remove what an earlier try left."""
    for rest in ("", "-wal", "-shm"):
        Path(f"{path}{rest}").unlink(missing_ok=True)


def _value(raw: msgspec.Raw) -> bytes | None:
    value = bytes(raw)
    return None if value == b"null" else value
