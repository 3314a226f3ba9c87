"""Comments moved out of what they stand in the middle of, into lines of their own above it.

Some comments have no place in a layout: those that would share a line, or that follow an operator. A policy whose
comments have moved means the same, and has a layout.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from itertools import pairwise

from ...rego.syntax.nodes import Comment, Expr, Module
from .style import parts


class Reach(IntEnum):
    """Which comments move."""

    NONE = 0
    ODD = 1
    """Those that stand neither at the end of an entry or expression, nor in front of one."""
    HEADS = 2
    """And all within heads."""
    EXPRESSIONS = 3
    """And all within expressions."""
    STATEMENTS = 4
    """And all within rules and imports, and behind rules."""


class _Kind(Enum):
    STATEMENT = 0
    HEAD = 1
    EXPRESSION = 2
    GAP = 3
    """What is between two expressions of a body."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of the text; of a statement, also which comments in it move."""

    begin: int
    end: int
    kind: _Kind = _Kind.STATEMENT
    reach: Reach = Reach.NONE


def with_own_comments(module: Module) -> Iterator[tuple[int, str]]:
    """The rules that comments stand in or behind, by number, each as a module of its own."""
    text = module.text
    begins = [comment.loc.begin for comment in sorted(module.comments, key=lambda comment: comment.loc.begin)]
    head = "\n".join(text[s.begin : s.end] for s in _preamble(module, Reach.NONE))
    for number, rule in enumerate(module.rules):
        begin, end = rule.loc.begin, _line_end(text, rule.loc.end)
        if bisect_left(begins, begin) < bisect_left(begins, end):
            yield number, f"{head}\n\n{text[begin:end]}\n"


def moved(module: Module, reaches: Sequence[Reach], preamble: Reach) -> str | None:
    """A module's text with comments moved, for each rule as its reach says; None where none moves."""
    text = module.text
    comments = sorted(module.comments, key=lambda comment: comment.loc.begin)
    changes: list[tuple[int, int, str]] = []
    settled = _beside_entries(text, comments)
    stretches = [*_preamble(module, preamble), *_stretches(module, reaches)]
    for comment, around, beside in zip(comments, _around(stretches, comments), settled, strict=True):
        above = _destination(text, around, beside)
        if above is None or comment.text.strip().startswith("METADATA"):
            continue  # the latter would become an annotation
        at, broken = above
        changes.append((at, at, "\n" * broken + f"#{comment.text.rstrip()}\n"))
        changes.append((*_extent(text, comment), ""))
    return _changed(text, changes) if changes else None


def _changed(text: str, changes: list[tuple[int, int, str]]) -> str:
    pieces: list[str] = []
    at = 0
    for begin, end, made in sorted(changes, key=lambda change: change[:2]):
        pieces += (text[at:begin], made)
        at = end
    return "".join(pieces) + text[at:]


def _extent(text: str, comment: Comment) -> tuple[int, int]:
    """What goes with a comment: its line where that holds nothing else, else the space in front of it."""
    begin, end = comment.loc.begin, comment.loc.end
    line = text.rfind("\n", 0, begin) + 1
    if text[line:begin].strip():
        return len(text[:begin].rstrip(" \t")), end
    return line, min(_line_end(text, end) + 1, len(text))


# --- which ones move, and where to ---------------------------------------------------------------


def _destination(text: str, around: list[_Stretch], beside: bool) -> tuple[int, bool] | None:
    """Where a line for a comment is to begin, and whether one has to be ended there; None where the comment stays."""
    reach = around[0].reach if around else Reach.NONE
    if reach == Reach.NONE:
        return None
    expressions = [s for s in around if s.kind is _Kind.EXPRESSION]
    reached = reach == Reach.STATEMENTS or (reach == Reach.EXPRESSIONS and bool(expressions))
    in_head = reach >= Reach.HEADS and any(s.kind is _Kind.HEAD for s in around)
    if not (reached or in_head) and (beside or around[-1].kind is _Kind.GAP):
        return None
    if reach <= Reach.HEADS:
        expressions.reverse()
    for stretch in () if reach == Reach.STATEMENTS else expressions:
        line = text.rfind("\n", 0, stretch.begin) + 1
        if not text[line : stretch.begin].strip():
            return line, False
    return _above_statement(text, around[0].begin)


def _above_statement(text: str, begin: int) -> tuple[int, bool]:
    """The line of a statement, or the first of the comments above it where these are its annotation."""
    line = text.rfind("\n", 0, begin) + 1
    if text[line:begin].strip():
        return begin, True
    first, annotated = line, False
    while first > 0 and not annotated:
        above = text.rfind("\n", 0, first - 1) + 1
        if not text[above:first].startswith("#"):
            return line, False
        annotated = text[above + 1 : first].strip().startswith("METADATA")
        first = above
    return (first if annotated else line), False


def _around(stretches: list[_Stretch], comments: list[Comment]) -> Iterator[list[_Stretch]]:
    """For each comment, the stretches that it stands in, the innermost last."""
    waiting = sorted(stretches, key=lambda s: (-s.begin, s.end, -s.kind.value))
    inside: list[_Stretch] = []
    for comment in comments:
        at = comment.loc.begin
        while waiting and waiting[-1].begin <= at:
            inside.append(waiting.pop())
        inside = [s for s in inside if s.end > at]
        yield inside


def _preamble(module: Module, reach: Reach) -> Iterator[_Stretch]:
    yield _Stretch(module.package.loc.begin, module.package.path.loc.end, reach=reach)
    for item in module.imports:
        yield _Stretch(item.loc.begin, max(item.path.loc.end, item.alias_loc.end), reach=reach)


def _stretches(module: Module, reaches: Sequence[Reach]) -> Iterator[_Stretch]:
    for rule, reach in zip(module.rules, reaches, strict=True):
        end = rule.loc.end
        yield _Stretch(rule.loc.begin, _line_end(module.text, end) if reach == Reach.STATEMENTS else end, reach=reach)
        yield _Stretch(rule.head.loc.begin, rule.head.loc.end, _Kind.HEAD)
    for node in parts(module.rules):
        if isinstance(node, Expr):
            yield _Stretch(node.loc.begin, node.loc.end, _Kind.EXPRESSION)
        body = getattr(node, "body", ())
        for before, after in pairwise(body):
            yield _Stretch(before.loc.end, after.loc.begin, _Kind.GAP)


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _beside_entries(text: str, comments: list[Comment]) -> list[bool]:
    """Whether each comment stands where an entry ends or begins: beside a bracket or a comma, or above an ``else``."""
    found: list[bool] = []
    behind: list[str] = []
    last, end = "", 0
    for comment in comments:
        last = text[end : comment.loc.begin].rstrip()[-1:] or last
        behind.append(last)
        end = comment.loc.end
    following, begin = "", len(text)
    for comment, before in zip(reversed(comments), reversed(behind), strict=True):
        following = text[comment.loc.end : begin].lstrip() or following
        begin = comment.loc.begin
        found.append(before in ",;{[(" or following[:1] in ("}", "]", ")", ",") or following[:4] == "else")
    return found[::-1]
