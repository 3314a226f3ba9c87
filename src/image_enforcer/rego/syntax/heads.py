"""Heads of rules: name, reference, arguments, key and value; and what ``default`` allows."""

from __future__ import annotations

from ..places import Location
from ..records import replace
from .cursor import Cursor
from .keywords import INFIX_TOKENS
from .nodes import Call, Head, Ref, Scalar, Term, Var
from .shapes import dotted, refs_vars_calls, value_name
from .terms import read_infix, read_ref


def read_head(c: Cursor, default: bool) -> tuple[Head, bool] | None:
    """A rule's head, and whether it is one with ``contains``."""
    start = c.token.start
    first = c.variable()
    term = _finish_name(c, first)
    if term is None:
        c.illegal("expected rule head name")
        return None
    args: tuple[Term, ...] | None = None
    match term:
        case Var(name):
            ref = Ref((term,), term.loc)
        case Ref():
            ref = term
        case Call(operator, call_args):
            if not isinstance(operator.head, Var):
                c.illegal(f"rule head ref {dotted(operator)} invalid")
                return None
            ref, args = operator, call_args
        case _:
            return None
    name = ref.head.name if isinstance(ref.head, Var) else ""
    shown = dotted(ref)
    if c.at("kw:contains"):
        if args is not None:
            c.illegal(
                "the contains keyword can only be used with multi-value rule definitions"
                f" (e.g., {shown} contains <VALUE> {{ ... }})"
            )
        c.next()
        key = read_infix(c)
        if key is None:
            c.illegal(f"expected rule key term (e.g., {shown} contains <VALUE> {{ ... }})")
        return Head(name, ref, args, key, None, loc=c.span(start)), True
    value: Term | None = None
    assign = False
    if c.at("eq"):
        c.next()
        value = read_infix(c)
        if value is None:
            c.illegal(f"expected rule value term (e.g., {shown}[<nil>] = <VALUE> {{ ... }})")
    elif c.at("assign"):
        c.next()
        assign = True
        value = read_infix(c)
        if value is None:
            if args:
                note = f"expected function value term (e.g., {shown}(...) := <VALUE> {{ ... }})"
            elif default:
                note = f"expected default rule value term (e.g., default {shown} := <VALUE>)"
            else:
                note = f"expected rule value term (e.g., {shown} := <VALUE> {{ ... }})"
            c.illegal(note)
    place = c.span(start)
    generated = False
    if value is None and (len(ref.terms) != 2 or args):
        value, generated = Scalar(True, place), True
    return Head(name, ref, args, None, value, assign, generated, place), False


def _finish_name(c: Cursor, head: Var) -> Term | None:
    c.next()
    token = c.token
    if not token.space and token.kind in INFIX_TOKENS and not c.at("kw:in"):
        c.illegal()
    if c.at("(", ".", "[") and not token.newline:
        return read_ref(c, head, head.loc.offset)
    if c.at("(", ".", "["):
        return read_ref(c, head, head.loc.offset)
    if head.name in ("input", "data"):
        return Ref((head,), head.loc)
    return head


def default_is_constant(c: Cursor, head: Head, loc: Location) -> bool:
    """Whether a ``default`` rule has a value without references, variables and calls; reports what it has."""
    if head.value is None:
        c.error(loc, "illegal default rule (must have a value)")
        return False
    ok = True
    for name in refs_vars_calls(head.value):
        c.error(loc, f"illegal default rule (value cannot contain {name})")
        ok = False
    if not ok or not head.args:
        return ok
    seen: set[str] = set()
    for arg in head.args:
        if not isinstance(arg, Var):
            c.error(loc, f"illegal default rule (arguments cannot contain {value_name(arg)})")
            ok = False
        elif arg.name in seen:
            c.error(loc, f"illegal default rule (arguments cannot be repeated {arg.name})")
            ok = False
        else:
            seen.add(arg.name)
    return ok


def with_fresh_wildcards(c: Cursor, head: Head) -> Head:
    """A head for a further body: each ``_`` among its arguments is a variable of its own again."""
    if head.args is None:
        return head
    return replace(
        head, args=tuple(c.wildcard(a.loc) if isinstance(a, Var) and a.is_wildcard else a for a in head.args)
    )
