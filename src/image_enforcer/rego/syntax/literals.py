"""Constants from tokens: numbers, strings, and template strings with the expressions in them."""

from __future__ import annotations

import json
from decimal import Decimal

from ..values import Num, integer
from . import lexer
from .cursor import Cursor
from .nodes import CallExpr, Every, Expr, Scalar, SomeDecl, TemplateString, Term, TermExpr
from .shapes import dotted
from .tokens import Token

MAX_EXPONENT = 100_000
"""Exponents of two beyond this one are refused, as OPA does."""
_DIGITS = 30_103
"""Of ten, the exponent that may be too large or not; those below and above it are or are not."""
_EXPONENT_DIGITS = len(str(_DIGITS)) + 1


def read_number(c: Cursor) -> Scalar | None:
    """A number; the last token of it stays at hand."""
    loc = c.loc()
    prefix = ""
    if c.at("minus"):
        prefix = "-"
        c.next()
        if not c.at(lexer.NUMBER, "."):
            c.illegal("expected number")
            return None
    if c.at("."):
        prefix += "."
        c.next()
        if not c.at(lexer.NUMBER):
            c.illegal("expected number")
            return None
    text = c.token.text
    if not prefix.endswith(".") and len(text) > 1 and text[0] == "0" and text[1] not in ".eE":
        c.illegal("expected number without leading zero")
        return None
    if text.endswith("\ufffd"):
        c.illegal("invalid float")
        return None
    whole = prefix + text
    value = _number(whole)
    if value is None:
        c.error(c.loc(), "number too big")
        return None
    return Scalar(value, loc.showing(loc.begin, c.token.end))


def _number(text: str) -> int | Num | None:
    """The value of a number's text, None where it is out of all proportion."""
    try:
        if text.lstrip("-").isdigit():
            made = integer(text) if text != "-0" else Num(text)
            return made if isinstance(made, Num) or made.bit_length() <= MAX_EXPONENT else None
        if len(text.lower().partition("e")[2].lstrip("+-0")) > _EXPONENT_DIGITS:
            return None
        number = Num(text)
        return None if number and _is_too_big(number) else number
    except (ValueError, ArithmeticError):
        return None


def _is_too_big(number: Num) -> bool:
    exponent = number.adjusted()
    if abs(exponent) < _DIGITS - 1:
        return False
    if abs(exponent) > _DIGITS:
        return True
    above = Decimal(1 << MAX_EXPONENT)
    return abs(number) >= above if exponent > 0 else abs(number) * above * 2 < 1


def read_string(c: Cursor, token: Token) -> str | None:
    """The value of a quoted string."""
    if "\\" not in token.text:
        return token.text[1:-1]
    try:
        text = json.loads(token.text, strict=False)
    except ValueError:
        c.error(c.loc(), f"illegal string literal: {token.text}")
        return None
    return _scrub(text)


def read_template(c: Cursor, raw: bool) -> Term | None:
    """``$"…{x}…"``; the last token of it stays at hand."""
    loc = c.loc()
    if c.version == 0:
        c.error(loc, "template strings are not supported by current capabilities")
        return None
    parts: list[Scalar | Expr] = []
    while True:
        token = c.token
        if token.kind == lexer.ILLEGAL:
            c.illegal()
            return None
        text = token.text
        if not raw and "\\" in text:
            try:
                text = _scrub(json.loads(f'"{text}"', strict=False))
            except ValueError:
                c.error(c.loc(), f"illegal template-string part: {text}")
                return None
        if text:
            parts.append(Scalar(text, c.loc()))
        if token.kind in (lexer.TEMPLATE_END, lexer.RAW_TEMPLATE_END):
            break
        opened = token.end
        c.next()
        part = _read_template_part(c, remarked="#" in c.source.text[opened : c.token.start])
        if part is None:
            return None
        parts.append(part)
        if not c.at("}"):
            c.error(c.loc(), "expected } to end template string expression")
            return None
        c.next()
    return TemplateString(tuple(parts), raw, loc.showing(loc.begin, c.token.end))


def _read_template_part(c: Cursor, *, remarked: bool) -> Scalar | Expr | None:
    """A constant is one, unless a comment stands in front of it: then it is an expression."""
    expr = c.grammar.literal(c)
    if expr is None:
        c.error(c.loc(), "invalid template-string expression")
        return None
    name = dotted(expr.terms.operator) if isinstance(expr.terms, CallExpr) else ""
    fault = ""
    if expr.negated:
        fault = "unexpected negation ('not')"
    elif name == "eq":
        fault = "unexpected unification ('=')"
    elif name == "assign":
        fault = "unexpected assignment (':=')"
    elif isinstance(expr.terms, Every):
        fault = "unexpected 'every'"
    elif isinstance(expr.terms, SomeDecl):
        fault = "unexpected 'some'"
    if fault:
        c.error(expr.loc, f"{fault} in template-string expression")
        return None
    if isinstance(expr.terms, TermExpr) and isinstance(expr.terms.term, Scalar) and not (expr.withs or remarked):
        return expr.terms.term
    return expr


def _scrub(text: str) -> str:
    """Go's decoding of escapes: lone surrogates become U+FFFD."""
    if any("\ud800" <= c <= "\udfff" for c in text):
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    return text
