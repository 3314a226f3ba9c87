"""Regular expressions: outcomes as OPA gives them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer import rego
from tests.rego.builtins.expressions import outcome, value

OUTCOMES = {
    # Not what holds of all texts, but what OPA answers.
    'regex.globs_match("b+aa*", ".+b.")': "false",
    'regex.globs_match("b+b+a*", "baa*")': "true",
    'regex.globs_match(".a*a", "b+b+.+")': "true",
    'regex.globs_match("", "")': "true",
    'regex.globs_match("a", "")': "false",
    'regex.find_n("[a-z]+", "ab cd ef", 2)': '["ab", "cd"]',
    'regex.find_all_string_submatch_n("(a)(b)?", "ab a", -1)': '[["ab", "a", "b"], ["a", "a", ""]]',
    'regex.replace("foo bar", "(o+)", "<$1>")': '"f<oo> bar"',
    'regex.replace("abc", "x*", "-")': '"-a-b-c-"',
    'regex.split("[,;]", "a,b;c")': '["a", "b", "c"]',
    'regex.match("^\\\\d+$", "१२")': "false",
    'regex.template_match("urn:{[a-z]+}:x", "urn:ab:x", "{", "}")': "true",
    'regex.globs_match("a.*", "ab+")': "true",
    # Names of classes: no matter the case, ``_``, ``-`` and spaces; Unicode's long names; what is not assigned.
    r'regex.find_n(`\p{GREEK}|\p{l-u}`, "aωB", -1)': '["ω", "B"]',
    r'regex.find_n(`[\p{ Upper_case Letter }0]`, "aB0", -1)': '["B", "0"]',
    r'regex.find_n(`\P{^lc}`, "aǅ1", -1)': '["a", "ǅ"]',
    r'regex.find_n(`[^\P{Lc}]`, "aǅ1", -1)': '["a", "ǅ"]',
    r'regex.find_n(`\p{Cn}|\pC`, "a\n\u0378", -1)': r'["\n", "\u0378"]',
    r'regex.find_n(`\p{Assigned}`, "a\u0378", -1)': '["a"]',
    r'regex.find_n(`[\P{Cn}]`, "a\u0378", -1)': '["a"]',
    r'regex.find_n(`(?i)\p{ASCII}`, "Kſé", -1)': '["K", "ſ"]',
    r'regex.find_n(`\P{ascii}`, "Kſé", -1)': '["ſ", "é"]',
    r"regex.is_valid(`\p{Old_Italic}`)": "false",
    r'regex.find_n(`\Qa+\E*`, "a++a", -1)': '["a++", "a"]',
    'regex.find_n("a*(?i)*", "aA", -1)': '["a", ""]',
    r'regex.template_match(`{\d}{`, "", "{", "}")': (r'fault: regex.template_match: unbalanced braces in "{\\d}{"'),
    # Groups in replacements: the first of a name that took part; no number begins with a zero.
    'regex.replace("ab", "(?P<n>a)|(?<n>b)", "[$n]")': '"[a][b]"',
    'regex.replace("ab", "(b)(a)?", "<${1}$01$²>")': '"a<b$²>"',
}


def _fault(pattern: str, why: str) -> tuple[str, str]:
    call = f"regex.match({json.dumps(pattern, ensure_ascii=False)}, input.t)"
    return call, f"fault: regex.match: error parsing regexp: {why}"


FAULTS = dict(
    [
        _fault(r"\p{Signwriting}", r"invalid character class range: `\p{Signwriting}`"),
        _fault(r"a[b\pé]", r"invalid character class range: `\pé`"),
        _fault(r"\p", r"invalid character class range: `\p`"),
        _fault(r"\p{Lu", r"invalid character class range: `\p{Lu`"),
        _fault("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        _fault("a[z-\\x41]", "invalid character class range: `z-\\x41`"),
        _fault("a[b", "missing closing ]: `[b`"),
        _fault("x(a", "missing closing ): `x(a`"),
        _fault("a)", "unexpected ): `a)`"),
        _fault("a|*?", "missing argument to repetition operator: `*?`"),
        _fault("a**?", "invalid nested repetition operator: `**?`"),
        _fault("(a{30}){40}", "invalid repeat count: `{40}`"),
        _fault("a{2,1}", "invalid repeat count: `{2,1}`"),
        _fault("(?P<é>a)", "invalid named capture: `(?P<é>`"),
        _fault("(?P<n", "invalid named capture: `(?P<n`"),
        _fault("b(?i-)a", "invalid or unsupported Perl syntax: `(?i-)`"),
        _fault("(?P=n)", "invalid or unsupported Perl syntax: `(?P`"),
        _fault("a\\", "trailing backslash at end of expression: ``"),
        _fault(r"\x{110000}", r"invalid escape sequence: `\x{110000`"),
        _fault(r"\x4g", r"invalid escape sequence: `\x4g`"),
        _fault(r"\8", r"invalid escape sequence: `\8`"),
        _fault(r"\C", r"invalid escape sequence: `\C`"),
        _fault("(" * 1001 + ")" * 1001, "expression nests too deeply: `" + "(" * 1001 + ")" * 1001 + "`"),
    ]
)


@pytest.mark.parametrize("expression", FAULTS)
def test_a_fault_is_told_as_go_does(expression: str) -> None:
    assert outcome(expression, t="") == FAULTS[expression]


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


@given(st.text(st.sampled_from("ab()[]*+?.|\\dw{}1,^$-"), max_size=12), st.text(st.sampled_from("ab1\n"), max_size=8))
def test_any_pattern_has_an_outcome(pattern: str, text: str) -> None:
    good = value("regex.is_valid(input.p)", p=pattern)
    for call in (
        "regex.match(input.p, input.t)", "regex.find_n(input.p, input.t, -1)", "regex.split(input.p, input.t)",
        'regex.replace(input.t, input.p, "<$1>")', "regex.find_all_string_submatch_n(input.p, input.t, 2)",
    ):  # fmt: skip
        assert outcome(call, p=pattern, t=text).startswith("fault: ") is not good


@given(st.text(st.sampled_from("ab,"), max_size=12))
def test_splitting_is_undone_by_joining(text: str) -> None:
    assert ",".join(value('regex.split(",", input.t)', t=text)) == text


@pytest.mark.parametrize(
    "call",
    [
        'regex.match(concat("", ["(a|b)*" | some _ in numbers.range(1, 5000)]), input.text)',
        'regex.find_n(concat("", ["(a|b)*" | some _ in numbers.range(1, 5000)]), input.text, -1)',
        'regex.replace(input.text, concat("", ["(a|b)*" | some _ in numbers.range(1, 5000)]), "x")',
        'regex.match("(?:a|b)*a(?:a|b){990}(?:a|b){990}c", input.text)',
    ],
)
def test_what_a_pattern_may_cost_is_paid_beforehand(call: str) -> None:
    """Where its automaton has no room RE2 takes time for each character, instruction and group."""
    query = rego.compile_modules({}).prepare(call)
    with pytest.raises(rego.LimitError, match="steps"):
        query.run(input={"text": "ab" * 100_000}, limits=rego.Limits(seconds=5.0, units=5_000_000))


def test_long_texts_and_many_matches_cost_little() -> None:
    query = rego.compile_modules({}).prepare('x = count(regex.find_n("([a-z]+)=([0-9]+)", input.text, -1))')
    found = query.run(input={"text": "name=12; " * 3_000}, limits=rego.Limits(units=10_000_000))
    assert found[0].bindings["x"] == 3_000
