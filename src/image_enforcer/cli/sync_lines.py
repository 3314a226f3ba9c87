"""What ``sync`` says: a line for each thing that changed, as text or as JSON."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING, Any, Final, TextIO

from ..analysis import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..domain.reference import Repository
    from ..domain.watched import Trouble
    from ..ports.store import ScanWork
    from .sync_progress import Progress

MOST_FORGOTTEN: Final = 20
"""Repositories that have a line each."""
_FORGOTTEN: Final = (
    "it was followed in this store, and is named no more; give another list a store of its own with --store"
)


def many(count: int, noun: str, plural: str = "") -> str:
    """A number of things: ``1 tag``, ``2 tags``."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


class Lines:
    """See :class:`image_enforcer.services.syncing.Told`. A look that found nothing new is not worth a line."""

    def __init__(self, out: TextIO, form: str, progress: Progress | None = None) -> None:
        """``progress`` is a line on the same terminal, where there is one."""
        self._out = out
        self._aside = progress.aside if progress is not None else contextlib.nullcontext
        self._json = form == "json"
        self._failing: dict[str, str] = {}

    def looked(self, repository: Repository, tags: int, fetched: int, troubles: int, revision: int) -> None:
        """A look came to its end."""
        recovered = self._failing.pop(str(repository), None)
        if fetched or recovered:
            self._line(
                "looked", f"{repository}: {many(tags, 'tag')}, {many(fetched, 'new manifest')}, {troubles} in trouble",
                repository=str(repository), tags=tags, fetched=fetched, troubles=troubles, revision=revision,
            )  # fmt: skip

    def forgotten(self, repositories: Sequence[Repository]) -> None:
        """These were followed in the store, and are named no more."""
        for repository in repositories[:MOST_FORGOTTEN]:
            self._line("forgotten", f"{repository}: {_FORGOTTEN}", repository=str(repository))
        if left := repositories[MOST_FORGOTTEN:]:
            self._line("forgotten", f"{len(left)} more repositories, likewise", more=len(left))

    def failed(self, about: str, trouble: Trouble) -> None:
        """Something could not be had. The same trouble again is not told again."""
        if self._failing.get(about) != trouble.code:
            self._failing[about] = trouble.code
            shown = text.name(trouble.text, 1000)  # one line: what a registry says must not look like another
            self._line("failed", f"{about}: {shown} [{trouble.code}]", about=about, code=trouble.code, text=shown)

    def recovered(self, about: str) -> None:
        """Something that may have failed before is there. What never failed is not worth a line."""
        if self._failing.pop(about, None) is not None:
            self._line("recovered", about, about=about)

    def scanned(self, work: ScanWork, findings: int, gaps: int) -> None:
        """An image was scanned."""
        image = f"{work.home}@{work.manifest.digest}"
        self._failing.pop(image, None)
        if not work.indexed:
            left = f", {many(gaps, 'gap')}" if gaps else ""
            self._line(
                "scanned", f"{image}: {many(findings, 'finding')}{left}", image=image, findings=findings, gaps=gaps
            )

    def delivered(self, sink: str, put: int, deleted: int, whole: bool) -> None:
        """A sink got what had changed."""
        self._failing.pop(sink, None)
        everything = ", everything anew" if whole else ""
        self._line(
            "delivered", f"{sink}: {many(put, 'document')} put, {deleted} deleted{everything}", sink=sink, put=put,
            deleted=deleted, whole=whole,
        )  # fmt: skip

    def noticed(self, notifications: int, images: int) -> None:
        """The scanner notified of something."""
        shown = f"{many(notifications, 'notification')} about {many(images, 'image')}, whose reports are asked for now"
        self._line("noticed", shown, notifications=notifications, images=images)

    def counted(self, registry: str, left: int) -> None:
        """A registry said how much may be fetched: a number for metrics, and no line."""

    def asked(self, reference: str, code: str) -> None:
        """Somebody asked about an image."""
        shown = f"{reference}: looked up, since somebody asked" + (f" [{code}]" if code else "")
        self._line("asked", shown, reference=reference, code=code)

    def pruned(self, count: int) -> None:
        """What nothing had pointed to for long was forgotten."""
        shown = f"{many(count, 'row')} of manifests, reports and facts that nothing has pointed to for long"
        self._line("pruned", shown, rows=count)

    def said(self, event: str, shown: str) -> None:
        """Anything else that is worth a line."""
        self._line(event, shown, text=shown)

    def _line(self, event: str, shown: str, **fields: Any) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = json.dumps({"time": stamp, "event": event, **fields}) if self._json else f"{stamp} {event} {shown}"
        with self._aside():
            print(line, file=self._out, flush=True)
