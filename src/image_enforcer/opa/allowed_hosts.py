"""Which hosts policies may reach: those that were named, at addresses that are nobody's private ones."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from ..rego.outside import SendFault
from .errors import OpaError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAME: Final = re.compile(r"(?i)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


class HostError(OpaError):
    """What was named is no host."""


def address_of(text: str) -> Address | None:
    """The address that a text is, None where it is a name."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Allowed:
    """Hosts by name or address, each with a port or with all of them; ``private`` lets names lead to private ones."""

    hosts: frozenset[tuple[str, int | None]]
    private: bool = False

    @classmethod
    def of(cls, texts: Iterable[str], *, private: bool = False) -> Allowed:
        """The hosts in texts such as ``a.example``, ``a.example:8443``, ``10.0.0.1`` and ``[::1]:80``."""
        return cls(frozenset(map(_parsed, texts)), private)

    def check(self, host: str, port: int | None = None) -> None:
        """Raises :class:`SendFault` for a host that was not named; no port stands for any."""
        plain = normal(host)
        for name, only in self.hosts:
            if name == plain and (only is None or port is None or only == port):
                return
        raise SendFault(f"disallowed host: {host}", network=False)

    def check_address(self, host: str, address: Address) -> None:
        """Raises :class:`SendFault` for an address that a name must not lead to.

        A host that was named by its address is meant.
        """
        if address_of(host) is not None or self.private or _public(address):
            return
        raise SendFault(
            f"disallowed address: {host} is at {address}, which is not public (allow that address itself, or all of"
            " them with --allow-net-private)",
            network=False,
        )


def _public(address: Address) -> bool:
    mapped = address.ipv4_mapped or address.sixtofour if isinstance(address, ipaddress.IPv6Address) else None
    return address.is_global and not address.is_multicast and (mapped is None or _public(mapped))


def normal(host: str) -> str:
    """A host in one spelling: addresses in their shortest, names in lower case and without a period at their end."""
    address = address_of(host)
    return str(address) if address is not None else host.lower().removesuffix(".")


def _parsed(text: str) -> tuple[str, int | None]:
    host, port = text, ""
    if text.startswith("["):
        host, end, port = text[1:].partition("]")
        if not end or (port and not port.startswith(":")):
            raise HostError(f"{text!r} is no host")
        port = port[1:]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise HostError(f"{text!r} has no port between 1 and 65535")
    if address_of(host) is None and not _NAME.fullmatch(host):
        raise HostError(f"{text!r} is no host: give a name or an address, with a port behind a colon if need be")
    return normal(host), int(port) if port else None
