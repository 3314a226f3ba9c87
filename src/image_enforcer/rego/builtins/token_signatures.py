"""Signatures of JSON web tokens: which algorithm goes with which key, as the library behind OPA has it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from ..errors import BuiltinError
from ..meter import METER
from . import signatures
from .keys import (
    EcPrivate,
    EcPublic,
    EdPrivate,
    EdPublic,
    PrivateKey,
    PublicKey,
    RsaPrivate,
    RsaPublic,
)
from .private_keys import precomputed
from .web_key_values import WebKey, export

Family: TypeAlias = Literal["HS", "RS", "PS", "ES", "Ed"]
Key: TypeAlias = PublicKey | PrivateKey | bytes

NAMES: Final = frozenset(
    {
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES256",
        "ES384",
        "ES512",
        "HS256",
        "HS384",
        "HS512",
        "EdDSA",
    }
)
"""The algorithms that tokens are signed with."""

_VERBOSE: Final = {
    "HS": "HMAC_WITH_SHA", "RS": "RSA_PKCS1v15_WITH_SHA", "PS": "RSA_PSS_WITH_SHA", "ES": "ECDSA_WITH_P{}_AND_SHA",
}  # fmt: skip


def _algorithms() -> dict[str, tuple[Family, str]]:
    """Names as tokens have them, and as the library has them within, which it takes as well."""
    found: dict[str, tuple[Family, str]] = {"EdDSA": ("Ed", ""), "Ed25519": ("Ed", "")}
    families: tuple[Family, ...] = ("HS", "RS", "PS", "ES")
    for family in families:
        for bits in ("256", "384", "512"):
            within = _VERBOSE[family].format("521" if bits == "512" else bits) + bits
            found[f"{family}{bits}"] = found[within] = (family, f"sha{bits}")
    return found


_ALGORITHMS: Final[Mapping[str, tuple[Family, str]]] = _algorithms()


def code(digest: str, secret: bytes, message: bytes) -> bytes:
    """A message authentication code."""
    METER.spend(20 + ((len(message) + len(secret)) >> 5))
    return hmac.new(secret, message, getattr(hashlib, digest)).digest()


def verify(key: Key, algorithm: str, message: bytes, signature: bytes) -> bool:
    """Whether a signature is right by the algorithm that a token names; a private key is taken for its public one."""
    found = _ALGORITHMS.get(algorithm)
    if found is None:
        return False
    family, digest = found
    match family, _public(key):
        case "HS", bytes(secret):
            return bool(secret) and hmac.compare_digest(code(digest, secret, message), signature)
        case "RS" | "PS", RsaPublic() as rsa:
            hashed = signatures.digest_of(digest, message)
            salt = len(hashed) if family == "PS" else None
            return signatures.verify_rsa(rsa, digest, hashed, signature, salt=salt)
        case "ES", EcPublic() as ec:
            return len(signature) == 2 * ec.curve.size and verify_es(digest, ec, message, signature)
        case "Ed", EdPublic() as ed:
            return signatures.verify_ed25519(ed, message, signature)
        case _:
            return False


def _public(key: Key) -> PublicKey | bytes:
    return key.public if isinstance(key, RsaPrivate | EcPrivate | EdPrivate) else key  # type: ignore[return-value]  # an agreement's key is no signer's


def verify_es(digest: str, key: EcPublic, message: bytes, signature: bytes) -> bool:
    """Whether the two halves of a signature, however long, are right."""
    half = len(signature) // 2
    r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    return signatures.verify_ecdsa(key, digest, signatures.digest_of(digest, message), r, s)


def verify_as(family: Family, digest: str, key: Key, message: bytes, signature: bytes) -> bool:
    """Whether a signature is right by one algorithm, whatever the token names; private keys verify nothing."""
    match family, key:
        case "RS", RsaPublic():
            return signatures.verify_rsa(key, digest, signatures.digest_of(digest, message), signature)
        case "PS", RsaPublic():
            return signatures.verify_rsa(key, digest, signatures.digest_of(digest, message), signature, salt=-1)
        case "ES", EcPublic():
            return verify_es(digest, key, message, signature)
        case "Ed", EdPublic():
            return signatures.verify_ed25519(key, message, signature)
        case _:
            return False


# --- signing -------------------------------------------------------------------------------------


def sign(key: WebKey, algorithm: str, message: bytes) -> bytes:
    """The signature of a message; raises :class:`BuiltinError` where the key does not go with the algorithm."""
    family, digest = _ALGORITHMS[algorithm]
    match family:
        case "HS":
            return code(digest, _secret(key), message)
        case "RS" | "PS":
            rsa = _exported(key, RsaPrivate, "*rsa.PrivateKey", "failed to produce rsa.PrivateKey")
            return _sign_rsa(rsa, digest, message, pss=family == "PS")
        case "ES":
            ec = _exported(key, EcPrivate, "*ecdsa.PrivateKey", "keyconv: failed to produce ecdsa.PrivateKey")
            if not 0 < ec.d < ec.public.curve.order:
                raise BuiltinError(f"failed to sign payload using ecdsa: {_bad_scalar(ec)}")
            return signatures.sign_ecdsa(ec, digest, message)
        case _:
            ed = _exported(key, EdPrivate, "ed25519.PrivateKey", "failed to produce ed25519.PrivateKey")
            return signatures.sign_ed25519(ed, message)


def _bad_scalar(key: EcPrivate) -> str:
    return "ecdsa: private key is zero" if not key.d else "input overflows the modulus"


def _sign_rsa(key: RsaPrivate, digest: str, message: bytes, *, pss: bool) -> bytes:
    bits = key.public.n.bit_length()
    if bits >= signatures.LEAST_BITS:
        key = precomputed(key)
        size = hashlib.new(digest).digest_size
        if pss and (bits - 1 + 7) // 8 < 2 * size + 2:
            raise BuiltinError("crypto/rsa: message too long for RSA key size")
    return signatures.sign_rsa(key, digest, message, pss=pss)


def _refused(key: WebKey, wanted: str, produce: str, why: str) -> BuiltinError:
    return BuiltinError(
        f"jwsbb.Sign: invalid key type {key.type_name}. {wanted} is required: {produce} from {key.type_name}: {why}"
    )


def _none_for(key: WebKey) -> str:
    return f"jwk.Export: no suitable exporter found for key type '{key.type_name}'"


def _exported(key: WebKey, wanted: Any, name: str, produce: str) -> Any:
    family = {RsaPrivate: "RSA", EcPrivate: "EC", EdPrivate: "OKP"}[wanted]
    if key.family != "OKP" and (key.family != family or not key.private):
        raise _refused(key, name, produce, _none_for(key))
    try:
        found = export(key)
    except BuiltinError as fault:
        raise _refused(key, name, produce, str(fault)) from None
    if isinstance(found, wanted):
        return found
    into = "*" + name.removeprefix("*")
    why = f"argument to AssignIfCompatible() must be compatible with {_go_type(key)} (was {into})"
    raise _refused(key, name, produce, f"jwk.Export: failed to assign key: {why}")


def _go_type(key: WebKey) -> str:
    side = "Private" if key.private else "Public"
    return f"ed25519.{side}Key" if key.curve == "Ed25519" else f"*ecdh.{side}Key"


def _secret(key: WebKey) -> bytes:
    """The bytes of a key; those of an Ed25519 key will do, since they are bytes too."""
    produce = "keyconv: failed to produce []byte"
    if key.family in ("RSA", "EC"):
        raise _refused(key, "[]byte", produce, _none_for(key))
    try:
        found = export(key)
    except BuiltinError as fault:
        raise _refused(key, "[]byte", produce, str(fault)) from None
    match found:
        case bytes():
            return found
        case EdPrivate(public, seed):
            return seed + public.raw
        case EdPublic(raw):
            return raw
        case _:
            why = f"argument to AssignIfCompatible() must be compatible with {_go_type(key)} (was *[]uint8)"
            raise _refused(key, "[]byte", produce, f"jwk.Export: failed to assign key: {why}")
