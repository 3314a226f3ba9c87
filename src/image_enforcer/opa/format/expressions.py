"""Expressions and bodies: calls and operators, declarations, negation, ``every``, and ``with`` behind them."""

from __future__ import annotations

from ...rego.syntax.nodes import (
    Body,
    Call,
    CallExpr,
    Every,
    Expr,
    LogicalAnd,
    LogicalOr,
    Not,
    SomeDecl,
    TermExpr,
    With,
)
from .lists import write_braced
from .logical import leading_expr, write_logical
from .operators import (
    SIGNS,
    begins_with_brace,
    is_logical,
    is_membership,
    is_union_expr,
    member_operands,
    needs_parens_as_operand,
    needs_parens_behind_not,
    negative_lead,
    takes_in_a_sign,
)
from .page import INDENT, Crowded, Page
from .places import place_of, term_place, terms_end_row
from .remarks import Remarks
from .style import operator_name
from .terms import write_function, write_membership, write_term, wrong_arity


def write_body(page: Page, body: Body, remarks: Remarks) -> Remarks:
    """The expressions of a body in a line each; empty lines between them are kept."""
    remarks = page.insert(remarks, place_of(body[0].loc).row)
    end_row = 0
    for i, expr in enumerate(body):
        place = place_of(expr.loc)
        if i and place.row > end_row + 1:
            page.blank_line()
        if i and takes_in_a_sign(body[i - 1]):
            _group_negative(page, expr)
        end_row = place.end_row
        page.start_line()
        try:
            remarks = write_expr(page, expr, remarks)
        except Crowded as crowded:
            remarks = crowded.rest
        page.end_line()
    return remarks


def _group_negative(page: Page, expr: Expr) -> None:
    """Put in parentheses what would begin a line with a sign: that line would be a part of the one before."""
    first = leading_expr(expr)
    lead = None if first is None else negative_lead(first)
    if lead is not None:
        page.grouped_term = lead


def write_expr(page: Page, expr: Expr, remarks: Remarks) -> Remarks:
    """An expression with its modifiers."""
    grouped = page.grouped_expr is expr
    if grouped:
        page.grouped_expr = None
    remarks = page.insert(remarks, place_of(expr.loc).row)
    if not page.in_line:
        page.start_line()
    negated = expr.negated
    # not binds tighter than and and or, and in Rego v2 takes braces for those of a body
    inner = negated and (is_logical(expr) or (page.style.target.highest >= 2 and begins_with_brace(expr)))
    page.write("not " * negated + "(" * (inner + grouped))
    remarks = _write_terms(page, expr, remarks)
    page.write(")" * (inner + grouped))
    return _write_withs(page, expr, remarks) if expr.withs else remarks


def _write_terms(page: Page, expr: Expr, remarks: Remarks) -> Remarks:
    match expr.terms:
        case TermExpr(term):
            return write_term(page, term, remarks)
        case CallExpr():
            return _write_call(page, expr.terms, remarks)
    try:
        match expr.terms:
            case SomeDecl():
                return _write_some(page, expr.terms, remarks)
            case Every():
                return _write_every(page, expr, expr.terms, remarks)
            case Not():
                return _write_not(page, expr, expr.terms, remarks)
            case LogicalAnd() | LogicalOr():
                return write_logical(page, expr, remarks)
    except Crowded as crowded:
        raise crowded.dropping() from None


def _write_call(page: Page, call: CallExpr, remarks: Remarks) -> Remarks:
    name = operator_name(call.operator)
    args = call.args
    if member_operands(name):
        return write_membership(page, call.operator, args, remarks, call.operator.loc)
    if name not in SIGNS:
        return write_function(page, call.operator, args, remarks)
    if len(args) not in (2, 3):
        page.fault(wrong_arity(call.operator, args, call.operator.loc))
        return write_function(page, call.operator, args, remarks)
    ordered = [*args[2:], *args[:2]]  # what receives the result comes first
    signs = ["", f" {SIGNS['eq']} ", f" {SIGNS[name]} "] if len(args) == 3 else ["", f" {SIGNS[name]} "]
    for i, (sign, arg) in enumerate(zip(signs, ordered, strict=True)):
        page.write(sign)
        parens = needs_parens_as_operand(arg, name, first=arg is args[0])
        try:
            remarks = write_term(page, arg, remarks, parens=parens)
        except Crowded as crowded:
            if i == 1 and len(args) == 2:
                raise
            raise crowded.dropping() from None
    return remarks


