"""Types of values: outcomes as OPA gives them."""

from __future__ import annotations

import pytest

from tests.rego.builtins.expressions import outcome

OUTCOMES = {
    'to_number("1e3")': "1e3",
    'to_number("0x1p4")': "0x1p4",
    "type_name({1})": '"set"',
    # Numbers whose text is not that of JSON, and who takes them for what.
    'to_number("1_0.5") + 1': "11.5",
    'to_number("1__0")': 'fault: to_number: strconv.ParseFloat: parsing "1__0": invalid syntax',
    'to_number("1_")': 'fault: to_number: strconv.ParseFloat: parsing "1_": invalid syntax',
    'to_number("0x_1p1") + 0': "2",
    'to_number("1e1_0") == 1e10': "true",
    'to_number("1e-400") < 1': "true",
    'to_number("1.8e308")': 'fault: to_number: strconv.ParseFloat: parsing "1.8e308": value out of range',
    'to_number("1e-99999")': "fault: to_number: invalid number: number too big",
    'to_number("İnf")': "fault: to_number: operand 1 must be valid number string but got string",
    'to_number("0x1p99999")': 'fault: to_number: strconv.ParseFloat: parsing "0x1p99999": value out of range',
    'to_number("00000000000000000000001") + 0': "1",
    'sprintf("%v %d %T", [to_number("0x1p-2"), to_number("+7"), to_number("007")])': '"0x1p-2 7 int64"',
    (
        'sprintf("%v|%T|%x", [to_number("+18446744073709551615"), to_number("000000000000'
        '00000000001"), to_number("1_0")])'
    ): '"18446744073709551615|*big.Int|315f30"',
    'format_int(to_number("01565646011807550678090272"), 10)': '"1565646011807550678090272"',
    'numbers.range(to_number("+1"), 2)': "[1, 2]",
    'time.add_date(0, to_number("+0"), 0, 1)': "86400000000000",
    'substring("abc", 1.00000000000000000000, -1)': (
        "fault: substring: operand 2 must be integer number but got floating-point number"
    ),
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


KINDS = {
    "null": "null",
    "boolean": "true",
    "number": "1.5",
    "string": '""',
    "array": "[]",
    "object": "{}",
    "set": "set()",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_is_of_one_type(kind: str) -> None:
    assert outcome(f"type_name({KINDS[kind]})") == f'"{kind}"'
    for other, example in KINDS.items():
        assert outcome(f"is_{kind}({example})") == ("true" if other == kind else "false")
