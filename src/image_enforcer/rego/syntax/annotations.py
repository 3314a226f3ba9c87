"""``# METADATA`` blocks: YAML in comments, tied to the statement that follows."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable
from itertools import takewhile
from typing import Final

from ..errors import PARSE_ERROR, Problem
from ..places import Location
from ..records import replace
from .lexer import CommentToken, Source
from .nodes import Annotations, Import, Module, Package, Ref, Rule, Scalar, Term
from .printer import term_text
from .shapes import is_ground

MAX_BLOCKS: Final = 200_000
"""How many blocks the rules of a module may have, each counted as often as a rule has it."""
_BAD_SCOPE: Final = "invalid annotation scope '{}'. Use one of 'rule', 'document', 'package', or 'subpackages'"


def parse_blocks(source: Source, comments: list[CommentToken]) -> tuple[list[Annotations], list[Problem]]:
    """Every block of a text, and what is wrong with the others."""
    found: list[Annotations] = []
    problems: list[Problem] = []
    if not any("METADATA" in c.text for c in comments):
        return found, problems
    from .metadata import BadBlock, parse_block  # brings YAML along, which most policies do without

    places = [source.location(c.start, c.end) for c in comments]
    i = 0
    while i < len(comments):
        if not _opens(comments[i], places[i]):
            i += 1
            continue
        first = i
        i += 1
        while (
            i < len(comments)
            and places[i].col == 1
            and places[i].row == places[i - 1].row + 1
            and not _opens(comments[i], places[i])
        ):
            i += 1
        block = comments[first + 1 : i]
        try:
            found.append(parse_block(block, places[first].showing(places[first].begin, places[i - 1].end)))
        except BadBlock as e:
            place = places[first]
            if e.line is not None and block:
                place = places[first + 1 + min(e.line, len(block) - 1)]
            line, index = source.line_at(place.offset)
            problems.append(Problem(PARSE_ERROR, str(e), place, line, index))
    return found, problems


def _opens(comment: CommentToken, place: Location) -> bool:
    return place.col == 1 and comment.text.strip().startswith("METADATA")


# --- what the blocks apply to --------------------------------------------------------------------


def attach(module: Module, blocks: list[Annotations]) -> tuple[Module, list[Problem]]:
    """Tie each block to the statement behind it, with its scope; the faults of blocks that fit nowhere."""
    if not blocks:
        return module, []
    problems: list[Problem] = []
    settled: list[Annotations] = []
    statements: list[tuple[int, int, Package | Import | Rule]] = [(module.package.loc.row, -1, module.package)]
    statements += [(i.loc.row, -1, i) for i in module.imports]
    statements += [(r.loc.row, n, r) for n, r in enumerate(module.rules)]
    statements.sort(key=lambda s: s[0])
    rows = [row for row, _, _ in statements]
    for block in blocks:
        at = bisect_right(rows, block.loc.row)
        _, number, target = statements[at] if at < len(statements) else (0, -1, None)
        done, faults = _tied(module, block, number, target)
        settled.append(done)
        problems += faults
    rules = None if problems else _with_blocks(module.rules, settled, module.package.names)
    if rules is None:
        return module, problems or [Problem(PARSE_ERROR, "too many annotations for so many rules", blocks[0].loc)]
    return replace(module, rules=rules, annotations=tuple(settled)), []


def _tied(
    module: Module, block: Annotations, number: int, target: Package | Import | Rule | None
) -> tuple[Annotations, list[Problem]]:
    scope, path, have = block.scope, block.path, ""
    match target:
        case Package():
            scope, path, have = scope or "package", module.package.names, "package"
        case Import():
            scope, have = scope or "import", "import"
        case Rule():
            scope = scope or ("document" if block.entrypoint else "rule")
            path, have = (*module.package.names, *rule_path(target)), "rule"
    problems: list[Problem] = []
    wanted = {"rule": "rule", "document": "rule", "package": "package", "subpackages": "package"}.get(scope)
    if wanted is None:
        problems.append(Problem(PARSE_ERROR, _BAD_SCOPE.format(scope), block.loc))
    elif wanted != have:
        note = f" (have {have})" if have else ""
        problems.append(
            Problem(PARSE_ERROR, f"annotation scope '{scope}' must be applied to {wanted}{note}", block.loc)
        )
    if block.entrypoint and scope not in ("document", "package"):
        problems.append(
            Problem(PARSE_ERROR, f"annotation entrypoint applied to non-document or package scope '{scope}'", block.loc)
        )
    return replace(block, scope=scope, path=path, rule=number if number >= 0 else None), problems


def rule_path(rule: Rule) -> tuple[str, ...]:
    """The steps of a rule's reference up to the first that is not known before it is evaluated, as texts."""
    return _steps(rule, lambda term: is_ground(term) and not isinstance(term, Ref))


def constant_path(rule: Rule) -> tuple[str, ...]:
    """The steps up to the first that is no plain constant: the others are variables by the time that policies look."""
    return _steps(rule, lambda term: isinstance(term, Scalar))


def _steps(rule: Rule, is_known: Callable[[Term], bool]) -> tuple[str, ...]:
    known = takewhile(is_known, rule.head.ref.terms[1:])
    return (rule.head.name, *(_step(term) for term in known))


def _step(term: Term) -> str:
    return term.value if isinstance(term, Scalar) and isinstance(term.value, str) else term_text(term)


def _with_blocks(
    rules: tuple[Rule, ...], blocks: list[Annotations], package: tuple[str, ...]
) -> tuple[Rule, ...] | None:
    """The rules, each with the blocks of its document, and those of rules at its path that no earlier rule claimed.

    Each rule claims the last of these. None where that would be more than :data:`MAX_BLOCKS` in all.
    """
    left = MAX_BLOCKS
    documents: dict[tuple[str, ...], list[int]] = {}
    above: dict[tuple[str, ...], list[int]] = {}
    for i, block in enumerate(blocks):
        if block.scope in ("document", "rule"):
            (documents if block.scope == "document" else above).setdefault(block.path, []).append(i)
    pending: dict[tuple[str, ...], list[int]] = {}
    seen: dict[tuple[str, ...], int] = {}
    out: list[Rule] = []
    for rule in rules:
        path = (*package, *rule_path(rule))
        if path not in documents and path not in above:
            out.append(rule)
            continue
        mine, waiting = above.get(path, []), pending.setdefault(path, [])
        at = seen.get(path, 0)
        while at < len(mine) and blocks[mine[at]].loc.row < rule.loc.row:
            insort(waiting, mine[at])
            at += 1
        seen[path] = at
        numbers = sorted([*documents.get(path, ()), *waiting])
        left -= len(numbers)
        if left < 0:
            return None
        out.append(replace(rule, annotations=tuple(blocks[i] for i in numbers)))
        if waiting:
            waiting.pop()
    return tuple(out)
