"""The rule for fields that answer under one name: they must be the same field, with the same arguments.

Fields are compared within every selection, and between a selection and the fragments that are spread in it, those
fragments' fragments and so on, in the order in which the library compares them. Fields of different objects never
answer together; they need only have types that do not conflict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...errors import BuiltinError
from ...meter import CELL, METER
from .faults import Position
from .nodes import (
    Argument,
    Definition,
    Field,
    FragmentDefinition,
    FragmentSpread,
    InlineFragment,
    Kind,
    OperationDefinition,
    Selection,
    Type,
    Value,
)
from .walk import Walk


@dataclass(slots=True)
class _Conflict:
    name: str
    position: Position | None
    message: str = ""
    below: list[_Conflict] = field(default_factory=list)

    def reason(self) -> str:
        if not self.below:
            return self.message
        METER.spend(len(self.below))
        return " and ".join([f'subfields "{c.name}" conflict because {c.reason()}' for c in self.below])


Fields = dict[str, list[Field]]


def overlapping_fields_can_be_merged(walk: Walk) -> None:
    """Fields that answer under one name can be merged."""
    comparison = _Comparison(walk)

    def check(selections: Sequence[Selection]) -> None:
        for conflict in comparison.within(selections):
            message = (
                f'Fields "{conflict.name}" conflict because {conflict.reason()}. Use different aliases on the fields'
                " to fetch both if this was intentional."
            )
            walk.fault(message, conflict.position)

    def check_operation(operation: OperationDefinition) -> None:
        check(operation.selections)

    def check_field(selected: Field) -> None:
        if walk.operation is not None:
            check(selected.selections)

    def check_fragment(fragment: FragmentDefinition | InlineFragment) -> None:
        check(fragment.selections)

    walk.on_operation.append(check_operation)
    walk.on_field.append(check_field)
    walk.on_inline_fragment.append(check_fragment)
    walk.on_fragment.append(check_fragment)


class _Comparison:
    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.pairs: dict[tuple[str, str], bool] = {}
        self.compared: set[str] = set()

    def within(self, selections: Sequence[Selection]) -> list[_Conflict]:
        if not selections:
            return []
        fields, spreads = _collected(selections)
        found: list[_Conflict] = []
        for same in fields.values():
            for i, first in enumerate(same):
                for second in same[i + 1 :]:
                    self._between_fields(found, False, first, second)
        self.compared = set()
        for i, spread in enumerate(spreads):
            self._with_fragment(found, False, fields, spread)
            for other in spreads[i + 1 :]:
                self._between_fragments(found, False, spread, other)
        return found

    def _with_fragment(self, found: list[_Conflict], apart: bool, fields: Fields, spread: FragmentSpread) -> None:
        METER.spend(10, CELL)
        if spread.name in self.compared:
            return
        self.compared.add(spread.name)
        if spread.definition is None:
            return
        others, spreads = _collected(spread.definition.selections)
        if _are_same(fields, others):
            return
        self._between(found, apart, fields, others)
        for below in spreads:
            if below.name != spread.name:
                self._with_fragment(found, apart, fields, below)

    def _between_fragments(
        self, found: list[_Conflict], apart: bool, first: FragmentSpread, second: FragmentSpread
    ) -> None:
        METER.spend(10, 4 * CELL)
        if first.name == second.name:
            return
        known = self.pairs.get((first.name, second.name))
        if known is not None and (apart or not known):
            return
        self.pairs[first.name, second.name] = self.pairs[second.name, first.name] = apart
        if first.definition is None or second.definition is None:
            return
        fields, spreads = _collected(first.definition.selections)
        other_fields, other_spreads = _collected(second.definition.selections)
        self._between(found, apart, fields, other_fields)
        for below in other_spreads:
            self._between_fragments(found, apart, first, below)
        for below in spreads:
            self._between_fragments(found, apart, below, second)

    def _between(self, found: list[_Conflict], apart: bool, fields: Fields, others: Fields) -> None:
        METER.spend(len(fields))
        for name, same in fields.items():
            for first in same:
                for second in others.get(name, ()):
                    self._between_fields(found, apart, first, second)

    def _between_fields(self, found: list[_Conflict], apart: bool, first: Field, second: Field) -> None:
        METER.spend(10)
        a, b = first.object_definition, second.object_definition
        if a is None or b is None:
            return
        apart = apart or _never_together(a, b, first, second)
        name = first.alias or first.name
        if not apart:
            if first.name != second.name:
                message = f'"{first.name}" and "{second.name}" are different fields'
                found.append(_Conflict(name, second.position, message))
                return
            if not _same_arguments(first.arguments, second.arguments):
                found.append(_Conflict(name, second.position, "they have differing arguments"))
                return
        if first.definition is not None and second.definition is not None:
            one, other = first.definition.type, second.definition.type
            if self._conflict(one, other):
                message = f'they return conflicting types "{one}" and "{other}"'
                found.append(_Conflict(name, second.position, message))
                return
        below = self._below(apart, first.selections, second.selections)
        if below:
            found.append(_Conflict(name, second.position, below=below))

    def _below(self, apart: bool, first: Sequence[Selection], second: Sequence[Selection]) -> list[_Conflict]:
        found: list[_Conflict] = []
        fields, spreads = _collected(first)
        others, other_spreads = _collected(second)
        self._between(found, apart, fields, others)
        for spread in other_spreads:
            self.compared = set()
            self._with_fragment(found, apart, fields, spread)
        for spread in spreads:
            self.compared = set()
            self._with_fragment(found, apart, others, spread)
        for spread in spreads:
            for other in other_spreads:
                self._between_fragments(found, apart, spread, other)
        return found

    def _conflict(self, one: Type, other: Type) -> bool:
        while one.elem is not None and other.elem is not None:
            one, other = one.elem, other.elem
        if one.elem is not None or other.elem is not None or one.non_null != other.non_null:
            return True
        types = self.walk.schema.types
        a, b = types.get(one.named), types.get(other.named)
        if a is None or b is None:
            raise BuiltinError("a field has a type that is not in the schema")
        return a.is_leaf and b.is_leaf and a.name != b.name


def _never_together(a: Definition, b: Definition, first: Field, second: Field) -> bool:
    both = first.definition is not None and second.definition is not None
    return both and a.name != b.name and a.kind == b.kind == "OBJECT"


def _collected(selections: Sequence[Selection]) -> tuple[Fields, list[FragmentSpread]]:
    """The fields by the names under which they answer, those of inline fragments with them, and what is spread."""
    fields: Fields = {}
    spreads: list[FragmentSpread] = []
    _collect(selections, fields, spreads)
    return fields, spreads


def _collect(selections: Sequence[Selection], fields: Fields, spreads: list[FragmentSpread]) -> None:
    METER.spend(2 * len(selections), 4 * CELL * len(selections))
    for selection in selections:
        match selection:
            case Field():
                fields.setdefault(selection.alias or selection.name, []).append(selection)
            case InlineFragment():
                _collect(selection.selections, fields, spreads)
            case FragmentSpread():
                spreads.append(selection)


def _are_same(fields: Fields, others: Fields) -> bool:
    """Whether these are the very same fields; none are the same as none."""
    if list(fields) != list(others):
        return False
    return all(
        len(same) == len(others[name]) and all(a is b for a, b in zip(same, others[name], strict=True))
        for name, same in fields.items()
    )


def _same_arguments(first: Sequence[Argument], second: Sequence[Argument]) -> bool:
    METER.spend(len(first) * len(second))
    return len(first) == len(second) and all(
        any(a.name == b.name and _same_value(a.value, b.value) for b in second) for a in first
    )


def _same_value(first: Value, second: Value) -> bool:
    if first.kind != second.kind or first.raw != second.raw or len(first.children) != len(second.children):
        return False
    children, others = first.children, second.children
    METER.spend(4 + len(children))
    if first.kind == Kind.OBJECT:
        children = sorted(children, key=lambda c: c.name)
        others = sorted(others, key=lambda c: c.name)
    return all(a.name == b.name and _same_value(a.value, b.value) for a, b in zip(children, others, strict=True))
