"""JSON web keys once they are read: whether their bytes make a key, and that key to compute with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ..errors import BuiltinError
from ..text import quoted
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


def validate(key: WebKey) -> None:
    """Raises :class:`BuiltinError` where its bytes make no key."""
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
