"""Public and private keys as values, and how they look where a certificate is shown as JSON.

What is computed with them is done by ``cryptography``, which is imported when a signature is first made or checked.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from ..errors import BuiltinError
from ..meter import METER
from ..values import MAX_BITS, Value

MAX_KEY_BITS: Final = 16_384
"""How long an RSA modulus may be that is computed with; OpenSSL refuses longer ones too."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One of the four curves: the field's prime, the constant of its equation, the order, its size in bytes."""

    name: str
    p: int
    b: int
    order: int
    size: int

    @property
    def short(self) -> str:
        """The name without a hyphen, as error texts have it."""
        return self.name.replace("-", "")

    def holds(self, x: int, y: int) -> bool:
        """Whether a point lies on the curve."""
        return (y * y - (x * x * x - 3 * x + self.b)) % self.p == 0


P224: Final = Curve(
    "P-224",
    (1 << 224) - (1 << 96) + 1,
    0xB4050A850C04B3ABF54132565044B0B7D7BFD8BA270B39432355FFB4,
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFF16A2E0B8F03E13DD29455C5C2A3D,
    28,
)
P256: Final = Curve(
    "P-256",
    (1 << 256) - (1 << 224) + (1 << 192) + (1 << 96) - 1,
    0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    32,
)
P384: Final = Curve(
    "P-384",
    (1 << 384) - (1 << 128) - (1 << 96) + (1 << 32) - 1,
    0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    48,
)
P521: Final = Curve(
    "P-521",
    (1 << 521) - 1,
    0x0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00,
    (1 << 521) - (1 << 264) + 0xFA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409,
    66,
)
CURVES: Final[Mapping[str, Curve]] = {c.name: c for c in (P224, P256, P384, P521)}
CURVE_OIDS: Final[Mapping[tuple[int, ...], Curve]] = {
    (1, 3, 132, 0, 33): P224,
    (1, 2, 840, 10045, 3, 1, 7): P256,
    (1, 3, 132, 0, 34): P384,
    (1, 3, 132, 0, 35): P521,
}


@dataclass(frozen=True, slots=True)
class RsaPublic:
    """Modulus and exponent."""

    n: int
    e: int


@dataclass(frozen=True, slots=True)
class EcPublic:
    """A point on a curve."""

    curve: Curve
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class EdPublic:
    """An Ed25519 key."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class XPublic:
    """An X25519 key: for agreements, never for signatures."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class DsaPublic:
    """A DSA key, which is only shown."""

    p: int
    q: int
    g: int
    y: int


PublicKey: TypeAlias = RsaPublic | EcPublic | EdPublic | XPublic | DsaPublic


@dataclass(frozen=True, slots=True)
class CrtValue:
    """What goes with the third and any further prime of an RSA key."""

    exponent: int
    coefficient: int
    product: int


@dataclass(frozen=True, slots=True)
class RsaPrivate:
    """An RSA key with its primes and what can be worked out from them ahead; None where it was not."""

    public: RsaPublic
    d: int
    primes: tuple[int, ...]
    dp: int | None
    dq: int | None
    qinv: int | None
    crt: tuple[CrtValue, ...] | None


@dataclass(frozen=True, slots=True)
class EcPrivate:
    """A secret number with its point."""

    public: EcPublic
    d: int


@dataclass(frozen=True, slots=True)
class EdPrivate:
    """An Ed25519 seed with its key."""

    public: EdPublic
    seed: bytes


@dataclass(frozen=True, slots=True)
class XPrivate:
    """An X25519 secret."""

    public: XPublic
    raw: bytes


PrivateKey: TypeAlias = RsaPrivate | EcPrivate | EdPrivate | XPrivate


def base64_text(raw: bytes) -> str:
    """Bytes as Go's JSON has them."""
    return base64.b64encode(raw).decode()


def shown_number(value: int) -> int:
    """A number of a key, as a value: one too long for Rego is refused."""
    if value.bit_length() > MAX_BITS:
        raise BuiltinError("number too big")
    METER.spend(value.bit_length() >> 6, value.bit_length() >> 2)
    return value


def public_value(key: PublicKey | None) -> Value:
    """A public key as Go's JSON has it: curves show nothing of themselves."""
    match key:
        case None:
            return None
        case RsaPublic(n, e):
            return {"N": shown_number(n), "E": e}
        case EcPublic(_, x, y):
            return {"Curve": {}, "X": x, "Y": y}
        case EdPublic(raw):
            return base64_text(raw)
        case XPublic():
            return {}
        case DsaPublic(p, q, g, y):
            return {"P": shown_number(p), "Q": shown_number(q), "G": shown_number(g), "Y": shown_number(y)}


def private_value(key: PrivateKey) -> Value:
    """A private key as Go's JSON has it."""
    match key:
        case RsaPrivate():
            return {
                "N": shown_number(key.public.n),
                "E": key.public.e,
                "D": shown_number(key.d),
                "Primes": [shown_number(p) for p in key.primes],
                "Precomputed": {
                    "Dp": key.dp,
                    "Dq": key.dq,
                    "Qinv": key.qinv,
                    "CRTValues": None
                    if key.crt is None
                    else [{"Exp": c.exponent, "Coeff": c.coefficient, "R": c.product} for c in key.crt],
                },
            }
        case EcPrivate(public, d):
            return {"Curve": {}, "X": public.x, "Y": public.y, "D": d}
        case EdPrivate(public, seed):
            return base64_text(seed + public.raw)
        case XPrivate():
            return {}


def uncompressed_point(curve: Curve, raw: bytes) -> EcPublic:
    """The key of a point that is written with both coordinates; raises :class:`BuiltinError`."""
    if not raw or raw[0] != 4:
        raise BuiltinError("ecdsa: invalid uncompressed public key")
    if len(raw) != 1 + 2 * curve.size:
        raise BuiltinError(f"invalid {curve.short} point encoding")
    x, y = int.from_bytes(raw[1 : 1 + curve.size], "big"), int.from_bytes(raw[1 + curve.size :], "big")
    if x >= curve.p or y >= curve.p:
        raise BuiltinError(f"invalid {curve.short}Element encoding")
    if not curve.holds(x, y):
        raise BuiltinError(f"{curve.short} point not on curve")
    return EcPublic(curve, x, y)
