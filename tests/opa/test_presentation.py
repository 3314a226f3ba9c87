"""Results and errors as people and programs read them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.opa import presentation
from image_enforcer.opa.errors import Fault, LoadError
from image_enforcer.rego import (
    CompileError,
    EvalError,
    LimitError,
    Location,
    RegoError,
    Solution,
    compile_modules,
    from_json,
)


def solutions(query: str, data: Any = None) -> tuple[Solution, ...]:
    return compile_modules({}).prepare(query).run(data=data)


@pytest.mark.parametrize(
    ("query", "form", "expected"),
    [
        ("data.nothing", "json", "{}\n"),
        ("data.nothing", "pretty", "undefined\n"),
        ("data.nothing", "values", ""),
        ("data.nothing", "bindings", ""),
        ("data.nothing", "raw", ""),
        ("data.nothing", "discard", "{}\n"),
        ("1", "pretty", "1\n"),
        ("1", "values", "[\n  1\n]\n"),
        ("1", "bindings", "{}\n"),
        ("1", "raw", "1\n"),
        ("1", "discard", '{\n  "result": "discarded"\n}\n'),
        ('"a\\nb <c>"', "raw", "a\nb <c>\n"),
        ('"a\\nb <c>"', "pretty", '"a\\nb \\u003cc\\u003e"\n'),
        ('1; "b"', "values", '[\n  1,\n  "b"\n]\n'),
        ('1; "b c"', "raw", "1 b c\n"),
        ("x = [1,2][i]", "bindings", '{\n  "i": 0,\n  "x": 1\n}\n{\n  "i": 1,\n  "x": 2\n}\n'),
        ("[1,2][_]", "raw", "1\n2\n"),
        ("true; true", "pretty", "true\n"),
        ("{3, 1, 2}", "raw", "[1,2,3]\n"),
        ("[1.50, 1e3]", "raw", "[1.50,1e3]\n"),
    ],
)
def test_formats(query: str, form: str, expected: str) -> None:
    assert presentation.render(form, solutions(query)) == expected


def test_json_has_values_texts_places_and_bindings() -> None:
    text = presentation.render("json", solutions("x := {2, 1}; x[1]"), metrics={"t": 5})
    assert json.loads(text) == {
        "result": [
            {
                "expressions": [
                    {"value": True, "text": "x := {2, 1}", "location": {"row": 1, "col": 1}},
                    {"value": 1, "text": "x[1]", "location": {"row": 1, "col": 14}},
                ],
                "bindings": {"x": [1, 2]},
            }
        ],
        "metrics": {"t": 5},
    }


def test_a_table_has_expressions_then_bindings() -> None:
    assert presentation.pretty(solutions('x := 1; y := "a"; [x]')).splitlines() == [
        "┌─────┬───┬─────┐",
        "│ [x] │ x │  y  │",
        "├─────┼───┼─────┤",
        '│ [1] │ 1 │ "a" │',
        "└─────┴───┴─────┘",
    ]


@pytest.mark.parametrize(
    ("query", "header"),
    [
        ('1 == 1; "a"', ["1 == 1", '"a"']),
        ("[1,2][_]; true", ["[1,2][_]", "true"]),
        ("[true,true][_]", ["[true,true][_]"]),
        ("x := [true,1][_]; x", ["x"]),
        ("x := [1,true][_]; x", ["x", "x"]),
        ("x := 1; true; 2", ["2", "x"]),
    ],
)
def test_conditions_have_a_column_only_where_nothing_is_bound(query: str, header: list[str]) -> None:
    line = presentation.pretty(solutions(query)).splitlines()[1]
    assert [cell.strip() for cell in line.strip("│").split("│")] == header


def test_cells_are_cut() -> None:
    shown = solutions('x := "abcdefgh"; true')
    assert '│ "abc... │' in presentation.pretty(shown, 4)
    assert '│ "abcdefgh" │' in presentation.pretty(shown, 0)
    assert '│ "abcdefgh" │' in presentation.pretty(shown, 10)


def test_metrics_follow_a_pretty_result() -> None:
    out = presentation.render("pretty", solutions("1"), metrics={"b": 1, "a": 22})
    assert out.splitlines() == [
        "1",
        "┌────────┬───────┐",
        "│ Metric │ Value │",
        "├────────┼───────┤",
        "│ a      │ 22    │",
        "│ b      │ 1     │",
        "└────────┴───────┘",
    ]


@given(st.text())
def test_nothing_harmful_reaches_a_terminal(text: str) -> None:
    shown = presentation.harmless(text)
    assert all(c in "\n\t" or not (ord(c) < 32 or 127 <= ord(c) < 160) for c in shown)
    assert presentation.harmless(shown) == shown


def test_what_turns_the_direction_of_writing_is_shown() -> None:
    assert presentation.harmless("a\u202eb\x1b[31m\u2066") == "a\\u202eb\\u001b[31m\\u2066"


def test_a_harmless_value_is_the_same_json() -> None:
    text = presentation.pretty(solutions('["\\u009b", "\\u202e", "\\u007f"]'))
    assert from_json(presentation.harmless(text)) == ["\x9b", "\u202e", "\x7f"]


def compile_error(query: str) -> CompileError:
    with pytest.raises(CompileError) as caught:
        compile_modules({}).prepare(query)
    return caught.value


def test_compile_errors() -> None:
    error = compile_error("x")
    assert presentation.error_text(error) == "1 error occurred: 1:1: rego_unsafe_var_error: var x is unsafe"
    assert presentation.errors(error)[0] == {
        "message": "var x is unsafe",
        "code": "rego_unsafe_var_error",
        "location": {"file": "", "row": 1, "col": 1},
    }


def test_parse_errors_have_the_line() -> None:
    (shown,) = presentation.errors(compile_error("}"))
    assert shown["details"] == {"line": "}", "idx": 0}


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (EvalError("c", "m", Location.named("f.rego", 3, 1)), "c", "1 error occurred: f.rego:3: c: m"),
        (EvalError("c", "m", Location.named("", 1, 2)), "c", "1 error occurred: 1:2: c: m"),
        (LimitError("time", "too long"), "eval_cancel_error", "1 error occurred: too long"),
        (RegoError("other"), "eval_internal_error", "1 error occurred: other"),
    ],
)
def test_other_errors(error: RegoError, code: str, text: str) -> None:
    assert presentation.error_text(error) == text
    assert presentation.errors(error)[0]["code"] == code


def test_an_evaluation_error_in_a_query_shows_the_expression() -> None:
    query = compile_modules({}).prepare("x := 1 / 0", strict_builtin_errors=True)
    with pytest.raises(EvalError) as caught:
        query.run()
    text = presentation.error_text(caught.value)
    assert text == "1 error occurred: 1 / 0: eval_builtin_error: div: divide by zero"


def test_load_errors() -> None:
    problem = compile_error("}").problems[0]
    shown = presentation.errors(LoadError([Fault("a.json: EOF", "hint"), Fault("p", problem=problem)]))
    assert shown[0] == {"message": "a.json: EOF"}
    assert shown[1]["code"] == "rego_parse_error"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=10,
    )
)
def test_plain_values_are_dumped_as_json(value: Any) -> None:
    assert json.loads(presentation.dumps(value)) == value
    assert "\n" not in presentation.dumps(value, indent=None)


def test_durations_are_written_as_go_does() -> None:
    written = {0: "0s", 7: "7ns", 1_000: "1µs", 48_930: "48.93µs", 1_382_424: "1.382424ms", 2_500_000_000: "2.5s"}
    assert {n: presentation.duration(n) for n in written} == written
