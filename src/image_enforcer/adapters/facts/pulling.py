"""Pulling facts from a worker: a whole copy at first, then what changed, for as long as the process lives.

Whatever goes wrong, the last copy stays and grows old; its age says so. What is fetched is checked before it is used.
What changed is put into the copy together, once all of it is there: a copy is always as the store was at some moment.
Where it is too much, or does not follow, a whole copy is fetched, so that nothing keeps a copy from going on for good.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import ClientSession

from ...ports.facts import FactsError
from . import replica_file
from .parts import Parts
from .session import WorkerLying, WorkerRefused, WorkerUnreachable, session, why

WAIT: Final = 20
"""Seconds that the worker holds an answer back until something changes."""
SECONDS: Final = 60.0
IDLE: Final = 30.0
LONGEST: Final = 1800.0
"""Seconds that a whole copy may take."""
MAX_CHANGES: Final = 64 << 20
"""Bytes of one answer about what changed. One entry alone may be more: then a whole copy is fetched."""
MAX_PARTS: Final = 1 << 30
"""Bytes of such answers that are put into a copy at once, beyond which a whole one is the shorter way."""
MAX_SNAPSHOT: Final = 64 << 30
PIECE: Final = 256 << 10

Position = tuple[str, int, int, str]
"""The epoch and the revision of a copy, where it began, and its stamp."""


class _Anew(Exception):
    """Only a whole copy helps, and why."""


class Pulling:
    """Keeps one replica. ``url`` is the worker's address, ``token`` what it wants to be told.

    ``said`` is told why a copy that is there is fetched anew, before it is.
    """

    def __init__(
        self, url: str, place: Path, *, now: Callable[[], datetime], token: str = "", ca_file: str = "",
        said: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._said = said
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
        if found is not None:
            try:
                return await self._forward(found, wait)
            except _Anew as e:
                self._said(f"{self._url}: {e}; a whole copy is fetched")
        await self._whole()
        return True

    async def _forward(self, found: Position, wait: int) -> bool:
        """Bring the copy forward to the newest revision, in one transaction; whether there was anything.

        Raises :class:`_Anew` where only a whole copy helps.
        """
        epoch, since, began, stamp = found
        rest = ""
        try:
            with Parts(self._place.parent, self._url) as parts:
                while True:
                    as_of = self._now()
                    told = parts.add(await self._asked(epoch, since, began, rest, stamp, wait))
                    if (told.epoch, told.since, told.after) != (epoch, since, rest) or told.revision < since:
                        raise _Anew("its changes do not follow what is here")
                    if told.revision >= told.newest and not told.rest:
                        break
                    if (told.revision, told.rest) == (since, rest):
                        raise WorkerLying(f"{self._url} says that there is more, and does not go on")
                    if parts.size > MAX_PARTS:
                        raise _Anew(f"more than {MAX_PARTS} bytes have changed")
                    since, rest, stamp, wait = told.revision, told.rest, told.stamp, 0
                await asyncio.to_thread(replica_file.apply_all, self._place, parts.read(), as_of)
                return parts.entries > 0
        except OSError as e:
            text = f"{self._place.parent}: {e.strerror or e}; see that there is room, and that it may be written"
            raise FactsError(text) from None

    def _position(self) -> Position | None:
        replica_file.spare(self._place)
        try:
            found = replica_file.position(self._place, thoroughly=not self._verified)
            self._verified = found is not None
            return found
        except FactsError:
            return None  # damaged, or of another format: it is fetched anew, and stays until that has been checked

    async def _asked(self, epoch: str, since: int, began: int, after: str, stamp: str, wait: int) -> bytes:
        """One answer about what changed since a revision; raises :class:`_Anew` where only a whole copy helps."""
        url = f"{self._url}/v1/facts/changes"
        asked = {
            "epoch": epoch, "since": str(since), "began": str(began), "stamp": stamp, "after": after,
            "wait": str(wait), "parts": "1",
        }  # fmt: skip
        try:
            async with (
                asyncio.timeout(SECONDS + wait),
                self._opened().get(url, params=asked, allow_redirects=False) as response,
            ):
                if response.status == 409:
                    raise _Anew("it has no changes for what is here")
                self._check(response.status)
                body = bytearray()
                while len(body) <= MAX_CHANGES and not response.content.at_eof():
                    body += await response.content.read(MAX_CHANGES + 1 - len(body))
        except (TimeoutError, aiohttp.ClientError, UnicodeError) as e:  # the last: of a name that no resolver takes
            raise self._unreachable(e) from None
        if len(body) > MAX_CHANGES:
            raise _Anew(f"it sends more than {MAX_CHANGES} bytes of changes at a time")
        return bytes(body)

    async def _whole(self) -> None:
        """Fetch a whole copy, check it, and put it in place."""
        fresh = self._place.with_name(f"{self._place.name}.new")
        try:
            _clear(fresh)
            self._place.parent.mkdir(parents=True, exist_ok=True)
            try:
                expected, found, stamp = await self._download(fresh)
                if not expected or found != expected:
                    named = expected or "named by a checksum"
                    raise WorkerLying(f"{self._url} sends a copy that is {found}, not {named}")
                await asyncio.to_thread(replica_file.install, fresh, self._place, stamp)
            finally:
                _clear(fresh)
        except OSError as e:
            text = f"{fresh}: {e.strerror or e}; see that there is room, and that it may be written"
            raise FactsError(text) from None

    async def _download(self, fresh: Path) -> tuple[str, str, str]:
        """The checksum that the worker names, that of what it sent, and the stamp of that."""
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
                named, stamp = (response.headers.get(f"X-Facts-{name}", "") for name in ("Checksum", "Stamp"))
                return named, f"sha256:{digest.hexdigest()}", stamp
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
