"""Trees as JSON and back: the fields that the library's structures have, less what OPA leaves out.

Reading is that of Go's ``encoding/json``: names in any case, unknown ones ignored, the first misfit told at the end.
Four structures read themselves: they know their names exactly and tell a misfit at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ...errors import BuiltinError
from ...json_text import key_text
from ...meter import CELL, ENTRY, METER
from ...text import term
from ...values import Num, RegoSet
from ...values import Value as RegoValue
from . import nodes as n
from .faults import Position


@dataclass(frozen=True, slots=True)
class Part:
    """A field: its name in JSON and here, its type in Go, and the structure that it is or has a list of."""

    name: str
    attribute: str
    type: str = "string"
    node: type[Any] | None = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A structure: its name in Go, its fields, whether it reads itself."""

    name: str
    parts: tuple[Part, ...]
    custom: bool = False


_COMMENT: Final = Part("Comment", "comment", "ast.CommentGroup", n.Comments)
_NAME: Final = Part("Name", "name")
_DIRECTIVES: Final = Part("Directives", "directives", "[]ast.DirectiveList", n.Directive)
_SELECTIONS: Final = Part("SelectionSet", "selections", "selections")
_TYPE_CONDITION: Final = Part("TypeCondition", "type_condition")
_POSITION: Final = Part("Position", "position", "position")
_DESCRIBED: Final = (
    Part("Description", "description"),
    Part("BeforeDescriptionComment", "before", "ast.CommentGroup", n.Comments),
    Part("AfterDescriptionComment", "after", "ast.CommentGroup", n.Comments),
)
_END: Final = Part("EndOfDefinitionComment", "end", "ast.CommentGroup", n.Comments)


def _definition(name: str, attribute: str) -> Part:
    return Part(name, attribute, "ast.Definition", n.Definition)


def _value(name: str, attribute: str, required: bool = False) -> Part:
    return Part(name, attribute, "ast.Value", n.Value, required)


def _type(name: str = "Type", attribute: str = "type", required: bool = True) -> Part:
    return Part(name, attribute, "ast.Type", n.Type, required)


