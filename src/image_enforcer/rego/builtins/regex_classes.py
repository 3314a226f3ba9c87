"""Classes of characters by name, as Go's regular expressions know them, in RE2's words.

Go takes no account of case, ``_``, ``-`` and spaces in a name, knows Unicode's long names of general categories, and
counts what is not assigned among ``C``. It finds no script whose name has several words.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

import re2

POSIX: Final = frozenset({
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
})  # fmt: skip
"""The names between ``[:`` and ``:]``."""

_ALIASES: Final = {
    "Casedletter": "Lc", "Closepunctuation": "Pe", "Combiningmark": "M", "Connectorpunctuation": "Pc",
    "Control": "Cc", "Currencysymbol": "Sc", "Dashpunctuation": "Pd", "Decimalnumber": "Nd", "Enclosingmark": "Me",
    "Finalpunctuation": "Pf", "Format": "Cf", "Initialpunctuation": "Pi", "Letter": "L", "Letternumber": "Nl",
    "Lineseparator": "Zl", "Lowercaseletter": "Ll", "Mark": "M", "Mathsymbol": "Sm", "Modifierletter": "Lm",
    "Modifiersymbol": "Sk", "Nonspacingmark": "Mn", "Number": "N", "Openpunctuation": "Ps", "Other": "C",
    "Otherletter": "Lo", "Othernumber": "No", "Otherpunctuation": "Po", "Othersymbol": "So",
    "Paragraphseparator": "Zp", "Privateuse": "Co", "Punctuation": "P", "Separator": "Z", "Spaceseparator": "Zs",
    "Spacingmark": "Mc", "Surrogate": "Cs", "Symbol": "S", "Titlecaseletter": "Lt", "Unassigned": "Cn",
    "Uppercaseletter": "Lu", "Cntrl": "Cc", "Digit": "Nd", "Punct": "P",
}  # fmt: skip
_LATER: Final = ((0x2FFC, 0x2FFF), (0x31EF, 0x31EF), (0x2EBF0, 0x2EE5D))
"""Assigned since Unicode 15.1, whose tables RE2 has; Go's are those of 15.0."""
_ASSIGNED: Final = r"\pL\pM\pN\pP\pS\pZ\p{Cc}\p{Cf}\p{Co}\p{Cs}"
_UNCASED: Final = r"\p{Lm}\p{Lo}\pM\pN\pP\pS\pZ"
_PLAIN: Final = re.compile("[A-Z][a-z]*")


def inside(name: str, *, negated: bool) -> str | None:
    """What stands for a class within brackets, or for all that it has not; None where Go knows no such class."""
    name = _canonical(name)
    name = _ALIASES.get(name, name)
    match name:
        case "Ascii":
            return "[:^ascii:]" if negated else "[:ascii:]"
        case "Lc":
            return _UNCASED + r"\pC" + _unassigned() if negated else r"\p{Lu}\p{Ll}\p{Lt}"
        case "C":
            return r"\pL\pM\pN\pP\pS\pZ" if negated else r"\pC" + _unassigned()
        case "Cn" | "Assigned":
            return _ASSIGNED if negated == (name == "Cn") else _unassigned()
    return f"\\{'P' if negated else 'p'}{{{name}}}" if _known(name) else None


def _canonical(name: str) -> str:
    """A name as the tables have it, the first letter great and the others small; beyond ASCII nothing changes."""
    kept = re.sub("[_ -]", "", name)
    return _upper(kept[:1]) + re.sub("[A-Z]", lambda m: m.group().lower(), kept[1:])


def _upper(letter: str) -> str:
    return letter.upper() if letter.isascii() else letter


@cache
def _known(name: str) -> bool:
    if _PLAIN.fullmatch(name) is None:
        return False
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(f"\\p{{{name}}}", options)
    except re2.error:
        return False
    return True


@cache
def _unassigned() -> str:
    """What no character is assigned to, as ranges."""
    everything = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))
    ranges = [(ord(m.group()[0]), ord(m.group()[-1])) for m in re2.finditer(f"[^{_ASSIGNED}]+", everything)]
    return "".join(f"\\x{{{low:x}}}-\\x{{{high:x}}}" for low, high in (*ranges, *_LATER))
