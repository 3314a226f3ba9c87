"""Terms: operators by precedence, references, calls, and what a term begins with."""

from __future__ import annotations

from ..places import Location
from ..records import replace
from . import lexer
from .composites import read_array, read_braces, read_terms
from .cursor import Cursor
from .keywords import INFIX
from .literals import read_number, read_string, read_template
from .nodes import Call, Ref, Scalar, Set, TemplateString, Term, Var
from .shapes import value_name


def read_infix(c: Cursor, key_value: bool = True) -> Term | None:
    """A term with infix operators; ``key_value`` allows ``k, v in xs``."""
    c.enter()
    try:
        return _read_membership(c, key_value)
    finally:
        c.depth -= 1


def _read_membership(c: Cursor, key_value: bool) -> Term | None:
    start = c.token.start
    lhs = _read_binary(c, 2)
    links = 0
    while lhs is not None:
        links += 1
        c.link(links)
        if key_value and c.at(","):
            mark = c.save()
            c.next()
            middle = _read_binary(c, 2)
            if middle is not None and c.at("kw:in"):
                operator = _member(c, "member_3")
                c.next()
                rhs = _read_binary(c, 2)
                if rhs is not None:
                    lhs = Call(operator, (lhs, middle, rhs), c.spanning(lhs.loc, start))
                    if c.at("kw:in"):
                        continue
                    return lhs
            c.restore(mark)
        c.take_keyword_as_name()
        if not c.at("kw:in"):
            return lhs
        operator = _member(c, "member_2")
        c.next()
        rhs = _read_binary(c, 2)
        if rhs is None:
            return lhs
        lhs = Call(operator, (lhs, rhs), c.spanning(lhs.loc, start))
        if not c.at("kw:in"):
            return lhs
    return None


def _member(c: Cursor, name: str) -> Ref:
    loc = c.loc()
    return Ref((Var("internal", loc), Scalar(name, loc)), loc)


def _read_binary(c: Cursor, level: int) -> Term | None:
    """Left-associative operators from this level of precedence up."""
    start = c.token.start
    lhs = read_term(c)
    return None if lhs is None else _climb(c, lhs, start, level)


def _climb(c: Cursor, lhs: Term, start: int, level: int) -> Term | None:
    links = 0
    while True:
        power = _power(c)
        if power < level or power == 1:
            return lhs
        links += 1
        c.link(links)
        operator = Ref((Var(c.kind(), c.loc()),), c.loc())
        c.next()
        rhs_start = c.token.start
        rhs = read_term(c)
        while rhs is not None:
            following = _power(c)
            if following <= power:
                break
            rhs = _climb(c, rhs, rhs_start, following)
        if rhs is None:
            # the fault is reported: as in OPA, reading goes on with operators that bind less, to what else is wrong
            c.stuck = (c.pos, power)
            continue
        lhs = Call(operator, (lhs, rhs), c.spanning(lhs.loc, start))


def _power(c: Cursor) -> int:
    """How strongly the operator at hand binds; 0 for what is none, or follows an operator without its operand."""
    found = INFIX.get(c.kind(), 0)
    return 0 if c.pos == c.stuck[0] and found >= c.stuck[1] else found


def read_term(c: Cursor) -> Term | None:
    """A single term, references and calls included."""
    mark = (c.pos, c.generation, c.as_name)
    known = None if c.hints else c.memo.get(mark)
    if known is not None:
        made, c.pos, c.as_name, own = known
        c.recall(mark, own)
        return made
    fresh = not c.hints
    before = len(c.faults)
    c.enter()
    try:
        made = _read_term_anew(c)
    finally:
        c.depth -= 1
    # A constant is as soon read as looked up, and a large document holds little else.
    if fresh and not c.hints and (type(made) is not Scalar or len(c.faults) > before):
        c.memo[mark] = (made, c.pos, c.as_name, tuple(c.faults[before:]))
        c.remember(mark)
    return made


