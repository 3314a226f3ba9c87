"""The syntax tree as indented text: what ``opa parse`` prints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from ...rego.syntax.nodes import (
    Array,
    ArrayComprehension,
    Body,
    Call,
    CallExpr,
    Every,
    Expr,
    LogicalAnd,
    LogicalOr,
    Module,
    Not,
    Object,
    ObjectComprehension,
    Ref,
    Rule,
    Scalar,
    Set,
    SetComprehension,
    SomeDecl,
    TemplateString,
    Term,
    TermExpr,
    Var,
)
from ...rego.syntax.term_order import in_order, members_in_order
from ...rego.text import term as constant_text
from .lists import identity

Branch: TypeAlias = "tuple[str, Iterator[Branch]]"
"""A line and those further in below it."""


def tree_text(module: Module, *, comments: bool = True) -> str:
    """A module's tree, one node in a line, each level a space further in."""
    return _text(("module", _module(module, comments)))


def rule_text(rule: Rule) -> str:
    """A rule's tree."""
    return _text(("rule", _rule(rule)))


def _text(root: Branch) -> str:
    lines: list[str] = []
    todo: list[Iterator[Branch]] = [iter([root])]
    while todo:
        branch = next(todo[-1], None)
        if branch is None:
            todo.pop()
            continue
        text, below = branch
        lines.append(" " * (len(todo) - 1) + text)
        todo.append(below)
    return "\n".join(lines) + "\n"


def _module(module: Module, comments: bool) -> Iterator[Branch]:
    yield "package", iter([_term(module.package.path)])
    for item in module.imports:
        yield "import", iter([_term(item.path), (item.alias or "", iter(()))])
    for rule in module.rules:
        yield "rule", _rule(rule)
    yield from (("annotations", iter(())) for _ in module.annotations)
    yield from (("comment", iter(())) for _ in (module.comments if comments else ()))


def _rule(rule: Rule) -> Iterator[Branch]:
    head = rule.head
    args = [("args", map(_term, head.args))] if head.args else []
    value = [] if head.value is None else [_term(head.value)]
    yield "head", iter([_term(head.ref), *args, *value])
    yield "body", map(_expr, rule.body)
    if rule.else_ is not None:
        yield "rule", _rule(rule.else_)


def _body(body: Body) -> Branch:
    return "body", map(_expr, body)


def _expr(expr: Expr) -> Branch:
    return f"expr {'negated ' * expr.negated}index={expr.index}", _in_expr(expr)


def _in_expr(expr: Expr) -> Iterator[Branch]:
    match expr.terms:
        case TermExpr(term):
            yield _term(term)
        case CallExpr(operator, args):
            yield from map(_term, (operator, *args))
        case SomeDecl(symbols):
            yield "somedecl", map(_term, symbols)
        case Every(key, value, domain, body):
            yield "every", iter([*map(_term, (*([] if key is None else [key]), value, domain)), _body(body)])
        case Not(body):
            yield "not", iter([_body(body)])
        case LogicalAnd(lhs, rhs):
            yield "logicaland", iter([_body(lhs), _body(rhs)])
        case LogicalOr(lhs, rhs):
            yield "logicalor", iter([_body(lhs), _body(rhs)])
    for item in expr.withs:
        yield "with", iter([_term(item.target), _term(item.value)])


def _term(term: Term) -> Branch:
    match term:
        case Scalar(value):
            return _as_format(constant_text(value)), iter(())
        case Var(name):
            return "_" if term.is_wildcard else name, iter(())
        case Ref(terms):
            return "ref", map(_term, terms)
        case Array(items):
            return "array", map(_term, items)
        case Set(items):
            first = {identity(item): item for item in reversed(items)}
            return "set", map(_term, members_in_order(list(first.values())))
        case Object(pairs):
            last = {identity(k): v for k, v in pairs}  # which OPA shows for each of several equal keys
            return "object", (_term(t) for k, _ in in_order(pairs) for t in (k, last[identity(k)]))
        case Call(operator, args):
            return "call", map(_term, (operator, *args))
        case ArrayComprehension(item, body):
            return "arraycomprehension", iter([_term(item), _body(body)])
        case SetComprehension(item, body):
            return "setcomprehension", iter([_term(item), _body(body)])
        case ObjectComprehension(key, value, body):
            return "objectcomprehension", iter([_term(key), _term(value), _body(body)])
        case TemplateString():
            return "templatestring", iter(())


def _as_format(text: str) -> str:
    """OPA prints constants as if they were formats, so that a percent sign asks for an operand that is not there."""
    return _VERB.sub(_without_operand, text) if "%" in text else text


_VERB: Final = re.compile(r"%[+\-# 0]*(\*|\d+)?(\.(?:\*|\d*))?(\[[^\]]*\])?(.?)", re.DOTALL)


def _without_operand(match: re.Match[str]) -> str:
    width, precision, index, verb = match.groups()
    bad = "%!(BADWIDTH)" * (width == "*") + "%!(BADPREC)" * (precision == ".*")
    if not verb:
        return bad + "%!(NOVERB)"
    return bad + ("%" if verb == "%" else f"%!{verb}({'BADINDEX' if index else 'MISSING'})")
