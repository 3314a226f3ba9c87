"""Which machines may be spoken to: looked up once for a connection, checked, and connected to by that address.

An address in the place of a name is not looked up, so that its text is checked, in every spelling that systems read.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from ...analysis import addresses, text
from ...ports.registry import Forbidden

Lookup: TypeAlias = Callable[[str, int], Awaitable[Sequence[tuple[socket.AddressFamily, str]]]]
SCHEMES: Final = frozenset({"http", "https"})
_PLAIN: Final = re.compile(r"[!-\[\]-~]+")
"""Visible ASCII without the backslash, which some read as a slash."""


async def system_lookup(host: str, port: int) -> Sequence[tuple[socket.AddressFamily, str]]:
    """The addresses that the system knows for a name; raises :class:`OSError`."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:  # of the codec for names, which finds labels that are too long
        raise OSError(f"{text.name(host, 200)} is no host name") from None
    return [(family, str(place[0])) for family, _, _, _, place in found]


class ForbiddenAddress(OSError):
    """A name that leads where we do not go. An ``OSError``, since the connector passes those on."""


class Guard(AbstractResolver):
    """Resolves names for connections. Names that are not ``private`` lead to public addresses or nowhere."""

    def __init__(self, private: frozenset[str], lookup: Lookup = system_lookup) -> None:
        self._private = private
        self._lookup = lookup

    def check(self, url: str) -> None:
        """Whether an address may be asked, as far as its text says; raises :class:`Forbidden`."""
        shown = text.name(url.partition("?")[0], 200)
        try:
            parts, read = urlsplit(url), URL(url, encoded=True)
            host = (parts.hostname or "").lower()
            # Two readers, of which the second is the one that connects: they must see the same.
            agreed = (read.raw_host or "").lower() == host and read.scheme == parts.scheme and parts.port != 0
        except ValueError:
            raise Forbidden(f"{text.name(url.rpartition('@')[2], 200)} is no address") from None
        if parts.scheme not in SCHEMES or not host or not agreed or not _PLAIN.fullmatch(url):
            raise Forbidden(f"{shown.rpartition('@')[2]} is no address over http or https")
        if not addresses.is_host(host):
            raise Forbidden(f"{text.name(host, 200)} is no host name")
        if parts.username is not None or parts.password is not None:
            raise Forbidden(f"an address with credentials in it, at {text.name(host, 200)}")
        address = addresses.literal(host)
        if address is not None and host not in self._private and not addresses.public(address):
            raise Forbidden(f"{host} is not a public address; name the registry in the settings if it is meant")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """See :class:`AbstractResolver`; raises :class:`ForbiddenAddress` where every address is a private one,
        :class:`OSError` where there is none.
        """
        found = await self._lookup(host.lower(), port)
        allowed = [(f, a) for f, a in found if family in (socket.AF_UNSPEC, f) and self._may(host, a)]
        if not found:
            raise OSError(f"{host} has no address")
        if not allowed:
            raise ForbiddenAddress(f"{host} leads to {found[0][1]}, which is not a public address")
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=of, proto=0, flags=socket.AI_NUMERICHOST
            )
            for of, address in allowed
        ]  # fmt: skip

    def _may(self, host: str, told: str) -> bool:
        if host.lower() in self._private:
            return True
        address = addresses.literal(told)
        return address is not None and addresses.public(address)

    async def close(self) -> None:
        """See :class:`AbstractResolver`."""
