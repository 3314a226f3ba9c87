"""Requests to a server on this machine: which are sent, where to, and how they end."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509

from image_enforcer.opa import http_sender
from image_enforcer.opa.allowed_hosts import Allowed
from image_enforcer.opa.http_cache import HttpCache
from image_enforcer.opa.http_sender import HttpNetwork, Once
from image_enforcer.rego.outside import HttpRequest, HttpResponse, SendFault, Tls
from tests.rego.builtins.certificate_makers import certificate, ec_key, pem, private_pem

LOCAL = "127.0.0.1"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: list[str]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the library
        pass

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        steps = self.path.strip("/").split("/")
        if steps[0] == "echo":
            told = {"method": self.command, "path": self.path, "body": body.decode(), "headers": dict(self.headers)}
            self.give(200, json.dumps(told).encode(), [("Content-Type", "application/json"), ("X", "1"), ("X", "2")])
        elif steps[0] == "to":
            self.give(int(steps[1]), b"", [("Location", self.headers.get("X-To", "/" + "/".join(steps[2:])))])
        elif steps[0] == "large":
            self.give(200, b"x" * int(steps[1]), [])
        elif steps[0] == "hang":
            threading.Event().wait(2)
        elif steps[0] == "drip":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b"x")
                self.wfile.flush()
                threading.Event().wait(0.05)
        elif steps[0] == "short":
            self.send_response(200)
            self.send_header("Content-Length", "10")
            self.end_headers()
            self.wfile.write(b"x")
        self.close_connection = True

    def give(self, code: int, body: bytes, headers: Sequence[tuple[str, str]]) -> None:
        self.send_response(code)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = answer  # noqa: N815 - the names in the library


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever goes away early is no news."""


