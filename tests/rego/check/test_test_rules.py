"""How rules that are tests are rewritten: names, calls that tell cases, variables for what a trace is to show."""

import pytest

from image_enforcer.rego import Host, compile_modules
from image_enforcer.rego.check.test_rules import ForTests, name_of_test
from image_enforcer.rego.syntax.printer import expr_text, term_text


def bodies(text: str, *, values: bool = False) -> dict[str, list[str]]:
    policy = compile_modules({"t": f"package a\n{text}"}, tests=ForTests(values))
    return {term_text(r.head.ref): [expr_text(e) for e in r.body] for r in policy.compiled["t"].rules}


def test_names_that_stand_twice() -> None:
    text = "test_x if true\ntest_x if false\nq.test_y if true\nq.test_y if false\nother if true\nother if false"
    assert [*bodies(text)] == ["test_x", "test_x#01", "q.test_y", 'q["test_y#01"]', "other"]


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        (
            "test_x[n] if { some n in input.ns; n > 1 }",
            ["__local2__ = input.ns[__local1__]", "internal.test_case([__local2__])", "gt(__local2__, 1)"],
        ),
        (
            "test_x[c.n] if { some c in input.cs; v := c.v; v > 1 }",
            [
                "__local3__ = input.cs[__local2__]", "__local0__ = __local3__.n", "internal.test_case([__local0__])",
                "__local4__ = __local3__.v", "gt(__local4__, 1)",
            ],
        ),
        ('test_x["a"] if input.x', ['internal.test_case(["a"])', "input.x"]),
        ('test_x[n] if { n := "a"; internal.test_case(["b"]) }', ['__local0__ = "a"', 'internal.test_case(["b"])']),
        ("test_x if input.x", ["input.x"]),
        ("todo_test_x[n] if some n in input.ns", ["__local2__ = input.ns[__local1__]"]),
    ],
)  # fmt: skip
def test_cases_are_told_once_they_are_known(rule: str, body: list[str]) -> None:
    (found,) = bodies(rule).values()
    assert found == body


def test_values_are_seen() -> None:
    text = (
        'p := 1\ntest_x if data.a.p == input.x\ntest_y[n] if { some n in ["a"]; data.a.p == 1 }\nother if data.a.p == 2'
    )
    found = bodies(text, values=True)
    assert found["test_x"][-1].startswith("__local")
    assert len(found["test_x"]) == 3
    assert found["other"] == ["data.a.p = 2"]


def test_cases_are_told_to_the_host() -> None:
    policy = compile_modules({"t": 'package a\ntest_x[a][b] if { some a, bs in {"p": [1, 2]}; some b in bs; b > 1 }'},
                             tests=ForTests())  # fmt: skip
    told: list[object] = []
    query = policy.prepare("data.a.test_x")
    for _ in range(2):
        assert query.value(data={}, host=Host(case=told.append)) == {"p": {2: True}}
    assert told == [["p", 1], ["p", 2]] * 2
    assert query.value(data={}) == {"p": {2: True}}


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("test_x if true", ("test_x", 1)), ("a.test_x.b if true", ("test_x", 2)), ("a.b if true", ("b", 2)),
        ("todo_test_x[k] if some k in [1]", ("todo_test_x", 1)), ("a[1] := 2", ("", 2)),
    ],
)  # fmt: skip
def test_the_part_that_names_a_test(rule: str, name: tuple[str, int]) -> None:
    (module,) = compile_modules({"t": f"package a\n{rule}"}).modules.values()
    assert name_of_test(module.rules[0].head) == name
