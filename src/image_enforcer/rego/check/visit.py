"""Walking and rebuilding syntax trees: what all stages of the checks share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..signatures import signatures
from ..syntax.nodes import (
    Array,
    ArrayComprehension,
    Body,
    Call,
    CallExpr,
    Every,
    Expr,
    ExprTerms,
    Head,
    LogicalAnd,
    LogicalOr,
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
    With,
)  # fmt: skip

ROOTS = ("data", "input")
"""The documents that every reference to the outside begins with."""


class Rewriter:
    """Rebuilds trees from the leaves up; a stage overrides what it changes."""

    def term(self, term: Term) -> Term:
        """A term, its parts rebuilt."""
        match term:
            case Scalar() | Var():
                return term
            case Ref(terms):
                return replace(term, terms=self.terms(terms))
            case Array(items) | Set(items):
                return replace(term, items=self.terms(items))
            case Object(pairs):
                return replace(term, pairs=tuple((self.term(k), self.term(v)) for k, v in pairs))
            case ArrayComprehension(inner, body) | SetComprehension(inner, body):
                made = self.body(body)
                return replace(term, term=self.term(inner), body=made)
            case ObjectComprehension(k, v, body):
                made = self.body(body)
                return replace(term, key=self.term(k), value=self.term(v), body=made)
            case Call(operator, args):
                return replace(term, operator=self.operator(operator), args=self.terms(args))
            case TemplateString(parts):
                return replace(term, parts=tuple(self.expr(p) if isinstance(p, Expr) else p for p in parts))

    def terms(self, terms: tuple[Term, ...]) -> tuple[Term, ...]:
        """Several terms."""
        return tuple([self.term(t) for t in terms])

    def operator(self, operator: Ref) -> Ref:
        """What is called."""
        made = self.term(operator)
        return made if isinstance(made, Ref) else operator

    def body(self, body: Body) -> Body:
        """The expressions of a body."""
        return tuple([self.expr(e) for e in body])

    def expr(self, expr: Expr) -> Expr:
        """One expression and its modifiers."""
        made = replace(expr, terms=self.expr_terms(expr))
        return replace(made, withs=tuple([self.with_(w) for w in expr.withs])) if expr.withs else made

    def expr_terms(self, expr: Expr) -> ExprTerms:
        """What an expression consists of."""
        match expr.terms:
            case TermExpr(term):
                return TermExpr(self.term(term))
            case CallExpr(operator, args):
                return CallExpr(self.operator(operator), self.terms(args))
            case SomeDecl(symbols):
                return replace(expr.terms, symbols=self.terms(symbols))
            case Every(k, v, domain, body):
                made_domain = self.term(domain)
                return replace(
                    expr.terms,
                    key=None if k is None else self.term(k),
                    value=self.term(v),
                    domain=made_domain,
                    body=self.body(body),
                )
            case Not(body):
                return replace(expr.terms, body=self.body(body))
            case LogicalAnd(lhs, rhs) | LogicalOr(lhs, rhs):
                return replace(expr.terms, lhs=self.body(lhs), rhs=self.body(rhs))

    def with_(self, item: With) -> With:
        """One ``with``."""
        return replace(item, target=self.term(item.target), value=self.term(item.value))

    def head(self, head: Head) -> Head:
        """A rule's head; the first term of its reference is a name, not a variable."""
        ref = head.ref
        return replace(
            head,
            ref=replace(ref, terms=(ref.terms[0], *self.terms(ref.terms[1:]))),
            args=None if head.args is None else self.terms(head.args),
            key=None if head.key is None else self.term(head.key),
            value=None if head.value is None else self.term(head.value),
        )

    def rule(self, rule: Rule) -> Rule:
        """A rule with its ``else`` branches."""
        return replace(
            rule,
            head=self.head(rule.head),
            body=self.body(rule.body),
            else_=None if rule.else_ is None else self.rule(rule.else_),
        )


