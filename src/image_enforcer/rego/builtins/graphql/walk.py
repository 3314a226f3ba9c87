"""The way through a query: every part gets its definition from the schema, and the rules hear of it.

Rules are asked in the order of their names. What a fragment selects is walked wherever it is first spread in an
operation, and once more by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ...errors import BuiltinError
from ...meter import ENTRY, METER
from .faults import Fault, Position
from .nodes import (
    Argument,
    ArgumentDefinition,
    Definition,
    Directive,
    Field,
    FieldDefinition,
    FragmentDefinition,
    FragmentSpread,
    InlineFragment,
    Kind,
    OperationDefinition,
    QueryDocument,
    Selection,
    Type,
    Value,
    VariableDefinition,
)
from .schema import Schema


@dataclass(eq=False, slots=True)
class Walk:
    """A query on its way: the rules, who may ask for the schema and the operation, and what they found."""

    schema: Schema
    document: QueryDocument
    faults: list[Fault] = field(default_factory=list)
    operation: OperationDefinition | None = None
    fragments: dict[str, FragmentDefinition] = field(default_factory=dict)
    on_operation: list[Callable[[OperationDefinition], None]] = field(default_factory=list)
    on_field: list[Callable[[Field], None]] = field(default_factory=list)
    on_fragment: list[Callable[[FragmentDefinition], None]] = field(default_factory=list)
    on_inline_fragment: list[Callable[[InlineFragment], None]] = field(default_factory=list)
    on_fragment_spread: list[Callable[[FragmentSpread], None]] = field(default_factory=list)
    on_directive: list[Callable[[Directive], None]] = field(default_factory=list)
    on_directives: list[Callable[[list[Directive]], None]] = field(default_factory=list)
    on_value: list[Callable[[Value], None]] = field(default_factory=list)
    on_variable: list[Callable[[VariableDefinition], None]] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)
    _variables: dict[str, VariableDefinition] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for fragment in self.document.fragments:
            self.fragments.setdefault(fragment.name, fragment)

    def fault(self, message: str, *places: Position | None) -> None:
        """A rule is broken."""
        METER.spend(10, 2 * ENTRY + len(message))
        self.faults.append(Fault(message, tuple(place for place in places if place is not None)))

    def run(self) -> list[Fault]:
        """Everything that is wrong, in the order in which it was found."""
        for operation in self.document.operations:
            self._seen = set()
            self._operation(operation)
        for fragment in self.document.fragments:
            self._seen = set()
            self._fragment(fragment)
        return self.faults

    def _operation(self, operation: OperationDefinition) -> None:
        self.operation = operation
        self._variables = {}
        for variable in operation.variable_definitions:
            METER.spend(4, ENTRY)
            self._variables.setdefault(variable.variable, variable)
            variable.definition = self.schema.types.get(variable.type.name)
            _tell(self.on_variable, variable)
            if variable.default_value is not None:
                variable.default_value.expected_type = variable.type
                variable.default_value.definition = variable.definition
        if operation.operation not in ("query", "mutation", "subscription", ""):
            raise BuiltinError(f'got unknown operation type "{operation.operation}"')
        definition = self.schema.root(operation.operation)
        for variable in operation.variable_definitions:
            if variable.default_value is not None:
                self._value(variable.default_value)
            self._directives(variable.definition, variable.directives, "VARIABLE_DEFINITION")
        self._directives(definition, operation.directives, (operation.operation or "query").upper())
        self._selections(definition, operation.selections)
        _tell(self.on_operation, operation)
        self.operation = None

    def _fragment(self, fragment: FragmentDefinition) -> None:
        definition = fragment.definition = self.schema.types.get(fragment.type_condition)
        self._directives(definition, fragment.directives, "FRAGMENT_DEFINITION")
        self._selections(definition, fragment.selections)
        _tell(self.on_fragment, fragment)

    def _directives(self, parent: Definition | None, directives: list[Directive], location: str) -> None:
        for directive in directives:
            definition = self.schema.directives.get(directive.name)
            directive.definition, directive.parent_definition = definition, parent
            directive.location = location
            for argument in directive.arguments:
                self._argument(named_argument(definition.arguments, argument.name) if definition else None, argument)
            _tell(self.on_directive, directive)
        _tell(self.on_directives, directives)

    def _argument(self, definition: ArgumentDefinition | None, argument: Argument) -> None:
        if definition is not None:
            self._expect(argument.value, definition.type, definition.default_value)
        self._value(argument.value)

    def _expect(self, value: Value, type_: Type, default: Value | None) -> None:
        value.expected_type = type_
        value.expected_type_has_default = default is not None and default.kind != Kind.NULL
        value.definition = self.schema.types.get(type_.name)

    def _value(self, value: Value) -> None:
        METER.spend(20)
        if value.kind == Kind.VARIABLE and self.operation is not None:
            value.variable_definition = self._variables.get(value.raw)
            if value.variable_definition is not None:
                value.variable_definition.used = True
        if value.kind == Kind.OBJECT:
            for child in value.children:
                known = named_field(value.definition, child.name) if value.definition is not None else None
                if known is not None:
                    self._expect(child.value, known.type, known.default_value)
                self._value(child.value)
        elif value.kind == Kind.LIST:
            elem = value.expected_type.elem if value.expected_type is not None else None
            for child in value.children:
                if elem is not None:
                    child.value.expected_type, child.value.definition = elem, value.definition
                self._value(child.value)
        _tell(self.on_value, value)

    def _selections(self, parent: Definition | None, selections: list[Selection]) -> None:
        for selection in selections:
            METER.spend(30)
            match selection:
                case Field():
                    self._field(parent, selection)
                case InlineFragment():
                    selection.object_definition = parent
                    below = parent
                    if selection.type_condition:
                        below = self.schema.types.get(selection.type_condition)
                    self._directives(below, selection.directives, "INLINE_FRAGMENT")
                    self._selections(below, selection.selections)
                    _tell(self.on_inline_fragment, selection)
                case FragmentSpread():
                    self._spread(parent, selection)

    def _field(self, parent: Definition | None, selected: Field) -> None:
        definition = None
        if selected.name == "__typename":
            definition = FieldDefinition(name="__typename", type=Type("String"))
        elif parent is not None:
            definition = named_field(parent, selected.name)
        selected.definition, selected.object_definition = definition, parent
        below = self.schema.types.get(definition.type.name) if definition is not None else None
        for argument in selected.arguments:
            self._argument(named_argument(definition.arguments, argument.name) if definition else None, argument)
        self._directives(below, selected.directives, "FIELD")
        self._selections(below, selected.selections)
        _tell(self.on_field, selected)

    def _spread(self, parent: Definition | None, spread: FragmentSpread) -> None:
        fragment = spread.definition = self.fragments.get(spread.name)
        spread.object_definition = parent
        below = self.schema.types.get(fragment.type_condition) if fragment is not None else None
        self._directives(below, spread.directives, "FRAGMENT_SPREAD")
        if fragment is not None and fragment.name not in self._seen:
            self._seen.add(fragment.name)
            self._directives(below, fragment.directives, "FRAGMENT_DEFINITION")
            self._selections(below, fragment.selections)
        _tell(self.on_fragment_spread, spread)


def _tell(rules: list[Callable[[Any], None]], part: Any) -> None:
    for rule in rules:
        rule(part)


def named_field(definition: Definition, name: str) -> FieldDefinition | None:
    """The first field of this name."""
    METER.spend(1 + (len(definition.fields) >> 2))
    return next((f for f in definition.fields if f.name == name), None)


def named_argument(arguments: list[ArgumentDefinition], name: str) -> ArgumentDefinition | None:
    """The first argument of this name."""
    METER.spend(1 + (len(arguments) >> 2))
    return next((a for a in arguments if a.name == name), None)
