"""Making and checking signatures, by ``cryptography``: which keys are too weak for it is decided as in Go."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from ..errors import BuiltinError
from ..meter import METER
from .keys import MAX_KEY_BITS, Curve, EcPrivate, EcPublic, EdPrivate, EdPublic, RsaPrivate, RsaPublic

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

LEAST_BITS: Final = 1024
"""How long an RSA modulus has to be."""


def digest_of(name: str, data: bytes) -> bytes:
    """The digest of some bytes; they are the digest themselves where no name is given."""
    METER.spend(10 + (len(data) >> 5))
    return hashlib.new(name, data, usedforsecurity=False).digest() if name else data


def curve_of(curve: Curve) -> ec.EllipticCurve:
    """A curve as ``cryptography`` names it."""
    from cryptography.hazmat.primitives.asymmetric import ec

    curves: tuple[ec.EllipticCurve, ...] = (ec.SECP224R1(), ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())
    return dict(zip(("P-224", "P-256", "P-384", "P-521"), curves, strict=True))[curve.name]


def _algorithm(name: str) -> HashAlgorithm:
    from cryptography.hazmat.primitives import hashes

    found: dict[str, HashAlgorithm] = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
    return found[name]


def _prehashed(name: str) -> Prehashed:
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    return Prehashed(_algorithm(name))


def _usable(n: int, e: int) -> str | None:
    """Why Go computes nothing with an RSA key, None where it does."""
    bits = n.bit_length()
    if bits < LEAST_BITS:
        return f"crypto/rsa: {bits}-bit keys are insecure (see https://go.dev/pkg/crypto/rsa#hdr-Minimum_key_size)"
    if n % 2 == 0:
        return "crypto/rsa: public modulus is even"
    if e < 2:
        return "crypto/rsa: public exponent too small or negative"
    if e % 2 == 0:
        return "crypto/rsa: public exponent is even"
    return "crypto/rsa: public exponent too large" if e > 0x7FFFFFFF else None


def _pay_for_rsa(n: int, e: int) -> None:
    bits = n.bit_length()
    if bits > MAX_KEY_BITS:
        raise BuiltinError(f"crypto/rsa: keys of {bits} bits are not computed with here, {MAX_KEY_BITS} at most")
    METER.spend(200 + (bits * bits * max(e.bit_length(), 17) >> 19))


def verify_rsa(key: RsaPublic, digest_name: str, digest: bytes, signature: bytes, *, salt: int | None = None) -> bool:
    """Whether a PKCS #1 v1.5 signature is right, or with ``salt`` a PSS one with a salt that long (-1: any)."""
    if _usable(key.n, key.e) is not None:
        return False
    _pay_for_rsa(key.n, key.e)
    size = (key.n.bit_length() + 7) // 8
    if len(signature) != size:
        return False
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    scheme: padding.PKCS1v15 | padding.PSS = padding.PKCS1v15()
    if salt is not None:
        length = padding.PSS.AUTO if salt < 0 else salt
        scheme = padding.PSS(padding.MGF1(_algorithm(digest_name)), length)
    try:
        public = rsa.RSAPublicNumbers(key.e, key.n).public_key()
        public.verify(signature, digest, scheme, _prehashed(digest_name))
    except InvalidSignature:
        return False
    except ValueError as fault:
        raise BuiltinError(f"crypto/rsa: {fault}") from None
    return True


def verify_ecdsa(key: EcPublic, digest_name: str, digest: bytes, r: int, s: int) -> bool:
    """Whether an ECDSA signature is right."""
    if not (0 < r < key.curve.order and 0 < s < key.curve.order):
        return False
    METER.spend(1_000)
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    public = ec.EllipticCurvePublicNumbers(key.x, key.y, curve_of(key.curve)).public_key()
    try:
        public.verify(encode_dss_signature(r, s), digest, ec.ECDSA(_prehashed(digest_name)))
    except InvalidSignature:
        return False
    return True


def verify_ed25519(key: EdPublic, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature is right."""
    METER.spend(1_000 + (len(message) >> 4))
    if len(signature) != 64:
        return False
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def sign_rsa(key: RsaPrivate, digest_name: str, message: bytes, *, pss: bool) -> bytes:
    """A PKCS #1 v1.5 signature, or a PSS one with a salt as long as the digest; raises :class:`BuiltinError`."""
    n, e = key.public.n, key.public.e
    why_not = _usable(n, e)
    if why_not is not None:
        raise BuiltinError(why_not)
    _pay_for_rsa(n, key.d)
    from cryptography.hazmat.primitives.asymmetric import padding

    digest = digest_of(digest_name, message)
    scheme: padding.PKCS1v15 | padding.PSS = padding.PKCS1v15()
    if pss:
        scheme = padding.PSS(padding.MGF1(_algorithm(digest_name)), len(digest))
    try:
        return _rsa_private(key).sign(digest, scheme, _prehashed(digest_name))
    except ValueError as fault:
        raise BuiltinError(f"crypto/rsa: {fault}") from None


def _rsa_private(key: RsaPrivate) -> rsa.RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric import rsa

    assert key.dp is not None
    assert key.dq is not None
    assert key.qinv is not None
    public = rsa.RSAPublicNumbers(key.public.e, key.public.n)
    p, q = key.primes
    return rsa.RSAPrivateNumbers(p, q, key.d, key.dp, key.dq, key.qinv, public).private_key()


def sign_ecdsa(key: EcPrivate, digest_name: str, message: bytes) -> bytes:
    """An ECDSA signature: both numbers, each as long as the curve's field."""
    METER.spend(1_000)
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    digest = digest_of(digest_name, message)
    private = ec.derive_private_key(key.d, curve_of(key.public.curve))
    r, s = decode_dss_signature(private.sign(digest, ec.ECDSA(_prehashed(digest_name))))
    size = key.public.curve.size
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def sign_ed25519(key: EdPrivate, message: bytes) -> bytes:
    """An Ed25519 signature."""
    METER.spend(1_000 + (len(message) >> 4))
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(key.seed).sign(message)
