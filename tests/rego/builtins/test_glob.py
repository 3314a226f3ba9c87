"""Globs: outcomes as OPA gives them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer import rego
from tests.rego.builtins.expressions import outcome, value

OUTCOMES = {
    'glob.match("\\\\", null, "a")': "fault: glob.match: glob: syntax error at 1: trailing backslash",
    'glob.match("[a-\\\\zd]", [], "a")': ("fault: glob.match: glob: syntax error at 5: expected close range character"),
    'glob.match("é[a-", [], "a")': "fault: glob.match: glob: syntax error at 5: unexpected end of input",
    'glob.match("[\\\\", [], "a")': "fault: glob.match: glob: syntax error at 2: unexpected end of input",
    'glob.match("[]", [], "a")': "fault: glob.match: glob: syntax error at 2: could not parse range",
    'glob.match("[c-a]", [], "a")': "fault: glob.match: glob: syntax error at 5: range hi character is less than lo",
    'glob.match("{a", [], "a")': "fault: glob.match: glob: syntax error at 2: unclosed `{`",
    'glob.match("[^a]", [], "^")': "true",
    'glob.match("a,}", [], "a,}")': "true",
    'glob.match("a", ["ab"], "a")': (
        "fault: glob.match: operand 2 must be array of runes but got array containing string"
    ),
    'glob.match("*.github.com", [], "api.github.com")': "true",
    'glob.match("*.github.com", [], "a.b.github.com")': "false",
    'glob.match("**.github.com", [], "a.b.github.com")': "true",
    'glob.match("{a,b}?[c-e]", [":"], "a:c")': "false",
    'glob.match("{a,b}?[c-e]", [":"], "axd")': "true",
    'glob.match("[!a]b", [], "cb")': "true",
    'glob.match("a\\\\*", [], "a*")': "true",
    'glob.quote_meta("*.a{b}")': '"\\\\*.a\\\\{b\\\\}"',
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


@given(st.text(max_size=8))
def test_a_quoted_text_fits_itself_only(text: str) -> None:
    quoted = value("glob.quote_meta(input.t)", t=text)
    assert value("glob.match(input.q, [], input.t)", q=quoted, t=text) is True
    assert value("glob.match(input.q, [], input.t)", q=quoted, t=text + "x") is False


@given(st.text(st.sampled_from("*?[]{}!,-\\ab."), max_size=10), st.text(st.sampled_from("ab."), max_size=5))
def test_any_pattern_has_an_outcome(pattern: str, text: str) -> None:
    assert value("glob.match(input.p, [], input.t)", p=pattern, t=text) in (True, False, rego.UNDEFINED)
