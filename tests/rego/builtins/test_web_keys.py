"""JSON web keys: what is read of them, and what is wrong in the words of the library behind OPA."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.rego.builtins.keys import EcPrivate, EdPrivate, RsaPublic
from image_enforcer.rego.builtins.web_key_values import export
from image_enforcer.rego.builtins.web_keys import MAX_KEYS, decode_guessed, parse
from image_enforcer.rego.errors import BuiltinError
from tests.rego.builtins.certificate_makers import ec_key, ed_key, rsa_key, url_text, web_key

SECRET = {"kty": "oct", "k": "c2VjcmV0"}


def exported(key: dict[str, Any]) -> Any:
    (found,) = parse(json.dumps(key))
    return export(found)


def test_one_and_many() -> None:
    assert [key.name for key in parse(json.dumps({**SECRET, "kid": "a"}))] == ["a"]
    assert [key.name for key in parse(json.dumps({"keys": [{**SECRET, "kid": "a"}, SECRET]}))] == ["a", ""]
    assert parse('{"keys": []}') == []
    assert exported(SECRET) == b"secret"


def test_keys_to_compute_with() -> None:
    numbers = rsa_key().public_key().public_numbers()
    size = (numbers.n.bit_length() + 7) // 8
    public = {"kty": "RSA", "n": url_text(numbers.n.to_bytes(size, "big")), "e": "AQAB"}
    assert exported(public) == RsaPublic(numbers.n, 65537)
    assert isinstance(exported(web_key(ec_key())), EcPrivate)
    assert isinstance(exported(web_key(ed_key())), EdPrivate)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"kty": "X"}, "invalid key type from JSON (X)"),
        ({"kty": 1}, "cannot unmarshal number into Go struct field .kty of type string"),
        ({"k": 1}, "json: cannot unmarshal number into Go value of type string"),
        ({"k": "!"}, "expected base64 encoded []byte (string)"),
        ({"k": ""}, 'missing "k" field'),
        ({"alg": "X"}, 'invalid key value: "X": invalid key algorithm'),
        ({"key_ops": 1}, "cannot unmarshal number into Go value of type jwk.KeyOperationList"),
        ({"x5c": "a"}, "failed to unmarshal certificate chain: expected JSON array"),
        ({"x5c": ["MAA="]}, "failed to decode certificate at index 0: failed to parse x509 certificate: "),
        ({"x5c": ["!"]}, "failed to base64 decode the certificate"),
        ({"kty": "EC", "crv": "P-1", "x": "AA", "y": "AA"}, 'unknown EllipticCurveAlgorithm: "P-1"'),
        ({"kty": "EC", "crv": "P-256", "x": "AA"}, "required field y is missing"),
        ({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, 'invalid "x" length (1) for curve "P-256"'),
        ({"kty": "OKP", "crv": "Ed25519", "x": "AA"}, "ed25519: wrong public key size"),
        ({"kty": "RSA", "n": "Aw", "e": "Ag"}, "invalid rsa public exponent: must be a positive odd integer"),
        ({"kty": "RSA", "n": "Aw", "e": "A" + "_" * 11}, "rsa public exponent too large for this platform: 6"),
    ],
)
def test_faults(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(BuiltinError) as caught:
        parse(json.dumps({**SECRET, **change}))
    assert fault in str(caught.value)


def test_point_off_the_curve() -> None:
    size = 32
    key = {"kty": "EC", "crv": "P-256", "x": url_text(bytes(size - 1) + b"\x01"), "y": url_text(bytes(size))}
    with pytest.raises(BuiltinError, match="P256 point not on curve"):
        parse(json.dumps(key))


def test_key_that_does_not_belong_to_its_public_half() -> None:
    with pytest.raises(BuiltinError, match="ed25519: invalid x value given d value"):
        exported({**web_key(ed_key()), "x": url_text(bytes(32))})


def test_too_many() -> None:
    parse(json.dumps({"keys": [SECRET] * MAX_KEYS}))
    with pytest.raises(BuiltinError, match="too many keys"):
        parse(json.dumps({"keys": [SECRET] * (MAX_KEYS + 1)}))


@pytest.mark.parametrize(
    ("text", "found"),
    [(b"YQ==", b"a"), (b"YQ", b"a"), (b"-_8", b"\xfb\xff"), (b"+/8", b"\xfb\xff"), (b"+_8", None), (b"YQ=", None)],
)
def test_kinds_of_base64(text: bytes, found: bytes | None) -> None:
    assert decode_guessed(text) == found


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("AQab-_=", max_size=6),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
NAMES = st.sampled_from(["k", "n", "e", "d", "p", "q", "x", "y", "alg", "kid", "use", "key_ops", "x5c", "x5u"])
FAMILIES = st.sampled_from(["RSA", "EC", "OKP", "oct"])
CURVES = st.sampled_from(["P-256", "P-521", "Ed25519", "X25519", "X448", ""])


@given(FAMILIES, CURVES, st.dictionaries(NAMES, VALUES, max_size=6))
def test_any_key_is_read_or_refused(family: str, curve: str, parts: dict[str, Any]) -> None:
    with suppress(BuiltinError):
        for key in parse(json.dumps({"kty": family, "crv": curve, **parts})):
            export(key)
