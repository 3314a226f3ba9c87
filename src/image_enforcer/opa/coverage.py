"""Which parts of policies evaluations came by, as OPA's coverage reports tell it.

An evaluation is gone through up to three times: as it is, and without the index of rules and without early exits. What
only the later ones came by gets their name as the reason why it was not covered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Final, TypeAlias

from ..rego import UNDEFINED, Host, Limits, Location, Policy, Snapshot, Value
from ..rego.check.visit import walk
from ..rego.syntax.nodes import Body, Expr, Import, Module, Rule, SomeDecl
from .explain import explain
from .explain.events import Event
from .explain.rules import Rules

INDEX_EXCLUDED: Final = "index_excluded"
EARLY_EXIT: Final = "early_exit"
KINDS: Final = (INDEX_EXCLUDED, EARLY_EXIT)
"""Why something was not looked at, by OPA's names."""


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """A stretch of a file: where it starts and where it ends, by row and column."""

    row: int
    col: int
    end_row: int
    end_col: int

    def contains(self, other: Range) -> bool:
        """Whether all of another stretch lies within this one."""
        starts = (self.row, self.col) <= (other.row, other.col)
        return starts and (self.end_row, self.end_col) >= (other.end_row, other.end_col)


Collected: TypeAlias = "tuple[dict[str, dict[str, set[Range]]], list[str]]"
"""What was come by, by kind and file, and what could not be gone through."""


@dataclass(slots=True)
class Heard:
    """Hears the events of evaluations, and keeps the places of the expressions and rules that they came by."""

    files: dict[str, set[Range]] = field(default_factory=dict)
    _last: Location | None = None

    def __call__(self, event: Event) -> None:
        """Hear an event."""
        node = event.node
        if event.op == "Eval" and isinstance(node, Expr):
            self._add(node.loc)
        elif event.op == "Exit" and isinstance(node, Rule):
            self._add(node.head.loc)

    def _add(self, location: Location) -> None:
        if location is not self._last and location.file:
            self.files.setdefault(location.file, set()).add(range_of(location))
        self._last = location

    def covers(self, file: str, other: Range) -> bool:
        """Whether a stretch lies within one that was come by."""
        found = self.files.get(file)
        return found is not None and (other in found or any(r.contains(other) for r in found))


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file: what was covered, and what was not with the kinds of reasons that are known."""

    covered: tuple[Range, ...]
    not_covered: Mapping[Range, tuple[str, ...]]

    @property
    def covered_lines(self) -> int:
        """How many rows have something covered."""
        return len(_rows(self.covered))

    @property
    def not_covered_lines(self) -> int:
        """How many rows have something that was not covered."""
        return len(_rows(self.not_covered))

    def json(self) -> dict[str, Any]:
        """As OPA's JSON."""
        shown: dict[str, Any] = {}
        if self.covered:
            shown["covered"] = [_json(r) for r in self.covered]
        if self.not_covered:
            shown["not_covered"] = [
                {**_json(r), "kinds": list(k)} if k else _json(r) for r, k in self.not_covered.items()
            ]
        share = percent(self.covered_lines, self.not_covered_lines)
        counts = {"covered_lines": self.covered_lines, "not_covered_lines": self.not_covered_lines, "coverage": share}
        return {**shown, **{k: v for k, v in counts.items() if v}}

    def lines_not_covered(self) -> list[tuple[int, int]]:
        """The rows with something that was not covered, as first and last of those that follow each other."""
        rows = sorted(_rows(self.not_covered))
        firsts = [b for a, b in pairwise([-1, *rows]) if b != a + 1]
        lasts = [a for a, b in pairwise([*rows, -1]) if b != a + 1]
        return list(zip(firsts, lasts, strict=True))


@dataclass(frozen=True, slots=True)
class Report:
    """All files by name."""

    files: Mapping[str, FileReport]

    @property
    def covered_lines(self) -> int:
        """Rows covered, of all files."""
        return sum(f.covered_lines for f in self.files.values())

    @property
    def not_covered_lines(self) -> int:
        """Rows not covered, of all files."""
        return sum(f.not_covered_lines for f in self.files.values())

    @property
    def coverage(self) -> float | int:
        """The share of the rows that was covered, in percent."""
        return percent(self.covered_lines, self.not_covered_lines)

    def json(self) -> dict[str, Any]:
        """As OPA's JSON."""
        return {
            "files": {name: self.files[name].json() for name in sorted(self.files)},
            "covered_lines": self.covered_lines,
            "not_covered_lines": self.not_covered_lines,
            "coverage": self.coverage,
        }


