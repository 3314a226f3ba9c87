"""``# METADATA`` blocks: what they may say, what belongs to which rule, and OPA's words for all that is wrong."""

from __future__ import annotations

import pytest

from image_enforcer import rego
from image_enforcer.rego import parse_module
from image_enforcer.rego.syntax.nodes import Author, RelatedResource


def faults(block: str) -> list[str]:
    lines = "".join(f"# {line}\n" for line in block.split("\n"))
    with pytest.raises(rego.CompileError) as caught:
        parse_module("a.rego", f"package a\n\n# METADATA\n{lines}p := 1\n")
    return [f"{p.location.row}:{p.location.col} {p.message}" for p in caught.value.problems]


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("title: [1]", "4:1 yaml: unmarshal errors:\n  line 1: cannot unmarshal !!seq into string"),
        ("entrypoint: maybe", "4:1 yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `maybe` into bool"),
        (
            "title: x\nscope: rule\norganizations: 12345678901\nauthors: 2",
            (
                "7:1 yaml: unmarshal errors:\n  line 3: cannot unmarshal !!int `1234567...` into []string\n"
                "  line 4: cannot unmarshal !!int `2` into []interface {}"
            ),
        ),
        ("organizations: [1, {a: 1}]", "4:1 yaml: unmarshal errors:\n  line 1: cannot unmarshal !!map into string"),
        ("a: 1\na: 2", '5:1 yaml: unmarshal errors:\n  line 2: mapping key "a" already defined at line 1'),
        ("authors: [null]", "3:1 invalid author definition %!s(<nil>): invalid value type, must be string or map"),
        ("authors: [true]", "3:1 invalid author definition %!s(bool=true): invalid value type, must be string or map"),
        (
            "related_resources: [{description: x}]",
            "3:1 invalid related-resource definition map[description:x]: 'ref' value required in object",
        ),
        ("custom: {a: {1: 2}}", "3:1 invalid map key type(s): "),
        ("custom: {a: [{1: 2}]}", "3:1 invalid map key type(s): 0"),
        ("schemas: [{input: 3}]", '3:1 invalid schema declaration for path "input"'),
        ("schemas: [{inpt: schema.x}]", "3:1 invalid document reference"),
        ("schemas: [{input: data.x}]", "3:1 invalid schema reference"),
        ("a: *b", "4:1 yaml: unknown anchor 'b' referenced"),
        (
            "title:\u00a0x\nscope: [",
            (
                "5:1 yaml: line 2: mapping values are not allowed in this context\n"
                "  Hint: on line 4, symbol(s) ['\\u00a0'] immediately "
                "following a key/value separator ':' is not a legal yaml space character"
            ),
        ),
        (
            "scope: foo",
            "3:1 invalid annotation scope 'foo'. Use one of 'rule', 'document', 'package', or 'subpackages'",
        ),
        ("scope: package", "3:1 annotation scope 'package' must be applied to package (have rule)"),
        (
            "entrypoint: true\nscope: rule",
            "3:1 annotation entrypoint applied to non-document or package scope 'rule'",
        ),
    ],
)  # fmt: skip
def test_faults(block: str, message: str) -> None:
    assert faults(block) == [message]


def test_scalars_are_what_is_wanted_of_them() -> None:
    fields = ["title: 3", "entrypoint: yes", "organizations: [1, true]", "custom: {1: 2020-01-02, b: .5, c: yes}"]
    text = "\n".join(["# METADATA", *(f"# {f}" for f in fields), "package a"])
    (block,) = parse_module("a.rego", text).annotations
    assert (block.title, block.entrypoint, block.organizations) == ("3", True, ("1", "true"))
    assert {k: str(v) for k, v in block.custom.items()} == {"1": "2020-01-02T00:00:00Z", "b": "0.5", "c": "yes"}


def test_people_and_resources() -> None:
    fields = ['authors: ["A B <c@d>", "<e@f>", {name: " g "}]', 'related_resources: ["http://h/i j#k l"]']
    text = "\n".join(["# METADATA", *(f"# {f}" for f in fields), "package a"])
    (block,) = parse_module("a.rego", text).annotations
    assert block.authors == (Author("A B", "c@d"), Author("", "e@f"), Author("g", ""))
    assert block.related_resources == (RelatedResource("http://h/i%20j#k%20l"),)


def test_an_import_is_no_place_for_a_block() -> None:
    with pytest.raises(rego.CompileError, match="invalid annotation scope 'import'"):
        parse_module("a.rego", "package a\n# METADATA\n# title: x\nimport data.b\np := 1\n")


def test_rules_claim_the_blocks_above_them() -> None:
    text = """package a
# METADATA
# scope: document
# title: all
# METADATA
# title: first
p := 1
p := 2 if false
# METADATA
# title: third
p := 3 if false
"""
    module = parse_module("a.rego", text)
    titles = [[a.title for a in r.annotations] for r in module.rules]
    assert titles == [["all", "first"], ["all"], ["all", "third"]]
    assert [(a.title, a.rule) for a in module.annotations] == [("all", 0), ("first", 0), ("third", 2)]


@pytest.mark.parametrize("value", ["&a [*a]", "[" * 3000, "{a: &b {c: *b}}", "'" * 9999])
def test_hostile_values(value: str) -> None:
    with pytest.raises(rego.CompileError, match="yaml: "):
        parse_module("a.rego", f"# METADATA\n# custom: {value}\npackage a\n")


def test_aliases_do_not_fill_the_memory() -> None:
    lines = ["a0: &a0 [1,1,1,1,1,1,1,1,1]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    text = "".join(f"# {line}\n" for line in [*lines, "custom: {x: *a8}"])
    with pytest.raises(rego.CompileError, match="excessive aliasing"):
        parse_module("a.rego", f"# METADATA\n{text}package a\n")


def test_many_blocks_and_many_rules_are_refused() -> None:
    text = "package a\n" + "# METADATA\n# title: x\n" * 2000 + "p := 1\n" * 2000
    with pytest.raises(rego.CompileError, match="too many annotations for so many rules"):
        parse_module("a.rego", text)
