"""Comments that silence findings: ``# lint:ignore IL103 the prefix is checked elsewhere``.

Such a comment stands behind the line that it is about, or on lines of its own above it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ...rego import Location
from ...rego.syntax.nodes import Module

_IGNORE: Final = re.compile(r"\s*lint:ignore\b\s*(?P<codes>[A-Za-z0-9]+(?:\s*,\s*[A-Za-z0-9]+)*)?\s*(?P<reason>.*)")


@dataclass(frozen=True, slots=True)
class Ignored:
    """What one comment silences: codes in some rows of a file. ``reason`` says why."""

    codes: frozenset[str]
    rows: range
    reason: str
    location: Location


@dataclass(frozen=True, slots=True)
class Suppressions:
    """All such comments by file."""

    of: Mapping[str, tuple[Ignored, ...]]

    def silences(self, code: str, location: Location) -> bool:
        """Whether a finding is silenced."""
        return any(code in i.codes and location.row in i.rows for i in self.of.get(location.file, ()))

    def all(self) -> Iterator[Ignored]:
        """Every comment."""
        for found in self.of.values():
            yield from found


def suppressions(modules: Mapping[str, Module]) -> Suppressions:
    """Gather the comments of modules."""
    return Suppressions({name: tuple(_of(module)) for name, module in modules.items()})


def _of(module: Module) -> Iterator[Ignored]:
    commented = {c.loc.row for c in module.comments if _alone(c.loc)}
    for comment in module.comments:
        found = _IGNORE.match(comment.text)
        if found is None:
            continue
        codes = frozenset(re.findall(r"[A-Za-z0-9]+", (found["codes"] or "").upper()))
        row = comment.loc.row
        last = row
        if _alone(comment.loc):
            last = row + 1
            while last in commented:
                last += 1
        yield Ignored(codes, range(row, last + 1), found["reason"].strip(), comment.loc)


def _alone(location: Location) -> bool:
    """Whether nothing stands in front of a comment in its line."""
    source, begin = location.source, location.begin
    return not source[source.rfind("\n", 0, begin) + 1 : begin].strip()
