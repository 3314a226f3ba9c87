"""Facts at decision time: looked up here, by key, without asking anybody."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ..domain.errors import EnforcerError
from ..domain.facts import Kind


class FactsError(EnforcerError):
    """Facts cannot be read: everything about them is unknown until they can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Which facts there are: revisions of one ``epoch`` compare. ``as_of`` is when they were last known to be all."""

    epoch: str
    revision: int
    as_of: datetime | None


class Facts(Protocol):
    """One copy of the published facts. May be asked from several threads at once."""

    def at_once(self) -> AbstractContextManager[None]:
        """What this thread asks inside is answered from one revision, whatever is changed meanwhile.

        Where nothing can be read, it is the questions that say so.
        """

    def state(self) -> State:
        """Which facts an answer would rest on; raises :class:`FactsError`."""

    def find(self, kind: Kind, keys: Collection[str], most: int | None = None) -> Mapping[str, bytes]:
        """The facts of these keys that there are, as JSON text, in one look-up; raises :class:`FactsError`.

        A copy stops once it has read more than ``most`` bytes: then facts may be missing that there are.
        """

    def keys(self, kind: Kind, start: str, most: int | None = None) -> Sequence[str]:
        """The keys that begin so, in order, at most so many; raises :class:`FactsError`."""


class Worker(Protocol):
    """The worker that the facts come from. It may find out what is not known."""

    async def ask(self, references: Collection[str], require: str, seconds: float) -> State:
        """Ask about images, by normalised reference, of which so much has to be known: ``scanned`` or ``resolved``.

        The worker may take so many seconds. What it found out is among the facts of the state that is given, which
        may take a moment to arrive. Raises :class:`FactsError` soon after, whatever the worker does.
        """

    async def close(self) -> None:
        """Give connections up."""
