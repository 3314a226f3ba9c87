"""What plans save an evaluation: each can be left out, so that tests can see that answers do not follow from it."""

from __future__ import annotations

from typing import Final

from ..records import record


@record(frozen=True, slots=True)
class Savings:
    """Work that is not done. Where nothing ends in an error, an answer is the same with and without any of it."""

    index: bool = True
    """Rules whose conditions say beforehand that they do not hold are not run."""
    demand: bool = True
    """Of a partial document that is read at a key, only what may have that key is made."""
    questions: bool = True
    """Sets are asked for a member instead of being made."""
    streams: bool = True
    """Sets that are only looked through are not made."""
    order: bool = True
    """Scans go in any order where nobody can tell."""
    memory: bool = True
    """A document is made once."""


ALL: Final = Savings()
