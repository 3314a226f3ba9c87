"""Where the server listens: ``host:port``, ``http://…``, ``https://…``, ``unix://path``; all bound before serving."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEFAULT_PORT: Final = {"http": 80, "https": 443}


class AddressError(ValueError):
    """An address that cannot be understood or listened on; ``in_use`` where another program has it."""

    def __init__(self, message: str, *, in_use: bool = False) -> None:
        super().__init__(message)
        self.in_use = in_use


@dataclass(frozen=True, slots=True)
class Address:
    """``host`` and ``port``, or the ``path`` of a socket in the file system."""

    text: str
    tls: bool = False
    host: str = ""
    port: int = 0
    path: str = ""

    @property
    def local(self) -> bool:
        """Whether only this machine reaches it."""
        if self.path or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse(text: str, *, tls: bool) -> Address:
    """An address as written; ``tls`` says whether there is a certificate. Raises :class:`AddressError`."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = ("https" if tls else "http"), text
    if scheme == "unix":
        if not rest:
            raise AddressError(f"{text}: a path is missing")
        return Address(text, path=rest)
    if scheme not in DEFAULT_PORT:
        raise AddressError(f"{text}: {scheme}:// is not one of http://, https://, unix://")
    if scheme == "https" and not tls:
        raise AddressError(f"{text}: https:// needs --tls-cert-file and --tls-private-key-file")
    host, port = _host_and_port(text, rest.rstrip("/"), DEFAULT_PORT[scheme] if separator else None)
    return Address(text, scheme == "https", host, port)


def _host_and_port(text: str, rest: str, default: int | None) -> tuple[str, int]:
    host, colon, port = rest.rpartition(":")
    if rest.startswith("[") and rest.endswith("]"):
        host, colon, port = rest, "", ""
    elif not colon:
        host, port = rest, ""
    if not port and default is not None:
        number = default
    elif port.isascii() and port.isdigit() and int(port) < 65536:
        number = int(port)
    else:
        raise AddressError(f"{text}: a port from 0 to 65535 is missing, as in localhost:8181")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise AddressError(f"{text}: an IPv6 address is written in brackets, as in [::1]:8181")
    return host.strip("[]"), number


def listen(address: Address, *, unix_mode: int = 0o755) -> list[socket.socket]:
    """Listening sockets for an address, one for each of the host's addresses; raises :class:`AddressError`."""
    return [_listen_unix(address, unix_mode)] if address.path else _listen_tcp(address)


def _listen_tcp(address: Address) -> list[socket.socket]:
    try:
        found = socket.getaddrinfo(address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as e:
        raise AddressError(f"{address.text}: {getattr(e, 'strerror', None) or e}") from None
    sockets: list[socket.socket] = []
    port = address.port
    last: OSError | None = None
    for family, kind, protocol, _, place in found:
        try:
            made = socket.socket(family, kind, protocol)
        except OSError as e:
            last = e
            continue
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind((place[0], port, *place[2:]))
            made.listen(1024)
            made.setblocking(False)
        except OSError as e:
            made.close()
            last = e
            if _in_use(e):
                break
            continue
        port = made.getsockname()[1]
        sockets.append(made)
    if last is not None and (not sockets or _in_use(last)):
        for made in sockets:
            made.close()
        raise _failed(address, last)
    return sockets


def _in_use(error: OSError) -> bool:
    return error.errno == errno.EADDRINUSE


def _failed(address: Address, error: OSError) -> AddressError:
    if _in_use(error):
        return AddressError(f"{address.text}: another program listens there already", in_use=True)
    return AddressError(f"{address.text}: {error.strerror or error}")


def _listen_unix(address: Address, mode: int) -> socket.socket:
    try:
        _remove_stale(address)
        with contextlib.ExitStack() as stack:
            made = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            made.bind(address.path)
            Path(address.path).chmod(mode)
            made.listen(1024)
            made.setblocking(False)
            stack.pop_all()
    except OSError as e:
        raise _failed(address, e) from None
    return made


def _remove_stale(address: Address) -> None:
    """Remove a socket that nobody listens on any more; anything else at the path stays."""
    try:
        there = Path(address.path).stat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(there.st_mode):
        raise AddressError(f"{address.text}: there is a file that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(address.path)
        except OSError:
            Path(address.path).unlink()
            return
    raise AddressError(f"{address.text}: another program listens there already", in_use=True)
