"""Text that means harm: compiled, or refused with errors to print, whatever it nests, repeats or breaks off."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer import rego

OPENERS = [
    "[",
    "{",
    "(",
    "f(",
    "[x | ",
    "{x | ",
    '{"a": ',
    "{x: y | ",
    "not ",
    "not {",
    "(not ",
    "x[",
    '$"{',
    "$`{",
    "every x in [",
    "some x in [",
    "p if { ",
    "else if { ",
    "x with input as [",
    "-",
    "!",
    ".",
    "a.",
    "`",
    '"',
    "\\",
    "default ",
    "import ",
    "package ",
    "1 + (",
    "(x and ",
    "{a and {",
    "x or {",
    "x == (",
    "x in (",
    "a, b in (",
    "[1,",
    "{1,",
    "{1:",
    "1 + ",
    "x in ",
    "x and ",
    "x or ",
    "x = ",
    "x := ",
    "a, b in ",
    "x | ",
    "x\n",
    "x; ",
    "p ",
    "with x as y ",
    "[x][",
    ",",
    ";",
    "\0",
    "\ufeff",
    "\ud800",
    "# METADATA\n",
]


def outcome(text: str, version: int = 1) -> str:
    """``compiled``, or the text of the errors; any other exception fails the test."""
    try:
        policy = rego.compile_modules({"a.rego": text}, version=version)
        policy.prepare("data.a.p")
    except rego.CompileError as error:
        return str(error)
    return "compiled"


PREFIXES = ["", "p := ", "p if { ", "import future.keywords\np if { "]


@pytest.mark.parametrize("opener", OPENERS)
def test_openers_repeated(opener: str) -> None:
    for prefix in PREFIXES:
        for count in (3, 60, 600):
            outcome(f"package a\n{prefix}{opener * count}")


@pytest.mark.slow
@pytest.mark.parametrize("opener", OPENERS)
def test_openers_repeated_very_often(opener: str) -> None:
    for prefix in PREFIXES:
        assert len(outcome(f"package a\n{prefix}{opener * 10_000}")) < 2_000_000


@pytest.mark.soak
@pytest.mark.parametrize("opener", OPENERS)
def test_openers_repeated_without_end(opener: str) -> None:
    for prefix in PREFIXES:
        assert len(outcome(f"package a\n{prefix}{opener * 100_000}")) < 2_000_000


@pytest.mark.slow
@pytest.mark.parametrize("version", [0, 1])
def test_nested_and_closed_again(version: int) -> None:
    for left, right in ("[]", "{}", "()"):
        for depth in (20, 100, 1_000, 100_000):
            text = outcome(f"package a\np = {left * depth}1{right * depth}", version)
            assert (text == "compiled") == (depth == 20) or "deep" in text or depth == 100


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        "+".join(["1"] * 20_000),
        "==".join(["1"] * 20_000),
        "|".join(["{1}"] * 20_000),
        "f" + "(1)" * 20_000,
        "input" + ".a" * 50_000,
        "input" + "[0]" * 50_000,
        "[" + ",".join(["1"] * 50_000) + "]",
        '"' + "a" * 1_000_000 + '"',
        "`" + "a\n" * 500_000 + "`",
        '"' + "\\n" * 300_000 + '"',
        '"' + "\\x" * 300_000 + '"',
        '"' + "\0" * 300_000 + '"',
        "1" * 1_000_000,
        "1." + "1" * 1_000_000,
        "1e" + "1" * 100_000,
        "a" * 1_000_000,
        '$"' + "{input.x}" * 5_000 + '"',
        "\0" * 100_000,
        "\ud800",
        '"\ud800\udc00"',
        "\ufeff",
        "\x85\u2028",
        "[" + "(" * 100_000 + "]",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_long_terms(body: str) -> None:
    assert outcome(f"package a\np := {body}")


def repeated(line: str, count: int) -> str:
    return "\n".join(line.replace("#", str(i)).replace("@", str(i + 1)) for i in range(count))


LONG: dict[str, Callable[[int], str]] = {
    "rules": lambda n: repeated("r# := # if input.x == #", n),
    "chain of rules": lambda n: repeated("r# if r@", n) + f"\nr{n} := 1",
    "circle of rules": lambda n: repeated("r# if r@", n) + f"\nr{n} if r0",
    "functions": lambda n: repeated("f(#) := #", n),
    "members": lambda n: repeated('p contains "#" if input.x', n),
    "unsafe": lambda n: repeated("r# := x#", n),
    "body": lambda n: "p if {\n" + repeated("input.a# == #", n) + "\n}",
    "assignments": lambda n: "p if {\nx0 := 1\n" + repeated("x@ := x# + 1", n) + "\n}",
    "backwards": lambda n: "p if {\n" + repeated("x# = x@", n) + f"\nx{n} = 1\n}}",
    "closures": lambda n: "p if {\n" + repeated("x# := [y | y := input[_]; y > #]", n) + "\n}",
    "comments": lambda n: repeated("# #", n),
    "annotations": lambda n: repeated("# METADATA\n# title: t#\nr# := 1", n),
    "imports": lambda n: repeated("import data.x#", n),
    "statements": lambda n: repeated('"#"', n),
    "declarations": lambda n: "p if { some " + ",".join(f"x{i}" for i in range(n)) + "\ntrue }",
    "elses": lambda n: "p := 0 if { false }" + " else := 1 if { false }" * min(n, 50),
    "withs": lambda n: "p if { true " + "with input.x as 1 " * n + "}",
    "objects": lambda n: "p := {" + ",".join(f'"k{i}": {i}' for i in range(n)) + "}",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_long_modules(name: str) -> None:
    text = outcome(f"package a\n{LONG[name](2_000)}")
    assert len(text) < 1_000_000


@pytest.mark.slow
def test_a_megabyte_of_rules() -> None:
    assert outcome("package a\n" + repeated("r# := # if input.x == #", 9_990) + "\np := 1") == "compiled"
    assert "more than 10000 rules" in outcome("package a\n" + repeated("r# := #", 10_001))


@pytest.mark.slow
def test_a_long_query() -> None:
    policy = rego.compile_modules({})
    query = policy.prepare("; ".join(f"input.a{i} == {i}" for i in range(20_000)))
    assert query.run() == ()


@pytest.mark.parametrize("text", ["p := " + " + ".join("1" * 200_000), "p if " + " in ".join("x" * 20_000)])
def test_long_chains_are_refused_as_they_are_read(text: str) -> None:
    assert "more than 5000 operators in one chain" in outcome("package a\n" + text)


@pytest.mark.parametrize("word", ["and", "or"])
def test_long_chains_of_bodies_are_refused_as_they_are_read(word: str) -> None:
    text = f"package a\nimport future.keywords\np if {{ {f' {word} '.join(['input.x == 1'] * 20_000)} }}"
    assert "more than 200 operators in one chain" in outcome(text)


@pytest.mark.parametrize(("word", "expected"), [("and", False), ("or", True)])
def test_chains_of_bodies_within_bounds(word: str, expected: bool) -> None:
    row = f" {word} ".join(f"input.x == {i}" for i in range(150))
    policy = rego.compile_modules({"a.rego": f"package a\nimport future.keywords\np if {{ {row} }}"})
    assert policy.prepare("data.a.p").value(input={"x": 99}) == (True if expected else rego.UNDEFINED)


def test_loops_that_nest_too_deep_are_an_error() -> None:
    loops = "\n".join(f"input.l[i{n + 1}] == i{n}" for n in range(300))
    policy = rego.compile_modules({"a.rego": f"package a\np if {{\ni0 := 1\n{loops}\n}}"})
    with pytest.raises(rego.CompileError, match="nest deeper than they may"):
        policy.prepare("data.a.p")


def test_long_chains_within_bounds() -> None:
    policy = rego.compile_modules({"a.rego": "package a\np := " + " + ".join("1" * 1_000)})
    assert policy.prepare("data.a.p").value() == 1_000


@pytest.mark.parametrize("pair", ["[#, #]", '{"a": #, "b": #}', "[{#}, {#}]"])
def test_types_that_double(pair: str) -> None:
    """Each variable holds the one before twice: its type has as many parts as there are grains on a chessboard."""
    body = "\n".join(f"v{i + 1} := {pair.replace('#', f'v{i}')}" for i in range(60))
    assert outcome(f"package a\np if {{\nv0 := 1\n{body}\n}}") == "compiled"
    assert outcome(f"package a\nv0 := 1\n{body}") == "compiled"
    assert len(outcome(f'package a\np if {{\nv0 := 1\n{body}\nv12 = "a"\n}}')) < 10_000


@pytest.mark.slow
@pytest.mark.parametrize("text", ["p := " + "[" * 100_000, "p := " + "1 + " * 100_000, '"' * 20_001, "x and " * 10_000])
def test_memory_of_what_is_refused(text: str) -> None:
    tracemalloc.start()
    try:
        assert outcome("package a\n" + text) != "compiled"
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_memory_grows_with_the_text(name: str) -> None:
    def used(count: int) -> int:
        tracemalloc.start()
        outcome(f"package a\n{LONG[name](count)}")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    used(10)
    assert used(800) < 8 * used(200) + 2_000_000


@given(
    st.text(st.sampled_from('abpx01 \n\t"`$\\{}[]().,:;=<>!|&+-*/%#_ñ\ufeff\0'), max_size=60), st.sampled_from([0, 1])
)
def test_any_text(text: str, version: int) -> None:
    outcome("package a\n" + text, version)


WORDS = [
    "p",
    "q",
    "x",
    "_",
    "input",
    "data",
    "if",
    "contains",
    "else",
    "not",
    "some",
    "every",
    "in",
    "with",
    "as",
    "default",
    "import",
    "package",
    "and",
    "or",
    "true",
    "null",
    "1",
    '"a"',
    "`a`",
    '$"{',
    '}"',
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ".",
    ",",
    ":",
    ";",
    "|",
    "=",
    ":=",
    "==",
    "+",
    "-",
    "\n",
    "future.keywords",
    "rego.v1",
    "count",
    "f",
    "# METADATA\n",
    "# scope: rule\n",
    "print",
]


@given(st.lists(st.sampled_from(WORDS), max_size=30), st.sampled_from([0, 1]), st.booleans())
def test_any_words(words: list[str], version: int, keywords: bool) -> None:
    start = "package a\nimport future.keywords\n" if keywords else "package a\n"
    outcome(start + " ".join(words), version)


@given(st.lists(st.sampled_from(WORDS), max_size=15))
def test_any_query(words: list[str]) -> None:
    policy = rego.compile_modules({"a.rego": "package a\np := 1\nf(x) := x"})
    try:
        policy.prepare(" ".join(words))
    except rego.CompileError as error:
        said = str(error)
    else:
        said = "compiled"
    assert said
