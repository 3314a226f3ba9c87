"""Reviews, as Kubernetes asks them, and decisions, as they are answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageUse:
    """One image of a review: the text as written, and its place in the review."""

    image: str
    place: str


class Cause(Enum):
    """Why something is decided without, or against, a policy's word."""

    BAD_REVIEW = "bad-review"
    UNAUTHENTICATED = "unauthenticated"
    OVERLOAD = "overload"
    NO_IMAGES = "no-images"
    UNPARSABLE = "unparsable-image"
    UNKNOWN = "unknown-image"
    NO_POLICY = "no-policy"
    POLICY_UNDEFINED = "policy-undefined"
    POLICY_ERROR = "policy-error"
    FACTS_UNREADABLE = "facts-unreadable"
    POLICY_LIMIT = "policy-limit"
    POLICY_UNREACHABLE = "policy-unreachable"
    POLICY_ANSWER = "policy-answer"
    INTERNAL = "internal-error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A review that cannot be judged: why, and what to do."""

    cause: Cause
    text: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.text}; {self.remedy} [{self.cause.value}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A review that can be judged. ``document`` is all that was sent, as the policy's input."""

    namespace: str
    uses: tuple[ImageUse, ...]
    document: dict[str, Any] = field(repr=False)
    unknown: Refusal | None = None
    """Why not everything is known of its images that has to be, where facts about images are gathered."""
    facts: str = ""
    """Which facts were added to the document; empty where none were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Allowed or not, and why. ``undecided`` says that it was the guard, not the policy, that said no."""

    allowed: bool
    reason: str = ""
    cause: Cause | None = None
    undecided: bool = False
    audit: tuple[tuple[str, str], ...] = ()
