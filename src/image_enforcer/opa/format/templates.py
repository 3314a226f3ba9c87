"""Template strings: their text as it was, their expressions in the layout, with the comments in them."""

from __future__ import annotations

from ...rego.syntax.nodes import Expr, Scalar, TemplateString
from ...rego.text import term as constant_text
from .page import Page
from .places import place_of
from .remarks import Remarks
from .strings import spelled


def write_template(page: Page, term: TemplateString, remarks: Remarks) -> Remarks:
    """``$"text {expression}"``."""
    quote = "`" if term.multi_line else '"'
    page.write("$" + quote)
    for i, part in enumerate(term.parts):
        if isinstance(part, Expr):
            following = term.parts[i + 1] if i + 1 < len(term.parts) else None
            remarks = _write_expression(page, part, following, remarks)
        else:
            page.write(_literal(part, raw=term.multi_line))
    page.write(quote)
    return remarks


def _write_expression(page: Page, part: Expr, following: Scalar | Expr | None, remarks: Remarks) -> Remarks:
    page.write("{")
    page.up()
    if page.waiting is not None:
        page.end_line()
        page.start_line()
    else:
        before = remarks.split(place_of(part.loc).row)[0]
        if before:
            page.write(" ")
            page.in_line = True
            page.comments(before)
            remarks = remarks.without(len(before))
    remarks = page.layout.expr(page, part, remarks)
    if following is not None:
        before = remarks.split(place_of(following.loc).row)[0]
        if before:
            page.end_line()
            page.comments(before)
            remarks = remarks.without(len(before))
            page.start_line()
    page.write("}")
    page.down()
    return remarks


def _literal(part: Scalar, *, raw: bool) -> str:
    if not isinstance(part.value, str):
        return constant_text(part.value)
    if raw:
        return _escaped(part.value)
    return _escaped(spelled(part.value))[1:-1]


def _escaped(text: str) -> str:
    """Braces that open an expression are escaped, unless a backslash stands in front of them."""
    if text.count("{") == text.count("\\{"):
        return text
    return "".join("\\{" if c == "{" and text[i - 1 : i] != "\\" else c for i, c in enumerate(text))
