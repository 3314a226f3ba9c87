"""Nodes to text: terms and expressions as OPA's messages show them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import assert_never

from ..text import term as value_text
from .keywords import KEYWORDS_V1
from .nodes import (
    Array,
    ArrayComprehension,
    Body,
    Call,
    CallExpr,
    Every,
    Expr,
    Head,
    Import,
    LogicalAnd,
    LogicalOr,
    Not,
    Object,
    ObjectComprehension,
    Package,
    Ref,
    Scalar,
    Set,
    SetComprehension,
    SomeDecl,
    TemplateString,
    Term,
    TermExpr,
    Var,
)  # fmt: skip
from .term_order import distinct, distinct_pairs

_IDENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPED = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
"""Control characters and the backslash: with one of them a step of a reference is written as a string is."""
INFIX = {
    "eq": "=", "assign": ":=", "equal": "==", "neq": "!=", "lt": "<", "gt": ">", "lte": "<=", "gte": ">=",
    "plus": "+", "minus": "-", "mul": "*", "div": "/", "rem": "%", "and": "&", "or": "|", "internal.member_2": "in",
}  # fmt: skip
_RELATIONS = frozenset({"eq", "assign", "equal", "neq", "lt", "gt", "lte", "gte"})


def term_text(term: Term, *, infix: bool = False) -> str:
    """A term as OPA's ``String()`` gives it; with ``infix``, as it is written in policies."""
    if infix:
        return _source(term)
    match term:
        case Scalar(value):
            return value_text(value)
        case Var(name):
            return "_" if name.startswith("$") else name
        case Ref(terms):
            return _ref(terms)
        case Array(items):
            return "[" + ", ".join(term_text(t) for t in items) + "]"
        case Set(items):
            return "{" + ", ".join(term_text(t) for t in distinct(items)) + "}" if items else "set()"
        case Object(pairs):
            return "{" + ", ".join(f"{term_text(k)}: {term_text(v)}" for k, v in distinct_pairs(pairs)) + "}"
        case ArrayComprehension(inner, body):
            return f"[{_before_bar(inner)} | {body_text(body)}]"
        case SetComprehension(inner, body):
            return f"{{{_before_bar(inner)} | {body_text(body)}}}"
        case ObjectComprehension(key, value, body):
            return f"{{{_before_bar(key)}: {_before_bar(value)} | {body_text(body)}}}"
        case Call(operator, args):
            return f"{term_text(operator)}({', '.join(term_text(a) for a in args)})"
        case TemplateString(parts):
            shown = []
            for part in parts:
                if not isinstance(part, Scalar):
                    shown.append("{" + expr_text(part) + "}")
                elif isinstance(part.value, str):
                    shown.append(value_text(part.value)[1:-1].replace("{", "\\{"))
                else:
                    shown.append(value_text(part.value))
            return '$"' + "".join(shown) + '"'


def _before_bar(term: Term) -> str:
    """What a comprehension collects: there an operator stands between its operands, with parentheses around all."""
    if isinstance(term, Call) and len(term.args) == 2:
        name = term_text(term.operator)
        if name in INFIX and name != "internal.member_2":
            return f"({_before_bar(term.args[0])} {INFIX[name]} {_before_bar(term.args[1])})"
    return term_text(term)


def _source(term: Term) -> str:
    """A term as it is written: operators between their operands."""
    match term:
        case Call(operator, args):
            symbol = INFIX.get(term_text(operator))
            if symbol is not None and len(args) == 2:
                return f"{_grouped(args[0])} {symbol} {_grouped(args[1])}"
            return f"{term_text(operator)}({', '.join(_source(a) for a in args)})"
        case Array(items):
            return "[" + ", ".join(_source(t) for t in items) + "]"
        case Set(items):
            return "{" + ", ".join(_source(t) for t in items) + "}" if items else "set()"
        case Object(pairs):
            return "{" + ", ".join(f"{_source(k)}: {_source(v)}" for k, v in pairs) + "}"
        case ArrayComprehension(inner, body):
            return f"[{_source(inner)} | {_source_body(body)}]"
        case SetComprehension(inner, body):
            return f"{{{_source(inner)} | {_source_body(body)}}}"
        case ObjectComprehension(key, value, body):
            return f"{{{_source(key)}: {_source(value)} | {_source_body(body)}}}"
        case _:
            return term_text(term)


def _related(term: Term) -> str:
    """An operand of a comparison, which binds weaker than all other operators."""
    nested = isinstance(term, Call) and term_text(term.operator) in (*_RELATIONS, "internal.member_2")
    return _grouped(term) if nested else _source(term)


def _grouped(term: Term) -> str:
    text = _source(term)
    infix = isinstance(term, Call) and term_text(term.operator) in INFIX and len(term.args) == 2
    return f"({text})" if infix else text


