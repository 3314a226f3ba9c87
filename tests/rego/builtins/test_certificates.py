"""Certificates, requests and keys, shown as OPA shows them."""

from __future__ import annotations

import base64
import ipaddress
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as form
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer import rego
from image_enforcer.rego.builtins.certificates import BUILTINS
from image_enforcer.rego.errors import BuiltinError
from tests.rego.builtins.certificate_makers import (
    Signer,
    authority,
    certificate,
    ec_key,
    ed_key,
    pem,
    private_pem,
    rsa_key,
)
from tests.rego.builtins.expressions import outcome

OUTCOMES = {
    'crypto.x509.parse_certificates("")': "[]",
    'crypto.x509.parse_certificates("x")': (
        "fault: crypto.x509.parse_certificates: illegal base64 data at input byte 0"
    ),
    'crypto.x509.parse_certificates("AAAA")': "fault: crypto.x509.parse_certificates: x509: malformed certificate",
    'crypto.x509.parse_and_verify_certificates("x")': "[false, []]",
    'crypto.x509.parse_certificate_request("AAAA")': (
        "fault: crypto.x509.parse_certificate_request: asn1: structure error: tags don't match (16 vs {class:0 tag:0"
        " length:0 isCompound:false}) {optional:false explicit:false application:false private:false"
        " defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false omitEmpty:false} certificateRequest @2"
    ),
    'crypto.x509.parse_rsa_private_key("")': "fault: crypto.x509.parse_rsa_private_key: input PEM data was empty",
    'crypto.parse_private_keys("")': "null",
    'crypto.parse_private_keys("x")': "[]",
    'crypto.x509.parse_keypair("AAAA", "AAAA")': "fault: crypto.x509.parse_keypair: x509: malformed certificate",
    "crypto.x509.parse_certificates(input.n)": (
        "fault: crypto.x509.parse_certificates: operand 1 must be string but got number"
    ),
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression, n=1) == OUTCOMES[expression]


def call(name: str, *operands: Any) -> Any:
    """A built-in that needs no context."""
    return BUILTINS[name].fn(*operands)


NAMES = x509.SubjectAlternativeName(
    [
        x509.DNSName("*.example"),
        x509.RFC822Name("a@b.example"),
        x509.IPAddress(ipaddress.ip_address("::ffff:1.2.3.4")),
        x509.UniformResourceIdentifier("https://u@h.example:8/p%20q/?a=b#f"),
    ]
)


def test_a_certificate_as_json() -> None:
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, x509.ObjectIdentifier("1.2.3.4")])
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"xyz")
    data = certificate(ec_key(), extensions=[(NAMES, False), (usage, False), (odd, True)])
    (found,) = call("crypto.x509.parse_certificates", pem(data))
    assert call("crypto.x509.parse_certificates", base64.b64encode(data).decode()) == [found]
    point = ec_key().public_key().public_numbers()
    assert found["PublicKey"] == {"Curve": {}, "X": point.x, "Y": point.y}
    assert (found["SignatureAlgorithm"], found["PublicKeyAlgorithm"], found["Version"]) == (10, 3, 3)
    assert (found["NotBefore"], found["SerialNumber"]) == ("2020-01-01T00:00:00Z", 7)
    assert found["Subject"]["Names"] == [{"Type": [2, 5, 4, 3], "Value": "leaf"}]
    assert found["Subject"]["Country"] is None
    assert (found["DNSNames"], found["EmailAddresses"]) == (["*.example"], ["a@b.example"])
    assert found["IPAddresses"] == ["1.2.3.4"]
    assert found["URIStrings"] == ["https://u@h.example:8/p%20q/?a=b#f"]
    assert found["URIs"][0]["Path"] == "/p q/"
    assert found["URIs"][0]["User"] == {}
    assert (found["ExtKeyUsage"], found["UnknownExtKeyUsage"]) == ([2], [[1, 2, 3, 4]])
    assert found["UnhandledCriticalExtensions"] == [[1, 2, 3, 4, 5]]
    assert found["Raw"] == base64.b64encode(data).decode()
    assert rego.to_json(found)


@pytest.mark.parametrize(
    ("kind", "shown"),
    [("ed", str), ("rsa", dict)],
)
def test_public_keys(kind: str, shown: type) -> None:
    data = certificate(ed_key() if kind == "ed" else rsa_key())
    (found,) = call("crypto.x509.parse_certificates", pem(data))
    assert type(found["PublicKey"]) is shown
    if kind == "rsa":
        assert found["PublicKey"] == {"N": rsa_key().public_key().public_numbers().n, "E": 65537}


