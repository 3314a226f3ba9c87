"""What a schema comes to once its keywords have been checked."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ...records import field, record
from .references import ROOT, Reference


@record(frozen=True, slots=True)
class Limit:
    """A number that others are held against, and how error texts show it."""

    value: Fraction
    shown: str


@record(slots=True)
class Schema:
    """A schema or a part of one. It is filled while it is read, since schemas may refer to themselves."""

    draft: int
    base: Reference = ROOT
    verdict: bool | None = None
    target: Schema | None = None
    types: list[str] = field(default_factory=list)
    properties: dict[str, Schema] = field(default_factory=dict)
    pattern_properties: dict[str, Schema] = field(default_factory=dict)
    additional_properties: bool | Schema = True
    property_names: Schema | None = None
    dependencies: dict[str, list[str] | Schema] = field(default_factory=dict)
    items: Schema | None = None
    tuple_items: list[Schema] = field(default_factory=list)
    additional_items: bool | Schema = True
    contains: Schema | None = None
    multiple_of: Limit | None = None
    minimum: Limit | None = None
    exclusive_minimum: Limit | None = None
    maximum: Limit | None = None
    exclusive_maximum: Limit | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    format: str = ""
    min_properties: int | None = None
    max_properties: int | None = None
    required: list[str] = field(default_factory=list)
    min_items: int | None = None
    max_items: int | None = None
    unique_items: bool = False
    const: str | None = None
    enum: list[str] | None = None
    one_of: list[Schema] = field(default_factory=list)
    any_of: list[Schema] = field(default_factory=list)
    all_of: list[Schema] = field(default_factory=list)
    negated: Schema | None = None
    condition: Schema | None = None
    then: Schema | None = None
    otherwise: Schema | None = None

    @property
    def shown_types(self) -> str:
        """The types as error texts have them."""
        return self.types[0] if len(self.types) == 1 else f"[{','.join(self.types)}]"


Document = Any
"""JSON as :func:`image_enforcer.rego.json_text.from_json` reads it."""
