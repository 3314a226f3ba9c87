"""JSON Schema: outcomes as OPA gives them, in its words."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer import rego
from tests.rego.builtins.expressions import EMPTY, outcome, value

VERIFIED = {
    "{}": None,
    "true": None,
    "null": "schema is invalid",
    "[]": "schema is invalid",
    "{": "invalid JSON string",
    '{"$schema":1}': "$schema must be of type string",
    '{"$id":"%zz"}': 'parse "%zz": invalid URL escape "%zz"',
    '{"$id":1}': "Invalid type. Expected: string, given: $id",
    '{"type":["string","string"]}': "string type is duplicated",
    '{"type":1}': "Invalid type. Expected: type, given: string/Array Of Strings",
    '{"properties":{"a":1}}': "Expected: Valid Schema, given: Invalid JSON",
    '{"properties":1}': "Properties must be of type object",
    '{"additionalProperties":1}': "Invalid type. Expected: boolean/Valid Schema, given: additionalProperties",
    '{"patternProperties":{"[":{}}}': "Invalid regex pattern '['",
    '{"propertyNames":1}': "Invalid type. Expected: Valid Schema, given: patternProperties",
    '{"dependencies":1}': "dependencies must be of type object",
    '{"dependencies":{"a":[1]}}': "Dependency must be of type Schema Or Array Of Strings",
    '{"definitions":{"a":1}}': "Invalid type. Expected: Array Of Schemas, given: definitions",
    '{"items":1}': "Invalid type. Expected: Valid Schema/Array Of Schemas, given: items",
    '{"multipleOf":0}': "multipleOf must be strictly greater than 0",
    '{"multipleOf":"1"}': "Invalid type. Expected: Number, given: multipleOf",
    '{"minimum":"1"}': "minimum must be of a Number",
    '{"exclusiveMinimum":true}': "exclusiveMinimum cannot be used without minimum",
    '{"exclusiveMinimum":"1"}': "Invalid type. Expected: boolean/number, given: exclusiveMinimum",
    '{"$schema":"http://json-schema.org/draft-07/schema#","exclusiveMaximum":true}': (
        "Invalid type. Expected: number, given: exclusiveMaximum"
    ),
    '{"$schema":"http://json-schema.org/draft-04/schema#","exclusiveMaximum":1}': (
        "Invalid type. Expected: boolean, given: exclusiveMaximum"
    ),
    '{"minLength":1.0}': "minLength must be of an integer",
    '{"minLength":-1}': "minLength must be greater than or equal to 0",
    '{"minLength":2,"maxLength":1}': "minLength cannot be greater than maxLength",
    '{"pattern":"("}': "pattern must be a valid regex",
    '{"minProperties":2,"maxProperties":1}': "minProperties cannot be greater than maxProperties",
    '{"required":["a","a"]}': "required items must be unique",
    '{"uniqueItems":1}': "uniqueItems must be of a boolean",
    '{"enum":[1,1.0]}': "enum items must be unique",
    '{"enum":[1e400]}': "json: cannot unmarshal number 1e400 into Go value of type float64",
    '{"oneOf":1}': "oneOf must be of an array",
    '{"not":1}': "not must be of an object",
    '{"if":1}': "if must be of an object",
    '{"$ref":"#/definitions/x"}': "Object has no key 'definitions'",
    '{"$ref":"#/a/x","a":[]}': "Invalid array index 'x'",
    '{"$ref":"#/a/1","a":[{}]}': "Out of bound array[0,1] index '1'",
    '{"$ref":"#/a/b","a":1}': "Invalid token reference 'b'",
    '{"$ref":"#/a","a":1}': "Valid Schema must be of type object",
    '{"$ref":"other.json"}': "Reference /other.json must be canonical",
    '{"$id":"urn:a","$ref":"b"}': "Reference urn:///b must be canonical",
    '{"$ref":"http://example.invalid/s.json#/a"}': "remote reference loading disabled: http://example.invalid/s.json",
    '{"$ref":"file:///etc/passwd"}': "remote reference loading disabled: file:///etc/passwd",
    '{"allOf":[{"$id":"http://a/b"},{"$id":"http://a/b"}]}': 'Reference already exists: "http://a/b"',
    '{"$ref":"http://json-schema.org/draft-06/schema#"}': None,
}


@pytest.mark.parametrize("schema", VERIFIED)
def test_schemas_are_verified(schema: str) -> None:
    fault = VERIFIED[schema]
    wanted = [True, None] if fault is None else [False, f"jsonschema: {fault}"]
    assert value("json.verify_schema(input.schema)", schema=schema) == wanted


TYPES = '"array", "boolean", "integer", "null", "number", "object", "string"'

MATCHED = {
    ('"x"', '{"type":"integer"}'): ["invalid_type (Root): Invalid type. Expected: integer, given: string"],
    ("1.5", '{"type":["integer","null"]}'): [
        "invalid_type (Root): Invalid type. Expected: [integer,null], given: number"
    ],
    ("1.0", '{"type":"integer"}'): [],
    ("10", '{"maximum":3,"multipleOf":4}'): [
        "multiple_of (Root): Must be a multiple of 4",
        "number_lte (Root): Must be less than or equal to 3",
    ],
    ("0", '{"exclusiveMinimum":1000000}'): ["number_gt (Root): Must be greater than 1e+06"],
    ("9", '{"maximum":0.00001}'): ["number_lte (Root): Must be less than or equal to 1e-05"],
    ("9", '{"const":123456789012345678901}'): ["const (Root): (Root) does not match: 123456789012345680000"],
    ('{"a":{"b":1}}', '{"properties":{"a":{"properties":{"b":{"enum":[2,"<"]}}}}}'): [
        'enum a.b: a.b must be one of the following: 2, "\\u003c"'
    ],
    ('["é"]', '{"items":{"minLength":2,"pattern":"^a","allOf":[{"maxLength":0}]}}'): [
        "string_lte 0: String length must be less than or equal to 0",
        "number_all_of 0: Must validate all the schemas (allOf)",
        "string_gte 0: String length must be greater than or equal to 2",
        "pattern 0: Does not match pattern '^a'",
    ],
    ("[1,2,1.0]", '{"uniqueItems":true,"maxItems":2,"contains":{"type":"null"}}'): [
        "array_max_items (Root): Array must have at most 2 items",
        "unique (Root): array items[0,2] must be unique",
        "contains (Root): At least one of the items must match",
        "invalid_type 0: Invalid type. Expected: null, given: integer",
    ],
    ("[1,2]", '{"items":[{}],"additionalItems":false,"minItems":3}'): [
        "array_no_additional_items (Root): No additional items allowed on array",
        "array_min_items (Root): Array must have at least 3 items",
    ],
    ('{"a":1,"b":2}', '{"maxProperties":1,"additionalProperties":false,"patternProperties":{"^a":{"type":"null"}}}'): [
        "array_max_properties (Root): Must have at most 1 properties",
        "invalid_type a: Invalid type. Expected: null, given: integer",
        "additional_property_not_allowed (Root): Additional property b is not allowed",
    ],
    ('{"a":1}', '{"minProperties":2,"propertyNames":{"minLength":2},"dependencies":{"a":["b"]}}'): [
        "missing_dependency (Root): Has a dependency on b",
        "array_min_properties (Root): Must have at least 2 properties",
        'invalid_property_name (Root): Property name of "a" does not match',
        "string_gte (Root): String length must be greater than or equal to 2",
    ],
    ("1", '{"oneOf":[{"type":"integer"},{"minimum":0}]}'): [
        "number_one_of (Root): Must validate one and only one schema (oneOf)"
    ],
    ("1", '{"allOf":[false],"not":true}'): [
        "false (Root): False always fails validation",
        "number_all_of (Root): Must validate all the schemas (allOf)",
        "number_not (Root): Must not validate the schema (not)",
    ],
    ("1", '{"if":{"type":"integer"},"then":{"minimum":2},"else":false}'): [
        'condition_then (Root): Must validate "then" as "if" was valid',
        "number_gte (Root): Must be greater than or equal to 2",
    ],
    ('{"a":"x"}', '{"definitions":{"n":{"$id":"#n","type":"null"}},"properties":{"a":{"$ref":"#n"}}}'): [
        "invalid_type a: Invalid type. Expected: null, given: string"
    ],
    ('{"type":"x"}', '{"$ref":"http://json-schema.org/draft-07/schema#"}'): [
        "number_any_of type: Must validate at least one schema (anyOf)",
        f"enum type: type must be one of the following: {TYPES}",
    ],
}


@pytest.mark.parametrize(("document", "schema"), MATCHED)
def test_documents_are_held_against_schemas(document: str, schema: str) -> None:
    valid, errors = value("json.match_schema(input.document, input.schema)", document=document, schema=schema)
    assert [f"{e['type']} {e['error']}" for e in errors] == MATCHED[document, schema]
    assert valid is not bool(errors)
    assert all(e["error"] == f"{e['field']}: {e['desc']}" for e in errors)


OUTCOMES = {
    'json.match_schema("{", {})': "fault: json.match_schema: invalid JSON string",
    'json.match_schema("1", {"const": 1e400})': (
        "fault: json.match_schema: json: cannot unmarshal number 1e400 into Go value of type float64"
    ),
    'json.match_schema({1: 2}, {"additionalProperties": false})[0]': "false",
    "json.match_schema({`a`: {1, 2}}, {})": "[true, []]",
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


def test_schemas_that_are_equal_to_rego_are_read_each() -> None:
    expression = "[json.match_schema(`1`, input.good), json.match_schema(`1`, input.bad)]"
    schemas = {"good": {"minLength": 1}, "bad": {"minLength": rego.from_json("1.0")}}
    assert value(expression, **schemas) is rego.UNDEFINED
    assert value("[json.match_schema(`1`, input.good), json.match_schema(`2`, input.good)]", **schemas) == [
        [True, []],
        [True, []],
    ]


HOSTILE = {
    "a schema that is itself": ("{}", '{"$ref":"#"}'),
    "a long chain": ("{}", json.dumps({"d": [{"$ref": f"#/d/{i + 1}"} for i in range(5000)], "$ref": "#/d/0"})),
    "deep text": ("[" * 9_000 + "]" * 9_000, "{}"),
    "a huge pattern": ("{}", json.dumps({"pattern": "a" * 100_000})),
    "doubling": (
        "{}",
        json.dumps({"d": [{"allOf": [{"$ref": f"#/d/{i + 1}"}] * 2} for i in range(60)] + [{}], "$ref": "#/d/0"}),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_ones_end_at_a_limit(name: str) -> None:
    query = EMPTY.prepare("json.match_schema(input[0], input[1])")
    with pytest.raises(rego.LimitError):
        query.value(input=list(HOSTILE[name]), limits=rego.Limits(seconds=1.0))


KEYWORDS = st.sampled_from(
    ["type", "properties", "items", "$ref", "$id", "id", "enum", "const", "not", "allOf", "minimum", "required", "if",
     "format", "definitions", "dependencies", "pattern", "uniqueItems", "exclusiveMinimum", "maxLength", "$schema"]
)  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "#", "string", "a", "#/not", "http:", "("])
)
SCHEMAS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYWORDS, inner, max_size=4), max_leaves=12
)


@given(SCHEMAS, SCHEMAS)
def test_any_json_has_an_answer_or_a_named_fault(schema: object, document: object) -> None:
    texts = [json.dumps(document), json.dumps(schema)]
    verified = EMPTY.prepare("json.verify_schema(input[1])").value(input=texts)
    with suppress(rego.LimitError):  # a schema that is itself
        matched = EMPTY.prepare("json.match_schema(input[0], input[1])").value(input=texts)
        assert (matched is rego.UNDEFINED) is not verified[0]
