"""How far a sink has come, and what about that is in doubt, as both are noted in the store and in the sink itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a sink has come, in which store, with the documents in which places."""

    layout: str = ""
    epoch: str = ""
    revision: int = 0
    began: int = 0
    stamp: str = ""

    def same(self, other: Position) -> bool:
        """Whether revisions of both compare."""
        return (self.layout, self.epoch) == (other.layout, other.epoch)

    def earlier(self, other: Position) -> Position:
        """The one that less was sent before; the beginning where they do not compare."""
        return min(self, other, key=lambda p: p.revision) if self.same(other) else Position()


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """What was sent from ``since`` on may arrive late, until a time in seconds since 1970; 0 where the sink was not
    brought up since."""

    since: Position
    until: float = 0.0


def read_document(text: str | bytes | None) -> dict[str, Any]:
    """A document that somebody keeps for us; an empty one where it is none of ours."""
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def read_position(noted: Any) -> Position | None:
    """The position in a document from somewhere else; None where it is none."""
    try:
        return msgspec.convert(noted, Position)
    except msgspec.ValidationError:
        return None


def read_doubt(noted: Any) -> Doubt | None:
    """A doubt that was noted; None where there is none."""
    try:
        return msgspec.convert(noted, Doubt)
    except msgspec.ValidationError:
        return None
