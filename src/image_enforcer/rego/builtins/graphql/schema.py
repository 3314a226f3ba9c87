"""A schema's tree checked and looked up: types and directives by name, who implements what, where operations begin."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import Final

from ...meter import ENTRY, METER
from .faults import GraphqlFault
from .nodes import (
    ArgumentDefinition,
    Definition,
    DirectiveDefinition,
    FieldDefinition,
    OperationTypeDefinition,
    SchemaDocument,
    Type,
)
from .prelude import prelude
from .schema_checks import check_directives, check_schema

_MAY_BE_REPEATED: Final = frozenset({"include", "skip", "deprecated", "specifiedBy", "defer", "oneOf"})


@dataclass(eq=False, slots=True)
class Schema:
    """What queries are validated against."""

    query: Definition | None = None
    mutation: Definition | None = None
    subscription: Definition | None = None
    types: dict[str, Definition] = field(default_factory=dict)
    directives: dict[str, DirectiveDefinition] = field(default_factory=dict)
    possible_types: dict[str, list[Definition]] = field(default_factory=dict)

    def root(self, operation: str) -> Definition | None:
        """The type that an operation begins at."""
        match operation:
            case "query" | "":
                return self.query
            case "mutation":
                return self.mutation
            case "subscription":
                return self.subscription
        return None

    def set_root(self, operation: str, definition: Definition) -> None:
        """Let an operation begin at a type."""
        match operation:
            case "query":
                self.query = definition
            case "mutation":
                self.mutation = definition
            case "subscription":
                self.subscription = definition


def validated(document: SchemaDocument) -> Schema:
    """The schema in a document, together with what every schema has; raises :class:`GraphqlFault`.

    The document stays as it is: definitions are copied before anything is added to them.
    """
    given = prelude()
    schema = Schema()
    definitions = [copy(d) for d in (*given.definitions, *document.definitions)]
    METER.spend(8 * len(definitions), 4 * ENTRY * len(definitions))
    for definition in definitions:
        if definition.name in schema.types:
            raise GraphqlFault(f"Cannot redeclare type {definition.name}.", definition.position)
        schema.types[definition.name] = definition
    _extend(document, schema, definitions)
    _relate(schema, definitions)
    for directive in (*given.directives, *document.directives):
        if directive.name in schema.directives and directive.name not in _MAY_BE_REPEATED:
            raise GraphqlFault(f"Cannot redeclare directive {directive.name}.", directive.position)
        schema.directives[directive.name] = directive
    if len(document.schema) > 1:
        message = "Cannot have multiple schema entry points, consider schema extensions instead."
        raise GraphqlFault(message, document.schema[1].position)
    for entry in (*document.schema, *document.schema_extension):
        _enter(schema, entry.operation_types)
        check_directives(schema.directives, entry.directives, "SCHEMA")
    check_schema(schema.types, schema.directives, schema.possible_types)
    if not document.schema:
        for operation, name in (("query", "Query"), ("mutation", "Mutation"), ("subscription", "Subscription")):
            if schema.root(operation) is None and name in schema.types:
                schema.set_root(operation, schema.types[name])
    if schema.query is not None:
        schema.query.fields = schema.query.fields + _introspection()
    return schema


def _introspection() -> list[FieldDefinition]:
    name = ArgumentDefinition(name="name", type=Type("String", non_null=True))
    return [
        FieldDefinition(name="__schema", type=Type("__Schema", non_null=True)),
        FieldDefinition(name="__type", type=Type("__Type"), arguments=[name]),
    ]


def _extend(document: SchemaDocument, schema: Schema, definitions: list[Definition]) -> None:
    for extension in document.extensions:
        METER.spend(4, ENTRY)
        base = schema.types.get(extension.name)
        if base is None:
            base = Definition(kind=extension.kind, name=extension.name, position=extension.position)
            schema.types[extension.name] = base
            definitions.append(base)
        if base.kind != extension.kind:
            message = (
                f"Cannot extend type {extension.name} because the base type is a {base.kind}, not {extension.kind}."
            )
            raise GraphqlFault(message, extension.position)
        base.directives = base.directives + extension.directives
        base.interfaces = base.interfaces + extension.interfaces
        base.fields = base.fields + extension.fields
        base.types = base.types + extension.types
        base.type_positions = base.type_positions + extension.type_positions
        base.enum_values = base.enum_values + extension.enum_values


def _relate(schema: Schema, definitions: list[Definition]) -> None:
    """Who may stand for whom; members of unions that there are not are told of later."""
    for definition in definitions:
        if definition.kind == "UNION":
            METER.spend(len(definition.types))
            for name in definition.types:
                if name in schema.types:
                    schema.possible_types.setdefault(definition.name, []).append(schema.types[name])
        elif definition.kind in ("INPUT_OBJECT", "OBJECT", "INTERFACE"):
            METER.spend(len(definition.interfaces))
            for name in definition.interfaces:
                schema.possible_types.setdefault(name, []).append(definition)
            if definition.kind != "INTERFACE":
                schema.possible_types.setdefault(definition.name, []).append(definition)


def _enter(schema: Schema, entries: list[OperationTypeDefinition]) -> None:
    for entry in entries:
        definition = schema.types.get(entry.type)
        if definition is None:
            message = f"Schema root {entry.operation} refers to a type {entry.type} that does not exist."
            raise GraphqlFault(message, entry.position)
        schema.set_root(entry.operation, definition)
