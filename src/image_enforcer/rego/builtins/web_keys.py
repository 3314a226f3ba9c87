"""JSON web keys and sets of them, as the library behind OPA reads them, whose faults have its texts."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final

from ..errors import BuiltinError
from ..meter import METER
from ..text import quoted
from .base64_texts import decode_standard
from .byte_texts import to_bytes
from .certificate_parsing import parse_certificate
from .go_json import Pairs, first_value, kind
from .web_key_values import WebKey, validate

MAX_KEYS: Final = 1_000
"""How many keys a set may have, as in the library."""

MAX_CHAIN: Final = 10
MAX_CERTIFICATE: Final = 256 << 10

_NAMES: Final = (
    "ES256 ES256K ES384 ES512 EdDSA Ed25519 HS256 HS384 HS512 none PS256 PS384 PS512 RS256 RS384 RS512"
    " A128GCMKW A128KW A192GCMKW A192KW A256GCMKW A256KW dir ECDH-ES ECDH-ES+A128KW ECDH-ES+A192KW ECDH-ES+A256KW"
    " PBES2-HS256+A128KW PBES2-HS384+A192KW PBES2-HS512+A256KW RSA1_5 RSA-OAEP RSA-OAEP-256 RSA-OAEP-384"
    " RSA-OAEP-512 A128CBC-HS256 A128GCM A192CBC-HS384 A192GCM A256CBC-HS512 A256GCM"
)
_ALGORITHMS: Final = frozenset(_NAMES.split())
"""Algorithms of signatures and of encryption that a key may name."""

_CURVES: Final = frozenset({"Ed25519", "Ed448", "P-256", "P-384", "P-521", "X25519", "X448"})


def parse(text: str) -> list[WebKey]:
    """The keys of a set, or the one key that stands alone; raises :class:`BuiltinError`."""
    sole = "jwk.Parse: failed to parse sole key: jwk.ParseKey:"
    try:
        value, rest = first_value(text)
    except BuiltinError as found:
        raise BuiltinError(
            f"{sole} jwk.Parse: failed to probe data: probe: failed to unmarshal data: {found}"
        ) from None
    if isinstance(value, Pairs) and not rest.strip() and any(k == "keys" for k, _ in value.items):
        try:
            return _set(value)
        except BuiltinError as found:
            raise BuiltinError(f"jwk.Parse: failed to unmarshal JWK set: {found}") from None
    try:
        return [_key(value)]
    except BuiltinError as found:
        raise BuiltinError(f"{sole} {found}") from None


def _set(pairs: Pairs) -> list[WebKey]:
    keys: list[WebKey] = []
    for name, value in pairs.items:
        if name != "keys":
            continue
        if not isinstance(value, list):
            raise BuiltinError(f"failed to decode \"keys\": expected '[' but got {_token(value)}")
        for i, item in enumerate(value):
            if i >= MAX_KEYS:
                raise BuiltinError(f'too many keys in "keys" array: max {MAX_KEYS}')
            try:
                keys.append(_key(item))
            except BuiltinError as found:
                raise BuiltinError(f'failed to decode key #{i} in "keys": jwk.ParseKey: {found}') from None
    return keys


def _token(value: Any) -> str:
    match value:
        case None:
            return "<nil>"
        case bool():
            return str(value).lower()
        case str():
            return value
        case Pairs():
            return "{"
        case _:
            return str(getattr(value, "text", value))


def _key(value: Any) -> WebKey:
    METER.spend(200, 2_000)
    kty, private = "", False
    prefix = "jwk.Parse: failed to probe data: probe: failed to unmarshal data: json: cannot unmarshal"
    if value is not None and not isinstance(value, Pairs):
        fields = 'struct { Kty string "json:\\"kty\\""; D json.RawMessage "json:\\"d,omitempty\\"" }'
        raise BuiltinError(f"{prefix} {kind(value)} into Go value of type {fields}")
    pairs = value.items if isinstance(value, Pairs) else ()
    for name, part in pairs:
        match name.lower():
            case "kty":
                if part is not None and type(part) is not str:
                    raise BuiltinError(f"{prefix} {kind(part)} into Go struct field .kty of type string")
                kty = part if part is not None else kty
            case "d":
                private = True
            case _:
                pass
    if kty not in ("RSA", "EC", "OKP", "oct"):
        raise BuiltinError(f"invalid key type from JSON ({kty})")
    shape = WebKey(kty, private and kty != "oct", "", "", "", {})
    try:
        made = _read(shape, pairs)
    except BuiltinError as found:
        into = f"failed to unmarshal JSON into key ({shape.type_name})"
        raise BuiltinError(f"{into}: {into}: {found}") from None
    try:
        validate(made)
    except BuiltinError as found:
        name = made.type_name.removeprefix("*jwk.")
        shown = {"rsa": "RSA", "ecd": "ECDSA", "okp": "OKP", "sym": "Symmetric"}[name[:3]]
        tail = "Key" if made.family == "oct" else ("PrivateKey" if made.private else "PublicKey")
        raise BuiltinError(
            f"jwk.Parse: key validation failed: key validation failed: jwk.{shown}{tail}: {found}"
        ) from None
    return made


_PARTS: Final[Mapping[tuple[str, bool], tuple[str, ...]]] = {
    ("RSA", False): ("e", "n"),
    ("RSA", True): ("d", "dp", "dq", "e", "n", "p", "q", "qi"),
    ("EC", False): ("x", "y"),
    ("EC", True): ("d", "x", "y"),
    ("OKP", False): ("x",),
    ("OKP", True): ("d", "x"),
    ("oct", False): ("k",),
}
_NEEDED: Final[Mapping[tuple[str, bool], tuple[str, ...]]] = {
    ("RSA", False): ("e", "n"),
    ("RSA", True): ("d", "e", "n"),
    ("EC", False): ("crv", "x", "y"),
    ("EC", True): ("crv", "d", "x", "y"),
    ("OKP", False): ("crv", "x"),
    ("OKP", True): ("crv", "d", "x"),
    ("oct", False): ("k",),
}


def _read(shape: WebKey, pairs: tuple[tuple[str, Any], ...]) -> WebKey:
    which = (shape.family, shape.private)
    known = _PARTS[which]
    parts: dict[str, bytes] = {}
    texts: dict[str, str] = {}
    curve: str | None = None
    for name, value in pairs:
        try:
            if name in known:
                parts[name] = _bytes(value)
            elif name == "alg":
                texts["alg"] = _algorithm(value)
            elif name == "crv" and "crv" in _NEEDED[which]:
                curve = _curve(value)
            elif name in ("kid", "use", "x5t", "x5t#S256", "x5u"):
                texts[name] = _text(value, "error reading next value: ")
            elif name == "key_ops":
                _operations(value)
            elif name == "x5c":
                _chain(value)
        except BuiltinError as found:
            raise BuiltinError(f"failed to decode value for key {name}: {found}") from None
        if name == "kty":
            kty = _text(value, "error reading token: error reading next value: ")
            if kty != shape.family:
                raise BuiltinError(f"invalid kty value for RSAPublicKey ({kty})")
    for name in _NEEDED[which]:
        if name not in parts and not (name == "crv" and curve is not None):
            raise BuiltinError(f"required field {name} is missing")
    return WebKey(shape.family, shape.private, texts.get("alg", ""), texts.get("kid", ""), curve or "", parts)


def _text(value: Any, prefix: str = "") -> str:
    if value is None:
        return ""
    if type(value) is not str:
        raise BuiltinError(f"{prefix}json: cannot unmarshal {kind(value)} into Go value of type string")
    return value


def _bytes(value: Any) -> bytes:
    found = decode_guessed(to_bytes(_text(value, "error reading next value: ")))
    if found is None:
        raise BuiltinError("expected base64 encoded []byte (string)")
    return found


_ANY_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]*")


def decode_guessed(raw: bytes) -> bytes | None:
    """The bytes in base64 of whichever kind it looks like, None where it is none."""
    METER.spend(len(raw) >> 3, 2 * len(raw))
    padded = raw.endswith(b"=")
    clean = raw.translate(None, b"\r\n")
    if b"+" not in raw and b"/" not in raw:
        clean = clean.replace(b"-", b"+").replace(b"_", b"/")
    if not padded:
        if len(clean) % 4 == 1:
            return None
        clean += b"=" * (-len(clean) % 4)
    body = clean.rstrip(b"=")
    if len(clean) % 4 or len(clean) - len(body) > 2 or not _ANY_BASE64.fullmatch(body):
        return None
    try:
        return base64.b64decode(clean)
    except binascii.Error:
        return None


def _algorithm(value: Any) -> str:
    name = _text(value)
    if name not in _ALGORITHMS:
        shown = name if len(name) <= 64 else name[:64] + "..."
        raise BuiltinError(f"invalid key value: {quoted(shown)}: invalid key algorithm")
    return name


def _curve(value: Any) -> str:
    name = _text(value, "failed to unmarshal EllipticCurveAlgorithm: ")
    if name not in _CURVES:
        raise BuiltinError(f"unknown EllipticCurveAlgorithm: {quoted(name)}")
    return name


def _operations(value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, list):
        raise BuiltinError(f"json: cannot unmarshal {kind(value)} into Go value of type jwk.KeyOperationList")
    for item in value:
        if item is not None and type(item) is not str:
            raise BuiltinError(f"json: cannot unmarshal {kind(item)} into Go value of type jwk.KeyOperation")


def _chain(value: Any) -> None:
    if not isinstance(value, list):
        raise BuiltinError("failed to unmarshal certificate chain: expected JSON array")
    for i, item in enumerate(value):
        if i >= MAX_CHAIN:
            raise BuiltinError(
                "failed to unmarshal certificate chain: certificate chain length"
                f" {i + 1} exceeds maximum allowed length of {MAX_CHAIN}"
            )
        try:
            _check_certificate(to_bytes(_text(item)).translate(None, b" \t\r\n\v\f"))
        except BuiltinError as found:
            raise BuiltinError(f"failed to decode certificate at index {i}: {found}") from None


def _check_certificate(data: bytes) -> None:
    size = len(data) * 3 // 4 - (data[-2:].count(b"=") if len(data) % 4 == 0 else 0)
    if size > MAX_CERTIFICATE:
        raise BuiltinError(f"certificate size {size} exceeds maximum allowed size of {MAX_CERTIFICATE} bytes")
    raw = _decoded(data)
    try:
        parse_certificate(raw)
    except BuiltinError as found:
        raise BuiltinError(f"failed to parse x509 certificate: {found}") from None


def _decoded(data: bytes) -> bytes:
    try:
        return decode_standard(data)
    except BuiltinError as found:
        raise BuiltinError(f"failed to base64 decode the certificate: {found}") from None
