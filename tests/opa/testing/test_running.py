"""What comes of a test: outcomes, cases, output, errors with the way there, and what is shown of failures."""

from image_enforcer.opa.testing.results import Result, Subcase, cases_in_order
from image_enforcer.opa.testing.running import Options, outcomes
from tests.opa.testing.projects import ran


def one(text: str, options: Options | None = None) -> Result:
    (result,) = ran(f"package a\n{text}", options)
    return result


def test_only_true_passes() -> None:
    bodies = ("true", "false", "1 == 1", "data.nope", "not data.nope")
    assert [r.outcome for r in ran("package a\n" + "\n".join(f"test_{i} if {b}" for i, b in enumerate(bodies)))] == [
        "PASS", "FAIL", "PASS", "FAIL", "PASS",
    ]  # fmt: skip
    for value in ('"text"', "1", "null", "{}", "false"):
        assert one(f"test_x := {value}").outcome == "FAIL"
    assert one("todo_test_x if true").outcome == "SKIPPED"


def test_cases_that_do_not_hold_are_known() -> None:
    result = one('test_x[n] if { some n, c in {"one": 1, "two": 2, "": 3}; c != 2 }')
    assert result.fail
    assert [(path, c.outcome) for path, c in cases_in_order(result.cases)] == [
        (("",), "PASS"), (("one",), "PASS"), (("two",), "FAIL"),
    ]  # fmt: skip


def test_cases_are_told_as_early_as_their_names_are_known() -> None:
    text = 'test_x[c.note] if { some c in [{"note": "a", "v": 1}, {"note": "b", "v": 2}]; r := c.v * 2; r == 2 }'
    assert {n: c.fail for n, c in one(text).cases.items()} == {"a": False, "b": True}


def test_nested_cases() -> None:
    result = one('test_x[a][b] if { some a in ["x", "y"]; some b in [1, 2]; [a, b] != ["y", 2] }')
    told = [("/".join(path), c.outcome) for path, c in cases_in_order(result.cases)]
    assert told == [
        ("x", "PASS"), ("x/1", "PASS"), ("x/2", "PASS"), ("y", "FAIL"), ("y/1", "PASS"), ("y/2", "FAIL"),
    ]  # fmt: skip


def test_a_table_without_cases_passes_and_an_undefined_one_fails() -> None:
    assert one("test_x[n] if some n in numbers.range_step(2, 1, 0)").outcome == "PASS"
    assert outcomes({}, []) == (False, {})
    assert outcomes({"a": {"b": None}}, [["a", "c"]])[1] == {
        "a": Subcase("a", True, {"b": Subcase(""), "c": Subcase("c", True)})
    }


def test_output_belongs_to_its_test() -> None:
    first, second = ran('package a\ntest_x if { print("one", input); false }\ntest_y if print("two")')
    assert (first.output, second.output) == ("one <undefined>\n", "two\n")


def test_an_error_has_the_way_there() -> None:
    result = one("p := x if some x in [1, 2]\ntest_x if p == 1")
    assert result.outcome == "ERROR"
    assert result.error is not None
    assert result.error.text.startswith("t.rego:2: eval_conflict_error: ")
    assert result.error.calls == ("t.rego:2: some x in [1, 2]", "t.rego:3: p == 1", "1:1: data.a.test_x")
    assert result.error.document["stack_trace"][2]["location"] == {"file": "", "row": 1, "col": 1}


def test_a_function_is_no_test() -> None:
    result = one("test_f(x) if x")
    assert result.error is not None
    assert "function data.a.test_f used as reference, not called" in result.error.text


def test_a_test_that_takes_too_long() -> None:
    result = one(
        "test_x if count([1 | numbers.range(1, 3000)[_]; numbers.range(1, 3000)[_]]) > 0", Options(seconds=0.01)
    )
    assert result.error is not None
    assert result.error.text == "eval_cancel_error: context deadline exceeded"


def test_tests_do_not_see_each_other() -> None:
    text = 'package a\np if input.x\ntest_x if p with input as {"x": true}\ntest_y if not p\ntest_z if p'
    assert [r.outcome for r in ran(text)] == ["PASS", "PASS", "FAIL"]


def test_values_stand_below_what_they_are_of() -> None:
    text = 'add(x, y) := x + y\ntest_x if { t := {"a": 2}; add(t.a, 1) == 4 }'
    result = one(text, Options(values=True))
    assert result.failed_at is not None
    assert result.failed_at.place == "t.rego:3"
    lines = result.failed_at.text.split("\n")
    assert lines[0].strip() == "add(t.a, 1) == 4"
    at = lines[0].index("add"), lines[0].index("t.a")
    assert [lines[1][i] for i in at] == ["|", "|"]
    assert lines[-1] == " " * at[0] + "3"
    assert lines[-2].endswith("t.a: 2") or "2" in lines[2]


def test_documents_that_rules_make_have_values() -> None:
    result = one("p := [1, 2]\ntest_x if p == [1, 3]", Options(values=True))
    assert result.failed_at is not None
    assert result.failed_at.text.endswith("[1, 2]")


def test_each_case_has_its_own_failure() -> None:
    text = "test_x[n] if { some n in [1, 2, 3]; m := n * 2; m < 3 }"
    result = one(text, Options(values=True))
    found = [c.failed_at is not None and c.failed_at.text.rpartition("\n")[2].strip() for c in result.cases.values()]
    assert found == [
        False, "4", "6",
    ]  # fmt: skip


def test_steps_that_failed() -> None:
    result = one('p if input.x > 1\ntest_x if p with input as {"x": 1}', Options(trace=True))
    assert [row[1] for row in result.trace] == [
        "Enter data.a.test_x = _",
        "| Enter data.a.test_x",
        "| | Enter data.a.p",
        "| | | Fail gt(__local0__, 1)",
        '| | Fail data.a.p with input as {"x": 1}',
        "| Fail data.a.test_x = _",
    ]


def test_modes() -> None:
    text = 'test_x if { trace("here"); false }'
    assert 'Note "here"' in str(one(text, Options(trace=True, mode="notes")).trace)
    assert "Fail" not in str(one(text, Options(trace=True, mode="notes")).trace)
    assert "Eval" in str(one(text, Options(trace=True, mode="full")).trace)
    assert "Unify" in str(one(text, Options(trace=True, mode="debug")).trace)
    assert one('test_x if trace("here")', Options(trace=True)).trace == ()
