"""What depends on the evaluation: randomness, identifiers, traces; and the runtime, as far as the host tells of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ..values import UNDEFINED, Value, key
from . import operands
from .contract import Builtin, Context


def opa_runtime(context: Context) -> Value:
    """What the host tells of itself: nothing by default, since that is no policy's business."""
    told = context.runtime
    return {} if told is None else told


def rand_intn(context: Context, seed: Value, n: Value) -> Value:
    """A number below ``n``, the same for one seed throughout an evaluation; 0 for 0."""
    name, bound = operands.string(seed, 1), abs(operands.integer(n, 2))
    if not bound:
        return 0
    k = ("rand.intn", name, bound)
    if k not in context.cache:
        context.cache[k] = int.from_bytes(context.random_bytes(16), "big") % bound
    return context.cache[k]


def trace(context: Context, message: Value) -> Value:
    """Says a message to whoever traces the evaluation; always true."""
    context.note(operands.string(message, 1))
    return True


def test_case(context: Context, path: Value) -> Value:
    """Says to whoever runs the test which of its cases is at hand; always true."""
    context.case(path)
    return True


def uuid_rfc4122(context: Context, seed: Value) -> Value:
    """A random UUID (version 4), the same for one seed throughout an evaluation; as in OPA any value is a seed."""
    k = ("uuid.rfc4122", key(seed))
    if k not in context.cache:
        raw = bytearray(context.random_bytes(16))
        raw[6] = raw[6] & 0x0F | 0x40
        raw[8] = raw[8] & 0x3F | 0x80
        text = raw.hex()
        context.cache[k] = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    return context.cache[k]


_UUID: Final = re.compile(
    r"(?:urn:uuid:)?([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})|.([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}).|([0-9a-f]{32})",
    re.IGNORECASE,
)


def uuid_parse(value: Value) -> Value:
    """The parts of a UUID; undefined where the text is none."""
    text = operands.string(value, 1)
    m = _UUID.fullmatch(text)
    if m is None:
        return UNDEFINED
    digits = "".join(m.group(i) or "" for i in range(1, 8)).replace("-", "").lower()
    if len(digits) != 32:
        return UNDEFINED
    raw = bytes.fromhex(digits)
    version = raw[6] >> 4
    out: dict[str, Any] = {"version": version, "variant": _variant(raw[8])}
    if version in (1, 2):
        node = raw[10:]
        out["nodeid"] = "-".join(f"{b:02x}" for b in node)
        out["macvariables"] = _mac(node[0])
        out["clocksequence"] = int.from_bytes(raw[8:10], "big") & 0x3FFF
        low, mid, high = raw[0:4], raw[4:6], raw[6:8]
        ticks = (
            int.from_bytes(low, "big") | int.from_bytes(mid, "big") << 32 | (int.from_bytes(high, "big") & 0x0FFF) << 48
        )
        since = (ticks - 0x01B21DD213814000) * 100
        out["time"] = (since + (1 << 63)) % (1 << 64) - (1 << 63)  # Go's 64 bits overflow
        if version == 2:
            out["id"] = int.from_bytes(low, "big")
            out["domain"] = {0: "Person", 1: "Group", 2: "Org"}.get(raw[9], f"Domain{raw[9]}")
    return out


def _variant(octet: int) -> str:
    if octet & 0xC0 == 0x80:
        return "RFC4122"
    if octet & 0xE0 == 0xC0:
        return "Microsoft"
    if octet & 0xE0 == 0xE0:
        return "Future"
    return "Reserved"


def _mac(octet: int) -> str:
    scope = "local" if octet & 2 else "global"
    cast = "multicast" if octet & 1 else "unicast"
    return f"{scope}:{cast}"


BUILTINS: Final[Mapping[str, Builtin]] = {
    "internal.test_case": Builtin(test_case, context=True),
    "opa.runtime": Builtin(opa_runtime, context=True),
    "rand.intn": Builtin(rand_intn, context=True),
    "trace": Builtin(trace, context=True),
    "uuid.rfc4122": Builtin(uuid_rfc4122, context=True),
    "uuid.parse": Builtin(uuid_parse),
}
