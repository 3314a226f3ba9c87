"""The keys that tokens are verified with, as they are handed over: certificates, public keys, sets of web keys."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import BuiltinError
from . import token_signatures, web_key_values, web_keys
from .byte_texts import to_bytes
from .certificate_keys import parse_pkix
from .certificate_parsing import parse_certificate
from .contract import Context
from .pem import first_block
from .token_signatures import Key


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A key with the algorithm and the name that came with it, empty where none did."""

    algorithm: str
    name: str
    key: Key


def read_once(context: Context, text: str) -> list[VerificationKey]:
    """The keys in a certificate, a public key or a set of web keys; read once in an evaluation."""
    k = ("io.jwt.keys", text)
    if k not in context.cache:
        context.spend(100, len(text))
        context.cache[k] = _read(text)
    found: list[VerificationKey] = context.cache[k]
    return found


def _read(text: str) -> list[VerificationKey]:
    block, rest = first_block(to_bytes(text))
    if block is None:
        return _web_keys(text)
    if rest:
        raise BuiltinError("extra data after a PEM certificate block")
    if block.type == "CERTIFICATE":
        try:
            key = parse_certificate(block.data).key
        except BuiltinError as fault:
            raise BuiltinError(f"failed to parse a PEM certificate: {fault}") from None
        return [VerificationKey("", "", b"" if key is None else key)]
    if block.type == "PUBLIC KEY":
        try:
            return [VerificationKey("", "", parse_pkix(block.data))]
        except BuiltinError as fault:
            raise BuiltinError(f"failed to parse a PEM public key: {fault}") from None
    raise BuiltinError("failed to extract a Key from the PEM certificate")


def _web_keys(text: str) -> list[VerificationKey]:
    try:
        found = web_keys.parse(text)
    except BuiltinError as fault:
        raise BuiltinError(
            f"failed to parse a JWK key (set): jwk.ParseString: failed to parse string: {fault}"
        ) from None
    keys: list[VerificationKey] = []
    for key in found:
        exported = web_key_values.export(key)
        if not key.algorithm or key.algorithm in token_signatures.NAMES:
            keys.append(VerificationKey(key.algorithm, key.name, exported))
    return keys


def chosen(keys: list[VerificationKey], algorithm: str, name: str) -> list[VerificationKey]:
    """The key that the token names; if there is none of that name, those that do not ask for another algorithm."""
    if name:
        for key in keys:
            if key.name == name:
                return [key]
    return [key for key in keys if key.algorithm in ("", algorithm)]
