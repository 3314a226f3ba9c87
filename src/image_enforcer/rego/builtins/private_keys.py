"""Private keys in DER: PKCS #1, PKCS #8 and SEC 1, checked as Go checks them."""

from __future__ import annotations

from math import gcd
from typing import Final

from ..errors import BuiltinError
from ..meter import METER
from .asn1_structures import Asn1Fault, Part, Structure, read, syntax
from .certificate_keys import EC_OID, ED25519_OID, IDENTIFIER, RSA_OID, X25519_OID, as_identifier
from .der import ObjectId
from .keys import (
    CURVE_OIDS,
    MAX_KEY_BITS,
    CrtValue,
    Curve,
    EcPrivate,
    EcPublic,
    EdPrivate,
    EdPublic,
    PrivateKey,
    RsaPrivate,
    RsaPublic,
    XPrivate,
    XPublic,
)

_BIG: Final = Part("big")
_OPTIONAL: Final = Part("big", optional=True)
_PRIME: Final = Part("struct", "pkcs1AdditionalRSAPrime", (_BIG, _BIG, _BIG))
_PKCS1: Final = Part(
    "struct",
    "pkcs1PrivateKey",
    (
        Part("int"), _BIG, Part("int"), _BIG, _BIG, _BIG, _OPTIONAL, _OPTIONAL, _OPTIONAL,
        Part("sequence", parts=(_PRIME,), optional=True, omit_empty=True),
    ),
)  # fmt: skip
_PKCS8: Final = Part("struct", "pkcs8", (Part("int"), IDENTIFIER, Part("octets")))
_EC: Final = Part(
    "struct",
    "ecPrivateKey",
    (
        Part("int"),
        Part("octets"),
        Part("oid", optional=True, explicit=True, tag=0),
        Part("bits", optional=True, explicit=True, tag=1),
    ),
)
_OCTETS: Final = Part("octets")
_USE: Final = "x509: failed to parse private key (use {} instead for this key format)"


def _reads(data: bytes, part: Part) -> bool:
    try:
        read(data, part)
    except Asn1Fault:
        return False
    return True


def parse_pkcs1(data: bytes) -> RsaPrivate:
    """An RSA key; raises :class:`BuiltinError`."""
    try:
        found, rest = read(data, _PKCS1)
    except Asn1Fault:
        if _reads(data, _EC):
            raise BuiltinError(_USE.format("ParseECPrivateKey")) from None
        if _reads(data, _PKCS8):
            raise BuiltinError(_USE.format("ParsePKCS8PrivateKey")) from None
        raise
    if rest:
        raise syntax("trailing data")
    version, n, e, d, p, q, dp, dq, qinv, more = found.parts
    if version > 1:
        raise BuiltinError("x509: unsupported private key version")
    if min(n, d, p, q) <= 0 or any(v is not None and v <= 0 for v in (dp, dq, qinv)):
        raise BuiltinError("x509: private key contains zero or negative value")
    primes = [p, q]
    for prime in more or ():
        assert isinstance(prime, Structure)
        if prime.parts[0] <= 0:
            raise BuiltinError("x509: private key contains zero or negative prime")
        primes.append(prime.parts[0])
    return precomputed(RsaPrivate(RsaPublic(n, e), d, tuple(primes), dp, dq, qinv, None))


