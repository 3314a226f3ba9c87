"""Functions are made when they are needed: once, for every thread, and again where that went wrong."""

import threading

import pytest

from image_enforcer import rego
from image_enforcer.rego.run.link import Linked

POLICY = """package a
first := x if x := second
second := x if x := third
third := input.n
long := [y | some i in input.many; y := f(i)]
f(x) := lower(x)
"""


def found(query: rego.Query) -> rego.Value:
    """What the query finds where input names the first rule."""
    return query.value(input={"n": 7, "which": "first"})


@pytest.fixture
def query() -> rego.Query:
    """One that finds out only when it runs which rules it needs."""
    policy = rego.compile_modules({"a.rego": POLICY})
    return policy.prepare("data.a[input.which]")


def test_a_function_is_there_for_other_threads_when_all_that_it_calls_is(
    query: rego.Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Linked._make
    halfway, go_on = threading.Event(), threading.Event()
    made: list[int] = []

    def slow(self: Linked, doc: int, mask: str) -> None:
        if len(made) == 1:
            halfway.set()
            assert go_on.wait(10)
        make(self, doc, mask)
        made.append(doc)

    monkeypatch.setattr(Linked, "_make", slow)
    answers: list[rego.Value] = []
    threads = [threading.Thread(target=lambda: answers.append(found(query))) for _ in range(2)]
    threads[0].start()
    assert halfway.wait(10)
    threads[1].start()
    threads[1].join(0.05)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert answers == [7, 7]


@pytest.mark.parametrize("at", [1, 2, 3])
def test_what_could_not_be_made_is_made_the_next_time(
    query: rego.Query, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    make = Linked._make
    tries: list[int] = []

    def faulty(self: Linked, doc: int, mask: str) -> None:
        tries.append(doc)
        if len(tries) == at:
            raise RecursionError
        make(self, doc, mask)

    monkeypatch.setattr(Linked, "_make", faulty)
    with pytest.raises(rego.LimitError):
        found(query)
    assert found(query) == 7


def test_what_takes_the_place_of_a_function_takes_room() -> None:
    query = rego.compile_modules({"a.rego": POLICY}).prepare("count(data.a.long) with data.a.f as upper")
    given = {"many": ["x" * 10_000] * 1_000}
    assert query.value(input=given, limits=rego.Limits(memory=20 << 20)) == 1_000
    with pytest.raises(rego.LimitError, match="bytes"):
        query.value(input=given, limits=rego.Limits(memory=5 << 20))
