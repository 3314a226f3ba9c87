"""Comments moved out of what they stand in the middle of, into lines of their own above it.

Some comments have no place in a layout: those that would share a line, or that follow an operator. A policy whose
comments have moved means the same, and has a layout.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

from ...rego.syntax.nodes import Comment, Expr, Module
from .style import parts


class Reach(IntEnum):
    """Which comments move."""

    ODD = 1
    """Those that stand neither at the end of an entry or expression, nor in front of one."""
    EXPRESSIONS = 2
    """And all within expressions."""
    STATEMENTS = 3
    """And all within rules and imports, and behind rules."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of the text: a statement, an expression in it, or what is between two expressions of a body."""

    begin: int
    end: int
    is_statement: bool = False
    is_gap: bool = False


def moved(module: Module, reach: Reach) -> str | None:
    """A module's text with its comments moved; None where none moves."""
    text = module.text
    comments = sorted(module.comments, key=lambda comment: comment.loc.begin)
    changes: list[tuple[int, int, str]] = []
    settled = _beside_entries(text, comments)
    for comment, around, beside in zip(comments, _around(module, comments, reach), settled, strict=True):
        above = _destination(text, around, beside, reach)
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
    following = text.find("\n", end)
    return line, len(text) if following < 0 else following + 1


# --- which ones move, and where to ---------------------------------------------------------------


def _destination(text: str, around: list[_Stretch], beside: bool, reach: Reach) -> tuple[int, bool] | None:
    """Where a line for a comment is to begin, and whether one has to be ended there; None where the comment stays."""
    if not around:
        return None
    expressions = [s for s in around if not s.is_statement and not s.is_gap]
    odd = not beside and not around[-1].is_gap
    if not odd and (reach == Reach.ODD or (reach == Reach.EXPRESSIONS and not expressions)):
        return None
    if reach == Reach.ODD:
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


def _around(module: Module, comments: list[Comment], reach: Reach) -> Iterator[list[_Stretch]]:
    """For each comment, the stretches that it stands in, the innermost last."""
    waiting = sorted(_stretches(module, reach), key=lambda s: (-s.begin, s.end))
    inside: list[_Stretch] = []
    for comment in comments:
        at = comment.loc.begin
        while waiting and waiting[-1].begin <= at:
            inside.append(waiting.pop())
        inside = [s for s in inside if s.end > at]
        yield inside


def _stretches(module: Module, reach: Reach) -> Iterator[_Stretch]:
    yield _Stretch(module.package.loc.begin, module.package.path.loc.end, is_statement=True)
    for item in module.imports:
        yield _Stretch(item.loc.begin, max(item.path.loc.end, item.alias_loc.end), is_statement=True)
    for rule in module.rules:
        end = module.text.find("\n", rule.loc.end) if reach == Reach.STATEMENTS else rule.loc.end
        yield _Stretch(rule.loc.begin, len(module.text) if end < 0 else end, is_statement=True)
    for node in parts(module.rules):
        if isinstance(node, Expr):
            yield _Stretch(node.loc.begin, node.loc.end)
        body = getattr(node, "body", ())
        for before, after in pairwise(body):
            yield _Stretch(before.loc.end, after.loc.begin, is_gap=True)


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
