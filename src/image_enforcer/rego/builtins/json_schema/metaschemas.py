"""The schemas of schemas that can be referred to without being fetched: those of drafts 4, 6 and 7.

Only what bears on validation is here: titles, descriptions and defaults are left out.
"""

from __future__ import annotations

from typing import Any, Final

PREFIX: Final = "http://json-schema.org/draft-0"
DRAFTS: Final = {f"{PREFIX}{version}/schema": version for version in (4, 6, 7)}
"""Their addresses, with the draft that a schema follows which names it as its ``$schema``."""

_SELF: Final = {"$ref": "#"}


def metaschema(address: str) -> Any:
    """A fresh copy of the schema at one of the addresses."""
    version = DRAFTS[address]
    made: dict[str, Any] = _copied(_draft(version))
    made["id" if version == DRAFT4 else "$id"] = made["$schema"] = f"{address}#"
    return made


DRAFT4: Final = 4
DRAFT7: Final = 7


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/definitions/{name}"}


def _map_of(schema: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": schema}


def _draft(version: int) -> dict[str, Any]:
    old = version == DRAFT4
    count = "positiveInteger" if old else "nonNegativeInteger"
    anything: Any = True if version == DRAFT7 else {}
    text, number, boolean = {"type": "string"}, {"type": "number"}, {"type": "boolean"}
    limit = boolean if old else number
    schema_or_boolean = {"anyOf": [boolean, dict(_SELF)]} if old else _SELF
    properties: dict[str, Any] = {
        "$schema": text,
        "title": text,
        "description": text,
        "multipleOf": {**number, "minimum": 0, "exclusiveMinimum": True} if old else {**number, "exclusiveMinimum": 0},
        "maximum": number,
        "exclusiveMaximum": limit,
        "minimum": number,
        "exclusiveMinimum": limit,
        "pattern": {**text, "format": "regex"},
        "additionalItems": schema_or_boolean,
        "items": {"anyOf": [_SELF, _ref("schemaArray")]},
        "uniqueItems": boolean,
        "required": _ref("stringArray"),
        "additionalProperties": schema_or_boolean,
        "definitions": _map_of(_SELF),
        "properties": _map_of(_SELF),
        "patternProperties": _map_of(_SELF),
        "dependencies": _map_of({"anyOf": [_SELF, _ref("stringArray")]}),
        "enum": {"type": "array", "minItems": 1, "uniqueItems": True},
        "type": {
            "anyOf": [
                _ref("simpleTypes"),
                {"type": "array", "items": _ref("simpleTypes"), "minItems": 1, "uniqueItems": True},
            ]
        },
        "format": text,
        "not": _SELF,
    }
    properties |= dict.fromkeys(("maxLength", "maxItems", "maxProperties"), _ref(count))
    properties |= dict.fromkeys(("minLength", "minItems", "minProperties"), _ref(f"{count}Default0"))
    properties |= dict.fromkeys(("allOf", "anyOf", "oneOf"), _ref("schemaArray"))
    if old:
        properties["id"] = text
    else:
        reference = {**text, "format": "uri-reference"}
        properties |= {
            "$id": reference,
            "$schema": {**text, "format": "uri"},
            "$ref": reference,
            "examples": {"type": "array", "items": anything},
            "contains": _SELF,
            "propertyNames": _SELF,
            "const": anything,
        }
    if version == DRAFT7:
        properties |= dict.fromkeys(("$comment", "contentMediaType", "contentEncoding"), text)
        properties |= dict.fromkeys(("if", "then", "else"), _SELF)
        properties["readOnly"] = boolean
        properties["patternProperties"] = {**_map_of(_SELF), "propertyNames": {"format": "regex"}}
        properties["enum"]["items"] = True
    made: dict[str, Any] = {
        "definitions": {
            "schemaArray": {"type": "array", "minItems": 1, "items": _SELF},
            count: {"type": "integer", "minimum": 0},
            f"{count}Default0": {"allOf": [_ref(count), {}]},
            "simpleTypes": {"enum": ["array", "boolean", "integer", "null", "number", "object", "string"]},
            "stringArray": {"type": "array", "items": text, "uniqueItems": True} | ({"minItems": 1} if old else {}),
        },
        "type": "object" if old else ["object", "boolean"],
        "properties": properties,
    }
    if old:
        made["dependencies"] = {"exclusiveMaximum": ["maximum"], "exclusiveMinimum": ["minimum"]}
    return made


def _copied(value: Any) -> Any:
    """Without parts that are one and the same: references are made absolute in place."""
    if isinstance(value, dict):
        return {k: _copied(v) for k, v in value.items()}
    return [_copied(v) for v in value] if isinstance(value, list) else value
