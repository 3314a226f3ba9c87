"""Where nobody may lead us, by whatever spelling; what is said of hosts; and when servers want to be asked again."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.adapters.registry.guard import ForbiddenAddress, Guard, system_lookup
from image_enforcer.adapters.registry.hosts import Host, Hosts, Mirror, host_of, place_of
from image_enforcer.adapters.registry.retry_after import quota, seconds
from image_enforcer.ports.registry import Forbidden
from tests.adapters.registry.asking import Names

STRICT = Guard(frozenset(), Names())
OURS = Guard(frozenset({"reg.corp", "10.0.0.1", "::1"}), Names({"reg.corp": ["10.0.0.2"]}))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://127.0.0.1:5000/", "https://10.0.0.1/", "http://169.254.169.254/latest", "http://[::1]/",
        "http://[::ffff:10.0.0.1]/", "http://[64:ff9b::10.0.0.1]/", "http://[fe80::1%25eth0]/", "http://[fd00::1]/",
        "http://[fec0::1]/", "http://[2002:a00:1::]/", "http://2130706433/", "http://0x7f.1/", "http://0177.1/", "http://0/",
        "http://100.64.0.1/", "http://224.0.0.1/", "http://255.255.255.255/", "http://192.0.2.1/", "http://[::]/",
        "ftp://reg.example/", "file:///etc/passwd", "//reg.example/", "reg.example", "", "http://", "http:///x",
        "http://user@reg.example/", "http://user:pw@reg.example/", "http://:pw@reg.example/", "http://@reg.example/",
        "http://reg.example:99999/", "http://reg.example:x/", "http://reg.example:0/", "http://[::1",
        "http://reg.example/a b",
        "http://reg.example\\@127.0.0.1/", "http://reg.example/\r\nX: y", "http://rég.example/", "http://reg.example/\x00",
        f"https://{'a' * 64}.example/", "https://a..example/", "https://.example/", "https://%61.example/", "https://*/",
        f"https://{'a.' * 130}example/", "http://127.0.0.1\t/", "http://１２７.0.0.1/", "HTTP://127.0.0.1/",
    ],
)  # fmt: skip
def test_addresses_that_nobody_may_lead_to(url: str) -> None:
    with pytest.raises(Forbidden) as caught:
        STRICT.check(url)
    assert "pw" not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "url",
    [
        "https://reg.example/v2/",
        "http://reg.example:5000/",
        "https://8.8.8.8/",
        "https://[2001:4860:4860::8888]/a?b=%0A",
        f"https://{'a' * 63}.my_host.example./",
    ],
)
def test_addresses_of_the_world(url: str) -> None:
    STRICT.check(url)


def test_addresses_that_are_ours() -> None:
    for url in ("http://10.0.0.1:5000/", "https://[::1]/", "https://reg.corp/"):
        OURS.check(url)
    with pytest.raises(Forbidden):
        OURS.check("http://10.0.0.2/")


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_a_named_error(url: str) -> None:
    for text in (url, f"http://{url}", f"https://reg.example{url}"):
        try:
            STRICT.check(text)
        except Forbidden:
            continue
        assert text.isascii()


async def test_a_name_that_is_none_is_not_found() -> None:
    for name in ("a" * 64, "a..example"):
        with pytest.raises(OSError, match="is no host name"):
            await system_lookup(name, 443)


async def test_names_that_lead_inside() -> None:
    names = Names({
        "inside.example": ["10.0.0.1", "fd00::1"], "mixed.example": ["10.0.0.1", "8.8.8.8", "fe80::1%eth0"],
        "reg.corp": ["10.0.0.2"], "none.example": [],
    })  # fmt: skip
    guard = Guard(frozenset({"reg.corp"}), names)
    with pytest.raises(ForbiddenAddress, match=r"inside\.example leads to 10\.0\.0\.1"):
        await guard.resolve("inside.example", 443)
    assert [found["host"] for found in await guard.resolve("mixed.example", 443)] == ["8.8.8.8"]
    assert [found["host"] for found in await guard.resolve("REG.corp", 443)] == ["10.0.0.2"]
    with pytest.raises(OSError, match="no address"):
        await guard.resolve("none.example", 443)
    with pytest.raises(ForbiddenAddress):
        await guard.resolve("mixed.example", 443, socket.AF_INET6)


async def test_a_name_is_checked_each_time_that_it_is_looked_up() -> None:
    names = {"a.example": ["8.8.8.8"]}
    guard = Guard(frozenset(), Names(names))
    await guard.resolve("a.example", 443)
    names["a.example"] = ["127.0.0.1"]
    with pytest.raises(ForbiddenAddress):
        await guard.resolve("a.example", 443)


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("docker.io", "https://registry-1.docker.io"), ("reg.example:5000", "https://reg.example:5000"),
        ("localhost:5000", "http://localhost:5000"), ("127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("[::1]:5000", "http://[::1]:5000"), ("10.0.0.1", "https://10.0.0.1"), ("localhost.evil", "https://localhost.evil"),
    ],
)  # fmt: skip
def test_where_an_interface_is(name: str, base: str) -> None:
    assert Host(name=name).base == base


def test_who_is_vouched_for() -> None:
    host = Host(
        name="docker.io", mirrors=(Mirror(url="http://mirror.corp"),), private_redirects=frozenset({"cdn.corp"})
    )
    hosts = Hosts(named={"docker.io": host})
    assert hosts.of("docker.io").private == {"registry-1.docker.io", "cdn.corp"}
    assert hosts.of("Docker.IO") == host
    assert hosts.of("Reg.Example").private == frozenset()
    assert hosts.of("Reg.Example").base == "https://reg.example"
    assert Host(name="x", url="http://h.corp:1/").base == "http://h.corp:1"


def test_places() -> None:
    assert place_of("https://Reg.example/a") == place_of("https://reg.example:443/b") != place_of("http://reg.example/")
    assert host_of("http://[::1]:5000/") == "::1"
    assert host_of("http://[::1") == ""


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None), ({"Retry-After": "120"}, 120), ({"Retry-After": " 0 "}, 0), ({"Retry-After": "-1"}, None),
        ({"Retry-After": "1.5"}, None), ({"Retry-After": "999999999"}, 86400), ({"Retry-After": "9" * 5000}, None),
        ({"Retry-After": "٣"}, None), ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT", "Date": "Fri, 31 Dec 1999 23:59:29 GMT"}, 30),
        ({"Retry-After": "Fri, 31 Dec 1999 23:59:29 GMT", "Date": "Fri, 31 Dec 1999 23:59:59 GMT"}, 0),
        ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, None),
        ({"Retry-After": "Fri, 31 Dec 1999 23:59:59", "Date": "Fri, 31 Dec 1999 23:59:29 GMT"}, None),
        ({"Retry-After": "Fri, 31 Dec 99999 23:59:59 GMT", "Date": "x"}, None),
    ],
)  # fmt: skip
def test_when_to_come_back(headers: dict[str, str], expected: float | None) -> None:
    assert seconds(headers) == expected


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_says_when_to_come_back_or_not(told: str, date: str) -> None:
    found = seconds({"Retry-After": told, "Date": date})
    assert found is None or 0 <= found <= 86400


def test_quotas() -> None:
    hub = {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "76;w=21600"}
    assert quota(hub) == (76, 100, 21600.0)
    assert quota({"RateLimit-Limit": "100", "RateLimit-Remaining": "0"}) == (0, 100, 3600.0)
    assert quota({"RateLimit-Limit": "100"}) is None
    assert quota({"RateLimit-Limit": "many", "RateLimit-Remaining": "x"}) is None
