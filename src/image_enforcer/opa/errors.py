"""What can go wrong around documents and policies, each with a message that says what to do."""

from __future__ import annotations

from collections.abc import Iterable


class OpaError(Exception):
    """Root of this package's errors."""


class LoadError(OpaError):
    """Files that cannot be used; ``faults`` has a line for each."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults: tuple[str, ...] = tuple(faults)
        super().__init__("\n".join(self.faults))

    def __str__(self) -> str:
        if len(self.faults) == 1:
            return f"1 error occurred during loading: {self.faults[0]}"
        return f"{len(self.faults)} errors occurred during loading:\n" + "\n".join(self.faults)


class NotFound(OpaError):
    """There is no document or policy there."""


class Conflict(OpaError):
    """A write through something that is not an object or array."""


class BadPatch(OpaError):
    """A patch that cannot be understood."""
