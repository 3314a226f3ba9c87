"""URLs with all the parts that Go's ``net/url`` keeps of them, and back to text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from ..errors import BuiltinError
from ..meter import METER
from ..text import quoted
from ..values import Value
from .byte_texts import to_bytes
from .uri import _CONTROL, _SCHEME, _USER, _checked_host, _Fault, _unescaped

_PATH: Final = "$&+,/:;=@-_.~"
_FRAGMENT: Final = _PATH + "?!()*"
_WRITTEN: Final = frozenset("!'()*[]%" + _PATH)


@dataclass(frozen=True, slots=True)
class Url:
    """A URL's parts; ``user`` is a name, perhaps with a password."""

    scheme: str = ""
    opaque: str = ""
    user: tuple[str, str | None] | None = None
    host: str = ""
    path: str = ""
    raw_path: str = ""
    omit_host: bool = False
    force_query: bool = False
    raw_query: str = ""
    fragment: str = ""
    raw_fragment: str = ""

    @property
    def hostname(self) -> str:
        """The host without its port, and without brackets."""
        name, colon, port = self.host.rpartition(":")
        if not colon or (port and not port.isdecimal()):
            name = self.host
        return name[1:-1] if name.startswith("[") and name.endswith("]") else name

    @property
    def port(self) -> str:
        """The port, empty where there is none."""
        _, colon, port = self.host.rpartition(":")
        return port if colon and port.isdecimal() else ""

    @property
    def escaped_path(self) -> str:
        """The path as it was written where that is well written, else with escapes."""
        if self.raw_path and _well_written(self.raw_path):
            return self.raw_path
        return "*" if self.path == "*" else _escape(self.path, _PATH)

    @property
    def target(self) -> str:
        """What a request line asks for."""
        path = self.opaque or self.escaped_path or "/"
        return f"{path}?{self.raw_query}" if self.force_query or self.raw_query else path

    def __str__(self) -> str:
        text = f"{self.scheme}:" if self.scheme else ""
        if self.opaque:
            text += self.opaque
        else:
            if self.scheme or self.host or self.user:
                if not (self.omit_host and not self.host and self.user is None):
                    if self.host or self.path or self.user is not None:
                        text += "//"
                    if self.user is not None:
                        name, password = self.user
                        text += _escape(name, "$&+,;=-_.~")
                        text += "@" if password is None else f":{_escape(password, '$&+,;=-_.~')}@"
                    text += _escape(self.host, "!$&'()*+,;=:[]<>\"-_.~")
            path = self.escaped_path
            if path and not path.startswith("/") and self.host:
                text += "/"
            if not text and ":" in path.partition("/")[0]:
                text += "./"
            text += path
        if self.force_query or self.raw_query:
            text += f"?{self.raw_query}"
        if self.fragment:
            written = self.raw_fragment
            well = bool(written) and _well_written(written, "?")
            text += "#" + (written if well else _escape(self.fragment, _FRAGMENT))
        return text

    def value(self) -> Value:
        """The parts as Go's JSON has them."""
        return {
            "Scheme": self.scheme, "Opaque": self.opaque, "User": None if self.user is None else {},
            "Host": self.host, "Path": self.path, "RawPath": self.raw_path, "OmitHost": self.omit_host,
            "ForceQuery": self.force_query, "RawQuery": self.raw_query, "Fragment": self.fragment,
            "RawFragment": self.raw_fragment,
        }  # fmt: skip


def _well_written(text: str, more: str = "") -> bool:
    return all(c.isascii() and (c.isalnum() or c in _WRITTEN or c in more) for c in text)


def _escape(text: str, safe: str) -> str:
    return quote(to_bytes(text), safe=safe)


def parse(text: str) -> Url:
    """The parts of a URL; raises :class:`BuiltinError` with Go's text."""
    METER.spend(len(text), 16 * len(text))
    before, _, fragment = text.partition("#")
    at_fault = before
    try:
        found = _without_fragment(before)
        if not fragment:
            return found
        at_fault = text
        plain = _unescaped(fragment)
    except _Fault as fault:
        raise BuiltinError(f"parse {quoted(at_fault)}: {fault}") from None
    raw = "" if _escape(plain, _FRAGMENT) == fragment else fragment
    return Url(
        found.scheme, found.opaque, found.user, found.host, found.path, found.raw_path, found.omit_host,
        found.force_query, found.raw_query, plain, raw,
    )  # fmt: skip


def _without_fragment(text: str) -> Url:
    if _CONTROL.search(text):
        raise _Fault("net/url: invalid control character in URL")
    if text == "*":
        return Url(path="*")
    if text.startswith(":"):
        raise _Fault("missing protocol scheme")
    found = _SCHEME.match(text)
    scheme = found.group(1).lower() if found else ""
    rest = text[found.end() :] if found else text
    force = rest.endswith("?") and rest.count("?") == 1
    rest, _, query = rest.partition("?")
    if not rest.startswith("/"):
        if scheme:
            return Url(scheme, rest, force_query=force, raw_query=query)
        if ":" in rest.partition("/")[0]:
            raise _Fault("first path segment in URL cannot contain colon")
    user, host, omit = None, "", False
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        user, host = _authority(scheme, authority)
        rest = slash + path
    elif scheme and rest.startswith("/"):
        omit = True
    path = _unescaped(rest)
    raw = "" if _escape(path, _PATH) == rest else rest
    return Url(scheme, "", user, host, path, raw, omit, force, query)


def _authority(scheme: str, authority: str) -> tuple[tuple[str, str | None] | None, str]:
    user, at, written = authority.rpartition("@")
    host = _checked_host(scheme, written)
    if not at:
        return None, host
    if not _USER.fullmatch(user):
        raise _Fault("net/url: invalid userinfo")
    name, colon, password = user.partition(":")
    return (_unescaped(name), _unescaped(password) if colon else None), host