def precomputed(key: RsaPrivate) -> RsaPrivate:
    """The key with all that can be worked out, once it is found to be sound; raises :class:`BuiltinError`."""
    n, e, d = key.public.n, key.public.e, key.d
    longest = max(v.bit_length() for v in (n, d, *key.primes))
    if longest > 2 * MAX_KEY_BITS or len(key.primes) > 64:
        raise BuiltinError(f"crypto/rsa: keys of {longest} bits are not computed with here")
    METER.spend(longest * len(key.primes) << 2)
    if len(key.primes) != 2:
        return _many_primes(key)
    p, q = key.primes
    _over_one(n)
    _over_one(p)
    _over_one(q)
    _fits(d, n)
    dp, dq, qinv = key.dp, key.dq, key.qinv
    if dp is None or dq is None or qinv is None:
        _over_one(p - 1)
        _over_one(q - 1)
        if p % 2 == 0:
            raise BuiltinError("crypto/rsa: p is even")
        # Not the inverse: that a factor is no prime shows in this power.
        METER.spend(p.bit_length() ** 3 >> 15)
        dp, dq, qinv = d % (p - 1), d % (q - 1), pow(q, p - 2, p)
    else:
        _fits(qinv, p)
    _check_public(n, e)
    if p >= n or q >= n:
        raise BuiltinError("crypto/rsa: invalid prime")
    if p * q % n:
        raise BuiltinError("crypto/rsa: p * q != n")
    for prime, exponent in ((p, dp), (q, dq)):
        if prime - 1 <= 1:
            raise BuiltinError("crypto/rsa: invalid prime")
        if exponent >= prime - 1 or e * exponent % (prime - 1) != 1:
            raise BuiltinError("crypto/rsa: invalid CRT exponent")
    if q * qinv % p != 1:
        raise BuiltinError("crypto/rsa: invalid CRT coefficient")
    if d % (p - 1) != dp:
        raise BuiltinError("crypto/rsa: d does not match dP")
    if d % (q - 1) != dq:
        raise BuiltinError("crypto/rsa: d does not match dQ")
    if p == q:
        raise BuiltinError("crypto/rsa: p == q")
    if abs(p - q).bit_length() <= n.bit_length() // 2 - 100:
        raise BuiltinError("crypto/rsa: |p - q| too small")
    if d.bit_length() <= n.bit_length() // 2:
        raise BuiltinError("crypto/rsa: d too small")
    return RsaPrivate(key.public, d, key.primes, dp, dq, qinv, ())


def _over_one(value: int) -> None:
    if value <= 1:
        raise BuiltinError("modulus must be > 1")


def _fits(value: int, modulus: int) -> None:
    if value >= modulus:
        words = (modulus.bit_length() + 63) // 64
        size = " size" if value.bit_length() > 64 * words else ""
        raise BuiltinError(f"input overflows the modulus{size}")


def _check_public(n: int, e: int) -> None:
    if n % 2 == 0:
        raise BuiltinError("crypto/rsa: public modulus is even")
    if e < 2:
        raise BuiltinError("crypto/rsa: public exponent too small or negative")
    if e % 2 == 0:
        raise BuiltinError("crypto/rsa: public exponent is even")
    if e > 0x7FFFFFFF:
        raise BuiltinError("crypto/rsa: public exponent too large")


def _many_primes(key: RsaPrivate) -> RsaPrivate:
    n, e, d = key.public.n, key.public.e, key.d
    _over_one(n)
    _fits(d, n)
    _check_public(n, e)
    if any(prime <= 1 for prime in key.primes):
        raise BuiltinError("crypto/rsa: prime factor is <= 1")
    p, q = key.primes[:2]
    apart = BuiltinError("crypto/rsa: prime factors are not relatively prime")
    if gcd(p, q) != 1:
        raise apart
    product = p * q
    values: list[CrtValue] = []
    for prime in key.primes[2:]:
        if gcd(product, prime) != 1:
            raise apart
        values.append(CrtValue(d % (prime - 1), pow(product, -1, prime), product))
        product *= prime
    return RsaPrivate(key.public, d, key.primes, d % (p - 1), d % (q - 1), pow(q, -1, p), tuple(values))


