"""Rules: heads, bodies in one line or several, and ``else`` where the source had it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...rego.check.visit import Rewriter
from ...rego.syntax.nodes import Expr, Head, Object, Ref, Rule, Scalar, Set, Term, TermExpr, Var
from ...rego.syntax.printer import term_text
from ...rego.syntax.shapes import is_ground, is_scalar
from ...rego.syntax.term_order import in_order
from .expressions import write_body, write_expr
from .lists import Item, write_items
from .logical import leading_expr
from .operators import begins_with_brace, is_union, is_union_expr, leading_operand
from .page import Crowded, Page
from .places import Place, closing_row, place_of, term_place
from .remarks import Remarks
from .strings import is_go_spelling
from .style import parts
from .terms import write_argument, write_ref, write_term

_TRUE = Scalar(True)


def write_rules(page: Page, rules: Sequence[Rule], remarks: Remarks) -> Remarks:
    """Rules with empty lines between them; short ones that stood in lines without a gap stay together."""
    for i, rule in enumerate(rules):
        try:
            remarks = page.insert(remarks, rule.loc.row)
        except Crowded as crowded:
            remarks = crowded.rest
        try:
            remarks = _write_rule(page, rule, remarks)
        except Crowded as crowded:
            remarks = crowded.rest
        following = rules[i + 1] if i + 1 < len(rules) else None
        together = (
            following is not None
            and _in_one_line(page, rule)
            and _in_one_line(page, following)
            and following.loc.row == rule.loc.row + 1
        )
        if not together:
            page.blank_line()
    return remarks


def _in_one_line(page: Page, rule: Rule) -> bool:
    """Whether a rule may stand beside another without an empty line: its body is at most one expression."""
    if len(rule.body) > 1 or rule.default or rule.else_ is not None or _is_set(rule.body[0]):
        return False
    return _uses_if(page, rule)


def _uses_if(page: Page, rule: Rule) -> bool:
    style = page.style
    return (style.v1 or style.ifs) and (style.contains or rule.head.value is not None)


def _is_set(expr: Expr) -> bool:
    return not expr.negated and isinstance(expr.terms, TermExpr) and isinstance(expr.terms.term, Set)


def _opens_body(expr: Expr) -> bool:
    """Whether an expression is written to begin with a brace, which is always that of a body in a branch."""
    first = leading_expr(expr)
    return first is not None and begins_with_brace(first)


def _is_true(rule: Rule) -> bool:
    """Whether a rule's body says nothing, as that of a rule that was written without one."""
    body = rule.body
    return len(body) == 1 and body[0] == Expr(TermExpr(_TRUE), generated=body[0].generated) and rule.else_ is None


def _write_rule(page: Page, rule: Rule, remarks: Remarks, *, is_else: bool = False) -> Remarks:
    if not is_else:
        page.start_line()
    if rule.default:
        page.write("default ")
    constant = _is_true(rule)
    page.last_line_comments = constant
    crowded_head = False
    try:
        remarks = _write_head(page, rule, remarks, constant=constant, is_else=is_else)
    except Crowded as crowded:
        crowded_head = True
        remarks = crowded.rest
    if constant:
        page.end_line()
        return remarks
    page.last_line_comments = True
    uses_if = _uses_if(page, rule)
    if uses_if:
        page.write(" if")
        if len(rule.body) == 1 and rule.body[0].loc.row == place_of(rule.head.loc).end_row:
            if not (_is_set(rule.body[0]) or (is_else and _opens_body(rule.body[0]))):
                return _write_short_body(page, rule, remarks)
    if crowded_head and remarks:
        page.write(" { ")
    else:
        page.write(" {")
        page.end_line()
    if uses_if and not is_else:
        _group_union(page, rule.body[0])
    page.up()
    try:
        remarks = write_body(page, rule.body, remarks)
    except Crowded as crowded:
        remarks = crowded.rest
    try:
        remarks = page.insert(remarks, _closing_row(rule, is_else=is_else))
        page.down()
        page.start_line()
        page.write("}")
        return remarks if rule.else_ is None else _write_else(page, rule, rule.else_, remarks)
    except Crowded as crowded:
        raise crowded.dropping() from None


def _write_short_body(page: Page, rule: Rule, remarks: Remarks) -> Remarks:
    page.write(" ")
    try:
        remarks = write_expr(page, rule.body[0], remarks)
    except Crowded as crowded:
        remarks = crowded.rest
    page.end_line()
    if rule.else_ is None:
        return remarks
    try:
        return _write_else(page, rule, rule.else_, remarks, line_ended=True)
    except Crowded as crowded:
        raise crowded.dropping() from None


def _closing_row(rule: Rule, *, is_else: bool) -> int:
    place = place_of(rule.loc)
    if rule.head.args and not is_else:
        return closing_row(place, "{", "}", skip="()")
    if rule.head.key is not None:
        return closing_row(place, "{", "}", skip="[]")
    return closing_row(place, "{", "}")


