"""What is kept of answers over HTTP."""

from __future__ import annotations

from image_enforcer.opa.http_cache import HttpCache
from image_enforcer.rego.outside import HttpResponse


def answer(size: int) -> HttpResponse:
    return HttpResponse(200, "200 OK", {"A": ("b",)}, b"x" * size)


def test_answers_go_in_and_out() -> None:
    cache = HttpCache()
    assert cache.get("k") is None
    cache.put("k", answer(1), 5)
    assert cache.get("k") == (answer(1), 5)
    cache.drop("k")
    cache.drop("k")
    assert cache.get("k") is None


def test_those_that_nobody_asked_for_go_first() -> None:
    cache = HttpCache(most_bytes=5_000)
    for name in "abc":
        cache.put(name, answer(500), 1)
    cache.get("a")
    cache.put("d", answer(500), 1)
    assert [name for name in "abcd" if cache.get(name)] == ["a", "c", "d"]
    cache.put("e", answer(5_000), 1)
    assert cache.get("e") is None
    cache.put("a", answer(3_500), 1)
    assert [name for name in "abcd" if cache.get(name)] == ["a"]
