"""The network that policies may be given: requests over HTTP to the hosts that were named, and to no others.

The address of a name is looked up once for a connection, checked, and the connection made to that address: a name
that leads elsewhere a moment later changes nothing. All of it is bounded: time, redirects, sizes of headers and body.
"""

from __future__ import annotations

import contextlib
import http.client
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from .. import __version__
from ..rego.builtins import urls
from ..rego.builtins.urls import Url
from ..rego.errors import BuiltinError
from ..rego.outside import HttpRequest, HttpResponse, Network, SendFault, Tls
from ..rego.text import quoted
from . import http_tls
from .allowed_hosts import Allowed, address_of, normal
from .http_cache import HttpCache

MOST_BODY: Final = 16 << 20
MOST_HEADERS: Final = 64 << 10
MOST_REDIRECTS: Final = 10
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SECRET: Final = frozenset({"Authorization", "Cookie", "Cookie2", "Proxy-Authorization", "Www-Authenticate"})
NO_TLS: Final = Tls()
_PORTS: Final = {"http": 80, "https": 443}
_LATE: Final = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"

Resolver: TypeAlias = Callable[[str], Sequence[str]]


def system_addresses(name: str) -> Sequence[str]:
    """The addresses that the system knows for a name; raises :class:`OSError`."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class HttpNetwork:
    """Reaches the hosts that are allowed; keeps answers for as long as it lives."""

    allowed: Allowed
    kept: HttpCache
    resolve: Resolver = system_addresses
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def check(self, host: str) -> None:
        """Raises :class:`SendFault` for a host that was not named."""
        self.allowed.check(host)

    def pause(self, seconds: float) -> None:
        """Wait between two tries."""
        self.sleep(seconds)

    def lookup(self, name: str, seconds: float) -> Sequence[str]:
        """The addresses of a name."""
        return self._addresses(name, self.clock() + seconds)

    def send(self, request: HttpRequest) -> HttpResponse:
        """The answer to a request; every place that it is sent on to has to be allowed as well."""
        until = self.clock() + request.seconds
        first = url = _url(request.url)
        for _ in range(MOST_REDIRECTS + 1):
            with _told(request, url):
                _check_headers(request.headers)
                response = self._sent(request, url, until)
            if not request.redirects or response.code not in _REDIRECTS or not response.header("location"):
                return response
            after = _next(url, response.header("location"))
            request, url = _redirected(request, response.code, first, url, after), after
        raise SendFault(_shown(request, url, f"stopped after {MOST_REDIRECTS} redirects"))

    # --- one exchange ----------------------------------------------------------------------------

    def _sent(self, request: HttpRequest, url: Url, until: float) -> HttpResponse:
        if url.scheme not in _PORTS:
            raise SendFault(f'unsupported protocol scheme "{url.scheme}"')
        host, port = url.hostname, int(url.port or _PORTS[url.scheme])
        if not host:
            raise SendFault("http: no Host in request URL")
        if not 0 < port < 65536:
            raise SendFault(f"dial tcp: address {port}: invalid port")
        self.allowed.check(host, port)
        secure = http_tls.context(request.tls) if url.scheme == "https" or request.tls != NO_TLS else None
        line = _Line(self._connected(host, port, until))
        with contextlib.closing(line), _deadline(line, until - self.clock()) as late:
            try:
                return _exchange(line, secure, request, url)
            except (OSError, http.client.HTTPException, SendFault) as fault:
                if late() or isinstance(fault, TimeoutError):
                    raise SendFault(_LATE, late=True) from None
                raise fault if isinstance(fault, SendFault) else SendFault(_text(fault)) from None

    def _connected(self, host: str, port: int, until: float) -> socket.socket:
        """A connection to the first of the host's addresses that takes it, each checked before."""
        where, fault = "", OSError("no address")
        for text in self._addresses(host, until):
            address = address_of(text)
            if address is None:
                continue
            self.allowed.check_address(host, address)
            left = until - self.clock()
            if left <= 0:
                raise SendFault(_LATE, late=True)
            where = f"[{text}]:{port}" if ":" in text else f"{text}:{port}"
            try:
                return socket.create_connection((text, port), timeout=left)
            except TimeoutError:
                raise SendFault(_LATE, late=True) from None
            except OSError as error:
                fault = error
        why = (fault.strerror or str(fault)).lower()
        raise SendFault(f"dial tcp {where}: connect: {why}" if where else f"dial tcp: lookup {host}: no such host")

    def _addresses(self, name: str, until: float) -> Sequence[str]:
        """The addresses of a name, within the time: a look-up that takes longer is left to itself."""
        plain = normal(name)
        if address_of(plain) is not None:
            return [plain]
        answers: queue.SimpleQueue[Sequence[str] | OSError] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self.resolve(plain))
            except (OSError, UnicodeError) as error:
                answers.put(error if isinstance(error, OSError) else OSError(str(error)))

        threading.Thread(target=ask, name="lookup", daemon=True).start()
        try:
            found = answers.get(timeout=max(until - self.clock(), 0.001))
        except queue.Empty:
            raise SendFault(f"lookup {name}: i/o timeout", late=True) from None
        if isinstance(found, OSError) or not found:
            raise SendFault(f"lookup {name}: no such host")
        return found


