"""Which hosts are allowed."""

from __future__ import annotations

import ipaddress

import pytest

from image_enforcer.opa.allowed_hosts import Allowed, HostError
from image_enforcer.rego.outside import SendFault

HOSTS = Allowed.of(["a.example", "b.example:8443", "10.0.0.1", "[::1]:80", "::2"])


@pytest.mark.parametrize(
    ("host", "port", "fine"),
    [
        ("a.example", 1, True), ("A.Example.", 1, True), ("x.a.example", 1, False), ("b.example", 8443, True),
        ("b.example", 443, False), ("b.example", None, True), ("10.0.0.1", 1, True), ("10.0.0.2", 1, False),
        ("::1", 80, True), ("0:0::1", 80, True), ("::1", 81, False), ("::2", 1, True), ("", 1, False),
    ],
)  # fmt: skip
def test_hosts(host: str, port: int | None, fine: bool) -> None:
    if fine:
        HOSTS.check(host, port)
    else:
        with pytest.raises(SendFault, match="disallowed host"):
            HOSTS.check(host, port)


@pytest.mark.parametrize("text", ["", "a b", "http://a", "a:0", "a:70000", "a:b", "[::1", "[::1]x", "a/b", "-a", "*"])
def test_what_is_no_host(text: str) -> None:
    with pytest.raises(HostError):
        Allowed.of([text])


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2600::1", True), ("127.0.0.1", False), ("10.1.2.3", False), ("169.254.169.254", False),
        ("0.0.0.0", False), ("100.64.0.1", False), ("224.0.0.1", False), ("::1", False), ("fe80::1", False),
        ("fd00::1", False), ("::ffff:127.0.0.1", False), ("::ffff:8.8.8.8", True), ("2002:7f00:1::", False),
    ],
)  # fmt: skip
def test_addresses_that_names_may_lead_to(address: str, public: bool) -> None:
    found = ipaddress.ip_address(address)
    if public:
        HOSTS.check_address("a.example", found)
    else:
        with pytest.raises(SendFault, match="disallowed address"):
            HOSTS.check_address("a.example", found)
    HOSTS.check_address(address, found)
    Allowed.of(["a.example"], private=True).check_address("a.example", found)
