"""Rules for operations and their variables."""

from __future__ import annotations

from collections.abc import Sequence

from ...meter import METER
from ...text import quoted
from .nodes import Field, FragmentSpread, InlineFragment, Kind, OperationDefinition, Selection, Type, Value
from .walk import Walk


def known_root_type(walk: Walk) -> None:
    """The schema has operations of this kind."""

    def check(operation: OperationDefinition) -> None:
        if walk.schema.root(operation.operation) is None:
            walk.fault(f'Schema does not support operation type "{operation.operation}"', operation.position)

    walk.on_operation.append(check)


def lone_anonymous_operation(walk: Walk) -> None:
    """An operation without a name is alone."""

    def check(operation: OperationDefinition) -> None:
        if not operation.name and len(walk.document.operations) > 1:
            walk.fault("This anonymous operation must be the only defined operation.", operation.position)

    walk.on_operation.append(check)


def unique_operation_names(walk: Walk) -> None:
    """Names of operations are given once."""
    seen: set[str] = set()

    def check(operation: OperationDefinition) -> None:
        if operation.name in seen:
            walk.fault(f'There can be only one operation named "{operation.name}".', operation.position)
        seen.add(operation.name)

    walk.on_operation.append(check)


def single_field_subscriptions(walk: Walk) -> None:
    """A subscription selects one field, which is not one of introspection."""

    def check(operation: OperationDefinition) -> None:
        if walk.schema.subscription is None or operation.operation != "subscription":
            return
        found: list[Field] = []
        _collect(operation.selections, found, set())
        fields = list({f.name: f for f in reversed(found)}.values())
        fields.sort(key=found.index)
        name = f"Subscription {quoted(operation.name)}" if operation.name else "Anonymous Subscription"
        if len(fields) > 1:
            walk.fault(f"{name} must select only one top level field.", fields[1].position)
        for field in fields:
            if field.name.startswith("__"):
                walk.fault(f"{name} must not select an introspection top level field.", field.position)

    walk.on_operation.append(check)


def _collect(selections: Sequence[Selection], into: list[Field], visited: set[str]) -> None:
    for selection in selections:
        METER.spend(4, 16)
        match selection:
            case Field():
                into.append(selection)
            case InlineFragment():
                _collect(selection.selections, into, visited)
            case FragmentSpread():
                if selection.definition is None:
                    return
                if selection.definition.name not in visited:
                    visited.add(selection.definition.name)
                    _collect(selection.definition.selections, into, visited)


# --- variables -----------------------------------------------------------------------------------


def no_undefined_variables(walk: Walk) -> None:
    """Variables that are used are defined."""

    def check(value: Value) -> None:
        operation = walk.operation
        if operation is None or value.kind != Kind.VARIABLE or value.variable_definition is not None:
            return
        by = f' by operation "{operation.name}"' if operation.name else ""
        walk.fault(f'Variable "${value.raw}" is not defined{by}.', value.position)

    walk.on_value.append(check)


def no_unused_variables(walk: Walk) -> None:
    """Variables that are defined are used."""

    def check(operation: OperationDefinition) -> None:
        where = f' in operation "{operation.name}"' if operation.name else ""
        for variable in operation.variable_definitions:
            if not variable.used:
                walk.fault(f'Variable "${variable.variable}" is never used{where}.', variable.position)

    walk.on_operation.append(check)


def unique_variable_names(walk: Walk) -> None:
    """Names of variables are given once; more often is told once."""

    def check(operation: OperationDefinition) -> None:
        counts: dict[str, int] = {}
        for variable in operation.variable_definitions:
            if counts.get(variable.variable) == 1:
                walk.fault(f'There can be only one variable named "${variable.variable}".', variable.position)
            counts[variable.variable] = counts.get(variable.variable, 0) + 1

    walk.on_operation.append(check)


def variables_are_input_types(walk: Walk) -> None:
    """Variables have types that can be given."""

    def check(operation: OperationDefinition) -> None:
        for variable in operation.variable_definitions:
            if variable.definition is not None and not variable.definition.is_input:
                message = f'Variable "${variable.variable}" cannot be non-input type "{variable.type}".'
                walk.fault(message, variable.position)

    walk.on_operation.append(check)


def variables_in_allowed_position(walk: Walk) -> None:
    """A variable has a type that fits where it stands."""

    def check(value: Value) -> None:
        variable, wanted = value.variable_definition, value.expected_type
        if value.kind != Kind.VARIABLE or wanted is None or variable is None or walk.operation is None:
            return
        default = variable.default_value
        may_be_null = value.expected_type_has_default or (default is not None and default.kind != Kind.NULL)
        held = Type(wanted.named, wanted.elem, non_null=False) if may_be_null else wanted
        if not variable.type.fits(held):
            message = f'Variable "${value.raw}" of type "{variable.type}" used in position expecting type "{wanted}".'
            walk.fault(message, value.position)

    def check_one_of(value: Value) -> None:
        definition = value.definition
        if value.kind != Kind.OBJECT or definition is None:
            return
        if not any(d.name == "oneOf" for d in definition.directives):
            return
        for child in value.children:
            variable = child.value.variable_definition
            if child.value.kind == Kind.VARIABLE and variable is not None and not variable.type.non_null:
                message = (
                    f'Variable "${child.value.raw}" is of type "{variable.type}" but must be non-nullable to be used'
                    f' for OneOf Input Object "{definition.name}".'
                )
                walk.fault(message, variable.position, child.value.position)

    walk.on_value.append(check)
    walk.on_value.append(check_one_of)
