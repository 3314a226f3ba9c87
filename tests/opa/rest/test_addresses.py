"""Addresses as they are written, and sockets that are bound before anything is served."""

import socket
from pathlib import Path

import pytest

from image_enforcer.opa.rest.addresses import Address, AddressError, listen, parse


@pytest.mark.parametrize(
    ("text", "tls", "address"),
    [
        ("localhost:8181", False, Address("localhost:8181", False, "localhost", 8181)),
        ("localhost:8181", True, Address("localhost:8181", True, "localhost", 8181)),
        (":8181", False, Address(":8181", False, "", 8181)),
        ("http://127.0.0.1", True, Address("http://127.0.0.1", False, "127.0.0.1", 80)),
        ("https://h:1/", True, Address("https://h:1/", True, "h", 1)),
        ("[::1]:8181", False, Address("[::1]:8181", False, "::1", 8181)),
        ("https://[::1]", True, Address("https://[::1]", True, "::1", 443)),
        ("unix:///run/x.sock", False, Address("unix:///run/x.sock", path="/run/x.sock")),
    ],
)
def test_addresses(text: str, tls: bool, address: Address) -> None:
    assert parse(text, tls=tls) == address


@pytest.mark.parametrize(
    "text", ["localhost", "x:y", "x:99999", "x:-1", "ftp://x", "unix://", "::1:80", "https://x", ""]
)
def test_addresses_that_say_nothing(text: str) -> None:
    with pytest.raises(AddressError):
        parse(text, tls=False)


@pytest.mark.parametrize(
    ("text", "local"),
    [("localhost:1", True), ("127.0.0.2:1", True), ("[::1]:1", True), ("unix://x", True), (":1", False),
     ("0.0.0.0:1", False),
     ("[::]:1", False), ("10.0.0.1:1", False), ("example.org:1", False), ("localhost.example.org:1", False)],
)  # fmt: skip
def test_what_only_this_machine_reaches(text: str, local: bool) -> None:
    assert parse(text, tls=False).local is local


def test_a_host_with_several_addresses_has_one_port() -> None:
    sockets = listen(parse("localhost:0", tls=False))
    try:
        assert len({s.getsockname()[1] for s in sockets}) == 1
    finally:
        for s in sockets:
            s.close()


def test_a_port_that_is_taken() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(AddressError, match="another program listens there already") as caught,
    ):
        listen(parse(f"127.0.0.1:{taken.getsockname()[1]}", tls=False))
    assert caught.value.in_use


def test_an_unknown_host() -> None:
    with pytest.raises(AddressError) as caught:
        listen(parse("no-such-host.invalid:80", tls=False))
    assert not caught.value.in_use


def test_a_socket_in_the_file_system_is_for_whom_it_shall_be(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    [made] = listen(parse(f"unix://{path}", tls=False), unix_mode=0o600)
    assert path.stat().st_mode & 0o777 == 0o600
    made.close()
    path.unlink()
    path.write_text("precious")
    with pytest.raises(AddressError, match="no socket"):
        listen(parse(f"unix://{path}", tls=False))
    assert path.read_text() == "precious"