_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in sorted(headers.items()):
        if not _TOKEN.fullmatch(name):
            raise SendFault(f"net/http: invalid header field name {quoted(name)}")
        if _CONTROL.search(value):
            raise SendFault(f"net/http: invalid header field value for {quoted(name)}")


class Once:
    """A network that is asked everything once: what is evaluated again, to be explained, finds the same answers."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._said: dict[str, HttpResponse | SendFault] = {}
        self.kept = network.kept

    def check(self, host: str) -> None:
        """As the network."""
        self._network.check(host)

    def pause(self, seconds: float) -> None:
        """As the network."""
        self._network.pause(seconds)

    def lookup(self, name: str, seconds: float) -> Sequence[str]:
        """As the network."""
        return self._network.lookup(name, seconds)

    def send(self, request: HttpRequest) -> HttpResponse:
        """What the network said to the same request before, or says now."""
        asked = repr(replace(request, seconds=0.0))
        if asked not in self._said:
            try:
                self._said[asked] = self._network.send(request)
            except SendFault as fault:
                self._said[asked] = fault
        said = self._said[asked]
        if isinstance(said, SendFault):
            raise SendFault(str(said), network=said.network, late=said.late)
        return said


class _Line:
    """A connection, over TLS or not."""

    def __init__(self, plain: socket.socket) -> None:
        self.socket = plain

    def secure(self, context: ssl.SSLContext, name: str) -> None:
        """Speak TLS from now on."""
        made = context.wrap_socket(self.socket, server_hostname=name, do_handshake_on_connect=False)
        self.socket = made
        made.do_handshake()

    def end(self) -> None:
        """Let whoever waits for the other side wait no longer."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Give it back."""
        self.socket.close()


def _exchange(line: _Line, secure: ssl.SSLContext | None, request: HttpRequest, url: Url) -> HttpResponse:
    given = request.headers
    host = given.get("Host", url.host)
    if secure is not None and url.scheme == "https":
        name = request.tls.server_name or (normal(host.rpartition(":")[0] or host) if "Host" in given else url.hostname)
        line.secure(secure, name)
    connection = http.client.HTTPConnection(url.hostname)
    connection.sock = line.socket
    try:
        connection.putrequest(request.method, url.target, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", host)
        connection.putheader("Connection", "close")
        if "User-Agent" not in given:
            connection.putheader("User-Agent", f"image-enforcer/{__version__}")
        if request.body or request.method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(request.body)))
        for name, value in sorted(given.items()):
            if name not in ("Host", "Connection", "Content-Length", "Transfer-Encoding"):
                connection.putheader(name, value.encode())
        connection.endheaders(request.body or None)
        return _read(connection.getresponse())
    except ValueError as fault:
        raise SendFault(f"net/http: {fault}") from None
    finally:
        connection.close()


