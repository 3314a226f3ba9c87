"""Where facts are sent to that cannot fetch them: a running OPA, or ``run -s``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..domain.errors import EnforcerError


class SinkError(EnforcerError):
    """Root of what goes wrong with sinks. ``code`` is the reason's name in logs and metrics."""

    code = "sink"


class SinkUnreachable(SinkError):
    """No connection, no answer in time, or an answer that says that the server is out of order."""


class SinkRefused(SinkError):
    """The server does not take the document: other credentials, a path that policies define, a limit."""


class SinkForgot(SinkError):
    """What was sent is gone again while more of it is sent."""


class Sink(Protocol):
    """Every method raises a :class:`SinkError` and nothing else."""

    @property
    def name(self) -> str:
        """Which sink this is, for positions and messages: its address without secrets."""

    async def put(self, path: Sequence[str], document: bytes) -> None:
        """Set the document at a path to JSON text."""

    async def delete(self, path: Sequence[str]) -> None:
        """See that there is no document at a path."""

    async def get(self, path: Sequence[str]) -> bytes | None:
        """The document at a path as JSON text; None where there is none."""

    async def close(self) -> None:
        """Give connections up."""