def serving(context: ssl.SSLContext | None = None) -> Iterator[int]:
    server = Server((LOCAL, 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    yield from serving()


def network(*hosts: str, private: bool = False, resolve: Callable[[str], Sequence[str]] | None = None) -> HttpNetwork:
    def nobody(name: str) -> Sequence[str]:
        raise OSError(name)

    return HttpNetwork(Allowed.of(hosts, private=private), HttpCache(), resolve or nobody)


def request(url: str, method: str = "GET", body: bytes = b"", **more: object) -> HttpRequest:
    found: dict[str, object] = {"headers": {}, "seconds": 5.0, "redirects": False, "tls": Tls(), **more}
    return HttpRequest(method=method, url=url, body=body, **found)  # type: ignore[arg-type] # by name


def told(response: HttpResponse) -> dict[str, str]:
    found = json.loads(response.body)
    assert isinstance(found, dict)
    return found


def test_a_request_and_its_answer(port: int) -> None:
    sent = request(f"http://{LOCAL}:{port}/echo/p%20q?a=b#f", "POST", b"text", headers={"X-A": "é", "Host": "h"})
    got = network(LOCAL).send(sent)
    assert (got.code, got.status, got.headers["X"]) == (200, "200 OK", ("1", "2"))
    found = json.loads(got.body)
    assert (found["method"], found["path"], found["body"]) == ("POST", "/echo/p%20q?a=b", "text")
    assert found["headers"]["Host"] == "h"
    assert found["headers"]["User-Agent"].startswith("image-enforcer/")


@pytest.mark.parametrize("hosts", [(), ("127.0.0.2",), (f"{LOCAL}:1",), ("localhost",)])
def test_only_hosts_that_were_named(port: int, hosts: tuple[str, ...]) -> None:
    with pytest.raises(SendFault, match=rf"disallowed host: {LOCAL}") as caught:
        network(*hosts).send(request(f"http://{LOCAL}:{port}/echo"))
    assert not caught.value.network


def test_a_name_must_not_lead_to_a_private_address(port: int) -> None:
    def local(name: str) -> Sequence[str]:
        return [LOCAL]

    sent = request(f"http://h.example:{port}/echo")
    with pytest.raises(SendFault, match=rf"disallowed address: h\.example is at {LOCAL}"):
        network("h.example", resolve=local).send(sent)
    assert network("h.example", private=True, resolve=local).send(sent).code == 200
    with pytest.raises(SendFault, match="disallowed address"):
        network("h.example", resolve=lambda _: ["169.254.169.254"]).send(sent)


def test_a_name_is_looked_up_once_for_a_connection(port: int) -> None:
    asked: list[str] = []

    def once(name: str) -> Sequence[str]:
        asked.append(name)
        return [LOCAL]

    assert network("h.example", private=True, resolve=once).send(request(f"http://H.example.:{port}/echo")).code == 200
    assert asked == ["h.example"]


@pytest.mark.parametrize(
    ("code", "method", "body"), [(301, "GET", ""), (303, "GET", ""), (307, "POST", "b"), (308, "POST", "b")]
)
def test_redirects(port: int, code: int, method: str, body: str) -> None:
    url = f"http://{LOCAL}:{port}/to/{code}/echo"
    assert network(LOCAL).send(request(url, "POST", b"b")).code == code
    found = told(network(LOCAL).send(request(url, "POST", b"b", redirects=True)))
    assert (found["method"], found["body"], found["path"]) == (method, body, "/echo")


def test_redirects_lead_to_named_hosts_only(port: int) -> None:
    away = {"X-To": f"http://127.0.0.2:{port}/echo", "Authorization": "secret"}
    sent = request(f"http://{LOCAL}:{port}/to/302/x", headers=away, redirects=True)
    with pytest.raises(SendFault, match=r"disallowed host: 127\.0\.0\.2"):
        network(LOCAL).send(sent)


def test_secrets_are_for_the_first_host() -> None:
    first, other = http_sender._url("http://a.example/"), http_sender._url("http://b.example/")
    below = http_sender._url("http://x.a.example/")
    sent = request("http://a.example/", headers={"Authorization": "s", "Cookie": "c", "X": "1"})
    assert set(http_sender._redirected(sent, 302, first, first, other).headers) == {"X", "Referer"}
    assert "Authorization" in http_sender._redirected(sent, 302, first, first, below).headers


def test_redirects_end(port: int) -> None:
    sent = request(f"http://{LOCAL}:{port}/to/302/x", headers={"X-To": "/to/302/x"}, redirects=True)
    with pytest.raises(SendFault, match="stopped after 10 redirects"):
        network(LOCAL).send(sent)


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("/c", "http://h/c"), ("c", "http://h/a/c"), ("../c", "http://h/c"), ("./", "http://h/a/"), ("?q", "http://h/a/b?q"),
        ("//i/c", "http://i/c"), ("https://i", "https://i"), ("../../../c", "http://h/c"),
    ],
)  # fmt: skip
def test_where_redirects_lead(location: str, place: str) -> None:
    assert str(http_sender._next(http_sender._url("http://h/a/b?x"), location)) == place


@pytest.mark.parametrize("path", ["hang", "drip"])
def test_time_is_up(port: int, path: str) -> None:
    with pytest.raises(SendFault, match="context deadline exceeded") as caught:
        network(LOCAL).send(request(f"http://{LOCAL}:{port}/{path}", seconds=0.2))
    assert caught.value.late


def test_a_slow_lookup_is_left_to_itself() -> None:
    free = threading.Event()

    def slow(name: str) -> Sequence[str]:
        free.wait(10)
        return []

    with pytest.raises(SendFault, match="i/o timeout"):
        network("h.example", resolve=slow).lookup("h.example", 0.05)
    free.set()


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("ftp://h", 'Get "ftp://h": unsupported protocol scheme "ftp"'),
        ("x", 'Get "x": unsupported protocol scheme ""'),
        ("http://", 'Get "http:": http: no Host in request URL'),
        ("http://h.example/", 'Get "http://h.example/": lookup h.example: no such host'),
        ("http://u:p@127.0.0.1:1/", r'Get "http://u:\*\*\*@127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection'),
    ],
)
def test_requests_that_fail(url: str, fault: str) -> None:
    with pytest.raises(SendFault, match=fault):
        network("h", "h.example", LOCAL).send(request(url))


