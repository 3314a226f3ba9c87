"""``sprintf``: outcomes as OPA gives them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.rego.builtins import sprintf
from tests.rego.builtins.expressions import outcome, value

OUTCOMES = {
    (
        'sprintf("%5d|%-5d|%05d|%x|%X|%b|%o|%c|%q|%U", [42, 42, 42, 255, 255, 5, 8, 65, 65, 65])'
    ): "\"   42|42   |00042|ff|FF|101|10|A|'A'|U+0041\"",
    'sprintf("%6.2f|%e|%g|%v", [3.14159, 12345.678, 0.00001234, 1e21])': '"  3.14|1.234568e+04|1.234e-05|1e+21"',
    (
        'sprintf("%s|%10s|%-10s|%q|%x|%.2s", ["a", "b", "c", "d\\"", "hi", "xyz"])'
    ): '"a|         b|c         |\\"d\\\\\\"\\"|6869|xy"',
    'sprintf("%d %d", [1])': '"1 %!d(MISSING)"',
    'sprintf("%d", [1, 2])': '"1%!(EXTRA int64=2)"',
    'sprintf("%z", [1])': '"%!z(int64=1)"',
    'sprintf("%[2]d %[1]d", [1, 2])': '"2 1"',
    'sprintf("%v %v %v", [{"a": [1, null]}, {1, 2}, true])': '"{\\"a\\": [1, null]} {1, 2} true"',
    'sprintf("%t", [true])': '"%!t(string=true)"',
    'sprintf("%T %T %T", [1, "a", 1.5])': '"int64 string float64"',
    'sprintf("%%|%5%", [])': '"%|%"',
    'sprintf("%+d % d %#x", [5, 5, 255])': '"+5  5 0xff"',
    'sprintf("%08.3f", [-3.14159])': '"-003.142"',
    'sprintf("%*d", [5, 42])': '"   42"',
    'sprintf("%v %g %v", [1e6, 123456789.125, 123456.5])': '"1e+06 1.23456789125e+08 123456.5"',
    'sprintf("%#g|%#.3x|%e|%.2x", [0.0, 0.0, -0.0, 123456789.125])': ('"0.00000|0x0.000p+00|-0.000000e+00|0x1.d7p+26"'),
    'sprintf("%b %b", [5e-324, 1e20])': '"1p-1074 6103515625000000p+14"',
    'sprintf("x", [1e6, 2.5])': '"x%!(EXTRA float64=1e+06, float64=2.5)"',
    'sprintf("%#d", ["abc"])': '"%!d(string=abc)"',
    'sprintf("%5.", [5])': '"%!.(int64=    5)"',
    'sprintf("%99999999d", [5])': '"%!(NOVERB)%!(EXTRA int64=5)"',
    'sprintf("%[9]1d", [5])': '"%!d(BADINDEX)"',
    'sprintf("%#O %#U", [8, 1114112])': '"0o010 U+110000"',
    'sprintf("%c", [18446744073709551616])': '"%!c(big.Int=18446744073709551616)"',
    'sprintf("%w", [18446744073709551616])': '"%!w(*big.Int=&{false [0 1]})"',
    'sprintf("%#6w", [18446744073709551616])': '"%!w(*big.Int=&big.Int{neg: false, abs:big.nat{   0x0,    0x1}})"',
    'sprintf("%+w", [-18446744073709551617])': '"%!w(*big.Int=&{neg:true abs:[1 1]})"',
    'sprintf("%#08o|%#08o|%#o", [-7, 511, 7])': '"-0000007|00000777|07"',
    'sprintf("%+v", [18446744073709551616])': '"+18446744073709551616"',
    'sprintf("%.2T", [1])': '"in"',
    'sprintf("%d", [123456789012345678901234567890])': '"123456789012345678901234567890"',
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, 40))
def test_integers_as_python_formats_them(number: int, width: int) -> None:
    for verb, style in {"d": "d", "x": "x", "X": "X", "o": "o", "b": "b"}.items():
        for flags, alignment in {"": ">", "-": "<"}.items():
            got = value("sprintf(input.f, [input.n])", f=f"%{flags}{width or ''}{verb}", n=number)
            assert got == format(format(number, style), f"{alignment}{width}")


@given(st.text())
def test_text_without_verbs_stays(text: str) -> None:
    escaped = text.replace("%", "%%")
    assert value("sprintf(input.f, [])", f=escaped) == text
    assert value("sprintf(input.f, [input.t])", f="%s", t=text) == text


@given(st.text(st.sampled_from("%+-# 0123456789.*[]dsvxqTtfgeU!é"), max_size=12), st.lists(st.integers(), max_size=3))
def test_any_format_has_an_outcome(form: str, arguments: list[int]) -> None:
    assert type(value("sprintf(input.f, input.a)", f=form, a=arguments)) is str


class Free:
    """Who pays for nothing."""

    def spend(self, steps: int, size: int = 0) -> None:
        """Nobody counts."""


@given(
    st.lists(st.sampled_from(["%v", "%s", "%d", "%q", " and ", "%%", "é", '"']), max_size=4),
    st.lists(st.one_of(st.integers(), st.text(st.sampled_from('ab "\\\n\x7fé')), st.booleans(), st.none()), max_size=3),
)
def test_the_quick_way_is_the_other_way(parts: list[str], arguments: list[Any]) -> None:
    form = "".join(parts)
    made = sprintf._plainly(form, arguments)
    context: Any = Free()
    if made is not None:
        assert made == "".join(sprintf.Formatter(context, [sprintf._arg(a) for a in arguments]).run(form))


def test_quoted_names_go_the_quick_way() -> None:
    assert sprintf._plainly("image %q of %v", ["nginx:1", 3]) == 'image "nginx:1" of 3'
    assert sprintf._plainly("image %q", ['a"b']) is None
    assert sprintf._plainly("image %q", [65]) is None
