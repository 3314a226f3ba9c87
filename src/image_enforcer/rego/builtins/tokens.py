"""JSON web tokens: taken apart, verified, checked against constraints, made."""

from __future__ import annotations

import base64
import hmac
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Final

from ..errors import BuiltinError
from ..json_text import from_json, to_json
from ..meter import METER
from ..values import Num, Value, sorted_keys
from . import json_literals, operands, token_keys, token_signatures, web_keys
from .base64_texts import decode_url
from .byte_texts import from_bytes, to_bytes
from .contract import Builtin, Context
from .go_json import whole_fault
from .token_headers import text_of
from .token_keys import VerificationKey
from .token_signatures import Family


@dataclass(frozen=True, slots=True)
class Token:
    """The three parts of a token as they are written."""

    header: str
    payload: str
    signature: str

    @property
    def signed(self) -> bytes:
        """What the signature is of."""
        return to_bytes(f"{self.header}.{self.payload}")


@dataclass(slots=True)
class Header:
    """What a token says of itself, as far as verifying goes."""

    alg: str = ""
    kid: str = ""
    typ: str = ""
    cty: str = ""
    crit: frozenset[str] = frozenset()
    unknown: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether it names an algorithm, and nothing as critical that is not understood."""
        return bool(self.alg) and not any(name in self.crit for name in self.unknown)


# --- taking apart --------------------------------------------------------------------------------


def _split(value: Value) -> Token:
    text = operands.string(value, 1)
    METER.spend(len(text) >> 3, 4 * len(text))
    if "." not in text:
        raise BuiltinError("encoded JWT had no period separators")
    sections = text.count(".") + 1
    if sections != 3:
        raise BuiltinError(f"encoded JWT must have 3 sections, found {sections}")
    return Token(*text.split("."))


def _part(text: str, name: str) -> str:
    """What a part stands for; a string, which may hold bytes that are no UTF-8."""
    try:
        return from_bytes(decode_url(text))
    except BuiltinError as fault:
        raise BuiltinError(f"JWT {name} had invalid encoding: {fault}") from None


def _object(text: str) -> dict[Any, Value]:
    METER.spend(len(text) >> 3, 16 * len(text))
    try:
        found = from_json(text)
    except ValueError as reason:
        raise BuiltinError(f"invalid JSON: {whole_fault(text) or reason}") from None
    if type(found) is not dict:
        raise BuiltinError("decoded JSON type was not an Object")
    return found


def _header(token: Token) -> dict[Any, Value]:
    text = _part(token.header, "header")
    try:
        found = _object(text)
    except BuiltinError as fault:
        raise BuiltinError(f"bad JWT header: {fault}") from None
    if "enc" in found:
        raise BuiltinError("JWT is a JWE object, which is not supported")
    return found


def decode(a: Value) -> Value:
    """Header, payload and signature of a token, of the innermost one where tokens are nested."""
    while True:
        token = _split(a)
        header = _header(token)
        text = _part(token.payload, "payload")
        content = header.get("cty")
        if "cty" in header and type(content) is not str:
            raise BuiltinError("cty: must be a string")
        if content != "JWT":
            break
        a = text.strip("\"'")
    payload = _object(text)
    return [header, payload, to_bytes(_part(token.signature, "signature")).hex()]


def _parse_header(found: dict[Any, Value]) -> Header:
    out = Header()
    unknown: list[str] = []
    for name in sorted_keys(found):
        value = found[name]
        match name:
            case "alg" | "kid" | "typ" | "cty":
                if type(value) is not str:
                    raise BuiltinError(f"{name}: must be a string")
                setattr(out, name, value)
            case "crit":
                out.crit = _critical(value)
            case _:
                unknown.append(name)
    out.unknown = tuple(unknown)
    return out


def _critical(value: Value) -> frozenset[str]:
    if type(value) is not list:
        raise BuiltinError("crit: must be a list")
    names: set[str] = set()
    for item in value:
        if type(item) is not str:
            break
        names.add(item)
    if not names:
        raise BuiltinError("crit: must be a nonempty list")
    return frozenset(names)


# --- verifying -----------------------------------------------------------------------------------


def _verify(family: Family, digest: str, context: Context, a: Value, b: Value) -> Value:
    token = _split(a)
    keys = token_keys.read_once(context, operands.string(b, 2))
    signature = decode_url(token.signature)
    header = _parse_header(_header(token))
    signed = token.signed
    return any(
        token_signatures.verify_as(family, digest, key.key, signed, signature)
        for key in token_keys.chosen(keys, header.alg, header.kid)
    )


def _verify_code(digest: str, a: Value, b: Value) -> Value:
    operands.string(a, 1)
    secret = to_bytes(operands.string(b, 2))
    token = _split(a)
    signature = decode_url(token.signature)
    return hmac.compare_digest(token_signatures.code(digest, secret, token.signed), signature)


@dataclass(slots=True)
class Constraints:
    """What a token has to fulfil; no key, no secret and an empty text are no constraint."""

    time: float
    keys: list[VerificationKey] | None = None
    secret: str = ""
    alg: str = ""
    iss: str = ""
    aud: str = ""


def _constraints(context: Context, given: dict[Any, Value]) -> Constraints:
    out = Constraints(-1.0)
    for name in sorted_keys(given):
        value = given[name]
        match name:
            case "cert":
                if type(value) is not str:
                    raise BuiltinError("cert constraint: must be a string")
                out.keys = token_keys.read_once(context, value)
            case "secret" | "alg" | "iss" | "aud":
                if type(value) is not str:
                    raise BuiltinError(f"{name} constraint: must be a string")
                setattr(out, name, value)
            case "time":
                out.time = _time(value)
            case _:
                shown = name if type(name) is str else to_json(name)
                raise BuiltinError(f"unknown token validation constraint: {shown}")
    if out.time == -1.0:
        out.time = _time(context.now_ns)
    if out.keys is not None and out.secret:
        raise BuiltinError("duplicate key constraints")
    if out.keys is None and not out.secret:
        raise BuiltinError("no key constraint")
    return out


def _time(value: Value) -> float:
    if type(value) is not int and type(value) is not Num:
        raise BuiltinError("token time constraint: must be a number")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if math.isinf(found):
        raise BuiltinError("token time constraint: unvalid float64")
    if found < 0:
        raise BuiltinError("token time constraint: must not be negative")
    return found


def _signature_holds(constraints: Constraints, header: Header, token: Token, signature: bytes) -> bool:
    signed = token.signed
    if constraints.keys is None:
        return token_signatures.verify(to_bytes(constraints.secret), header.alg, signed, signature)
    return any(
        token_signatures.verify(key.key, header.alg, signed, signature)
        for key in token_keys.chosen(constraints.keys, header.alg, header.kid)
    )


def decode_verify(context: Context, a: Value, b: Value) -> Value:
    """Whether a token is signed and fulfils the constraints, with its header and payload if so."""
    constraints = _constraints(context, operands.obj(b, 2))
    while True:
        token = _split(a)
        found = _header(token)
        header = _parse_header(found)
        if not header.valid or (constraints.alg and constraints.alg != header.alg):
            return [False, {}, {}]
        signature = decode_url(token.signature)
        if not _signature_holds(constraints, header, token, signature):
            return [False, {}, {}]
        text = _part(token.payload, "payload")
        if header.cty.lower() != "jwt":
            break
        a = text
    payload = _object(text)
    return [True, found, payload] if _claims_hold(constraints, payload) else [False, {}, {}]


def _claims_hold(constraints: Constraints, payload: dict[Any, Value]) -> bool:
    if constraints.iss:
        issuer = payload.get("iss")
        if "iss" in payload and type(issuer) is not str:
            raise BuiltinError("iss value must be a string")
        if issuer != constraints.iss:
            return False
    if "aud" in payload:
        if not _audience_holds(payload["aud"], constraints.aud):
            return False
    elif constraints.aud:
        return False
    now = Decimal(repr(constraints.time / 1_000_000_000))
    if "exp" in payload and not now < _seconds(payload["exp"], "exp"):
        return False
    return "nbf" not in payload or not now < _seconds(payload["nbf"], "nbf")


def _audience_holds(audience: Value, wanted: str) -> bool:
    if type(audience) is str:
        return audience == wanted
    return type(audience) is list and any(type(item) is str and item == wanted for item in audience)


def _seconds(value: Value, name: str) -> int | Num:
    if type(value) is int or type(value) is Num:
        return value
    raise BuiltinError(f"{name} value must be a number")


# --- making --------------------------------------------------------------------------------------


def _made(header: str, payload: str, key: str) -> Value:
    keys = web_keys.parse(key)
    if not keys:
        raise BuiltinError("no keys found in JWK set")
    try:
        algorithm = text_of(header, "alg")
    except BuiltinError as fault:
        raise BuiltinError(f"missing or invalid 'alg' header: {fault}") from None
    if algorithm not in token_signatures.NAMES:
        raise BuiltinError(f"unknown JWS algorithm: {algorithm}")
    try:
        kind_of_token = text_of(header, "typ")
    except BuiltinError:
        kind_of_token = "JWT"
    if kind_of_token == "JWT" and whole_fault(payload) is not None:
        raise BuiltinError("type is JWT but payload is not JSON")
    signed = _url(to_bytes(header)) + b"." + _url(to_bytes(payload))
    signature = token_signatures.sign(keys[0], algorithm, signed)
    return (signed + b"." + _url(signature)).decode()


def _url(raw: bytes) -> bytes:
    METER.spend(len(raw) >> 4, 3 * len(raw))
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def encode_sign(headers: Value, payload: Value, key: Value) -> Value:
    """A signed token of a header and a payload, which are written with their keys in order."""
    texts = []
    for what, value in (("headers", headers), ("payload", payload), ("signature", key)):
        text = to_json(value)
        try:
            json_literals.check(value, text)
        except BuiltinError as fault:
            raise BuiltinError(f"failed to marshal JWT {what}: {fault}") from None
        texts.append(text)
    return _made(*texts)


def encode_sign_raw(headers: Value, payload: Value, key: Value) -> Value:
    """A signed token of a header and a payload that are JSON texts."""
    key_text = operands.string(key, 3)
    return _made(operands.string(headers, 1), operands.string(payload, 2), key_text)


def _asymmetric() -> dict[str, Builtin]:
    found: dict[str, Builtin] = {}
    families: tuple[Family, ...] = ("RS", "PS", "ES")
    for family in families:
        for bits in ("256", "384", "512"):
            verifier: Callable[..., Value] = partial(_verify, family, f"sha{bits}")
            found[f"io.jwt.verify_{family.lower()}{bits}"] = Builtin(verifier, context=True)
    return found


BUILTINS: Final[Mapping[str, Builtin]] = {
    "io.jwt.decode": Builtin(decode),
    "io.jwt.decode_verify": Builtin(decode_verify, context=True),
    "io.jwt.encode_sign": Builtin(encode_sign),
    "io.jwt.encode_sign_raw": Builtin(encode_sign_raw),
    "io.jwt.verify_eddsa": Builtin(partial(_verify, "Ed", ""), context=True),
    "io.jwt.verify_hs256": Builtin(partial(_verify_code, "sha256")),
    "io.jwt.verify_hs384": Builtin(partial(_verify_code, "sha384")),
    "io.jwt.verify_hs512": Builtin(partial(_verify_code, "sha512")),
    **_asymmetric(),
}
