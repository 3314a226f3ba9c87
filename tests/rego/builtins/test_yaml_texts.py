"""YAML as Go's library writes it: outcomes as OPA gives them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rego.builtins.expressions import outcome, value

OUTCOMES = {
    'yaml.marshal("a\\u2028b")': "\"'a\\u2028  b'\\n\"",
    'yaml.marshal({"a\\u2028b": 1})': "\"? 'a\\u2028  b'\\n: 1\\n\"",
    'yaml.marshal(["a\\u2028 b", "a \\u2029b\\n", "\\u2028", "a\\u2028\\n"])': (
        '"- \\"a\\\\L b\\"\\n- \\"a \\\\Pb\\\\n\\"\\n- \'\\u2028\'\\n- |+\\n  a\\u2028\\n"'
    ),
    'yaml.marshal("\\ufeff\\"é\\n")': '"\\"\\\\uFEFF\\\\\\"\\\\xE9\\\\n\\"\\n"',
    'yaml.marshal({"\\ufeffa": "\\ufeff"})': '"\\"\\\\uFEFF\\\\x61\\": \\"\\\\uFEFF\\"\\n"',
    'yaml.marshal("a\\ufeffb")': '"\\"a\\\\uFEFFb\\"\\n"',
    'yaml.marshal("a\\u0085b")': '"a b\\n"',
    'yaml.marshal("a \\u0085 \\u0085 b\\t\\u0085")': '"\\"a\\\\nb\\\\t \\"\\n"',
    'yaml.marshal("\\u0085")': "\"' '\\n\"",
    'yaml.marshal("\\ufffe")': "fault: yaml.marshal: yaml: control characters are not allowed",
    'yaml.marshal("\\u007f")': "fault: yaml.marshal: yaml: control characters are not allowed",
    'yaml.marshal({"\\u0085": 1})': "fault: yaml.marshal: yaml: line 1: did not find expected ',' or '}'",
    'yaml.marshal({"\\r": 1})': '"? \\"\\\\r\\"\\n: 1\\n"',
    "yaml.marshal([-0, -0.0, 1e-400, 1e400, 0.1e400, 12345678901234567890123, 1e5, 1e6])": (
        '"- 0\\n- -0\\n- 0\\n- 1e400\\n- 0.1e400\\n- 1.2345678901234568e+22\\n- 100000\\n- 1e+06\\n"'
    ),
    "yaml.marshal([18446744073709551615, -9223372036854775808, -9223372036854775809])": (
        '"- 18446744073709551615\\n- -9223372036854775808\\n- -9.223372036854776e+18\\n"'
    ),
    'yaml.marshal({12345678901234567890123: 1, 5: 2, "a": 1, null: 3, [1]: 2, 1.50: 2, 1e400: 2})': (
        '"\'[1]\': 2\\n1e400: 2\\n\\"1.50\\": 2\\n\\"5\\": 2\\n\\"12345678901234'
        '567890123\\": 1\\na: 1\\n\\"null\\": 3\\n"'
    ),
    'yaml.marshal({"100000000000000000000": 1, "2": 2})': '"\\"2\\": 2\\n\\"100000000000000000000\\": 1\\n"',
    'yaml.marshal({sprintf("%01023d",[0]): 1})': "fault: yaml.marshal: yaml: did not find expected ',' or '}'",
    'yaml.marshal([[], {}, [[1], {"a": {}}], {"b": [1, {"c": [2]}]}])': (
        '"- []\\n- {}\\n- - - 1\\n  - a: {}\\n- b:\\n    - 1\\n    - c:\\n        - 2\\n"'
    ),
    'yaml.marshal({sprintf("%0130d",[0]): {"a": [1]}})': (
        '"? \\"0000000000000000000000000000000000000000000000000000000'
        "000000000000000000000000000000000000000000000000000000000000"
        '000000000000000\\"\\n: a:\\n    - 1\\n"'
    ),
    (
        'yaml.marshal(["a: b", "a:b", "a #b", "a#b", "- a", "-a", "?"'
        ', "? a", ":a", ": a", "a:", "", " ", "\'", "\\"a\\"", "a\\tb"])'
    ): (
        "\"- 'a: b'\\n- a:b\\n- 'a #b'\\n- a#b\\n- '- a'\\n- -a\\n- '?'\\n- '"
        "? a'\\n- :a\\n- ': a'\\n- 'a:'\\n- \\\"\\\"\\n- ' '\\n- ''''\\n- '\\\"a\\\""
        '\'\\n- \\"a\\\\tb\\"\\n"'
    ),
    (
        'yaml.marshal(["|", "%a", "@a", "---", "--- a", "...", "null"'
        ', "~", "yes", "1:20", "2024-01-02", "2024-01-02T03:04:05Z"])'
    ): (
        "\"- '|'\\n- '%a'\\n- '@a'\\n- '---'\\n- '--- a'\\n- '...'\\n- \\\"nul"
        'l\\"\\n- \\"~\\"\\n- \\"yes\\"\\n- \\"1:20\\"\\n- \\"2024-01-02\\"\\n- \\"2'
        '024-01-02T03:04:05Z\\"\\n"'
    ),
    ('yaml.marshal({"a": "x\\ny\\n", "b": "x\\n\\n", "c": " x\\ny", "d": "x \\ny", "e": "\\n", "f": "\\nx"})'): (
        '"a: |\\n  x\\n  y\\nb: |+\\n  x\\n\\nc: |2-\\n   x\\n  y\\nd: \\"x \\\\ny\\"\\ne: |2+\\n\\nf: |2-\\n\\n  x\\n"'
    ),
    'yaml.marshal("x\\ny")': '"|-\\n  x\\n  y\\n"',
    'yaml.marshal({"x\\ny": "z"})': '"? |-\\n  x\\n  y\\n: z\\n"',
    'yaml.marshal("\\u00a0é😀\\u001b\\u0000\\ue000")': '"\\"\\u00a0é\\\\U0001F600\\\\e\\\\0\\ue000\\"\\n"',
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


TEXTS = st.text(st.sampled_from("ab1.-:?#'\"\\ \n\u2028é😀[]{}&*!|>%@`~"), max_size=8)
"""No tabs: what begins with one and has a line break is written so that it cannot be read, by Go's library too."""


@given(st.recursive(TEXTS, lambda inside: st.lists(inside, max_size=3) | st.dictionaries(TEXTS, inside, max_size=3)))
def test_what_was_written_is_read(document: object) -> None:
    assert value("yaml.unmarshal(yaml.marshal(input.d))", d=document) == document
