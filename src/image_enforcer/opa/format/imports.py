"""Imports: those that the target needs or makes needless, in sorted groups, with the comments behind them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ...rego.syntax.keywords import FUTURE_V1, KEYWORDS_V0
from ...rego.syntax.nodes import Import, Ref, Scalar, Var
from ...rego.syntax.term_order import term_order
from .page import Page
from .places import place_of
from .remarks import NONE, Remarks
from .style import BOTH, V0, V1, Style, future_keyword, imports_all_keywords, imports_rego
from .terms import write_ref


@dataclass(frozen=True, slots=True)
class Line:
    """An import and the row it counts as standing in; ``added`` ones are not in the source."""

    item: Import
    row: int
    col: int = 1
    added: bool = False


def lines_of(imports: Iterable[Import], style: Style, *, drop: bool) -> list[Line]:
    """The imports that the result has. ``drop``: those that the target makes needless go."""
    found = [Line(i, place_of(i.loc).row, place_of(i.loc).col) for i in imports]
    if not _has_rego(found, "v2") and not (style.target == V1 and drop):
        if style.target == BOTH and not _has_rego(found, "v1"):
            found.append(_added(found, ("rego", "v1")))
    else:
        found = [line for line in found if not imports_rego(line.item, "v1")]
    by_rego = _has_rego(found, "v1", "v2")
    if style.target == V0 and not by_rego:
        for word in style.needed:
            found = _with_keyword(found, word)
        return found
    if drop or by_rego:
        found = [line for line in found if line.item.path.head != Var("future")]
    if not _has_rego(found, "v2"):
        for word in style.needed:
            if word in FUTURE_V1:
                found = _with_keyword(found, word)
    return found


def _has_rego(lines: Sequence[Line], *words: str) -> bool:
    return any(imports_rego(line.item, *words) for line in lines)


def _with_keyword(lines: list[Line], word: str) -> list[Line]:
    words = {future_keyword(line.item) for line in lines}
    if word in words or (word == "in" and "every" in words) or any(imports_all_keywords(i.item) for i in lines):
        return lines
    return [*lines, _added(lines, ("future", "keywords", word))]


def _added(lines: Sequence[Line], path: tuple[str, ...]) -> Line:
    """An import in the row behind the last one of its kind, or at the top."""
    kin = [line.row for line in lines if line.item.path.head == Var("future") or imports_rego(line.item, "v1")]
    head, *steps = path
    ref = Ref((Var(head), *(Scalar(step) for step in steps)))
    return Line(Import(ref), max(kin) + 1 if kin else 1, added=True)


def write_imports(page: Page, lines: Sequence[Line], remarks: Remarks) -> Remarks:
    """Groups of imports that stood in rows without a gap, each in order."""
    if not lines:
        return remarks
    owners: dict[int, Line] = {}
    for line in lines:
        owners.setdefault(line.row, line)
    behind = {remark.row: remark for remark in remarks if remark.row in owners}
    if behind:
        remarks = Remarks.of(remark for remark in remarks if remark.row not in owners)
    for group in _groups(lines):
        remarks = page.insert(remarks, group[0].row)
        for line in sorted(group, key=_order):
            page.start_line()
            _write(page, line.item)
            if line.row in behind and owners[line.row] is line:
                page.write(" " + behind[line.row].text)
            page.end_line()
        page.blank_line()
    return remarks


def _groups(lines: Sequence[Line]) -> list[list[Line]]:
    groups = [[lines[0]]]
    for line in lines[1:]:
        if line.row - groups[-1][-1].row > 1:
            groups.append([])
        groups[-1].append(line)
    return groups


def _order(line: Line) -> tuple[object, ...]:
    return tuple(term_order(step) for step in line.item.path.terms), (line.item.alias or "").encode()


def _write(page: Page, item: Import) -> None:
    page.write("import ")
    style = page.style
    if future_keyword(item) and item.alias is None:
        page.style = replace(style, keywords=KEYWORDS_V0, keyword_steps=True)
    write_ref(page, item.path, NONE)
    page.style = style
    if item.alias:
        page.write(" as " + item.alias)
