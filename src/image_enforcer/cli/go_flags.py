"""Options in the form of Go's flag package: one dash or two, and of one that is given twice, the last counts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

_TRUE: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "false", "FALSE", "False"})
"""What Go reads as a boolean (strconv.ParseBool)."""


def two_dashes(
    arguments: Sequence[str], names: Collection[str], many: Collection[str] = (), flags: Collection[str] = ()
) -> list[str]:
    """Arguments whose ``-name value`` and ``-name=value`` are ``--name=value``. ``names`` are those of all options.

    Of an option that takes one value, the last counts; those in ``many`` keep all. Those in ``flags`` take no value, or
    ``=true`` and ``=false``.
    """
    made: list[tuple[str, list[str]]] = []
    rest = iter(arguments)
    for word in rest:
        if word == "--":
            made.append(("", [word, *rest]))
            break
        name, equals, value = word.lstrip("-").partition("=")
        dashes = len(word) - len(word.lstrip("-"))
        if dashes not in (1, 2) or name not in names:
            made.append(("", [word]))
        elif name in flags:
            made.append((name, _flag(name, equals, value)))
        elif equals:
            made.append((name, [f"--{name}={value}"]))
        else:
            following = next(rest, None)
            made.append((name, [f"--{name}"] if following is None else [f"--{name}={following}"]))
    last = {name: i for i, (name, _) in enumerate(made)}
    return [w for i, (name, words) in enumerate(made) if not name or name in many or last[name] == i for w in words]


def _flag(name: str, equals: str, value: str) -> list[str]:
    if not equals or value in _TRUE:
        return [f"--{name}"]
    return [] if value in _FALSE else [f"--{name}={value}"]
