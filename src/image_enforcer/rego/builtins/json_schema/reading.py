"""Reading a schema: every keyword checked in the order, and with the words, of OPA's library.

Of several faults the first is told. Where the library looks through a map we do so in the order of its keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...errors import LimitError
from ...meter import ENTRY, METER
from . import numbers
from .faults import SchemaFault, invalid_type
from .formats import is_pattern
from .pool import Pool, draft_of
from .references import ROOT, parsed
from .schema import Document, Limit, Schema

DRAFT4: Final = 4
DRAFT6: Final = 6
DRAFT7: Final = 7
HYBRID: Final = 1000
"""A schema that names no draft: what any of them knows."""

MAX_DEPTH: Final = 1200
"""How deep schemas may nest, references among them followed."""

_TYPES: Final = ("array", "boolean", "integer", "number", "null", "object", "string")
_VALID: Final = "array boolean integer number null object string"
_SCHEMA: Final = "Valid Schema"
_SCHEMAS: Final = "Array Of Schemas"
_SIZE: Final = 8 * ENTRY
"""Bytes of one schema, about."""


def read(document: Document) -> Schema:
    """The schema in a document, which is changed; raises :class:`SchemaFault`."""
    return _Reader().whole(document)


class _Reader:
    def __init__(self) -> None:
        self.pool = Pool()
        self.by_reference: dict[str, Schema] = {}
        self.depth = 0

    def whole(self, document: Document) -> Schema:
        self.pool.add(document, ROOT)
        root = Schema(draft_of(document) or HYBRID)
        self.read(document, root, root=True)
        return root

    def part(self, document: Document, parent: Schema) -> Schema:
        made = Schema(parent.draft, parent.base)
        self.read(document, made)
        return made

    def parts(self, keyword: str, given: Mapping[str, Any], schema: Schema, into: list[Schema]) -> None:
        into += [self.part(document, schema) for document in _array(keyword, given) or []]

    def read(self, document: Document, schema: Schema, root: bool = False) -> None:
        METER.spend(40, _SIZE)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise LimitError("depth", "a JSON schema nests, or refers to others, too deep")
        if type(document) is bool and schema.draft >= DRAFT6:
            schema.verdict = document
        elif type(document) is not dict:
            raise SchemaFault(f"Expected: {_SCHEMA}, given: Invalid JSON")
        elif self._named(document, schema, root):
            _types(document, schema)
            self._of_objects(document, schema)
            self._of_arrays(document, schema)
            _number_limits(document, schema)
            _text_limits(document, schema)
            _object_limits(document, schema)
            _array_limits(document, schema)
            if "contains" in document and schema.draft >= DRAFT6:
                schema.contains = self.part(document["contains"], schema)
            _values(document, schema)
            self._combined(document, schema)
        self.depth -= 1

    def _named(self, given: dict[str, Any], schema: Schema, root: bool) -> bool:
        """Address, definitions and reference; whether the other keywords count."""
        old = schema.draft == DRAFT4 or (schema.draft == HYBRID and "id" in given)
        name = _text("id" if old else "$id", given)
        if name is not None:
            schema.base = parsed(name) if root else schema.base.join(parsed(name))
        if "definitions" in given:
            definitions = given["definitions"]
            if type(definitions) is not dict:
                raise invalid_type(_SCHEMAS, "definitions")
            for k in sorted(definitions):
                if type(definitions[k]) not in (bool, dict):
                    raise invalid_type(_SCHEMAS, "definitions")
                self.part(definitions[k], schema)
        _text("title", given)
        _text("description", given)
        target = _text("$ref", given)
        if target is None:
            return True
        reference = parsed(target)
        known = self.by_reference.get(str(reference))
        if known is not None:
            schema.target = known
            return True
        # Siblings of a reference count where it has been met before, and are not even looked at where it has not.
        made = self.by_reference[str(reference)] = Schema(schema.draft, reference)
        document, draft = self.pool.find(reference)
        made.draft = draft or schema.draft
        if type(document) not in (bool, dict):
            raise SchemaFault(f"{_SCHEMA} must be of type object")
        self.read(document, made)
        schema.target = made
        return False

    def _of_objects(self, given: dict[str, Any], schema: Schema) -> None:
        if "properties" in given:
            properties = given["properties"]
            if type(properties) is not dict:
                raise SchemaFault("Properties must be of type object")
            for k in sorted(properties):
                schema.properties[k] = self.part(properties[k], schema)
        if "additionalProperties" in given:
            schema.additional_properties = self._flag_or_part("additionalProperties", given, schema)
        if "patternProperties" in given:
            patterns = given["patternProperties"]
            if type(patterns) is not dict:
                raise invalid_type(_SCHEMA, "patternProperties")
            for k in sorted(patterns):
                if not is_pattern(k):
                    raise SchemaFault(f"Invalid regex pattern '{k}'")
                schema.pattern_properties[k] = self.part(patterns[k], schema)
        if "propertyNames" in given and schema.draft >= DRAFT6:
            if type(given["propertyNames"]) not in (bool, dict):
                raise invalid_type(_SCHEMA, "patternProperties")
            schema.property_names = self.part(given["propertyNames"], schema)
        if "dependencies" in given:
            self._dependencies(given["dependencies"], schema)

    def _flag_or_part(self, keyword: str, given: dict[str, Any], schema: Schema) -> bool | Schema:
        value = given[keyword]
        if type(value) is bool:
            return value
        if type(value) is not dict:
            raise invalid_type(f"boolean/{_SCHEMA}", keyword)
        return self.part(value, schema)

    def _dependencies(self, given: Document, schema: Schema) -> None:
        if type(given) is not dict:
            raise SchemaFault("dependencies must be of type object")
        for k in sorted(given):
            wanted = given[k]
            if type(wanted) in (bool, dict):
                schema.dependencies[k] = self.part(wanted, schema)
            elif type(wanted) is list and all(type(name) is str for name in wanted):
                if wanted:
                    schema.dependencies[k] = wanted
            else:
                raise SchemaFault("Dependency must be of type Schema Or Array Of Strings")

    def _of_arrays(self, given: dict[str, Any], schema: Schema) -> None:
        if "items" in given:
            items = given["items"]
            wrong = invalid_type(f"{_SCHEMA}/{_SCHEMAS}", "items")
            if type(items) in (bool, dict):
                schema.items = self.part(items, schema)
            elif type(items) is list:
                for item in items:
                    if type(item) not in (bool, dict):
                        raise wrong
                    schema.tuple_items.append(self.part(item, schema))
            else:
                raise wrong
        if "additionalItems" in given:
            schema.additional_items = self._flag_or_part("additionalItems", given, schema)

    def _combined(self, given: dict[str, Any], schema: Schema) -> None:
        self.parts("oneOf", given, schema, schema.one_of)
        self.parts("anyOf", given, schema, schema.any_of)
        self.parts("allOf", given, schema, schema.all_of)
        schema.negated = self._branch("not", given, schema)
        if schema.draft >= DRAFT7:
            schema.condition = self._branch("if", given, schema)
            schema.then = self._branch("then", given, schema)
            schema.otherwise = self._branch("else", given, schema)

    def _branch(self, keyword: str, given: dict[str, Any], schema: Schema) -> Schema | None:
        if keyword not in given:
            return None
        if type(given[keyword]) not in (bool, dict):
            raise SchemaFault(f"{keyword} must be of an object")
        return self.part(given[keyword], schema)


def _text(keyword: str, given: Mapping[str, Any]) -> str | None:
    if keyword not in given:
        return None
    value = given[keyword]
    if type(value) is not str:
        raise invalid_type("string", keyword)
    return value


def _array(keyword: str, given: Mapping[str, Any]) -> list[Any] | None:
    if keyword not in given:
        return None
    value = given[keyword]
    if type(value) is not list:
        raise SchemaFault(f"{keyword} must be of an array")
    return value


def _types(given: dict[str, Any], schema: Schema) -> None:
    if "type" not in given:
        return
    wrong = invalid_type("type", f"string/{'Array Of Strings'}")
    value = given["type"]
    for name in value if type(value) is list else [value]:
        if type(name) is not str:
            raise wrong
        if name not in _TYPES:
            raise SchemaFault(
                f"has a primitive type that is NOT VALID -- given: /{name}/ Expected valid values are:[{_VALID}]"
            )
        if name in schema.types:
            raise SchemaFault(f"{name} type is duplicated")
        schema.types.append(name)


# --- limits --------------------------------------------------------------------------------------


def _limit(value: Any) -> Limit:
    return Limit(numbers.exact(value), numbers.shown(value))


def _number_limits(given: dict[str, Any], schema: Schema) -> None:
    if "multipleOf" in given:
        if not numbers.is_number(given["multipleOf"]):
            raise invalid_type("Number", "multipleOf")
        schema.multiple_of = _limit(given["multipleOf"])
        if schema.multiple_of.value <= 0:
            raise SchemaFault("multipleOf must be strictly greater than 0")
    schema.minimum, schema.exclusive_minimum = _bounds("minimum", "exclusiveMinimum", given, schema.draft)
    schema.maximum, schema.exclusive_maximum = _bounds("maximum", "exclusiveMaximum", given, schema.draft)


def _bounds(plain: str, exclusive: str, given: dict[str, Any], draft: int) -> tuple[Limit | None, Limit | None]:
    """The bound that may be reached and the one that may not: a number of its own, or in draft 4 what makes it so."""
    bound = None
    if plain in given:
        if not numbers.is_number(given[plain]):
            raise SchemaFault(f"{plain} must be of a Number")
        bound = _limit(given[plain])
    if exclusive not in given:
        return bound, None
    value = given[exclusive]
    if numbers.is_number(value) and draft != DRAFT4:
        return bound, _limit(value)
    if type(value) is bool and draft in (DRAFT4, HYBRID):
        if bound is None:
            raise SchemaFault(f"{exclusive} cannot be used without {plain}")
        return (None, bound) if value else (bound, None)
    wanted = {DRAFT4: "boolean", HYBRID: "boolean/number"}.get(draft, "number")
    raise invalid_type(wanted, exclusive)


def _count(keyword: str, given: dict[str, Any]) -> int | None:
    if keyword not in given:
        return None
    found = numbers.count(given[keyword])
    if found is None:
        raise SchemaFault(f"{keyword} must be of an integer")
    if found < 0:
        raise SchemaFault(f"{keyword} must be greater than or equal to 0")
    return found


def _text_limits(given: dict[str, Any], schema: Schema) -> None:
    least, most = schema.min_length, schema.max_length = _count("minLength", given), _count("maxLength", given)
    if least is not None and most is not None and least > most:
        raise SchemaFault("minLength cannot be greater than maxLength")
    schema.pattern = _text("pattern", given)
    if schema.pattern is not None and not is_pattern(schema.pattern):
        raise SchemaFault("pattern must be a valid regex")
    schema.format = _text("format", given) or ""


def _object_limits(given: dict[str, Any], schema: Schema) -> None:
    least = schema.min_properties = _count("minProperties", given)
    most = schema.max_properties = _count("maxProperties", given)
    if least is not None and most is not None and least > most:
        raise SchemaFault("minProperties cannot be greater than maxProperties")
    seen: set[str] = set()
    for name in _array("required", given) or []:
        if type(name) is not str:
            raise invalid_type("string", "required")
        if name in seen:
            raise SchemaFault("required items must be unique")
        seen.add(name)
        schema.required.append(name)


def _array_limits(given: dict[str, Any], schema: Schema) -> None:
    schema.min_items, schema.max_items = _count("minItems", given), _count("maxItems", given)
    if "uniqueItems" in given:
        if type(given["uniqueItems"]) is not bool:
            raise SchemaFault("uniqueItems must be of a boolean")
        schema.unique_items = given["uniqueItems"]


def _values(given: dict[str, Any], schema: Schema) -> None:
    if "const" in given and schema.draft >= DRAFT6:
        schema.const = numbers.same_text(given["const"])
    enum = _array("enum", given)
    if enum is None:
        return
    schema.enum = []
    seen: set[str] = set()
    for value in enum:
        text = numbers.same_text(value)
        if text in seen:
            raise SchemaFault("enum items must be unique")
        seen.add(text)
        schema.enum.append(text)
