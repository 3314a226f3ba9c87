"""The policy engine: asked about an input, it answers; or says that it cannot, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from ..domain.errors import EnforcerError


class PolicyError(EnforcerError):
    """Root of what goes wrong with policies before any review is asked about."""


class UnusablePolicy(PolicyError):
    """Policies or data that cannot be loaded; the text lists what is wrong, a line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounted:
    """Documents by path that policies find beside the files', looked up elsewhere as they are asked for."""

    documents: Mapping[tuple[str, ...], Mapping[Any, Any]] = field(default_factory=dict)
    at_once: Callable[[], AbstractContextManager[None]] = nullcontext
    """One evaluation happens inside of this, so that all that it looks up is of one moment."""


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
class Unreadable:
    """A document that the policy looks up could not be read: the policy itself is sound."""

    text: str


@dataclass(frozen=True, slots=True)
class Exceeded:
    """The evaluation took more time, depth or memory than it may. ``time`` says that more time might have helped."""

    text: str
    time: bool = False


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The engine could not be asked."""

    text: str


Outcome: TypeAlias = Answered | Undefined | Failed | Unreadable | Exceeded | Unreachable


@dataclass(frozen=True, slots=True)
class Revision:
    """Which policy and which data an answer rests on."""

    policy: str
    data: str


class PolicyEngine(Protocol):
    """Never raises for anything that an input or a policy can cause. May be asked from several threads at once."""

    @property
    def blocking(self) -> bool:
        """Whether asking waits for something outside this process, however small the review."""

    def decide(self, document: Any, seconds: float | None = None) -> tuple[Outcome, Revision]:
        """The entry point's value for an input and what it rests on.

        ``seconds`` shortens the engine's own limit for this answer; it never lengthens it.
        """

    def revision(self) -> Revision:
        """What the next answer will rest on."""

    def reload(self) -> str:
        """Read policies and data again; empty when the new state is in force, else why the old one stays."""

    def ready(self) -> str:
        """Empty when the engine can be asked; else what is missing."""
