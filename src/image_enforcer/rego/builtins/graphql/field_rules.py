"""Rules for fields, arguments and directives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...errors import BuiltinError
from ...meter import METER
from .nodes import (
    Argument,
    ArgumentDefinition,
    Definition,
    Directive,
    Field,
    FragmentSpread,
    InlineFragment,
    Selection,
)
from .suggestions import did_you_mean, quoted_or_list
from .walk import Walk, named_argument, named_field


def fields_on_correct_type(walk: Walk) -> None:
    """A field is there in the type that it is asked of."""

    def check(field: Field) -> None:
        parent = field.object_definition
        if parent is None or field.definition is not None:
            return
        message = f'Cannot query field "{field.name}" on type "{parent.name}".'
        types = _types_with(walk, parent, field.name) if parent.is_abstract else []
        if types:
            message += f" Did you mean to use an inline fragment on {quoted_or_list(types)}?"
        elif parent.kind in ("OBJECT", "INTERFACE"):
            METER.spend(len(parent.fields))
            message += did_you_mean("Did you mean", field.name, [f.name for f in parent.fields])
        walk.fault(message, field.position)

    walk.on_field.append(check)


def _types_with(walk: Walk, parent: Definition, name: str) -> list[str]:
    """Types that may stand for the parent and have such a field: interfaces first, by how many of them have them."""
    objects: list[str] = []
    interfaces: list[str] = []
    usage: dict[str, int] = {}
    for possible in walk.schema.possible_types.get(parent.name, []):
        METER.spend(4 + len(possible.interfaces))
        if named_field(possible, name) is None:
            continue
        objects.append(possible.name)
        for interface in possible.interfaces:
            definition = walk.schema.types.get(interface)
            if definition is not None and named_field(definition, name) is not None:
                if interface not in usage:
                    interfaces.append(interface)
                usage[interface] = usage.get(interface, 0) + 1
    return sorted(interfaces + objects, key=lambda type_name: (-usage.get(type_name, 0), type_name))


def known_argument_names(walk: Walk) -> None:
    """Arguments are those that the field or directive has."""

    def check_field(field: Field) -> None:
        if field.definition is None or field.object_definition is None:
            return
        where = f'field "{field.object_definition.name}.{field.name}"'
        for argument in field.arguments:
            if named_argument(field.definition.arguments, argument.name) is None:
                end = _near(argument, field.definition.arguments)
                walk.fault(f'Unknown argument "{argument.name}" on {where}.{end}', field.position)

    def check_directive(directive: Directive) -> None:
        if directive.definition is None:
            return
        for argument in directive.arguments:
            if named_argument(directive.definition.arguments, argument.name) is None:
                end = _near(argument, directive.definition.arguments)
                message = f'Unknown argument "{argument.name}" on directive "@{directive.name}".{end}'
                walk.fault(message, directive.position)

    walk.on_field.append(check_field)
    walk.on_directive.append(check_directive)


def _near(argument: Argument, known: Sequence[ArgumentDefinition]) -> str:
    return did_you_mean("Did you mean", argument.name, [a.name for a in known])


def known_directives(walk: Walk) -> None:
    """Directives are there, and may stand where they stand."""
    seen: set[tuple[str, int, int]] = set()

    def check(directive: Directive) -> None:
        if directive.definition is None:
            walk.fault(f'Unknown directive "@{directive.name}".', directive.position)
            return
        if directive.location in directive.definition.locations:
            return
        if directive.position is None:
            raise BuiltinError("the tree has no position in its Directive")
        place = (directive.name, directive.position.line, directive.position.column)
        if place not in seen:
            seen.add(place)
            message = f'Directive "@{directive.name}" may not be used on {directive.location}.'
            walk.fault(message, directive.position)

    walk.on_directive.append(check)


_DEEPER: Final = ("fields", "interfaces", "possibleTypes", "inputFields")
_MAX_LISTS: Final = 3


def max_introspection_depth(walk: Walk) -> None:
    """What is asked about the schema goes through three lists at most."""

    def check(field: Field) -> None:
        if field.name in ("__schema", "__type") and _too_deep([field], set(), 0):
            walk.fault("Maximum introspection depth exceeded", field.position)

    walk.on_field.append(check)


def _too_deep(selections: Sequence[Selection], visited: set[str], depth: int) -> bool:
    for selection in selections:
        METER.spend(10)
        match selection:
            case Field():
                deeper = depth + (selection.name in _DEEPER)
                if deeper >= _MAX_LISTS or _too_deep(selection.selections, visited, deeper):
                    return True
            case InlineFragment():
                if _too_deep(selection.selections, visited, depth):
                    return True
            case FragmentSpread():
                if selection.definition is None or selection.name in visited:
                    continue
                visited.add(selection.name)
                found = _too_deep(selection.definition.selections, visited, depth)
                visited.discard(selection.name)
                if found:
                    return True
    return False


def provided_required_arguments(walk: Walk) -> None:
    """Arguments that have to be there are."""

    def missing(known: Sequence[ArgumentDefinition], given: Sequence[Argument]) -> list[ArgumentDefinition]:
        METER.spend(len(known) + len(given))
        names = {a.name for a in given}
        return [a for a in known if a.type.non_null and a.default_value is None and a.name not in names]

    def check_field(field: Field) -> None:
        if field.definition is not None:
            for argument in missing(field.definition.arguments, field.arguments):
                walk.fault(f'Field "{field.name}" {_required(argument)}', field.position)

    def check_directive(directive: Directive) -> None:
        if directive.definition is not None:
            for argument in missing(directive.definition.arguments, directive.arguments):
                walk.fault(f'Directive "@{directive.name}" {_required(argument)}', directive.position)

    walk.on_field.append(check_field)
    walk.on_directive.append(check_directive)


def _required(argument: ArgumentDefinition) -> str:
    return f'argument "{argument.name}" of type "{argument.type}" is required, but it was not provided.'


def scalar_leafs(walk: Walk) -> None:
    """Of a scalar or an enum nothing is selected, of everything else something."""

    def check(field: Field) -> None:
        type_ = field.definition and walk.schema.types.get(field.definition.type.name)
        if not type_ or field.definition is None:
            return
        if type_.is_leaf and field.selections:
            message = f'Field "{field.name}" must not have a selection since type "{type_.name}" has no subfields.'
            walk.fault(message, field.position)
        if not type_.is_leaf and not field.selections:
            message = (
                f'Field "{field.name}" of type "{field.definition.type}" must have a selection of subfields.'
                f' Did you mean "{field.name} {{ ... }}"?'
            )
            walk.fault(message, field.position)

    walk.on_field.append(check)


def unique_argument_names(walk: Walk) -> None:
    """An argument is given once; more often is told once."""

    def check(arguments: Sequence[Argument]) -> None:
        METER.spend(len(arguments))
        counts: dict[str, int] = {}
        for argument in arguments:
            if counts.get(argument.name) == 1:
                walk.fault(f'There can be only one argument named "{argument.name}".', argument.position)
            counts[argument.name] = counts.get(argument.name, 0) + 1

    walk.on_field.append(lambda field: check(field.arguments))
    walk.on_directive.append(lambda directive: check(directive.arguments))


def unique_directives_per_location(walk: Walk) -> None:
    """A directive is applied once, unless it may be repeated."""

    def check(directives: list[Directive]) -> None:
        METER.spend(len(directives))
        seen: set[str] = set()
        for directive in directives:
            repeatable = directive.definition is not None and directive.definition.is_repeatable
            if not repeatable and directive.name in seen:
                message = f'The directive "@{directive.name}" can only be used once at this location.'
                walk.fault(message, directive.position)
            seen.add(directive.name)

    walk.on_directives.append(check)
