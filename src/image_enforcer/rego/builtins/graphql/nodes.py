"""The trees of GraphQL documents: what the library in OPA makes of queries and schemas.

Nodes are filled as they are read and marked while they are validated, so they are no frozen values; they are compared
by identity.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from .faults import Position


class Kind(IntEnum):
    """The kinds of values."""

    VARIABLE = 0
    INT = 1
    FLOAT = 2
    STRING = 3
    BLOCK = 4
    BOOLEAN = 5
    NULL = 6
    ENUM = 7
    LIST = 8
    OBJECT = 9


@dataclass(eq=False, slots=True)
class Comment:
    """A comment, with its ``#``."""

    value: str = ""


@dataclass(eq=False, slots=True)
class Comments:
    """The comments before something."""

    list: list[Comment] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Type:
    """A reference to a type: a name or a list of another one."""

    named: str = ""
    elem: Type | None = None
    non_null: bool = False
    position: Position | None = None

    @property
    def name(self) -> str:
        """The name within all the lists."""
        at = self
        while not at.named and at.elem is not None:
            at = at.elem
        return at.named

    def __str__(self) -> str:
        mark = "!" if self.non_null else ""
        return f"{self.named}{mark}" if self.named or self.elem is None else f"[{self.elem}]{mark}"

    def fits(self, other: Type) -> bool:
        """Whether what has this type can stand where the other one is wanted."""
        if self.named != other.named:
            return False
        if self.elem is not None and (other.elem is None or not self.elem.fits(other.elem)):
            return False
        return self.non_null or not other.non_null


@dataclass(eq=False, slots=True)
class Value:
    """A literal or a variable. What the expected type and the definitions are comes with validation."""

    raw: str = ""
    children: list[ChildValue] = field(default_factory=list)
    kind: int = 0
    comment: Comments | None = None
    definition: Definition | None = None
    variable_definition: VariableDefinition | None = None
    expected_type: Type | None = None
    expected_type_has_default: bool = False
    position: Position | None = None


@dataclass(eq=False, slots=True)
class ChildValue:
    """An element of a list or a field of an input object."""

    name: str = ""
    value: Value = field(default_factory=Value)
    comment: Comments | None = None
    position: Position | None = None


@dataclass(eq=False, slots=True)
class Argument:
    """An argument that is given."""

    name: str = ""
    value: Value = field(default_factory=Value)
    comment: Comments | None = None
    position: Position | None = None


@dataclass(eq=False, slots=True)
class Directive:
    """A directive that is applied."""

    name: str = ""
    arguments: list[Argument] = field(default_factory=list)
    parent_definition: Definition | None = None
    definition: DirectiveDefinition | None = None
    location: str = ""
    position: Position | None = None


# --- queries -------------------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class VariableDefinition:
    """A variable of an operation."""

    variable: str = ""
    type: Type = field(default_factory=Type)
    default_value: Value | None = None
    directives: list[Directive] = field(default_factory=list)
    comment: Comments | None = None
    definition: Definition | None = None
    used: bool = False
    position: Position | None = None


@dataclass(eq=False, slots=True)
class Field:
    """A field that is selected."""

    alias: str = ""
    name: str = ""
    arguments: list[Argument] = field(default_factory=list)
    directives: list[Directive] = field(default_factory=list)
    selections: list[Selection] = field(default_factory=list)
    comment: Comments | None = None
    definition: FieldDefinition | None = None
    object_definition: Definition | None = None
    position: Position | None = None


@dataclass(eq=False, slots=True)
class FragmentSpread:
    """A fragment that is spread."""

    name: str = ""
    directives: list[Directive] = field(default_factory=list)
    object_definition: Definition | None = None
    definition: FragmentDefinition | None = None
    comment: Comments | None = None
    position: Position | None = None


@dataclass(eq=False, slots=True)
class InlineFragment:
    """A fragment that stands where it is spread."""

    type_condition: str = ""
    directives: list[Directive] = field(default_factory=list)
    selections: list[Selection] = field(default_factory=list)
    object_definition: Definition | None = None
    comment: Comments | None = None
    position: Position | None = None


Selection = Field | FragmentSpread | InlineFragment


