"""Connections to a worker."""

from __future__ import annotations

import ssl

import aiohttp
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from ... import __version__
from ...analysis import text
from ...ports.facts import FactsError


class WorkerUnreachable(FactsError):
    """The worker gives no facts: no connection, no answer in time, or one that says that it cannot."""


class WorkerRefused(FactsError):
    """The worker wants another token."""


class WorkerLying(FactsError):
    """What the worker sent is not what it should be."""


def session(token: str, ca_file: str, *, idle: float, connections: int = 100) -> ClientSession:
    """A session that carries a token. ``idle`` are the seconds in which nothing may come.

    Raises :class:`WorkerRefused` where the authorities cannot be read.
    """
    headers = {"User-Agent": f"image-enforcer/{__version__}", "Accept-Encoding": "identity"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    tls = trusted(ca_file) if ca_file else True
    return ClientSession(
        headers=headers, cookie_jar=DummyCookieJar(), connector=TCPConnector(ssl=tls, limit=connections),
        timeout=ClientTimeout(total=None, sock_connect=10, sock_read=idle),
    )  # fmt: skip


def trusted(ca_file: str) -> ssl.SSLContext:
    """TLS that trusts a file of authorities; raises :class:`WorkerRefused` where they cannot be read."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as e:
        raise WorkerRefused(f"{ca_file} cannot be read: {e}; give authorities as PEM") from None


def why(error: Exception) -> str:
    """Why a worker gave no answer, and what to do where that can be told."""
    said = text.name(str(error), 200) or "no answer in time"
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"{said}; give its authority (--ca-file of pull, --facts-ca-file of serve)"
        case aiohttp.ClientConnectorSSLError():
            return f"{said}; where it speaks plain HTTP, its address begins with http://"
        case _:
            return said
