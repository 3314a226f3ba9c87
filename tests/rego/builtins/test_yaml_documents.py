"""YAML as Go's library reads it: outcomes as OPA gives them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rego.builtins.expressions import outcome, value

OUTCOMES = {
    ('yaml.unmarshal("a: !!str 1\\nb: !!int \\"5\\"\\nc: !!float 1\\nd: !foo 1\\ne: ! 5\\nf: !!binary aGk=")'): (
        '{"a": "1", "b": 5, "c": 1, "d": "1", "e": 5, "f": "hi"}'
    ),
    'yaml.unmarshal("!!int 1.5")': "fault: yaml.unmarshal: yaml: cannot decode !!float `1.5` as a !!int",
    'yaml.unmarshal("!!int abc")': "fault: yaml.unmarshal: yaml: cannot decode !!str `abc` as a !!int",
    'yaml.unmarshal("!!bool yes")': "fault: yaml.unmarshal: yaml: cannot decode !!str `yes` as a !!bool",
    'yaml.unmarshal("!!null x")': "fault: yaml.unmarshal: yaml: cannot decode !!str `x` as a !!null",
    'yaml.unmarshal("2020-01-01")': '"2020-01-01"',
    'yaml.unmarshal("!!binary x")': "fault: yaml.unmarshal: yaml: !!binary value contains invalid base64 data",
    'yaml.unmarshal("!!str")': '""',
    'yaml.unmarshal("- !!str\\n- !!null\\n- !!int 0x10")': '["", null, 16]',
    'yaml.unmarshal("<<: 1")': ("fault: yaml.unmarshal: yaml: map merge requires map or sequence of maps as the value"),
    'yaml.unmarshal("<<: {a: 1}\\na: 2\\nb: 3")': '{"a": 2, "b": 3}',
    'yaml.unmarshal("a: &x {b: 1}\\nc:\\n  <<: [*x, {b: 2, d: 4}]")': '{"a": {"b": 1}, "c": {"b": 1, "d": 4}}',
    'yaml.unmarshal("<<: [1]")': (
        "fault: yaml.unmarshal: yaml: map merge requires map or sequence of maps as the value"
    ),
    'yaml.unmarshal("\\"<<\\": {a: 1}")': '{"<<": {"a": 1}}',
    'yaml.unmarshal("!!str <<: {a: 1}")': '{"<<": {"a": 1}}',
    'yaml.unmarshal("1.5: a\\n0.1: b\\n1234567.5: c\\n16777217.0: d\\n1e400: e\\n.inf: f\\n1e39: g")': (
        '{".inf": "g", "0.1": "b", "1.2345675e+06": "c", "1.5": "a", "1.6777216e+07": "d", "1e400": "e"}'
    ),
    'yaml.unmarshal("? [1]\\n: 2")': "fault: yaml.unmarshal: yaml: invalid map key: []interface {}{1}",
    'yaml.unmarshal("~: 2")': "fault: yaml.unmarshal: unsupported map key of type: %!s(<nil>), key: <nil>, value: 2",
    'yaml.unmarshal("? {a: 1}\\n: 2")': (
        'fault: yaml.unmarshal: yaml: invalid map key: map[string]interface {}{"a":1}'
    ),
    'yaml.unmarshal("1: a\\n\\"1\\": b")': '{"1": "b"}',
    'yaml.unmarshal("true: a\\n0x10: b\\n-0: c\\n-0.0: d")': '{"-0": "d", "0": "c", "16": "b", "true": "a"}',
    'yaml.unmarshal("[.inf, 1]")': "fault: yaml.unmarshal: json: unsupported value: +Inf",
    'yaml.unmarshal(".nan")': "fault: yaml.unmarshal: json: unsupported value: NaN",
    'yaml.unmarshal("- .INF")': "fault: yaml.unmarshal: json: unsupported value: +Inf",
    'yaml.unmarshal("- .1_0\\n- .Infinity\\n- .NaN5")': '[0.1, ".Infinity", ".NaN5"]',
    'yaml.unmarshal("a: b\\u2028c: d")': '{"a": "b", "c": "d"}',
    'yaml.unmarshal("\\"a\\u2028b\\"")': '"a\\u2028b"',
    'yaml.unmarshal("|\\n a\\u2028 b\\n")': '"a\\u2028b\\n"',
    'yaml.unmarshal("a\\u0085b: c")': (
        "fault: yaml.unmarshal: yaml: line 2: mapping values are not allowed in this context"
    ),
    "yaml.unmarshal(\"'a\\u2028b'\")": '"a\\u2028b"',
    'yaml.unmarshal("a\\u2028b")': '"a\\u2028b"',
    'yaml.unmarshal("\\"\\\\\\\\/\\"")': '"\\\\/"',
    "yaml.unmarshal(\"'\\\\/'\")": '"\\\\/"',
    'yaml.unmarshal("\\ufffe")': "fault: yaml.unmarshal: yaml: control characters are not allowed",
    'yaml.unmarshal("a\\ufeffb")': '"a\\ufeffb"',
    'yaml.unmarshal("a: 1\\na: 2\\n<<: {a: 5, b: 1}\\n<<: {b: 3, c: 4}")': '{"a": 2, "b": 1, "c": 4}',
    'yaml.unmarshal("? a\\n? b")': '{"a": null, "b": null}',
    'yaml.unmarshal("? !!set {a, b}\\n: 1")': (
        "fault: yaml.unmarshal: yaml: invalid map key: map[string]int"
        'erface {}{"a":interface {}(nil), "b":interface {}(nil)}'
    ),
    'yaml.unmarshal("!!set {a, b}")': '{"a": null, "b": null}',
    'yaml.unmarshal("!!omap [a: 1]")': '[{"a": 1}]',
    'yaml.unmarshal("%YAML 1.1\\n---\\n1")': "1",
    'yaml.unmarshal("%YAML 1.3\\n---\\n1")': "fault: yaml.unmarshal: yaml: found incompatible YAML document",
    'yaml.unmarshal("%TAG ! tag:x,2000:\\n---\\n!foo 1")': '"1"',
    'yaml.unmarshal("")': "null",
    'yaml.unmarshal("# c")': "null",
    'yaml.unmarshal("---")': "null",
    'yaml.unmarshal("--- 1\\n...\\n--- 2")': "1",
    'yaml.unmarshal("1\\n2")': '"1 2"',
    'yaml.unmarshal("a:\\tb")': '{"a": "b"}',
    'yaml.unmarshal("\\ta: b")': "fault: yaml.unmarshal: yaml: found character that cannot start any token",
    'yaml.unmarshal("a: \'x")': "fault: yaml.unmarshal: yaml: found unexpected end of stream",
    'yaml.unmarshal("a: [1, 2")': "fault: yaml.unmarshal: yaml: line 1: did not find expected ',' or ']'",
    'yaml.unmarshal("a: }")': "fault: yaml.unmarshal: yaml: did not find expected node content",
    'yaml.unmarshal("@a")': "fault: yaml.unmarshal: yaml: found character that cannot start any token",
    'yaml.unmarshal("`a")': "fault: yaml.unmarshal: yaml: found character that cannot start any token",
    'yaml.unmarshal("a: b: c")': "fault: yaml.unmarshal: yaml: mapping values are not allowed in this context",
    'yaml.unmarshal("- a\\nb")': "fault: yaml.unmarshal: yaml: line 2: could not find expected ':'",
    'yaml.unmarshal("x: >-\\n  a\\n  b\\n\\n  c\\n")': '{"x": "a b\\nc"}',
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


@given(st.text(st.sampled_from("ab1.-+_eEx0o:[]{}'\"\\/ \n&*!<~#|>%@\u2028\ufeffé"), max_size=12))
def test_every_text_is_a_document_or_a_fault(text: str) -> None:
    is_fault = outcome("yaml.unmarshal(input.t)", t=text).startswith("fault: yaml.unmarshal: ")
    assert value("yaml.is_valid(input.t)", t=text) is not is_fault
