"""What can go wrong around documents and policies, each with a message that says what to do."""

from __future__ import annotations

from ..rego.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..rego import Problem


class OpaError(Exception):
    """Root of this package's errors."""


@record(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a file: ``text`` in OPA's words, ``hint`` with the next step, where there is one.

    ``problem`` is what the text came from, where it is about policy text.
    """

    text: str
    hint: str = ""
    problem: Problem | None = None

    def __str__(self) -> str:
        return f"{self.text}\n  hint: {self.hint}" if self.hint else self.text


class LoadError(OpaError):
    """Files that cannot be used; ``causes`` has each fault, ``faults`` their texts."""

    def __init__(self, causes: Iterable[Fault | str]) -> None:
        self.causes: tuple[Fault, ...] = tuple(Fault(c) if isinstance(c, str) else c for c in causes)
        super().__init__(self.causes)

    @property
    def faults(self) -> tuple[str, ...]:
        """A line for each fault, without hints."""
        return tuple(c.text for c in self.causes)

    @property
    def hints(self) -> tuple[str, ...]:
        """The next steps, each once."""
        return tuple(dict.fromkeys(c.hint for c in self.causes if c.hint))

    def plain(self) -> str:
        """What OPA says of it: the faults without hints."""
        return _counted(self.faults)

    def __str__(self) -> str:
        return _counted([str(c) for c in self.causes])


def _counted(faults: Sequence[str]) -> str:
    if len(faults) == 1:
        return f"1 error occurred during loading: {faults[0]}"
    return f"{len(faults)} errors occurred during loading:\n" + "\n".join(faults)


class StoreError(OpaError):
    """A document or policy that cannot be read or written; ``code`` is OPA's for it."""

    code = "storage_internal_error"

    def __str__(self) -> str:
        return f"{self.code}: {super().__str__()}"


class NotFound(StoreError):
    """There is no document or policy there."""

    code = "storage_not_found_error"


class Conflict(StoreError):
    """A write through something that is not an object."""

    code = "storage_write_conflict_error"


class InvalidWrite(StoreError):
    """A write that no document could take, such as a number in the place of the root."""

    code = "storage_invalid_patch_error"


class ReadOnly(OpaError):
    """A write to documents that are read from elsewhere and only from there."""


class BadPatch(OpaError):
    """A patch that cannot be understood."""
