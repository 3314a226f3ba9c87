"""References of schemas to one another: URLs as Go reads, joins and writes them, with the JSON pointer behind ``#``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from ...errors import BuiltinError
from ...meter import METER
from ..byte_texts import from_bytes, to_bytes
from ..uri import uri_parse
from .faults import SchemaFault

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_PATH_AS_IT_IS: Final = "-._~$&+,/:;=@"
_FRAGMENT_AS_IT_IS: Final = "-._~$&+,/:;=?@!()*"
_ASCII: Final = "".join(map(chr, range(128)))
_WELL_ESCAPED_PATH: Final = re.compile(r"[A-Za-z0-9\-._~$&+,/:;=@!'()*\[\]%]*")
_WELL_ESCAPED_FRAGMENT: Final = re.compile(r"[A-Za-z0-9\-._~$&+,/:;=?@!'()*\[\]%]*")


@dataclass(frozen=True, slots=True)
class Reference:
    """The parts of a URL; path and fragment are kept escaped, ``None`` is what is not even empty."""

    scheme: str = ""
    opaque: str = ""
    authority: str | None = None
    path: str = ""
    query: str | None = None
    fragment: str = ""

    def __str__(self) -> str:
        out = f"{self.scheme}:" if self.scheme else ""
        if self.opaque:
            out += self.opaque
        else:
            if self.authority is not None and (self.authority or (self.scheme and self.path)):
                out += f"//{self.authority}"
            if self.authority and self.path and not self.path.startswith("/"):
                out += "/"
            if not out and ":" in self.path.partition("/")[0]:
                out = "./"
            out += self.path
        if self.query is not None:
            out += f"?{self.query}"
        return f"{out}#{self.fragment}" if self.fragment else out

    @property
    def pointer(self) -> list[str]:
        """The steps from the document's root that the fragment names; none where it is no JSON pointer."""
        text = _unescaped(self.fragment)
        return text[1:].split("/") if text.startswith("/") else []

    @property
    def canonical(self) -> bool:
        """Whether it says where the document is."""
        if self.scheme == "file":
            return _unescaped(self.path).startswith("/")
        return bool(self.scheme and self.authority)

    @property
    def document(self) -> Reference:
        """The reference without what is behind ``#``."""
        return replace(self, fragment="")

    def join(self, child: Reference) -> Reference:
        """What a reference means that stands in this document."""
        scheme = child.scheme or self.scheme
        if child.scheme or child.authority:
            return replace(child, scheme=scheme, path=_without_dots(child.path, ""))
        if child.opaque:
            return replace(child, scheme=scheme, authority=None, path="")
        query = self.query if not child.path and child.query is None else child.query
        if not child.path and self.opaque:
            return Reference(scheme, self.opaque, None, "", query, child.fragment)
        path = _without_dots(self.path, child.path)
        authority = "" if scheme and self.authority is None else self.authority
        return Reference(scheme, "", authority, path, query, child.fragment)


def parsed(text: str) -> Reference:
    """Raises :class:`SchemaFault` with Go's words for what is no URL."""
    METER.spend(len(text), 4 * len(text))
    try:
        uri_parse(text)
    except BuiltinError as e:
        raise SchemaFault(str(e)) from None
    before, _, fragment = text.partition("#")
    fragment = _escaped(fragment, _WELL_ESCAPED_FRAGMENT, _FRAGMENT_AS_IT_IS)
    found = _SCHEME.match(before)
    scheme = found.group(1).lower() if found else ""
    rest, mark, written = (before[found.end() :] if found else before).partition("?")
    query = written if mark else None
    if scheme and not rest.startswith("/"):
        return Reference(scheme, rest, None, "", query, fragment)
    authority = None
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, rest = rest[2:].partition("/")
        rest = slash + rest
        authority = quote(to_bytes(authority), safe=_ASCII)
    path = _escaped(rest, _WELL_ESCAPED_PATH, _PATH_AS_IT_IS)
    return Reference(scheme, "", authority, path, query, fragment)


def _unescaped(text: str) -> str:
    return from_bytes(unquote_to_bytes(to_bytes(text))) if "%" in text else text


def _escaped(text: str, well: re.Pattern[str], as_it_is: str) -> str:
    return text if well.fullmatch(text) else quote(to_bytes(_unescaped(text)), safe=as_it_is)


def _without_dots(base: str, path: str) -> str:
    if not path:
        full = base
    elif path.startswith("/"):
        full = path
    else:
        full = base[: base.rfind("/") + 1] + path
    if not full:
        return ""
    steps = full.removeprefix("/").split("/")
    kept: list[str] = []
    for step in steps:
        if step == "..":
            kept = kept[:-1]
        elif step != ".":
            kept.append(step)
    made = "/" + "/".join(kept)
    return made + "/" if steps[-1] in (".", "..") and not made.endswith("/") else made


ROOT: Final = Reference()
"""The document itself."""