def _write_some(page: Page, decl: SomeDecl, remarks: Remarks) -> Remarks:
    row = place_of(decl.loc).row
    remarks = page.insert(remarks, row)
    page.write("some ")
    for i, symbol in enumerate(decl.symbols):
        if isinstance(symbol, Call):
            remarks = write_membership(page, symbol.operator, symbol.args, remarks, decl.loc)
            continue
        at = term_place(symbol).row
        if at > row:
            page.end_line()
            page.start_line()
            page.write(INDENT)
            row = at
        elif i:
            page.write(" ")
        remarks = write_term(page, symbol, remarks)
        if i < len(decl.symbols) - 1:
            page.write(",")
    return remarks


def _write_every(page: Page, expr: Expr, every: Every, remarks: Remarks) -> Remarks:
    place = place_of(expr.loc)
    remarks = page.insert(remarks, place.row)
    page.write("every ")
    if every.key is not None:
        remarks = write_term(page, every.key, remarks)
        page.write(", ")
    remarks = write_term(page, every.value, remarks)
    page.write(" in ")
    remarks = write_term(page, every.domain, remarks, parens=is_membership(every.domain))
    page.write(" {")
    try:
        remarks = write_braced(page, every.body, place, place, "{}", remarks)
    except Crowded as crowded:
        remarks = crowded.rest
    if len(every.body) == 1 and every.body[0].loc.row == every.loc.row:
        page.write(" ")
    page.write("}")
    return remarks


def _write_not(page: Page, expr: Expr, negation: Not, remarks: Remarks) -> Remarks:
    place = place_of(expr.loc)
    remarks = page.insert(remarks, place.row)
    page.write("not ")
    body = negation.body
    if negation.explicit or len(body) > 1:
        if is_union_expr(body[0]):
            page.grouped_expr = body[0]
        page.write("{")
        try:
            remarks = write_braced(page, body, place, place, "{}", remarks)
        except Crowded as crowded:
            remarks = crowded.rest
        page.write(" }" if body[-1].loc.row == place.row else "}")
        return remarks
    grouped = needs_parens_behind_not(body[0])
    page.write("(" * grouped)
    try:
        remarks = write_expr(page, body[0], remarks)
    except Crowded as crowded:
        remarks = crowded.rest
    page.write(")" * grouped)
    return remarks


def _write_withs(page: Page, expr: Expr, remarks: Remarks) -> Remarks:
    """Modifiers keep their lines, further in behind the first break."""
    withs = expr.withs
    row = terms_end_row(place_of(expr.loc), expr)
    if withs[0].loc.row == row:
        remarks = _write_with(page, withs[0], remarks)
        row, withs = withs[0].loc.row, withs[1:]
    further_in = False
    try:
        for item in withs:
            broken = item.loc.row > row
            if broken:
                if not further_in:
                    page.up()
                    further_in = True
                page.end_line()
                page.start_line()
                row = item.loc.row
            remarks = _write_with(page, item, remarks, broken=broken)
    finally:
        page.level -= further_in
    return remarks


def _write_with(page: Page, item: With, remarks: Remarks, *, broken: bool = False) -> Remarks:
    try:
        remarks = page.insert(remarks, item.loc.row)
        page.write("with " if broken else " with ")
        remarks = write_term(page, item.target, remarks)
    except Crowded as crowded:
        raise crowded.dropping() from None
    page.write(" as ")
    try:
        return write_term(page, item.value, remarks)
    except Crowded as crowded:
        return crowded.rest  # it is written as it was
