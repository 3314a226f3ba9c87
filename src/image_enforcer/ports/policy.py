"""The policy engine: asked about an input, it answers; or says that it cannot, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Answered:
    """The value of the entry point, as plain JSON values."""

    value: Any


@dataclass(frozen=True, slots=True)
class Undefined:
    """The entry point has no value for the input, or there is none: ``text`` says which."""

    text: str
    no_policy: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """The evaluation ended in an error."""

    text: str


@dataclass(frozen=True, slots=True)
class Exceeded:
    """The evaluation took more time, depth or memory than it may."""

    text: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The engine could not be asked."""

    text: str


Outcome: TypeAlias = Answered | Undefined | Failed | Exceeded | Unreachable


@dataclass(frozen=True, slots=True)
class Revision:
    """Which policy and which data an answer rests on."""

    policy: str
    data: str


class PolicyEngine(Protocol):
    """Never raises for anything that an input or a policy can cause."""

    def decide(self, document: Any) -> Outcome:
        """The entry point's value for an input."""

    def revision(self) -> Revision:
        """What the next answer will rest on."""

    def ready(self) -> str:
        """Empty when the engine can be asked; else what is missing."""
