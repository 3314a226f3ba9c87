"""JSON text to values and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer import rego
from image_enforcer.rego import json_text
from image_enforcer.rego.json_escapes import pattern
from image_enforcer.rego.json_output import escapes
from image_enforcer.rego.json_text import MAX_DEPTH, from_json, quote, to_json
from image_enforcer.rego.values import Num, RegoSet, equal, key

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=20,
)
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)


@given(JSON)
def test_reading_what_python_writes(document: Any) -> None:
    text = json.dumps(document)
    value = from_json(text)
    again = json.loads(to_json(value))
    assert again == json.loads(json.dumps(document).encode("utf-8", "replace"))
    assert equal(from_json(to_json(value)), value)
    assert equal(from_json(to_json(value, indent=2)), value)
    assert json.loads(to_json(value, html_safe=False)) == again


@given(NUMBERS)
def test_numbers_keep_their_text(number: str) -> None:
    for text in (number, f"[{number}]", f'{{"a":{number}}}'):
        assert to_json(from_json(text)) == text


@given(st.text())
def test_strings_are_escaped_as_go_does(text: str) -> None:
    quoted = quote(text)
    assert json.loads(quoted) == text.encode("utf-8", "replace").decode()
    assert not set(quoted) & set("<>&\u2028\u2029\n\t")


@given(st.text(st.sampled_from('[]{}:,"\\u0129dDeE+-. tfn\n'), max_size=30))
def test_any_text_is_a_value_or_a_reason(text: str) -> None:
    try:
        value = from_json(text)
    except ValueError as reason:
        value = str(reason)
    assert equal(from_json(to_json(value)), value)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("-0", "-0"), ("[-0.0, -0]", "[-0.0,-0]"), ("1E400", "1E400"), ('{"b":1,"a":2,"b":3}', '{"a":2,"b":3}'),
        ('"\\ud83d\\ude00"', '"\U0001f600"'), ('"\\ud83d"', '"\ufffd"'), ('"\\ude00\\ud83d x"', '"\ufffd\ufffd x"'),
        ('"\\\\ud83d"', '"\\\\ud83d"'), (' [ ] ', "[]"), ('"\\u007f\\u0001"', '"\x7f\\u0001"'),
        ('"\\u2028<"', '"\\u2028\\u003c"'),
    ],
)  # fmt: skip
def test_oddities(text: str, written: str) -> None:
    assert to_json(from_json(text)) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "nul",
        "01",
        "1.",
        ".5",
        "+1",
        "[1,]",
        "{'a':1}",
        '"\t"',
        "1 2",
        "NaN",
        "[-0, Infinity]",
        '"\\x"',
        "{1:2}",
    ],
)
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_json(text)


@pytest.mark.parametrize(
    "inside", ['"["', '"]"', '"\\""', '"\\\\"', '"{\\"["', '""', "1", '{"[": "]"}', '{"a\\\\": "\\"["}']
)
def test_brackets_in_strings_are_no_levels(inside: str) -> None:
    room = MAX_DEPTH - (1 if inside[0] == "{" else 0)
    wide = "[" + ",".join([inside] * (2 * MAX_DEPTH)) + "]"
    for levels, fits in ((room - 1, True), (room, False)):
        text = "[" * levels + wide + "]" * levels
        if fits:
            assert to_json(from_json(text)) == text.replace(" ", "")
        else:
            with pytest.raises(ValueError, match="nested deeper"):
                from_json(text)


def test_nesting_is_bounded() -> None:
    deep = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert to_json(from_json(deep)) == deep
    for text in (f"[{deep}]", '{"a":' * 100_000, "[" * 100_000, "[" * 1_000_000 + "]" * 1_000_000):
        with pytest.raises(ValueError, match="nested deeper"):
            from_json(text)
    assert from_json('"' + "[" * 100_000 + '"') == "[" * 100_000


@pytest.mark.parametrize("text", ["1e400000000", "1e-400000000", "9" * 100_000, "-" + "9" * 4_400])
def test_numbers_are_bounded(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_json(text)


def test_sets_and_keys_that_are_no_strings() -> None:
    value = {"s": RegoSet.of(["b", "a", 1]), key([1]): 2, key(True): Num("1.50"), 3: None}
    assert to_json(value) == '{"3":null,"[1]":2,"s":[1,"a","b"],"true":1.50}'


def test_text_is_bounded() -> None:
    value: Any = "x"
    for _ in range(60):
        value = [value, value]
    with pytest.raises(rego.LimitError) as caught:
        to_json(value, most=100_000)
    assert caught.value.kind == "output"
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(rego.LimitError) as caught:
        to_json(deep)
    assert caught.value.kind == "depth"


@given(st.text(alphabet='\\"[]{}a', max_size=40), st.integers(1, 5))
def test_how_deep_a_text_nests_is_found_piece_by_piece(text: str, part: int) -> None:
    raw = ("[" * 600 + text).encode()
    whole = json_text._too_deep(raw)
    size = json_text._PART
    json_text._PART = part  # type: ignore[misc]  # pieces of a text that fits here
    try:
        assert json_text._too_deep(raw) == whole
    finally:
        json_text._PART = size  # type: ignore[misc]


@given(st.text(), st.booleans())
def test_what_is_escaped(text: str, html_safe: bool) -> None:
    assert escapes(text, html_safe) == (pattern(html_safe).search(text) is not None)
