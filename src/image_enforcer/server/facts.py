"""The facts, for those who decide: a whole copy, and what changed since.

``GET /v1/facts/snapshot`` is a SQLite file with its checksum, ``GET /v1/facts/changes?epoch=…&since=…&wait=…`` the
entries behind a revision, as soon as there are some. Whoever asks about another store is answered 409: fetch it whole.
So is who asks without the ``stamp`` that the answer before had, or the whole copy's header ``X-Facts-Stamp``: it proves
that the revision is of this store, which may have been put back to an older copy of itself.
A revision that is too large for one answer comes in parts, by ``after=…``, to those who say ``parts=1``: they wait with
all of it until they have the last one. Others are answered 409 for it.
``GET /v1/facts/bundle.tar.gz`` has the documents of older policies, for OPAs, by their protocol for bundles
(https://www.openpolicyagent.org/docs/management-bundles#bundle-service-api).
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

import msgspec

from ..asgi import Receive, Scope, Send
from ..domain.errors import EnforcerError
from ..domain.facts import Changes
from ..ports.store import PART, Publishing
from . import bundles, documents
from .bundles import MOST, PIECE, Bundle, Bundles, everything
from .door import UNKNOWN, knows
from .tokens import Tokens

LONGEST: Final = 30
"""Seconds that an answer may be held back."""
LOOK: Final = 0.2
"""Seconds between two looks at whether something changed."""
PAUSE: Final = 1.0
"""Seconds between two looks at whether there is another bundle."""
SNAPSHOTS: Final = 2
"""Whole copies that are made at a time."""
SENDING: Final = 1800.0
"""Seconds that a reader may take to receive one."""
STALLED: Final = 30.0
"""Seconds that it may take nothing of it. A copy on disk is held for it until then."""
LARGEST: Final = 1 << 62
"""No revision is as large as this."""


Make = Callable[[Path, Iterator[Changes]], tuple[str, int, str]]
"""Makes a copy at a path of all changes from the first on; its epoch, its revision and its checksum."""


class FactsApp:
    """The ASGI application. ``tokens`` are those that may read; without any, everybody who reaches it may. ``part`` is
    how many bytes of entries stand in one answer, about."""

    def __init__(
        self, store: Publishing, make: Make, tokens: Tokens | None, bundled: Bundles | None = None, part: int = PART
    ) -> None:
        self._part = part
        self._store = store
        self._make = make
        self._tokens = tokens
        self._bundled = bundled
        self._making = asyncio.Semaphore(SNAPSHOTS)
        self.draining = False
        """Whether the server is about to stop: nobody is kept waiting any longer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        del receive
        if scope["type"] != "http":
            return
        if not knows(self._tokens, scope):
            await documents.answer(send, *UNKNOWN)
        elif scope["method"] != "GET":
            await documents.answer(send, 405, {"code": "method_not_allowed", "message": "facts are read by GET"}, "GET")
        elif scope["path"] == "/v1/facts/changes":
            await self._changes(scope, send)
        elif scope["path"] == "/v1/facts/snapshot":
            await self._snapshot(send)
        elif scope["path"] == bundles.PATH and self._bundled is not None:
            await self._bundle(self._bundled, scope, send)
        else:
            text = "facts are at /v1/facts/snapshot, /v1/facts/changes and /v1/facts/bundle.tar.gz"
            await documents.answer(send, 404, {"code": "not_found", "message": text})

    async def _changes(self, scope: Scope, send: Send) -> None:
        asked = parse_qs(scope["query_string"].decode("ascii", "replace"))
        try:
            since, began, wait = (_number(asked.get(name, ["0"])[0]) for name in ("since", "began", "wait"))
        except ValueError:
            text = "since, began and wait are integers, and not negative"
            await documents.answer(send, 400, {"code": "bad_request", "message": text})
            return
        epoch, stamp, after, parts = (asked.get(name, [""])[0] for name in ("epoch", "stamp", "after", "parts"))
        try:
            found = await self._waited(epoch, since, began, after, stamp, min(wait, LONGEST))
        except EnforcerError as e:
            await documents.answer(send, 503, {"code": "unavailable", "message": str(e)})
            return
        if (found.epoch, found.since, found.after) != (epoch, since, after):
            await documents.answer(send, 409, {"code": "other_store", "message": "fetch /v1/facts/snapshot"})
            return
        if found.rest and not parts:
            text = "the next revision is too large for one answer: fetch /v1/facts/snapshot, or ask with parts=1"
            await documents.answer(send, 409, {"code": "too_large", "message": text})
            return
        await documents.answer(send, 200, {
            "epoch": found.epoch, "since": found.since, "began": found.began, "revision": found.revision,
            "newest": found.newest, "after": found.after, "rest": found.rest, "stamp": found.stamp,
            "entries": [
                {
                    "kind": e.kind, "key": e.key, "value": None if e.value is None else msgspec.Raw(e.value),
                    "revision": e.revision,
                }
                for e in found.entries
            ],
        })  # fmt: skip

    async def _waited(self, epoch: str, since: int, began: int, after: str, stamp: str, wait: int) -> Changes:
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        while True:
            found = await asyncio.to_thread(self._store.changes, since, MOST, began, after, stamp, self._part)
            told = found.entries or (epoch, since, after) != (found.epoch, found.since, found.after)
            if told or self.draining or loop.time() >= until:
                return found
            await asyncio.sleep(LOOK)

    async def _snapshot(self, send: Send) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="facts-") as folder:
                path = Path(folder) / "facts.db"
                stamps: list[str] = []
                async with self._making:
                    epoch, revision, checksum = await asyncio.to_thread(
                        self._make, path, _noting(everything(self._store), stamps)
                    )
                headers = [
                    (b"content-type", b"application/vnd.sqlite3"),
                    (b"content-length", str(path.stat().st_size).encode()),
                    (b"x-facts-epoch", epoch.encode()), (b"x-facts-revision", str(revision).encode()),
                    (b"x-facts-checksum", checksum.encode()), (b"x-facts-stamp", stamps[-1].encode()),
                ]  # fmt: skip
                with path.open("rb") as file:
                    path.unlink()
                    async with asyncio.timeout(SENDING):
                        await _file(send, iter(partial(file.read, PIECE), b""), headers)
        except EnforcerError as e:
            await documents.answer(send, 503, {"code": "unavailable", "message": str(e)})
        except (TimeoutError, ConnectionError):
            return  # the reader sees a copy that ends too early, or has gone
        except OSError as e:
            text = f"no copy can be made: {e.strerror or e}; see that there is room for temporary files"
            await documents.answer(send, 503, {"code": "unavailable", "message": text})

    async def _bundle(self, bundled: Bundles, scope: Scope, send: Send) -> None:
        wait = bundles.patience(scope["headers"])
        try:
            found, held = await self._awaited(bundled, scope["headers"], min(wait or 0, LONGEST))
            headers = [(b"etag", found.etag.encode())]
            if held:
                await send({"type": "http.response.start", "status": 304, "headers": headers})
                await send({"type": "http.response.body", "body": b""})
                return
            # By this type OPA sees that it may go on asking as it did, and is kept waiting.
            kind = b"application/gzip" if wait is None else b"application/vnd.openpolicyagent.bundles"
            headers += [(b"content-type", kind), (b"content-length", str(found.size).encode())]
            async with asyncio.timeout(SENDING):
                await _file(send, found.pieces(), headers)
        except EnforcerError as e:
            await documents.answer(send, 503, {"code": "unavailable", "message": str(e)})
        except (TimeoutError, ConnectionError):
            return  # the reader sees a bundle that ends too early, or has gone
        except OSError as e:
            text = f"no bundle can be made: {e.strerror or e}; see that there is room for temporary files"
            await documents.answer(send, 503, {"code": "unavailable", "message": text})

    async def _awaited(
        self, bundled: Bundles, headers: Iterable[tuple[bytes, bytes]], wait: int
    ) -> tuple[Bundle, bool]:
        """The newest bundle, and whether the one who asks has it: then as soon as there is another, or time is up."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        while True:
            found = await bundled.newest()
            held = bundles.holds(headers, found.etag)
            if not held or self.draining or loop.time() >= until:
                return found, held
            await asyncio.sleep(PAUSE)


def _noting(batches: Iterator[Changes], stamps: list[str]) -> Iterator[Changes]:
    """The same, with their stamps noted."""
    for changes in batches:
        stamps.append(changes.stamp)
        yield changes


def _number(text: str) -> int:
    """A number as it stands in a query; raises :class:`ValueError`."""
    if not text.isascii() or not text.isdigit() or len(text) > 19 or int(text) > LARGEST:
        raise ValueError(text)
    return int(text)


async def _file(send: Send, pieces: Iterable[bytes], headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for piece in pieces:
        async with asyncio.timeout(STALLED):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
