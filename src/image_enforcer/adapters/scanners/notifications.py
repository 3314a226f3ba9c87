"""What Clair says by itself: that images may have become vulnerable, or no longer are.

Sources: quay/clair v4 ``notifier/``, ``httptransport/notification_v1.go``; v2.1 ``notification/webhook``, ``api/v1``.

A webhook's body holds an identifier; what it is about is fetched, in pages, and then marked as read. The address that a
v4 body names is never used: anybody could have sent it. v4 takes 200 alone for received, and sends once; v1 sends again
until it is marked as read.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from ...analysis import digest as digests
from ...analysis import text
from ...domain.digest import Digest
from ...ports.scanner import Affected, BadNotification, ScannerLying, Subject
from .clair_v1 import chain_of
from .exchange import Answer, Exchange

MAX_BODY: Final = 64 << 10
MAX_PAGE: Final = 16 << 20
PAGE: Final = 500
"""Entries that are asked for at a time."""
MAX_PAGES: Final = 10_000
MAX_AFFECTED: Final = 1_000_000
_IDENTIFIER: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_CHAIN: Final = re.compile(r"[\x21-\x7e]{1,512}", re.ASCII)


class _V4Hook(msgspec.Struct, frozen=True):
    notification_id: str


class _V1Name(msgspec.Struct, frozen=True, rename="pascal"):
    name: str


class _V1Hook(msgspec.Struct, frozen=True, rename="pascal"):
    notification: _V1Name


class _V4Entry(msgspec.Struct, frozen=True):
    manifest: str


class _V4Where(msgspec.Struct, frozen=True):
    next: str | None = None


class _V4Page(msgspec.Struct, frozen=True):
    page: _V4Where
    notifications: tuple[_V4Entry, ...] | None = None


class _V1Place(msgspec.Struct, frozen=True, rename="pascal"):
    layer_name: str = ""


class _V1Side(msgspec.Struct, frozen=True, rename="pascal"):
    ordered_layers_introducing_vulnerability: tuple[_V1Place, ...] | None = None
    layers_introducing_vulnerability: tuple[str, ...] | None = None

    @property
    def layers(self) -> set[str]:
        ordered = {place.layer_name for place in self.ordered_layers_introducing_vulnerability or ()}
        return (ordered | set(self.layers_introducing_vulnerability or ())) - {""}


class _V1Notification(msgspec.Struct, frozen=True, rename="pascal"):
    name: str = ""
    next_page: str | None = None
    old: _V1Side | None = None
    new: _V1Side | None = None


class _V1Page(msgspec.Struct, frozen=True, rename="pascal"):
    notification: _V1Notification


class V4Notifier:
    """See :class:`image_enforcer.ports.scanner.Notifier`. An exchange that the scanner's adapter has made."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def identifier(self, message: bytes) -> str:
        """See the port."""
        return v4_identifier(message)

    async def affected(self, identifier: str) -> Affected:
        """See the port."""
        return Affected(images=await v4_affected(self._exchange, identifier))

    async def read(self, identifier: str) -> None:
        """See the port."""
        await v4_read(self._exchange, identifier)

    def names(self, subject: Subject) -> Collection[str]:
        """See the port: notifications are about images."""
        del subject
        return ()


class V1Notifier:
    """See :class:`image_enforcer.ports.scanner.Notifier`. An exchange that the scanner's adapter has made."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def identifier(self, message: bytes) -> str:
        """See the port."""
        return v1_identifier(message)

    async def affected(self, identifier: str) -> Affected:
        """See the port."""
        return Affected(layers=await v1_affected(self._exchange, identifier))

    async def read(self, identifier: str) -> None:
        """See the port."""
        await v1_read(self._exchange, identifier)

    def names(self, subject: Subject) -> Collection[str]:
        """See the port: an image's chain, each layer under the name that says what it stands on."""
        return chain_of(subject)


def v4_identifier(body: bytes) -> str:
    """The notification that the body of a v4 webhook is about; raises :class:`BadNotification`."""
    return _identifier(_parsed(body, _V4Hook).notification_id)


def v1_identifier(body: bytes) -> str:
    """The notification that the body of a v1 webhook is about; raises :class:`BadNotification`."""
    return _identifier(_parsed(body, _V1Hook).notification.name)