_SHAPES: Final[Mapping[type[Any], Shape]] = {
    n.Comment: Shape("Comment", (Part("Value", "value"),)),
    n.Comments: Shape("CommentGroup", (Part("List", "list", "[]*ast.Comment", n.Comment),)),
    n.Type: Shape(
        "Type", (Part("NamedType", "named"), _type("Elem", "elem", required=False), Part("NonNull", "non_null", "bool"))
    ),
    n.Value: Shape(
        "Value",
        (
            Part("Raw", "raw"),
            Part("Children", "children", "[]ast.ChildValueList", n.ChildValue),
            Part("Kind", "kind", "ast.ValueKind"),
            _COMMENT,
            _definition("Definition", "definition"),
            Part("VariableDefinition", "variable_definition", "ast.VariableDefinition", n.VariableDefinition),
            _type("ExpectedType", "expected_type", required=False),
            Part("ExpectedTypeHasDefault", "expected_type_has_default", "bool"),
        ),
    ),
    n.ChildValue: Shape("ChildValue", (_NAME, _value("Value", "value", required=True), _COMMENT)),
    n.Argument: Shape("Argument", (_NAME, _value("Value", "value", required=True), _COMMENT)),
    n.Directive: Shape(
        "Directive",
        (
            _NAME,
            Part("Arguments", "arguments", "[]ast.ArgumentList", n.Argument),
            _definition("ParentDefinition", "parent_definition"),
            Part("Definition", "definition", "ast.DirectiveDefinition", n.DirectiveDefinition),
            Part("Location", "location", "ast.DirectiveLocation"),
        ),
    ),
    n.VariableDefinition: Shape(
        "VariableDefinition",
        (
            Part("Variable", "variable"),
            _type(),
            _value("DefaultValue", "default_value"),
            _DIRECTIVES,
            _COMMENT,
            _definition("Definition", "definition"),
            Part("Used", "used", "bool"),
        ),
    ),
    n.Field: Shape(
        "Field",
        (
            Part("Alias", "alias"),
            _NAME,
            Part("Arguments", "arguments", "[]ast.ArgumentList", n.Argument),
            _DIRECTIVES,
            _SELECTIONS,
            _POSITION,
            _COMMENT,
            Part("Definition", "definition", "ast.FieldDefinition", n.FieldDefinition),
            _definition("ObjectDefinition", "object_definition"),
        ),
        custom=True,
    ),
    n.FragmentSpread: Shape(
        "FragmentSpread",
        (
            _NAME,
            _DIRECTIVES,
            _definition("ObjectDefinition", "object_definition"),
            Part("Definition", "definition", "ast.FragmentDefinition", n.FragmentDefinition),
            _COMMENT,
        ),
    ),
    n.InlineFragment: Shape(
        "InlineFragment",
        (
            _TYPE_CONDITION,
            _DIRECTIVES,
            _SELECTIONS,
            _definition("ObjectDefinition", "object_definition"),
            _POSITION,
            _COMMENT,
        ),
        custom=True,
    ),
    n.FragmentDefinition: Shape(
        "FragmentDefinition",
        (
            _NAME,
            Part("VariableDefinition", "variable_definitions", "[]ast.VariableDefinitionList", n.VariableDefinition),
            _TYPE_CONDITION,
            _DIRECTIVES,
            _SELECTIONS,
            _definition("Definition", "definition"),
            _POSITION,
            _COMMENT,
        ),
        custom=True,
    ),
    n.OperationDefinition: Shape(
        "OperationDefinition",
        (
            Part("Operation", "operation", "ast.Operation"),
            _NAME,
            Part("VariableDefinitions", "variable_definitions", "[]ast.VariableDefinitionList", n.VariableDefinition),
            _DIRECTIVES,
            _SELECTIONS,
            _POSITION,
            _COMMENT,
        ),
        custom=True,
    ),
    n.QueryDocument: Shape(
        "QueryDocument",
        (
            Part("Operations", "operations", "[]ast.OperationList", n.OperationDefinition),
            Part("Fragments", "fragments", "[]ast.FragmentDefinitionList", n.FragmentDefinition),
            _COMMENT,
        ),
    ),
    n.ArgumentDefinition: Shape(
        "ArgumentDefinition",
        (*_DESCRIBED, _NAME, _value("DefaultValue", "default_value"), _type(), _DIRECTIVES),
    ),
    n.FieldDefinition: Shape(
        "FieldDefinition",
        (
            *_DESCRIBED,
            _NAME,
            Part("Arguments", "arguments", "[]ast.ArgumentDefinitionList", n.ArgumentDefinition),
            _value("DefaultValue", "default_value"),
            _type(),
            _DIRECTIVES,
        ),
    ),
    n.EnumValueDefinition: Shape("EnumValueDefinition", (*_DESCRIBED, _NAME, _DIRECTIVES)),
    n.DirectiveDefinition: Shape(
        "DirectiveDefinition",
        (
            *_DESCRIBED,
            _NAME,
            Part("Arguments", "arguments", "[]ast.ArgumentDefinitionList", n.ArgumentDefinition),
            Part("Locations", "locations", "[]ast.DirectiveLocation"),
            Part("IsRepeatable", "is_repeatable", "bool"),
        ),
    ),
    n.Definition: Shape(
        "Definition",
        (
            Part("Kind", "kind", "ast.DefinitionKind"),
            *_DESCRIBED,
            _NAME,
            _DIRECTIVES,
            Part("Interfaces", "interfaces", "[]string"),
            Part("Fields", "fields", "[]ast.FieldList", n.FieldDefinition),
            Part("Types", "types", "[]string"),
            Part("EnumValues", "enum_values", "[]ast.EnumValueList", n.EnumValueDefinition),
            Part("BuiltIn", "built_in", "bool"),
            _END,
        ),
    ),
    n.OperationTypeDefinition: Shape(
        "OperationTypeDefinition", (Part("Operation", "operation", "ast.Operation"), Part("Type", "type"), _COMMENT)
    ),
    n.SchemaDefinition: Shape(
        "SchemaDefinition",
        (
            *_DESCRIBED,
            _DIRECTIVES,
            Part("OperationTypes", "operation_types", "[]ast.OperationTypeDefinitionList", n.OperationTypeDefinition),
            _END,
        ),
    ),
    n.SchemaDocument: Shape(
        "SchemaDocument",
        (
            Part("Schema", "schema", "[]ast.SchemaDefinitionList", n.SchemaDefinition),
            Part("SchemaExtension", "schema_extension", "[]ast.SchemaDefinitionList", n.SchemaDefinition),
            Part("Directives", "directives", "[]ast.DirectiveDefinitionList", n.DirectiveDefinition),
            Part("Definitions", "definitions", "[]ast.DefinitionList", n.Definition),
            Part("Extensions", "extensions", "[]ast.DefinitionList", n.Definition),
            _COMMENT,
        ),
    ),
}