def _read(answer: http.client.HTTPResponse) -> HttpResponse:
    headers: dict[str, tuple[str, ...]] = {}
    size = 0
    for name, value in answer.getheaders():
        plain = "-".join(part.capitalize() for part in name.split("-"))
        headers[plain] = (*headers.get(plain, ()), value)
        size += len(name) + len(value)
    if size > MOST_HEADERS:
        raise SendFault(f"net/http: headers of more than {MOST_HEADERS} bytes")
    body = answer.read(MOST_BODY + 1)
    if len(body) > MOST_BODY:
        raise SendFault(f"net/http: a body of more than {MOST_BODY} bytes")
    if answer.length:
        raise SendFault("unexpected EOF")
    return HttpResponse(answer.status, f"{answer.status} {answer.reason}".rstrip(), headers, body)


@contextlib.contextmanager
def _deadline(line: _Line, seconds: float) -> Iterator[Callable[[], bool]]:
    """End the connection when time is up, however much the other side still sends; tells whether it came to that."""
    passed = threading.Event()

    def end() -> None:
        passed.set()
        line.end()

    timer = threading.Timer(max(seconds, 0.001), end)
    timer.daemon = True
    timer.start()
    try:
        yield passed.is_set
    finally:
        timer.cancel()


# --- where to ------------------------------------------------------------------------------------


def _url(text: str) -> Url:
    try:
        return urls.parse(text)
    except BuiltinError as fault:
        raise SendFault(str(fault), network=False) from None


def _next(url: Url, location: str) -> Url:
    """The place that a redirect names, as seen from the one before."""
    found = _url(location)
    if found.scheme:
        return found
    if found.host:
        return replace(found, scheme=url.scheme)
    base = replace(url, raw_path="", raw_query=found.raw_query, fragment="", raw_fragment="", force_query=False)
    if not found.path:
        return base
    path = found.path if found.path.startswith("/") else f"{url.path.rpartition('/')[0]}/{found.path}"
    return replace(base, path=_without_dots(path))


def _without_dots(path: str) -> str:
    kept: list[str] = []
    steps = path.split("/")
    for step in steps:
        if step == "..":
            kept = kept[:-1] if len(kept) > 1 else kept
        elif step != ".":
            kept.append(step)
    if steps[-1] in (".", ".."):
        kept.append("")
    return "/".join(kept)


def _redirected(request: HttpRequest, code: int, first: Url, url: Url, after: Url) -> HttpRequest:
    """The request for the next place: secrets go to the first host and below it only, bodies where the code says so."""
    headers: Mapping[str, str] = request.headers
    one, other = normal(first.hostname), normal(after.hostname)
    if one != other and not other.endswith(f".{one}"):
        headers = {name: value for name, value in headers.items() if name not in _SECRET and name != "Host"}
    if not (url.scheme == "https" and after.scheme == "http"):
        headers = {"Referer": str(replace(url, user=None)), **headers}
    if code in (307, 308):
        return replace(request, headers=headers)
    headers = {name: value for name, value in headers.items() if not name.startswith("Content-")}
    method = request.method if request.method in ("GET", "HEAD") else "GET"
    return replace(request, headers=headers, method=method, body=b"")


# --- what went wrong -----------------------------------------------------------------------------


@contextlib.contextmanager
def _told(request: HttpRequest, url: Url) -> Iterator[None]:
    """Faults on the way name the request, as Go's client has it."""
    try:
        yield
    except SendFault as fault:
        if not fault.network:
            raise
        raise SendFault(_shown(request, url, str(fault)), late=fault.late) from None


def _shown(request: HttpRequest, url: Url, why: str) -> str:
    place = replace(url, user=(url.user[0], "***")) if url.user is not None and url.user[1] is not None else url
    shown = str(place).replace(":%2A%2A%2A@", ":***@", 1)
    return f'{request.method.capitalize()} "{shown}": {why}'


def _text(fault: OSError | http.client.HTTPException) -> str:
    match fault:
        case ssl.SSLCertVerificationError():
            return f"tls: failed to verify certificate: {fault.verify_message}"
        case ssl.SSLError():
            return f"tls: {fault.reason or fault}"
        case http.client.RemoteDisconnected():
            return "EOF"
        case ConnectionResetError():
            return "read: connection reset by peer"
        case http.client.IncompleteRead():
            return "unexpected EOF"
        case http.client.HTTPException():
            return f"net/http: HTTP/1.x transport connection broken: {fault}"
        case _:
            return str(fault)
