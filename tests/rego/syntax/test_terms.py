"""Terms, expressions and bodies: what is read, with what precedence, and what is refused."""

from __future__ import annotations

from contextlib import suppress

import pytest

from image_enforcer.rego import CompileError
from image_enforcer.rego.syntax import parse_module, parse_query
from image_enforcer.rego.syntax.printer import body_text

READ = [
    # precedence and grouping
    ("1 + 2 * 3", "plus(1, mul(2, 3))"),
    ("(1 + 2) * 3", "mul(plus(1, 2), 3)"),
    ("1 - 2 - 3", "minus(minus(1, 2), 3)"),
    ("1 + 2 == 3", "equal(plus(1, 2), 3)"),
    ("a | b & c", "or(a, and(b, c))"),
    ("a < b | c", "lt(a, or(b, c))"),
    ("x := 1 + y", "assign(x, plus(1, y))"),
    ("-x", "minus(0, x)"),
    ("-1", "-1"),
    # references and calls
    ("a.b[c].d", "a.b[c].d"),
    ('a["b"]["c d"]', 'a.b["c d"]'),
    ("f(x).y", "f(x).y"),
    ("a.b.f(1, [2])", "a.b.f(1, [2])"),
    ("[1, 2][i]", "[1, 2][i]"),
    ("{1: 2}[k]", "{1: 2}[k]"),
    ("input.not.if", 'input["not"]["if"]'),
    # composites
    ("[]", "[]"), ("{}", "{}"), ("set()", "set()"), ("{1}", "{1}"), ("{1: 2,}", "{1: 2}"), ("[1, 2,]", "[1, 2]"),
    ('{"b": 1, a: 2, "a": 3}', '{"a": 3, "b": 1, a: 2}'),
    ("[x | x = 1]", "[x | x = 1]"), ("{x | x = 1; y}", "{x | x = 1; y}"), ("{k: v | v = a[k]}", "{k: v | v = a[k]}"),
    ("[1 | true]", "[1 | true]"), ("{((a + 1) * 2) | true}", "{((a + 1) * 2) | true}"),
    ("{(a | b)}", "{or(a, b)}"),
    # strings
    ('"a\\u0062\\n"', '"ab\\n"'),
    ("`a\\n`", '"a\\\\n"'),
    ('"\\ud83d\\ude00"', '"😀"'),
    ('"\\ud800"', '"\ufffd"'),
    ('$"a {x} b"', '$"a {x} b"'),
    ('$"\\{{x.y[0]}"', '$"\\{{x.y[0]}"'),
    ("$`a {1} \\n`", '$"a 1 \\\\n"'),
    # in, some, every, not, with
    ("x in xs", "internal.member_2(x, xs)"),
    ("k, v in xs", "internal.member_3(k, v, xs)"),
    ("f((k, v in xs))", "f(internal.member_3(k, v, xs))"),
    ("some x, y", "some x, y"),
    ("some x in xs", "some x in xs"),
    ("some k, [a, b] in xs", "some k, [a, b] in xs"),
    ("every x in xs { x > 1 }", "every x in xs { gt(x, 1) }"),
    ("every k, v in xs { k == v; v }", "every k, v in xs { equal(k, v); v }"),
    ("not x == 1", "not equal(x, 1)"),
    ("not x in xs", "not internal.member_2(x, xs)"),
    ("x with input as 1 with data.a.b as {2}", "x with input as 1 with data.a.b as {2}"),
    ("count(x) with input.y as [1 | true]", "count(x) with input.y as [1 | true]"),
    # several expressions
    ("x; y", "x; y"), ("x\ny", "x; y"), ("_ = 1; a[_]", "_ = 1; a[_]"),
    # numbers
    ("1.50", "1.50"), ("1E+3", "1E+3"), ("-0", "-0"), ("0.1e-10", "0.1e-10"), ("9" * 5000, "9" * 5000),
]  # fmt: skip


@pytest.mark.parametrize(("text", "shown"), READ)
def test_read(text: str, shown: str) -> None:
    assert body_text(parse_query(text)) == shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[x | y z]", "unexpected identifier token: expected \\n or ; or ]"),
        ("01", "expected number without leading zero"),
        ("1e400000", "number too big"),
        ("9" * 400_000, "number too big"),
        ("f(1", 'unexpected eof token: expected "," or ")"'),
        ("[1", 'unexpected eof token: expected "," or "]"'),
        ("{1: 2", "non-terminated object"),
        ("(1", "non-terminated expression"),
        ("[x | ]", "found empty body"),
        ("a. b", "unexpected whitespace token: expected identifier"),
        ("a.", "unexpected eof token: expected identifier"),
        ("1.a", "expected fraction"),
        ('"a".b', "illegal ref (head cannot be string)"),
        ("not some x", "illegal negation of 'some'"),
        ("every x in xs", "missing body"),
        ("every 1 in xs { true }", "expected value to be a variable"),
        ("some 1", "expected var"),
        ("x with y", "expected as keyword"),
        ("x with 1 as 2", "expected ident"),
        ('$"{not x}"', "unexpected negation ('not') in template-string expression"),
        ('$"{x := 1}"', "unexpected assignment (':=') in template-string expression"),
        ('$"{every x in y { x }}"', "unexpected 'every' in template-string expression"),
        ('$"{x"', "expected } to end template string expression"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(CompileError) as refused:
        parse_query(text)
    assert message in str(refused.value)


def test_wildcards_are_variables_of_their_own() -> None:
    body = parse_query("a[_]; b[_]")
    assert body[0] != body[1]
    assert "$0" in repr(body[0])
    assert "$1" in repr(body[1])


def test_equal_numbers_and_booleans_are_not_equal_terms() -> None:
    assert parse_query("1") != parse_query("true")
    assert parse_query("1") == parse_query(" 1 ")


def test_expressions_know_their_text() -> None:
    body = parse_query("x := [ 1 ,2 ]; not   y")
    assert [e.loc.text for e in body] == ["x := [ 1 ,2 ]", "not   y"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("p if { a and b or c }", "a and b or c"),
        ("p if { (a or b) and c }", "(a or b) and c"),
        ("p if { not (a and b) }", "not (a and b)"),
        ("p if { {a; b} or c }", "{ a; b } or c"),
        ("p if { not { a; b } }", "not {a; b}"),
    ],
)
def test_logical_operators_by_import(text: str, shown: str) -> None:
    from image_enforcer.rego.syntax import parse_module

    module = parse_module("a.rego", f"package a\nimport future.keywords\n{text}")
    assert body_text(module.rules[0].body) == shown


@pytest.mark.parametrize(
    "text", ['p = {"a": $"b{x}c{[1, $`d{"e"}`]}"}', "p = $`a\n{x}\nb`", 'p = {$"{{1: $"{2}"}}": $"\n"}', "p = [$"]
)
def test_templates_that_end_anywhere_are_read_or_refused(text: str) -> None:
    whole = f"package t\n{text}\n"
    for end in range(len(whole) + 1):
        for tail in ("", "\n", "\\", "{", "}", '"', "`"):
            with suppress(CompileError):
                parse_module("t.rego", whole[:end] + tail)
