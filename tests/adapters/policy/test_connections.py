"""Connections with one limit for a whole exchange, and those that are kept between two."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from image_enforcer.adapters.policy.connections import MAX_HEAD, Connection, Idle, TooMuch
from tests.fakes.opa_server import Exchange, OpaServer, value


@pytest.fixture
def server() -> Iterator[OpaServer]:
    with OpaServer({"/": value(1)}) as running:
        yield running


def connection(server: OpaServer, host: str = "127.0.0.1", most: int = 1_000) -> Connection:
    found = Connection(host, server.port, tls=None, clock=time.monotonic, most=most)
    found.until = time.monotonic() + 30
    return found


def exchange(used: Connection) -> bytes:
    used.request("GET", "/")
    with used.getresponse() as response:
        return response.read()


def test_every_address_of_a_name_is_tried(server: OpaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first address refuses, as a name does that has an IPv6 address nobody listens on."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        refusing = nobody.getsockname()
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        found = [(*kind, refusing), (*kind, ("127.0.0.1", server.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
        used = connection(server, "opa.example")
        assert exchange(used) == b"1"
        used.close()
        del found[1]
        with pytest.raises(ConnectionRefusedError):
            exchange(connection(server, "opa.example"))
        found.clear()
        with pytest.raises(OSError, match="no address"):
            exchange(connection(server, "opa.example"))


def test_no_time_is_left_before_anything_is_sent(server: OpaServer) -> None:
    used = connection(server)
    assert exchange(used) == b"1"
    used.until = time.monotonic() - 1
    with pytest.raises(TimeoutError):
        used.request("GET", "/")
    used.close()
    used.until = time.monotonic() - 1
    with pytest.raises(TimeoutError):
        used.connect()
    assert len(server.asked) == 1


def test_the_size_of_an_answer_is_bounded_for_each_answer(server: OpaServer) -> None:
    half = b"x" * (MAX_HEAD // 2 + 400_000)
    server.scripts["/"] = lambda asked: asked.raw_answer(half)
    used = connection(server)
    for _ in range(4):
        assert exchange(used) == half
    server.scripts["/"] = lambda asked: asked.raw_answer(half * 2)
    with pytest.raises(TooMuch):
        exchange(used)
    used.close()


def test_quiet(server: OpaServer) -> None:
    used = connection(server)
    assert not used.quiet(), "there is no connection yet"
    assert exchange(used) == b"1"
    assert used.quiet()
    sent = threading.Event()

    def more_than_asked_for(asked: Exchange) -> None:
        asked.answer(1)
        asked.wait(0.05)
        asked.send(b"HTTP/1.1 200 OK\r\n")
        sent.set()

    server.scripts["/"] = more_than_asked_for
    assert exchange(used) == b"1"
    assert sent.wait(30)
    assert not used.quiet()
    used.close()


def test_a_closed_connection_is_not_taken(server: OpaServer) -> None:
    idle = Idle(4)

    def last(asked: Exchange) -> None:
        asked.answer(1)
        asked.hang_up()

    server.scripts["/"] = last
    used = connection(server)
    assert exchange(used) == b"1"
    until = time.monotonic() + 30
    while used.quiet() and time.monotonic() < until:
        time.sleep(0.01)
    idle.keep(used)
    assert idle.take() is None
    assert used.sock is None


def test_the_last_one_kept_is_taken_first_and_no_more_than_the_most_are_kept(server: OpaServer) -> None:
    idle = Idle(2)
    used = [connection(server) for _ in range(3)]
    for one in used:
        assert exchange(one) == b"1"
        idle.keep(one)
    assert used[2].sock is None, "one too many: closed"
    assert idle.take() is used[1]
    assert idle.take() is used[0]
    assert idle.take() is None
    idle.keep(used[0])
    idle.keep(used[1])
    idle.close()
    assert (used[0].sock, used[1].sock) == (None, None)
    assert idle.take() is None
