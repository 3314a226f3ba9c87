"""Trees with lines: what kubectl reads is read the same, hostile text ends in a reason, never in a crash."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.analysis import marked
from image_enforcer.analysis.marked import Mapping, Node, Scalar, Sequence, Type, Unreadable, documents


def plain(node: Node | Unreadable) -> Any:
    """The tree as Python values; numbers as their text in a tuple."""
    match node:
        case Unreadable():
            return node
        case Scalar(Type.STRING, text, _):
            return text
        case Scalar(Type.NULL, _, _):
            return None
        case Scalar(Type.BOOLEAN, text, _):
            return text == "true"
        case Scalar(_, text, _):
            return (text,)
        case Sequence(items, _):
            return [plain(item) for item in items]
        case Mapping(entries, _, _):
            return {key: plain(value) for key, value in entries.items()}


def only(text: str) -> Any:
    (found,) = documents(text)
    return found


def reason(text: str) -> tuple[str, int]:
    found = only(text)
    assert isinstance(found, Unreadable), found
    return found.text, found.line


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: yes", {"a": "yes"}),
        ("a: on", {"a": "on"}),
        ("a: true", {"a": True}),
        ("a: ~", {"a": None}),
        ("a:", {"a": None}),
        ("a: 5", {"a": ("5",)}),
        ("a: 1.50", {"a": ("1.50",)}),
        ("a: 0x1F", {"a": ("0x1F",)}),
        ("a: .inf", {"a": (".inf",)}),
        ("a: '5'", {"a": "5"}),
        ("a: !!str 5", {"a": "5"}),
        ("a: ! 5", {"a": "5"}),
        ("a: 2001-01-01", {"a": "2001-01-01"}),
        ("a: 12:30", {"a": "12:30"}),
        ("a: >-\n  b\n  c", {"a": "b c"}),
        ("1: a", {"1": "a"}),
        ("null: a", {"null": "a"}),
        ("'<<': {b: 1}", {"<<": {"b": ("1",)}}),
        ("x: &x {b: 1, c: 2}\ny: {<<: *x, b: 3}", {"x": {"b": ("1",), "c": ("2",)}, "y": {"b": ("3",), "c": ("2",)}}),
        ("- &x {b: B}\n- &y {b: Y, c: C}\n- <<: [*x, *y]", [{"b": "B"}, {"b": "Y", "c": "C"}, {"b": "B", "c": "C"}]),
        ("a: &x [1]\nb: *x", {"a": [("1",)], "b": [("1",)]}),
        ("\ufeffa: b", {"a": "b"}),
        ("%YAML 1.1\n---\na: b", {"a": "b"}),
        ('{"a": "\\ud83d\\ude00", "b": [1.50, -0, true, false, null, {}], "<<": {"c": "\\/"}}',
         {"a": "\U0001f600", "b": [("1.50",), ("-0",), True, False, None, {}], "<<": {"c": "/"}}),
        ('{\n\t"a": "tabs are fine in JSON"\n}', {"a": "tabs are fine in JSON"}),
        ("{a: b}", {"a": "b"}),
    ],
)  # fmt: skip
def test_values(text: str, value: Any) -> None:
    assert plain(only(text)) == value


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("a: 1\nb: 2\na: 3", "the key 'a' stands twice", 3),
        ('{"a": 1,\n "a": 2}', "the key 'a' stands twice", 2),
        ("a: 1\nb: c: d", "mapping values are not allowed", 2),
        ("a: &x [*x]", "anchored as 'x'", 1),
        ("a: *nowhere", "anchored as 'nowhere'", 1),
        ("? [a]\n: b", "a key that is not a plain value", 1),
        ("? {a: 1}\n: b", "a key that is not a plain value", 1),
        ("a: !!python/object:os.system x", "tag", 1),
        ("a: !custom [1]", "tag", 1),
        ("a: !!set {b}", "tag", 1),
        ("a: {<<: 5}", "takes over what is not an object", 1),
        ("a: b\nc: \x1b[31m", "control characters", 2),
        ("\x00\x01", "control characters", 1),
        ('a: "b', "unexpected end", 1),
        ("a: 1\n\tb: 2", "", 2),
        ('{"a":\n "\\ud800"}', "surrogate", 2),
        ("a: \x85\x00", "control", 1),
    ],
)
def test_what_is_no_document_is_told_with_its_line(text: str, words: str, line: int) -> None:
    said, where = reason(text)
    assert words in said
    assert where == line


def test_a_broken_document_leaves_the_others() -> None:
    found = list(documents("a: 1\n---\nb: c: d\n---\n# nothing\n---\n- e\n...\nf: 1\n"))
    assert [plain(d) if not isinstance(d, Unreadable) else d.line for d in found][:3] == [{"a": ("1",)}, 3, ["e"]]


def test_separators_inside_block_text_do_not_separate_where_they_are_indented() -> None:
    assert plain(only("a: |\n  b\n  ---\n  c\n")) == {"a": "b\n---\nc\n"}


def test_lines_are_those_of_an_editor() -> None:
    text = "# é\n---\r\na: 'one\u2028line'\r\nb:\r\n  c: '\u0085 is none'\r\n\U0001f600: [\r\n  d]\r\n"
    found = only(text)
    assert isinstance(found, Mapping)
    assert found.lines == {"a": 3, "b": 4, "\U0001f600": 6}
    inner = found.entries["b"]
    assert isinstance(inner, Mapping)
    assert inner.lines == {"c": 5}


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", '{"a":', "[[{"])
@pytest.mark.parametrize("times", [300, 300_000])
def test_depth_is_bounded(opening: str, times: int) -> None:
    found = list(documents(opening * times))
    assert len(found) == 1
    assert isinstance(found[0], Unreadable)


def test_aliases_of_aliases_take_no_room() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 60)]
    found = only("\n".join(lines))
    assert isinstance(found, Mapping)
    with pytest.raises(Unreadable, match="more than 1,000,000 values"):
        marked.to_json(found)


def test_merging_what_was_merged_is_bounded() -> None:
    wide = ", ".join(f"k{i}: 1" for i in range(2000))
    text = f"x: &x {{{wide}}}\ny:\n" + "".join("  - {<<: *x}\n" for _ in range(2000))
    assert reason(text)[0] == "more than 1,000,000 values"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("piece", "times", "ends"),
    [("- [a, b, c]\n", 26_000, ("", "")), ("[],\n", 100_001, ("[", "[]]")), ("[],\n", 200_001, ("[", "[]]"))],
)
def test_many_values_are_refused(
    piece: str, times: int, ends: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marked, "MAX_NODES", 100_000)
    assert reason((piece * times).join(ends))[0] == "more than 100,000 values"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a: [1.50, 0x1F, 017, 0b11, 1_000, +1, .5, 1.e400]", None),
        ("a: [1.50, 0x1F, 017, 0b11, 1_000, +1, .5, 1.e2, true, ~, 'x\"']",
         '{"a":[1.50,31,15,3,1000,1,0.5,100.0,true,null,"x\\""]}'),
        ("a: .nan", None),
        ("{}", "{}"),
        ("[]", "[]"),
        ("{b: {}, a: [[]]}", '{"b":{},"a":[[]]}'),
    ],
)  # fmt: skip
def test_to_json(text: str, written: str | None) -> None:
    if written is None:
        with pytest.raises(Unreadable, match="a number that JSON cannot say"):
            marked.to_json(only(text))
    else:
        assert marked.to_json(only(text)) == written


words = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abc<", max_size=3), json_values, max_size=4), st.sampled_from([None, 1]), st.booleans())
def test_json_comes_back(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert json.loads(marked.to_json(only(text))) == value


@given(st.text(st.sampled_from("ab:-[]{}&*<>|!%#'\"\n\t ,?~.0\\\x00\ufeff\u2028"), max_size=60))
def test_any_text_ends(text: str) -> None:
    for found in documents(text):
        assert isinstance(found, Scalar | Sequence | Mapping | Unreadable)
        assert found.line >= 1
