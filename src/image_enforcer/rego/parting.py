"""Texts in pieces, as OPA's rule index takes ``glob.match`` apart: patterns and texts at the same delimiters.

Delimiters are one text, of which each character parts. A backslash takes that away from what follows it; bytes are gone
through, not characters.
"""

from __future__ import annotations


def parted(text: str, delimiters: str) -> list[str]:
    """The pieces of a text."""
    raw = text.encode("utf-8", "surrogatepass")
    found: list[bytes] = []
    last, escaped = 0, False
    for at, byte in enumerate(raw):
        if escaped or byte == 0x5C:
            escaped = not escaped
        elif chr(byte) in delimiters:
            found.append(raw[last:at])
            last = at + 1
    return [piece.decode("utf-8", "surrogateescape") for piece in (*found, raw[last:])]


def segments(pattern: str, delimiters: str) -> list[str | None] | None:
    """The pieces of a pattern, None for ``*``, which stands for any; None instead where a piece is a pattern itself."""
    made: list[str | None] = []
    for piece in parted(pattern, delimiters):
        if piece == "*":
            made.append(None)
            continue
        escaped = False
        for letter in piece:
            if letter == "\\":
                escaped = not escaped
                continue
            if not escaped and letter in "[?{*":
                return None
            escaped = False
        made.append(piece)
    return made
