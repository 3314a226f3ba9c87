"""Modules: packages, imports, heads and rules in both versions of the language, and what each version refuses."""

from __future__ import annotations

import pytest

from image_enforcer.rego import CompileError, parse_module
from image_enforcer.rego.syntax import parse_statements, rule_from_body
from image_enforcer.rego.syntax.nodes import Rule
from image_enforcer.rego.syntax.printer import head_text, import_text, source_text


def rules(text: str, version: int = 1) -> list[str]:
    shown = []
    for rule in parse_module("a.rego", "package a\n" + text, version=version).rules:
        link: Rule | None = rule
        parts = []
        while link is not None:
            parts.append(f"{head_text(link.head)} <- {'; '.join(map(source_text, link.body))}")
            link = link.else_
        shown.append(("default " if rule.default else "") + " else ".join(parts))
    return shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("p := 1", ["p := 1 <- true"]),
        ("p = 1", ["p = 1 <- true"]),
        ("p if true", ["p <- true"]),
        ("p if { a; b }", ["p <- a; b"]),
        ("p if {a}", ["p <- a"]),
        ("p if {1, 2} == x", ["p <- {1, 2} == x"]),
        ("p := x if x := 1", ["p := x <- x := 1"]),
        ("p contains x if x := 1", ["p contains x <- x := 1"]),
        ("p contains 1", ["p contains 1 <- true"]),
        ("p[k] := v if v := a[k]", ["p[k] := v <- v := a[k]"]),
        ("p.q.r := 1", ["p.q.r := 1 <- true"]),
        ("p.q[x].r if x := 1", ["p.q[x].r <- x := 1"]),
        ('p["a b"].c contains 1', ['p["a b"].c contains 1 <- true']),
        ("f(x) := x + 1", ["f(x) := x + 1 <- true"]),
        ("f(x, [y, {'a': _}]) if x == y".replace("'", '"'), ['f(x, [y, {"a": _}]) <- x == y']),
        ("a.f(_) := 1", ["a.f(_) := 1 <- true"]),
        ("default p := false", ["default p := false <- true"]),
        ("default f(_) := 1", ["default f(_) := 1 <- true"]),
        ("p := 1 if a else := 2 if b else := 3", ["p := 1 <- a else p := 2 <- b else p := 3 <- true"]),
        ("p if a\nelse := false if b", ["p <- a else p := false <- b"]),
        ("p if not q\nq if p.not", ["p <- not q", 'q <- p["not"]']),
        ("input_x := 1\nnot_y := 2", ["input_x := 1 <- true", "not_y := 2 <- true"]),
    ],
)
def test_version_1(text: str, shown: list[str]) -> None:
    assert rules(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("p { a; b }", ["p <- a; b"]),
        ("p = x { x := 1 }", ["p = x <- x := 1"]),
        ("p[x] { x := 1 }", ["p contains x <- x := 1"]),
        ("p[x] = y { y := a[x] }", ["p[x] = y <- y := a[x]"]),
        ("p { a } { b }", ["p <- a", "p <- b"]),
        ("f(x) { x } else = 2 { true }", ["f(x) <- x else f(x) = 2 <- true"]),
        ("if := 1", ["if := 1 <- true"]),
        ("import future.keywords.if\np if a", ["p <- a"]),
        ("import future.keywords\np contains 1", ["p contains 1 <- true"]),
        ("import rego.v1\np contains 1 if true", ["p contains 1 <- true"]),
    ],
)
def test_version_0(text: str, shown: list[str]) -> None:
    assert rules(text, 0) == shown