def children(node: object) -> Iterator[object]:
    """The terms, expressions and bodies directly below a node."""
    match node:
        case tuple():
            yield from node
        case Ref(terms):
            yield from terms
        case Array(items) | Set(items):
            yield from items
        case Object(pairs):
            for k, v in pairs:
                yield k
                yield v
        case ArrayComprehension(inner, body) | SetComprehension(inner, body):
            yield inner
            yield from body
        case ObjectComprehension(k, v, body):
            yield k
            yield v
            yield from body
        case Call(operator, args) | CallExpr(operator, args):
            yield operator
            yield from args
        case TemplateString(parts):
            yield from parts
        case Expr(terms):
            yield terms
            yield from node.withs
        case TermExpr(term):
            yield term
        case SomeDecl(symbols):
            yield from symbols
        case Every(k, v, domain, body):
            if k is not None:
                yield k
            yield v
            yield domain
            yield from body
        case Not(body):
            yield from body
        case LogicalAnd(lhs, rhs) | LogicalOr(lhs, rhs):
            yield from lhs
            yield from rhs
        case With(target, value):
            yield target
            yield value
        case Head():
            yield from node.ref.terms[1:]
            yield from node.args or ()
            if node.key is not None:
                yield node.key
            if node.value is not None:
                yield node.value
        case Rule():
            yield node.head
            yield from node.body
            if node.else_ is not None:
                yield node.else_


def walk(node: object) -> Iterator[object]:
    """A node and everything below it, in the order of the text."""
    todo = [node]
    while todo:
        x = todo.pop()
        yield x
        todo.extend(reversed(list(children(x))))


def variables(
    node: object, *, closures: bool = True, ref_heads: bool = True, call_heads: bool = True, sets: bool = True,
    object_keys: bool = True,
) -> dict[str, Var]:  # fmt: skip
    """The variables in a node by name, in order of appearance, with what is to be left out left out."""
    found: dict[str, Var] = {}
    todo: list[object] = [node]
    while todo:
        x = todo.pop()
        match x:
            case Var(name):
                found.setdefault(name, x)
                continue
            case ArrayComprehension() | SetComprehension() | ObjectComprehension() if not closures:
                continue
            case Every(_, _, domain, _) if not closures:
                todo.append(domain)
                continue
            case Not() | LogicalAnd() | LogicalOr() | TemplateString() if not closures:
                continue
            case With(target, value):
                todo.append(value if not _is_function_name(value) else ())
                todo.extend(reversed(target.terms[1:] if isinstance(target, Ref) else ()))
                continue
            case Set() if not sets:
                continue
            case Object(pairs) if not object_keys:
                todo.extend(reversed([v for _, v in pairs]))
                continue
            case Ref(terms):
                todo.extend(reversed(terms[1:]))
                if ref_heads or not isinstance(terms[0], Var):
                    todo.append(terms[0])
                continue
            case Call(operator, args) | CallExpr(operator, args):
                todo.extend(reversed(args))
                if call_heads and not is_builtin_name(operator):
                    todo.append(operator)
                continue
        todo.extend(reversed(list(children(x))))
    return found


def _is_function_name(value: Term) -> bool:
    """Whether the value of a ``with`` is the name of a built-in."""
    name = value.name if isinstance(value, Var) else operator_name(value) if isinstance(value, Ref) else ""
    return name in signatures()


def is_builtin_name(operator: Ref) -> bool:
    """Whether a call's operator is a name of its own, not a reference below ``data`` or a variable's."""
    head = operator.head
    return isinstance(head, Var) and head.name not in ("data", "input")


def operator_name(operator: Ref) -> str:
    """A call's operator as dotted text."""
    head = operator.head
    first = head.name if isinstance(head, Var) else ""
    return ".".join([first, *(str(t.value) if isinstance(t, Scalar) else "?" for t in operator.path)])


def is_equality(expr: Expr) -> bool:
    """Whether an expression is ``a = b``."""
    return isinstance(expr.terms, CallExpr) and expr.terms.operator.terms == (Var("eq"),)


def is_assignment(expr: Expr) -> bool:
    """Whether an expression is ``a := b``."""
    return isinstance(expr.terms, CallExpr) and expr.terms.operator.terms == (Var("assign"),)


def original_ref(ref: Ref, original: Mapping[str, str]) -> Ref:
    """A reference with the variables' written names."""
    return replace(
        ref, terms=tuple(replace(t, name=original.get(t.name, t.name)) if isinstance(t, Var) else t for t in ref.terms)
    )
