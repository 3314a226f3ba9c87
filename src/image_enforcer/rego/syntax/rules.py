"""Rules: a head, its body, the ``else`` branches, and the further bodies that version 0 may chain."""

from __future__ import annotations

from ..records import replace
from . import lexer
from .bodies import read_body, read_literal
from .cursor import Cursor, RuleNote
from .heads import default_is_constant, read_head, with_fresh_wildcards
from .keywords import RULE_NAME_FOLLOWERS
from .nodes import Body, Head, Ref, Rule, Scalar, Set, Term, TermExpr
from .shapes import is_ground, is_scalar, placed, true_body
from .terms import read_infix


def read_rules(c: Cursor) -> list[Rule] | None:
    """A rule, with the further bodies that v0 may chain to it."""
    start = c.token.start
    loc = c.loc()
    c.take_keyword_as_name()
    default = False
    if c.at("kw:default"):
        c.next()
        default = True
        c.take_keyword_as_name()
    if not c.at(lexer.IDENT):
        if default:
            report_keyword_name(c, True)
        return None
    made = read_head(c, default)
    if made is None:
        return None
    head, contains = made
    note = RuleNote(has_contains=contains)
    if default:
        if not default_is_constant(c, head, loc):
            return None
        rule = Rule(head, true_body(loc), default=True, loc=c.span(start))
        return [c.noted(rule, note)]
    has_if = c.at("kw:if")
    if has_if and not contains and len(head.ref.terms) == 2:
        last = head.ref.terms[1]
        key = (
            last
            if head.args is None and not is_scalar(last) and (not is_ground(last) or isinstance(last, Ref))
            else head.key
        )
        value = head.value
        generated = head.generated_value
        if value is None:
            value, generated = Scalar(True, head.loc), True
        head = replace(head, key=key, value=value, generated_value=generated)
    if not has_if and not contains and head.args is None and len(head.ref.terms) == 2:
        head = replace(head, key=head.ref.terms[1])
        if head.value is None:
            head = replace(head, ref=Ref(head.ref.terms[:1], head.ref.loc))
    generated_body = False
    if has_if:
        note.has_if = True
        c.next()
        body = _read_if_body(c)
        if body is None:
            return None
    elif c.at("{"):
        c.next()
        got = read_body(c, "}")
        if got is None:
            return None
        c.next()
        body = got
    elif contains:
        rule = Rule(head, true_body(loc), generated_body=True, loc=head.loc)
        return [c.noted(rule, note)]
    else:
        return None
    else_rule: Rule | None = None
    if c.at("kw:else") and not (c.starts_ref()):
        if len(head.ref.terms) > 1 and not all(is_ground(t) for t in head.ref.terms[1:]):
            c.error(c.loc(), "else keyword cannot be used on rules with variables in head")
            return None
        if head.key is not None and head.value is None:
            c.error(c.loc(), "else keyword cannot be used on multi-value rules")
            return None
        if head.key is not None:
            c.error(c.loc(), "else keyword cannot be used on multi-value rules")
            return None
        else_rule = _read_else(c, head)
        if else_rule is None:
            return None
    rule = Rule(head, body, else_rule, generated_body=generated_body, loc=c.span(start))
    rules = [c.noted(rule, note)]
    while c.at("{"):
        if else_rule is not None:
            c.error(c.loc(), "expected else keyword")
            return None
        body_start = c.token.start
        c.next()
        more = read_body(c, "}")
        if more is None:
            return None
        c.next()
        place = c.span(body_start)
        again = with_fresh_wildcards(c, head)
        again = replace(  # as in OPA, all of it but the name stands where the body does
            again, args=placed(again.args, place), key=placed(again.key, place), value=placed(again.value, place),
            loc=place,
        )  # fmt: skip
        rules.append(c.noted(Rule(again, more, loc=place), note))
    return rules


def _read_if_body(c: Cursor) -> Body | None:
    mark = c.save()
    leading = c.at("{")
    expr = read_literal(c)
    if expr is not None:
        is_set = leading and isinstance(expr.terms, TermExpr) and isinstance(expr.terms.term, Set)
        if not is_set:
            return (expr,)
    if not leading:
        return None
    c.restore(mark)
    c.next()
    body = read_body(c, "}")
    if body is None:
        return None
    c.next()
    return body


def _read_else(c: Cursor, head: Head) -> Rule | None:
    """An ``else`` branch and those behind it."""
    start = c.token.start
    loc = c.loc()
    c.next()
    value: Term | None = None
    generated = False
    assign = head.assign
    if c.at("{", "kw:if"):
        value, generated = Scalar(True, loc), True
    elif c.at("assign", "eq"):
        assign = c.at("assign")
        c.next()
        value = read_infix(c)
        if value is None:
            return None
    else:
        c.illegal("expected else value term or rule body")
        return None
    branch = replace(
        with_fresh_wildcards(c, head), value=value, generated_value=generated, assign=assign, loc=c.span(start)
    )
    note = RuleNote()
    has_if = c.at("kw:if")
    if not has_if and not c.at("{"):
        return c.noted(Rule(branch, true_body(branch.loc), generated_body=True, loc=branch.loc), note)
    if has_if:
        note.has_if = True
        c.next()
    body: Body | None
    bare = False
    if c.at("{"):
        c.next()
        body = read_body(c, "}")
        if body is None:
            return None
        c.next()
    elif not c.at(lexer.EOF):
        expr = read_literal(c)
        if expr is None:
            return None
        body = (expr,)
        bare = True
    else:
        c.illegal("rule body expected")
        return None
    else_rule: Rule | None = None
    if c.at("kw:else"):
        else_rule = _read_else(c, head)
        if else_rule is None:
            return None
    if bare:  # OPA says of all that is in it that it stands where the branch does
        body = placed(body, c.span(start))
    return c.noted(Rule(branch, body, else_rule, loc=c.span(start)), note)


def report_keyword_name(c: Cursor, default: bool) -> bool:
    """Report ``every := 1`` and the like."""
    kind = c.kind()
    if not kind.startswith("kw:") or kind[3:] not in RULE_NAME_FOLLOWERS:
        return False
    if not default and c.kind(1) not in RULE_NAME_FOLLOWERS[kind[3:]]:
        return False
    c.error(c.loc(), f"{kind[3:]} keyword cannot be used for rule name")
    return True
