"""What a ``# METADATA`` block says: the fields of its YAML, checked and typed, with OPA's words for what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

from ..builtins.byte_texts import to_bytes
from ..builtins.uri import uri_parse
from ..builtins.yaml_scalars import YamlError
from ..errors import BuiltinError, CompileError
from ..places import Location
from ..text import quoted
from .cursor import TooDeep
from .lexer import CommentToken, Source
from .metadata_fields import OddKeys, fields_of
from .nodes import (
    Annotations,
    Author,
    CompileNote,
    Ref,
    RelatedResource,
    Scalar,
    SchemaNote,
    Term,
    TermExpr,
    Var,
)
from .printer import term_text
from .statements import open_text, read_statements

_YAML_LINE: Final = re.compile(r"yaml:(?: unmarshal errors:\s*)?\s*line ([0-9]+):")


class BadBlock(Exception):
    """A block says something wrong, in one of its lines (from 0) where it is known in which."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def parse_block(block: list[CommentToken], place: Location) -> Annotations:
    """The annotations in the comments below ``# METADATA``, whose place is given; raises :class:`BadBlock`."""
    text = "".join(c.text.removeprefix(" ") + "\n" for c in block)
    if not text.strip():
        raise BadBlock("expected METADATA block, found whitespace")
    try:
        fields = fields_of(text)
    except YamlError as e:
        said = _YAML_LINE.match(str(e))
        # OPA counts the lines from nought here, the library from one
        raise BadBlock(str(e) + _space_hint(block, place.row + 1), int(said.group(1)) if said else 0) from None
    return Annotations(
        scope=fields.get("scope", ""),
        entrypoint=fields.get("entrypoint", False),
        title=fields.get("title", ""),
        description=fields.get("description", ""),
        organizations=tuple(fields.get("organizations", ())),
        related_resources=_each("related-resource", fields.get("related_resources", ()), _related),
        compile=_compile(fields["compile"]) if "compile" in fields else None,
        schemas=tuple(_schema(s) for s in fields.get("schemas", ())),
        authors=_each("author", fields.get("authors", ()), _author),
        custom=_plain_values(fields.get("custom", {})),
        labels=_plain_values(fields.get("labels", {})),
        loc=place,
    )


def _space_hint(block: list[CommentToken], first_row: int) -> str:
    """Told where a colon is followed by something that YAML does not take for a space."""
    hints = []
    for row, comment in enumerate(block, start=first_row):
        parts = comment.text.split(":")[1:]
        odd = []
        for i, part in enumerate(parts):
            if (not part and i == len(parts) - 1) or part[:1] in (" ", "\t"):
                break
            odd.append(_rune(part[:1]))
        if odd:
            hints.append(
                f"\n  Hint: on line {row}, symbol(s) [{' '.join(odd)}] immediately following a"
                " key/value separator ':' is not a legal yaml space character"
            )
    return "".join(hints)


def _rune(c: str) -> str:
    """A character as Go's ``%+q`` shows it."""
    if not c:
        return "'\\ufffd'"
    if c == "'":
        return "'\\''"
    return "'" + quoted(c)[1:-1].replace('\\"', '"') + "'" if c.isascii() else f"'\\u{ord(c):04x}'"


def _checked(value: Any, path: tuple[str, ...] = ()) -> Any:
    """A value whose mappings have strings for keys; of those inside others OPA does not look at the keys."""
    if isinstance(value, OddKeys):
        raise BadBlock(f"invalid map key type(s): {'/'.join(path)}")
    if isinstance(value, list):
        return [_checked(v, (*path, str(i))) for i, v in enumerate(value)]
    return value


def _plain_values(found: Mapping[str, Any] | None) -> dict[str, Any]:
    return {k: _checked(v) for k, v in (found or {}).items()}


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value.strip() if isinstance(value, str) else ""


T = TypeVar("T")


def _each(what: str, items: Iterable[Any], read: Callable[[Any], T]) -> tuple[T, ...]:
    """Each item as what it is read as; what is wrong with one is told with it."""
    made: list[T] = []
    for item in items:
        try:
            made.append(read(_checked(item)))
        except BadBlock as e:
            raise BadBlock(f"invalid {what} definition {_go_text(item)}: {e}") from None
    return tuple(made)