@pytest.mark.parametrize("header", [{"A B": "x"}, {"": "x"}, {"A": "x\r\nB: y"}, {"A": "\0"}])
def test_headers_that_are_none(port: int, header: dict[str, str]) -> None:
    with pytest.raises(SendFault, match="net/http: invalid header field"):
        network(LOCAL).send(request(f"http://{LOCAL}:{port}/echo", headers=header))


def test_a_query_cannot_begin_another_line(port: int) -> None:
    with pytest.raises(SendFault):
        network(LOCAL).send(request(f"http://{LOCAL}:{port}/echo?a b"))


def test_a_body_has_a_limit(port: int) -> None:
    most = http_sender.MOST_BODY
    assert len(network(LOCAL).send(request(f"http://{LOCAL}:{port}/large/{most}")).body) == most
    with pytest.raises(SendFault, match="a body of more than"):
        network(LOCAL).send(request(f"http://{LOCAL}:{port}/large/{most + 1}"))


def test_a_body_that_breaks_off(port: int) -> None:
    with pytest.raises(SendFault, match="unexpected EOF"):
        network(LOCAL).send(request(f"http://{LOCAL}:{port}/short"))


def test_once_asks_once(port: int) -> None:
    once = Once(network(LOCAL))
    sent = request(f"http://{LOCAL}:{port}/echo")
    assert once.send(sent) is once.send(sent)
    for _ in range(2):
        with pytest.raises(SendFault, match="disallowed host"):
            once.send(request("http://h.example/"))


# --- TLS -----------------------------------------------------------------------------------------


@cache
def issued(number: int) -> tuple[str, str]:
    """A certificate for this machine, issued to itself, with its key."""
    key = ec_key(number)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOCAL)), x509.DNSName("h.example")])
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    day = datetime.timedelta(days=1)
    data = certificate(key, issuer="leaf", extensions=[(names, False)], begin=now - day, end=now + day)
    return pem(data), private_pem(key)


@pytest.fixture(scope="module")
def tls_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("tls")
    text, key = issued(21)
    (folder / "pair.pem").write_text(text + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pair.pem")
    yield from serving(context)


def test_tls_with_roots(tls_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, _ = issued(21)
    (tmp_path / "root.pem").write_text(text)
    monkeypatch.setenv("A_ROOT", text)
    url = f"https://{LOCAL}:{tls_port}/echo"
    for tls in (Tls(roots=text), Tls(roots_file=str(tmp_path / "root.pem")), Tls(roots_variable="A_ROOT")):
        assert network(LOCAL).send(request(url, tls=tls)).code == 200
    assert network(LOCAL).send(request(url, tls=Tls(roots=text, server_name="h.example"))).code == 200
    assert network(LOCAL).send(request(url, tls=Tls(insecure=True))).code == 200


@pytest.mark.parametrize("tls", [Tls(), Tls(roots=issued(22)[0]), Tls(roots=issued(21)[0], server_name="i.example")])
def test_tls_that_is_not_believed(tls_port: int, tls: Tls) -> None:
    with pytest.raises(SendFault, match="tls: failed to verify certificate"):
        network(LOCAL).send(request(f"https://{LOCAL}:{tls_port}/echo", tls=tls))


@pytest.mark.parametrize(
    ("tls", "fault"),
    [
        (Tls(roots="x"), "could not append certificates"),
        (Tls(roots_file="/no/such/file"), "open /no/such/file: no such file or directory"),
        (Tls(certificate=("a", "b")), "tls: failed to find any PEM data in certificate input"),
        (Tls(certificate=(issued(21)[0], issued(22)[1])), "tls: private key does not match public key"),
    ],
)
def test_certificates_that_cannot_be_used(port: int, tls: Tls, fault: str) -> None:
    with pytest.raises(SendFault, match=fault) as caught:
        network(LOCAL).send(request(f"http://{LOCAL}:{port}/echo", tls=tls))
    assert not caught.value.network


def test_a_certificate_is_shown(tls_port: int) -> None:
    tls = Tls(roots=issued(21)[0], certificate=issued(23))
    assert network(LOCAL).send(request(f"https://{LOCAL}:{tls_port}/echo", tls=tls)).code == 200
