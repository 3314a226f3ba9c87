"""What every schema has without saying so: scalars, directives and the types of introspection.

Definitions stand on the lines where they stand in OPA's library, since faults may speak of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from .nodes import SchemaDocument
from .schema_parser import LOCATIONS, parse_schema

SOURCE: Final = "prelude.graphql"

_FLAG: Final = "(includeDeprecated: Boolean = false)"

_LINES: Final[Mapping[int, str]] = {
    4: "scalar Int",
    7: "scalar Float",
    10: "scalar String",
    13: "scalar Boolean",
    16: "scalar ID",
    19: "directive @defer(",
    21: "  if: Boolean = true,",
    23: "  label: String",
    24: ") on FRAGMENT_SPREAD | INLINE_FRAGMENT",
    29: "directive @include(",
    31: "  if: Boolean!",
    32: ") on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT",
    37: "directive @skip(",
    39: "  if: Boolean!",
    40: ") on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT",
    43: "directive @deprecated(",
    47: '  reason: String = "No longer supported"',
    48: ") on FIELD_DEFINITION | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION | ENUM_VALUE",
    51: "directive @specifiedBy(",
    53: "  url: String!",
    54: ") on SCALAR",
    59: "directive @oneOf on INPUT_OBJECT",
    64: "type __Schema {",
    65: "  description: String",
    68: "  types: [__Type!]!",
    71: "  queryType: __Type!",
    76: "  mutationType: __Type",
    81: "  subscriptionType: __Type",
    84: "  directives: [__Directive!]!",
    85: "}",
    92: "type __Type {",
    93: "  kind: __TypeKind!",
    94: "  name: String",
    95: "  description: String",
    96: "  specifiedByURL: String",
    97: f"  fields{_FLAG}: [__Field!]",
    98: "  interfaces: [__Type!]",
    99: "  possibleTypes: [__Type!]",
    100: f"  enumValues{_FLAG}: [__EnumValue!]",
    101: f"  inputFields{_FLAG}: [__InputValue!]",
    102: "  ofType: __Type",
    103: "  isOneOf: Boolean",
    104: "}",
    107: "enum __TypeKind {",
    109: "  SCALAR",
    114: "  OBJECT",
    119: "  INTERFACE",
    122: "  UNION",
    125: "  ENUM",
    130: "  INPUT_OBJECT",
    133: "  LIST",
    136: "  NON_NULL",
    137: "}",
    142: "type __Field {",
    143: "  name: String!",
    144: "  description: String",
    145: f"  args{_FLAG}: [__InputValue!]!",
    146: "  type: __Type!",
    147: "  isDeprecated: Boolean!",
    148: "  deprecationReason: String",
    149: "}",
    154: "type __InputValue {",
    155: "  name: String!",
    156: "  description: String",
    157: "  type: __Type!",
    162: "  defaultValue: String",
    163: "  isDeprecated: Boolean!",
    164: "  deprecationReason: String",
    165: "}",
    170: "type __EnumValue {",
    171: "  name: String!",
    172: "  description: String",
    173: "  isDeprecated: Boolean!",
    174: "  deprecationReason: String",
    175: "}",
    182: "type __Directive {",
    183: "  name: String!",
    184: "  description: String",
    185: "  isRepeatable: Boolean!",
    186: "  locations: [__DirectiveLocation!]!",
    187: f"  args{_FLAG}: [__InputValue!]!",
    188: "}",
    193: "enum __DirectiveLocation {",
    250: "}",
}
_FIRST_LOCATION: Final = 195
_BETWEEN_LOCATIONS: Final = 3


@cache
def prelude() -> SchemaDocument:
    """The definitions, which nobody changes."""
    lines = dict(_LINES)
    for i, location in enumerate(LOCATIONS):
        lines[_FIRST_LOCATION + _BETWEEN_LOCATIONS * i] = f"  {location}"
    return parse_schema("\n".join(_laid_out(lines)), SOURCE, built_in=True)


def _laid_out(lines: Mapping[int, str]) -> Iterable[str]:
    return (lines.get(i, "") for i in range(1, max(lines) + 1))
