"""Strings: outcomes as OPA gives them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rego.builtins.expressions import outcome, value

OUTCOMES = {
    'strings.replace_n({"": "-", "a": "b"}, "ab")': '"-b-b-"',
    'strings.replace_n({"": "-", "é": "x"}, "éa")': '"-x-a-"',
    'strings.replace_n({"a": "", "b": "bb"}, "abab")': '"bbbb"',
    'substring("abc", -0, 2)': '"ab"',
    'substring("abc", 1.00000000000000000, 2)': '"bc"',
    'substring("abc", 1.000000000000000000, 2)': (
        "fault: substring: operand 2 must be integer number but got floating-point number"
    ),
    "format_int(10, 10.0)": "fault: format_int: operand 2 must be one of {2, 8, 10, 16}",
    'upper("ᾳΐŉßǆǅﬁ")': '"ᾼΐŉßǄǄﬁ"',
    'lower("İΣßǅK")': '"iσßǆk"',
    'concat(",", {"b", "a"})': '"a,b"',
    'split("a,b,,c", ",")': '["a", "b", "", "c"]',
    'substring("héllo", 1, 2)': '"él"',
    'substring("abc", 2, 10)': '"c"',
    'indexof("abcabc", "c")': "2",
    'indexof_n("aaaa", "aa")': "[0, 1, 2]",
    'lower("ÀÉİ")': '"àéi"',
    'upper("straße ﬁ")': '"STRAßE ﬁ"',
    'trim(" \\u00a0x ", " ")': '"\\u00a0x"',
    'trim_space("\\u00a0 x\\u2003")': '"x"',
    'strings.replace_n({"a": "b", "b": "a"}, "abba")': '"baab"',
    'replace("aaa", "", "-")': '"-a-a-a-"',
    'strings.count("cheese", "e")': "3",
    'strings.reverse("añb")': '"bña"',
    "format_int(255, 16)": '"ff"',
    "format_int(-7.9, 2)": '"-111"',
    'strings.any_prefix_match(["abc", "x"], ["ab"])': "true",
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


@given(st.text(), st.text(min_size=1, max_size=2))
def test_as_python_does(text: str, part: str) -> None:
    got = value(
        "[split(input.t, input.p), indexof(input.t, input.p), strings.count(input.t, input.p),"
        ' replace(input.t, input.p, "-"), contains(input.t, input.p), startswith(input.t, input.p),'
        " trim_prefix(input.t, input.p), trim(input.t, input.p), strings.reverse(input.t), count(input.t)]",
        t=text, p=part,
    )  # fmt: skip
    assert got == [
        text.split(part), text.find(part), text.count(part), text.replace(part, "-"), part in text,
        text.startswith(part), text.removeprefix(part), text.strip(part), text[::-1], len(text),
    ]  # fmt: skip


@given(st.text())
def test_case_keeps_the_number_of_characters(text: str) -> None:
    assert value("[count(lower(input.t)), count(upper(input.t))]", t=text) == [len(text)] * 2


def test_of_two_wrong_operands_the_first_is_told() -> None:
    assert (
        outcome("contains(input.a, input.b)", a=1, b=[]) == "fault: contains: operand 1 must be string but got number"
    )
