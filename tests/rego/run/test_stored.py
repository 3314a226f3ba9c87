"""A stored query answers as the one that it was made from."""

from __future__ import annotations

import marshal
from typing import Any

import pytest

from image_enforcer import rego
from image_enforcer.rego.run.stored import FORM, Stored, restored
from image_enforcer.rego.run.storing import stored

POLICY = """package a

import data.b

default allow := false
allow if input.user in b.users
big := 123456789012345678901234567890
num := {1.50, 1e3, -0.5}
keys := {true: 1, [1, {"x": null}]: {2}, {"a": {1, 2}}: 3, null: 4, 1.0: 5}
f(x, y) := z if z := x + y * 1.5
chosen := "prefix" if startswith(input.user, "k")
else := "other" if input.user == "ann"
else := "none"
members contains [k, v] if some k, v in input.object
tree[k].below[v] := i if some i, [k, v] in input.pairs
called := f(1, 2)
replaced := y if y := allow with input as {"user": "eve"} with data.b.users as ["eve"]
mocked := y if y := f(1, 2) with f as mock
mock(_, _) := 7
builtin := y if y := count([1]) with count as 9
by_function := y if y := upper("a") with upper as lower
regex_ if regex.match(`^k.*\\d$`, input.user)
text := sprintf("%v %s", [input.object, "x"])
everything := walked if walked := [p | walk(input, [p, _])]
conflict := 1 if input.conflict
conflict := 2 if input.conflict
two := {"a": x, "b": y} if {"x": x, "y": [y, _]} = input.shape
"""
OTHER = 'package c\nwhole := data.a\nsome_ := data.a[input.which] if input.which == "big"\n'
INPUTS: list[Any] = [
    {"user": "kim7", "object": {"a": 1, "b": [True]}, "pairs": [["x", "y"], ["x", "z"]], "which": "big", "package": "b",
     "shape": {"x": 1, "y": [2, 3]}},
    {"user": "ann", "conflict": True}, {}, [1], rego.UNDEFINED,
]  # fmt: skip
QUERIES = [
    "data.a", "data.a.allow", "data.a.allow = x; y := 1.50", "x := data.a.tree[k].below[v]",
    "data.a.members[m]", "data.c",
    "data.a.mocked", "data.a.by_function", "data.a.f(1, 2)", "data.a.conflict", "data[x][y]", "1; 2 == 2; false",
    "data.a.allow with input.user as \"kim\"", "[true, {1}, {\"a\": 1e3}]",
]  # fmt: skip


def outcome(query: Any, given: Any) -> Any:
    try:
        return [
            (rego.to_json(dict(s.bindings)), [(rego.to_json(e.value), e.text, repr(e.location)) for e in s.expressions])
            for s in query.run(input=given, data={"b": {"users": ["kim7"]}})
        ]
    except rego.RegoError as error:
        return str(error), getattr(error, "location", None) and str(error.location)  # type: ignore[attr-defined]


def refuse() -> rego.Query:
    raise AssertionError("was compiled again")


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("strict", [False, True])
def test_answers(query: str, strict: bool) -> None:
    modules = {"a.rego": POLICY, "c.rego": OTHER}
    prepared = rego.compile_modules(modules).prepare(query, strict_builtin_errors=strict)
    before = [outcome(prepared, given) for given in INPUTS]
    data = stored(prepared)
    assert data is not None
    again = restored(data, lambda: rego.compile_modules(modules).prepare(query, strict_builtin_errors=strict))
    assert again is not None
    assert [outcome(again, given) for given in INPUTS] == before


def test_what_has_been_asked_is_not_compiled_again() -> None:
    prepared = rego.compile_modules({"a.rego": POLICY}).prepare("data.a.allow")
    wanted = prepared.value(input={"user": "kim7"}, data={"b": {"users": ["kim7"]}})
    data = stored(prepared)
    assert data is not None
    again = restored(data, refuse)
    assert again is not None
    assert again.value(input={"user": "kim7"}, data={"b": {"users": ["kim7"]}}) is wanted is True
    assert isinstance(again.code, Stored)
    assert ("a", "allow") in again.code.rules


def test_what_has_not_been_asked_is_compiled_again() -> None:
    text = "package a\np := 1\nq := 2 if input.x\n"
    prepared = rego.compile_modules({"a.rego": text}).prepare("data[x].p with input.x as 1")
    data = stored(prepared)
    assert data is not None
    again = restored(data, lambda: rego.compile_modules({"a.rego": text}).prepare("data[x].p"))
    assert again is not None
    assert again.run(data={}) == prepared.run(data={})


@pytest.mark.parametrize(
    "query", ['net.lookup_ip_addr("localhost")', "opa.runtime()", 'http.send({})',
              "data.m.f(1) with data.m.f as http.send", "upper(\"a\") with upper as net.lookup_ip_addr"]
)  # fmt: skip
def test_what_reaches_beyond_the_evaluation_is_not_stored(query: str) -> None:
    policy = rego.compile_modules({"m.rego": "package m\nf(x) := x"})
    assert stored(policy.prepare(query)) is None


@pytest.mark.parametrize(
    "data", [b"", b"x", *(marshal.dumps(d) for d in (None, (FORM + 1,), (FORM,), (FORM, *"abcdefghijklm")))]
)  # fmt: skip
def test_other_bytes_are_nothing(data: bytes) -> None:
    assert restored(data, refuse) is None


def test_numbers_keep_their_text() -> None:
    prepared = rego.compile_modules({}).prepare("[1.50, 1e3, 1.0]")
    data = stored(prepared)
    assert data is not None
    again = restored(data, refuse)
    assert again is not None
    assert rego.to_json(again.value()) == "[1.50,1e3,1.0]"
