"""GraphQL queries and schemas: read, checked, and told apart."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
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

MAX_KEPT: Final = 1 << 16
"""Characters of the longest schema that is kept in mind, with what came of it."""


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
            return _read(value) if len(value) <= MAX_KEPT else read_schema(value)
        except GraphqlFault as fault:
            raise BuiltinError(as_opa_says(str(fault))) from None
    if type(value) is dict:
        return schema_from(value)
    raise operands.wrong(value, position, "string", "object")


# Policies have few schemas, and ask about them again and again; neither of these is changed once it is made.
_read = lru_cache(maxsize=8)(read_schema)


@lru_cache(maxsize=8)
def _checked(text: str) -> Schema:
    return validated(_read(text))


def _valid_schema(value: Value, document: SchemaDocument) -> Schema:
    """The schema in an operand and what was read of it; raises :class:`BuiltinError` for one that is not valid."""
    try:
        if type(value) is str:
            return _checked(value) if len(value) <= MAX_KEPT else validated(document)
        check_whole(document)
        return validated(document)
    except GraphqlFault as fault:
        raise BuiltinError(f"Error in gqlparser SchemaDocument to Schema conversion: {fault}") from None


def _check(query: QueryDocument, given: Value, schema: Schema) -> None:
    """Raises :class:`BuiltinError` for a query that is not valid for a schema; ``given`` is its operand."""
    if type(given) is not str:
        check_whole(query)
    found = faults(schema, query)
    if found:
        raise BuiltinError(as_opa_says(joined(found)))


def parse(query: Value, schema: Value) -> Value:
    """The trees of a query and of the schema that it is valid for."""
    query_document, schema_document = _query(query), _schema(schema, 1)
    trees = [to_value(query_document), to_value(schema_document)]
    _check(query_document, query, _valid_schema(schema, schema_document))
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
        query_document, schema_document = _query(query), _schema(schema)
        _check(query_document, query, _valid_schema(schema, schema_document))
    except BuiltinError:
        return False
    return True


def schema_is_valid(a: Value) -> Value:
    """Whether a schema is valid."""
    try:
        _valid_schema(a, _schema(a))
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
