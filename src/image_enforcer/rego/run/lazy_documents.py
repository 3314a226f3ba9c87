"""Documents that are read as they are asked for: guards around mappings that are no ``dict``."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import DocumentError
from ..packed import whole
from ..records import final
from .snapshot import PLAIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Final

    from ..values import Value

_FAULTS: Final = (OSError, RuntimeError, ValueError, TypeError, ArithmeticError, AttributeError, LookupError)


@final
class LazyDocument(Mapping["Any", "Any"]):
    """A guard around a mapping: a key that is not there is undefined, every other fault a :class:`DocumentError`."""

    __slots__ = ("_of",)

    def __init__(self, of: Mapping[Any, Any]) -> None:
        self._of = of

    def __getitem__(self, k: Any) -> Value:
        try:
            found = self._of[k]
        except KeyError:
            raise
        except _FAULTS as e:
            raise DocumentError(f"a document could not be read: {e}") from e
        return guarded(found)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(list(self._of))
        except _FAULTS as e:
            raise DocumentError(f"a document could not be listed: {e}") from e

    def __len__(self) -> int:
        return len(list(iter(self)))

    def to_value(self) -> Value:
        """The whole document as a plain value."""
        try:
            whole = getattr(self._of, "to_value", None)
            if whole is not None:
                return _plain(whole())
            items: Iterable[tuple[Any, Any]] = list(self._of.items())
        except _FAULTS as e:
            raise DocumentError(f"a document could not be read: {e}") from e
        return {k: _plain(v) for k, v in items}


def guarded(value: Value) -> Value:
    """A mapping that is no plain value behind a guard; any other value as it is."""
    return LazyDocument(value) if type(value) not in PLAIN and isinstance(value, Mapping) else value


def _plain(value: Value) -> Value:
    return whole(guarded(value))


__all__ = ["LazyDocument", "guarded"]