def _related(item: Any) -> RelatedResource:
    match item:
        case "":
            raise BadBlock("ref URL may not be empty string")
        case str() as text:
            return RelatedResource(_url(text))
        case dict() as fields:
            if not _text(fields, "ref"):
                raise BadBlock("'ref' value required in object")
            return RelatedResource(_url(_text(fields, "ref")), _text(fields, "description"))
    raise BadBlock("invalid value type, must be string or map")


def _url(text: str) -> str:
    """A URL as Go writes it again."""
    try:
        uri_parse(text)
    except BuiltinError as e:
        raise BadBlock(str(e)) from None
    before, mark, fragment = text.partition("#")
    path, question, query = before.partition("?")
    safe = "%-._~$&+,/:;=@!'()*[]"
    shown = quote(to_bytes(path), safe=safe) + question + query
    return shown + (mark + quote(to_bytes(fragment), safe=safe + "?") if fragment else "")


def _author(item: Any) -> Author:
    match item:
        case str() as text:
            words = text.split()
            if not words:
                raise BadBlock("author is an empty string")
            last = words[-1]
            if len(last) >= 2 and last.startswith("<") and last.endswith(">"):
                return Author(" ".join(words[:-1]), last[1:-1])
            return Author(" ".join(words), "")
        case dict() as fields:
            name, email = _text(fields, "name"), _text(fields, "email")
            if not (name or email):
                raise BadBlock("'name' and/or 'email' values required in object")
            return Author(name, email)
    raise BadBlock("invalid value type, must be string or map")


def _compile(fields: Mapping[str, Any]) -> CompileNote:
    unknowns: list[Ref | None] = []
    mask: Ref | None = None
    found = fields.get("unknowns")
    for item in found if isinstance(found, list) else ():
        if not isinstance(item, str):
            unknowns.append(None)
            continue
        term = _term(item)
        if not isinstance(term, Ref):
            raise BadBlock(f"invalid unknowns element {quoted(item)}: expected ref but got {_shown(term, item)}")
        unknowns.append(term)
    rule = fields.get("mask_rule")
    if isinstance(rule, str):
        term = _term(rule)
        if isinstance(term, Var) or (isinstance(term, Scalar) and isinstance(term.value, str)):
            mask = Ref((term,), term.loc)
        elif isinstance(term, Ref):
            mask = term
        else:
            raise BadBlock(f"invalid mask_rule annotation type {quoted(rule)}: string")
    return CompileNote(tuple(unknowns), mask)


def _shown(term: Term | None, text: str) -> str:
    return text if term is None else term_text(term)


def _schema(pair: Mapping[str, Any] | None) -> SchemaNote:
    text, value = next(iter((pair or {"": None}).items()), ("", None))
    path = _term(text)
    if not isinstance(path, Ref):
        raise BadBlock("invalid document reference")
    if isinstance(value, str):
        term = _term(value)
        if isinstance(term, Var) and term.name == "schema":
            return SchemaNote(path, Ref((term,), term.loc))
        if isinstance(term, Ref) and isinstance(term.head, Var) and term.head.name == "schema":
            return SchemaNote(path, term)
        raise BadBlock("invalid schema reference")
    if isinstance(value, dict) and not isinstance(value, OddKeys):
        return SchemaNote(path, None, value)
    raise BadBlock(f"invalid schema declaration for path {quoted(text)}")


def _term(text: str) -> Term | None:
    """The one term that a text is; None where it is anything else."""
    source = Source("", text)
    c = open_text(source, 1, all_keywords=True, rules=False)
    try:
        found = read_statements(c)
    except (TooDeep, RecursionError, CompileError):
        return None
    if c.faults or len(found) != 1 or not isinstance(found[0], tuple) or len(found[0]) != 1:
        return None
    terms = found[0][0].terms
    return terms.term if isinstance(terms, TermExpr) else None


def _go_text(value: Any) -> str:
    """A value as Go's ``%s`` shows it."""
    match value:
        case str():
            return value
        case None:
            return "%!s(<nil>)"
        case bool():
            return f"%!s(bool={str(value).lower()})"
        case int():
            return f"%!s(int={value})"
        case dict():
            return "map[" + " ".join(f"{k}:{_go_text(value[k])}" for k in sorted(value)) + "]"
        case list():
            return "[" + " ".join(_go_text(v) for v in value) + "]"
    return f"%!s(float64={value})"
