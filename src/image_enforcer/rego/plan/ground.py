"""Terms without variables, and the values that they stand for."""

from __future__ import annotations

from typing import TypeAlias

from ..syntax import nodes as ast
from ..values import RegoSet, Value, key, unkey

Form: TypeAlias = tuple[object, ...]
"""What equal terms have in common."""


def is_root(term: ast.Term, *names: str) -> bool:
    """Whether a term is ``input`` or ``data``, or one of the names."""
    return isinstance(term, ast.Var) and term.name in (names or ("input", "data"))


def is_ground(term: ast.Term) -> bool:
    """Whether a term is made of constants alone."""
    match term:
        case ast.Scalar():
            return True
        case ast.Array(items) | ast.Set(items):
            return all(map(is_ground, items))
        case ast.Object(pairs):
            return all(is_ground(x) for pair in pairs for x in pair)
        case _:
            return False


def ground_value(term: ast.Term) -> Value:
    """The value of a term that is ground. Raises ``LookupError`` for another one."""
    match term:
        case ast.Scalar(value):
            return value
        case ast.Array(items):
            return [ground_value(i) for i in items]
        case ast.Set(items):
            return RegoSet.of([ground_value(i) for i in items])
        case ast.Object(pairs):
            return {key(ground_value(k)): ground_value(v) for k, v in pairs}
        case _:
            raise LookupError("a term with variables has no value")


def ground_term(value: Value) -> ast.Term:
    """The term that stands for a value."""
    if type(value) is list:
        return ast.Array(tuple(map(ground_term, value)))
    if type(value) is dict:
        return ast.Object(tuple((ground_term(unkey(k)), ground_term(v)) for k, v in value.items()))
    return ast.Set(tuple(map(ground_term, value))) if type(value) is RegoSet else ast.Scalar(value)


def form(term: ast.Term) -> Form:
    """The same for equal terms, variables by name."""
    if is_ground(term):
        return ("value", key(ground_value(term)))
    match term:
        case ast.Var(name):
            return ("variable", name)
        case ast.Array(items):
            return ("array", *map(form, items))
        case _:
            return ("term", term)


def ref_name(ref: ast.Ref) -> str:
    """A reference of constants as dotted text: ``data.a.f``, ``json.filter``."""
    head = ref.head
    parts = [head.name if isinstance(head, ast.Var) else str(getattr(head, "value", ""))]
    parts.extend(str(t.value) if isinstance(t, ast.Scalar) else "?" for t in ref.path)
    return ".".join(parts)
