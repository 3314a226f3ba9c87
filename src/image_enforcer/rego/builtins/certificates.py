"""Certificates, certificate requests and private keys in PEM or base64, as the JSON that Go makes of them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from ..errors import BuiltinError, OperandError
from ..meter import METER
from ..values import Num, RegoSet, Value, sorted_keys
from . import operands
from .base64_texts import decode_standard
from .byte_texts import to_bytes
from .certificate_chains import Untrusted, Wanted, chain_to_root
from .certificate_parsing import (
    Certificate,
    certificate_value,
    parse_certificate,
    parse_certificates,
    request_value,
)
from .contract import Builtin, Context
from .keys import EcPrivate, EdPrivate, PrivateKey, RsaPrivate, XPrivate, base64_text, private_value
from .pem import Block, blocks, first_block
from .private_keys import parse_pkcs1, parse_pkcs8, parse_sec1

_BEGIN: Final = b"-----BEGIN"
MAX_CERTIFICATES: Final = 1_000
"""How many certificates one text may hold."""


# --- reading -------------------------------------------------------------------------------------


def _certificates(text: bytes) -> list[Certificate]:
    """The certificates in PEM, in base64 of PEM, or in base64 of DER."""
    if not text.startswith(_BEGIN):
        text = decode_standard(text)
    if not text.startswith(_BEGIN):
        return parse_certificates(text)
    found: list[bytes] = []
    for block in blocks(text):
        if block.type != "CERTIFICATE":
            raise BuiltinError(f"PEM block type is '{block.type}', expected CERTIFICATE")
        found.append(block.data)
        if len(found) > MAX_CERTIFICATES:
            raise BuiltinError(f"more than {MAX_CERTIFICATES} certificates")
    return parse_certificates(b"".join(found))


def _bytes(value: Value, position: int) -> bytes:
    return to_bytes(operands.string(value, position))


def parse_all(a: Value) -> Value:
    """Every certificate in a text; null for none."""
    found = _certificates(_bytes(a, 1))
    return [certificate_value(c, uri_texts=True) for c in found]


# --- trust ---------------------------------------------------------------------------------------


def _verified(context: Context, certificates: list[Certificate], wanted: Wanted, *, uri_texts: bool) -> Value:
    try:
        chain = chain_to_root(certificates, wanted)
    except Untrusted:
        return [False, []]
    context.spend(10 * len(chain))
    return [True, [certificate_value(c, uri_texts=uri_texts) for c in chain]]


def parse_and_verify(context: Context, a: Value) -> Value:
    """Whether the last certificate is trusted where the first one is the root, with the chain between them."""
    text = _bytes(a, 1)
    try:
        found = _certificates(text)
    except BuiltinError:
        return [False, []]
    return _verified(context, found, Wanted(context.now_ns), uri_texts=True)


def parse_and_verify_with_options(context: Context, a: Value, options: Value) -> Value:
    """The same for a host's name, a time or other usages than a server's."""
    text, given = _bytes(a, 1), operands.obj(options, 2)
    try:
        found = _certificates(text)
    except BuiltinError:
        return [False, []]
    return _verified(context, found, _wanted(given, context.now_ns), uri_texts=False)


_USAGES: Final = (
    "Any", "ServerAuth", "ClientAuth", "CodeSigning", "EmailProtection", "IPSECEndSystem", "IPSECTunnel", "IPSECUser",
    "TimeStamping", "OCSPSigning", "MicrosoftServerGatedCrypto", "NetscapeServerGatedCrypto",
    "MicrosoftCommercialCodeSigning", "MicrosoftKernelCodeSigning",
)  # fmt: skip
"""Names of usages behind ``KeyUsage``, by Go's numbers."""


def _wanted(given: dict[Any, Value], now_ns: int) -> Wanted:
    host = ""
    usages: tuple[int, ...] = ()
    for name in sorted_keys(given):
        if type(name) is not str:
            continue
        value = given[name]
        match name:
            case "DNSName":
                if type(value) is not str:
                    raise BuiltinError("'DNSName' should be a string")
                host = value.strip('"')
            case "CurrentTime":
                now_ns = _number(name, value, "a valid int64 number")
            case "MaxConstraintComparisons":
                _number(name, value, "a valid number")
            case "KeyUsages":
                usages = _usages(value)
            case _:
                raise BuiltinError("invalid key option")
    return Wanted(now_ns, host, usages)


