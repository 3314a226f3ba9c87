"""Clair v4: indexes images, and compares what it found with what it knows at the time it is asked.

Sources: quay/clair ``httptransport/{indexer,matcher}_v1.go``, and how 4.9.0 was seen to behave:

- ``If-None-Match`` with the current state is answered 412 for an image that was never indexed, so it is never sent. An
  image that is known is answered quickly without it, and is indexed anew where Clair's scanners have changed.
- The ``ETag`` of a report is the state of today, not the one that the report was made under: only the one that came
  with our own POST is believed.
- A failed index is answered 500, and kept: then ``GET`` is 200 with ``success: false``. So a 500 is looked into: a
  stored failure is the image's, anything else is Clair's.
- Layers are kept by content and never fetched again; a known manifest's layers are not compared with those that are
  sent. So a report that names other layers than the image's is refused.
- A client that goes away ends its indexing, and leaves a report in the state ``""`` that nothing will go on with: such
  an image is unknown, and to be scanned anew.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from ...analysis import clair_v4 as documents
from ...analysis import text
from ...analysis.clair import BadReport
from ...domain.digest import Digest
from ...domain.report import Report
from ...ports.scanner import (
    Failed,
    Layer,
    Outcome,
    Pending,
    Scanned,
    ScannerLying,
    Subject,
    Unknown,
    Unscannable,
)
from .exchange import MAX_ERROR, Answer, Exchange, Limits
from .layers import foreign, held
from .pace import Flights, Pace
from .presharedkey import PreSharedKey

INDEXER: Final = "/indexer/api/v1/index_report"
STATE: Final = "/indexer/api/v1/index_state"
AFFECTED: Final = "/indexer/api/v1/internal/affected_manifest/"
"""With its last slash: without it Clair redirects."""
MATCHER: Final = "/matcher/api/v1/vulnerability_report"
MOST_REMEMBERED: Final = 10_000
_ALGORITHMS: Final = frozenset({"sha256", "sha512"})
_NOT_STARTED: Final = "failed to start scan"
"""How the message of a 400 begins that is about a layer, and not about our request."""
_NO_ARCHIVE: Final = "unable to create fs.FS"
"""What the error of a stored index holds that had such a 400."""
_REFUSALS: Final = ("status code: 401", "status code: 403")


class _State(msgspec.Struct, frozen=True):
    state: str


class _Error(msgspec.Struct, frozen=True):
    code: str = ""
    message: str = ""


class _Affected(msgspec.Struct, frozen=True):
    vulnerable_manifests: dict[str, tuple[str, ...] | None] | None = None


class ClairV4:
    """See :class:`image_enforcer.ports.scanner.Scanner`.

    ``clock`` gives seconds since the epoch; ``chance`` numbers from 0 to 1, to spread those who come back.
    """

    name = "clair-v4"

    def __init__(
        self, url: str, *, clock: Callable[[], float], chance: Callable[[], float], key: PreSharedKey | None = None,
        context: ssl.SSLContext | None = None, limits: Limits | None = None,
    ) -> None:  # fmt: skip
        self._clock = clock
        self._limits = limits or Limits()
        self.exchange = Exchange(
            url, limits=self._limits, pace=Pace(clock, chance), context=context,
            authorization=key.authorization if key is not None else lambda: "",
        )  # fmt: skip
        self._flights: Flights[Outcome | None] = Flights()
        self._slots = asyncio.Semaphore(self._limits.at_once)
        self._told: OrderedDict[Digest, str] = OrderedDict()

    async def close(self) -> None:
        """See the port."""
        await self._flights.close()
        await self.exchange.close()

    async def version(self) -> str:
        """See the port: the index state, which changes with the scanners that Clair has."""
        answer = await self._get(STATE, MAX_ERROR)
        if answer.status != 200:
            raise self.exchange.refused(answer)
        try:
            found = msgspec.json.decode(answer.body, type=_State).state
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            found = ""
        if not found:
            raise self.exchange.unreadable(answer, ValueError("it holds no index state"))
        return text.name(found, 200)

    async def scan(self, subject: Subject) -> Outcome:
        """See the port. One POST for each image at a time: equal ones wait for each other in Clair, for seconds."""
        layers = held(subject)
        if not layers:
            return Unscannable("no-layers", "the registry holds none of its layers")
        if subject.digest.partition(":")[0] not in _ALGORITHMS:
            return Unscannable("unsupported-digest", "Clair takes digests of sha256 and sha512 alone")
        outcome = await self._flights.once(subject.digest, lambda: self._index(subject.digest, layers))
        return await self._compared(subject) if outcome is None else outcome

    async def report(self, subject: Subject) -> Outcome:
        """See the port."""
        if subject.digest in self._flights:
            return Pending("its layers are being looked at")
        return await self._compared(subject)

    async def _compared(self, subject: Subject) -> Outcome:
        """What the matcher says of an image."""
        answer = await self._get(f"{MATCHER}/{subject.digest}")
        if answer.status == 404:
            stored = await self._stored(subject.digest)
            if stored is not None:
                return stored
            # It ended between the two questions.
            answer = await self._get(f"{MATCHER}/{subject.digest}")
        match answer.status:
            case 200:
                return Scanned(await self._read(answer, subject))
            case 202:
                return Pending("Clair has not loaded any vulnerabilities yet; its first update takes a while")
            case 404:
                return Pending("its layers were looked at, and Clair's matcher does not know of it yet")
            case _:
                raise self.exchange.refused(answer)

    async def forget(self, subject: Subject) -> None:
        """See the port. Layers that no other image has go with it."""
        self._told.pop(subject.digest, None)
        answer = await self.exchange.send("DELETE", f"{INDEXER}/{subject.digest}", seconds=self._limits.document)
        if answer.status not in (200, 204):
            raise self.exchange.refused(answer)

    async def affected(self, vulnerabilities: Sequence[Mapping[str, object]]) -> frozenset[str]:
        """The digests of the images that vulnerabilities, as Clair writes them, would be found in.

        It is an internal question of Clair's: another version may not answer it.
        """
        body = msgspec.json.encode({"vulnerabilities": list(vulnerabilities)})
        answer = await self.exchange.send(
            "POST", AFFECTED, seconds=self._limits.document, most=self._limits.report, body=body
        )
        if answer.status != 200:
            raise self.exchange.refused(answer)
        try:
            return frozenset(msgspec.json.decode(answer.body, type=_Affected).vulnerable_manifests or {})
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            raise self.exchange.unreadable(answer, ValueError("it lists no manifests")) from None

    # --- indexing --------------------------------------------------------------------------------

    async def _index(self, digest: Digest, layers: Sequence[Layer]) -> Outcome | None:
        """Have an image's layers looked at; None where that went well."""
        body = msgspec.json.encode({"hash": digest, "layers": [_layer(layer) for layer in layers]})
        async with self._slots:
            answer = await self.exchange.send(
                "POST", INDEXER, seconds=self._limits.scan, most=self._limits.report, body=body
            )  # fmt: skip
        match answer.status:
            case 200 | 201:
                outcome = self._state_of(answer, digest)
                if outcome is None:
                    self.exchange.went_well()
                    self._remember(digest, answer.headers.get("ETag", ""))
                return outcome
            case 400:
                message = _message(answer)
                if message.startswith(_NOT_STARTED):
                    return Unscannable("unsupported", f"Clair cannot read a layer of it: {message}")
                raise ScannerLying(f"Clair does not understand what it is asked: {message or 'no reason is given'}")
            case 500 if answer.is_json:
                stored = await self._stored(digest)
                if isinstance(stored, Failed | Unscannable):
                    return stored
                raise self.exchange.refused(answer)
            case _:
                raise self.exchange.refused(answer)

    async def _stored(self, digest: Digest) -> Outcome | None:
        """What the indexer says of an image; None where it has looked at all its layers."""
        answer = await self._get(f"{INDEXER}/{digest}")
        match answer.status:
            case 200:
                return self._state_of(answer, digest)
            case 404 if answer.is_json:
                return Unknown()
            case _:
                raise self.exchange.refused(answer)

    def _state_of(self, answer: Answer, digest: Digest) -> Outcome | None:
        try:
            index = documents.index(answer.body, digest)
        except BadReport as e:
            raise self.exchange.unreadable(answer, e) from None
        if index.finished:
            return None
        if index.state in (documents.FAILED, documents.FINISHED):
            if _NO_ARCHIVE in index.error:
                return Unscannable("unsupported", f"Clair cannot read a layer of it: {index.error}")
            code = "layer-refused" if any(word in index.error for word in _REFUSALS) else "index-failed"
            return Failed(code, f"Clair could not look at a layer of it: {index.error}")
        if not index.state:
            return Unknown()
        return Pending(f"its layers are being looked at ({text.name(index.state, 40)})")

    def _remember(self, digest: Digest, etag: str) -> None:
        self._told[digest] = text.name(etag.removeprefix("W/").strip('"'), 200)
        self._told.move_to_end(digest)
        if len(self._told) > MOST_REMEMBERED:
            self._told.popitem(last=False)

    # --- reports ---------------------------------------------------------------------------------

    async def _read(self, answer: Answer, subject: Subject) -> Report:
        try:
            # A large one takes seconds, which others should not wait for.
            found = await asyncio.to_thread(
                documents.report, answer.body, subject.digest, scanner_version=self._told.get(subject.digest, ""),
                made_at=datetime.fromtimestamp(self._clock(), UTC), gaps=foreign(subject),
            )  # fmt: skip
        except BadReport as e:
            raise self.exchange.unreadable(answer, e) from None
        strangers = {package.layer for package in found.packages} - {layer.digest for layer in subject.layers} - {""}
        if strangers:
            raise self.exchange.unreadable(answer, BadReport(f"{min(strangers)} is no layer of {subject.digest}"))
        return found

    async def _get(self, path: str, most: int | None = None) -> Answer:
        most = self._limits.report if most is None else most
        return await self.exchange.send("GET", path, seconds=self._limits.document, most=most)


def _layer(layer: Layer) -> dict[str, object]:
    """A layer as Clair takes it: every header has a list of values."""
    headers: dict[str, list[str]] = {}
    for name, value in layer.headers:
        headers.setdefault(name, []).append(value)
    return {"hash": layer.digest, "uri": layer.url, "headers": headers}


def _message(answer: Answer) -> str:
    try:
        return text.safe(msgspec.json.decode(answer.body, type=_Error).message, 1000)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return ""
