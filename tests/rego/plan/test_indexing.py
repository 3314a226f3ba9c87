"""Which faults are met: a rule that the index leaves out is not evaluated. Outcomes as OPA 1.22.2 gives them."""

from __future__ import annotations

import pytest

from image_enforcer import rego
from image_enforcer.rego.plan import said
from image_enforcer.rego.plan.ground import Form, form
from image_enforcer.rego.syntax import nodes as ast

INPUT = rego.from_json('{"f": false, "n": 1, "s": "xx", "arr": [1, 2], "o": {"a": 1}, "texts": {"k": "bb"}}')
DATA = rego.from_json('{"base": {"k": 1}}')
FAULT = 'same(x) := x\nbad(x) := json.patch(x, [{"op": "remove", "path": "/zz"}])\nq := 1\n'

LEFT_OUT = [
    "input.f == true", "5 == input.n", "data.base.k == 2", "count(input.nope) > 0",
    "input.arr == [1, 3]", '"q" in input.arr',
    "input.arr[0] == 7", "input.arr[_] == 7", "x := 2; input.n == x",
    'startswith(input.s, "b")', 'endswith(input.s, "b")', 'startswith(input.n, "b")', 'startswith(input.o, "b")',
    'strings.any_prefix_match(input.s, ["b", "c"])', 'strings.any_suffix_match(input.s, {"b"})',
    'strings.any_prefix_match(input.n, "b")', 'startswith(input.s, "xy"); endswith(input.s, "x")',
    'startswith(input.s, "x"); endswith(input.s, "xy")',
    "[x | x := input.nope] == []; input.nope", "input.n in {5, 6}", "some i; input.arr[i] == 9", "input.n = x; x == 5",
    "every x in input.nope { x }", "data.base.nope", "input.nope",
    "input.z != 1", "input.z = [1, y]",
    "x := [1 | print(1)]; input.n == 5", "not [1 | print(1)][1]; input.n == 5", "same([1 | print(1)]); input.n == 5",
    "every x in [1 | print(1)] { x }; input.n == 5",
    "input.arr = [3, y]", "[x] = input.arr", "x := [1]; input.n = x", "input.n in [5, [1]]", "input.arr in [[1, 3], 7]",
    'glob.match("b.*", [], input.s)', 'glob.match("*.*", [], input.s)', "x := input; x.n == 5", "input == 1",
    "input[_] == 7", "{ input.n == 5 } or { input.n == 6 }", "{ 1 == 1 } and { input.n == 5 }",
    '{ input.n == 5 } or { { input.n == 1 } and { input.s == "q" } }',
    "[x | x := 1; print(x)] == []; input.n == 5", "x := input.n; x == 5; x == 1",
    'startswith(input.s, "b"); input.n in [1, 5]; input.n == [1]', "input.n in [1, [5]]; data.base.k == 2",
]  # fmt: skip

EVALUATED = [
    "input.f", "input.n == 1; input.n == 2", "input.n == 2; input.n == 1", "not input.n", "input.n > 7", "input.n != 1",
    'input.o == {"a": 2}', "input.n == input.s", "[input.n, 1] == [2, 1]", "data.t.q == 2",
    "input.n == 1.0; input.n == 5",
    "input.n == 5 with input.n as 6", "print(1); input.n == 5",
    "not print(1); input.n == 5", "every x in [1] { print(x) }; input.n == 5",
    "every x in [1] { x == [1 | print(1)][0] }; input.n == 5",
    'startswith(input.s, "x"); endswith(input.s, "y")', 'startswith(input.s, "xx"); endswith(input.s, "z")',
    'startswith(input.s, "x"); startswith(input.s, "y")', 'strings.any_prefix_match(input.s, [])',
    'strings.any_prefix_match(input.s, ["b", input.s])', 'startswith(input.texts, "b")',
    "input.z == input.z", "input.arr[_] == input.z", "input.z == data.base.k", "input.z == {1}",
    "input.arr = [1, y]", "[[1], y] = input.arr", "input.arr = [y, [2]]", 'x := {"a": 2}; input.o = x',
    "input.n in [5, {1}]", "input.arr in [[1, 2], 7]",
    'glob.match("*", ["."], input.s)', 'glob.match("x?", [], input.s)', 'glob.match("a", null, input.s)',
    "data.base[input.s]", "{ input.n == 5 } or { input.n == 1 }", "{ input.n == 5 } or { 1 == 1 }",
    "{ input.n == 1 } and { input.n == 5 }", "{ x := input.n; x == 5 } or { input.nope }",
]  # fmt: skip


