"""Clair 1 and 2: told of one layer after the other, it answers for the topmost one of an image.

Sources: quay/clair v2.1 ``api/v1/{router,routes}.go``, ``Documentation/api_v1.md``, and how 2.1.0 was seen to behave:

- A layer's name is that of its whole chain (``analysis/clair_v1.names``), told from the base up, each with its parent:
  a layer that is told of alone is answered 422, or has no features.
- A layer that it knows already is not looked at again, unless its engine has become another version: telling all of
  them anew costs little. One whose parent has vanished meanwhile is answered 400, and the chain is told once more.
- 422 is for what it can never read: an operating system, a package database or a compression that it does not know.
- Its answers are compressed whenever they may be. It takes no more than 1 MiB.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

import msgspec

from ...analysis import clair_v1 as documents
from ...analysis.clair import BadReport
from ...domain.digest import Digest
from ...ports.scanner import Failed, Layer, Outcome, Pending, Scanned, Subject, Unknown, Unscannable
from .exchange import Answer, Exchange, Limits
from .layers import foreign, held
from .pace import Flights, Pace

LAYERS: Final = "/v1/layers"
MAX_REQUEST: Final = 1 << 20
"""Bytes that Clair reads of a request."""
LAST_ENGINE: Final = 3
"""The version of the engine of every release since 2.0; there will be no other."""
_NO_PARENT: Final = "parent layer is unknown"
_NOT_FOUND: Final = "could not find layer"


class _ParentUnknown(Exception):
    """The layer below has vanished since it was told of."""


@dataclass(frozen=True, slots=True)
class _Link:
    """A layer of a chain, under its name."""

    name: str
    parent: str
    layer: Layer


class ClairV1:
    """See :class:`image_enforcer.ports.scanner.Scanner`.

    ``clock`` gives seconds since the epoch; ``chance`` numbers from 0 to 1, to spread those who come back.
    """

    name = "clair-v1"

    def __init__(
        self, url: str, *, clock: Callable[[], float], chance: Callable[[], float],
        context: ssl.SSLContext | None = None, limits: Limits | None = None,
    ) -> None:  # fmt: skip
        self._clock = clock
        self._limits = limits or Limits()
        self.exchange = Exchange(url, limits=self._limits, pace=Pace(clock, chance), context=context)
        self._flights: Flights[Outcome | None] = Flights()
        self._slots = asyncio.Semaphore(self._limits.at_once)
        self._engine = LAST_ENGINE

    async def close(self) -> None:
        """See the port."""
        await self._flights.close()
        await self.exchange.close()

    async def version(self) -> str:
        """See the port. Clair tells its engine's version with its layers alone; until one is seen it is the last."""
        answer = await self.exchange.send("GET", "/v1/namespaces", seconds=self._limits.document, most=1 << 20)
        if answer.status != 200:
            raise self.exchange.refused(answer)
        return str(self._engine)

    async def scan(self, subject: Subject) -> Outcome:
        """See the port."""
        chain = _chain(subject)
        if not chain:
            return Unscannable("no-layers", "the registry holds none of its layers")
        try:
            outcome = await self._climb(chain)
        except _ParentUnknown:
            try:
                outcome = await self._climb(chain)
            except _ParentUnknown:
                return Failed("parent-unknown", "Clair forgets its layers while it is told of them; it is tried again")
        return await self._known(subject, chain) if outcome is None else outcome

    async def report(self, subject: Subject) -> Outcome:
        """See the port."""
        chain = _chain(subject)
        if not chain:
            return Unscannable("no-layers", "the registry holds none of its layers")
        if any(link.name in self._flights for link in chain):
            return Pending("its layers are being looked at")
        return await self._known(subject, chain)

    async def forget(self, subject: Subject) -> None:
        """See the port. With the topmost layer go all that stand on it, in other images: they are unknown then."""
        chain = _chain(subject)
        if chain:
            path = f"{LAYERS}/{chain[-1].name}"
            answer = await self.exchange.send("DELETE", path, seconds=self._limits.document)
            if answer.status not in (200, 204) and not _unknown(answer):
                raise self.exchange.refused(answer)

    # --- telling it of layers --------------------------------------------------------------------

    async def _climb(self, chain: Sequence[_Link]) -> Outcome | None:
        """Tell it of an image's layers, from the base up; None where all went well."""
        for link in chain:
            outcome = await self._flights.once(link.name, partial(self._tell, link))
            if outcome is not None:
                return outcome
        return None

    async def _tell(self, link: _Link) -> Outcome | None:
        told = {
            "Name": link.name, "Path": link.layer.url, "Headers": dict(link.layer.headers), "ParentName": link.parent,
            "Format": "Docker",
        }  # fmt: skip
        body = msgspec.json.encode({"Layer": {name: value for name, value in told.items() if value}})
        if len(body) > MAX_REQUEST:
            return Unscannable("request-too-large", f"Clair reads no more than {MAX_REQUEST} bytes about a layer")
        async with self._slots:
            answer = await self.exchange.send(
                "POST", LAYERS, seconds=self._limits.scan, most=self._limits.report, body=body
            )
        message = documents.error(answer.body) or "no reason is given"
        match answer.status:
            case 200 | 201:
                if self._layer(answer).name != link.name:
                    raise self.exchange.unreadable(answer, BadReport("it is about another layer"))
                self.exchange.went_well()
                return None
            case 400 if _NO_PARENT in message:
                raise _ParentUnknown
            case 400 if _NOT_FOUND in message:
                return Failed("index-failed", f"Clair could not fetch {link.layer.digest}: {message}")
            case 400 | 500 if answer.is_json:
                return Failed("index-failed", f"Clair could not look at {link.layer.digest}: {message}")
            case 422:
                return Unscannable("unsupported", f"Clair cannot read {link.layer.digest}: {message}")
            case _:
                raise self.exchange.refused(answer)

    # --- reports ---------------------------------------------------------------------------------

    async def _known(self, subject: Subject, chain: Sequence[_Link]) -> Outcome:
        path = f"{LAYERS}/{chain[-1].name}?features&vulnerabilities"
        answer = await self.exchange.send(
            "GET", path, seconds=self._limits.document, most=self._limits.report
        )  # fmt: skip
        if _unknown(answer):
            return Unknown()
        if answer.status != 200:
            raise self.exchange.refused(answer)
        top = self._layer(answer)
        layers: list[Digest] = [link.layer.digest for link in chain]
        try:
            # A large one takes seconds, which others should not wait for.
            found = await asyncio.to_thread(
                documents.report, top, subject.digest, layers, made_at=datetime.fromtimestamp(self._clock(), UTC),
                gaps=foreign(subject),
            )  # fmt: skip
        except BadReport as e:
            raise self.exchange.unreadable(answer, e) from None
        self._engine = top.indexed_by_version or self._engine
        return Scanned(found)

    def _layer(self, answer: Answer) -> documents.Layer:
        try:
            return documents.layer(answer.body)
        except BadReport as e:
            raise self.exchange.unreadable(answer, e) from None


def chain_of(subject: Subject) -> tuple[str, ...]:
    """The names that this Clair has for an image's layers, the base's first."""
    return documents.names([layer.digest for layer in held(subject)])


def _chain(subject: Subject) -> tuple[_Link, ...]:
    layers = held(subject)
    names = chain_of(subject)
    parents = ("", *names)[: len(names)]
    return tuple([_Link(*link) for link in zip(names, parents, layers, strict=True)])


def _unknown(answer: Answer) -> bool:
    """Whether Clair itself says that it has no such layer, and not something that has no such path."""
    return answer.status == 404 and bool(documents.error(answer.body))
