"""Digests of text, and message authentication codes."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from ..values import Value
from . import operands
from .byte_texts import to_bytes
from .contract import Builtin


def _digest(name: str) -> Builtin:
    def run(a: Value) -> Value:
        return hashlib.new(name, to_bytes(operands.string(a, 1)), usedforsecurity=False).hexdigest()

    return Builtin(run)


def _code(name: str) -> Builtin:
    def run(a: Value, secret: Value) -> Value:
        text, k = operands.string(a, 1), operands.string(secret, 2)
        return hmac.new(to_bytes(k), to_bytes(text), name).hexdigest()

    return Builtin(run)


def equal(a: Value, b: Value) -> Value:
    """Whether two codes are the same, in time that does not tell where they differ."""
    return hmac.compare_digest(to_bytes(operands.string(a, 1)), to_bytes(operands.string(b, 2)))


BUILTINS: Final[Mapping[str, Builtin]] = {
    "crypto.md5": _digest("md5"),
    "crypto.sha1": _digest("sha1"),
    "crypto.sha256": _digest("sha256"),
    "crypto.hmac.md5": _code("md5"),
    "crypto.hmac.sha1": _code("sha1"),
    "crypto.hmac.sha256": _code("sha256"),
    "crypto.hmac.sha512": _code("sha512"),
    "crypto.hmac.equal": Builtin(equal),
}
