"""Walking and rebuilding syntax trees: what all stages of the checks share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import is_
from types import NoneType
from typing import Any, TypeVar

from ..records import replace
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

T = TypeVar("T")
ROOTS = ("data", "input")
"""The documents that every reference to the outside begins with."""


def kept(old: tuple[T, ...], new: list[T]) -> tuple[T, ...]:
    """The new items; the old tuple itself where they are the same ones, so that nothing above needs rebuilding."""
    return old if len(old) == len(new) and all(map(is_, old, new)) else tuple(new)


def indexed(body: Iterable[Expr]) -> Body:
    """A body whose expressions know their places in it."""
    return tuple([e if e.index == i else replace(e, index=i) for i, e in enumerate(body)])


class Rewriter:
    """Rebuilds trees from the leaves up; a stage overrides what it changes. A node without changes stays itself."""

    def term(self, term: Term) -> Term:
        """A term, its parts rebuilt."""
        match term:
            case Scalar() | Var():
                return term
            case Ref(terms):
                made = self.terms(terms)
                return term if made is terms else replace(term, terms=made)
            case Array(items) | Set(items):
                made = self.terms(items)
                return term if made is items else replace(term, items=made)
            case Object(pairs):
                flat = tuple([t for p in pairs for t in p])
                made = self.terms(flat)
                return term if made is flat else replace(term, pairs=tuple(zip(made[::2], made[1::2], strict=True)))
            case ArrayComprehension(inner, body) | SetComprehension(inner, body):
                made_body = self.body(body)
                head = self.term(inner)
                return term if made_body is body and head is inner else replace(term, term=head, body=made_body)
            case ObjectComprehension(k, v, body):
                made_body = self.body(body)
                key, value = self.term(k), self.term(v)
                if made_body is body and key is k and value is v:
                    return term
                return replace(term, key=key, value=value, body=made_body)
            case Call(operator, args):
                made_operator, made = self.operator(operator), self.terms(args)
                if made_operator is operator and made is args:
                    return term
                return replace(term, operator=made_operator, args=made)
            case TemplateString(parts):
                made_parts = kept(parts, [self.expr(p) if isinstance(p, Expr) else p for p in parts])
                return term if made_parts is parts else replace(term, parts=made_parts)

    def terms(self, terms: tuple[Term, ...]) -> tuple[Term, ...]:
        """Several terms."""
        return kept(terms, [self.term(t) for t in terms])

    def operator(self, operator: Ref) -> Ref:
        """What is called."""
        made = self.term(operator)
        return made if isinstance(made, Ref) else operator

    def body(self, body: Body) -> Body:
        """The expressions of a body."""
        return kept(body, [self.expr(e) for e in body])

    def expr(self, expr: Expr) -> Expr:
        """One expression and its modifiers."""
        made = self.expr_terms(expr)
        withs = kept(expr.withs, [self.with_(w) for w in expr.withs])
        return expr if made is expr.terms and withs is expr.withs else replace(expr, terms=made, withs=withs)

    def expr_terms(self, expr: Expr) -> ExprTerms:
        """What an expression consists of."""
        terms = expr.terms
        match terms:
            case TermExpr(term):
                made_term = self.term(term)
                return terms if made_term is term else TermExpr(made_term)
            case CallExpr(operator, args):
                made_operator, made = self.operator(operator), self.terms(args)
                return terms if made_operator is operator and made is args else CallExpr(made_operator, made)
            case SomeDecl(symbols):
                made = self.terms(symbols)
                return terms if made is symbols else replace(terms, symbols=made)
            case Every(k, v, domain, body):
                key = None if k is None else self.term(k)
                made_domain = self.term(domain)
                return replace(terms, key=key, value=self.term(v), domain=made_domain, body=self.body(body))
            case Not(body):
                made_body = self.body(body)
                return terms if made_body is body else replace(terms, body=made_body)
            case LogicalAnd(lhs, rhs) | LogicalOr(lhs, rhs):
                return replace(terms, lhs=self.body(lhs), rhs=self.body(rhs))

    def with_(self, item: With) -> With:
        """One ``with``."""
        target, value = self.term(item.target), self.term(item.value)
        return item if target is item.target and value is item.value else replace(item, target=target, value=value)

    def head(self, head: Head) -> Head:
        """A rule's head; the first term of its reference is a name, not a variable."""
        steps = head.ref.terms[1:]
        made = self.terms(steps)
        ref = head.ref if made is steps else replace(head.ref, terms=(head.ref.terms[0], *made))
        args = None if head.args is None else self.terms(head.args)
        key = None if head.key is None else self.term(head.key)
        value = None if head.value is None else self.term(head.value)
        if ref is head.ref and args is head.args and key is head.key and value is head.value:
            return head
        return replace(head, ref=ref, args=args, key=key, value=value)

    def rule(self, rule: Rule) -> Rule:
        """A rule with its ``else`` branches."""
        head, body = self.head(rule.head), self.body(rule.body)
        else_ = None if rule.else_ is None else self.rule(rule.else_)
        if head is rule.head and body is rule.body and else_ is rule.else_:
            return rule
        return replace(rule, head=head, body=body, else_=else_)


