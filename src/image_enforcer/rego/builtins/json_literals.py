"""Numbers that JSON has no way to write, though ``to_number`` takes their text: ``+7``, ``.5``, ``007``, ``0x1p-2``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

from ..errors import BuiltinError
from ..json_text import key_text
from ..text import quoted
from ..values import Num, RegoSet, Value, unkey

_PLAIN: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_ODD: Final = re.compile(
    r"""(?:^|[\[,:\s"])(?:\+|-?\.|-?0[0-9xX_]|-?[0-9]+(?:\.(?![0-9])|[-+0-9.eE]*_))""",
)
"""What such a number looks like within JSON text; it may be part of a string as well."""


def check(value: Value, text: str) -> None:
    """Raise :class:`BuiltinError` where a value's JSON ``text`` has such a number, as a key first."""
    if _ODD.search(text) is not None:
        for odd in chain(_keys(value), _values(value)):
            raise BuiltinError(refusal(odd))


def refusal(odd: str) -> str:
    """Why such a number cannot be written."""
    return f"json: invalid number literal {quoted(odd)}"


def is_odd(value: Value) -> bool:
    """Whether a value is such a number."""
    return type(value) is Num and _PLAIN.fullmatch(value.text) is None


def _keys(value: Value) -> Iterator[str]:
    if type(value) is dict:
        for k, v in value.items():
            if type(k) is not str:
                yield from _values(unkey(k))
            yield from _keys(v)
    elif type(value) is list or type(value) is RegoSet:
        for item in value:
            yield from _keys(item)


def _values(value: Value) -> Iterator[str]:
    if is_odd(value):
        yield value.text
    elif type(value) is dict:
        for k in sorted(value, key=key_text):
            yield from _values(value[k])
    elif type(value) is list or type(value) is RegoSet:
        for item in value:
            yield from _values(item)
