"""The text of data files: values, and faults with OPA's words and the place."""

import pytest

from image_enforcer.opa.document_text import MAX_PLAIN_YAML, document, document_of_unknown
from image_enforcer.opa.errors import LoadError
from image_enforcer.rego import to_json
from image_enforcer.rego.builtins.yaml_documents import MAX_NODES


def fault(path: str, text: str) -> tuple[str, str]:
    with pytest.raises(LoadError) as caught:
        document(path, text)
    (cause,) = caught.value.causes
    return cause.text, cause.hint


def test_json_and_yaml_by_name() -> None:
    assert document("a.json", '{"a": [1, true, null]}') == {"a": [1, True, None]}
    assert document("a.yaml", "a:\n- 1\n- x: yes\n") == {"a": [1, {"x": "yes"}]}
    assert document("a.yml", "") is None


def test_a_name_that_does_not_tell() -> None:
    assert document_of_unknown("a.txt", '{"a": 1}') == {"a": 1}
    assert document_of_unknown("a.txt", "a: 1") == {"a": 1}
    assert document_of_unknown("a.txt", "hello") == "hello"
    assert to_json(document_of_unknown("a", "[12345678901234567890123, 1.50]")) == "[12345678901234567890123,1.50]"


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("a", "{", "a: unexpected EOF"),
        ("a.json", "a: [", "a.json: invalid character 'a'"),
        ("a", "a: [", "a: error converting"),
    ],
)
def test_broken_text_whose_name_does_not_tell(path: str, text: str, said: str) -> None:
    with pytest.raises(LoadError) as caught:
        document_of_unknown(path, text)
    assert caught.value.faults[0].startswith(said)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("d.json: EOF", "the text ends too early, at line 1, column 1")),
        ('{"a":\n', ("d.json: unexpected EOF", "the text ends too early, at line 2, column 1")),
        ('{"a" 1}', ("d.json: invalid character '1'", "mend line 1, column 6 (expecting ':' delimiter)")),
        ('{"a":\n  tru}', ("d.json: invalid character 't'", "mend line 2, column 3 (expecting value)")),
        ("{} x", ("d.json: error: invalid character 'x' after top-level value", "mend line 1, column 4 (extra data)")),
    ],
)
def test_broken_json(text: str, expected: tuple[str, str]) -> None:
    assert fault("d.json", text) == expected


@pytest.mark.parametrize("text", ["NaN", '{"a": Infinity}', "[" * 100_000, "1e999999999", '{"a":"\x01"}'])
def test_json_that_only_others_read(text: str) -> None:
    assert fault("d.json", text)[0].startswith("d.json: ")


def test_broken_yaml() -> None:
    text, hint = fault("d.yaml", "a:\n  b: 1\n c: 2\n")
    assert text.startswith("d.yaml: error converting YAML to JSON: yaml: line ")
    assert hint == "mend line 3, column 2"


def test_several_yaml_documents() -> None:
    text, hint = fault("d.yaml", "a: 1\n---\nb: 2\n")
    assert "another document" in text
    assert hint == "give each document a file of its own"


def test_aliases_that_would_fill_the_memory() -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    lines += [f"{c}: &{c} [{','.join([f'*{p}'] * 9)}]" for p, c in zip("abcdefgh", "bcdefghi", strict=True)]
    text, hint = fault("d.yaml", "\n".join(lines))
    assert "excessive aliasing" in text
    assert hint == "write it as JSON"


def test_yaml_with_too_many_values_is_refused_before_it_is_built() -> None:
    text = "a:\n" + "- 1\n" * max(MAX_NODES, MAX_PLAIN_YAML // 4)
    assert fault("d.yaml", text) == (
        f"d.yaml: error converting YAML to JSON: yaml: more than {MAX_NODES} values",
        "write it as JSON",
    )


def test_yaml_that_holds_itself() -> None:
    assert fault("d.yaml", "a: &a [*a]")[0].startswith("d.yaml: error converting YAML to JSON: yaml: ")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_yaml_that_is_nested_without_end(opening: str) -> None:
    text, hint = fault("d.yaml", opening * 200_000)
    assert "nested too deep" in text
    assert hint == "nest it less deep"