def _leaf(_node: Any) -> tuple[object, ...]:
    return ()


def _head_parts(head: Head) -> tuple[object, ...]:
    steps = (*head.ref.terms[1:], *(head.args or ()))
    return (*steps, *(t for t in (head.key, head.value) if t is not None))


_CHILDREN: dict[type, Callable[[Any], Sequence[object]]] = {
    tuple: lambda n: n,
    list: lambda n: n,
    NoneType: _leaf,
    Scalar: _leaf,
    Var: _leaf,
    Ref: lambda n: n.terms,
    Array: lambda n: n.items,
    Set: lambda n: n.items,
    Object: lambda n: [t for p in n.pairs for t in p],
    ArrayComprehension: lambda n: (n.term, *n.body),
    SetComprehension: lambda n: (n.term, *n.body),
    ObjectComprehension: lambda n: (n.key, n.value, *n.body),
    Call: lambda n: (n.operator, *n.args),
    CallExpr: lambda n: (n.operator, *n.args),
    TemplateString: lambda n: n.parts,
    Expr: lambda n: (n.terms, *n.withs),
    TermExpr: lambda n: (n.term,),
    SomeDecl: lambda n: n.symbols,
    Every: lambda n: (*(() if n.key is None else (n.key,)), n.value, n.domain, *n.body),
    Not: lambda n: n.body,
    LogicalAnd: lambda n: (*n.lhs, *n.rhs),
    LogicalOr: lambda n: (*n.lhs, *n.rhs),
    With: lambda n: (n.target, n.value),
    Head: _head_parts,
    Rule: lambda n: (n.head, *n.body, *(() if n.else_ is None else (n.else_,))),
}


def children(node: object) -> Sequence[object]:
    """The terms, expressions and bodies directly below a node."""
    return _CHILDREN[type(node)](node)


def walk(node: object) -> Iterator[object]:
    """A node and everything below it, in the order of the text."""
    todo = [node]
    while todo:
        x = todo.pop()
        yield x
        below = _CHILDREN[type(x)](x)
        if below:
            todo.extend(below[::-1])


def variables(
    node: object, *, closures: bool = True, ref_heads: bool = True, call_heads: bool = True, sets: bool = True,
    object_keys: bool = True, functions: bool = False,
) -> dict[str, Var]:  # fmt: skip
    """The variables in a node by name, in order of appearance, with what is to be left out left out.

    With ``functions`` the names of built-ins count as variables, where they are called and in ``with``.
    """
    found: dict[str, Var] = {}
    todo: list[object] = [node]
    while todo:
        x = todo.pop()
        match x:
            case Var(name):
                found.setdefault(name, x)
                continue
            case Ref(terms):
                todo.extend(terms[:0:-1])
                if ref_heads:
                    todo.append(terms[0])
                continue
            case Call(operator, args) | CallExpr(operator, args):
                todo.extend(args[::-1])
                if call_heads and (functions or not is_builtin_name(operator)):
                    todo.append(operator)
                continue
            case ArrayComprehension() | SetComprehension() | ObjectComprehension() if not closures:
                continue
            case Expr(Every(_, _, domain, _)) if not closures:
                todo.append(domain)  # and none of its modifiers: they stand behind the domain as well
                continue
            case Not() | LogicalAnd() | LogicalOr() | TemplateString() if not closures:
                continue
            case With(target, value) if functions and closures:
                todo.extend((value, target))
                continue
            case With(target, value):
                if not closures and isinstance(value, Ref):  # where it starts is overlooked, for it may be a function
                    todo.extend(value.terms[:0:-1])
                else:
                    todo.append(value if functions or not _is_function_name(value) else ())
                todo.extend(target.terms[:0:-1] if isinstance(target, Ref) else ())
                continue
            case Set() if not sets:
                continue
            case Object(pairs) if not object_keys:
                todo.extend([v for _, v in reversed(pairs)])
                continue
        todo.extend(children(x)[::-1])
    return found


def _is_function_name(value: Term) -> bool:
    """Whether the value of a ``with`` is the name of a built-in."""
    name = value.name if isinstance(value, Var) else operator_name(value) if isinstance(value, Ref) else ""
    return name in signatures()


def is_builtin_name(operator: Ref) -> bool:
    """Whether a call's operator is a name of its own, not a reference below ``data`` or a variable."""
    head = operator.head
    return isinstance(head, Var) and head.name not in ("data", "input") and not head.is_generated


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
