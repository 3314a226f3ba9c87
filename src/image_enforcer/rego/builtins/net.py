"""IP networks."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Final

from ..errors import BuiltinError
from ..meter import ENTRY, METER
from ..values import RegoSet, Value, key, sorted_keys, unkey
from . import operands
from .contract import Builtin, Context

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _address(text: str) -> Address | None:
    if "%" in text or "/" in text:
        return None
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped if mapped is not None else found


def _network(text: str) -> Network | None:
    address, slash, bits = text.partition("/")
    if not slash or not bits.isascii() or not bits.isdigit() or len(bits) > 100:
        return None
    text = f"{address}/{bits.lstrip('0') or '0'}"  # Go reads any number of digits
    try:
        if "%" in address:
            return None
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    if found.version == 6 and found.prefixlen >= 96:
        mapped = found.network_address.ipv4_mapped
        if mapped is not None:  # Go takes such a network for the IPv4 one that it is
            return ipaddress.ip_network(f"{mapped}/{found.prefixlen - 96}")
    return found


def _no_cidr(text: str) -> BuiltinError:
    return BuiltinError(f"not a valid textual representation of an IP address or CIDR: {text}")


def cidr_contains(cidr: Value, other: Value) -> Value:
    """Whether a network contains an address or the whole of another network."""
    outer, inner = _outer(cidr), operands.string(other, 1)
    return _contains(outer, inner)


def _outer(cidr: Value) -> str:
    """The first of two networks: read before the other operand is looked at, which OPA then counts as the first."""
    text = operands.string(cidr, 1)
    if _network(text) is None:
        raise BuiltinError(f"invalid CIDR address: {text}")
    return text


def _contains(outer_text: str, inner_text: str) -> bool:
    outer = _network(outer_text)
    if outer is None:
        raise BuiltinError(f"invalid CIDR address: {outer_text}")
    address = _address(inner_text)
    if address is not None:
        return address.version == outer.version and address in outer
    inner = _network(inner_text)
    if inner is None:
        raise _no_cidr(inner_text) if "/" not in inner_text else BuiltinError(f"invalid CIDR address: {inner_text}")
    return inner.version == outer.version and inner.network_address in outer and inner.broadcast_address in outer


def cidr_intersects(a: Value, b: Value) -> Value:
    """Whether two networks share an address; never across address families."""
    first, second = _outer(a), operands.string(b, 1)
    x, y = _network(first), _network(second)
    for text, found in ((first, x), (second, y)):
        if found is None:
            raise BuiltinError(f"invalid CIDR address: {text}")
    assert x is not None
    assert y is not None
    return x.version == y.version and x.overlaps(y)


def cidr_is_valid(a: Value) -> Value:
    """Whether it is a network with a prefix length; false for anything but strings."""
    return type(a) is str and _network(a) is not None


def cidr_expand(context: Context, a: Value) -> Value:
    """Every address of a network, as a set of strings."""
    text = operands.string(a, 1)
    found = _network(text)
    if found is None:
        raise BuiltinError(f"invalid CIDR address: {text}")
    context.spend(20 * found.num_addresses, 2 * ENTRY * found.num_addresses)
    return RegoSet({str(i): str(i) for i in found})


def cidr_merge(a: Value) -> Value:
    """The fewest networks that cover these; an IPv4 address without prefix stands for its class's network."""
    if type(a) is not list and type(a) is not RegoSet:
        raise BuiltinError("operand must be an array")
    METER.spend(100 * len(a))
    networks: list[Network] = []
    lone: dict[Network, str] = {}
    for item in a:
        if type(item) is not str:
            raise BuiltinError("element must be string")
        found = _network(item)
        if found is None:
            address = _address(item)
            if address is None:
                raise BuiltinError(f"invalid CIDR address: {item}")
            if address.version == 6:
                raise BuiltinError("IPv6 invalid: needs prefix length")
            found = ipaddress.ip_network(f"{address}/{_class_mask(address)}", strict=False)
            lone[found] = f"{address}/{found.prefixlen}"
        networks.append(found)
    merged: list[Network] = []
    for version in (4, 6):
        family = [n for n in networks if n.version == version]
        merged.extend(ipaddress.collapse_addresses(family))  # type: ignore[type-var]
    shown = [lone[n] if n in lone and _parts(n, networks) == 1 else str(n) for n in merged]
    return RegoSet({text: text for text in shown})


def _parts(whole: Network, networks: list[Network]) -> int:
    """How many of the networks a merged one is made of: an address that was merged with nothing is shown as written."""
    return sum(n.version == whole.version and n.network_address in whole for n in networks)


def _class_mask(address: Address) -> int:
    """The mask of an address's class, as Go's ``DefaultMask``; all bits for IPv6."""
    if address.version == 6:
        return 128
    first = int(address) >> 24
    return 8 if first < 0x80 else 16 if first < 0xC0 else 24


def cidr_contains_matches(context: Context, cidrs: Value, others: Value) -> Value:
    """Pairs of the keys of networks and of what they contain: indexes, object keys, or members.

    What holds no networks, such as a number, has none; the second operand is not looked at without one in the first.
    """
    found: dict[Value, Value] = {}
    for i, outer in _named(cidrs, 1):
        for j, inner in _named(others, 2):
            context.spend(100)
            if cidr_contains(outer, inner):
                context.spend(1, ENTRY)
                pair = [i, j]
                found.setdefault(key(pair), pair)
    return RegoSet(found)


def _named(value: Value, position: int) -> Iterator[tuple[Value, Value]]:
    match value:
        case str():
            yield value, value
        case list():
            yield from ((i, _first(v, position)) for i, v in enumerate(value))
        case RegoSet():
            yield from ((v, _first(v, position)) for v in value)
        case dict():
            yield from ((unkey(k), _first(value[k], position)) for k in sorted_keys(value))


def _first(value: Value, position: int) -> Value:
    match value:
        case str():
            return value
        case list():
            if value:
                return value[0]
    raise BuiltinError(f"operand {position}: element must be string or non-empty array")


BUILTINS: Final[Mapping[str, Builtin]] = {
    "net.cidr_contains": Builtin(cidr_contains),
    "net.cidr_overlap": Builtin(cidr_contains),
    "net.cidr_intersects": Builtin(cidr_intersects),
    "net.cidr_is_valid": Builtin(cidr_is_valid),
    "net.cidr_expand": Builtin(cidr_expand, context=True),
    "net.cidr_merge": Builtin(cidr_merge),
    "net.cidr_contains_matches": Builtin(cidr_contains_matches, context=True),
}
