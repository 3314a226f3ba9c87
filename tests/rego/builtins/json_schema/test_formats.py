"""Formats: what Go takes for dates, addresses, URLs, …"""

from __future__ import annotations

import pytest

from image_enforcer.rego.builtins.json_schema.formats import fits

CASES = {
    "date": ("2020-02-29", "2020-02-30"),
    "time": ("1:30:00", "12:30"),
    "date-time": ("2020-01-01T00:00:00+23:59", "2020-01-01 00:00:00Z"),
    "hostname": ("a.b", "a."),
    "ipv4": ("1.2.3.4", "01.2.3.4"),
    "ipv6": ("::1", "::1%eth0"),
    "uri": ("urn:x", "a"),
    "uri-reference": ("?", "a\\b"),
    "uri-template": ("{a}b{c}", "{"),
    "uuid": ("F47AC10B-58CC-4372-A567-0E02B2C3D479", "f47ac10b"),
    "regex": ("(?P<n>a)", "(?=a)"),
    "json-pointer": ("/~0", "/~2"),
    "relative-json-pointer": ("0#", "01"),
    "email": ("a@b", "a"),
    "another": ("anything", None),
}


@pytest.mark.parametrize("name", CASES)
def test_format(name: str) -> None:
    good, bad = CASES[name]
    assert fits(name, good)
    assert bad is None or not fits(name, bad)


@pytest.mark.parametrize(
    "text",
    ['"x y"@b', "x <a@b>", "<a@b>", "a@[1.2.3.4]", "a@b (c (d))", "g: a@b;", "é@b", "a b <c@d> (x)", " a@b ",
     "=?utf-8?q?x?= <a@b>"],
)  # fmt: skip
def test_one_address(text: str) -> None:
    assert fits("email", text)


@pytest.mark.parametrize(
    "text",
    ["", "a@", "a..b@c", ".a@b", '""@b', "a@[x]", "a@[::1%1]", "a@b (c", "a@b,c@d", "g:;", "g: a@b, c@d;", "<a@b",
     "a b", "=?foo?q?x?= <a@b>", "x <a@b> y", "g: a@b"],
)  # fmt: skip
def test_no_address(text: str) -> None:
    assert not fits("email", text)