def parse_pkcs8(data: bytes) -> PrivateKey:
    """A key of any kind with the name of its algorithm; raises :class:`BuiltinError`."""
    try:
        found, _ = read(data, _PKCS8)
    except Asn1Fault:
        if _reads(data, _EC):
            raise BuiltinError(_USE.format("ParseECPrivateKey")) from None
        if _reads(data, _PKCS1):
            raise BuiltinError(_USE.format("ParsePKCS1PrivateKey")) from None
        raise
    algorithm = as_identifier(found.parts[1])
    content: bytes = found.parts[2]
    match algorithm.oid:
        case oid if oid == RSA_OID:
            try:
                return parse_pkcs1(content)
            except BuiltinError as fault:
                raise BuiltinError(f"x509: failed to parse RSA private key embedded in PKCS#8: {fault}") from None
        case oid if oid == EC_OID:
            try:
                curve = read(algorithm.parameters, Part("oid"))[0]
            except Asn1Fault:
                curve = None
            try:
                return _ec_key(curve, content)
            except BuiltinError as fault:
                raise BuiltinError(f"x509: failed to parse EC private key embedded in PKCS#8: {fault}") from None
        case oid if oid in (ED25519_OID, X25519_OID):
            return _octet_key("Ed25519" if oid == ED25519_OID else "X25519", algorithm.parameters, content)
        case oid:
            name = ".".join(map(str, oid))
            raise BuiltinError(f"x509: PKCS#8 wrapping contained private key with unknown algorithm: {name}")


def _octet_key(name: str, parameters: bytes, content: bytes) -> PrivateKey:
    if parameters:
        raise BuiltinError(f"x509: invalid {name} private key parameters")
    try:
        raw: bytes = read(content, _OCTETS)[0]
    except Asn1Fault as fault:
        raise BuiltinError(f"x509: invalid {name} private key: {fault}") from None
    if len(raw) != 32:
        if name == "X25519":
            raise BuiltinError("crypto/ecdh: invalid private key size")
        raise BuiltinError(f"x509: invalid Ed25519 private key length: {len(raw)}")
    return ed25519_key(raw) if name == "Ed25519" else x25519_key(raw)


def ed25519_key(seed: bytes) -> EdPrivate:
    """The key that a seed makes."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return EdPrivate(EdPublic(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()), seed)


def x25519_key(raw: bytes) -> XPrivate:
    """The key that a secret makes."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return XPrivate(XPublic(X25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()), raw)


def parse_sec1(data: bytes) -> EcPrivate:
    """A key on a curve that it names itself; raises :class:`BuiltinError`."""
    return _ec_key(None, data)


def _ec_key(named: ObjectId | None, data: bytes) -> EcPrivate:
    try:
        found, _ = read(data, _EC)
    except Asn1Fault as fault:
        if _reads(data, _PKCS8):
            raise BuiltinError(_USE.format("ParsePKCS8PrivateKey")) from None
        if _reads(data, _PKCS1):
            raise BuiltinError(_USE.format("ParsePKCS1PrivateKey")) from None
        raise BuiltinError(f"x509: failed to parse EC private key: {fault}") from None
    version, raw, oid, _ = found.parts
    if version != 1:
        raise BuiltinError(f"x509: unknown EC private key version {version}")
    curve = CURVE_OIDS.get(oid if named is None else named)
    if curve is None:
        raise BuiltinError("x509: unknown elliptic curve")
    extra = len(raw) - curve.size
    if extra > 0 and any(raw[:extra]):
        raise BuiltinError("x509: invalid private key length")
    return ec_key(curve, int.from_bytes(raw, "big"))


def ec_key(curve: Curve, d: int) -> EcPrivate:
    """The key that a number makes; raises :class:`BuiltinError` for one that is zero or too large."""
    if not d % curve.order:
        raise BuiltinError("ecdsa: invalid public key encoding")
    if d >= curve.order:
        raise BuiltinError("input overflows the modulus")
    from .signatures import curve_of

    METER.spend(2_000)
    from cryptography.hazmat.primitives.asymmetric import ec

    point = ec.derive_private_key(d, curve_of(curve)).public_key().public_numbers()
    return EcPrivate(EcPublic(curve, point.x, point.y), d)