# --- to JSON -------------------------------------------------------------------------------------


def to_value(node: Any) -> dict[str, RegoValue]:
    """The tree below a node; positions and what is null or empty are left out, but no empty strings."""
    shape = _SHAPES[type(node)]
    METER.spend(4 * len(shape.parts), 300)
    made: dict[str, RegoValue] = {}
    for part in shape.parts:
        value = getattr(node, part.attribute)
        if type(value) is str or type(value) is bool:
            made[part.name] = value
        elif type(value) is list:
            METER.spend(len(value), CELL * len(value))
            items = [item if type(item) is str else to_value(item) for item in value]
            items = [item for item in items if item != {}]
            if items:
                made[part.name] = items
        elif isinstance(value, int):
            made[part.name] = int(value)
        elif value is not None and part.type != "position":
            below = to_value(value)
            if below:
                made[part.name] = below
    return made


# --- from JSON -----------------------------------------------------------------------------------


class _Misfit(Exception):
    """A value that does not fit a field."""

    def __init__(self, value: str, type_: str, structure: str = "", path: str = "") -> None:
        self.value, self.type, self.structure, self.path = value, type_, structure, path
        super().__init__(value)

    def __str__(self) -> str:
        place = f"struct field {self.structure}.{self.path}" if self.structure else "value"
        return f"json: cannot unmarshal {self.value} into Go {place} of type {self.type}"


def query_from(value: Mapping[Any, RegoValue]) -> n.QueryDocument:
    """The query in a tree; raises :class:`BuiltinError` in the words of Go."""
    made = n.QueryDocument()
    _whole(value, made)
    return made


def schema_from(value: Mapping[Any, RegoValue]) -> n.SchemaDocument:
    """The schema in a tree; raises :class:`BuiltinError` in the words of Go."""
    made = n.SchemaDocument()
    _whole(value, made)
    return made


def _whole(value: Mapping[Any, RegoValue], node: Any) -> None:
    reader = _Reader()
    try:
        reader.node(value, node)
        if reader.first is not None:
            raise reader.first
    except _Misfit as misfit:
        raise BuiltinError(str(misfit)) from None


def _described(value: RegoValue) -> str:
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case dict():
            return "object"
        case list() | RegoSet():
            return "array"
    return "number"


