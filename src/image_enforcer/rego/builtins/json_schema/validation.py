"""Holding a document against a schema: every error with the place, the words and the order of OPA's library.

Of alternatives none of which fits, the errors of the one that came nearest are told. What is near is counted: a point
for every step of the way, one off for every error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from ...errors import BuiltinError, LimitError
from ...meter import ENTRY, LARGE, METER
from ...values import Value
from ..regex import compiled, sound
from . import numbers
from .faults import SchemaFault
from .formats import fits
from .schema import Document, Limit, Schema

MAX_DEPTH: Final = 1200
"""How deep schemas may be held against parts of a document, references among them followed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a document something is: the names on the way there."""

    name: str
    above: Place | None = None

    def __str__(self) -> str:
        names: list[str] = []
        at: Place | None = self
        while at is not None and at.above is not None:
            names.append(at.name)
            at = at.above
        return ".".join(reversed(names)) if names else self.name


@dataclass(slots=True)
class Report:
    """Errors, and how near the document came."""

    errors: list[dict[str, str]] = field(default_factory=list)
    score: int = 0

    @property
    def valid(self) -> bool:
        """Whether there are no errors."""
        return not self.errors

    def add(self, kind: str, place: Place, description: str) -> None:
        """Tell an error."""
        where = str(place)
        METER.spend(10 + (len(where) >> 4), 4 * ENTRY + 2 * (len(where) + len(description)))
        self.errors.append({"desc": description, "error": f"{where}: {description}", "field": where, "type": kind})
        self.score -= 2

    def merge(self, other: Report) -> None:
        """Take over what was told of a part."""
        METER.spend(len(other.errors) >> 2)
        self.errors += other.errors
        self.score += other.score


def errors(schema: Schema, document: Document) -> list[dict[str, str]]:
    """What is wrong with a document."""
    report = Report()
    _Validator().check(schema, document, report, Place("(Root)"))
    return report.errors


class _Validator:
    def __init__(self) -> None:
        self.depth = 0

    def check(self, schema: Schema, value: Document, report: Report, place: Place) -> None:
        METER.spend(20)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise LimitError("depth", "a JSON schema refers to itself without end, or a document nests too deep for it")
        if schema.verdict is not None:
            if not schema.verdict:
                report.add("false", place, "False always fails validation")
        elif schema.target is not None:
            self.check(schema.target, value, report, place)
        elif self._is_typed(schema, value, report, place):
            self._combined(schema, value, report, place)
            match value:
                case dict():
                    self._object(schema, value, report, place)
                case list():
                    self._array(schema, value, report, place)
                case None | bool() | str():
                    pass
                case _:
                    _number(schema, value, report, place)
            _common(schema, value, report, place)
            if type(value) is str:
                _text(schema, value, report, place)
            elif type(value) is dict:
                for name, part in schema.properties.items():
                    if name in value:
                        self.check(part, value[name], report, Place(name, place))
            report.score += 1
        self.depth -= 1

    def alone(self, schema: Schema, value: Document, place: Place) -> Report:
        """A report of its own."""
        report = Report()
        self.check(schema, value, report, place)
        return report

    def _is_typed(self, schema: Schema, value: Document, report: Report, place: Place) -> bool:
        given = _type_of(value)
        types = schema.types
        if not types or given in types or (given == "integer" and "number" in types):
            return True
        report.add("invalid_type", place, f"Invalid type. Expected: {schema.shown_types}, given: {given}")
        return False

    # --- combinations ----------------------------------------------------------------------------

    def _combined(self, schema: Schema, value: Document, report: Report, place: Place) -> None:
        if schema.any_of:
            self._any_of(schema.any_of, value, report, place)
        if schema.one_of:
            self._one_of(schema.one_of, value, report, place)
        if schema.all_of:
            all_valid = True
            for part in schema.all_of:
                found = self.alone(part, value, place)
                all_valid = all_valid and found.valid
                report.merge(found)
            if not all_valid:
                report.add("number_all_of", place, "Must validate all the schemas (allOf)")
        if schema.negated is not None and self.alone(schema.negated, value, place).valid:
            report.add("number_not", place, "Must not validate the schema (not)")
        if schema.dependencies and type(value) is dict:
            self._dependencies(schema, value, report, place)
        if schema.condition is not None:
            self._conditional(schema, value, report, place)
        report.score += 1

    def _any_of(self, parts: list[Schema], value: Document, report: Report, place: Place) -> None:
        best: Report | None = None
        for part in parts:
            found = self.alone(part, value, place)
            if found.valid:
                return
            if best is None or found.score > best.score:
                best = found
        report.add("number_any_of", place, "Must validate at least one schema (anyOf)")
        if best is not None:
            report.merge(best)

    def _one_of(self, parts: list[Schema], value: Document, report: Report, place: Place) -> None:
        best: Report | None = None
        fitting = 0
        for part in parts:
            found = self.alone(part, value, place)
            if found.valid:
                fitting += 1
            elif not fitting and (best is None or found.score > best.score):
                best = found
        if fitting != 1:
            report.add("number_one_of", place, "Must validate one and only one schema (oneOf)")
            if not fitting and best is not None:
                report.merge(best)

    def _dependencies(self, schema: Schema, value: dict[str, Any], report: Report, place: Place) -> None:
        for name in sorted(value):
            wanted = schema.dependencies.get(name)
            if isinstance(wanted, Schema):
                self.check(wanted, value, report, place)
            elif wanted is not None:
                for other in wanted:
                    if other not in value:
                        report.add("missing_dependency", place, f"Has a dependency on {other}")

    def _conditional(self, schema: Schema, value: Document, report: Report, place: Place) -> None:
        assert schema.condition is not None
        if self.alone(schema.condition, value, place).valid:
            branch, kind = schema.then, "condition_then"
            description = 'Must validate "then" as "if" was valid'
        else:
            branch, kind = schema.otherwise, "condition_else"
            description = 'Must validate "else" as "if" was not valid'
        if branch is not None:
            found = self.alone(branch, value, place)
            if not found.valid:
                report.add(kind, place, description)
                report.merge(found)

    # --- arrays and objects ----------------------------------------------------------------------

    def _array(self, schema: Schema, value: list[Any], report: Report, place: Place) -> None:
        METER.spend(len(value))
        if schema.items is not None:
            for i, item in enumerate(value):
                report.merge(self.alone(schema.items, item, Place(str(i), place)))
        elif schema.tuple_items:
            for i, (part, item) in enumerate(zip(schema.tuple_items, value, strict=False)):
                report.merge(self.alone(part, item, Place(str(i), place)))
            count = len(schema.tuple_items)
            if count < len(value):
                if schema.additional_items is False:
                    report.add("array_no_additional_items", place, "No additional items allowed on array")
                elif isinstance(schema.additional_items, Schema):
                    for i in range(count, len(value)):
                        report.merge(self.alone(schema.additional_items, value[i], Place(str(i), place)))
        if schema.min_items is not None and len(value) < schema.min_items:
            report.add("array_min_items", place, f"Array must have at least {schema.min_items} items")
        if schema.max_items is not None and len(value) > schema.max_items:
            report.add("array_max_items", place, f"Array must have at most {schema.max_items} items")
        if schema.unique_items:
            _unique(value, report, place)
        if schema.contains is not None:
            self._contains(schema.contains, value, report, place)
        report.score += 1

    def _contains(self, wanted: Schema, value: list[Any], report: Report, place: Place) -> None:
        best: Report | None = None
        for i, item in enumerate(value):
            found = self.alone(wanted, item, Place(str(i), place))
            if found.valid:
                return
            if best is None or found.score > best.score:
                best = found
        report.add("contains", place, "At least one of the items must match")
        if best is not None:
            report.merge(best)

    def _object(self, schema: Schema, value: dict[str, Any], report: Report, place: Place) -> None:
        METER.spend(len(value))
        if schema.min_properties is not None and len(value) < schema.min_properties:
            report.add("array_min_properties", place, f"Must have at least {schema.min_properties} properties")
        if schema.max_properties is not None and len(value) > schema.max_properties:
            report.add("array_max_properties", place, f"Must have at most {schema.max_properties} properties")
        for name in schema.required:
            if name in value:
                report.score += 1
            else:
                report.add("required", place, f"{name} is required")
        names = sorted(value)
        further = schema.additional_properties
        for name in names:
            matched = self._pattern_property(schema, name, value[name], report, place)
            if matched or name in schema.properties:
                continue
            if further is False:
                description = f"Additional property {name} is not allowed"
                report.add("additional_property_not_allowed", place, description)
            elif isinstance(further, Schema):
                report.merge(self.alone(further, value[name], Place(name, place)))
        if schema.property_names is not None:
            for name in names:
                found = self.alone(schema.property_names, name, place)
                if not found.valid:
                    report.add("invalid_property_name", place, f'Property name of "{name}" does not match')
                    report.merge(found)
        report.score += 1

    def _pattern_property(self, schema: Schema, name: str, value: Document, report: Report, place: Place) -> bool:
        matched = False
        for pattern, part in schema.pattern_properties.items():
            if _found(pattern, name):
                matched = True
                report.merge(self.alone(part, value, Place(name, place)))
        report.score += matched
        return matched


def _type_of(value: Document) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
    return "integer" if numbers.exact(value).denominator == 1 else "number"


def _found(pattern: str, text: str) -> bool:
    METER.spend(4 + (len(text) >> 4))
    return compiled(pattern).search(sound(text)) is not None


def _same_text(value: Document) -> str:
    try:
        return numbers.same_text(value)
    except SchemaFault as fault:
        raise BuiltinError(str(fault)) from None


def _unique(value: list[Any], report: Report, place: Place) -> None:
    seen: dict[str, int] = {}
    for j, item in enumerate(value):
        text = _same_text(item)
        if text in seen:
            report.add("unique", place, f"array items[{seen[text]},{j}] must be unique")
        METER.spend(1, ENTRY + len(text))
        seen[text] = j


def _common(schema: Schema, value: Document, report: Report, place: Place) -> None:
    if schema.const is not None and _same_text(value) != schema.const:
        report.add("const", place, f"{place} does not match: {schema.const}")
    if schema.enum is not None:
        METER.spend(len(schema.enum))
        if _same_text(value) not in schema.enum:
            report.add("enum", place, f"{place} must be one of the following: {', '.join(schema.enum)}")
    if schema.format and type(value) is str and not fits(schema.format, value):
        report.add("format", place, f"Does not match format '{schema.format}'")
    report.score += 1


def _text(schema: Schema, value: str, report: Report, place: Place) -> None:
    if len(value) > LARGE:
        METER.spend(len(value) >> 4)
    least, most = schema.min_length, schema.max_length
    if least is not None and len(value) < least:
        report.add("string_gte", place, f"String length must be greater than or equal to {least}")
    if most is not None and len(value) > most:
        report.add("string_lte", place, f"String length must be less than or equal to {most}")
    if schema.pattern is not None and not _found(schema.pattern, value):
        report.add("pattern", place, f"Does not match pattern '{schema.pattern}'")
    report.score += 1


def _number(schema: Schema, value: Value, report: Report, place: Place) -> None:
    number = numbers.exact(value)
    bound: Limit | None = schema.multiple_of
    if bound is not None and (number / bound.value).denominator != 1:
        report.add("multiple_of", place, f"Must be a multiple of {bound.shown}")
    bound = schema.maximum
    if bound is not None and number > bound.value:
        report.add("number_lte", place, f"Must be less than or equal to {bound.shown}")
    bound = schema.exclusive_maximum
    if bound is not None and number >= bound.value:
        report.add("number_lt", place, f"Must be less than {bound.shown}")
    bound = schema.minimum
    if bound is not None and number < bound.value:
        report.add("number_gte", place, f"Must be greater than or equal to {bound.shown}")
    bound = schema.exclusive_minimum
    if bound is not None and number <= bound.value:
        report.add("number_gt", place, f"Must be greater than {bound.shown}")
    report.score += 1
