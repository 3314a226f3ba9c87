"""One line for every review that was answered: what was asked, what was answered, on which revisions, in what time.

The line is written before the answer is sent, so a process that is killed has logged every answer it gave. Secrets are
masked: the values of annotations whose names speak of one, and passwords in front of a host.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import re2

from ..domain.review import Decision, Review
from ..ports.policy import Revision
from ..rego.json_text import as_written
from .logs import Sink, timestamp

_SECRET_NAME: Final = re.compile(
    r"(?i)pass(?:word|wd)?|pwd|secret|token|credential|(?:api|access|private)[-_.]?key|auth"
)
_SECRET_VALUE: Final = re.compile(
    r"(?i)(://[^/@\s:]*:)[^/@\s]+(@)|\b(bearer |basic )\S+"
    # Without a scheme as well, but no tag in front of a digest.
    r"|(?<![^\s/'\"])([^/@\s:]+:)[^/@\s]+(@)(?!sha[0-9]{3}:)"
)
_SUSPICIOUS: Final = re2.compile(
    rb"(?i)\\|pass|pwd|secret|token|credential|auth|(?:api|access)[-_.]?key|private|://|bearer|basic"
    rb"|:[^/@\s]+@(?:[^s]|s[^h]|sh[^a]|sha[0-9]{0,2}[^0-9]|sha[0-9]{3}[^:])"
)
MASK: Final = "***"

_ENCODE: Final = msgspec.json.Encoder(enc_hook=as_written).encode
MAX_INPUT: Final = 64 << 10
"""Bytes of input beyond which a line holds the images only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a line says. Times are in seconds; ``review`` is None where the request was none.

    ``suspicious`` is :func:`may_hold_secrets` of the request.
    """

    path: str
    client: str
    review: Review | None
    decision: Decision
    revision: Revision
    evaluated: float
    total: float
    suspicious: bool = True


class DecisionLog:
    """Writes entries to a sink; ``new_id`` names each."""

    def __init__(self, sink: Sink | None, now: Callable[[], float], new_id: Callable[[], str]) -> None:
        """Without a sink nothing is written."""
        self._sink = sink
        self._now = now
        self._new_id = new_id

    def write(self, entry: Entry) -> None:
        """One line."""
        if self._sink is None:
            return
        decision, review = entry.decision, entry.review
        shown: Callable[[str], str] = _masked_text if entry.suspicious else str
        line: dict[str, Any] = {
            "time": timestamp(self._now()),
            "level": "info",
            "msg": "decision",
            "decision_id": self._new_id(),
            "path": entry.path,
            "requested_by": entry.client,
            "result": {"allowed": decision.allowed, "reason": shown(decision.reason)},
            "policy_revision": entry.revision.policy,
            "data_revision": entry.revision.data,
            "metrics": {"evaluation_us": round(entry.evaluated * 1e6), "total_us": round(entry.total * 1e6)},
        }
        if decision.cause is not None:
            line["cause"] = decision.cause.value
        if decision.audit:
            line["audit"] = {name: shown(mark) for name, mark in decision.audit}
        if review is not None:
            line["namespace"] = review.namespace
            if review.facts:
                line["facts_revision"] = review.facts
            line["images"] = [shown(use.image) for use in review.uses]
            text = _ENCODE(masked(review.document) if entry.suspicious else review.document)
            line["input"] = msgspec.Raw(text) if len(text) <= MAX_INPUT else f"left out: {len(text)} bytes"
        self._sink.write(_ENCODE(line) + b"\n")


def may_hold_secrets(body: bytes) -> bool:
    """Whether a JSON text may hold what :func:`masked` masks; with an escape in it, it may hold anything."""
    return not body.isascii() or _SUSPICIOUS.search(body) is not None


def masked(value: Any) -> Any:
    """A document without its secrets; the parts without any are the same objects."""
    if isinstance(value, str):
        return _masked_text(value)
    if isinstance(value, dict):
        return {
            k: MASK if isinstance(v, str) and isinstance(k, str) and _SECRET_NAME.search(k) else masked(v)
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [masked(v) for v in value]
    return value


def _masked_text(text: str) -> str:
    if "://" in text or " " in text or "@" in text:
        return _SECRET_VALUE.sub(lambda m: f"{m[1] or m[3] or m[4]}{MASK}{m[2] or m[5] or ''}", text)
    return text
