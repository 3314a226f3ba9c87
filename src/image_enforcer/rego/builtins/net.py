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
from .remembered import of_texts

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
    return _unmapped(found) if isinstance(found, ipaddress.IPv6Network) else found


def _unmapped(network: ipaddress.IPv6Network) -> Network:
    """Go takes a network of IPv4 addresses in IPv6 for the IPv4 one that it is."""
    mapped = network.network_address.ipv4_mapped
    if network.prefixlen < 96 or mapped is None:
        return network
    return ipaddress.ip_network(f"{mapped}/{network.prefixlen - 96}")


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
        raise BuiltinError(f"not a valid textual representation of an IP address or CIDR: {inner_text}")
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
    """The fewest networks that cover these; an IPv4 address without prefix stands for its class's network.

    What was merged with nothing stays as it was written. The families share one range of numbers, as in Go: ``::/0``
    covers IPv4 too.
    """
    if type(a) is not list and type(a) is not RegoSet:
        raise BuiltinError("operand must be an array")
    METER.spend(100 * len(a))
    blocks = sorted((_block(item) for item in a), key=lambda block: (block.ends[1], block.ends[0]))
    for i in range(len(blocks) - 1, 0, -1):
        before, block = blocks[i - 1], blocks[i]
        if _previous(block.ends[0]) <= before.ends[1]:
            ends = min(before.ends[0], block.ends[0]), block.ends[1]
            blocks[i - 1 : i + 1] = [_Block(min(before.first, block.first), block.last, None, ends)]
    shown = [text for block in blocks for text in block.texts()]
    return RegoSet({text: text for text in shown})


_MAPPED: Final = 0xFFFF << 32
_V4: Final = range(_MAPPED, _MAPPED + (1 << 32))
"""Where IPv4 addresses lie among those of IPv6."""
_PREFIX: Final = _MAPPED.to_bytes(16, "big")[:12]


class _Block:
    """A run of addresses, and how it was written if it is one that was given."""

    __slots__ = ("ends", "first", "last", "written")

    def __init__(self, first: int, last: int, written: str | None, ends: tuple[bytes, bytes]) -> None:
        self.first = first
        self.last = last
        self.written = written
        self.ends = ends  # what it is compared with others by

    def texts(self) -> list[str]:
        """The networks that it consists of."""
        if self.written is not None:
            return [self.written]
        if any(len(end) > 16 for end in self.ends):  # where OPA crashes
            raise BuiltinError("networks of IPv4 that are written as IPv6 cannot be merged")
        if self.first in _V4 and self.last in _V4:
            ends = ipaddress.IPv4Address(self.first - _MAPPED), ipaddress.IPv4Address(self.last - _MAPPED)
            return [str(n) for n in ipaddress.summarize_address_range(*ends)]
        whole = ipaddress.summarize_address_range(ipaddress.IPv6Address(self.first), ipaddress.IPv6Address(self.last))
        return [str(_unmapped(n)) for n in whole]


def _block(item: Value) -> _Block:
    if type(item) is not str:
        raise BuiltinError("element must be string")
    found, written = _network(item), None
    if found is None:
        address = _address(item)
        if address is None:
            raise BuiltinError(f"invalid CIDR address: {item}")
        if address.version == 6:
            raise BuiltinError("IPv6 invalid: needs prefix length")
        found = ipaddress.ip_network(f"{address}/{_class_mask(address)}", strict=False)
        written = f"{address}/{found.prefixlen}"
    offset = _MAPPED if found.version == 4 else 0
    first, last = int(found.network_address) + offset, int(found.broadcast_address) + offset
    ends = first.to_bytes(16, "big"), last.to_bytes(16, "big")
    if written is None and found.version == 4 and ":" in item:  # an address alone is the same in both spellings
        ends = _mapped_ends(first, int(found.hostmask))
    return _Block(first, last, written or str(found), ends)


def _mapped_ends(first: int, host: int) -> tuple[bytes, bytes]:
    """What OPA compares a network by that is written as IPv6 and is one of IPv4: twelve bytes too many, and its end
    in the wrong ones of them. So it stands alone, beside those that it lies in, and OPA crashes where it would not.
    """
    start = _PREFIX + first.to_bytes(16, "big")
    wrong = (int.from_bytes(start[:16], "big") | host).to_bytes(16, "big")
    return start, wrong + start[16:]


def _previous(address: bytes) -> bytes:
    """The address before, in its family; the first has none but itself."""
    number = int.from_bytes(address, "big")
    first = len(address) == 16 and number in (0, _MAPPED)
    return address if first else (number - 1).to_bytes(len(address), "big")


def _class_mask(address: Address) -> int:
    """The mask of an IPv4 address's class, as Go's ``DefaultMask``."""
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
    "net.cidr_contains": Builtin(of_texts(cidr_contains)),
    "net.cidr_overlap": Builtin(cidr_contains),
    "net.cidr_intersects": Builtin(cidr_intersects),
    "net.cidr_is_valid": Builtin(cidr_is_valid),
    "net.cidr_expand": Builtin(cidr_expand, context=True),
    "net.cidr_merge": Builtin(cidr_merge),
    "net.cidr_contains_matches": Builtin(cidr_contains_matches, context=True),
}
