"""The algorithms and keys that certificates name: which signature, which key, in which of Go's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ..errors import BuiltinError
from . import der
from .asn1_structures import Asn1Fault, Part, Raw, Structure, read
from .der import Bits, ObjectId, Reader
from .keys import CURVE_OIDS, DsaPublic, EdPublic, PublicKey, RsaPublic, XPublic, uncompressed_point

NULL: Final = b"\x05\x00"
RSA_OID: Final = (1, 2, 840, 113549, 1, 1, 1)
DSA_OID: Final = (1, 2, 840, 10040, 4, 1)
EC_OID: Final = (1, 2, 840, 10045, 2, 1)
X25519_OID: Final = (1, 3, 101, 110)
ED25519_OID: Final = (1, 3, 101, 112)
_PSS_OID: Final = (1, 2, 840, 113549, 1, 1, 10)
_MGF1_OID: Final = (1, 2, 840, 113549, 1, 1, 8)

PUBLIC_KEY_NUMBERS: Final[Mapping[ObjectId, int]] = {RSA_OID: 1, DSA_OID: 2, EC_OID: 3, ED25519_OID: 4}

Family: TypeAlias = Literal["rsa", "pss", "dsa", "ecdsa", "ed25519"]


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A signature algorithm: Go's number, what signs, over which digest (empty for none)."""

    number: int
    family: Family
    digest: str


UNKNOWN: Final = 0
_ALGORITHMS: Final[Mapping[ObjectId, Algorithm]] = {
    (1, 2, 840, 113549, 1, 1, 4): Algorithm(2, "rsa", "md5"),
    (1, 2, 840, 113549, 1, 1, 5): Algorithm(3, "rsa", "sha1"),
    (1, 3, 14, 3, 2, 29): Algorithm(3, "rsa", "sha1"),
    (1, 2, 840, 113549, 1, 1, 11): Algorithm(4, "rsa", "sha256"),
    (1, 2, 840, 113549, 1, 1, 12): Algorithm(5, "rsa", "sha384"),
    (1, 2, 840, 113549, 1, 1, 13): Algorithm(6, "rsa", "sha512"),
    (1, 2, 840, 10040, 4, 3): Algorithm(7, "dsa", "sha1"),
    (2, 16, 840, 1, 101, 3, 4, 3, 2): Algorithm(8, "dsa", "sha256"),
    (1, 2, 840, 10045, 4, 1): Algorithm(9, "ecdsa", "sha1"),
    (1, 2, 840, 10045, 4, 3, 2): Algorithm(10, "ecdsa", "sha256"),
    (1, 2, 840, 10045, 4, 3, 3): Algorithm(11, "ecdsa", "sha384"),
    (1, 2, 840, 10045, 4, 3, 4): Algorithm(12, "ecdsa", "sha512"),
    ED25519_OID: Algorithm(16, "ed25519", ""),
}
_PSS: Final[Mapping[tuple[ObjectId, int], Algorithm]] = {
    ((2, 16, 840, 1, 101, 3, 4, 2, 1), 32): Algorithm(13, "pss", "sha256"),
    ((2, 16, 840, 1, 101, 3, 4, 2, 2), 48): Algorithm(14, "pss", "sha384"),
    ((2, 16, 840, 1, 101, 3, 4, 2, 3), 64): Algorithm(15, "pss", "sha512"),
}


@dataclass(frozen=True, slots=True)
class Identifier:
    """An algorithm with its parameters as they are written, empty where there are none."""

    oid: ObjectId
    parameters: bytes


IDENTIFIER: Final = Part(
    "struct", "AlgorithmIdentifier", (Part("oid"), Part("raw", optional=True)),
)  # fmt: skip
PUBLIC_KEY_INFO: Final = Part("struct", "publicKeyInfo", (IDENTIFIER, Part("bits")))


def as_identifier(found: Structure) -> Identifier:
    """An identifier that :data:`IDENTIFIER` was read as."""
    oid, raw = found.parts
    return Identifier(oid, raw.whole if isinstance(raw, Raw) else b"")


def parse_identifier(content: bytes) -> Identifier:
    """An identifier in a certificate; raises :class:`BuiltinError`."""
    reader = Reader(content)
    oid = reader.object_id()
    if oid is None:
        raise BuiltinError("x509: malformed OID")
    if reader.empty:
        return Identifier(oid, b"")
    found = reader.any()
    if found is None:
        raise BuiltinError("x509: malformed parameters")
    return Identifier(oid, found[2])


def signature_algorithm(found: Identifier) -> Algorithm | None:
    """The algorithm, None where it is none that is known."""
    if found.oid == _PSS_OID:
        return _pss(found.parameters)
    if found.oid == ED25519_OID and found.parameters:
        return None
    return _ALGORITHMS.get(found.oid)