def outcome(policy: str) -> str:
    head = "package t\nimport future.keywords.and\nimport future.keywords.or\n"
    query = rego.compile_modules({"t.rego": f"{head}{FAULT}{policy}"}).prepare("data.t.p", strict_builtin_errors=True)
    try:
        value = query.value(input=INPUT, data=DATA)
    except rego.EvalError as error:
        return "fault" if "json.patch" in error.message else error.message
    return "undefined" if value is rego.UNDEFINED else rego.to_json(value)


@pytest.mark.parametrize("condition", LEFT_OUT)
def test_rules_that_the_index_leaves_out_do_not_fail(condition: str) -> None:
    assert outcome(f'p if {{ bad({{"b": 1}}); {condition} }}') == "undefined"


@pytest.mark.parametrize("condition", EVALUATED)
def test_other_conditions_leave_no_rule_out(condition: str) -> None:
    assert outcome(f'p if {{ bad({{"b": 1}}); {condition} }}') == "fault"


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ('p if g(1)\ng(x) if { bad({"b": 1}); x == 5 }', "undefined"),
        ('p if g({"y": 1})\ng(x) if { bad({"b": 1}); x.y == 5 }', "fault"),
        ('p if g("a")\ng(x) if { bad({"b": 1}); startswith(x, "b") }', "fault"),
        ('p if g(1, 2)\ng(x, y) if { bad({"b": 1}); x == y }', "fault"),
        (
            'p := 1 if { bad({"b": 1}); input.n == 5 } else := 2 if { bad({"b": 1}); input.n == 6 } else := 3',
            "3",
        ),
        ('p contains 1 if { bad({"b": 1}); input.n == 5 }\np contains 2', "[2]"),
        ('p[x] := 1 if { bad({"b": 1}); x := input.n; x == 5 }', "{}"),
        ('p := 1 if { bad({"b": 1}); data.base[input.s] }', "fault"),
        ('p := 1 if { bad({"b": 1}); data.base[input.s] }\np := 2 if input.nope', "undefined"),
        ('p contains 1 if { bad({"b": 1}); data.base[input.s] }', "[]"),
        ('p contains 1 if { bad({"b": 1}); data.base.k[input.s] }', "fault"),
        ('p contains 1 if { bad({"b": 1}); input.n in [1, [5]]; data.base.k == 2 }', "[]"),
        (
            """p contains 1 if { bad({"b": 1}); input.n in [1, [5]]; data.base.k == 2 }
            p contains 2 if { input.n == 1; input.n == 2; data.base.k in [1, 2] }""",
            "fault",
        ),
    ],
)
def test_arguments_branches_and_partial_rules(policy: str, wanted: str) -> None:
    assert outcome(policy) == wanted


def test_a_condition_holds_at_the_head_and_in_its_place() -> None:
    policy = "p contains x if { some x in input.arr; f(x); input.n == 1 }\nf(x) if x > 1"
    assert outcome(policy) == "[2]"


@pytest.mark.parametrize("condition", ['startswith(input.n, "b")', 'strings.any_suffix_match(input.n, ["b", "c"])'])
def test_a_rule_that_is_left_out_does_not_fail_in_its_first_condition(condition: str) -> None:
    assert outcome(f"p if {condition}") == "undefined"
    assert "operand 1 must be" in outcome(f"p if not {condition}")
    assert "operand 1 must be" in outcome(f"p if g(input.n)\ng(x) if {condition.replace('input.n', 'x')}")


def test_many_tests_of_many_texts_are_paid_for() -> None:
    texts = ", ".join(f'"p{i}"' for i in range(1_000))
    policy = f'package t\n{FAULT}p if {{ bad({{"b": 1}}); strings.any_prefix_match(input.texts, [{texts}]) }}'
    query = rego.compile_modules({"t.rego": policy}).prepare("data.t.p")
    given = {"texts": ["x"] * 1_000}
    assert query.value(input=given) is rego.UNDEFINED
    with pytest.raises(rego.LimitError, match="steps"):
        query.value(input=given, limits=rego.Limits(units=50_000))


def test_a_condition_may_be_a_call_without_arguments() -> None:
    policy = rego.compile_modules(
        {"t.rego": "package t\n\np if time.now_ns()\n\nq if { opa.runtime(); input.n == 1 }\n"}
    )
    assert policy.prepare("data.t").value(input=INPUT) == {"p": True, "q": True}


def test_a_long_body_is_taken_down_without_comparing_all_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def counted(term: ast.Term) -> Form:
        nonlocal calls
        calls += 1
        return form(term)

    monkeypatch.setattr(said, "form", counted)
    many = 400
    lines = [
        f"x{i} := input.a{i}\nx{i} == {i}\ninput.b == {i}\ninput.c{i} == x{i} or input.d == {i}" for i in range(many)
    ]
    text = "package t\nimport future.keywords.or\np if {\n" + "\n".join(lines) + "\n}"
    rego.compile_modules({"t.rego": text}).prepare("data.t.p")
    assert many < calls < 40 * many
