"""What a registry's refusals stand for: from status and body to the port's errors."""

from __future__ import annotations

from typing import Final

import msgspec

from ...analysis import text
from ...analysis.challenges import BadChallenge, Challenge
from ...analysis.challenges import parse as parse_challenges
from ...ports.registry import (
    Forbidden,
    Lying,
    NotAuthorised,
    NotFound,
    RateLimited,
    RegistryError,
    Unreachable,
    Unsupported,
)
from .exchange import Answer, shown
from .hosts import Host
from .retry_after import seconds

_SHOWN: Final = 3
"""Errors of an answer that are worth showing."""


class _Error(msgspec.Struct, frozen=True):
    code: str = ""
    message: str | None = None


class _Errors(msgspec.Struct, frozen=True):
    errors: tuple[_Error, ...] = ()


def refusal(answer: Answer, host: Host) -> RegistryError:
    """The error that an answer stands for."""
    at = f"{shown(answer.url)} answers {answer.status}"
    said = _said(answer.body)
    told = f"{at}: {said}" if said else at
    match answer.status:
        case 401 | 403:
            return NotAuthorised(
                f"{told}; give credentials for {host.name} that may pull, or see that the name is right"
            )
        case 404 | 410:
            return NotFound(told)
        case 429 | 503 if answer.status == 429 or seconds(answer.headers) is not None:
            return RateLimited(told, seconds(answer.headers) or 0.0)
        case 408 | 425 | 500 | 502 | 503 | 504 | 507 | 520 | 521 | 522 | 523 | 524:
            return Unreachable(told)
        case 405 | 406 | 415 | 501:
            return Unsupported(told)
        case 300 | 301 | 302 | 303 | 307 | 308:
            return Lying(f"{told}, and does not say where to")
        case 451:
            return Forbidden(told)
        case _:
            return Lying(told)


def challenge(answer: Answer, host: Host) -> Challenge:
    """How a registry that answers 401 wants to be told who asks; raises a :class:`RegistryError`."""
    if not any(header.strip() for header in answer.challenges):
        raise refusal(answer, host)
    try:
        found = parse_challenges(answer.challenges)
    except BadChallenge as e:
        raise Lying(f"{shown(answer.url)} answers 401, and {e}") from None
    for wanted in found:
        for value in (wanted["realm"], wanted["service"], wanted["scope"]):
            if wanted.scheme == "bearer" and not (value.isascii() and value.isprintable()):
                raise Lying(f"{shown(answer.url)} answers 401 with a challenge that holds {text.name(value, 100)}")
    for scheme in ("bearer", "basic"):
        for wanted in found:
            if wanted.scheme == scheme and (scheme == "basic" or wanted["realm"]):
                return wanted
    raise Unsupported(f"{host.name} wants to be told who asks in a way that is not known here")


def _said(body: bytes) -> str:
    """What a registry says of its error, safe to show."""
    try:
        read = msgspec.json.decode(body, type=_Errors)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return ""
    return "; ".join(text.name(f"{e.code} {e.message or ''}".strip(), 200) for e in read.errors[:_SHOWN])
