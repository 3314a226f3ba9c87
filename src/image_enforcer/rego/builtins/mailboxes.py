"""E-mail addresses as Go's reader of certificates takes them apart (RFC 2821)."""

from __future__ import annotations

from typing import Final

_QUOTED_TEXT: Final = frozenset({11, 12, 32, 33, 127, *range(1, 9), *range(14, 32), *range(35, 92), *range(93, 127)})
_ATOM: Final = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-/=?^_`{|}~.")


def mailbox(text: str) -> tuple[str, str] | None:
    """The parts of an e-mail address before and after ``@``, None where it is none (RFC 2821)."""
    found = _quoted_local(text) if text.startswith('"') else _atom_local(text)
    if found is None:
        return None
    local, rest = found
    if not rest.startswith("@"):
        return None
    domain = rest[1:]
    labels = domain.split(".") if domain else []
    if any(not label or any(not 33 <= ord(c) <= 126 for c in label) for label in labels):
        return None
    return local, domain


def _quoted_local(text: str) -> tuple[str, str] | None:
    local: list[str] = []
    at = 1
    while at < len(text):
        c = text[at]
        at += 1
        if c == '"':
            return "".join(local), text[at:]
        if c == "\\":
            if at == len(text) or not (
                1 <= ord(text[at]) <= 9 or ord(text[at]) in (11, 12) or 14 <= ord(text[at]) <= 127
            ):
                return None
            local.append(text[at])
            at += 1
        elif ord(c) in _QUOTED_TEXT:
            local.append(c)
        else:
            return None
    return None


def _atom_local(text: str) -> tuple[str, str] | None:
    local: list[str] = []
    at = 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
            if at == len(text):
                return None
        elif text[at] not in _ATOM:
            break
        local.append(text[at])
        at += 1
    name = "".join(local)
    if not name or name.startswith(".") or name.endswith(".") or ".." in name:
        return None
    return name, text[at:]
