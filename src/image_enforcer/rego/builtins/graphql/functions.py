"""GraphQL queries and schemas: read, checked, and told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...errors import BuiltinError
from ...values import Value
from .. import operands
from ..contract import Builtin
from .faults import GraphqlFault, as_opa_says, joined
from .nodes import QueryDocument, SchemaDocument
from .query_parser import parse_query as read_query
from .schema import Schema, validated
from .schema_parser import parse_schema as read_schema
from .trees import check_whole, query_from, schema_from, to_value
from .validation import faults


def _query(value: Value, position: int = 0) -> QueryDocument:
    if type(value) is str:
        try:
            return read_query(value)
        except GraphqlFault as fault:
            raise BuiltinError(as_opa_says(str(fault))) from None
    if type(value) is dict:
        return query_from(value)
    raise operands.wrong(value, position, "string", "object")


def _schema(value: Value, position: int = 0) -> SchemaDocument:
    if type(value) is str:
        try:
            return read_schema(value)
        except GraphqlFault as fault:
            raise BuiltinError(as_opa_says(str(fault))) from None
    if type(value) is dict:
        return schema_from(value)
    raise operands.wrong(value, position, "string", "object")


def _validated(schema: SchemaDocument) -> Schema:
    """Raises :class:`BuiltinError` for a schema that is not valid."""
    check_whole(schema)
    try:
        return validated(schema)
    except GraphqlFault as fault:
        raise BuiltinError(f"Error in gqlparser SchemaDocument to Schema conversion: {fault}") from None


def _check(query: QueryDocument, schema: SchemaDocument) -> None:
    """Raises :class:`BuiltinError` for a schema that is not valid, or a query that is not valid for it."""
    checked = _validated(schema)
    check_whole(query)
    found = faults(checked, query)
    if found:
        raise BuiltinError(as_opa_says(joined(found)))


def parse(query: Value, schema: Value) -> Value:
    """The trees of a query and of the schema that it is valid for."""
    query_document, schema_document = _query(query), _schema(schema, 1)
    trees = [to_value(query_document), to_value(schema_document)]
    _check(query_document, schema_document)
    return trees


def parse_and_verify(query: Value, schema: Value) -> Value:
    """The same after ``true``; ``false`` and two empty objects where anything is wrong."""
    try:
        return [True, *parse(query, schema)]
    except BuiltinError:
        return [False, {}, {}]


def parse_query(a: Value) -> Value:
    """The tree of a query."""
    return to_value(_query(operands.string(a, 1)))


def parse_schema(a: Value) -> Value:
    """The tree of a schema, which may not be valid."""
    return to_value(_schema(operands.string(a, 1)))


def is_valid(query: Value, schema: Value) -> Value:
    """Whether a query is valid for a schema."""
    try:
        _check(_query(query), _schema(schema))
    except BuiltinError:
        return False
    return True


def schema_is_valid(a: Value) -> Value:
    """Whether a schema is valid."""
    try:
        _validated(_schema(a))
    except BuiltinError:
        return False
    return True


BUILTINS: Final[Mapping[str, Builtin]] = {
    "graphql.parse": Builtin(parse),
    "graphql.parse_and_verify": Builtin(parse_and_verify),
    "graphql.parse_query": Builtin(parse_query),
    "graphql.parse_schema": Builtin(parse_schema),
    "graphql.is_valid": Builtin(is_valid),
    "graphql.schema_is_valid": Builtin(schema_is_valid),
}