def _group_union(page: Page, expr: Expr) -> None:
    """Put a union that a body would begin with in parentheses: a brace and ``a | b`` begin a comprehension."""
    first = leading_expr(expr)
    if first is None:
        return
    leading = leading_operand(first)
    if is_union_expr(first):
        page.grouped_expr = first
    elif leading is not None and is_union(leading):
        page.grouped_term = leading


# --- else ----------------------------------------------------------------------------------------


def _write_else(page: Page, rule: Rule, branch: Rule, remarks: Remarks, *, line_ended: bool = False) -> Remarks:
    """A branch behind the brace where it stood there, else in a line of its own."""
    lines = rule.loc.text.split("\n")
    down = branch.loc.row - rule.loc.row
    beside = 0 < down < len(lines) and not lines[down].strip().startswith("else") and not line_ended
    row = branch.head.loc.row
    comment_above = page.waiting is not None or (bool(remarks) and remarks.first_row < row)
    if beside and not comment_above:
        page.write(" ")
    else:
        page.blank_line()
        page.start_line()
    try:
        remarks = page.insert(remarks, row)
    except Crowded as crowded:
        raise crowded.dropping() from None
    if comment_above and not beside:
        page.start_line()
    return _write_rule(page, branch, remarks, is_else=True)


# --- heads ---------------------------------------------------------------------------------------


def _write_head(page: Page, rule: Rule, remarks: Remarks, *, constant: bool, is_else: bool) -> Remarks:
    head = rule.head
    place = place_of(head.loc)
    if is_else:
        head = replace(head, ref=Ref((Var("else", head.loc),), head.loc), args=None)
    if page.style.whole_heads or len(head.ref.terms) == 1:
        try:
            remarks = write_ref(page, head.ref, remarks)
        except Crowded as crowded:
            raise crowded.dropping() from None
    else:
        step = head.ref.terms[1]
        if remarks and term_place(step).row == remarks.first_row:
            return page.as_it_was(place, remarks)  # comments in the step have no other place
        page.write(f"{term_text(head.ref.head)}[")
        remarks = _write_step(page, step, remarks)
    if head.args:
        page.write("(")
        items = [Item(a, term_place(a)) for a in head.args]
        try:
            remarks = write_items(page, items, place, closing_row(place, "(", ")"), remarks, write_argument)
        finally:
            page.write(")")
    if head.key is not None and head.value is None:
        if page.style.contains:
            page.write(" contains ")
            remarks = write_term(page, head.key, remarks)
        else:
            page.write("[")
            remarks = write_term(page, head.key, remarks)
            page.write("]")
    return _write_value(page, rule, head, place, remarks, constant=constant, is_else=is_else)


def _write_step(page: Page, step: Term, remarks: Remarks) -> Remarks:
    """The one step of a head, as OPA's messages show it; with strings that would not be read again, in the layout."""
    texts = [p.value for p in parts([step]) if isinstance(p, Scalar) and isinstance(p.value, str)]
    try:
        if not all(map(is_go_spelling, texts)):
            return write_term(page, step, remarks)
        page.write(term_text(_Ordered().term(step)))
        return remarks
    finally:
        page.write("]")


class _Ordered(Rewriter):
    """The pairs of objects as OPA shows them where it shows a term without a layout."""

    def term(self, term: Term) -> Term:
        """Rewrite what is in a term, and then the term."""
        made = super().term(term)
        return replace(made, pairs=tuple(in_order(made.pairs))) if isinstance(made, Object) else made


def _write_value(
    page: Page, rule: Rule, head: Head, place: Place, remarks: Remarks, *, constant: bool, is_else: bool
) -> Remarks:
    value = head.value
    is_true = value == _TRUE
    keyed = head.key is not None and not (_uses_if(page, rule) and not constant and _is_plain_step(head))
    if value is None or not (keyed or not is_true or constant or rule.default):
        return remarks
    told = page.style.v1 and constant and head.key is None and not head.args
    if is_true and not is_else and not told and _goes_without_saying(rule, head):
        return remarks
    page.write(" := " if head.assign or page.style.v1 else " = ")
    return write_term(page, value, remarks, place if is_else else None)


def _is_plain_step(head: Head) -> bool:
    """Whether a head's last step, which is its key in front of a brace, is none in front of ``if``."""
    last = head.ref.terms[-1]
    return is_scalar(last) or (is_ground(last) and not isinstance(last, Ref))


def _goes_without_saying(rule: Rule, head: Head) -> bool:
    """Whether a value was not written, or only for a body before this one."""
    if head.generated_value and len(head.ref.terms) == 2 and not head.args:
        return True
    if rule.generated_body and head.value is not None and head.value.loc == head.loc:
        return True
    return head.loc == rule.loc and head.loc.text.startswith("{")
