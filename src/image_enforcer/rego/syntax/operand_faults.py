"""What is wrong with an operand of ``and``, ``or`` and ``not``: mostly braces that could be read two ways."""

from __future__ import annotations

from ..places import Location
from .cursor import Cursor, Mark
from .nodes import Body, Call, CallExpr, Term
from .shapes import dotted, value_name
from .terms import read_infix


def explain_braces(c: Cursor, mark: Mark, brace: int, loc: Location, prefix: str, word: str = "") -> None:
    """The braces of an operand may hold a value instead of a body: say so where they do."""
    after = c.save()
    kept = c.faults[len(mark[1]) :]
    c.restore(mark)
    term = read_infix(c)
    if term is not None:
        shown = c.span(brace).text
        if word:
            c.hints.append(f"wrap the operand to keep the value: `({shown}) {word} ...`")
            c.error(loc, f"operand of `{word}` cannot begin with `{{` unless the braces hold a body")
        else:
            c.hints.append(
                f"write `{prefix}({shown})` to negate the value, or `{prefix}{{{shown}}}` for a body holding it"
            )
            c.error(
                loc,
                f"`{{...}}` in an operand position must contain expression(s), got: {value_name(_brace_led(term))}",
            )
        return
    c.restore(mark)
    c.pos = after[0]
    c.faults.extend(kept)


def is_ambiguous_union(body: Body) -> bool:
    """Whether braces hold ``a | b``, which could be a comprehension as well as a set union."""
    first = body[0]
    if not isinstance(first.terms, CallExpr) or dotted(first.terms.operator) != "or":
        return False
    return first.terms.operator.loc.text == "|" and not first.loc.text.strip().startswith("(")


def report_union(c: Cursor, loc: Location, brace: int, body: Body, prefix: str) -> None:
    """Report braces that could be read two ways, with both ways of writing them clearly."""
    braces = c.span(brace).text
    inner = body[0].loc
    rel = inner.offset - brace
    union = braces
    if rel > 0:
        union = f"{braces[:rel]}({inner.text}){braces[rel + len(inner.text) :]}"
    c.hints.append(f"write `{prefix}({braces})` for the comprehension, or `{prefix}{union}` for the set union")
    c.error(
        loc,
        "ambiguous `{ ... | ... }` operand: read as a body holding a set-union expression, not as a comprehension",
    )


def check_void(c: Cursor, body: Body, word: str) -> None:
    """Report an operand that only calls ``print``, which can never fail."""
    names = [dotted(e.terms.operator) for e in body if isinstance(e.terms, CallExpr) and not e.negated]
    if len(names) == len(body) and names and all(n == "print" for n in names):
        name = names[0]
        c.hints.append(
            f"`{name}` produces no value and always succeeds, so the operand can never fail;"
            " move it out of the operand, or add an expression that can fail"
        )
        c.error(body[0].loc, f"operand of `{word}` cannot consist only of calls to `{name}`")


def report_with_on_operand(c: Cursor, loc: Location) -> None:
    """Report a ``with`` on an operand, where it could be meant for the operand or for the whole."""
    word = c.kind()[3:]
    c.hints.append(
        "Wrap the operand in `(...)` or `{...}` to scope, or move `with` after the"
        f" `{word}` expression to apply it to the whole expression"
    )
    c.error(loc, f"`with` modifier is not allowed on operand of `{word}`")


def _brace_led(term: Term) -> Term:
    if isinstance(term, Call) and term.args:
        name = dotted(term.operator)
        if len(term.operator.terms) == 1 or name in ("internal.member_2", "internal.member_3"):
            return _brace_led(term.args[0])
    return term
