"""Private keys in DER: read where they are sound, refused in Go's words where they are not."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as form
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.rego.builtins.keys import EcPrivate, EdPrivate, RsaPrivate, RsaPublic
from image_enforcer.rego.builtins.private_keys import parse_pkcs1, parse_pkcs8, parse_sec1, precomputed
from image_enforcer.rego.errors import BuiltinError
from tests.rego.builtins.certificate_makers import Signer, ec_key, ed_key, rsa_key

READERS = {"PKCS1": parse_pkcs1, "PKCS8": parse_pkcs8, "EC": parse_sec1}


def written(key: Signer, layout: form.PrivateFormat) -> bytes:
    return key.private_bytes(form.Encoding.DER, layout, form.NoEncryption())


OLD, NEW = form.PrivateFormat.TraditionalOpenSSL, form.PrivateFormat.PKCS8


@pytest.mark.parametrize(
    ("key", "layout", "reader", "kind"),
    [
        (rsa_key, OLD, "PKCS1", RsaPrivate),
        (rsa_key, NEW, "PKCS8", RsaPrivate),
        (ec_key, OLD, "EC", EcPrivate),
        (ec_key, NEW, "PKCS8", EcPrivate),
        (ed_key, NEW, "PKCS8", EdPrivate),
    ],
)
def test_read(key: Any, layout: form.PrivateFormat, reader: str, kind: type) -> None:
    assert isinstance(READERS[reader](written(key(), layout)), kind)


@pytest.mark.parametrize(
    ("key", "layout", "reader", "other"),
    [
        (rsa_key, OLD, "PKCS8", "ParsePKCS1PrivateKey"),
        (rsa_key, OLD, "EC", "ParsePKCS1PrivateKey"),
        (rsa_key, NEW, "PKCS1", "ParsePKCS8PrivateKey"),
        (ec_key, OLD, "PKCS1", "ParseECPrivateKey"),
        (ec_key, OLD, "PKCS8", "ParseECPrivateKey"),
        (ec_key, NEW, "EC", "ParsePKCS8PrivateKey"),
    ],
)
def test_other_form(key: Any, layout: form.PrivateFormat, reader: str, other: str) -> None:
    with pytest.raises(BuiltinError) as caught:
        READERS[reader](written(key(), layout))
    assert str(caught.value) == f"x509: failed to parse private key (use {other} instead for this key format)"


def sound() -> RsaPrivate:
    return parse_pkcs1(written(rsa_key(), OLD))


def test_sound_keys_pass_once_more() -> None:
    key = sound()
    assert precomputed(replace(key, dp=None, dq=None, qinv=None, crt=None)) == key


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda k: {"public": RsaPublic(k.public.n, 4)}, "crypto/rsa: public exponent is even"),
        (lambda k: {"public": RsaPublic(k.public.n, 1)}, "crypto/rsa: public exponent too small or negative"),
        (lambda k: {"public": RsaPublic(k.public.n, (1 << 32) + 1)}, "crypto/rsa: public exponent too large"),
        (lambda k: {"public": RsaPublic(k.public.n + 2, k.public.e)}, "crypto/rsa: p * q != n"),
        (lambda k: {"public": RsaPublic(k.public.n - 1, k.public.e)}, "crypto/rsa: public modulus is even"),
        (lambda k: {"dp": k.dp + 2}, "crypto/rsa: invalid CRT exponent"),
        (lambda k: {"qinv": k.qinv - 1}, "crypto/rsa: invalid CRT coefficient"),
        (lambda k: {"qinv": k.primes[0]}, "input overflows the modulus"),
        (lambda k: {"d": k.public.n}, "input overflows the modulus"),
        (lambda k: {"d": k.d - 2}, "crypto/rsa: d does not match dP"),
        (lambda k: {"primes": (1, k.primes[1])}, "modulus must be > 1"),
        (lambda k: {"primes": (k.public.n, 3)}, "crypto/rsa: invalid prime"),
    ],
)
def test_unsound(change: Any, fault: str) -> None:
    key = sound()
    with pytest.raises(BuiltinError) as caught:
        precomputed(replace(key, **change(key)))
    assert str(caught.value) == fault


def test_huge_numbers_are_not_computed_with() -> None:
    key = sound()
    with pytest.raises(BuiltinError, match="keys of 100001 bits are not computed with"):
        precomputed(replace(key, public=RsaPublic((1 << 100_000) + 1, 3)))


@given(st.sampled_from(sorted(READERS)), st.integers(0, 200), st.integers(0, 255), st.integers(0, 120))
def test_damaged_keys_are_read_or_refused(reader: str, at: int, byte: int, cut: int) -> None:
    whole = written(ec_key(), OLD if reader == "EC" else NEW)
    data = bytearray(whole[: len(whole) - cut])
    if at < len(data):
        data[at] = byte
    with suppress(BuiltinError):
        READERS[reader](bytes(data))
