"""What Go's decoder says to JSON texts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.rego.builtins.go_json import Pairs, first_value, whole_fault
from image_enforcer.rego.errors import BuiltinError

FAULTS = {
    "": "EOF",
    "  ": "EOF",
    "nul": "unexpected EOF",
    "tru1": "invalid character '1' in literal true (expecting 'e')",
    "{": "unexpected EOF",
    '{"a"': "unexpected EOF",
    '{"a" 1}': "invalid character '1' after object key",
    '{"a":1 "b"': "invalid character '\"' after object key:value pair",
    '{"a":1,}': "invalid character '}' looking for beginning of object key string",
    "{'a'": "invalid character '\\'' looking for beginning of object key string",
    "[1,]": "invalid character ']' looking for beginning of value",
    "[1 2]": "invalid character '2' after array element",
    '"\t"': "invalid character '\\t' in string literal",
    '"\\x"': "invalid character 'x' in string escape code",
    '"\\u12g"': "invalid character 'g' in \\u hexadecimal character escape",
    "-a": "invalid character 'a' in numeric literal",
    "1.": "unexpected EOF",
    "[1.a]": "invalid character 'a' after decimal point in numeric literal",
    "1ea": "invalid character 'a' in exponent of numeric literal",
    "é": "invalid character 'Ã' looking for beginning of value",
    "\udcff": "invalid character 'ÿ' looking for beginning of value",
    "NaN": "invalid character 'N' looking for beginning of value",
    "01": "error: invalid character '1' after top-level value",
    "{} x": "invalid character 'x' looking for beginning of value",
    "1 [": "error: invalid character '[' after top-level value",
    '1 "a"': "error: invalid character 'a' after top-level value",
    "1 true": "error: invalid character '%!s(bool=true)' after top-level value",
}


@pytest.mark.parametrize("text", FAULTS)
def test_faults(text: str) -> None:
    assert whole_fault(text) == FAULTS[text]


def test_pairs_stay_as_they_were_written() -> None:
    value, rest = first_value(' {"a": 1, "a": [null, "x"]} more')
    assert isinstance(value, Pairs)
    assert [name for name, _ in value.items] == ["a", "a"]
    assert value.get("a") == [None, "x"]
    assert rest == " more"


def test_nesting_has_a_limit() -> None:
    with pytest.raises(BuiltinError, match="exceeded max depth"):
        first_value("[" * 100_000)
    assert first_value('["' + "[" * 100_000 + '"]')[1] == ""


@given(st.text('[]{}",:\\ \n01.eE+-tfnulrase'))
def test_the_same_texts_are_refused_as_by_python(text: str) -> None:
    try:
        json.loads(text, parse_constant=float)
    except ValueError:
        wrong = True
    else:
        wrong = False
    assert (whole_fault(text) is not None) is wrong or text.rstrip().endswith("null")
