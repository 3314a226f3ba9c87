"""What must hold in a schema: names, types that there are, interfaces implemented, directives where they may be.

The first thing that does not hold is told, types and directives being looked at in the order of their names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from ...meter import CELL, METER
from ...text import quoted
from .faults import GraphqlFault, Position
from .nodes import (
    ArgumentDefinition,
    Definition,
    Directive,
    DirectiveDefinition,
    EnumValueDefinition,
    FieldDefinition,
    Kind,
    Type,
)

Types = Mapping[str, Definition]
Directives = Mapping[str, DirectiveDefinition]

_OUTPUT = ("SCALAR", "OBJECT", "INTERFACE", "UNION", "ENUM")
_INPUT = ("SCALAR", "ENUM", "INPUT_OBJECT")


def check_schema(types: Types, directives: Directives, possible: Mapping[str, list[Definition]]) -> None:
    """Everything but the entry points; raises :class:`GraphqlFault`."""
    checker = _Checker(types, directives, possible)
    for name in sorted(types):
        checker.definition(types[name])
    _check_cycles(types)
    for name in sorted(directives):
        directive = directives[name]
        _check_name(directive.name, directive.position)
        checker.arguments(directive.arguments, directive)


def _check_name(name: str, position: Position | None) -> None:
    if name.startswith("__"):
        message = f'Name "{name}" must not begin with "__", which is reserved by GraphQL introspection.'
        raise GraphqlFault(message, position)


def check_directives(
    known: Directives,
    applied: Sequence[Directive],
    location: str,
    within: DirectiveDefinition | None = None,
    once: bool = True,
) -> None:
    """Directives where they are applied; ``within`` the definition of one, ``once`` where one may be there but once."""
    seen: set[str] = set()
    METER.spend(4 * len(applied))
    for directive in applied:
        name, position = directive.name, directive.position
        _check_name(name, position)
        if within is not None and name == within.name:
            raise GraphqlFault(f"Directive {name} cannot refer to itself.", position)
        definition = known.get(name)
        if definition is None:
            raise GraphqlFault(f"Undefined directive {name}.", position)
        if once:
            if name in seen and not definition.is_repeatable:
                raise GraphqlFault(f"The directive {name} can only be used once at this location.", position)
            seen.add(name)
        if location not in definition.locations:
            raise GraphqlFault(f"Directive {name} is not applicable on {location}.", position)
        wanted = {a.name for a in definition.arguments}
        given = {a.name: a for a in reversed(directive.arguments)}
        METER.spend(len(wanted) + len(given))
        for argument in directive.arguments:
            if argument.name not in wanted:
                raise GraphqlFault(f"Undefined argument {argument.name} for directive {name}.", argument.position)
        for parameter in definition.arguments:
            if parameter.type.non_null and parameter.default_value is None:
                found = given.get(parameter.name)
                if found is None or found.value.kind == Kind.NULL:
                    raise GraphqlFault(f"Argument {parameter.name} for directive {name} cannot be null.", position)


class _Checker:
    def __init__(self, types: Types, directives: Directives, possible: Mapping[str, list[Definition]]) -> None:
        self.types, self.directives, self.possible = types, directives, possible

    def definition(self, definition: Definition) -> None:
        METER.spend(20)
        is_input = definition.kind == "INPUT_OBJECT"
        for field in definition.fields:
            _check_name(field.name, field.position)
            self.type(field.type)
            self.arguments(field.arguments, None)
            location = "INPUT_FIELD_DEFINITION" if is_input else "FIELD_DEFINITION"
            check_directives(self.directives, field.directives, location)
        for name in definition.types:
            member = self.types.get(name)
            if member is None:
                raise GraphqlFault(f"Undefined type {quoted(name)}.", definition.position)
            if member.kind != "OBJECT":
                raise GraphqlFault(f"{definition.kind} type {quoted(name)} must be OBJECT.", definition.position)
        for name in definition.interfaces:
            self.implements(definition, name)
        match definition.kind:
            case "OBJECT" | "INTERFACE":
                self.output_fields(definition)
            case "ENUM":
                self.enum_values(definition)
            case "INPUT_OBJECT":
                self.input_fields(definition)
        _check_unique(definition)
        if not definition.built_in:
            _check_name(definition.name, definition.position)
        check_directives(self.directives, definition.directives, definition.kind, once=False)

    def type(self, type_: Type) -> None:
        if type_.name not in self.types:
            raise GraphqlFault(f"Undefined type {type_.name}.", type_.position)

    def arguments(self, arguments: Sequence[ArgumentDefinition], within: DirectiveDefinition | None) -> None:
        METER.spend(8 * len(arguments))
        for argument in arguments:
            _check_name(argument.name, argument.position)
            self.type(argument.type)
            definition = self.types[argument.type.name]
            if not definition.is_input:
                message = (
                    f"cannot use {argument.type} as argument {argument.name} because {definition.kind} is not a valid"
                    " input type"
                )
                raise GraphqlFault(message, argument.position)
            check_directives(self.directives, argument.directives, "ARGUMENT_DEFINITION", within)

    def output_fields(self, definition: Definition) -> None:
        place = f"{definition.kind} {definition.name}"
        if not definition.fields:
            raise GraphqlFault(f"{place}: must define one or more fields.", definition.position)
        for field in definition.fields:
            if self.types[field.type.name].kind not in _OUTPUT:
                raise GraphqlFault(f"{place}: field must be one of {', '.join(_OUTPUT)}.", field.position)

    def enum_values(self, definition: Definition) -> None:
        place = f"{definition.kind} {definition.name}"
        if not definition.enum_values:
            raise GraphqlFault(f"{place}: must define one or more unique enum values.", definition.position)
        for value in definition.enum_values:
            if value.name in ("true", "false", "null"):
                raise GraphqlFault(f"{place}: non-enum value {value.name}.", definition.position)
            check_directives(self.directives, value.directives, "ENUM_VALUE")

    def input_fields(self, definition: Definition) -> None:
        if not definition.fields:
            message = f"{definition.kind} {definition.name}: must define one or more input fields."
            raise GraphqlFault(message, definition.position)
        for field in definition.fields:
            kind = self.types[field.type.name].kind
            if kind not in _INPUT:
                raise GraphqlFault(f"{kind} {field.name}: field must be one of {', '.join(_INPUT)}.", field.position)

    # --- interfaces ------------------------------------------------------------------------------

    def implements(self, definition: Definition, name: str) -> None:
        interface = self.types.get(name)
        if interface is None:
            raise GraphqlFault(f"Undefined type {quoted(name)}.", definition.position)
        if interface.kind != "INTERFACE":
            raise GraphqlFault(f"{quoted(name)} is a non interface type {interface.kind}.", definition.position)
        start = f"For {definition.name} to implement {interface.name}"
        fields = {f.name: f for f in reversed(definition.fields)}
        METER.spend(len(fields) + 4 * len(interface.fields))
        for wanted in interface.fields:
            found = fields.get(wanted.name)
            if found is None:
                raise GraphqlFault(f"{start} it must have a field called {wanted.name}.", definition.position)
            if not self.covers(wanted.type, found.type):
                raise GraphqlFault(f"{start} the field {wanted.name} must have type {wanted.type}.", found.position)
            _check_arguments(start, wanted, found)
        for name_above in interface.interfaces:
            if name_above in definition.interfaces:
                continue
            if name_above == definition.name:
                message = (
                    f"Type {definition.name} cannot implement {name} because it would create a circular reference."
                )
                raise GraphqlFault(message, definition.position)
            message = f"Type {definition.name} must implement {name_above} because it is implemented by {name}."
            raise GraphqlFault(message, definition.position)

    def covers(self, wanted: Type, actual: Type) -> bool:
        """Whether what has the actual type always has the wanted one."""
        if wanted.non_null and not actual.non_null:
            return False
        if wanted.named or wanted.elem is None:
            if wanted.named == actual.named:
                return True
            possible = self.possible.get(wanted.named, ())
            METER.spend(len(possible))
            return any(p.name == actual.named for p in possible)
        return actual.elem is not None and self.covers(wanted.elem, actual.elem)


def _check_arguments(start: str, wanted: FieldDefinition, found: FieldDefinition) -> None:
    given = {a.name: a for a in reversed(found.arguments)}
    known = {a.name for a in wanted.arguments}
    METER.spend(4 * (len(given) + len(known)))
    same = f"{start} the field {wanted.name} must have the same arguments but"
    for argument in wanted.arguments:
        other = given.get(argument.name)
        if other is None:
            raise GraphqlFault(f"{same} it is missing {argument.name}.", found.position)
        if not argument.type.fits(other.type):
            raise GraphqlFault(f"{same} {argument.name} has the wrong type.", other.position)
    for argument in found.arguments:
        if argument.name not in known and argument.type.non_null and argument.default_value is None:
            message = (
                f"{start} any additional arguments on {found.name} must be optional or have a default value but"
                f" {argument.name} is required."
            )
            raise GraphqlFault(message, argument.position)


def _check_unique(definition: Definition) -> None:
    field = _first_again(definition.fields)
    if field is not None:
        raise GraphqlFault(f"Field {definition.name}.{field.name} can only be defined once.", field.position)
    value = _first_again(definition.enum_values)
    if value is not None:
        raise GraphqlFault(f"Enum value {definition.name}.{value.name} can only be defined once.", value.position)
    places: Sequence[Position | None] = definition.type_positions
    if len(places) != len(definition.types):
        places = [None] * len(definition.types)
    members = [_Member(name, place) for name, place in zip(definition.types, places, strict=True)]
    member = _first_again(members)
    if member is not None:
        message = f"Union type {definition.name} can only include type {member.name} once."
        raise GraphqlFault(message, member.position or definition.position)


class _Member:
    __slots__ = ("name", "position")

    def __init__(self, name: str, position: Position | None) -> None:
        self.name, self.position = name, position


_Named = TypeVar("_Named", FieldDefinition, EnumValueDefinition, _Member)


def _first_again(items: Sequence[_Named]) -> _Named | None:
    """Of the first name that is there twice, the second one."""
    METER.spend(len(items), 2 * CELL * len(items))
    first: dict[str, int] = {}
    again: dict[str, _Named] = {}
    for i, item in enumerate(items):
        if item.name in first:
            again.setdefault(item.name, item)
        else:
            first[item.name] = i
    return again[min(again, key=first.__getitem__)] if again else None


def _check_cycles(types: Types) -> None:
    """No input object needs one of its own kind within itself."""
    visited: set[str] = set()
    path: list[FieldDefinition] = []
    index: dict[str, int] = {}

    def detect(definition: Definition) -> None:
        if definition.name in visited:
            return
        METER.spend(4 + len(definition.fields), 400)
        visited.add(definition.name)
        index[definition.name] = len(path)
        for field in definition.fields:
            below = types.get(field.type.named)
            if not field.type.non_null or below is None or below.kind != "INPUT_OBJECT":
                continue
            path.append(field)
            if below.name in index:
                cycle = path[index[below.name] :]
                names = quoted(".".join(f.name for f in cycle))
                message = (
                    f"Cannot reference Input Object {quoted(below.name)} within itself through a series of non-null"
                    f" fields: {names}."
                )
                raise GraphqlFault(message, cycle[0].position)
            detect(below)
            path.pop()
        del index[definition.name]

    for name in sorted(types):
        if types[name].kind == "INPUT_OBJECT":
            detect(types[name])