def test_a_block_of_another_kind_is_refused() -> None:
    with pytest.raises(BuiltinError, match="PEM block type is 'X', expected CERTIFICATE"):
        call("crypto.x509.parse_certificates", pem(certificate(ec_key())) + pem(b"a", "X"))


def test_many_certificates_end_at_a_limit() -> None:
    with pytest.raises(BuiltinError, match="more than 1000 certificates"):
        call("crypto.x509.parse_certificates", pem(b"a") * 1001)


@given(st.integers(0, 400), st.integers(0, 255))
def test_whatever_is_wrong_with_a_certificate_is_named(place: int, byte: int) -> None:
    data = bytearray(authority(ec_key(), extensions=[(NAMES, False)]))
    data[place % len(data)] = byte
    text = outcome("crypto.x509.parse_certificates(input.c)", c=base64.b64encode(bytes(data)).decode())
    assert text.startswith(("[{", "fault: crypto.x509.parse_certificates: "))


def request(key: Any) -> bytes:
    builder = x509.CertificateSigningRequestBuilder()
    builder = builder.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "asks")]))
    made = builder.add_extension(NAMES, critical=False).sign(key, hashes.SHA256())
    return made.public_bytes(form.Encoding.DER)


def test_a_request_as_json() -> None:
    data = request(ec_key())
    found = call("crypto.x509.parse_certificate_request", pem(data, "CERTIFICATE REQUEST"))
    assert call("crypto.x509.parse_certificate_request", base64.b64encode(data).decode()) == found
    assert found["Subject"]["CommonName"] == "asks"
    assert found["DNSNames"] == ["*.example"]
    assert found["Extensions"][0]["Id"] == [2, 5, 29, 17]
    assert found["Version"] == 0
    with pytest.raises(BuiltinError, match="invalid PEM-encoded certificate signing request"):
        call("crypto.x509.parse_certificate_request", base64.b64encode(pem(data, "X").encode()).decode())


@pytest.mark.parametrize("kind", [form.PrivateFormat.PKCS8, form.PrivateFormat.TraditionalOpenSSL])
def test_private_keys_as_json(kind: form.PrivateFormat) -> None:
    text = private_pem(rsa_key(), kind) + private_pem(ec_key(), kind) + private_pem(ed_key())
    rsa_found, ec_found, ed_found = call("crypto.parse_private_keys", text)
    numbers = rsa_key().private_numbers()
    assert rsa_found["Primes"] == [numbers.p, numbers.q]
    assert rsa_found["Precomputed"] == {"Dp": numbers.dmp1, "Dq": numbers.dmq1, "Qinv": numbers.iqmp, "CRTValues": []}
    assert ec_found["D"] == ec_key().private_numbers().private_value
    assert base64.b64decode(ed_found)[:32] == ed_key().private_bytes_raw()


@pytest.mark.parametrize(("which", "kty"), [("rsa", "RSA"), ("ec", "EC"), ("ed", "OKP")])
def test_the_first_private_key_as_a_web_key(which: str, kty: str) -> None:
    keys: dict[str, Signer] = {"rsa": rsa_key(), "ec": ec_key(), "ed": ed_key()}
    key = keys[which]
    found = call("crypto.x509.parse_rsa_private_key", base64.b64encode(private_pem(key).encode()).decode())
    assert found["kty"] == kty
    assert call("crypto.x509.parse_rsa_private_key", pem(b"a", "X")) is None


def test_a_key_pair() -> None:
    data = certificate(ec_key())
    found = call("crypto.x509.parse_keypair", pem(data), private_pem(ec_key()))
    assert found["Certificate"] == [base64.b64encode(data).decode()]
    assert found["Leaf"]["Subject"]["CommonName"] == "leaf"
    assert "URIStrings" not in found["Leaf"]


@pytest.mark.parametrize(
    ("certificates", "key", "fault"),
    [
        ("leaf", "other", "tls: private key does not match public key"),
        ("leaf", "rsa", "tls: private key type does not match public key type"),
        ("leaf", "leaf", "tls: found a certificate rather than a key in the PEM for the private key"),
        ("other", "other", "but did find a private key; PEM inputs may have been switched"),
    ],
)
def test_what_is_no_key_pair(certificates: str, key: str, fault: str) -> None:
    texts = {
        "leaf": pem(certificate(ec_key())),
        "other": private_pem(ec_key(1)),
        "rsa": private_pem(rsa_key()),
    }
    with pytest.raises(BuiltinError, match=fault):
        call("crypto.x509.parse_keypair", texts[certificates], texts[key])
