"""Compiled modules as the JSON of OPA's syntax tree, as ``GET /v1/policies`` shows them: names resolved, calls flat."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeAlias, assert_never

from ...rego.syntax.nodes import (
    Array,
    ArrayComprehension,
    Body,
    Call,
    CallExpr,
    Every,
    Expr,
    Head,
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

Json: TypeAlias = "dict[str, Any]"


def module_json(module: Module) -> Json:
    """A module, keys in OPA's order. Imports are resolved, so there are none left."""
    out: Json = {"package": {"path": _terms(module.package.path.terms)}}
    if module.rules:
        out["rules"] = [_rule(r) for r in module.rules]
    return out


def _rule(rule: Rule) -> Json:
    out: Json = {"body": body_json(_shown_body(rule))}
    if rule.default:
        out["default"] = True
    if rule.else_ is not None:
        out["else"] = _rule(rule.else_)
    out["head"] = _head(rule.head)
    return out


def _shown_body(rule: Rule) -> Body:
    """The body; one that was never written gives way to what the compiler put behind it, or is marked as made up."""
    if not (rule.generated_body or rule.default):
        return rule.body
    first, rest = rule.body[0], rule.body[1:]
    if not rest:
        return (replace(first, generated=True),)
    return tuple(replace(e, index=i) for i, e in enumerate(rest))


def _head(head: Head) -> Json:
    out: Json = {"name": head.name}
    if head.args:
        out["args"] = _terms(head.args)
    if head.key is not None:
        out["key"] = term_json(head.key)
    if head.value is not None:
        out["value"] = term_json(head.value)
    if head.assign:
        out["assign"] = True
    out["ref"] = _terms(head.ref.terms)
    return out


def body_json(body: Body) -> list[Json]:
    """The expressions of a body."""
    return [_expr(e) for e in body]


def _expr(expr: Expr) -> Json:
    out: Json = {}
    if expr.generated:
        out["generated"] = True
    out["index"] = expr.index
    if expr.negated:
        out["negated"] = True
    out["terms"] = _expr_terms(expr)
    if expr.withs:
        out["with"] = [{"target": term_json(w.target), "value": term_json(w.value)} for w in expr.withs]
    return out


def _expr_terms(expr: Expr) -> Any:
    match expr.terms:
        case TermExpr(term):
            return term_json(term)
        case CallExpr(operator, args):
            return [term_json(operator), *_terms(args)]
        case SomeDecl() as some:
            return {"symbols": _terms(some.symbols)}
        case Every() as every:
            key = None if every.key is None else term_json(every.key)
            value, domain = term_json(every.value), term_json(every.domain)
            return {"key": key, "value": value, "domain": domain, "body": body_json(every.body)}
        case Not(body):
            return {"not": body_json(body)}
        case LogicalAnd(lhs, rhs):
            return {"and": [body_json(lhs), body_json(rhs)]}
        case LogicalOr(lhs, rhs):
            return {"or": [body_json(lhs), body_json(rhs)]}
        case other:
            assert_never(other)


def _terms(terms: tuple[Term, ...]) -> list[Json]:
    return [term_json(t) for t in terms]


def term_json(term: Term) -> Json:
    """A term as ``{"type", "value"}``."""
    match term:
        case Scalar(value):
            return {"type": _scalar_type(value), "value": value}
        case Var(name):
            return {"type": "var", "value": name}
        case Ref(terms):
            return {"type": "ref", "value": _terms(terms)}
        case Array(items):
            return {"type": "array", "value": _terms(items)}
        case Set(items):
            return {"type": "set", "value": _terms(items)}
        case Object(pairs):
            return {"type": "object", "value": [[term_json(k), term_json(v)] for k, v in pairs]}
        case Call(operator, args):
            return {"type": "call", "value": [term_json(operator), *_terms(args)]}
        case ArrayComprehension(item, body):
            return {"type": "arraycomprehension", "value": {"term": term_json(item), "body": body_json(body)}}
        case SetComprehension(item, body):
            return {"type": "setcomprehension", "value": {"term": term_json(item), "body": body_json(body)}}
        case ObjectComprehension(key, value, body):
            value_json = {"key": term_json(key), "value": term_json(value), "body": body_json(body)}
            return {"type": "objectcomprehension", "value": value_json}
        case TemplateString(parts, multi_line):
            shown = [_expr(p) if isinstance(p, Expr) else term_json(p) for p in parts]
            return {"type": "templatestring", "value": {"parts": shown, "multi_line": multi_line}}
        case other:
            assert_never(other)


def _scalar_type(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"
