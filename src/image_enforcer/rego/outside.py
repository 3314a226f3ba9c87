"""What an evaluation may ask of a network, if one is handed in: requests over HTTP, and the addresses of names.

Without one ``http.send`` and ``net.lookup_ip_addr`` have no answer. Who hands one in decides which hosts it reaches,
and answers for its being done in time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Tls:
    """How a server's certificate is checked, and which one is shown to it; empty where a request says nothing."""

    system_roots: bool = False
    roots: str = ""
    roots_file: str = ""
    roots_variable: str = ""
    certificate: tuple[str, str] = ("", "")
    certificate_files: tuple[str, str] = ("", "")
    certificate_variables: tuple[str, str] = ("", "")
    insecure: bool = False
    server_name: str = ""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request; ``seconds`` is how long all of it may take."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    redirects: bool
    tls: Tls


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What came back: the code with its text (``200 OK``), headers with their values, the body."""

    code: int
    status: str
    headers: Mapping[str, tuple[str, ...]]
    body: bytes

    def header(self, name: str) -> str:
        """The first value of a header, empty where there is none."""
        return next((v[0] for k, v in self.headers.items() if k.lower() == name and v), "")


class SendFault(Exception):
    """Why there is no answer. ``network`` tells that it was tried, ``late`` that time was up."""

    def __init__(self, text: str, *, network: bool = True, late: bool = False) -> None:
        super().__init__(text)
        self.network = network
        self.late = late


class Kept(Protocol):
    """Answers that are kept from one evaluation to the next, as many as there is room for."""

    def get(self, k: Any) -> tuple[HttpResponse, int] | None:
        """An answer with the time, in nanoseconds, until which it is fresh."""

    def put(self, k: Any, response: HttpResponse, until_ns: int) -> None:
        """Keep an answer."""

    def drop(self, k: Any) -> None:
        """Forget an answer."""


class Network(Protocol):
    """What is reached, and how."""

    @property
    def kept(self) -> Kept:
        """What is kept of earlier answers."""

    def check(self, host: str) -> None:
        """Raises :class:`SendFault` for a host that may not be asked."""

    def send(self, request: HttpRequest) -> HttpResponse:
        """The answer to a request. Raises :class:`SendFault`."""

    def pause(self, seconds: float) -> None:
        """Wait between two tries."""

    def lookup(self, name: str, seconds: float) -> Sequence[str]:
        """The addresses of a name. Raises :class:`SendFault`."""
