"""What services tell of what they do: for logs, metrics and whoever watches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..domain.reference import Repository
from ..domain.watched import Trouble
from ..ports.store import ScanWork


class Told(Protocol):
    """Is told what happens, for logs and for whoever watches."""

    def looked(self, repository: Repository, tags: int, fetched: int, troubles: int, revision: int) -> None:
        """A look came to its end."""

    def forgotten(self, repositories: Sequence[Repository]) -> None:
        """These were followed in the store, and are not any more, since they are named no more."""

    def failed(self, about: str, trouble: Trouble) -> None:
        """Something could not be had; what is known of it grows old."""

    def recovered(self, about: str) -> None:
        """What may have failed before is there: the store, or the scanner."""

    def scanned(self, work: ScanWork, findings: int, gaps: int) -> None:
        """An image was scanned."""

    def delivered(self, sink: str, put: int, deleted: int, whole: bool) -> None:
        """A sink got what had changed."""

    def noticed(self, notifications: int, images: int) -> None:
        """The scanner notified of something, which so many images that are known here may have."""

    def counted(self, registry: str, left: int) -> None:
        """A registry said how much may be fetched before it wants to be left alone."""

    def asked(self, reference: str, code: str) -> None:
        """Somebody asked about an image, which was looked up; why it was not found, or nothing."""

    def pruned(self, count: int) -> None:
        """So many rows of what nothing had pointed to for long were forgotten."""
