"""A request as the handlers see it: parameters and headers in Go's reading, the body already read and bounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

MAX_PARAMETERS: Final = 1000

ABSENT: Final = object()
"""In place of a parsed body: nothing has parsed it yet."""


@dataclass(slots=True)
class Request:
    """One request. ``path`` is the URL path as sent, ``rest`` what the route left of it, header names are small.

    ``identity`` and ``certificates`` are what authentication found; ``parsed`` is the body where authorization has
    read it already. ``timers`` collects what ``?metrics`` shows.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, Sequence[str]]
    body: bytes = b""
    rest: str = ""
    identity: str | None = None
    certificates: Sequence[Any] | None = None
    parsed: Any = ABSENT
    timers: dict[str, int] = field(default_factory=dict)
    _params: dict[str, list[str]] | None = None

    @property
    def params(self) -> dict[str, list[str]]:
        """The query's parameters; those that cannot be read are left out."""
        if self._params is None:
            try:
                self._params = parse_qs(self.query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
            except ValueError:
                self._params = {}
        return self._params

    def flag(self, name: str) -> bool:
        """Whether a parameter is there without a value, or as ``true``."""
        if not self.query:
            return False
        values = self.params.get(name)
        if values is None:
            return False
        return values == [""] or any(v.lower() == "true" for v in values)

    def last(self, name: str) -> str | None:
        """A parameter's last value."""
        values = self.params.get(name)
        return values[-1] if values else None

    def header(self, name: str) -> str:
        """A header's first value; ``name`` in small letters."""
        values = self.headers.get(name)
        return values[0] if values else ""

    @property
    def pretty(self) -> bool:
        """Whether the reply is indented."""
        return self.flag("pretty")

    @property
    def wants_metrics(self) -> bool:
        """Whether the reply shows how long it took."""
        return self.flag("metrics") or self.flag("instrument")
