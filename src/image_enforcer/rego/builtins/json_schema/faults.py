"""What is wrong with a schema, in the words of OPA's library."""

from __future__ import annotations


class SchemaFault(Exception):
    """A schema that cannot be used; the message is all there is to say."""


def invalid_type(expected: str, given: str) -> SchemaFault:
    """Another kind of value than the keyword ``given`` wants."""
    return SchemaFault(f"Invalid type. Expected: {expected}, given: {given}")