async def v4_affected(exchange: Exchange, identifier: str) -> frozenset[Digest]:
    """The digests of the images that a notification is about, whatever it says of them; raises a `ScannerError`.

    A notification that Clair does not know is about nothing: it answers so.
    """
    found: set[Digest] = set()
    seen: set[str] = set()
    onward = ""
    while True:
        query = f"?page_size={PAGE}" + (f"&next={quote(onward, safe='')}" if onward else "")
        answer = await _page(exchange, f"/notifier/api/v1/notification/{_identifier(identifier)}{query}")
        if answer.status != 200:
            raise exchange.refused(answer)
        page = _answered(exchange, answer, _V4Page)
        for entry in page.notifications or ():
            try:
                found.add(digests.parse(entry.manifest))
            except digests.BadDigest as e:
                raise exchange.unreadable(answer, e) from None
        onward = page.page.next or ""
        if not onward:
            return frozenset(found)
        _advance(seen, onward, len(found))


async def v1_affected(exchange: Exchange, identifier: str) -> frozenset[str]:
    """The names of the layers that brought what a notification is about; raises a `ScannerError`.

    Every image whose chain holds one of them is affected. A notification that Clair does not know is about nothing.
    """
    found: set[str] = set()
    seen: set[str] = set()
    onward = ""
    while True:
        query = f"?limit={PAGE}" + (f"&page={quote(onward, safe='')}" if onward else "")
        answer = await _page(exchange, f"/v1/notifications/{_identifier(identifier)}{query}")
        if answer.status == 404 and answer.is_json and not onward:
            return frozenset()
        if answer.status != 200:
            raise exchange.refused(answer)
        page = _answered(exchange, answer, _V1Page).notification
        for side in (page.old, page.new):
            names = side.layers if side is not None else set()
            if not all(map(_CHAIN.fullmatch, names)):
                raise exchange.unreadable(answer, ValueError("a name of a layer in it is none"))
            found |= names
        onward = page.next_page or ""
        if not onward:
            return frozenset(found)
        _advance(seen, onward, len(found))


async def v4_read(exchange: Exchange, identifier: str) -> None:
    """Mark a notification as read; one that is not there is as good as read. Raises a `ScannerError`."""
    answer = await exchange.send(
        "DELETE", f"/notifier/api/v1/notification/{_identifier(identifier)}", seconds=exchange.limits.document
    )
    # It answers 500 for those that it does not have, and says so in words alone.
    absent = answer.status == 500 and b"no receipt exists" in answer.body
    if answer.status not in (200, 204, 404) and not absent:
        raise exchange.refused(answer)


async def v1_read(exchange: Exchange, identifier: str) -> None:
    """Mark a notification as read, so that it is not sent again. Raises a `ScannerError`."""
    answer = await exchange.send(
        "DELETE", f"/v1/notifications/{_identifier(identifier)}", seconds=exchange.limits.document
    )
    if answer.status not in (200, 204) and not (answer.status == 404 and answer.is_json):
        raise exchange.refused(answer)


async def _page(exchange: Exchange, path: str) -> Answer:
    return await exchange.send("GET", path, seconds=exchange.limits.document, most=MAX_PAGE)


def _advance(seen: set[str], onward: str, found: int) -> None:
    if onward in seen or len(seen) >= MAX_PAGES:
        raise ScannerLying("a notification's pages never end; look at Clair's log")
    if found > MAX_AFFECTED:
        raise ScannerLying(f"a notification is about more than {MAX_AFFECTED} images; look at Clair's log")
    seen.add(onward)


def _identifier(told: str) -> str:
    if not _IDENTIFIER.fullmatch(told):
        raise BadNotification(f"{text.name(told, 100)} is no identifier of a notification")
    return told.lower()


_T = TypeVar("_T")


def _parsed(body: bytes, kind: type[_T]) -> _T:
    if len(body) > MAX_BODY:
        raise BadNotification(f"it is larger than {MAX_BODY} bytes")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
        raise BadNotification(f"it cannot be read: {text.name(str(e), 200)}") from None


def _answered(exchange: Exchange, answer: Answer, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
        raise exchange.unreadable(answer, ValueError(text.name(str(e), 200))) from None
