"""Bodies of requests: decompression, YAML, and the documents in them, under the limits of OPA's ``server.decoding``."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ...rego import UNDEFINED, Value, from_json
from ...rego.builtins.yaml_documents import YamlError
from ...rego.builtins.yaml_documents import load as from_yaml
from .json_stream import JsonFault, first_value
from .replies import Refused, Reply, bad_request
from .requests import ABSENT, Request

_GZIP_HEADER: Final = 10
_LINE: Final = re.compile(r"line ([0-9]+)")
_CHUNK: Final = 1 << 20
_COMPRESSED: Final = {"GET": ("/v0/data", "/v1/data"), "POST": ("/v0/data", "/v1/data", "/v1/compile")}


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Bytes: of a body, of one after decompression, and from where on a reply is compressed.

    ``policy`` and ``query`` bound texts of Rego, whose compiling no clock ends.
    """

    plain: int = 256 << 20
    unpacked: int = 512 << 20
    compress_from: int = 1024
    policy: int = 1 << 20
    query: int = 32 << 10


class BodyFault(ValueError):
    """A body that cannot be read; the message is OPA's."""


def too_large(limits: BodyLimits, size: int | None = None) -> Reply:
    """400 for a body beyond the limit; ``size`` in bytes where it is known."""
    if size is None:
        return bad_request("request body too large")
    limit = f"{human(size)} exceeds limit of {limits.plain} bytes"
    return bad_request(f"request body too large: {limit} (server.decoding.max_length)")


def human(size: int) -> str:
    """Bytes as OPA prints them."""
    if size < 1024:
        return f"{size} bytes"
    shown = float(size)
    for unit in ("KiB", "MiB"):
        shown /= 1024
        if shown < 1024:
            return f"{shown:.1f} {unit}"
    return f"{shown / 1024:.1f} GiB"


def unpacked(request: Request, limits: BodyLimits) -> bytes:
    """The body without gzip; raises :class:`BodyFault`, and :class:`Refused` beyond the limit."""
    if "gzip" not in request.header("content-encoding"):
        return request.body
    return _gunzip(request.body, limits)


def _gunzip(body: bytes, limits: BodyLimits) -> bytes:
    if len(body) < _GZIP_HEADER:
        raise BodyFault("unexpected EOF")
    out = bytearray()
    left = body
    while left:
        if left[:2] != b"\x1f\x8b":
            raise BodyFault("gzip: invalid header")
        member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            while not member.eof:
                out += member.decompress(left, _CHUNK)
                left = member.unconsumed_tail
                if len(out) > limits.unpacked:
                    size = limits.unpacked
                    reason = f"decompressed size exceeds limit of {size} bytes (server.decoding.gzip.max_length)"
                    raise Refused(bad_request(f"request body too large: {reason}"))
                if not left and not member.eof:
                    out += member.flush()
                    if not member.eof:
                        raise BodyFault("unexpected EOF")
        except zlib.error as e:
            raise BodyFault(f"gzip: {e}") from None
        left = member.unused_data
    return bytes(out)


def compressed(reply: Reply) -> Reply:
    """The reply with gzip."""
    headers = (*reply.headers, ("Content-Encoding", "gzip"))
    return Reply(reply.status, gzip.compress(reply.body, compresslevel=6, mtime=0), reply.content_type, headers)


def may_compress(method: str, path: str) -> bool:
    """Whether OPA considers compressing replies there."""
    return path.startswith(_COMPRESSED.get(method, ()))


def accepts_gzip(header: str) -> bool:
    """Whether a client takes gzip; ``*`` does not count, as with OPA."""
    for part in header.split(","):
        name, _, quality = part.strip().partition(";")
        if name.strip() == "gzip":
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


# --- documents in bodies -------------------------------------------------------------------------


def input_v0(request: Request, limits: BodyLimits) -> Value:
    """The body as the input itself; without one it is null. Raises :class:`Refused`."""
    if request.parsed is not ABSENT:
        return request.parsed
    try:
        body = _plain(request, limits)
        return _any_document(request, body, None)
    except BodyFault as e:
        raise Refused(bad_request(f"unexpected parse error for input: {e}")) from None


def input_v1(request: Request, limits: BodyLimits) -> Value:
    """The ``input`` of a body, UNDEFINED where it has none. Raises :class:`Refused`."""
    if request.parsed is not ABSENT:
        parsed = request.parsed
        return parsed.get("input", UNDEFINED) if isinstance(parsed, dict) else UNDEFINED
    try:
        found = _any_document(request, _plain(request, limits), None)
    except BodyFault as e:
        raise Refused(bad_request(str(e))) from None
    if found is None:
        return UNDEFINED
    if not isinstance(found, dict):
        reason = f"json: cannot unmarshal {go_kind(found)} into Go value of type types.alias"
        raise Refused(bad_request(f"body contains malformed input document: {reason}"))
    value = field(found, "input")
    return UNDEFINED if value is None else value


def any_body(request: Request, limits: BodyLimits) -> Value:
    """The body whatever it is, :data:`ABSENT` where there is none; raises :class:`Refused`. For authorization."""
    try:
        body = unpacked(request, limits)
    except BodyFault as e:
        raise Refused(bad_request(str(e))) from None
    if not body:
        return ABSENT
    try:
        return from_yaml(body.decode("utf-8")) if _is_yaml(request) else first_value(body)
    except (ValueError, YamlError) as e:
        raise Refused(bad_request(str(e))) from None


def json_body(request: Request, prefix: str = "", decode: Callable[[bytes], Value] = from_json) -> Value:
    """The body as JSON; raises :class:`Refused` with ``prefix`` before the reason."""
    try:
        return first_value(request.body, decode)
    except JsonFault as e:
        raise Refused(bad_request(f"{prefix}{e}")) from None


def field(fields: Mapping[Any, Value], name: str) -> Value:
    """A field of a request in whatever case it is written, the last one counts; None where there is none."""
    if len(fields) == 1 and name in fields:
        return fields[name]
    found: Value = None
    for key, value in fields.items():
        if isinstance(key, str) and key.lower() == name:
            found = value
    return found


def go_kind(value: Value) -> str:
    """What Go's decoder calls a value."""
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "array"
    if isinstance(value, str):
        return "string"
    return "bool" if isinstance(value, bool) else "number"


def _plain(request: Request, limits: BodyLimits) -> bytes:
    try:
        return unpacked(request, limits)
    except BodyFault as e:
        raise BodyFault(f"could not decompress the body: {e}") from None


def _is_yaml(request: Request) -> bool:
    return "yaml" in request.header("content-type")


def _any_document(request: Request, body: bytes, empty: Value) -> Value:
    try:
        if _is_yaml(request):
            return from_yaml(body.decode("utf-8")) if body else empty
        return first_value(body)
    except JsonFault as e:
        if str(e) == "EOF":
            return empty
        raise BodyFault(f"body contains malformed input document: {e}") from None
    except UnicodeDecodeError:
        raise BodyFault("body contains malformed input document: yaml: invalid leading UTF-8 octet") from None
    except (ValueError, YamlError) as e:
        reason = _within(str(e), body.rstrip().count(b"\n") + 1)
        raise BodyFault(f"body contains malformed input document: {reason}") from None


def _within(reason: str, lines: int) -> str:
    """A reason with its line no further than the last one there is."""
    return _LINE.sub(lambda m: f"line {min(int(m.group(1)), lines)}", reason)
