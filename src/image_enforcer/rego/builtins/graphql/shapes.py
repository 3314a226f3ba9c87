"""The fields of the library's structures, as JSON has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from . import nodes as n


@dataclass(frozen=True, slots=True)
class Part:
    """A field: its name in JSON and here, its type in Go, and the structure that it is or has a list of."""

    name: str
    attribute: str
    go: str = "string"
    node: type[Any] | None = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A structure: its name in Go, its fields, whether it reads itself."""

    name: str
    parts: tuple[Part, ...]
    custom: bool = False


COMMENT: Final = Part("Comment", "comment", "ast.CommentGroup", n.Comments)
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


SHAPES: Final[Mapping[type[Any], Shape]] = {
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
            COMMENT,
            _definition("Definition", "definition"),
            Part("VariableDefinition", "variable_definition", "ast.VariableDefinition", n.VariableDefinition),
            _type("ExpectedType", "expected_type", required=False),
            Part("ExpectedTypeHasDefault", "expected_type_has_default", "bool"),
        ),
    ),
    n.ChildValue: Shape("ChildValue", (_NAME, _value("Value", "value", required=True), COMMENT)),
    n.Argument: Shape("Argument", (_NAME, _value("Value", "value", required=True), COMMENT)),
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
            COMMENT,
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
            COMMENT,
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
            COMMENT,
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
            COMMENT,
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
            COMMENT,
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
            COMMENT,
        ),
        custom=True,
    ),
    n.QueryDocument: Shape(
        "QueryDocument",
        (
            Part("Operations", "operations", "[]ast.OperationList", n.OperationDefinition),
            Part("Fragments", "fragments", "[]ast.FragmentDefinitionList", n.FragmentDefinition),
            COMMENT,
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
        "OperationTypeDefinition", (Part("Operation", "operation", "ast.Operation"), Part("Type", "type"), COMMENT)
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
            COMMENT,
        ),
    ),
}
