"""The language's public face."""

from __future__ import annotations

import doctest

import pytest

from image_enforcer import rego
from image_enforcer.rego import engine

POLICY = """package shop

import data.stock

default open := false

open if input.hour >= 9

cheap contains item if {
	some item, price in stock
	price < input.budget
}

double(x) := x * 2
"""


@pytest.fixture
def policy() -> rego.Policy:
    return rego.compile_modules({"shop.rego": POLICY})


def problems(text: str, **options: object) -> list[rego.Problem]:
    with pytest.raises(rego.CompileError) as caught:
        rego.compile_modules({"t.rego": text}, **options)  # type: ignore[arg-type] # each test names options that exist
    return list(caught.value.problems)


def test_the_example_in_the_documentation_runs() -> None:
    assert doctest.testmod(engine).failed == 0
    assert doctest.testmod(engine).attempted >= 4


def test_all_names_are_there() -> None:
    for module in (rego, engine):
        assert sorted(module.__all__) == sorted(set(module.__all__))
        assert all(hasattr(module, name) for name in module.__all__)


# --- queries -------------------------------------------------------------------------------------


def test_value_of_one_term(policy: rego.Policy) -> None:
    query = policy.prepare("data.shop.open")
    assert query.value(input={"hour": 10}) is True
    assert query.value(input={"hour": 3}) is False
    assert query.value() is False
    assert policy.prepare("data.shop.nothing").value() is rego.UNDEFINED


def test_value_is_for_single_terms(policy: rego.Policy) -> None:
    with pytest.raises(ValueError, match="single term"):
        policy.prepare("x := 1; y := 2").value()


def test_every_solution(policy: rego.Policy) -> None:
    data = {"stock": {"pen": 1, "book": 9, "car": 9000}}
    query = policy.prepare("data.shop.cheap[item]; n := data.shop.double(count(item))")
    found = query.run(input={"budget": 10}, data=data)
    assert [s.bindings for s in found] == [{"item": "book", "n": 8}, {"item": "pen", "n": 6}]
    assert query.run(input={"budget": 0}, data=data) == ()


def test_expressions_have_value_text_and_place(policy: rego.Policy) -> None:
    (solution,) = policy.prepare("1 + 1; data.shop.open", capture=True).run(input={"hour": 9})
    assert [(e.value, e.text, e.location.row, e.location.col) for e in solution.expressions] == [
        (2, "1 + 1", 1, 1),
        (True, "data.shop.open", 1, 8),
    ]


def test_with_capture_false_is_a_value_without_it_fails(policy: rego.Policy) -> None:
    (solution,) = policy.prepare("data.shop.open").run()
    assert solution.expressions[0].value is False
    assert policy.prepare("data.shop.open", capture=False).run() == ()


def test_a_query_inside_a_package(policy: rego.Policy) -> None:
    assert policy.prepare("double(21)", package=["shop"]).value() == 42


def test_input_may_be_anything_and_undefined(policy: rego.Policy) -> None:
    query = policy.prepare("input")
    assert query.value() is rego.UNDEFINED
    nothing: tuple[rego.Value, ...] = (None, False, 0, "", [], {})
    for given in nothing:
        assert query.value(input=given) == given


# --- compiling -----------------------------------------------------------------------------------


def test_all_parse_errors_of_all_modules_come_first() -> None:
    with pytest.raises(rego.CompileError) as caught:
        rego.compile_modules(
            {"a.rego": "package a\np := ", "b.rego": "package b\np := }", "c.rego": "package c\np := q"}
        )
    found = caught.value.problems
    assert {p.code for p in found} == {"rego_parse_error"}
    assert {p.location.file for p in found} == {"a.rego", "b.rego"}


def test_problems_have_code_message_and_place() -> None:
    (unsafe,) = problems("package t\n\np := x if input.y")
    assert (unsafe.code, unsafe.message) == ("rego_unsafe_var_error", "var x is unsafe")
    assert (unsafe.location.file, unsafe.location.row) == ("t.rego", 3)
    assert str(unsafe) == "t.rego:3: rego_unsafe_var_error: var x is unsafe"


def test_no_more_problems_than_asked_for() -> None:
    text = "package t\n" + "\n".join(f"p{i} := x{i}" for i in range(20))
    assert [p.message for p in problems(text)][-1] == "error limit reached"
    assert len(problems(text)) == 11
    assert len(problems(text, max_errors=0)) == 20


def test_strict_mode_finds_more() -> None:
    text = "package t\np if { x := 1; true }"
    rego.compile_modules({"t.rego": text})
    assert [p.message for p in problems(text, strict=True)] == ["assigned var x unused"]


def test_versions_of_the_language() -> None:
    old = 'package t\np[x] { x := "a" }'
    policy = rego.compile_modules({"t.rego": old}, version=0)
    assert policy.prepare('data.t.p["a"]').value() == "a"
    assert problems(old)[0].code == "rego_parse_error"


def test_unsafe_builtins_are_refused() -> None:
    found = problems("package t\np := time.now_ns()", unsafe_builtins=frozenset({"time.now_ns"}))
    assert [p.message for p in found] == ["unsafe built-in function calls in expression: time.now_ns"]
    policy = rego.compile_modules({})
    with pytest.raises(rego.CompileError):
        policy.prepare("time.now_ns()", unsafe_builtins=frozenset({"time.now_ns"}))


