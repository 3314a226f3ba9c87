"""Keys and certificates for tests, made on the spot; the times of certificates lie around :data:`NOW_NS`."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Iterable
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

NOW_NS = 1_700_000_000_000_000_000
_BEGIN, _END = datetime.datetime(2020, 1, 1), datetime.datetime(2040, 1, 1)  # noqa: DTZ001 - certificates have no zone

Signer = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
Extensions = Iterable[tuple[x509.ExtensionType, bool]]


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(number: int = 0, bits: int = 256) -> ec.EllipticCurvePrivateKey:
    curves: dict[int, ec.EllipticCurve] = {
        224: ec.SECP224R1(), 256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1(),
    }  # fmt: skip
    return ec.generate_private_key(curves[bits])


@cache
def ed_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def certificate(
    key: Signer, signer: Signer | None = None, subject: str = "leaf", issuer: str = "root", extensions: Extensions = (),
    begin: datetime.datetime = _BEGIN, end: datetime.datetime = _END,
) -> bytes:  # fmt: skip
    """A certificate in DER."""

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).serial_number(7)
    builder = builder.public_key(key.public_key()).not_valid_before(begin).not_valid_after(end)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    by = signer or key
    made = builder.sign(by, None if isinstance(by, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    return made.public_bytes(form.Encoding.DER)


def authority(
    key: Signer, signer: Signer | None = None, subject: str = "root", issuer: str = "root",
    extensions: Extensions = (), most: int | None = None,
) -> bytes:  # fmt: skip
    """A certificate that may certify others."""
    basic = (x509.BasicConstraints(ca=True, path_length=most), True)
    return certificate(key, signer, subject, issuer, [basic, *extensions])


def pem(data: bytes, kind: str = "CERTIFICATE") -> str:
    text = base64.encodebytes(data).decode()
    return f"-----BEGIN {kind}-----\n{text}-----END {kind}-----\n"


def public_pem(key: Signer) -> str:
    return key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo).decode()


def private_pem(key: Signer, kind: form.PrivateFormat = form.PrivateFormat.PKCS8) -> str:
    return key.private_bytes(form.Encoding.PEM, kind, form.NoEncryption()).decode()


def url_text(raw: bytes | int, size: int = 0) -> str:
    if isinstance(raw, int):
        raw = raw.to_bytes(size or (raw.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def web_key(key: Signer, *, private: bool = True, **more: str) -> dict[str, str]:
    """A key as a JSON web key."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        found = {"kty": "OKP", "crv": "Ed25519", "x": url_text(key.public_key().public_bytes_raw())}
        return found | ({"d": url_text(key.private_bytes_raw())} if private else {}) | more
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size, point = (key.key_size + 7) // 8, key.public_key().public_numbers()
        found = {"kty": "EC", "crv": f"P-{key.key_size}", "x": url_text(point.x, size), "y": url_text(point.y, size)}
        return found | ({"d": url_text(key.private_numbers().private_value, size)} if private else {}) | more
    numbers = key.private_numbers()
    found = {"kty": "RSA", "n": url_text(numbers.public_numbers.n), "e": url_text(numbers.public_numbers.e)}
    if private:
        parts = {"d": numbers.d, "p": numbers.p, "q": numbers.q, "dp": numbers.dmp1, "dq": numbers.dmq1}
        found |= {name: url_text(number) for name, number in {**parts, "qi": numbers.iqmp}.items()}
    return found | more