@pytest.mark.parametrize(
    ("text", "version", "message"),
    [
        ("p { true }", 1, "`if` keyword is required before rule body"),
        ("f(x) { true }", 1, "`if` keyword is required before function body"),
        ("p[1] { true }", 1, "`contains` keyword is required for partial set rules"),
        ("p", 1, "var cannot be used for rule name"),
        ("p if a", 0, "import future.keywords.if"),
        ("p contains 1", 0, "import future.keywords.contains"),
        ("import rego.v1\np { true }", 0, "`if` keyword is required"),
        ("if := 1", 1, "if keyword cannot be used for rule name"),
        ("p := ", 1, "expected rule value term"),
        ("p contains", 1, "expected rule key term"),
        ("default p := x", 1, "illegal default rule (value cannot contain var)"),
        ("default p", 1, None),
        ("p := 1 else", 1, "expected else"),
        ("p[x] if { x } else := 1", 1, "else keyword cannot be used on"),
        ("import foo.bar", 1, "must begin with one of: {data, future, input, rego}"),
        ("import data.a as input", 1, "import alias, must not be a reserved name"),
        ("import future.keywords.nope", 1, "unexpected keyword, must be one of"),
        ("import rego.v9", 1, "invalid import `rego.v9`"),
        ("package b", 1, "unexpected package"),
        ("f(x) contains x", 1, "the contains keyword can only be used with multi-value rule definitions"),
        ("count(1) := 2\ncount(2)", 1, "rule name conflicts with built-in function"),
        ("not p", 1, "negated expressions cannot be used for rule head"),
        ("some x", 1, "'some' declarations cannot be used for rule head"),
        ("1 + 1", 1, "rule name conflicts with built-in function"),
    ],
)
def test_refused(text: str, version: int, message: str | None) -> None:
    if message is None:
        parse_module("a.rego", "package a\n" + text, version=version)
        return
    with pytest.raises(CompileError) as refused:
        parse_module("a.rego", "package a\n" + text, version=version)
    assert message in str(refused.value)


def test_packages_and_imports() -> None:
    module = parse_module("a.rego", 'package a["b c"].d\nimport data.x as y\nimport input.z\n')
    assert module.package.names == ("a", "b c", "d")
    assert [import_text(i) for i in module.imports] == ["import data.x as y", "import input.z"]


@pytest.mark.parametrize("text", ["", "\n# only a comment\n", "\ufeff"])
def test_an_empty_module(text: str) -> None:
    with pytest.raises(CompileError, match="empty module"):
        parse_module("a.rego", text)


def test_every_fault_of_a_module_is_reported() -> None:
    with pytest.raises(CompileError) as refused:
        parse_module("a.rego", "package a\np { true }\nq { true }\nr[1] { true }\n")
    assert [p.location.row for p in refused.value.problems] == [2, 3, 4, 4]


def test_statements_and_bodies_that_are_rules() -> None:
    statements = parse_statements("import data.a\nx := 1; y")
    assert len(statements) == 2
    body = statements[1]
    assert isinstance(body, tuple)
    made = rule_from_body(body[:1])
    assert head_text(made.head) == "x := 1"


def test_annotations_belong_to_what_follows() -> None:
    text = """# METADATA
# scope: package
# title: all
package a

# METADATA
# title: one
# authors: [Kim <kim@example.com>]
# custom:
#   level: 3
p := 1

# METADATA
# scope: document
# description: two
q if true
"""
    module = parse_module("a.rego", text)
    assert [(a.scope, a.path) for a in module.annotations] == [
        ("package", ("a",)), ("rule", ("a", "p")), ("document", ("a", "q")),
    ]  # fmt: skip
    assert module.rules[0].annotations[0].custom == {"level": 3}


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("title: [", "yaml: line 1: did not find expected node content"),
        ("scope: all", "invalid annotation scope 'all'. Use one of 'rule', 'document', 'package', or 'subpackages'"),
        ("authors: 1", "cannot unmarshal !!int `1` into []interface {}"),
        ("authors: ['']", "author is an empty string"),
        ("scope: package", "annotation scope 'package' must be applied to package (have rule)"),
        ("", "expected METADATA block, found whitespace"),
    ],
)
def test_bad_annotations(block: str, message: str) -> None:
    with pytest.raises(CompileError) as refused:
        parse_module("a.rego", f"package a\n\n# METADATA\n# {block}\np := 1\n")
    assert message in str(refused.value)