def source_text(expr: Expr) -> str:
    """An expression as it is written."""
    match expr.terms:
        case TermExpr(term):
            text = _source(term)
        case CallExpr(operator, args):
            text = _source(Call(operator, args))
            if term_text(operator) in _RELATIONS and len(args) == 2:
                text = f"{_related(args[0])} {INFIX[term_text(operator)]} {_related(args[1])}"
        case _:
            text = _closure(expr.terms, _source, _source_body, "{ ", " }")
    return _modified(expr, text, _source)


def _source_body(body: Body) -> str:
    return "; ".join(source_text(e) for e in body)


def _ref(terms: tuple[Term, ...]) -> str:
    head = term_text(terms[0])
    out = [head]
    for step in terms[1:]:
        if isinstance(step, Scalar) and isinstance(step.value, str) and _IDENT.fullmatch(step.value):
            out.append("." + step.value if step.value not in KEYWORDS_V1 else f'["{step.value}"]')
        elif isinstance(step, Scalar) and isinstance(step.value, str) and not _ESCAPED.search(step.value):
            out.append(f'["{step.value}"]')  # as it is, quotes in it and all
        else:
            out.append(f"[{term_text(step)}]")
    return "".join(out)


def expr_text(expr: Expr) -> str:
    """An expression as OPA's ``String()`` gives it: calls flat, only equations between their sides."""
    match expr.terms:
        case TermExpr(term):
            text = term_text(term)
        case CallExpr(operator, args):
            flat = term_text(operator) != "eq" or len(args) != 2
            text = term_text(Call(operator, args)) if flat else f"{term_text(args[0])} = {term_text(args[1])}"
        case _:
            text = _closure(expr.terms, term_text, body_text, "{", "}")
    return _modified(expr, text, term_text)


def _closure(
    terms: SomeDecl | Every | Not | LogicalAnd | LogicalOr, term: Callable[[Term], str], body: Callable[[Body], str],
    opening: str, closing: str,
) -> str:  # fmt: skip
    """What is neither a term nor a call; the braces are those of ``not``."""
    match terms:
        case SomeDecl((Call(_, (*names, domain)),)):
            return f"some {', '.join(map(term, names))} in {term(domain)}"
        case SomeDecl(symbols):
            return "some " + ", ".join(map(term, symbols))
        case Every(key, value, domain, inside):
            names_text = f"{term(key)}, {term(value)}" if key is not None else term(value)
            return f"every {names_text} in {term(domain)} {{ {body(inside)} }}"
        case Not(inside, explicit=explicit):
            if explicit or len(inside) != 1:
                return f"not {opening}{body(inside)}{closing}"
            twice = isinstance(inside[0].terms, Not)
            return f"not ({body(inside)})" if twice else f"not {_operand(inside, explicit, True, True, body)}"
        case LogicalAnd() | LogicalOr():
            return logical_text(terms, body)
    assert_never(terms)


def _modified(expr: Expr, text: str, term: Callable[[Term], str]) -> str:
    withs = "".join(f" with {term_text(w.target)} as {term(w.value)}" for w in expr.withs)
    return f"not {text}{withs}" if expr.negated else text + withs


def logical_text(either: LogicalAnd | LogicalOr, shown: Callable[[Body], str]) -> str:
    """``a and b`` or ``a or b``, with the braces that were written and the parentheses that are needed."""
    word = "and" if isinstance(either, LogicalAnd) else "or"
    left = _operand(either.lhs, either.explicit_lhs, word == "and", False, shown)
    right = _operand(either.rhs, either.explicit_rhs, True, word == "and", shown)
    return f"{left} {word} {right}"


def _operand(body: Body, explicit: bool, around_or: bool, around_and: bool, shown: Callable[[Body], str]) -> str:
    """One side; the flags say whether an ``or`` or an ``and`` in it has to be put into parentheses."""
    if explicit or len(body) != 1:
        return f"{{ {shown(body)} }}"
    match body[0].terms:
        case LogicalOr():
            apart = around_or
        case LogicalAnd():
            apart = around_and
        case TermExpr(Object() | Set() | ObjectComprehension() | SetComprehension()):
            apart = True
        case _:
            apart = bool(body[0].withs)
    return f"({shown(body)})" if apart else shown(body)


def body_text(body: Body) -> str:
    """Expressions joined by semicolons."""
    return "; ".join(expr_text(e) for e in body)


def import_text(item: Import) -> str:
    """``import data.x as y``."""
    return f"import {term_text(item.path)}" + (f" as {item.alias}" if item.alias else "")


def package_text(package: Package) -> str:
    """``package a.b``, for messages and listings."""
    names = package.names
    if not names:
        return "package data"
    steps: tuple[Term, ...] = (Var(names[0]), *(Scalar(n) for n in names[1:]))
    return "package " + term_text(Ref(steps))


def head_text(head: Head) -> str:
    """A rule's head."""
    text = term_text(head.ref)
    if head.args is not None:
        text += f"({', '.join(_source(a) for a in head.args)})"
    if head.key is not None and head.value is None:
        return f"{text} contains {_source(head.key)}"
    if head.value is not None and not head.generated_value:
        text += f" {':=' if head.assign else '='} {_source(head.value)}"
    return text
