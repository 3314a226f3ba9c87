"""Strings: as they were written, else in quotes that the language reads."""

from __future__ import annotations

import json

from ...rego.text import quoted


def spelled(value: str) -> str:
    """A string in quotes: Go's way, as OPA has it, unless that has escapes that Rego does not know."""
    return quoted(value) if is_go_spelling(value) else json.dumps(value, ensure_ascii=False)


def is_go_spelling(value: str) -> bool:
    """Whether Rego reads a string that Go put in quotes."""
    made = quoted(value)
    return "\\" not in made or spells(made, value)


def spells(text: str, value: str) -> bool:
    """Whether a text is one string, and has this value."""
    if text.startswith("`"):
        return text[1:-1] == value
    try:
        return bool(json.loads(text, strict=False) == value)
    except ValueError:
        return False


def as_written(text: str, value: str) -> str:
    """A string with its place's text, which is that of a step that was no string, or of more that ends with it."""
    if text.startswith("`"):
        return text
    last = text[-1:]
    if last in ('"', "`"):
        before, found, after = text.partition(last)
        # what stands in a branch without braces counts as standing where the whole branch does
        if found and (not before or spells(last + after, value)):
            return last + after
    return spelled(value)
