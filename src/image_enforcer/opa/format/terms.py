"""Terms: constants as they were written, references, calls and operators, composites and comprehensions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ...rego.errors import TYPE_ERROR, Problem
from ...rego.places import Location
from ...rego.signatures import signature
from ...rego.syntax.nodes import (
    Array,
    ArrayComprehension,
    Body,
    Call,
    Object,
    ObjectComprehension,
    Ref,
    Scalar,
    Set,
    SetComprehension,
    TemplateString,
    Term,
    Var,
)
from ...rego.syntax.shapes import dotted, value_name
from ...rego.text import term as constant_text
from .lists import Item, members, pairs, write_braced, write_items
from .operators import EQUATIONS, SIGNS, has_parens_within, is_infix, is_union, member_operands
from .page import Crowded, Page
from .places import Place, closing_row, place_of, term_place
from .remarks import Remarks
from .strings import as_written, spelled
from .style import operator_name
from .templates import write_template

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def write_term(
    page: Page, term: Term, remarks: Remarks, place: Place | None = None, *, parens: bool = False
) -> Remarks:
    """A term; one whose comments have no lines of their own in its layout is written as it was.

    ``place`` is where it counts as standing, if not where it stands.
    """
    if not remarks:
        return write_bare(page, term, remarks, place, parens=parens)
    mark = page.mark()
    try:
        return write_bare(page, term, remarks, place, parens=parens)
    except Crowded as crowded:
        place = place or term_place(term)
        page.back_to(mark)
        if page.waiting is not None and place.row <= page.waiting.row <= place.end_row:
            page.waiting = None
        crowded.rest = page.as_it_was(place, remarks)
        raise


def write_bare(
    page: Page, term: Term, remarks: Remarks, place: Place | None = None, *, parens: bool = False
) -> Remarks:
    """A term in the layout, an operation in parentheses if these are wanted."""
    enclosed = False
    if page.grouped_term is term:
        page.grouped_term = None
        parens = is_infix(term)
        enclosed = not parens
    try:
        if remarks:
            remarks = page.insert(remarks, (place or term_place(term)).row)
        if not page.in_line:
            page.start_line()
        page.write("(" * enclosed)
        remarks = _write_anew(page, term, remarks, place, parens)
        page.write(")" * enclosed)
    except Crowded as crowded:
        raise crowded.dropping() from None
    if not page.in_line:
        page.start_line()
    return remarks


def _write_anew(page: Page, term: Term, remarks: Remarks, place: Place | None, parens: bool) -> Remarks:
    at = place or term_place(term)
    match term:
        case Scalar(str(text)):
            page.write(as_written(at.text, text))
        case Scalar(value):
            page.write(constant_text(value))
        case Var():
            page.write(_name(page, term))
        case Ref():
            return write_ref(page, term, remarks)
        case Call():
            return _write_call(page, term, remarks, parens)
        case Array(items):
            return _bracketed(page, [Item(i, term_place(i)) for i in items], at, remarks, "[]")
        case Set(()):
            page.write("set()")
            return page.insert(remarks, closing_row(at, "(", ")"))
        case Set():
            return _bracketed(page, members(term), at, remarks, "{}")
        case Object():
            return _bracketed(page, pairs(term), at, remarks, "{}")
        case ArrayComprehension(inner, body):
            page.write("[")
            return _comprehension(page, inner, term_place(inner), body, at, remarks, "[]")
        case SetComprehension(inner, body):
            page.write("{")
            return _comprehension(page, inner, term_place(inner), body, at, remarks, "{}")
        case ObjectComprehension():
            return _object_comprehension(page, term, at, remarks)
        case TemplateString():
            return write_template(page, term, remarks)
    return remarks


def _name(page: Page, var: Var) -> str:
    if not var.is_wildcard:
        return var.name
    if var.name not in page.style.renamed:
        return "_"
    return "_" + var.name[1:]


# --- references and calls ------------------------------------------------------------------------


def write_ref(page: Page, ref: Ref, remarks: Remarks) -> Remarks:
    """``a.b[c]``: steps that are names behind points, others in brackets."""
    if not ref.terms:
        return remarks
    head = ref.head
    remarks = write_bare(page, head, remarks, parens=is_infix(head))
    for step in ref.path:
        match step:
            case Scalar(str(name)):
                page.write(_step(page, name, place_of(step.loc)))
            case Var():
                page.write(f"[{_name(page, step)}]")
            case _:
                page.write("[")
                try:
                    remarks = write_term(page, step, remarks)
                except Crowded as crowded:
                    page.write("\n")  # else the bracket would be a part of the comment
                    remarks = crowded.rest
                page.write("]")
    return remarks


def _step(page: Page, name: str, place: Place) -> str:
    style = page.style
    plain = _NAME.fullmatch(name) is not None
    if plain and name in style.keywords:
        plain = style.keyword_steps and place.first not in ('"', "")
    return "." + name if plain else f"[{spelled(name)}]"


def write_function(page: Page, operator: Ref, args: Sequence[Term], remarks: Remarks) -> Remarks:
    """``f(x, y)``."""
    write_ref(page, operator, remarks)
    page.write("(")
    place = term_place(operator)
    try:
        items = [Item(a, term_place(a)) for a in args]
        return write_items(page, items, place, closing_row(place, "(", ")"), remarks, write_argument)
    except Crowded as crowded:
        raise crowded.dropping() from None
    finally:
        page.write(")")


def _write_call(page: Page, call: Call, remarks: Remarks, parens: bool) -> Remarks:
    name = operator_name(call.operator)
    wanted = member_operands(name)
    if wanted:
        return write_membership(page, call.operator, call.args, remarks, call.loc, parens=parens or wanted == 3)
    if name not in SIGNS or name in EQUATIONS:
        return write_function(page, call.operator, call.args, remarks)
    if parens:
        page.write("(")
    if len(call.args) != 2:
        page.fault(wrong_arity(call.operator, call.args, call.loc))
        return remarks
    remarks = write_bare(page, call.args[0], remarks, parens=True)
    page.write(f" {SIGNS[name]} ")
    remarks = write_bare(page, call.args[1], remarks, parens=True)
    if parens:
        page.write(")")
    return remarks


def write_membership(
    page: Page, operator: Ref, operands: Sequence[Term], remarks: Remarks, loc: Location, *, parens: bool = False
) -> Remarks:
    """``x in xs`` or ``k, v in xs``."""
    name = operator_name(operator)
    wanted = member_operands(name)
    if len(operands) != wanted:
        page.fault(wrong_arity(operator, operands, loc))
        return remarks
    if parens:
        page.write("(")
    try:
        for i, operand in enumerate(operands):
            if i:
                page.write(" in " if i == wanted - 1 else ", ")
            remarks = write_bare(page, operand, remarks, parens=has_parens_within(operand, name, first=not i))
    finally:
        if parens:
            page.write(")")
    return remarks


def wrong_arity(operator: Ref, operands: Sequence[Term], loc: Location) -> Problem:
    """A call of an operator by name with too few or too many operands."""
    name = dotted(operator)
    found = signature(name)
    have = ",".join(value_name(o) for o in operands)
    want = ",".join(str(a) for a in found.args) if found is not None else ""
    return Problem(TYPE_ERROR, f"{name}: arity mismatch\n\thave: ({have})\n\twant: ({want})", loc)


# --- composites ----------------------------------------------------------------------------------


def _bracketed(page: Page, items: Sequence[Item], place: Place, remarks: Remarks, pair: str) -> Remarks:
    """Terms in brackets, or pairs; unions among them in parentheses, as they would begin a comprehension."""
    page.write(pair[0])
    try:
        return write_items(page, items, place, closing_row(place, *pair), remarks, _write_element)
    finally:
        page.write(pair[1])


def _write_element(page: Page, item: Item, remarks: Remarks) -> Remarks:
    if item.value is None:
        return _write_grouped(page, item.term, remarks) if is_union(item.term) else write_term(page, item.term, remarks)
    grouped = is_union(item.term)
    if grouped:
        page.write("(")
    try:
        remarks = write_term(page, item.term, remarks)
    except Crowded as crowded:
        raise crowded.dropping() from None
    page.write("): " if grouped else ": ")
    return _write_grouped(page, item.value, remarks) if is_union(item.value) else write_term(page, item.value, remarks)


def write_argument(page: Page, item: Item, remarks: Remarks) -> Remarks:
    """An argument, which may be a union without parentheses."""
    grouped = is_union(item.term) and item.place.first == "("
    return _write_grouped(page, item.term, remarks) if grouped else write_term(page, item.term, remarks)


def _write_grouped(page: Page, term: Term, remarks: Remarks) -> Remarks:
    page.write("(")
    try:
        return write_term(page, term, remarks)
    finally:
        page.write(")")


# --- comprehensions ------------------------------------------------------------------------------


def _comprehension(page: Page, term: Term, at: Place, body: Body, place: Place, remarks: Remarks, pair: str) -> Remarks:
    """``term | body`` with the bracket that closes it."""
    try:
        if at.row > place.row:
            page.end_line()
            page.start_line()
        remarks = write_bare(page, term, remarks, at, parens=is_infix(term))
        page.write(" |")
        return write_braced(page, body, at, place, pair, remarks)
    finally:
        page.write(pair[1])


def _object_comprehension(page: Page, term: ObjectComprehension, place: Place, remarks: Remarks) -> Remarks:
    page.write("{")
    grouped = is_union(term.key)
    if grouped:
        page.write("(")
    try:
        remarks = write_term(page, term.key, remarks)
    except Crowded:
        page.write("}")
        raise
    page.write("): " if grouped else ": ")
    # the value stays in the line of its key
    at = term_place(term.value).on_row(place.row)
    return _comprehension(page, term.value, at, term.body, place, remarks, "{}")
