"""Regular expressions: outcomes as OPA gives them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
}


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