def _number(name: str, value: Value, what: str) -> int:
    if type(value) is not int and type(value) is not Num:
        raise BuiltinError(f"'{name}' should be a number")
    try:
        return operands.integer(value, 2)
    except OperandError:
        raise BuiltinError(f"'{name}' should be {what}") from None


def _usages(value: Value) -> tuple[int, ...]:
    if type(value) is not list and type(value) is not RegoSet:
        raise BuiltinError("'KeyUsages' should be an Array or Set")
    METER.spend(len(value))
    names = [item.strip('"') for item in value if type(item) is str]
    known = {f"KeyUsage{usage}": i for i, usage in enumerate(_USAGES)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BuiltinError(f"invalid entries for 'KeyUsages' found: [{' '.join(unknown)}]")
    return tuple([known[name] for name in names])


# --- requests and key pairs ----------------------------------------------------------------------


def parse_request(a: Value) -> Value:
    """The certificate request in PEM, or in base64 of PEM or DER."""
    data = _bytes(a, 1)
    if not data.startswith(b"-----BEGIN CERTIFICATE REQUEST-----"):
        data = decode_standard(data)
    block, _ = first_block(data)
    if block is not None:
        if block.type != "CERTIFICATE REQUEST":
            raise BuiltinError("invalid PEM-encoded certificate signing request")
        data = block.data
    return request_value(data)


def parse_key_pair(a: Value, b: Value) -> Value:
    """Certificates with the key of the first one."""
    certificates, key = _bytes(a, 1), _bytes(b, 1)
    certificates = certificates if certificates.startswith(b"-----BEGIN ") else decode_standard(certificates)
    key = key if key.startswith(b"-----BEGIN ") else decode_standard(key)
    chain, leaf, private = key_pair(certificates, key)
    return {
        "Certificate": [base64_text(c) for c in chain],
        "PrivateKey": private_value(private),
        "SupportedSignatureAlgorithms": None,
        "OCSPStaple": None,
        "SignedCertificateTimestamps": None,
        "Leaf": certificate_value(leaf, uri_texts=False),
    }


def key_pair(certificates: bytes, key: bytes) -> tuple[list[bytes], Certificate, PrivateKey]:
    """Certificates, the first of them read, and its key, in PEM or DER; raises :class:`BuiltinError`."""
    chain = _chain(certificates)
    der = key if not key.startswith(_BEGIN) else _key_block(key)
    leaf = parse_certificate(chain[0])
    private = _any_private_key(der)
    _check_pair(leaf, private)
    return chain, leaf, private


def check_pem_pair(certificates: bytes, key: bytes) -> None:
    """Raises :class:`BuiltinError` where two PEM texts are no certificate with its key."""
    chain, der = _chain_in(certificates), _key_block(key)
    _check_pair(parse_certificate(chain[0]), _any_private_key(der))


def _chain(text: bytes) -> list[bytes]:
    return _chain_in(text) if text.startswith(b"-----BEGIN ") else [text]


def _chain_in(text: bytes) -> list[bytes]:
    found: list[bytes] = []
    skipped: list[str] = []
    for block in blocks(text):
        if block.type == "CERTIFICATE":
            found.append(block.data)
        else:
            skipped.append(block.type)
    if found:
        return found
    if not skipped:
        raise BuiltinError("tls: failed to find any PEM data in certificate input")
    if len(skipped) == 1 and skipped[0].endswith("PRIVATE KEY"):
        raise BuiltinError(
            "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may"
            " have been switched"
        )
    raise BuiltinError(
        'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following'
        f" types: [{' '.join(skipped)}]"
    )


def _key_block(text: bytes) -> bytes:
    skipped: list[str] = []
    for block in blocks(text):
        if block.type == "PRIVATE KEY" or block.type.endswith(" PRIVATE KEY"):
            return block.data
        skipped.append(block.type)
    if not skipped:
        raise BuiltinError("tls: failed to find any PEM data in key input")
    if skipped == ["CERTIFICATE"]:
        raise BuiltinError("tls: found a certificate rather than a key in the PEM for the private key")
    raise BuiltinError(
        'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the'
        f" following types: [{' '.join(skipped)}]"
    )


def _any_private_key(data: bytes) -> PrivateKey:
    for read in (parse_pkcs1, parse_pkcs8, parse_sec1):
        try:
            found: PrivateKey = read(data)
        except BuiltinError:
            continue
        if isinstance(found, XPrivate):
            raise BuiltinError("tls: found unknown private key type in PKCS#8 wrapping")
        return found
    raise BuiltinError("tls: failed to parse private key")


def _check_pair(leaf: Certificate, private: PrivateKey) -> None:
    if leaf.key is None or leaf.key_algorithm == 2:
        raise BuiltinError("tls: unknown public key algorithm")
    assert isinstance(private, RsaPrivate | EcPrivate | EdPrivate)
    if type(private.public) is not type(leaf.key):
        raise BuiltinError("tls: private key type does not match public key type")
    if private.public != leaf.key:
        raise BuiltinError("tls: private key does not match public key")


# --- private keys --------------------------------------------------------------------------------


def _private_keys(text: bytes) -> list[PrivateKey]:
    """The keys in PEM, or in base64 of PEM; blocks of other types are passed over."""
    with suppress(BuiltinError):
        text = decode_standard(text)
    found = [_private_key(block) for block in blocks(text)]
    return [key for key in found if key is not None]


def _private_key(block: Block) -> PrivateKey | None:
    match block.type:
        case "RSA PRIVATE KEY":
            return parse_pkcs1(block.data)
        case "PRIVATE KEY":
            return parse_pkcs8(block.data)
        case "EC PRIVATE KEY":
            return parse_sec1(block.data)
        case _:
            return None


def parse_private_keys(a: Value) -> Value:
    """Every private key in a text; null for no text."""
    text = _bytes(a, 1)
    if not text:
        return None
    return [private_value(key) for key in _private_keys(text)]


def parse_rsa_private_key(a: Value) -> Value:
    """The first private key in a text, of any kind, as a JSON web key; null for none."""
    text = _bytes(a, 1)
    if not text:
        raise BuiltinError("input PEM data was empty")
    if not text.startswith(_BEGIN):
        text = decode_standard(text)
    found = _private_keys(text)
    return _web_key(found[0]) if found else None


def _number_text(value: int, size: int | None = None) -> str:
    raw = value.to_bytes((value.bit_length() + 7) // 8 if size is None else size, "big")
    return _url_text(raw)


def _url_text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _web_key(key: PrivateKey) -> Value:
    match key:
        case RsaPrivate():
            return _rsa_web_key(key)
        case EcPrivate(public, d):
            curve = public.curve
            if curve.name == "P-224":
                raise BuiltinError(
                    "failed to initialize *jwk.ecdsaPrivateKey from *ecdsa.PrivateKey: jwk: failed to get algorithm for"
                    " converting ECDSA private key to JWK: unknown elliptic curve: P-224"
                )
            return {
                "crv": curve.name, "kty": "EC", "d": _number_text(d, curve.size),
                "x": _number_text(public.x, curve.size), "y": _number_text(public.y, curve.size),
            }  # fmt: skip
        case EdPrivate(public, seed):
            return {"crv": "Ed25519", "kty": "OKP", "d": _url_text(seed), "x": _url_text(public.raw)}
        case XPrivate(public, raw):
            return {"crv": "X25519", "kty": "OKP", "d": _url_text(raw), "x": _url_text(public.raw)}


def _rsa_web_key(key: RsaPrivate) -> Value:
    if len(key.primes) > 2:
        raise BuiltinError(
            "failed to initialize *jwk.rsaPrivateKey from *rsa.PrivateKey: invalid number of primes in rsa.PrivateKey:"
            f" need 0 to 2, but got {len(key.primes)}"
        )
    p, q = key.primes
    out = {"kty": "RSA", "n": _number_text(key.public.n), "e": _number_text(key.public.e), "d": _number_text(key.d)}
    out |= {"p": _number_text(p), "q": _number_text(q)}
    for name, value in (("dp", key.dp), ("dq", key.dq), ("qi", key.qinv)):
        if value is not None:
            out[name] = _number_text(value)
    return out


BUILTINS: Final[Mapping[str, Builtin]] = {
    "crypto.x509.parse_certificates": Builtin(parse_all),
    "crypto.x509.parse_and_verify_certificates": Builtin(parse_and_verify, context=True),
    "crypto.x509.parse_and_verify_certificates_with_options": Builtin(parse_and_verify_with_options, context=True),
    "crypto.x509.parse_certificate_request": Builtin(parse_request),
    "crypto.x509.parse_keypair": Builtin(parse_key_pair),
    "crypto.x509.parse_rsa_private_key": Builtin(parse_rsa_private_key),
    "crypto.parse_private_keys": Builtin(parse_private_keys),
}
