"""What functions give is remembered: chains of calls cost what they add up to, and each call is heard once."""

import pytest

from image_enforcer import rego

LIMITS = rego.Limits(seconds=None, units=200_000)


def ask(text: str, given: rego.Value = None, *, strict: bool = False) -> rego.Value:
    """The value of ``data.t.p``."""
    query = rego.compile_modules({"t.rego": f"package t\n{text}\n"}).prepare("data.t.p", strict_builtin_errors=strict)
    return query.value(input=given, limits=LIMITS)


@pytest.mark.parametrize("operand", ["1", '"x"', "[1]", "{1: 2}", "null", "true", "1.5", "input"])
def test_a_chain_of_calls_does_not_double(operand: str) -> None:
    lines = [f"f{i}(x) := y + z if {{ y := f{i + 1}(x); z := f{i + 1}(x) }}" for i in range(60)]
    text = "\n".join(["p := f0(v)", f"v := {operand}", *lines, "f60(x) := 1"])
    assert ask(text, {"a": 1}) == 1 << 60


def test_operands_that_are_worked_out_are_known_again() -> None:
    lines = [f"f{i}(x) := f{i + 1}(x) + f{i + 1}(x + 1000)" for i in range(40)]
    assert ask("\n".join(["p := f0(1)", *lines, "f40(x) := 1"])) == 1 << 40


def test_operands_are_told_apart() -> None:
    text = """
p := [g(1), g(true), g("1"), g(1.0), g(null), g([1]), g([true]), g({}), g({1})]
g(x) := f(x)
f(x) := type_name(x) if not is_array(x)
f(x) := sprintf("%v", [x]) if is_array(x)
"""
    assert ask(text) == ["number", "boolean", "string", "number", "null", "[1]", "[true]", "object", "set"]


def test_undefined_is_remembered_too() -> None:
    lines = [f"f{i}(x) if {{ not f{i + 1}(x); not f{i + 1}(x); x > 5 }}" for i in range(40)]
    text = "\n".join(["p if not f0(1)", *lines, "f40(x) if x > 5"])
    assert ask(text) is True


def test_what_with_replaces_is_asked_anew() -> None:
    text = """
p := [g(1), a, g(1)]
a := x if { x := g(1) with input.n as 5 }
g(x) := f(x)
f(x) := x + input.n
"""
    assert ask(text, {"n": 1}) == [2, 6, 2]


def test_each_call_is_heard_once_as_in_opa() -> None:
    heard: list[str] = []
    host = rego.Host(print=lambda text, _: heard.append(text))
    text = 'package t\np := [f("a"), f("a"), f("b")]\nf(x) := 1 if print("asked for", x)\n'
    rego.compile_modules({"t.rego": text}).prepare("data.t.p").run(host=host)
    assert heard == ["asked for a", "asked for b"]


def test_many_calls_do_not_fill_the_memory() -> None:
    text = "package t\np := count([1 | some i in numbers.range(1, 100000); f(i)])\nf(x) := g(x)\ng(x) := x\n"
    query = rego.compile_modules({"t.rego": text}).prepare("data.t.p")
    assert query.value(limits=rego.Limits(seconds=None)) == 100_000


def test_strict_errors_are_met_each_time() -> None:
    with pytest.raises(rego.EvalError, match="divide by zero"):
        ask("p := [g(1), g(1)]\ng(x) := f(x)\nf(x) := x / 0", strict=True)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("f(1, 2)", "true"),
        ("y := 1; f(1, y)", "true"),
        ("f(1, 3)", "undefined"),
        ('f({"a": 1}, {"a": x}); x == 1', "true"),
        ('f({"a": 1}, {"b": _})', "undefined"),
        ("f(1, 3) with f as 3", "true"),
        ("f([1], 1) with f as count", "true"),
    ],
)
def test_values_are_compared_with_a_known_result_first(body: str, found: str) -> None:
    query = rego.compile_modules({"t.rego": f"package t\np if {{ {body} }}\nf(x) := x\nf(x) := 2"}).prepare("data.t.p")
    value = query.value()
    assert ("undefined" if value is rego.UNDEFINED else rego.to_json(value)) == found


def test_values_that_differ_from_a_result_in_part_known_are_a_conflict() -> None:
    policy = "package t\np := y if { f(1, [2, y]) }\nf(_) := [2, 1]\nf(_) := [2, 3]"
    with pytest.raises(rego.EvalError, match="conflicting values"):
        rego.compile_modules({"t.rego": policy}).prepare("data.t.p").value()
