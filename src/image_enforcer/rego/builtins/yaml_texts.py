"""Values as YAML text, as Go's library writes it after it has read them as JSON text.

What JSON leaves as it is may be something else to YAML: a number that no float holds is a string, a next-line
character in a string is a line break that is folded.
"""

from __future__ import annotations

import re
from datetime import datetime
from math import copysign
from typing import Final

from ..json_text import key_text, to_json
from ..meter import ENTRY, METER
from ..values import Num, RegoSet, Value, integer_text
from . import json_literals
from .byte_texts import as_utf8
from .float_texts import shortest
from .yaml_emitter import Emitter
from .yaml_keys import in_order
from .yaml_scalars import YamlError, resolve


def dump(value: Value) -> str:
    """A value as YAML text, keys in order; raises :class:`YamlError` for strings that YAML has no way to write."""
    emitter = Emitter()
    _write(emitter, value)
    return emitter.text()


def _write(emitter: Emitter, value: Value) -> None:
    match value:
        case list() | RegoSet():
            METER.spend(10 * len(value) + 10, (len(value) + 2) * ENTRY)
            with emitter.sequence(empty=not len(value)):
                for item in value:
                    emitter.item()
                    _write(emitter, item)
        case dict():
            METER.spend(20 * len(value) + 10, (len(value) + 2) * 3 * ENTRY)
            pairs = {_read_key(k if type(k) is str else _key(k)): v for k, v in value.items()}
            with emitter.mapping(empty=not value):
                for k in in_order(pairs):
                    simple = emitter.key(k)
                    emitter.scalar(k, stays_text(k), simple_key=simple)
                    emitter.colon(simple)
                    _write(emitter, pairs[k])
        case str():
            text = _read(value)
            emitter.scalar(text, stays_text(text))
        case _:
            emitter.scalar(_scalar(value), True)


def _key(key: Value) -> str:
    """The text of a key that is no string."""
    if json_literals.is_odd(key):
        raise YamlError(json_literals.refusal(key.text))
    return key_text(key)


def _scalar(value: Value) -> str:
    """The text of null, a boolean or a number."""
    if json_literals.is_odd(value):
        raise YamlError(f"error marshaling into JSON: {json_literals.refusal(value.text)}")
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value.text if isinstance(value, Num) else integer_text(value)
    found = resolve("", text)
    if not isinstance(found, float):
        return str(found)
    return ("-" if copysign(1, found) < 0 else "") + shortest(abs(found))


_UNREADABLE: Final = re.compile("[\x7f-\x84\x86-\x9f\ufffe\uffff]")
_FOLDED: Final = re.compile(" *\x85[ \x85]*")


def _read(text: str) -> str:
    """A string as YAML reads it where it stands in JSON text."""
    if text.isascii() and "\x7f" not in text:
        return text
    text = as_utf8(text)
    if _UNREADABLE.search(text):
        raise YamlError("yaml: control characters are not allowed")
    return _FOLDED.sub(lambda found: "\n" * (found.group().count("\x85") - 1) or " ", text)


def _read_key(text: str) -> str:
    """A key as YAML reads it there, where it may have neither line breaks nor more than 1024 characters."""
    place = "line 1: " if "\x85" in text else ""
    if place or (len(text) > _LONGEST_KEY // 6 and len(to_json(text)) > _LONGEST_KEY):
        raise YamlError(f"yaml: {place}did not find expected ',' or '}}'")
    return _read(text)


_LONGEST_KEY: Final = 1024
_SURELY_TEXT: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@ -]*")
_OLD_BOOLEANS: Final = frozenset(
    word for plain in ("y", "yes", "on", "n", "no", "off") for word in (plain, plain.title(), plain.upper())
)
_TIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:(?:[Tt](?=.*(?:Z|[-+]..:..)$)| (?!.*(?:Z|[-+]..:..)$))"
    r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})?)?"
)
_BASE60: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
"""Times, and numbers to base 60, are texts to whoever reads them here, but quoted for those to whom they are not."""


def stays_text(text: str) -> bool:
    """Whether a string is a string also without quotes, to all who read YAML."""
    if text in _OLD_BOOLEANS or type(resolve("", text)) is not str:
        return False
    return bool(_SURELY_TEXT.fullmatch(text)) or not (_BASE60.fullmatch(text) or _is_time(text))


def _is_time(text: str) -> bool:
    """Whether Go's YAML takes a text for a time, whose zone stands behind a ``T`` and never without one."""
    found = _TIME.fullmatch(text)
    if found is None:
        return False
    try:
        datetime(*(int(part) for part in found.groups(default="0")))  # type: ignore[arg-type]  # noqa: DTZ001 - a check
    except ValueError:
        return False
    return True
