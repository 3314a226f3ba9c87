"""Networks: outcomes as OPA gives them."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rego.builtins.expressions import outcome, value

OUTCOMES = {
    'net.cidr_merge(["::/0", "10.0.0.0/8"])': '{"::/0"}',
    'net.cidr_merge(["::1/128", "::/128"])': '{"::/127"}',
    'net.cidr_merge(["::ffff:0:0/96", "fd00::/8"])': '{"0.0.0.0/0", "fd00::/8"}',
    # written as IPv6, a network of IPv4 stands alone
    'net.cidr_merge(["10.0.0.0/30", "::ffff:10.0.0.1/108"])': '{"10.0.0.0/12", "10.0.0.0/30"}',
    'net.cidr_merge(["::/0", "::ffff:10.0.0.1/108"])': '{"::/0"}',
    'net.cidr_merge(["::ffff:1.0.0.1/120", "1.0.0.0/24", "1.0.1.0/24"])': '{"1.0.0.0/23", "1.0.0.0/24"}',
    'net.cidr_merge(["::ffff:10.0.0.1/120", "::ffff:10.0.3.1/120"])': (
        "fault: net.cidr_merge: networks of IPv4 that are written as IPv6 cannot be merged"
    ),
    'net.cidr_merge(["1.2.3.4", "1.2.3.4"])': '{"1.0.0.0/8"}',
    'net.cidr_merge(["1.2.3.4", "200.1.1.1"])': '{"1.2.3.4/8", "200.1.1.1/24"}',
    'net.cidr_contains("10.0.0.0/8", "10.0.0.0/x")': (
        "fault: net.cidr_contains: not a valid textual representation of an IP address or CIDR: 10.0.0.0/x"
    ),
    'net.cidr_is_valid("10.0.0.0/08")': "true",
    'net.cidr_merge(["10.1.2.3"])': '{"10.1.2.3/8"}',
    'net.cidr_merge(["10.1.2.3", "10.4.5.6"])': '{"10.0.0.0/8"}',
    'net.cidr_contains_matches({["2001:db8::/127"], [0.3]}, set())': "set()",
    'net.cidr_contains("10.0.0.0/8", "10.255.0.0/16")': "true",
    'net.cidr_contains("10.0.0.0/8", "11.0.0.1")': "false",
    'net.cidr_intersects("192.168.0.0/16", "192.168.1.0/24")': "true",
    'net.cidr_merge(["192.0.2.0/25", "192.0.2.128/25", "198.51.100.0/24"])': '{"192.0.2.0/24", "198.51.100.0/24"}',
    'net.cidr_expand("192.0.2.0/30")': '{"192.0.2.0", "192.0.2.1", "192.0.2.2", "192.0.2.3"}',
    'net.cidr_contains_matches("10.0.0.0/8", ["10.1.2.3", "1.1.1.1"])': '{["10.0.0.0/8", 0]}',
    'net.cidr_is_valid("10.0.0.1/33")': "false",
    'net.cidr_contains("2001:db8::/32", "2001:db8::1")': "true",
    'net.cidr_contains("10.0.0.0/8", "::ffff:10.0.0.1")': "true",
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


ADDRESSES = st.integers(0, (1 << 32) - 1).map(lambda n: str(ipaddress.IPv4Address(n)))
NETWORKS = st.builds(
    lambda a, bits: str(ipaddress.ip_network(f"{a}/{bits}", strict=False)), ADDRESSES, st.integers(0, 32)
)


@given(NETWORKS, ADDRESSES)
def test_containing_as_python_has_it(network: str, address: str) -> None:
    wanted = ipaddress.ip_address(address) in ipaddress.ip_network(network)
    assert value("net.cidr_contains(input.n, input.a)", n=network, a=address) is wanted


@given(NETWORKS, NETWORKS)
def test_intersecting_is_containing_one_way_or_the_other(a: str, b: str) -> None:
    both = value("[net.cidr_contains(input.a, input.b), net.cidr_contains(input.b, input.a)]", a=a, b=b)
    assert value("net.cidr_intersects(input.a, input.b)", a=a, b=b) is any(both)


@given(st.lists(NETWORKS, min_size=1, max_size=6))
def test_merging_covers_the_same(networks: list[str]) -> None:
    merged = [ipaddress.ip_network(n) for n in value("net.cidr_merge(input.n)", n=networks)]
    assert sorted(merged, key=str) == sorted(
        ipaddress.collapse_addresses(map(ipaddress.IPv4Network, networks)), key=str
    )
