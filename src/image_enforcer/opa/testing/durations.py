"""Lengths of time as Go writes and reads them."""

from __future__ import annotations

from ...rego.builtins.time import parse_duration_ns
from ...rego.errors import BuiltinError
from .. import presentation


def duration(nanoseconds: int) -> str:
    """``1.25ms``, ``1m2.5s``, ``2h0m1s``."""
    minutes, rest = divmod(nanoseconds, 60 * 10**9)
    if not minutes:
        return presentation.duration(nanoseconds)
    hours, minutes = divmod(minutes, 60)
    shown = presentation.duration(rest) if rest >= 10**9 or not rest else _fraction(rest)
    return (f"{hours}h" if hours else "") + f"{minutes}m{shown}"


def _fraction(rest: int) -> str:
    return f"0.{rest:09d}".rstrip("0") + "s"


def seconds(text: str) -> float | None:
    """A length of time in seconds, such as ``500ms`` or ``1m30s``; None where the text is none, or below zero."""
    try:
        found = parse_duration_ns(text)
    except BuiltinError:
        return None
    return found / 1e9 if isinstance(found, int) and found >= 0 else None