def _read_term_anew(c: Cursor) -> Term | None:
    token = c.token
    kind = c.kind()
    if kind in ("kw:and", "kw:or"):
        following = c.tokens[min(c.pos + 1, len(c.tokens) - 1)]
        if following.kind == "(" and not following.space:
            c.as_name = c.pos
            kind = lexer.IDENT
    loc = c.loc()
    match kind:
        case "kw:null":
            return _finish(c, Scalar(None, loc))
        case "kw:true":
            return _finish(c, Scalar(True, loc))
        case "kw:false":
            return _finish(c, Scalar(False, loc))
        case "minus":
            return _read_minus(c, loc)
        case "." | lexer.NUMBER:
            number = read_number(c)
            return None if number is None else _finish(c, number)
        case lexer.STRING:
            text = read_string(c, token)
            return None if text is None else _finish(c, Scalar(text, loc))
        case lexer.RAW_STRING:
            return _finish(c, Scalar(token.text, loc))
        case lexer.TEMPLATE_PART | lexer.TEMPLATE_END:
            made: Term | None = read_template(c, False)
        case lexer.RAW_TEMPLATE_PART | lexer.RAW_TEMPLATE_END:
            made = read_template(c, True)
        case lexer.IDENT | "kw:contains":
            return _finish(c, c.variable())
        case "[":
            made = read_array(c)
        case "{":
            made = read_braces(c)
        case "(":
            c.next()
            made = read_infix(c)
            if made is not None:
                if not c.at(")"):
                    c.error(c.loc(), "non-terminated expression")
                    return None
                made = replace(made, loc=made.loc.showing(token.start, c.token.end))
        case _:
            c.illegal()
            return None
    return None if made is None else _finish(c, made)


def _read_minus(c: Cursor, loc: Location) -> Term | None:
    mark = c.save()
    c.next()
    if c.at(lexer.IDENT, "kw:contains"):
        operand = _finish(c, c.variable())
        if operand is None:
            return None
        operator = Ref((Var("minus", loc),), loc)
        return Call(operator, (Scalar(0, loc), operand), c.span(loc.offset))
    c.restore(mark)
    number = read_number(c)
    return None if number is None else _finish(c, number)


def _finish(c: Cursor, head: Term) -> Term | None:
    """What directly follows a term's first part, whose last token is at hand: steps of a reference, or arguments."""
    c.next()
    token = c.token
    if not token.space and token.kind in ("(", ".", "["):
        return read_ref(c, head, head.loc.offset)
    if isinstance(head, Var) and head.name in ("input", "data"):
        return Ref((head,), head.loc)
    return head


def _show_whitespace(c: Cursor, at: int) -> None:
    """Put what stands behind a dot in the place of what follows: whitespace, or the line's end behind a comment."""
    text = c.source.text
    if text[at] == "#":
        at = text.find("\n", at)
        if at < 0:
            return
    c.show_whitespace(at)


def read_ref(c: Cursor, head: Term, start: int) -> Term | None:
    """The steps and calls behind a term."""
    c.enter()
    try:
        return _read_steps(c, head, start)
    finally:
        c.depth -= 1


def _read_steps(c: Cursor, head: Term, start: int) -> Term | None:
    if isinstance(head, Scalar | TemplateString | Ref):
        c.error(head.loc, f"illegal ref (head cannot be {value_name(head)})")
    terms: list[Term] = [head]
    first = True
    while True:
        token = c.token
        if (token.space and not first) or token.kind not in (".", "(", "["):
            return Ref(tuple(terms), c.span(start))
        first = False
        if token.kind == ".":
            c.next()
            if c.token.space:
                _show_whitespace(c, token.end)
            if c.token.kind != lexer.IDENT:
                c.illegal("expected identifier")
                return None
            terms.append(Scalar(c.token.text, c.loc()))
            c.next()
        elif token.kind == "[":
            c.next()
            step = read_infix(c)
            if step is None:
                return None
            if not c.at("]"):
                c.illegal("expected [")
                return None
            terms.append(step)
            c.next()
        else:
            operator = Ref(tuple(terms), c.source.location(start, token.start))
            call = _read_call(c, operator, start)
            if call is None:
                return None
            if not c.token.space and c.at(".", "["):
                return read_ref(c, call, start)
            return call


def _read_call(c: Cursor, operator: Ref, start: int) -> Term | None:
    """The arguments of a call, from the opening parenthesis."""
    c.next()
    args = read_terms(c, ")")
    if args is None:
        return None
    c.next()
    place = c.span(start)
    if not args and operator.terms == (Var("set"),):
        return Set((), place)
    return Call(operator, args, place)
