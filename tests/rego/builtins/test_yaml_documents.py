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


DOCUMENTS = {
    '---\n1\n...\n"\\/"': "fault: yaml: line 4: found unknown escape character",
    '- "a\n  \\/"': "fault: yaml: line 2: found unknown escape character",
    "- '\\/'\n- a\\/b\n- \"\\\\/\"": '["\\\\/", "a\\\\/b", "\\\\/"]',
    "{a:, '\\/':b, c\\/:}": '{"\\\\/": "b", "a:": null, "c\\\\/:": null}',
    "<<:\n  +1: a\n  ~: b\n  1.50: c\n  !!binary YQ==: d": '{"+1": "a", "1.50": "c", "a": "d"}',
    "<<: {[1]: a}": "fault: yaml: unmarshal errors:\n  line 1: cannot unmarshal !!seq into string",
    "1: 1\n<<: {[1]: a}": "fault: yaml: runtime error: hash of unhashable type []interface {}",
    "1: x\n<<: {1: a, 2: c}": '{"1": "x", "2": "c"}',
    "a: x\n<<: {a: [.inf], b: 1}": '{"a": "x", "b": 1}',
    "a: x\n<<: [{a: 2, b: 2}, {b: 3, c: 4}]": '{"a": "x", "b": 2, "c": 4}',
    "<<: {<<: {a: 1, b: 2}, a: 3}": '{"a": 3, "b": 2}',
    "<<: {a: 1, a: 2}": '{"a": 2}',
    "x: &x [1]\n<<: *x": "fault: yaml: map merge requires map or sequence of maps as the value",
    "a: &x 1\nb: &x 2\nc: *x": '{"a": 1, "b": 2, "c": 2}',
    "a: &x 1\n---\nb: *x\n": '{"a": 1}',
    "- &x [*x]": "fault: yaml: anchor 'x' value contains itself",
    "? [1]\n: 2\n? [3]\n: 4": 'fault: yaml: unmarshal errors:\n  line 3: mapping key "" already defined at line 1',
    "0x1: a\n'0x1': b": 'fault: yaml: unmarshal errors:\n  line 2: mapping key "0x1" already defined at line 1',
    "~: 1\n~: 2": 'fault: yaml: unmarshal errors:\n  line 2: mapping key "~" already defined at line 1',
    "2024-1-2: a\n2024-1-2: b": (
        'fault: yaml: unmarshal errors:\n  line 2: mapping key "2024-1-2" already defined at line 1'
    ),
    (
        "- !!timestamp 2001-12-14t21:59:43.10-05:00\n- !!timestamp '2001-1-1'\n- !!timestamp 2001-12-14t21:59:43+00:00"
    ): '["2001-12-14T21:59:43.1-05:00", "2001-01-01T00:00:00Z", "2001-12-14T21:59:43Z"]',
    "!!timestamp x": "fault: yaml: cannot decode !!str `x` as a !!timestamp",
    "!!timestamp 2024-01-02: 1": (
        "fault: unsupported map key of type: time.Time, key: time.Date(2024, time.January, 2, 0, 0,"
        " 0, 0, time.UTC), value: 1"
    ),
    (
        "? {1: a, 1.5: b, true: c, x: 1.5, ~: e, 18446744073709551615: f, .inf: 1e7, false: q, -3: "
        ".nan, !!timestamp 2024-01-02: 1}\n: 1"
    ): (
        'fault: yaml: invalid map key: map[interface {}]interface {}{interface {}(nil):"e", "x":1.5'
        ', 0xffffffffffffffff:"f", -3:NaN, 1:"a", 1.5:"b", +Inf:1e+07, false:"q", true:"c", time.Da'
        "te(2024, time.January, 2, 0, 0, 0, 0, time.UTC):1}"
    ),
    "b: .nan\na: .inf": "fault: json: unsupported value: +Inf",
    "z: .inf\n~: .nan": "fault: unsupported map key of type: %!s(<nil>), key: <nil>, value: NaN",
    "1: .nan\n!!int x: 1": "fault: yaml: cannot decode !!str `x` as a !!int",
    "1: 2\n1: [.inf]\n1: 3": '{"1": 3}',
    "[a b?, c]": "fault: yaml: did not find expected ',' or ']'",
    "{a:}": '{"a:": null}',
    "[a:,b:]": '["a:", "b:"]',
    "*k: |0": "fault: yaml: found an indentation indicator equal to 0",
    "}@a": "fault: yaml: found character that cannot start any token",
    "'a':\n- *k : \"\\q\"": "fault: yaml: line 2: found unknown escape character",
}
"""Texts with what they are; faults without the name of the built-in."""


@pytest.mark.parametrize("text", DOCUMENTS)
def test_document(text: str) -> None:
    found = outcome("yaml.unmarshal(input.t)", t=text)
    assert found.replace("fault: yaml.unmarshal: ", "fault: ") == DOCUMENTS[text]


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


@given(st.text(st.sampled_from("ab1.-+_eEx0o:[]{}'\"\\/ \n&*!<~#|>%@\u2028\ufeffé"), max_size=12))
def test_every_text_is_a_document_or_a_fault(text: str) -> None:
    is_fault = outcome("yaml.unmarshal(input.t)", t=text).startswith("fault: yaml.unmarshal: ")
    assert value("yaml.is_valid(input.t)", t=text) is not is_fault
