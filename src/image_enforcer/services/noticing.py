"""Heeding what a scanner says by itself: the reports that a notification is about are asked for at once.

A message is worth no more than the name in it: the scanner is asked what that is about, in the background and one after
the other. Whatever is lost on the way (a message, a process, a notification that has expired) costs time and nothing
else, since every report is asked for again when it is due.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import Final

from ..domain.digest import Digest
from ..domain.watched import Trouble
from ..ports.scanner import Affected, Notifier, ScannerBusy, ScannerError, ScannerUnreachable
from ..ports.store import Scanning, StoreError
from .scanning import subject
from .told import Told

MOST: Final = 1000
"""Notifications that wait. Beyond, a message is not taken; a scanner that is told so sends it again."""
AT_ONCE: Final = 50
"""Notifications that are asked about before what they are about is made due."""
TRIES: Final = 20
"""With the pauses between them about a quarter of an hour, after which most reports are due anyway."""
FIRST_PAUSE: Final = 1.0
"""Seconds after a first failure; twice as many after each further one."""
LONGEST_PAUSE: Final = 60.0
PAGE: Final = 500
"""Images that are looked through at a time."""


class Noticing:
    """Notifications of one scanner, called ``scanner`` in the store."""

    def __init__(
        self, store: Scanning, notifier: Notifier, scanner: str, told: Told, now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep, page: int = PAGE,
    ) -> None:  # fmt: skip
        self._store = store
        self._notifier = notifier
        self._scanner = scanner
        self._told = told
        self._about = f"{scanner} notifications"
        self._now = now
        self._sleep = sleep
        self._page = page
        self._waiting: dict[str, int] = {}
        """The tries that each has had, the one that waits longest first."""
        self._arrived = asyncio.Event()

    def take(self, message: bytes) -> bool:
        """Note what a message names; False where too many wait. Raises :class:`BadNotification`."""
        identifier = self._notifier.identifier(message)
        if identifier not in self._waiting:
            if len(self._waiting) >= MOST:
                return False
            self._waiting[identifier] = 0
        self._arrived.set()
        return True

    async def run(self) -> None:
        """See to what is noted, for as long as this is let run."""
        pause = FIRST_PAUSE
        while True:
            await self._arrived.wait()
            if await self._round():
                pause = FIRST_PAUSE
            else:
                await self._sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
            if not self._waiting:
                self._arrived.clear()

    async def _round(self) -> bool:
        """See to some; whether all went well."""
        found: dict[str, Affected] = {}
        failed = False
        for identifier in list(self._waiting)[:AT_ONCE]:
            try:
                found[identifier] = await self._notifier.affected(identifier)
            except ScannerError as e:
                failed = True
                self._failed(identifier, e.code, str(e))
                if isinstance(e, ScannerUnreachable | ScannerBusy):  # and it would be so for the others
                    break
        try:
            count = await asyncio.to_thread(self._make_due, list(found.values()))
        except StoreError as e:
            for identifier in found:
                self._failed(identifier, "store", str(e))
            return False
        for identifier in found:
            del self._waiting[identifier]
            try:
                await self._notifier.read(identifier)
            except ScannerError as e:  # it may be sent once more, which does no harm
                failed = True
                self._say(e.code, f"{identifier} could not be marked as read: {e}")
        if not failed:
            self._told.recovered(self._about)
        if found:
            self._told.noticed(len(found), count)
        return not failed

    def _failed(self, identifier: str, code: str, text: str) -> None:
        """Let it wait behind the others, or give it up."""
        tries = self._waiting.pop(identifier) + 1
        if tries < TRIES:
            self._waiting[identifier] = tries
        else:
            text = f"given up after {tries} tries, its images are asked about when they are due: {text}"
        self._say(code, f"{identifier}: {text}")

    def _say(self, code: str, text: str) -> None:
        self._told.failed(self._about, Trouble(code=code, text=text, at=self._now()))

    def _make_due(self, affected: list[Affected]) -> int:
        """Make due what these are about; how many images that is. Raises a :class:`StoreError`."""
        images = frozenset().union(*[one.images for one in affected])
        layers = frozenset().union(*[one.layers for one in affected])
        digests = images | set(self._having(layers))
        return self._store.due_now(self._scanner, digests, self._now()) if digests else 0

    def _having(self, layers: frozenset[str]) -> Iterator[Digest]:
        """The images that have one of these layers."""
        after = ""
        while layers and (page := self._store.images(self._scanner, after, self._page)):
            yield from (one.digest for one in page if not layers.isdisjoint(self._notifier.names(subject(one))))
            after = page[-1].digest
