"""What is checked for types in the bodies of keywords: what OPA checks there."""

from __future__ import annotations

import pytest

from tests.rego.check.compiling import problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('import future.keywords\n\nh1 { not "b" == 1 }', []),
        ('import future.keywords\n\nh1 { not { "b" == 1 } }', []),
        ('import future.keywords\n\nh1 { not { x := 1; x == "a" } }', []),
        ('import future.keywords\n\nh1 { 1 == "a" or 2 == 2 }', []),
        ("import future.keywords\n\nh1 { input.x and lower(1) }", []),
        ("import future.keywords\n\nh1 { not lower(1) }", []),
        ('import future.keywords\n\nh1 { not { f := {"a": 1}; f.b } }', []),
        ('import future.keywords.not\n\nh1 { not "b" == 1 }', []),
        ('h1 { not "b" == 1 }', ["1: type_error: match error"]),
        ("h1 { not lower(1) }", ["1: type_error: lower: invalid argument(s)"]),
        (
            ("import future.keywords\n\nh1 { count([x | x := lower(1)]) == 1 or input.z }"),
            ["3: type_error: lower: invalid argument(s)"],
        ),
    ],
)
def test_version_0_with_keywords(text: str, expected: list[str]) -> None:
    assert problems(text, version=0) == expected


def test_comprehensions_within_comprehensions_are_looked_at_once() -> None:
    opened = "".join(f"y{i} := {{z{i} | z{i} := x; " for i in range(40))
    text = f"p if {{ some x in input.l; {opened}HERE {'}' * 40} }}\n"
    assert problems(text.replace("HERE", "true")) == []
    assert len(problems(text.replace("HERE", "lower(1)"))) == 1