class _Reader:
    """One run of Go's decoder: it keeps the first misfit and goes on."""

    __slots__ = ("first", "path", "structure")

    def __init__(self) -> None:
        self.first: _Misfit | None = None
        self.structure = ""
        self.path: list[str] = []

    def misfit(self, value: RegoValue, type_: str) -> None:
        shown = _described(value)
        if shown == "number" and type_ in ("ast.ValueKind", "int"):
            shown = f"number {term(value)}"
        self.keep(_Misfit(shown, type_))

    def keep(self, misfit: _Misfit) -> None:
        if self.first is None:
            self.first = self.placed(misfit)

    def placed(self, misfit: _Misfit) -> _Misfit:
        if self.path:
            misfit.structure = self.structure
            misfit.path = ".".join([*self.path, *([misfit.path] if misfit.path else [])])
        return misfit

    def node(self, value: RegoValue, node: Any) -> None:
        """Fill a node."""
        shape = _SHAPES[type(node)]
        if shape.custom:
            try:
                _read_itself(value, node, shape)
            except _Misfit as misfit:
                raise self.placed(misfit) from None
            return
        if type(value) is not dict:
            self.misfit(value, f"ast.{shape.name}")
            return
        METER.spend(10 + 4 * len(value), 4 * ENTRY)
        known = {part.name: part for part in shape.parts}
        folded = {part.name.lower(): part for part in shape.parts}
        outer = self.structure
        for name, below in _sorted(value):
            part = known.get(name) or folded.get(name.lower())
            if part is not None:
                self.structure = shape.name
                self.path.append(part.name)
                self.part(below, node, part)
                self.path.pop()
                self.structure = outer
        _check_whole(node, shape)

    def part(self, value: RegoValue, node: Any, part: Part) -> None:
        """Fill one field of a node."""
        if part.type == "selections":
            setattr(node, part.attribute, _selections(value))
        elif part.type == "position":
            setattr(node, part.attribute, self.position(value))
        elif part.node is not None and not part.type.startswith("["):
            if value is None:
                setattr(node, part.attribute, None)
                return
            made = getattr(node, part.attribute)
            if made is None or part.required:
                made = part.node()
                setattr(node, part.attribute, made)
            self.node(value, made)
        elif part.type.startswith("["):
            self.items(value, node, part)
        elif value is not None:
            wanted = {"bool": bool, "ast.ValueKind": int}.get(part.type, str)
            if type(value) is not wanted or (wanted is int and not -(1 << 63) <= value < 1 << 63):
                self.misfit(value, part.type)
            else:
                setattr(node, part.attribute, value)

    def items(self, value: RegoValue, node: Any, part: Part) -> None:
        shown = part.type.removeprefix("[]") if part.type.endswith("List") else part.type
        if value is None:
            setattr(node, part.attribute, [])
            return
        if type(value) is not list and type(value) is not RegoSet:
            self.misfit(value, shown)
            return
        METER.spend(len(value), CELL * len(value))
        made: list[Any] = []
        for item in value:
            if part.node is None:
                if item is not None and type(item) is not str:
                    self.misfit(item, part.type.removeprefix("[]"))
                made.append(item if type(item) is str else "")
            elif item is None:
                raise BuiltinError(f"a list of {part.name} in the tree has a null in it")
            else:
                below = part.node()
                made.append(below)
                self.node(item, below)
        setattr(node, part.attribute, made)

    def position(self, value: RegoValue) -> Position | None:
        if value is None:
            return None
        if type(value) is not dict:
            self.misfit(value, "ast.Position")
            return Position(0, 0, None)
        found: dict[str, int] = {}
        for name in ("Start", "End", "Line", "Column"):
            number = value.get(name)
            if number is not None and type(number) is not int:
                raise self.placed(_Misfit(_number(number), "int", "Position", name))
            found[name] = number or 0
        source = value.get("Src")
        name = source.get("Name") if type(source) is dict else None
        known = (name if type(name) is str else "") if source is not None else None
        return Position(found["Line"], found["Column"], known)


def _number(value: RegoValue) -> str:
    return f"number {value.text}" if isinstance(value, Num) else _described(value)


def _sorted(value: Mapping[Any, RegoValue]) -> list[tuple[str, RegoValue]]:
    return sorted(((key_text(k), v) for k, v in value.items()), key=lambda pair: pair[0])


def _check_whole(node: Any, shape: Shape) -> None:
    """What the library takes for granted."""
    for part in shape.parts:
        if part.required and getattr(node, part.attribute) is None:
            raise BuiltinError(f"a {shape.name} in the tree has no {part.name}")
    if isinstance(node, n.Type) and not node.named and node.elem is None:
        raise BuiltinError("a Type in the tree has neither NamedType nor Elem")


def _read_itself(value: RegoValue, node: Any, shape: Shape) -> None:
    if value is None:
        return
    if type(value) is not dict:
        raise _Misfit(_described(value), "map[string]json.RawMessage")
    METER.spend(10 + 4 * len(value), 4 * ENTRY)
    for name, below in _sorted(value):
        part = next((p for p in shape.parts if p.name == name and p is not _COMMENT), None)
        if part is not None:
            reader = _Reader()
            reader.part(below, node, part)
            if reader.first is not None:
                raise reader.first


def _selections(value: RegoValue) -> list[n.Selection]:
    """Whatever can be read as a field is one: fragments are told from fields by what does not fit."""
    if value is None:
        return []
    if type(value) is not list and type(value) is not RegoSet:
        raise _Misfit(_described(value), "[]json.RawMessage")
    METER.spend(len(value), CELL * len(value))
    made: list[n.Selection] = []
    for item in value:
        for kind in (n.Field, n.FragmentSpread, n.InlineFragment):
            selection: Any = kind()
            reader = _Reader()
            try:
                reader.node(item, selection)
            except _Misfit:
                continue
            if reader.first is None:
                made.append(selection)
                break
    return made
