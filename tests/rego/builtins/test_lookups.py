"""Addresses of names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from image_enforcer import rego
from image_enforcer.opa.http_cache import HttpCache
from image_enforcer.rego.outside import HttpRequest, HttpResponse, SendFault
from tests.rego.builtins.expressions import EMPTY, outcome


class Names:
    """Knows one name."""

    kept = HttpCache()

    def __init__(self) -> None:
        self.asked: list[str] = []

    def check(self, host: str) -> None:
        if host == "other.example":
            raise SendFault(f"disallowed host: {host}", network=False)

    def pause(self, seconds: float) -> None:
        raise AssertionError

    def send(self, request: HttpRequest) -> HttpResponse:
        raise AssertionError

    def lookup(self, name: str, seconds: float) -> Sequence[str]:
        self.asked.append(name)
        if name != "h.example":
            raise SendFault(f"lookup {name}: no such host")
        return ["192.0.2.2", "192.0.2.1"]


def ask(names: Names, expression: str) -> Any:
    return EMPTY.prepare(expression, strict_builtin_errors=True).value(host=rego.Host(network=names))


@pytest.mark.parametrize(
    ("name", "found"),
    [("10.0.0.0", '{"10.0.0.0"}'), ("::", '{"::"}'), ("0:0::1", '{"::1"}'), ("localhost", '{"127.0.0.1"}')],
)
def test_nobody_is_asked_for_addresses(name: str, found: str) -> None:
    assert outcome("net.lookup_ip_addr(input.n)", n=name) == found


def test_without_a_network_names_have_no_answer() -> None:
    with pytest.raises(rego.EvalError, match="--allow-net HOST"):
        EMPTY.prepare('net.lookup_ip_addr("h.example")').value()


def test_names_are_looked_up_once() -> None:
    names = Names()
    found = ask(names, '[net.lookup_ip_addr("h.example"), net.lookup_ip_addr("h.example")]')
    assert [one.sorted() for one in found] == [["192.0.2.1", "192.0.2.2"]] * 2
    assert names.asked == ["h.example"]


def test_faults() -> None:
    with pytest.raises(rego.EvalError, match="no such host"):
        ask(Names(), 'net.lookup_ip_addr("x.example")')
    with pytest.raises(rego.EvalError, match="disallowed host"):
        ask(Names(), 'net.lookup_ip_addr("other.example")')
    assert "must be string" in outcome("net.lookup_ip_addr(input.n)", n=1)
