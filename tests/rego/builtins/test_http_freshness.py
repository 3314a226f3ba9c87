"""How long answers over HTTP may be kept, and which may be kept at all."""

from __future__ import annotations

import pytest

from image_enforcer.rego.builtins.http_freshness import directives, fresh_until, http_time, may_keep
from image_enforcer.rego.outside import HttpResponse

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"


def answer(code: int = 200, **headers: str) -> HttpResponse:
    return HttpResponse(code, "", {name.replace("_", "-"): (value,) for name, value in headers.items()}, b"")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("no-store", {"no-store": ""}),
        ("max-age=5, public", {"max-age": "5", "public": ""}),
        (" private ,, max-age=0 ", {"private": "", "max-age": "0"}),
        ("a=b=c", {}),
    ],
)
def test_directives(text: str, found: dict[str, str]) -> None:
    assert directives(answer(cache_control=text)) == found


@pytest.mark.parametrize(
    "text", [DATE, "Tuesday, 14-Nov-23 22:13:20 GMT", "Tue Nov 14 22:13:20 2023"]
)  # fmt: skip
def test_times(text: str) -> None:
    assert http_time(text) == NOW


@pytest.mark.parametrize("text", ["", "0", "yesterday", "Tue, 14 Nov 2023 22:13:20 CET"])
def test_no_times(text: str) -> None:
    assert http_time(text) is None


@pytest.mark.parametrize(
    ("response", "forced", "until"),
    [
        (answer(), 0, 0),
        (answer(), 7, NOW + 7 * SECOND),
        (answer(cache_control="max-age=5", date=DATE), 0, NOW + 5 * SECOND),
        (answer(cache_control="max-age=5", date=DATE), 7, NOW + 7 * SECOND),
        (answer(cache_control="max-age=5"), 0, None),
        (answer(cache_control="max-age=x", date=DATE), 0, None),
        (answer(cache_control="max-age=-1", date=DATE), 0, None),
        (answer(cache_control="max-age=" + "9" * 50, date=DATE), 0, NOW + ((1 << 31) - 1) * SECOND),
        (answer(expires=DATE), 0, NOW),
        (answer(expires="0"), 0, 0),
        (answer(cache_control="max-age=5", expires=DATE, date=DATE), 0, NOW + 5 * SECOND),
    ],
)
def test_until(response: HttpResponse, forced: int, until: int | None) -> None:
    assert fresh_until(response, NOW, forced) == until


def test_what_may_be_kept() -> None:
    assert may_keep(answer(404), 0)
    assert not may_keep(answer(500), 0)
    assert not may_keep(answer(500), 5)
    assert not may_keep(answer(cache_control="no-store"), 0)
    assert may_keep(answer(cache_control="no-store"), 5)
