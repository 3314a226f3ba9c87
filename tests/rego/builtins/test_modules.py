"""Policy texts as data."""

from __future__ import annotations

import pytest

from image_enforcer import rego
from tests.rego.builtins.expressions import outcome, value

CALL = 'rego.parse_module("x.rego", input.text)'


def test_a_policy_as_data() -> None:
    tree = value(CALL, text='package a.b\n\nimport data.c\n\np := {"n": 1.50} if not input.x # why')
    assert list(tree) == sorted(tree)
    assert [step["value"] for step in tree["package"]["path"]] == ["data", "a", "b"]
    (rule,) = tree["rules"]
    assert rego.to_json(rule["head"]["value"]["value"][0][1]) == '{"type":"number","value":1.50}'
    assert rule["body"][0]["negated"] is True
    assert tree["comments"] == [{"Location": {"col": 33, "file": "x.rego", "row": 5}, "Text": "IHdoeQ=="}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "fault: rego.parse_module: x.rego:0: rego_parse_error: empty module"),
        (
            "package",
            (
                "fault: rego.parse_module: 1 error occurred: x.rego:1: rego_parse_error: unexpected eof token\n\t"
                "package\n\t      ^"
            ),
        ),
        (1, "fault: rego.parse_module: operand 1 must be string but got number"),
    ],
)
def test_texts_that_are_none(text: rego.Value, expected: str) -> None:
    assert outcome(CALL, text=text) == expected


def test_annotations_are_not_read() -> None:
    assert "annotations" not in value(CALL, text="# METADATA\n# title: [\npackage a")


def test_long_texts_are_paid_for() -> None:
    query = rego.compile_modules({}).prepare(CALL)
    text = "package a\n" + "p if { true }\n" * 9000
    with pytest.raises(rego.LimitError):
        query.run(input={"text": text}, limits=rego.Limits(memory=10 << 20))


def test_a_fault_without_a_place_in_a_text_without_a_name() -> None:
    found = outcome('rego.parse_module("", "")')
    assert found == "fault: rego.parse_module: 0:0: rego_parse_error: empty module"
