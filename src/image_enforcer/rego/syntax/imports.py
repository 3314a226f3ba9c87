"""``package`` and ``import``; an import of keywords changes what the rest of the text means."""

from __future__ import annotations

from ..places import Location
from . import lexer
from .cursor import Cursor
from .keywords import FUTURE_V0, FUTURE_V1, KEYWORDS_V0, KEYWORDS_V1
from .nodes import Import, Package, Ref, Scalar, Var
from .shapes import dotted, value_name
from .terms import read_term


def read_package(c: Cursor) -> Package | None:
    """``package a.b``."""
    loc = c.loc()
    if c.starts_ref():
        return None
    c.next()
    if not c.take_name():
        c.illegal()
        return None
    term = read_term(c)
    if term is None:
        return None
    if isinstance(term, Var):
        data = Var("data", term.loc)
        return Package(Ref((data, Scalar(term.name, term.loc)), term.loc), loc)
    if not isinstance(term, Ref):
        c.illegal()
        return None
    head = term.head
    if not isinstance(head, Var):
        c.error(head.loc, f"unexpected {value_name(head)} token: expecting var")
        return None
    for step in term.path:
        if not (isinstance(step, Scalar) and isinstance(step.value, str)):
            c.error(step.loc, f"unexpected {value_name(step)} token: expecting string")
            return None
    path = (Var("data", head.loc), Scalar(head.name, head.loc), *term.path)
    return Package(Ref(path, term.loc), loc)


def read_import(c: Cursor) -> Import | None:
    """``import path [as alias]``; an import of keywords takes effect at once."""
    loc = c.loc()
    if c.starts_ref():
        return None
    c.next()
    if not c.take_name():
        c.illegal()
        return None
    term = read_term(c)
    if term is None:
        c.error(c.loc(), "expected path")
        return None
    path = Ref((term,), term.loc) if isinstance(term, Var) else term
    if not isinstance(path, Ref):
        c.error(c.loc(), "expected path")
        return None
    for step in path.path:
        if not (isinstance(step, Scalar) and isinstance(step.value, str)):
            c.error(step.loc, f"unexpected {value_name(step)} token: expecting string")
            return None
    root = path.head.name if isinstance(path.head, Var) else ""
    if root not in ("data", "input", "future", "rego"):
        c.hints.append("if this is unexpected, try updating OPA")
        shown = root or dotted(Ref((path.head,)))
        c.error(
            path.loc, f"unexpected import path, must begin with one of: {{data, future, input, rego}}, got: {shown}"
        )
        return None
    alias: str | None = None
    alias_loc = loc
    if c.at("kw:as"):
        c.next()
        if not c.at(lexer.IDENT):
            c.illegal("expected var")
            return None
        alias_loc = c.loc()
        word = read_term(c)
        if isinstance(word, Ref) and len(word.terms) == 1:
            shown = word.head.name if isinstance(word.head, Var) else "?"
            c.error(word.loc, f"unexpected import alias, must not be a reserved name, got: {shown}")
            return None
        if not isinstance(word, Var):
            c.illegal("expected var")
            return None
        alias = word.name
    elif root != "future":
        last = path.terms[-1]
        name = last.name if isinstance(last, Var) else str(getattr(last, "value", ""))
        if name in (KEYWORDS_V1 if c.version >= 1 else KEYWORDS_V0):
            c.hints.append("import a different path or use an alias")
            c.error(last.loc, f"unexpected import path, must not end with a keyword, got: {name}")
    if root in ("data", "input") and alias is None and c.kind().removeprefix("kw:") in FUTURE_V0 | FUTURE_V1:
        c.take_name()  # OPA has read what follows a path as if the future had no keywords
    imported = Import(path, alias, loc, alias_loc)
    if root == "future":
        _take_future(c, imported, alias_loc)
    elif root == "rego":
        _take_rego(c, imported, alias_loc)
    return imported


def _take_future(c: Cursor, imported: Import, alias_loc: Location) -> None:
    steps = [s.value for s in imported.path.path if isinstance(s, Scalar)]
    if not steps or steps[0] != "keywords":
        c.error(imported.path.loc, "invalid import, must be `future.keywords`")
        return
    if imported.alias is not None:
        c.error(alias_loc, "`future` imports cannot be aliased")
        return
    allowed = FUTURE_V0 | FUTURE_V1
    words = set(allowed)
    if len(steps) == 2:
        if steps[1] not in allowed:
            c.error(imported.path.loc, f"unexpected keyword, must be one of [{' '.join(sorted(allowed))}]")
            return
        words = {str(steps[1])}
    c.add_keywords(words)


def _take_rego(c: Cursor, imported: Import, alias_loc: Location) -> None:
    steps = [s.value for s in imported.path.path if isinstance(s, Scalar)]
    if steps not in (["v1"], ["v2"]):
        c.error(imported.path.loc, f"invalid import `{dotted(imported.path)}`, must be one of: `rego.v1`, `rego.v2`")
        return
    if imported.alias is not None:
        c.error(alias_loc, "`rego` imports cannot be aliased")
        return
    if steps == ["v1"]:
        c.add_keywords(set(FUTURE_V0))
    else:
        c.add_keywords(set(FUTURE_V0 | FUTURE_V1))
