"""Types from JSON schemas, and what is said of references that do not go with them. Words and places are OPA's."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from image_enforcer import rego

TEXT_IS_NO_NUMBER = "6:2 match error\nleft  : string\nright : number"
Schemas = Mapping[tuple[str, ...], rego.Value]
SCHEMAS: Schemas = {
    ("input",): {
        "type": "object",
        "properties": {
            "user": {"type": "string"}, "n": {"type": "number"}, "tags": {"type": "array", "items": {"type": "string"}},
            "pair": {"type": "array", "items": [{"type": "string"}, {"type": "number"}]},
            "o": {"properties": {"a": {"type": "boolean"}}, "additionalProperties": {"type": "string"}},
        },
    },
    ("one",): {"anyOf": [{"properties": {"x": {"type": "string"}}}, {"properties": {"y": {"type": "number"}}}]},
    ("both",): {"allOf": [{"properties": {"x": {"type": "string"}}}, {"properties": {"y": {"type": "number"}}}]},
    ("neither",): {"allOf": [{"type": "object", "properties": {"x": {"type": "string"}}}, {"type": "string"}]},
    ("tree",): {"properties": {"name": {"type": "string"}, "kids": {"items": {"$ref": "#"}}}},
    ("bad",): {"type": "strin"},
    ("a", "b"): {"type": "string"},
}  # fmt: skip


def problems(notes: str, body: str, schemas: Schemas | None = SCHEMAS) -> list[str]:
    text = f"package p\n\n# METADATA\n# schemas: [{notes}]\np if {{\n\t{body}\n}}\n"
    try:
        rego.compile_modules({"a.rego": text}, schemas=schemas)
    except rego.CompileError as error:
        return ["\n".join([f"{p.location.row}:{p.location.col} {p.message}", *p.extra]) for p in error.problems]
    return []


@pytest.mark.parametrize(
    ("notes", "body", "expected"),
    [
        ("input: schema.input", "input.user == input.tags[_]", []),
        (
            "input: schema.input", "input.usr",
            [
                (
                    '6:2 undefined ref: input.usr\ninput.usr\n      ^\n      have: "usr"\n      want (one of): '
                    '["n" "o" "pair" "tags" "user"]'
                )
            ],
        ),
        ("input: schema.input", "input.user == 1", [TEXT_IS_NO_NUMBER]),
        ("input: schema.input", "input.n.x", ["6:2 undefined ref: input.n.x\ninput.n.x\n^^^^^^^\nhave: number"]),
        (
            "input: schema.input", "input.pair[2]",
            [
                (
                    "6:2 undefined ref: input.pair[2]\ninput.pair[2]\n           ^\n           have: 2\n"
                    "           want (type): number"
                )
            ],
        ),
        (
            "input: schema.input", "input.o.b",
            ['6:2 undefined ref: input.o.b\ninput.o.b\n        ^\n        have: "b"\n        want (one of): ["a"]'],
        ),
        ("input: schema.input", "input.nope with input as {\"nope\": 1}", []),
        ("input: schema.one", "input.x == 1", [TEXT_IS_NO_NUMBER]),
        ("input: schema.both", "input.y == \"a\"", ["6:2 match error\nleft  : number\nright : string"]),
        (
            "input: schema.neither", "input.x",
            ["5:1 type checking: unable to merge these schemas: type mismatch: object and string"],
        ),
        ("input: schema.tree", "input.kids[0].kids[1].name == 1", [TEXT_IS_NO_NUMBER]),
        (
            "input: schema.tree", "input.kids = 1",
            ["6:2 match error\nleft  : array[object<kids: array[recursive()], name: string>]\nright : number"],
        ),
        ("input: schema.nope", "input.x", ["5:1 undefined schema: schema.nope"]),
        ("input.user: schema.a.b", "input.user == 1; input.x", [TEXT_IS_NO_NUMBER]),
        ("data.x.y: schema.a.b", "data.x.y == 1", [TEXT_IS_NO_NUMBER]),
        (
            "input: schema.input}, {input.user: schema.one", "input.user.x == 1",
            [TEXT_IS_NO_NUMBER],
        ),
        ("input: {type: object, properties: {a: {type: 'null'}}}", "input.a == 1", []),
        ("input: {properties: {a: {type: string}}}", "input.a == 1", [TEXT_IS_NO_NUMBER]),
    ],
)  # fmt: skip
def test_what_annotations_say_of_documents(notes: str, body: str, expected: list[str]) -> None:
    assert problems("{" + notes + "}", body) == expected


def test_a_schema_that_is_none() -> None:
    (found,) = problems("{input: schema.bad}", "input.x")
    assert found.startswith("5:1 unable to compile the schema: ")


def test_named_schemas_count_only_where_there_are_any() -> None:
    assert problems("{input: schema.nope}", "input.x", None) == []
    assert problems("{input: {type: string}}", "input == 1", None) != []


def test_written_schemas_count_only_where_they_are_wanted() -> None:
    text = "package p\n# METADATA\n# schemas: [{input: {type: string}}]\np if input == 1\n"
    rego.compile_modules({"a.rego": text}, schema_annotations=False)


def test_one_schema_for_every_input() -> None:
    schemas: Schemas = {(): {"properties": {"a": {"type": "string"}}}}
    with pytest.raises(rego.CompileError, match="match error"):
        rego.compile_modules({"a.rego": "package p\np if input.a == 1\n"}, schemas=schemas)
    with pytest.raises(rego.CompileError, match="undefined ref: input"):
        rego.compile_modules({}, schemas=schemas).prepare("input.b")
    rego.compile_modules({}, schemas=schemas).prepare("input.a")


def test_scopes_reach_as_far_as_they_say() -> None:
    note = "# METADATA\n# scope: {}\n# schemas: [{{input: {{properties: {{a: {{type: string}}}}}}}}]\npackage a.b\n"
    others = {
        "c.rego": "package a.b\nr if input.c\n",
        "d.rego": "package a.b.c\nr if input.c\n",
        "e.rego": "package a\nr if input.c",
    }
    for scope, files in (("package", ["c.rego"]), ("subpackages", ["c.rego", "d.rego"])):
        with pytest.raises(rego.CompileError) as caught:
            rego.compile_modules({"a.rego": note.format(scope), **others})
        assert sorted({p.location.file for p in caught.value.problems}) == files


def test_references_that_multiply_end_in_a_type_all_the_same() -> None:
    parts = {str(i): {"properties": {"l": {"$ref": f"#/definitions/{i + 1}"}, "r": {"$ref": f"#/definitions/{i + 1}"}}}
             for i in range(60)}  # fmt: skip
    schema = {"properties": {"x": {"$ref": "#/definitions/0"}}, "definitions": {**parts, "60": {"type": "string"}}}
    rego.compile_modules({"a.rego": "package p\np if input.x.l.l\nq if input.x.l.r.l\n"}, schemas={(): schema})


def test_deep_schemas_are_refused() -> None:
    schema: rego.Value = {"type": "string"}
    for depth in range(5000):
        if depth == 200:
            rego.compile_modules({"a.rego": "package p\np if input.x.x"}, schemas={(): schema})
        schema = {"properties": {"x": schema}}
    with pytest.raises(rego.CompileError, match="too deep"):
        rego.compile_modules({"a.rego": "package p\np if input.x.x"}, schemas={(): schema})


def test_many_schemas_for_many_rules_end() -> None:
    notes = ", ".join(f"{{data.x{i}: {{type: string}}}}" for i in range(400))
    rules = "".join(f"p{i} := data.x{i}\n" for i in range(400))
    text = f"# METADATA\n# schemas: [{notes}]\npackage p\n{rules}"
    with pytest.raises(rego.CompileError, match="too many schemas in annotations for so many rules"):
        rego.compile_modules({"a.rego": text})
    rego.compile_modules({"a.rego": text.replace("{data.", "{input.").replace(":= data.", ":= input.")})
