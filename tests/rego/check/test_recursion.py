"""Rules that need themselves, for certain or perhaps, as OPA tells it."""

from __future__ import annotations

import pytest

from tests.rego.check.compiling import problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "p if data[input.x]",
            [
                (
                    "1: recursion_error: rule data.a.p may be recursive: data.a.p -> data.a.p (data[input.x] "
                    'refers to data.a.p if input.x is "a")'
                )
            ],
        ),
        (
            "p if { x := input.x; data.a[x] }",
            [
                (
                    "1: recursion_error: rule data.a.p may be recursive: data.a.p -> data.a.p (data.a[x] "
                    'refers to data.a.p if x is "p" (x comes from input.x))'
                )
            ],
        ),
        (
            'p if { some x in ["a", "b"]; data.a[x] }\na if p',
            [
                (
                    "1: recursion_error: rule data.a.p may be recursive: data.a.p -> data.a.a -> data.a.p "
                    '(data.a[x] refers to data.a.a if x is "a" (x is one of ["a", "b"]))'
                ),
                (
                    "2: recursion_error: rule data.a.a may be recursive: data.a.a -> data.a.p -> data.a.a "
                    '(data.a[x] in data.a.p refers to data.a.a if x is "a" (x is one of ["a", "b"]))'
                ),
            ],
        ),
        ('p if { some x in ["a", "b"]; data.a[x] }\nc if p', []),
        (
            "p contains x if { x := lower(input.n); data.a[x] }",
            [
                (
                    "1: recursion_error: rule data.a.p may be recursive: data.a.p -> data.a.p (data.a[x] "
                    'refers to data.a.p if x is "p" (x is computed by lower))'
                )
            ],
        ),
        (
            "p contains x if { data.a[x] }",
            [
                (
                    "1: recursion_error: rule data.a.p may be recursive: data.a.p -> data.a.p (data.a[x] "
                    'refers to data.a.p if x is "p" (x is a key of data.a.p))'
                )
            ],
        ),
        (
            "f(x) := data.a[x][y]",
            [
                (
                    "1: recursion_error: rule data.a.f may be recursive: data.a.f -> data.a.f (data.a[x] "
                    'refers to data.a.f if x is "f" (x is an argument of data.a.f))'
                )
            ],
        ),
        (
            "p if { q := data.u; data.a[q] }",
            [
                (
                    "1: recursion_error: rule data.a.p may be recursive: data.a.p -> data.a.p (data.a[q] "
                    'refers to data.a.p if q is "p" (q comes from rule data.u, whose value isn\'t known at '
                    "compile time))"
                )
            ],
        ),
        (
            "p if { x := count(input.n); data.a[x] }",
            [
                (
                    "1: recursion_error: rule data.a.p may be recursive: data.a.p -> data.a.p (data.a[x] could "
                    "refer to data.a.p)"
                )
            ],
        ),
        ("p if data.a[_]", ["1: recursion_error: rule data.a.p is recursive: data.a.p -> data.a.p"]),
        (
            "p if data.a[data.u.v]",
            [
                (
                    "1: recursion_error: rule data.a.p may be recursive: data.a.p -> data.a.p "
                    '(data.a[data.u.v] refers to data.a.p if data.u.v is "p" (rule values aren\'t known at '
                    "compile time))"
                )
            ],
        ),
        (
            "p if data[input.x][input.y]",
            [
                (
                    "1: recursion_error: rule data.a.p may be recursive: data.a.p -> data.a.p "
                    '(data[input.x][input.y] refers to data.a.p if input.x is "a" and input.y is "p")'
                )
            ],
        ),
        ("p if data.a[[]]", []),
        ('p if { x := ["a", "b", "c", "d", "e", "f", "g"][_]; data.a[x][y] }', []),
        (
            'p if q\nq if { x := "p"; data.a[x] }',
            [
                "1: recursion_error: rule data.a.p is recursive: data.a.p -> data.a.q -> data.a.p",
                "2: recursion_error: rule data.a.q is recursive: data.a.q -> data.a.p -> data.a.q",
            ],
        ),
        (
            'p[x] if { some x; x = ["p", 1]; data.a[x[0]][y] }',
            ["1: recursion_error: rule data.a.p[x] is recursive: data.a.p[x] -> data.a.p[x]"],
        ),
        (
            'p if { x := {"p", "q"}[_]; data.a[x] }\nq := 1',
            [
                (
                    "1: recursion_error: rule data.a.p may be recursive: data.a.p -> data.a.p (data.a[x] "
                    'refers to data.a.p if x is "p" (x is one of {"p", "q"}))'
                )
            ],
        ),
    ],
)
def test_what_may_be_recursive_and_why(text: str, expected: list[str]) -> None:
    assert sorted(problems(text)) == sorted(expected)
