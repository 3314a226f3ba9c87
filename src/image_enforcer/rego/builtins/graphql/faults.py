"""What is wrong with GraphQL text or a tree: messages with their places, put as OPA puts them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ...errors import BuiltinError


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text; ``source`` is the text's name, empty for what was given, ``None`` where a tree lacks it."""

    line: int
    column: int
    source: str | None = ""


NOWHERE: Final = Position(-1, -1)
"""The place of what was not read from text."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A message, with the places that it speaks of."""

    message: str
    places: tuple[Position, ...] = ()

    def __str__(self) -> str:
        source = ""
        for place in self.places:
            if place.source is None:
                raise BuiltinError("the tree has a position without its source")
            source = place.source or source
        where = f":{self.places[0].line}:{self.places[0].column}" if self.places else ""
        return f"{source or 'input'}{where}: {self.message}"


class GraphqlFault(Exception):
    """Text that is no GraphQL, or a schema that is not valid."""

    def __init__(self, message: str, place: Position | None) -> None:
        self.fault = Fault(message, (place or NOWHERE,))
        super().__init__(self.fault)

    def __str__(self) -> str:
        return str(self.fault)


def joined(faults: Iterable[Fault]) -> str:
    """Every fault on a line of its own."""
    return "".join([f"{fault}\n" for fault in faults])


_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_MOST: Final = (1 << 64) - 1


def as_opa_says(text: str) -> str:
    """The text of a fault, or of several, as OPA passes it on: the first place at its end."""
    parts = text.split(":", 3)
    if len(parts) == 4 and all(_NUMBER.fullmatch(p) and int(p) <= _MOST for p in parts[1:3]):
        message = parts[3].lstrip(" ").removesuffix(".\n")
        return f"{message} in GraphQL string at location {int(parts[1])}:{int(parts[2])}"
    return f"GraphQL parse error: {text}"
