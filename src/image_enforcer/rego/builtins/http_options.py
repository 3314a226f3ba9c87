"""What the keys of a request object mean to ``http.send``, with OPA's complaints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..errors import BuiltinError
from ..json_text import to_json
from ..outside import HttpRequest, Tls
from ..text import quoted, term
from ..values import Num, Value, key, sorted_keys, type_name
from . import operands, urls
from .byte_texts import to_bytes
from .time import parse_duration_ns

DEFAULT_SECONDS: Final = 5.0
MOST_SECONDS: Final = 60.0
"""How long one request may take, whatever it asks for."""

MOST_TRIES: Final = 10
"""How often a request is sent again at most."""

_STRINGS: Final = frozenset(
    {
        "method", "url", "raw_body", "tls_ca_cert", "tls_ca_cert_file", "tls_ca_cert_env_variable", "tls_client_cert",
        "tls_client_cert_file", "tls_client_cert_env_variable", "tls_client_key", "tls_client_key_file",
        "tls_client_key_env_variable", "tls_server_name",
    }
)  # fmt: skip
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def raises(request: Mapping[Any, Value]) -> bool:
    """Whether a fault is to be an error, and no answer that tells of it."""
    value = request.get("raise_error", True)
    if type(value) is not bool:
        raise BuiltinError("invalid value for raise_error field")
    return value


def flag(request: Mapping[Any, Value], name: str) -> bool:
    """A truth value, false where there is none."""
    value = request.get(name, False)
    if type(value) is not bool:
        raise BuiltinError(f"invalid value for {quoted(name)} field")
    return value


def tries(request: Mapping[Any, Value]) -> int:
    """How often the request is sent again where it fails."""
    value = request.get("max_retry_attempts", 0)
    if type(value) is not int or value < 0:
        raise BuiltinError(f'invalid value {term(value)} for field "max_retry_attempts"')
    return min(value, MOST_TRIES)


@dataclass(frozen=True, slots=True)
class Keeping:
    """Whether an answer is kept for other evaluations; for how long, where that does not depend on the answer."""

    wanted: bool
    forced_seconds: int = 0


def keeping(request: Mapping[Any, Value]) -> Keeping:
    """What a request says of that."""
    wanted = flag(request, "cache")
    if not flag(request, "force_cache"):
        return Keeping(wanted)
    if "force_cache_duration_seconds" not in request:
        raise BuiltinError("'force_cache' set but 'force_cache_duration_seconds' parameter is missing")
    text = term(request["force_cache_duration_seconds"])
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise BuiltinError(f"strconv.ParseInt: parsing {quoted(text)}: invalid syntax")
    seconds = int(text) if len(text) < 20 else 1 << 40
    if not -(1 << 31) <= seconds < 1 << 31:
        raise BuiltinError(f"strconv.ParseInt: parsing {quoted(text)}: value out of range")
    return Keeping(True, max(seconds, 0))


def cache_key(request: dict[Any, Value]) -> Any:
    """What equal requests have in common: all but the headers that are said not to matter."""
    plain = {**request, "cache_ignored_headers": None}
    if "cache_ignored_headers" in request and "headers" in request:
        ignored, headers = request["cache_ignored_headers"], request["headers"]
        if type(ignored) is not list or not all(type(name) is str for name in ignored):
            raise BuiltinError("cache_ignored_headers must be an array of strings")
        if type(headers) is not dict:
            raise BuiltinError("invalid type for headers key")
        left = set(ignored)
        plain["headers"] = {k: v for k, v in headers.items() if k not in left}
    return key(plain)


def built(request: dict[Any, Value]) -> HttpRequest:
    """The request to be sent; raises :class:`BuiltinError`."""
    texts: dict[str, str] = {}
    flags: dict[str, bool] = {}
    headers: dict[str, str] = {}
    seconds = DEFAULT_SECONDS
    for name in sorted_keys(request):
        value = request[name]
        if name in _STRINGS:
            if type(value) is not str:
                raise BuiltinError(f"{quoted(name)} must be a string")
            texts[name] = value.strip('"')
        elif name in ("enable_redirect", "tls_use_system_certs", "tls_insecure_skip_verify"):
            flags[name] = _go_boolean(term(value))
        elif name == "headers":
            headers = _headers(value)
        elif name == "timeout":
            seconds = _seconds(value)
    body = b""
    if "raw_body" in texts:
        body = to_bytes(texts["raw_body"])
    elif "body" in request:
        body = to_bytes(to_json(request["body"]))
    method = texts["method"].upper()
    if method and not _TOKEN.fullmatch(method):
        raise BuiltinError(f"net/http: invalid method {quoted(method)}")
    urls.parse(texts["url"])
    return HttpRequest(
        method or "GET", texts["url"], headers, body, seconds, flags.get("enable_redirect", False), _tls(texts, flags)
    )  # fmt: skip


def _tls(texts: Mapping[str, str], flags: Mapping[str, bool]) -> Tls:
    def get(name: str) -> str:
        return texts.get(f"tls_{name}", "")

    return Tls(
        system_roots=flags.get("tls_use_system_certs", False),
        roots=get("ca_cert").replace("\\n", "\n"),
        roots_file=get("ca_cert_file"),
        roots_variable=get("ca_cert_env_variable"),
        certificate=(get("client_cert"), get("client_key")),
        certificate_files=(get("client_cert_file"), get("client_key_file")),
        certificate_variables=(get("client_cert_env_variable"), get("client_key_env_variable")),
        insecure=flags.get("tls_insecure_skip_verify", False),
        server_name=get("server_name"),
    )


_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})


def _go_boolean(text: str) -> bool:
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise BuiltinError(f"strconv.ParseBool: parsing {quoted(text)}: invalid syntax")


def canonical(name: str) -> str:
    """A header's name with capitals at the start of its words, where it is a name at all."""
    return "-".join(part.capitalize() for part in name.split("-")) if _TOKEN.fullmatch(name) else name


def _headers(value: Value) -> dict[str, str]:
    if type(value) is not dict:
        raise BuiltinError("invalid type for headers key")
    out: dict[str, str] = {}
    for name in sorted_keys(value):
        text = value[name]
        if type(text) is not str:
            raise BuiltinError(f"invalid type for headers value {_shown(text)}")
        out[canonical(name if type(name) is str else to_json(name))] = text
    return out


def _shown(value: Value) -> str:
    match value:
        case None:
            return "%!q(<nil>)"
        case bool():
            return f"%!q(bool={str(value).lower()})"
        case int() | Num():
            return quoted(term(value))
        case list():
            return "[" + " ".join(map(_shown, value)) + "]"
        case str():
            return quoted(value)
        case _:
            return term(value)


def _seconds(value: Value) -> float:
    """The time that a request may take; none, or more than is allowed, is what is allowed."""
    if type(value) is int and -(1 << 63) <= value < 1 << 63:
        nanoseconds = value
    elif type(value) is int or type(value) is Num:
        raise BuiltinError(f"invalid timeout number value {term(value)}, must be int64")
    elif type(value) is str:
        if re.fullmatch(r"[+-]?[0-9]{1,18}", value):
            nanoseconds = int(value)
        else:
            try:
                nanoseconds = parse_duration_ns(value)
            except BuiltinError as fault:
                raise BuiltinError(f"invalid timeout value {quoted(value)}: {fault}") from None
    else:
        raise operands.bad(1, f"'timeout' must be one of {{string, number}} but got {type_name(value)}")
    seconds = nanoseconds / 1_000_000_000
    return min(seconds, MOST_SECONDS) if seconds > 0 else MOST_SECONDS
