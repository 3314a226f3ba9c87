"""Arrays, sets, objects and the comprehensions of each: everything in brackets and braces."""

from __future__ import annotations

from .cursor import Cursor, Mark
from .nodes import Array, ArrayComprehension, Object, ObjectComprehension, Set, SetComprehension, Term


def read_array(c: Cursor) -> Term | None:
    """An array or an array comprehension; its last token stays at hand."""
    start = c.token.start
    c.next()
    if c.at("]"):
        return Array((), c.closing(start))
    comprehension = not c.at(",")
    if not comprehension:
        c.next()
    mark = c.save()
    head = c.grammar.term(c)
    if head is None:
        return None
    if c.at("]"):
        return Array((head,), c.closing(start))
    if c.at(","):
        c.next()
        items = read_terms(c, "]", (head,))
        return None if items is None else Array(items, c.closing(start))
    if c.at("or") and comprehension:
        c.next()
        body = c.grammar.body(c, "]")
        if body is not None:
            return ArrayComprehension(head, body, c.closing(start))
        if not c.at(","):
            return None
    c.restore(mark)
    items = read_terms(c, "]")
    return None if items is None else Array(items, c.closing(start))


def read_braces(c: Cursor) -> Term | None:
    """A set, an object, or a comprehension of one; its last token stays at hand."""
    start = c.token.start
    c.next()
    if c.at("}"):
        return Object((), c.closing(start))
    comprehension = not c.at(",")
    if not comprehension:
        c.next()
    mark = c.save()
    head = c.grammar.term(c)
    if head is None:
        return None
    if c.at("or") and comprehension:
        return _read_set(c, start, mark, head, True)
    if c.at("}", ","):
        return _read_set(c, start, mark, head, comprehension)
    if c.at(":"):
        return _read_object(c, start, head, comprehension)
    c.restore(mark)
    head = c.grammar.infix(c, key_value=False)
    if head is None:
        return None
    if c.at("}", ","):
        return _read_set(c, start, mark, head, False)
    if c.at(":"):
        return _read_object(c, start, head, comprehension)
    c.illegal("non-terminated set")
    return None


def _read_set(c: Cursor, start: int, mark: Mark, head: Term, comprehension: bool) -> Term | None:
    if c.at("}"):
        return Set((head,), c.closing(start))
    if c.at(","):
        c.next()
        items = read_terms(c, "}", (head,))
        return None if items is None else Set(items, c.closing(start))
    if comprehension:
        c.next()
        body = c.grammar.body(c, "}")
        if body is not None:
            return SetComprehension(head, body, c.closing(start))
        if not c.at(","):
            return None
    c.restore(mark)
    items = read_terms(c, "}")
    return None if items is None else Set(items, c.closing(start))


def _read_object(c: Cursor, start: int, key: Term, comprehension: bool) -> Term | None:
    c.next()
    mark = c.save()
    value = c.grammar.term(c)
    if value is None:
        return None
    if comprehension:
        if c.at("}", ","):
            return _finish_object(c, start, key, value, True)
        if c.at("or"):
            made = _finish_object(c, start, key, value, True)
            if made is not None:
                return made
    c.restore(mark)
    value = c.grammar.infix(c, key_value=False)
    if value is None:
        return None
    if c.at("}", ","):
        return _finish_object(c, start, key, value, False)
    c.illegal("non-terminated object")
    return None


def _finish_object(c: Cursor, start: int, key: Term, value: Term, comprehension: bool) -> Term | None:
    if c.at("}"):
        return Object(((key, value),), c.closing(start))
    if c.at("or"):
        if not comprehension:
            c.illegal("non-terminated object")
            return None
        c.next()
        body = c.grammar.body(c, "}")
        return None if body is None else ObjectComprehension(key, value, body, c.closing(start))
    c.next()
    pairs = [(key, value)]
    while not c.at("}"):
        k = c.grammar.infix(c, key_value=False)
        if k is None:
            return None
        if not c.at(":"):
            c.illegal('expected ":"')
            return None
        c.next()
        v = c.grammar.infix(c, key_value=False)
        if v is None:
            return None
        pairs.append((k, v))
        if c.at("}"):
            break
        if not c.at(","):
            c.illegal('expected "," or "}"')
            return None
        c.next()
    return Object(tuple(pairs), c.closing(start))


def read_terms(c: Cursor, end: str, first: tuple[Term, ...] = ()) -> tuple[Term, ...] | None:
    """Terms separated by commas up to a closing token, which stays at hand."""
    found = list(first)
    if c.at(end):
        return tuple(found)
    while True:
        term = c.grammar.infix(c, key_value=False)
        if term is None:
            return None
        found.append(term)
        if c.at(end):
            return tuple(found)
        if not c.at(","):
            c.illegal(f'expected "," or "{end}"')
            return None
        c.next()
        if c.at(end):
            return tuple(found)
