"""A whole module: package, imports and rules in the order of their places, with the comments around them."""

from __future__ import annotations

from itertools import groupby

from ...rego.errors import CompileError, Problem
from ...rego.places import NO_LOCATION
from ...rego.syntax.nodes import Module, Package, Ref, Rule, Scalar, Var
from .expressions import write_body, write_expr
from .imports import Line, lines_of, write_imports
from .page import Layout, Misplaced, Page
from .places import place_of
from .remarks import NONE, Remarks, remark
from .rules import write_rules
from .style import Target, survey
from .terms import write_ref, write_term

FORMAT_ERROR = "rego_format_error"
_LAYOUT = Layout(term=write_term, expr=write_expr, body=write_body)


class Unwritable(Exception):
    """A module that has no layout; the message tells all that is wrong with it."""


def write_module(module: Module, target: Target, *, drop_imports: bool = False, keyword_steps: bool = True) -> str:
    """The text of a module; raises :class:`Unwritable` where it has none."""
    style = survey(module, target, keyword_steps=keyword_steps)
    page = Page(style, _LAYOUT)
    remarks = Remarks.of(map(remark, module.comments))
    lines = lines_of(module.imports, style, drop=drop_imports)
    others: list[Line | Rule] = sorted([*lines, *module.rules], key=_row_and_column)
    first_rule = min((r.loc.row for r in module.rules), default=None)
    added: list[Line] = []
    if first_rule is not None and any(line.added and line.row >= first_rule for line in lines):
        # an import behind a rule would have no effect
        added = [item for item in others if isinstance(item, Line) and item.added]
        others = [item for item in others if not (isinstance(item, Line) and item.added)]
    try:
        remarks = _write_package(page, module.package, remarks)
        remarks = write_imports(page, added, remarks)
        for imports, group in groupby(others, key=lambda item: isinstance(item, Line)):
            items = list(group)
            if imports:
                remarks = write_imports(page, [i for i in items if isinstance(i, Line)], remarks)
            else:
                remarks = write_rules(page, [i for i in items if isinstance(i, Rule)], remarks)
    except Misplaced as e:
        page.fault(Problem(FORMAT_ERROR, str(e), NO_LOCATION))
    _write_rest(page, remarks)
    if page.faults:
        raise Unwritable(str(CompileError(page.faults)))
    return page.text()


def _row_and_column(item: Line | Rule) -> tuple[int, int]:
    if isinstance(item, Line):
        return item.row, item.col
    place = place_of(item.loc)
    return place.row, place.col


def _write_package(page: Page, package: Package, remarks: Remarks) -> Remarks:
    remarks = page.insert(remarks, package.loc.row)
    page.start_line()
    first, *steps = package.path.path
    name = Var(str(first.value), first.loc) if isinstance(first, Scalar) else first
    page.write("package ")
    write_ref(page, Ref((name, *steps), package.path.loc), NONE)
    page.blank_line()
    return remarks


def _write_rest(page: Page, remarks: Remarks) -> None:
    rest = list(remarks)
    for item in rest:
        page.line(item.text)
    if rest:
        page.write("\n")
