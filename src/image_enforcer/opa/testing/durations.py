"""Lengths of time as Go writes them."""

from __future__ import annotations

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
