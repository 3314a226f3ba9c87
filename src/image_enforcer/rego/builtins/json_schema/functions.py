"""Documents held against JSON schemas, and schemas checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...errors import BuiltinError, LimitError
from ...json_text import from_json, to_json
from ...meter import METER
from ...values import Value
from ..contract import Builtin, Context
from ..go_json import whole_fault
from .faults import SchemaFault
from .reading import read
from .schema import Document, Schema
from .validation import errors


def verify_schema(a: Value) -> Value:
    """Whether it is a schema, with what is wrong where it is none."""
    try:
        read(_document(a))
    except SchemaFault as fault:
        return [False, f"jsonschema: {fault}"]
    return [True, None]


def match_schema(context: Context, document: Value, schema: Value) -> Value:
    """Whether a document fits a schema, with everything that is wrong where it does not."""
    try:
        held = _document(document)
        found = errors(_schema(context, schema), held)
    except SchemaFault as fault:
        raise BuiltinError(str(fault)) from None
    return [not found, found]


def _schema(context: Context, value: Value) -> Schema:
    """A schema that the evaluation has read before is not read again.

    Objects are known by identity: what is equal to Rego (``1`` and ``1.0``) need not be the same to a schema.
    """
    name = ("json schema", value if type(value) is str else id(value))
    known: tuple[Value, Schema] | None = context.cache.get(name)
    if known is None:
        known = context.cache[name] = value, read(_document(value))
    return known[1]


def _document(value: Value) -> Document:
    """A copy of an object or array as JSON has it, or what JSON text says."""
    match value:
        case str():
            text = value
        case dict() | list():
            text = to_json(value)
        case _:
            raise SchemaFault("wrong type, expected string or object")
    METER.spend(len(text) >> 3, 16 * len(text))
    try:
        return from_json(text)
    except ValueError as e:
        if str(e).startswith(_BEYOND) and whole_fault(text) is None:
            raise LimitError("memory", f"a JSON document: {e}") from None
        raise SchemaFault("invalid JSON string") from None


_BEYOND: Final = ("nested deeper", "number out of range", "invalid number: number too big")
"""What is JSON, but more than we read."""

BUILTINS: Final[Mapping[str, Builtin]] = {
    "json.verify_schema": Builtin(verify_schema),
    "json.match_schema": Builtin(match_schema, context=True),
}
