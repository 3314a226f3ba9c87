"""``print`` as OPA rewrites it: what stands around the call is forgotten."""

from __future__ import annotations

import pytest

from image_enforcer import rego


def outcome(body: str, *, keep: bool = True) -> tuple[bool, list[str]]:
    heard: list[str] = []
    policy = rego.compile_modules({"a.rego": f"package a\np if {{ {body} }}"}, keep_prints=keep)
    query = policy.prepare("data.a.p")
    found = query.value(input={"x": 1}, host=rego.Host(print=lambda text, _: heard.append(text)))
    return found is True, heard


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("print(input.x)", (True, ["1"])),
        ("not print(input.x)", (True, ["1"])),
        ("not print(input.y)", (True, ["<undefined>"])),
        ("print(input.x) with input.x as 2", (True, ["1"])),
        ("[1 | not print(2)] == [1]", (True, ["2"])),
    ],
)
def test_prints(body: str, expected: tuple[bool, list[str]]) -> None:
    assert outcome(body) == expected


def test_prints_that_are_not_kept_leave_nothing() -> None:
    assert outcome("not print(1)", keep=False) == (True, [])