@pytest.mark.parametrize("name", ["io.jwt.decode", "net.lookup_ip_addr"])
def test_a_call_with_the_wrong_operands_is_named(name: str) -> None:
    (problem,) = problems(f"package t\np := {name}(1)")
    assert name in problem.message


def test_modules_parsed_before() -> None:
    module = rego.parse_module("t.rego", "package t\np := 1")
    policy = rego.compile_modules({"t.rego": module, "u.rego": "package u\nq := data.t.p + 1"})
    assert policy.prepare("data.u.q").value() == 2
    assert policy.modules["t.rego"] is module


def test_endless_nesting_is_a_compile_error() -> None:
    for text in ("[" * 50_000, "{" * 50_000, "(" * 50_000, "not " * 50_000, "-" * 50_000 + "1"):
        with pytest.raises(rego.CompileError):
            rego.compile_modules({"t.rego": f"package t\np if {text}"})


# --- rules and documents -------------------------------------------------------------------------


def test_where_rules_stand(policy: rego.Policy) -> None:
    assert policy.has_rules(["shop"])
    assert policy.has_rules(["shop", "open", "deeper"])
    assert policy.has_rules([])
    assert not policy.has_rules(["stock"])
    assert not rego.compile_modules({}).has_rules([])


def test_documents_in_the_place_of_rules(policy: rego.Policy) -> None:
    assert policy.conflicts(["stock"], lambda path: True) == []
    (above,) = policy.conflicts(["shop", "open", "x"], lambda path: True)
    assert above.message == "conflicting rule for data path shop/open found"
    below = policy.conflicts(["shop"], lambda path: path == ("shop", "cheap"))
    assert [p.message for p in below] == ["conflicting rule for data path shop/cheap found"]
    found = problems(POLICY, path_conflicts=lambda path: path == ("shop", "open"))
    assert found[0].message == "conflicting rule for data path shop/open found"


# --- evaluation errors ---------------------------------------------------------------------------


def test_conflicts_are_errors_with_code_and_place() -> None:
    policy = rego.compile_modules({"t.rego": "package t\np := 1\np := 2 if input.x"})
    query = policy.prepare("data.t.p")
    assert query.value(input={}) == 1
    with pytest.raises(rego.EvalError) as caught:
        query.value(input={"x": 1})
    assert caught.value.code == "eval_conflict_error"
    assert caught.value.location.file == "t.rego"


def test_built_in_faults_are_undefined_or_errors() -> None:
    policy = rego.compile_modules({"t.rego": 'package t\ndefault p := "none"\np := json.unmarshal(input)'})
    assert policy.prepare("data.t.p").value(input="{") == "none"
    with pytest.raises(rego.EvalError) as caught:
        policy.prepare("data.t.p", strict_builtin_errors=True).value(input="{")
    assert caught.value.code == "eval_builtin_error"
    assert caught.value.message.startswith("json.unmarshal: ")
    assert caught.value.location.row == 3


def test_outcomes_are_of_one_family() -> None:
    for kind in (rego.CompileError, rego.EvalError, rego.LimitError, rego.DocumentError):
        assert issubclass(kind, rego.RegoError)


# --- the host ------------------------------------------------------------------------------------


def test_clock_and_chance_are_the_hosts() -> None:
    host = rego.Host(now_ns=lambda: 1_700_000_000_000_000_000, random_bytes=lambda n: bytes(n))
    policy = rego.compile_modules({})
    assert policy.prepare("time.now_ns() == time.now_ns()").value(host=host) is True
    assert policy.prepare("time.date(time.now_ns())").value(host=host) == [2023, 11, 14]
    assert policy.prepare('rand.intn("x", 10)').value(host=host) == 0
    assert policy.prepare('uuid.rfc4122("x")').value(host=host) == "00000000-0000-4000-8000-000000000000"


def test_print_and_trace_are_heard_by_the_host() -> None:
    printed: list[tuple[str, int]] = []
    noted: list[str] = []
    host = rego.Host(
        print=lambda text, where: printed.append((text, where.row)), note=lambda text, _: noted.append(text)
    )
    policy = rego.compile_modules({"t.rego": 'package t\np if {\n\tprint("a", input.x, input.y)\n\ttrace("b")\n}'})
    assert policy.prepare("data.t.p").value(input={"x": [1]}, host=host) is True
    assert printed == [("a [1] <undefined>", 3)]
    assert noted == ["b"]
    silent = rego.compile_modules({"t.rego": 'package t\np if print("a")'}, keep_prints=False)
    assert silent.prepare("data.t.p").value(host=host) is True
    assert len(printed) == 1


def test_an_inner_evaluation_leaves_the_outer_one_its_limits() -> None:
    inner = rego.compile_modules({}).prepare("count(numbers.range(1, 5000))")
    host = rego.Host(print=lambda *_: inner.value())
    outer = rego.compile_modules({"t.rego": "package t\np if {\n\tprint(1)\n\tcount(numbers.range(1, 9000)) > 1\n}"})
    with pytest.raises(rego.LimitError):
        outer.prepare("data.t.p").value(host=host, limits=rego.Limits(seconds=None, memory=100_000))