@dataclass(eq=False, slots=True)
class FragmentDefinition:
    """A fragment with a name."""

    name: str = ""
    variable_definitions: list[VariableDefinition] = field(default_factory=list)
    type_condition: str = ""
    directives: list[Directive] = field(default_factory=list)
    selections: list[Selection] = field(default_factory=list)
    definition: Definition | None = None
    comment: Comments | None = None
    position: Position | None = None


@dataclass(eq=False, slots=True)
class OperationDefinition:
    """A query, mutation or subscription."""

    operation: str = ""
    name: str = ""
    variable_definitions: list[VariableDefinition] = field(default_factory=list)
    directives: list[Directive] = field(default_factory=list)
    selections: list[Selection] = field(default_factory=list)
    comment: Comments | None = None
    position: Position | None = None


@dataclass(eq=False, slots=True)
class QueryDocument:
    """Operations and the fragments that they use."""

    operations: list[OperationDefinition] = field(default_factory=list)
    fragments: list[FragmentDefinition] = field(default_factory=list)
    comment: Comments | None = None


# --- schemas -------------------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class _Described:
    """What stands around the definitions of schemas."""

    description: str = ""
    before: Comments | None = None
    after: Comments | None = None


@dataclass(eq=False, slots=True)
class ArgumentDefinition(_Described):
    """An argument of a field or a directive."""

    name: str = ""
    default_value: Value | None = None
    type: Type = field(default_factory=Type)
    directives: list[Directive] = field(default_factory=list)
    position: Position | None = None


@dataclass(eq=False, slots=True)
class FieldDefinition(_Described):
    """A field of an object, an interface or an input object."""

    name: str = ""
    arguments: list[ArgumentDefinition] = field(default_factory=list)
    default_value: Value | None = None
    type: Type = field(default_factory=Type)
    directives: list[Directive] = field(default_factory=list)
    position: Position | None = None


@dataclass(eq=False, slots=True)
class EnumValueDefinition(_Described):
    """A value of an enum."""

    name: str = ""
    directives: list[Directive] = field(default_factory=list)
    position: Position | None = None


@dataclass(eq=False, slots=True)
class DirectiveDefinition(_Described):
    """A directive that may be applied."""

    name: str = ""
    arguments: list[ArgumentDefinition] = field(default_factory=list)
    locations: list[str] = field(default_factory=list)
    is_repeatable: bool = False
    position: Position | None = None


@dataclass(eq=False, slots=True)
class Definition(_Described):
    """A type of any kind, or an extension of one."""

    kind: str = ""
    name: str = ""
    directives: list[Directive] = field(default_factory=list)
    interfaces: list[str] = field(default_factory=list)
    fields: list[FieldDefinition] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    enum_values: list[EnumValueDefinition] = field(default_factory=list)
    built_in: bool = False
    end: Comments | None = None
    type_positions: list[Position | None] = field(default_factory=list)
    position: Position | None = None

    @property
    def is_leaf(self) -> bool:
        """Whether it has no fields."""
        return self.kind in ("ENUM", "SCALAR")

    @property
    def is_abstract(self) -> bool:
        """Whether others implement it or are members of it."""
        return self.kind in ("INTERFACE", "UNION")

    @property
    def is_composite(self) -> bool:
        """Whether fragments may be conditioned on it."""
        return self.kind in ("OBJECT", "INTERFACE", "UNION")

    @property
    def is_input(self) -> bool:
        """Whether arguments and variables may have it."""
        return self.kind in ("SCALAR", "ENUM", "INPUT_OBJECT")


@dataclass(eq=False, slots=True)
class OperationTypeDefinition:
    """The type that an operation begins at."""

    operation: str = ""
    type: str = ""
    comment: Comments | None = None
    position: Position | None = None


@dataclass(eq=False, slots=True)
class SchemaDefinition(_Described):
    """Where a schema begins, or an extension of that."""

    directives: list[Directive] = field(default_factory=list)
    operation_types: list[OperationTypeDefinition] = field(default_factory=list)
    end: Comments | None = None
    position: Position | None = None


@dataclass(eq=False, slots=True)
class SchemaDocument:
    """Definitions of types and directives."""

    schema: list[SchemaDefinition] = field(default_factory=list)
    schema_extension: list[SchemaDefinition] = field(default_factory=list)
    directives: list[DirectiveDefinition] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    extensions: list[Definition] = field(default_factory=list)
    comment: Comments | None = None
