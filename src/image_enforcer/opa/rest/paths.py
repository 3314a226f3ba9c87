"""URL paths to documents: cleaning, redirects and segments. One form of a path serves routing and authorization.

A document's reference is built from segments as constants; no path is ever made into a query's text.
"""

from __future__ import annotations

import posixpath
import re
from typing import Final, TypeAlias
from urllib.parse import quote, unquote

from ...rego import Location, to_json
from ...rego.places import Text
from ...rego.syntax.nodes import Body, Expr, Ref, Scalar, TermExpr, Var
from ..trees import Path

DataPath: TypeAlias = tuple[str | int, ...]
"""Steps below ``data`` as a reference has them: a segment that reads as an integer is one, ``07`` and ``2.0`` too."""

_BAD_ESCAPE: Final = re.compile(r"%(?![0-9a-fA-F]{2})")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEYWORDS: Final = frozenset({
    "as", "contains", "default", "else", "every", "false", "if", "import", "in", "not", "null", "package",
    "some", "true", "with",
})  # fmt: skip
_INTEGER: Final = re.compile(r"([+-]?)(?=[0-9.]{1,19}$)([0-9]*)(?:\.0*)?", re.ASCII)
"""What OPA 1.22 takes for an integer of 64 bits: no digits at all are 0, and zeroes may stand behind a point."""
_INT64: Final = range(-(1 << 63), 1 << 63)

MAX_STEPS: Final = 512
"""Segments that a document's path may have, as deep as documents may nest."""


class BadSegment(ValueError):
    """A path that names no document; the message is OPA's."""


def well_formed(raw: str) -> bool:
    """Whether every percent sign in a URL path begins an escape."""
    return _BAD_ESCAPE.search(raw) is None


def cleaned(raw: str) -> str:
    """A URL path without ``.``, ``..`` and empty segments; a slash at its end stays. Escapes are not looked into."""
    if not raw.startswith("/"):
        raw = "/" + raw
    clean = posixpath.normpath(raw)
    if clean.startswith("//"):
        clean = clean[1:]
    return clean + "/" if raw.endswith("/") and clean != "/" else clean


def without_slash(raw: str) -> str:
    """Where a path with a slash at its end is sent to."""
    return quote(cleaned(unquote(raw).removesuffix("/")), safe="/!$&'()*+,;=:@~")


def escaped_again(clean: str) -> str:
    """A cleaned path as it stands in the ``Location`` of OPA's redirect, where percent signs are escaped once more."""
    return quote(clean, safe="/!$&'()*+,;=:@~")


def segments(raw: str) -> Path:
    """The decoded segments of the part of a URL path that names a document."""
    return tuple(unquote(s) for s in raw.strip("/").split("/")) if raw.strip("/") else ()


def all_segments(raw: str) -> list[str]:
    """The decoded segments of a whole URL path, empty ones kept, as authorization policies see them."""
    return [unquote(s) for s in raw[1:].split("/")]


def data_path(raw: str) -> DataPath:
    """The steps of a reference below ``data``; raises :class:`BadSegment`."""
    if raw.count("/") > MAX_STEPS:
        raise BadSegment(f"invalid path: more than {MAX_STEPS} segments")
    steps: list[str | int] = []
    for segment in raw.split("/"):
        step = unquote(segment)
        if not step:
            continue
        if '"' in step:
            raise BadSegment(f"invalid path: invalid ref term '{step}'")
        steps.append(_step(step))
    return tuple(steps)


def _step(text: str) -> str | int:
    read = _INTEGER.fullmatch(text)
    if read is None:
        return text
    value = int(read[1] + (read[2] or "0"))
    return value if value in _INT64 else text


def reference_text(path: DataPath) -> str:
    """The reference as OPA prints it: ``data.a["b c"][0]["if"]``."""
    return "data" + "".join(f".{s}" if _is_name(s) else f"[{to_json(s, html_safe=False)}]" for s in path)


def _is_name(step: str | int) -> bool:
    return isinstance(step, str) and _NAME.fullmatch(step) is not None and step not in _KEYWORDS


def reference_query(path: DataPath) -> Body:
    """A query of the one reference."""
    text = reference_text(path)
    loc = Text("", text).location(0, len(text))
    return (Expr(TermExpr(_reference(path, loc)), loc=loc),)


def _reference(path: DataPath, loc: Location) -> Ref:
    return Ref((Var("data", loc), *(Scalar(step, loc) for step in path)), loc)
