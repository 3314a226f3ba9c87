"""Tokens: taken apart, verified, made; the outcomes are those of OPA."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from image_enforcer import rego
from tests.rego.builtins.certificate_makers import (
    NOW_NS,
    Signer,
    certificate,
    ec_key,
    ed_key,
    pem,
    public_pem,
    rsa_key,
    url_text,
    web_key,
)
from tests.rego.builtins.expressions import EMPTY, outcome

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def signature(algorithm: str, key: Signer | bytes, message: bytes) -> bytes:
    family, bits = algorithm[:2], algorithm[2:]
    if isinstance(key, bytes):
        return hmac.new(key, message, f"sha{bits}").digest()
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.key_size + 7) // 8
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(HASHES[bits])))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    if family == "RS":
        return key.sign(message, padding.PKCS1v15(), HASHES[bits])
    return key.sign(message, padding.PSS(padding.MGF1(HASHES[bits]), HASHES[bits].digest_size), HASHES[bits])


def token(key: Signer | bytes, header: Any, payload: Any = None) -> str:
    texts = [part if isinstance(part, str) else json.dumps(part) for part in (header, payload or {"a": 1})]
    signed = ".".join(url_text(text.encode()) for text in texts)
    algorithm = header["alg"] if isinstance(header, dict) and "alg" in header else "HS256"
    return f"{signed}.{url_text(signature(algorithm, key, signed.encode()))}"


def ask(expression: str, **given: Any) -> Any:
    query = EMPTY.prepare(expression, strict_builtin_errors=True)
    return query.value(input=given, host=rego.Host(now_ns=lambda: NOW_NS))


KEYS: dict[str, Signer] = {
    "RS256": rsa_key(), "RS384": rsa_key(), "RS512": rsa_key(), "PS256": rsa_key(), "PS512": rsa_key(),
    "ES256": ec_key(), "ES384": ec_key(0, 384), "ES512": ec_key(0, 521), "EdDSA": ed_key(),
}  # fmt: skip


@pytest.mark.parametrize("algorithm", KEYS)
@pytest.mark.parametrize("form", ["public key", "certificate", "web key", "set"])
def test_signatures_hold_in_every_form_of_the_key(algorithm: str, form: str) -> None:
    key = KEYS[algorithm]
    text = {
        "public key": lambda: public_pem(key),
        "certificate": lambda: pem(certificate(key)),
        "web key": lambda: json.dumps(web_key(key, private=False)),
        "set": lambda: json.dumps({"keys": [web_key(ec_key(5), private=False), web_key(key, private=False)]}),
    }[form]()
    made = token(key, {"alg": algorithm})
    name = f"io.jwt.verify_{algorithm.lower()}"
    assert ask(f"{name}(input.t, input.k)", t=made, k=text) is True
    assert ask('io.jwt.decode_verify(input.t, {"cert": input.k})', t=made, k=text)[0] is True
    head, _, tail = made.split(".")
    forged = f"{head}.{url_text(b'{}')}.{tail}"
    assert ask(f"{name}(input.t, input.k)", t=forged, k=text) is False
    assert ask('io.jwt.decode_verify(input.t, {"cert": input.k})', t=forged, k=text) == [False, {}, {}]


@pytest.mark.parametrize("bits", ["256", "384", "512"])
def test_codes(bits: str) -> None:
    made = token(b"secret", {"alg": f"HS{bits}"})
    assert ask(f'io.jwt.verify_hs{bits}(input.t, "secret")', t=made) is True
    assert ask(f'io.jwt.verify_hs{bits}(input.t, "other")', t=made) is False
    assert ask('io.jwt.decode_verify(input.t, {"secret": "secret"})', t=made) == [True, {"alg": f"HS{bits}"}, {"a": 1}]


def test_a_public_key_is_no_secret() -> None:
    text = public_pem(rsa_key())
    made = token(text.encode(), {"alg": "HS256"})
    assert ask('io.jwt.decode_verify(input.t, {"cert": input.k})', t=made, k=text) == [False, {}, {}]


def test_no_algorithm_at_all() -> None:
    bare = f"{url_text(json.dumps({'alg': 'none'}).encode())}.{url_text(b'{}')}."
    assert ask('io.jwt.decode_verify(input.t, {"secret": "s"})', t=bare) == [False, {}, {}]
    assert ask('io.jwt.decode_verify(input.t, {"cert": input.k})', t=bare, k=public_pem(rsa_key()))[0] is False


def test_names_of_keys_and_their_algorithms() -> None:
    made = token(rsa_key(), {"alg": "RS256", "kid": "a"})

    def holds(*keys: dict[str, str]) -> bool:
        return bool(ask("io.jwt.verify_rs256(input.t, input.k)", t=made, k=json.dumps({"keys": keys})))

    right, wrong = web_key(rsa_key(), private=False), web_key(rsa_key(1024), private=False)
    assert holds(wrong, right)
    assert not holds({**wrong, "kid": "a"}, right)
    assert holds({**right, "kid": "a", "alg": "RS512"})
    assert not holds({**right, "kid": "b", "alg": "RS512"})
    assert not holds({**right, "alg": "RSA-OAEP"})
    assert not holds()


CLAIMS: list[tuple[dict[str, Any], str, bool]] = [
    ({"exp": 1_700_000_001}, "{}", True),
    ({"exp": 1_700_000_000}, "{}", False),
    ({"nbf": 1_700_000_000}, "{}", True),
    ({"nbf": 1_700_000_001}, "{}", False),
    ({"nbf": 1_700_000_001}, '{"time": 1800000000000000000}', True),
    ({"aud": "a"}, "{}", False),
    ({"aud": ["b", "a"]}, '{"aud": "a"}', True),
    ({}, '{"aud": "a"}', False),
    ({"iss": "me"}, '{"iss": "me"}', True),
    ({"iss": "you"}, '{"iss": "me"}', False),
    ({}, '{"iss": "me"}', False),
    ({}, '{"alg": "HS256"}', True),
    ({}, '{"alg": "HS384"}', False),
]


@pytest.mark.parametrize(("claims", "constraints", "holds"), CLAIMS)
def test_constraints(claims: dict[str, Any], constraints: str, holds: bool) -> None:
    made = token(b"s", {"alg": "HS256"}, json.dumps(claims))
    found = ask(f'io.jwt.decode_verify(input.t, object.union({{"secret": "s"}}, {constraints}))', t=made)
    assert found[0] is holds


FAULTS = {
    "{}": "no key constraint",
    '{"secret": "s", "cert": "{\\"keys\\": []}"}': "duplicate key constraints",
    '{"secret": 1}': "secret constraint: must be a string",
    '{"secret": "s", "time": "x"}': "token time constraint: must be a number",
    '{"secret": "s", "time": -1}': "token time constraint: must not be negative",
    '{"secret": "s", "x": 1}': "unknown token validation constraint: x",
    '{"cert": "-----BEGIN X-----\\n-----END X-----\\n"}': "failed to extract a Key from the PEM certificate",
}


@pytest.mark.parametrize("constraints", FAULTS)
def test_constraints_that_are_none(constraints: str) -> None:
    made = token(b"s", {"alg": "HS256"})
    assert outcome(f"io.jwt.decode_verify(input.t, {constraints})", t=made) == (
        f"fault: io.jwt.decode_verify: {FAULTS[constraints]}"
    )


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        ({"exp": "x"}, "exp value must be a number"),
        ({"nbf": None}, "nbf value must be a number"),
        ({"iss": 1}, "iss value must be a string"),
    ],
)
def test_claims_of_the_wrong_kind_are_faults(payload: Any, fault: str) -> None:
    made = token(b"s", {"alg": "HS256"}, payload)
    constraints = '{"secret": "s", "iss": "a"}' if "iss" in payload else '{"secret": "s"}'
    assert outcome(f"io.jwt.decode_verify(input.t, {constraints})", t=made) == f"fault: io.jwt.decode_verify: {fault}"


HEADERS = {
    "{}": "[false, {}, {}]",
    '{"alg": 1}': "fault: io.jwt.decode_verify: alg: must be a string",
    '{"alg": "HS256", "crit": []}': "fault: io.jwt.decode_verify: crit: must be a nonempty list",
    '{"alg": "HS256", "crit": "x"}': "fault: io.jwt.decode_verify: crit: must be a list",
    '{"alg": "HS256", "crit": ["b"], "b": 1}': "[false, {}, {}]",
    '{"alg": "HS256", "crit": ["c"], "b": 1}': '[true, {"alg": "HS256", "b": 1, "crit": ["c"]}, {"a": 1}]',
    '{"enc": 1}': "fault: io.jwt.decode_verify: JWT is a JWE object, which is not supported",
    "[]": "fault: io.jwt.decode_verify: bad JWT header: decoded JSON type was not an Object",
    '{"alg":': "fault: io.jwt.decode_verify: bad JWT header: invalid JSON: unexpected EOF",
}


@pytest.mark.parametrize("header", HEADERS)
def test_headers(header: str) -> None:
    made = token(b"s", header)
    assert outcome('io.jwt.decode_verify(input.t, {"secret": "s"})', t=made) == HEADERS[header]


def test_tokens_in_tokens() -> None:
    inner = token(b"s", {"alg": "HS256"}, {"in": True})
    outer = token(b"s", {"alg": "HS256", "cty": "JWT"}, inner)
    assert ask("io.jwt.decode(input.t)[1]", t=outer) == {"in": True}
    assert ask('io.jwt.decode_verify(input.t, {"secret": "s"})[2]', t=outer) == {"in": True}
    assert outcome("io.jwt.decode(input.t)", t=token(b"s", {"cty": 1})) == "fault: io.jwt.decode: cty: must be a string"


SHAPES = {
    "a": "encoded JWT had no period separators",
    "a.b": "encoded JWT must have 3 sections, found 2",
    "a.b.c": "JWT header had invalid encoding: illegal base64url string: a",
    "e30.!.": "JWT payload had invalid encoding: illegal base64url string: !",
    "e30.W10.": "decoded JSON type was not an Object",
    "e30.e30.!!!!": "JWT signature had invalid encoding: illegal base64 data at input byte 0",
}


@pytest.mark.parametrize("text", SHAPES)
def test_what_is_no_token(text: str) -> None:
    assert outcome("io.jwt.decode(input.t)", t=text) == f"fault: io.jwt.decode: {SHAPES[text]}"


@pytest.mark.parametrize("algorithm", KEYS)
def test_made_tokens_verify(algorithm: str) -> None:
    key = KEYS[algorithm]
    made = ask(
        "io.jwt.encode_sign(input.h, input.p, input.k)", h={"alg": algorithm}, p={"b": 1, "a": "<"}, k=web_key(key)
    )
    assert ask(f"io.jwt.verify_{algorithm.lower()}(input.t, input.k)", t=made, k=public_pem(key)) is True
    payload = made.split(".")[1]
    assert base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)) == b'{"a":"\\u003c","b":1}'


def test_a_made_code_is_that_of_the_text() -> None:
    made = ask("io.jwt.encode_sign_raw(input.h, input.p, input.k)", h='{"alg": "HS256"}', p='{"a": 1}', k=OCTETS)
    signed, _, tail = made.rpartition(".")
    assert tail == url_text(hmac.new(b"secret", signed.encode(), hashlib.sha256).digest())
    assert signed.split(".")[0] == url_text(b'{"alg": "HS256"}')


OCTETS = '{"kty": "oct", "k": "c2VjcmV0"}'
UNMADE = {
    ("{}", "{}", OCTETS): "missing or invalid 'alg' header: jwsbb: header \"alg\" not found",
    ('{"alg": "none"}', "{}", OCTETS): "unknown JWS algorithm: none",
    ('{"alg": "HS256"}', "x", OCTETS): "type is JWT but payload is not JSON",
    (
        '{"alg": "HS256"}',
        "{}",
        "{}",
    ): "jwk.Parse: failed to parse sole key: jwk.ParseKey: invalid key type from JSON ()",
    ('{"alg": "HS256"}', "{}", '{"keys": []}'): "no keys found in JWK set",
    ('{"alg": "RS256"}', "{}", OCTETS): (
        "jwsbb.Sign: invalid key type *jwk.symmetricKey. *rsa.PrivateKey is required: failed to produce rsa.PrivateKey"
        " from *jwk.symmetricKey: jwk.Export: no suitable exporter found for key type '*jwk.symmetricKey'"
    ),
}


@pytest.mark.parametrize("parts", UNMADE)
def test_what_cannot_be_made(parts: tuple[str, str, str]) -> None:
    found = outcome("io.jwt.encode_sign_raw(input.h, input.p, input.k)", h=parts[0], p=parts[1], k=parts[2])
    assert found == f"fault: io.jwt.encode_sign_raw: {UNMADE[parts]}"


def test_other_payloads_than_json_where_the_type_says_so() -> None:
    made = ask("io.jwt.encode_sign_raw(input.h, input.p, input.k)", h='{"alg":"HS256","typ":"x"}', p="text", k=OCTETS)
    assert made.split(".")[1] == url_text(b"text")


def test_keys_too_short_or_too_long() -> None:
    short = web_key(rsa_key())
    short |= {"n": url_text(3 * 5 * 7 | 1)}
    found = outcome("io.jwt.encode_sign(input.h, {}, input.k)", h={"alg": "RS256"}, k=short)
    assert "-bit keys are insecure" in found
    long = json.dumps({"kty": "RSA", "n": url_text((1 << 20_000) + 1), "e": "AQAB"})
    made = token(rsa_key(), {"alg": "RS256"})
    assert "20001 bits are not computed with" in outcome("io.jwt.verify_rs256(input.t, input.k)", t=made, k=long)


def test_deep_and_long_tokens_end_at_limits() -> None:
    deep = url_text(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    assert "fault" in outcome("io.jwt.decode(input.t)", t=f"{deep}.e30.")
    long = url_text(b'{"a":"' + b"x" * 2_000_000 + b'"}')
    query = EMPTY.prepare("io.jwt.decode(input)")
    with pytest.raises(rego.LimitError):
        query.value(input=f"e30.{long}.", limits=rego.Limits(memory=1 << 20))