_PSS_PARAMETERS: Final = Part(
    "struct",
    "pssParameters",
    (
        Part("struct", "AlgorithmIdentifier", IDENTIFIER.parts, explicit=True, tag=0),
        Part("struct", "AlgorithmIdentifier", IDENTIFIER.parts, explicit=True, tag=1),
        Part("int", explicit=True, tag=2),
        Part("int", optional=True, explicit=True, tag=3),
    ),
)


def _pss(parameters: bytes) -> Algorithm | None:
    """The digest must be the same everywhere, and the salt as long as it: other mixtures are not known."""
    try:
        found, _ = read(parameters, _PSS_PARAMETERS)
        digest, mask = as_identifier(found.parts[0]), as_identifier(found.parts[1])
        inner, _ = read(mask.parameters, IDENTIFIER)
    except Asn1Fault:
        return None
    of_mask = as_identifier(inner)
    plain = digest.parameters in (b"", NULL) and of_mask.parameters in (b"", NULL)
    trailer = 1 if found.parts[3] is None else found.parts[3]
    if not plain or mask.oid != _MGF1_OID or of_mask.oid != digest.oid or trailer != 1:
        return None
    return _PSS.get((digest.oid, found.parts[2]))


def parse_public_key(algorithm: Identifier, bits: Bits) -> PublicKey:
    """The key that an algorithm and a bit string stand for; raises :class:`BuiltinError`."""
    data = bits.aligned()
    match algorithm.oid:
        case oid if oid == RSA_OID:
            return _rsa(algorithm.parameters, data)
        case oid if oid == EC_OID:
            return _ec(algorithm.parameters, data)
        case oid if oid == ED25519_OID:
            if algorithm.parameters:
                raise BuiltinError("x509: Ed25519 key encoded with illegal parameters")
            if len(data) != 32:
                raise BuiltinError("x509: wrong Ed25519 public key size")
            return EdPublic(data)
        case oid if oid == X25519_OID:
            if algorithm.parameters:
                raise BuiltinError("x509: X25519 key encoded with illegal parameters")
            if len(data) != 32:
                raise BuiltinError("crypto/ecdh: invalid public key")
            return XPublic(data)
        case oid if oid == DSA_OID:
            return _dsa(algorithm.parameters, data)
        case _:
            raise BuiltinError("x509: unknown public key algorithm")


def _rsa(parameters: bytes, data: bytes) -> RsaPublic:
    if parameters != NULL:
        raise BuiltinError("x509: RSA key missing NULL parameters")
    reader = Reader(data).inner(der.SEQUENCE)
    if reader is None:
        raise BuiltinError("x509: invalid RSA public key")
    n = reader.integer()
    if n is None:
        raise BuiltinError("x509: invalid RSA modulus")
    e = reader.small_integer()
    if e is None:
        raise BuiltinError("x509: invalid RSA public exponent")
    if n <= 0:
        raise BuiltinError("x509: RSA modulus is not a positive number")
    if e <= 0:
        raise BuiltinError("x509: RSA public exponent is not a positive number")
    return RsaPublic(n, e)


def _ec(parameters: bytes, data: bytes) -> PublicKey:
    oid = Reader(parameters).object_id()
    if oid is None:
        raise BuiltinError("x509: invalid ECDSA parameters")
    curve = CURVE_OIDS.get(oid)
    if curve is None:
        raise BuiltinError("x509: unsupported elliptic curve")
    return uncompressed_point(curve, data)


def _dsa(parameters: bytes, data: bytes) -> DsaPublic:
    y = Reader(data).integer()
    if y is None:
        raise BuiltinError("x509: invalid DSA public key")
    reader = Reader(parameters).inner(der.SEQUENCE)
    found = [None] * 3 if reader is None else [reader.integer() for _ in range(3)]
    p, q, g = found
    if p is None or q is None or g is None:
        raise BuiltinError("x509: invalid DSA parameters")
    if min(y, p, q, g) <= 0:
        raise BuiltinError("x509: zero or negative DSA parameter")
    return DsaPublic(p, q, g, y)


_PKCS1_PUBLIC: Final = Part("struct", "pkcs1PublicKey", (Part("big"), Part("int")))


def parse_pkix(data: bytes) -> PublicKey:
    """The key in what a ``PUBLIC KEY`` block holds; raises :class:`BuiltinError`."""
    try:
        found, rest = read(data, PUBLIC_KEY_INFO)
    except Asn1Fault as fault:
        try:
            read(data, _PKCS1_PUBLIC)
        except Asn1Fault:
            raise fault from None
        raise BuiltinError(
            "x509: failed to parse public key (use ParsePKCS1PublicKey instead for this key format)"
        ) from None
    if rest:
        raise BuiltinError("x509: trailing data after ASN.1 of public-key")
    return parse_public_key(as_identifier(found.parts[0]), found.parts[1])
