"""Which network addresses belong to the world, and which to whoever runs this.

An address of a registry, a token service or a redirect is chosen by others: by who writes a Pod, or who runs the server
that answers. What they choose must not make us speak to machines that only we can reach.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

_NAT64: Final = IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are an IPv4 address."""
_COMPATIBLE: Final = IPv6Network("::/96")
"""RFC 4291 §2.5.5.1, deprecated: the same."""

_UNICAST: Final = IPv6Network("2000::/3")
"""RFC 4291 §2.4: all that has been given to the world so far. Site-local addresses, for one, stand outside."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
"""RFC 1123 §2.1 and RFC 1035 §2.3.4. Underscores are in no host name, and in names that resolvers know all the same."""
_MOST: Final = 253
"""Characters of a name."""
_IPV6: Final = re.compile(r"[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._~-]+)?")


def is_host(host: str) -> bool:
    """Whether a text can be looked up: a name, or an address without brackets.

    What is neither makes resolvers fail in ways of their own: a label of more than 63 characters, say, or none.
    """
    if ":" in host:
        return _IPV6.fullmatch(host) is not None and literal(host) is not None
    return len(host.removesuffix(".")) <= _MOST and _NAME.fullmatch(host) is not None


def literal(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, in any spelling that systems read; None where it is a name."""
    text = host.strip("[]").partition("%")[0]
    try:
        return ip_address(text)
    except ValueError:
        return _loose(text)


def public(address: IPv4Address | IPv6Address) -> bool:
    """Whether everybody reaches the same machine by it. An address inside another counts as well."""
    if isinstance(address, IPv6Address):
        inner = _inside(address)
        if inner is not None:
            return public(inner)
        if address not in _UNICAST:
            return False
    return address.is_global and not address.is_multicast


def _inside(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _loose(text: str) -> IPv4Address | None:
    """``0x7f.1``, ``2130706433``, ``0177.0.0.1``: what the C library reads as an address."""
    parts = text.split(".")
    if not 1 <= len(parts) <= 4:
        return None
    numbers: list[int] = []
    for part in parts:
        number = _number(part)
        if number is None:
            return None
        numbers.append(number)
    *high, low = numbers
    if any(n > 255 for n in high) or low >= 256 ** (4 - len(high)):
        return None
    value = low
    for i, n in enumerate(high):
        value |= n << (24 - 8 * i)
    return IPv4Address(value)


def _number(part: str) -> int | None:
    if not part.isascii() or not part or len(part) > 20:
        return None
    text = part.lower()
    base = 16 if text.startswith("0x") else 8 if len(text) > 1 and text.startswith("0") else 10
    try:
        number = int(text, base) if text[0] in "0123456789" else None
    except ValueError:
        return None
    return number if number is None or number < 1 << 32 else None