@dataclass(slots=True)
class Coverage:
    """Collects what any number of evaluations came by. ``cuts`` says of which not all could be gone through."""

    kinds: Sequence[str] = KINDS
    heard: Heard = field(default_factory=Heard)
    others: dict[str, Heard] = field(init=False)
    cuts: list[str] = field(default_factory=list)
    _rules: dict[str, Rules] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.others = {k: Heard() for k in self.kinds}

    def evaluate(
        self, policy: Policy, body: Body, *, package: tuple[str, ...] | None = None, imports: Sequence[Import] = (),
        given: Value = UNDEFINED, data: Snapshot | None = None, limits: Limits, host: Host,
        passes: Sequence[str] | None = None,
    ) -> None:  # fmt: skip
        """Go through a query. Its answer is asked for elsewhere, and faults in it are told there.

        ``passes`` are the kinds to look for, and the empty text for the way as it is; all where it is None. Raises
        :class:`CompileError` where the query cannot be compiled as OPA does it.
        """
        now = host.now_ns()
        host = replace(host, now_ns=lambda: now, print=None, note=None)
        for kind, heard in (("", self.heard), *self.others.items()):
            if passes is not None and kind not in passes:
                continue
            made = explain(
                policy, body, package=package, imports=imports, input_=given, data=data or Snapshot({}), limits=limits,
                host=host, heard=heard, keep=False, rules=self._rules_for(policy, kind),
            )  # fmt: skip
            if made.cut:
                self.cuts.append(f"{made.cut}{f' (pass for {kind})' if kind else ''}")

    def _rules_for(self, policy: Policy, kind: str) -> Rules:
        """The rules of a policy for one way of going through it, kept for the next query of the same policy."""
        rules = self._rules.get(kind)
        if rules is None or rules.checked is not policy.checked:
            rules = self._rules[kind] = Rules(policy.checked, kind != INDEX_EXCLUDED, kind != EARLY_EXIT)
        return rules

    def collected(self) -> Collected:
        """All that was come by so far, as plain data."""
        return {"": self.heard.files, **{kind: heard.files for kind, heard in self.others.items()}}, list(self.cuts)

    def add(self, collected: Collected) -> None:
        """Take what was collected elsewhere as well."""
        files, cuts = collected
        for kind, heard in (("", self.heard), *self.others.items()):
            for name, ranges in files[kind].items():
                heard.files.setdefault(name, set()).update(ranges)
        self.cuts.extend(cuts)

    def report(self, modules: Mapping[str, Module]) -> Report:
        """What was covered, and what of the modules was not; these as they were parsed."""
        files: dict[str, FileReport] = {}
        for name, found in self.heard.files.items():
            files[name] = FileReport(tuple(sorted(found)), {})
        for name, module in modules.items():
            covered = files[name].covered if name in files else ()
            left = {r for r in _ranges(module) if not self.heard.covers(module.package.loc.file or name, r)}
            files[name] = FileReport(covered, {r: self._why(name, r) for r in sorted(left)})
        return Report(files)

    def _why(self, name: str, left: Range) -> tuple[str, ...]:
        return tuple(kind for kind, heard in self.others.items() if heard.covers(name, left))


def range_of(location: Location) -> Range:
    """The stretch that a location shows."""
    text = location.text
    lines = text.count("\n")
    if not lines:
        return Range(location.row, location.col, location.row, location.col + len(text))
    return Range(location.row, location.col, location.row + lines, len(text) - text.rindex("\n"))


def percent(covered: int, left: int) -> float | int:
    """A share in percent; a whole number where it is one, as in OPA's JSON."""
    share = 100.0 * covered / (covered + left) if covered + left else 0
    return int(share) if share == int(share) else share


def _ranges(module: Module) -> set[Range]:
    """Where the rules' heads and the expressions of a module stand."""
    found: set[Range] = set()
    for node in walk(module.rules):
        match node:
            case Rule(head):
                found.add(range_of(head.loc))
            case Expr(terms) if not isinstance(terms, SomeDecl) and node.loc.file:
                found.add(range_of(node.loc))
    return found


def _rows(ranges: Iterable[Range]) -> set[int]:
    return {row for r in ranges for row in range(r.row, r.end_row + 1)}


def _json(shown: Range) -> dict[str, Any]:
    return {"start": _place(shown.row, shown.col), "end": _place(shown.end_row, shown.end_col)}


def _place(row: int, col: int) -> dict[str, Any]:
    return {"row": row, "col": col} if col else {"row": row}
