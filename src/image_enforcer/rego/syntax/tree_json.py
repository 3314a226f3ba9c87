"""The syntax tree as the JSON of OPA's: what ``opa parse``, ``rego.parse_module`` and the REST interface show of it.

Plain dictionaries and lists with their keys in OPA's order. Numbers are the tree's own, so that each keeps its text.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, assert_never

from ..places import Location
from ..values import Num
from .annotation_json import annotations_json
from .nodes import (
    Annotations,
    Array,
    ArrayComprehension,
    Body,
    Call,
    CallExpr,
    Every,
    Expr,
    ExprTerms,
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
from .term_order import distinct, in_order

Json: TypeAlias = "dict[str, Any]"


@dataclass(frozen=True, slots=True)
class TreeJson:
    """How trees are shown: with ``locations`` every node has its place, and the text there in base 64."""

    locations: bool = False

    def module(self, module: Module, *, comments: bool = True, annotations: bool = True) -> Json:
        """A module as it was parsed."""
        out: Json = {"package": self._package(module)}
        if module.imports:
            out["imports"] = [
                {
                    **({} if i.alias is None else {"alias": i.alias}),
                    **({} if i.alias is None else self._at(i.alias_loc, "alias_location")),
                    **self._at(i.loc),
                    "path": self.term(i.path),
                }
                for i in module.imports
            ]
        if annotations and module.annotations:
            out["annotations"] = self._annotations(module.annotations)
        if module.rules:
            out["rules"] = [self.rule(r, annotations=annotations) for r in module.rules]
        if comments and module.comments:
            # a comment has its place whatever was asked for, the first of a block that of the block; keys are OPA's
            blocks = {b.loc.row: b.loc for b in module.annotations}
            out["comments"] = [
                {
                    "Text": b64encode(c.text.encode()).decode(),
                    "Location": self._place(blocks.get(c.loc.row, c.loc) if c.loc.col == 1 else c.loc),
                }
                for c in module.comments
            ]
        return out

    def compiled(self, module: Module) -> Json:
        """A module as the checks have rewritten it: imports are resolved, so there are none left."""
        out: Json = {"package": self._package(module)}
        if module.rules:
            out["rules"] = [self.rule(r, annotations=False) for r in module.rules]
        return out

    def _package(self, module: Module) -> Json:
        return {**self._at(module.package.loc), "path": self._terms(module.package.path.terms)}

    def _annotations(self, blocks: Iterable[Annotations]) -> list[Json]:
        return [annotations_json(b, self.term, self._at(b.loc)) for b in blocks]

    def rule(self, rule: Rule, *, annotations: bool = True, branch: bool = False) -> Json:
        """A rule, or one of its branches, and the branches behind it."""
        out: Json = {}
        if annotations and rule.annotations:
            out["annotations"] = self._annotations(rule.annotations)
        out["body"] = self.body(_shown_body(rule))
        if rule.default:
            out["default"] = True
        if rule.else_ is not None:
            out["else"] = self.rule(rule.else_, annotations=annotations, branch=True)
        out["head"] = self._head(rule, branch)
        # of a rule that is a default OPA keeps the first word alone
        place = rule.loc.showing(rule.loc.begin, rule.loc.begin + len("default")) if rule.default else rule.loc
        return {**out, **self._at(place)}

    def _head(self, rule: Rule, branch: bool) -> Json:
        head = rule.head
        out: Json = {"name": head.name} if _has_name(rule) else {}
        if head.args:
            out["args"] = self._terms(head.args)
        if head.key is not None:
            out["key"] = self.term(head.key)
        if head.value is not None:
            out["value"] = self.term(head.value)
            if head.generated_value and (branch or head.args or len(head.ref.terms) != 2):
                out["value"].pop("location", None)
        if head.assign:
            out["assign"] = True
        out["ref"] = self._terms(head.ref.terms)
        return {**out, **self._at(head.loc)}

    def body(self, body: Body) -> list[Json]:
        """The expressions of a body."""
        return [self.expr(e) for e in body]

    def expr(self, expr: Expr) -> Json:
        """One expression."""
        out: Json = {}
        if expr.generated:
            out["generated"] = True
        out["index"] = expr.index
        # a body that was made up stands where the rule's value does
        negative = expr.generated and _NEGATIVE.fullmatch(expr.loc.text)
        out.update(self._at(expr.loc.showing(expr.loc.begin, expr.loc.begin + 1) if negative else expr.loc))
        if expr.negated:
            out["negated"] = True
        out["terms"] = self._expr_terms(expr.terms)
        if expr.withs:
            out["with"] = [
                {**self._at(w.loc), "target": self.term(w.target), "value": self.term(w.value)} for w in expr.withs
            ]
        return out

    def _expr_terms(self, terms: ExprTerms) -> Any:
        match terms:
            case TermExpr(term):
                return self.term(term)
            case CallExpr(operator, args):
                return [self.term(operator), *self._terms(args)]
            case SomeDecl(symbols, loc):
                return {**self._at(loc), "symbols": self._terms(symbols)}
            case Every(key, value, domain, body, loc):
                return {
                    "body": self.body(body),
                    "domain": self.term(domain),
                    "key": None if key is None else self.term(key),
                    **self._at(loc),
                    "value": self.term(value),
                }
            case Not(body, _, explicit):
                # OPA has no switch for the places of these three
                return {"body": self.body(body), "explicit_body": explicit, "type": "not"}
            case LogicalAnd() as both:
                return self._logical(both, "and")
            case LogicalOr() as either:
                return self._logical(either, "or")
            case other:
                assert_never(other)

    def _logical(self, terms: LogicalAnd | LogicalOr, kind: str) -> Json:
        explicit = {"explicit_lhs": terms.explicit_lhs, "explicit_rhs": terms.explicit_rhs}
        return {
            **{k: True for k, v in explicit.items() if v},
            "lhs": self.body(terms.lhs),
            "rhs": self.body(terms.rhs),
            "type": kind,
        }

    def _terms(self, terms: Iterable[Term]) -> list[Json]:
        return [self.term(t) for t in terms]

    def term(self, term: Term) -> Json:
        """A term as ``{"type", "value"}``."""
        kind, value = self._typed(term)
        return {**self._at(_shown_place(term)), "type": kind, "value": value}

    def _typed(self, term: Term) -> tuple[str, Any]:
        match term:
            case Scalar(None):
                return "null", {}  # OPA's null is a struct without fields
            case Scalar(value):
                return _scalar_type(value), value
            case Var(name):
                return "var", name
            case Ref(terms):
                return "ref", self._terms(terms)
            case Array(items):
                return "array", self._terms(items)
            case Set(items):
                return "set", self._terms(distinct(items))
            case Object(pairs):
                return "object", [[self.term(k), self.term(v)] for k, v in in_order(pairs)]
            case Call(operator, args):
                return "call", [self.term(operator), *self._terms(args)]
            case ArrayComprehension(item, body):
                return "arraycomprehension", {"term": self.term(item), "body": self.body(body)}
            case SetComprehension(item, body):
                return "setcomprehension", {"term": self.term(item), "body": self.body(body)}
            case ObjectComprehension(key, value, body):
                shown = {"key": self.term(key), "value": self.term(value), "body": self.body(body)}
                return "objectcomprehension", shown
            case TemplateString(parts, multi_line):
                shown_parts = [self.expr(p) if isinstance(p, Expr) else self.term(p) for p in parts]
                return "templatestring", {"parts": shown_parts or None, "multi_line": multi_line}
            case other:
                assert_never(other)

    def _at(self, loc: Location, name: str = "location") -> Json:
        return {name: self._place(loc)} if self.locations and loc.row else {}

    def _place(self, loc: Location) -> Json:
        out: Json = {"file": loc.file, "row": loc.row, "col": loc.col}
        if self.locations and loc.end > loc.begin:
            out["text"] = b64encode(loc.text.encode()).decode()
        return out


def _shown_body(rule: Rule) -> Body:
    """The body; one that was never written gives way to what the compiler put behind it, or is marked as made up."""
    if not (rule.generated_body or rule.default):
        return rule.body
    first, rest = rule.body[0], rule.body[1:]
    if not rest:
        return (replace(first, generated=True),)
    return tuple(replace(e, index=i) for i, e in enumerate(rest))


def _has_name(rule: Rule) -> bool:
    """Whether OPA gives a head a name beside its reference, as all had before references of several steps."""
    head = rule.head
    if len(head.ref.terms) != 2:
        return len(head.ref.terms) == 1
    if head.value is None or head.generated_value:
        return False
    between = head.loc.source[head.loc.end : rule.body[0].loc.begin]
    return head.args is None or between.lstrip().startswith("if")


def _shown_place(term: Term) -> Location:
    """A term's place, with as much of the text as OPA keeps: of some terms that is one token."""
    loc = term.loc
    match term:
        case Scalar(value) if isinstance(value, int | Num) and loc.text.startswith("-"):
            return loc.showing(loc.begin, loc.begin + 1)
        case Ref((Array() | Object() | Set() | ArrayComprehension() | ObjectComprehension() | SetComprehension(), *_)):
            return loc.showing(max(loc.begin, term.head.loc.end - 1), loc.end)
    return loc


def _scalar_type(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


_NEGATIVE: Final = re.compile(r"-[0-9.][0-9.eE+-]*")
_PLAIN: Final = TreeJson()


def module_json(module: Module) -> Json:
    """A compiled module, without places."""
    return _PLAIN.compiled(module)


def rule_json(rule: Rule) -> Json:
    """A rule, without places."""
    return _PLAIN.rule(rule, annotations=False)


def body_json(body: Body) -> list[Json]:
    """The expressions of a body, without places."""
    return _PLAIN.body(body)


def term_json(term: Term) -> Json:
    """A term, without places."""
    return _PLAIN.term(term)


def value_of(tree: Any) -> Any:
    """A tree's JSON as a value of the language: keys in order."""
    match tree:
        case Mapping():
            return {k: value_of(tree[k]) for k in sorted(tree)}
        case list():
            return [value_of(x) for x in tree]
        case _:
            return tree
