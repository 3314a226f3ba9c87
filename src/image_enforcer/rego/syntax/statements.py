"""A text as statements: packages, imports, rules, and the bodies that may turn out to be rules."""

from __future__ import annotations

from typing import Final

from . import lexer
from .bodies import read_body, read_literal, read_query
from .cursor import Cursor, Grammar
from .imports import read_import, read_package
from .lexer import Source
from .nodes import Import, Package, Statement
from .rules import read_rules, report_keyword_name
from .terms import read_infix, read_term

GRAMMAR: Final = Grammar(term=read_term, infix=read_infix, body=read_body, literal=read_literal)


MAX_RULES: Final = 10_000
"""Rules of one module: what is made of them while they are read and checked stays below 64 MiB or so."""


def open_text(source: Source, version: int, *, all_keywords: bool = False, rules: bool = True) -> Cursor:
    """A cursor at the beginning of a text. With ``all_keywords`` version 0 knows the words of version 1 as well;
    without ``rules`` a text is one query."""
    return Cursor(source, version, GRAMMAR, all_keywords=all_keywords, rules=rules)


def read_statements(c: Cursor) -> list[Statement]:
    """All statements, up to the first fault."""
    found: list[Statement] = []
    rules = 0
    while not c.at(lexer.EOF):
        if c.with_rules and report_keyword_name(c, False):
            break
        got = _read_statement(c)
        if got is None:
            break
        found.extend(got)
        rules += sum(not isinstance(one, Package | Import) for one in got)
        if rules > MAX_RULES:
            c.error(c.loc(), f"more than {MAX_RULES} rules in one module: put what they list into data")
            break
        if len(found) - rules > MAX_RULES:
            c.error(c.loc(), f"more than {MAX_RULES} imports in one module: leave out those that nothing uses")
            break
    return found


def _read_statement(c: Cursor) -> list[Statement] | None:
    for word, read in (("kw:package", read_package), ("kw:import", read_import)):
        if c.at(word):
            mark = c.save()
            made = read(c)
            if made is not None:
                if c.at("minus"):
                    c.illegal()
                    return None
                return [made]
            if c.faults:
                return None
            c.restore(mark)
    if c.with_rules:
        mark = c.save()
        rules = read_rules(c)
        if rules is not None:
            return list(rules)
        if c.faults:
            return None
        c.restore(mark)
    body = read_query(c, lexer.EOF, require_semicolon=True)
    return None if body is None else [body]
