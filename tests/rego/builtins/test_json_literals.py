"""Numbers that JSON has no way to write, and text that is nearly JSON: outcomes as OPA gives them."""

from __future__ import annotations

import pytest

from tests.rego.builtins.expressions import outcome

OUTCOMES = {
    'json.marshal([to_number("+7")])': 'fault: json.marshal: json: invalid number literal "+7"',
    'json.marshal({to_number(".5"): to_number("007")})': 'fault: json.marshal: json: invalid number literal ".5"',
    'json.marshal({"a": "+7", "b": [".5", 0.5]})': '"{\\"a\\":\\"+7\\",\\"b\\":[\\".5\\",0.5]}"',
    'json.marshal_with_options({"a": to_number("5.")}, {"pretty": true})': (
        'fault: json.marshal_with_options: json: invalid number literal "5."'
    ),
    'json.marshal({to_number("0x1p4")})': 'fault: json.marshal: json: invalid number literal "0x1p4"',
    'json.marshal([to_number("1e1_0")])': 'fault: json.marshal: json: invalid number literal "1e1_0"',
    'yaml.marshal([to_number("+7")])': (
        'fault: yaml.marshal: error marshaling into JSON: json: invalid number literal "+7"'
    ),
    'yaml.marshal({to_number("+7"): 1})': 'fault: yaml.marshal: json: invalid number literal "+7"',
    'strings.render_template("{{.a}}", {"a": to_number("5.")})': (
        "fault: strings.render_template: invalid character '}' after decimal point in numeric literal"
    ),
    'io.jwt.encode_sign({"alg": "HS256"}, {"a": to_number("5.")}, {})': (
        'fault: io.jwt.encode_sign: failed to marshal JWT payload: json: invalid number literal "5."'
    ),
    'io.jwt.encode_sign({"alg": "HS256"}, {}, {"a": to_number("5.")})': (
        'fault: io.jwt.encode_sign: failed to marshal JWT signature: json: invalid number literal "5."'
    ),
    'json.unmarshal("1.2.3")': "fault: json.unmarshal: invalid character '.' looking for beginning of value",
    'json.unmarshal("1 \\"\\\\ud800\\"")': (
        "fault: json.unmarshal: error: invalid character '�' after top-level value"
    ),
    'json.is_valid("1e99999")': "true",
    'json.is_valid("1e99999 null")': "false",
    'json.verify_schema("1e99999x")': '[false, "jsonschema: invalid JSON string"]',
    'json.marshal_with_options(1, {"z": 1, "x": 1})': (
        'fault: json.marshal_with_options: operand 2 object contained unknown key "x"'
    ),
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]
