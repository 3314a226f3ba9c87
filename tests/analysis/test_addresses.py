"""Addresses: the spellings that systems read, and which of them everybody reaches."""

import socket
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.analysis.addresses import is_host, literal, public


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1", "127.0.0.1"), ("2130706433", "127.0.0.1"), ("0x7f000001", "127.0.0.1"), ("0X7F.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"), ("127.1", "127.0.0.1"), ("127.0.1", "127.0.0.1"), ("0", "0.0.0.0"),
        ("017700000001", "127.0.0.1"), ("[::1]", "::1"), ("::1", "::1"), ("fe80::1%eth0", "fe80::1"),
        ("::ffff:10.0.0.1", "::ffff:a00:1"),
    ],
)  # fmt: skip
def test_spellings(text: str, expected: str) -> None:
    assert str(literal(text)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "localhost", "reg.example", "1.2.3.4.5", "256.1.1.1", "1.16777216", "08.1", "0x", "4294967296", "1..1", "１"],
)
def test_names(text: str) -> None:
    assert literal(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8.8.8.8", True), ("2001:4860:4860::8888", True), ("64:ff9b::808:808", True), ("2002:808:808::", True),
        ("10.0.0.1", False), ("172.16.0.1", False), ("192.168.1.1", False), ("127.0.0.1", False), ("0.0.0.0", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("224.0.0.1", False), ("240.0.0.1", False),
        ("255.255.255.255", False), ("192.0.2.1", False), ("198.18.0.1", False), ("::", False), ("::1", False),
        ("fc00::1", False), ("fd00:ec2::254", False), ("fe80::1", False), ("fec0::1", False), ("ff02::1", False),
        ("2001:db8::1", False), ("::ffff:127.0.0.1", False), ("64:ff9b::a00:1", False), ("2002:a00:1::", False),
        ("::10.0.0.1", False), ("4000::1", False), ("5f00::1", False), ("64:ff9b:1::808:808", False),
    ],
)  # fmt: skip
def test_what_everybody_reaches(text: str, expected: bool) -> None:
    address = literal(text)
    assert address is not None
    assert public(address) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("reg.example", True), ("reg.example.", True), ("localhost", True), ("my_host", True), ("a" * 63, True),
        ("10.0.0.1", True), ("::1", True), ("fe80::1%eth0", True), ("::ffff:10.0.0.1", True),
        (".".join(["a" * 61] * 4), True), ("", False), (".", False), ("a" * 64, False), ("a..b", False), (".a", False),
        (".".join(["a" * 63] * 4), False), ("a b", False), ("a\0", False), ("a%00b", False), ("1%\0", False),
        ("[::1]", False), ("::1%", False), ("::1%\0", False), ("a:b", False), ("rég.example", False), ("１", False),
    ],
)  # fmt: skip
def test_what_can_be_looked_up(text: str, expected: bool) -> None:
    assert is_host(text) is expected


@given(st.text(max_size=80))
def test_no_codec_fails_on_what_can_be_looked_up(text: str) -> None:
    if is_host(text):
        assert len(text.encode("idna")) <= 255


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{0}", "0x{0:x}", "0{0:o}"]))
def test_numbers_are_addresses(number: int, form: str) -> None:
    assert literal(form.format(number)) == IPv4Address(number)


@given(st.ip_addresses())
def test_an_address_is_what_it_says(address: IPv4Address | IPv6Address) -> None:
    assert literal(str(address)) == address
    assert public(address) in (True, False)


@given(st.text("0123456789abcdefxX.", max_size=20))
def test_as_the_system_reads_them(text: str) -> None:
    """Whatever the system's resolver takes for an IPv4 address, so do we."""
    try:
        theirs = socket.inet_aton(text)
    except OSError:
        return
    assert literal(text) == IPv4Address(theirs)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_a_name(text: str) -> None:
    found = literal(text)
    assert found is None or public(found) in (True, False)
