"""JSON web keys and sets of them, as the library behind OPA reads them, whose faults have its texts."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..errors import BuiltinError
from ..meter import METER
from ..text import quoted
from .base64_texts import decode_standard
from .byte_texts import to_bytes
from .certificate_parsing import parse_certificate
from .go_json import Pairs, first_value, kind
from .keys import (
    CURVES,
    Curve,
    EcPrivate,
    EcPublic,
    EdPublic,
    PrivateKey,
    PublicKey,
    RsaPrivate,
    RsaPublic,
    XPublic,
)
from .private_keys import ed25519_key, x25519_key

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


@dataclass(frozen=True, slots=True)
class WebKey:
    """A key as it was written: what kind it is, its algorithm and name, and its bytes by their names."""

    family: str
    private: bool
    algorithm: str
    name: str
    curve: str
    parts: Mapping[str, bytes]

    @property
    def type_name(self) -> str:
        """The name of its Go type, which error texts show."""
        if self.family == "oct":
            return "*jwk.symmetricKey"
        prefix = {"RSA": "rsa", "EC": "ecdsa", "OKP": "okp"}[self.family]
        return f"*jwk.{prefix}{'Private' if self.private else 'Public'}Key"


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
        _validate(made)
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


# --- validation ----------------------------------------------------------------------------------


def _validate(key: WebKey) -> None:
    match key.family:
        case "RSA":
            _rsa_numbers(key)
            if key.private and not key.parts["d"]:
                raise BuiltinError('missing "d" value')
        case "EC":
            _validate_ec(key)
        case "OKP":
            _validate_okp(key)
        case _:
            if not key.parts["k"]:
                raise BuiltinError('missing "k" field')


def _rsa_numbers(key: WebKey) -> RsaPublic:
    n = int.from_bytes(key.parts["n"], "big")
    if not n:
        raise BuiltinError('missing "n" value')
    e = int.from_bytes(key.parts["e"], "big")
    if not e:
        raise BuiltinError('missing "e" value')
    if e % 2 == 0:
        raise BuiltinError("invalid rsa public exponent: must be a positive odd integer")
    if e.bit_length() >= 64:
        raise BuiltinError(f"rsa public exponent too large for this platform: {e.bit_length()} bits (max 63)")
    return RsaPublic(n, e)


def _validate_ec(key: WebKey) -> None:
    curve = CURVES.get(key.curve)
    if curve is None:
        name = quoted(key.curve)
        raise BuiltinError(f"invalid curve algorithm {name}: unknown elliptic curve algorithm: {name}")
    for name in ("x", "y"):
        if len(key.parts[name]) != curve.size:
            raise BuiltinError(f'invalid "{name}" length ({len(key.parts[name])}) for curve {quoted(curve.name)}')
    _point(curve, key)
    if key.private and len(key.parts["d"]) != curve.size:
        raise BuiltinError(f'invalid "d" length ({len(key.parts["d"])}) for curve {quoted(curve.name)}')


def _point(curve: Curve, key: WebKey) -> EcPublic:
    x, y = (int.from_bytes(key.parts[name], "big") for name in ("x", "y"))
    if not x and not y:
        raise BuiltinError("invalid ECDSA public key: identity point is not a valid public key")
    bits = curve.p.bit_length()
    for name, value in (("x", x), ("y", y)):
        if value.bit_length() > bits:
            raise BuiltinError(
                f"invalid ECDSA public key: {name} coordinate is {value.bit_length()} bits, exceeds curve"
                f" {quoted(curve.name)} field size of {bits} bits"
            )
    if x >= curve.p or y >= curve.p:
        raise BuiltinError(f"invalid ECDSA public key: invalid {curve.short}Element encoding")
    if not curve.holds(x, y):
        raise BuiltinError(f"invalid ECDSA public key: {curve.short} point not on curve")
    return EcPublic(curve, x, y)


def _validate_okp(key: WebKey) -> None:
    if not key.parts["x"]:
        raise BuiltinError('missing "x" field')
    octets = {"Ed25519": "ed25519", "X25519": "x25519"}.get(key.curve)
    if octets and len(key.parts["x"]) != 32:
        raise BuiltinError(f"{octets}: wrong public key size")
    if key.private:
        if not key.parts["d"]:
            raise BuiltinError('missing "d" field')
        if octets and len(key.parts["d"]) != 32:
            raise BuiltinError(f"{octets}: wrong private key size")


# --- as keys to compute with ---------------------------------------------------------------------


def export(key: WebKey) -> PublicKey | PrivateKey | bytes:
    """The key to compute with; raises :class:`BuiltinError`."""
    try:
        return _EXPORTS[key.family](key)
    except BuiltinError as found:
        raise BuiltinError(f"jwk.Export: failed to export jwk.Key to raw format: {found}") from None


def _export_rsa(key: WebKey) -> RsaPublic | RsaPrivate:
    if not key.private:
        return _rsa_numbers(key)
    for name in ("d", "q", "p"):
        if name not in key.parts:
            raise BuiltinError(f'missing "{name}" value')
    numbers = {name: int.from_bytes(raw, "big") for name, raw in key.parts.items()}
    return RsaPrivate(
        _rsa_numbers(key), numbers["d"], (numbers["p"], numbers["q"]), numbers.get("dp"), numbers.get("dq"),
        numbers.get("qi"), None,
    )  # fmt: skip


def _export_ec(key: WebKey) -> EcPublic | EcPrivate:
    point = _point(CURVES[key.curve], key)
    return EcPrivate(point, int.from_bytes(key.parts["d"], "big")) if key.private else point


def _export_okp(key: WebKey) -> PublicKey | PrivateKey:
    if key.curve not in ("Ed25519", "X25519"):
        side = "private" if key.private else "public"
        raise BuiltinError(
            f"jwk.OKP{side.capitalize()}Key: failed to build {side} key: invalid curve algorithm {key.curve}"
        )
    if not key.private:
        return EdPublic(key.parts["x"]) if key.curve == "Ed25519" else XPublic(key.parts["x"])
    if key.curve == "X25519":
        return x25519_key(key.parts["d"])
    made = ed25519_key(key.parts["d"])
    if made.public.raw != key.parts["x"]:
        raise BuiltinError("jwk.OKPPrivateKey: failed to build private key: ed25519: invalid x value given d value")
    return made


_EXPORTS: Final[Mapping[str, Callable[[WebKey], PublicKey | PrivateKey | bytes]]] = {
    "RSA": _export_rsa,
    "EC": _export_ec,
    "OKP": _export_okp,
    "oct": lambda key: key.parts["k"],
}
