"""Schemas: text to trees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from . import lexer
from .nodes import (
    ArgumentDefinition,
    Comments,
    Definition,
    DirectiveDefinition,
    EnumValueDefinition,
    FieldDefinition,
    OperationTypeDefinition,
    SchemaDefinition,
    SchemaDocument,
)
from .parser import Parser

KINDS: Final[Mapping[str, str]] = {
    "scalar": "SCALAR",
    "type": "OBJECT",
    "interface": "INTERFACE",
    "union": "UNION",
    "enum": "ENUM",
    "input": "INPUT_OBJECT",
}
LOCATIONS: Final = (
    "QUERY",
    "MUTATION",
    "SUBSCRIPTION",
    "FIELD",
    "FRAGMENT_DEFINITION",
    "FRAGMENT_SPREAD",
    "INLINE_FRAGMENT",
    "VARIABLE_DEFINITION",
    "SCHEMA",
    "SCALAR",
    "OBJECT",
    "FIELD_DEFINITION",
    "ARGUMENT_DEFINITION",
    "INTERFACE",
    "UNION",
    "ENUM",
    "ENUM_VALUE",
    "INPUT_OBJECT",
    "INPUT_FIELD_DEFINITION",
)
"""Where directives may be applied."""


def parse_schema(text: str, source: str = "", built_in: bool = False) -> SchemaDocument:
    """The tree of a schema; raises :class:`GraphqlFault`."""
    parser = _SchemaParser(text, source)
    document = parser.document()
    if parser.fault is not None:
        raise parser.fault
    for definition in (*document.definitions, *document.extensions):
        definition.built_in = built_in
    return document


class _Description(NamedTuple):
    text: str = ""
    comment: Comments | None = None


class _SchemaParser(Parser):
    def document(self) -> SchemaDocument:
        made = SchemaDocument()
        while self.peek().kind != lexer.EOF and self.fault is None:
            description = self._description()
            token = self.peek()
            if token.kind != lexer.NAME:
                self.unexpected()
                break
            if token.value in KINDS:
                made.definitions.append(self._definition(description, self.keyword(token.value), KINDS[token.value]))
            elif token.value == "schema":
                made.schema.append(self._schema(description))
            elif token.value == "directive":
                made.directives.append(self._directive(description))
            elif token.value == "extend":
                if description.text:
                    self.unexpected(self.prev)
                self._extension(made)
            else:
                self.unexpected()
                break
        made.comment = self.comment
        return made

    def _description(self) -> _Description:
        token = self.peek()
        if token.kind not in (lexer.STRING, lexer.BLOCK_STRING):
            return _Description()
        comment = self.comment
        return _Description(self.next().value, comment)

    def _described(self, made: FieldDefinition | ArgumentDefinition | EnumValueDefinition) -> None:
        """The description of a part, the comments around it, where it is and its name."""
        description = self._description()
        if description.text:
            made.before, made.description = description.comment, description.text
        self.peek()
        made.after = self.comment
        made.position = self.place()
        made.name = self.name()

    def _schema(self, description: _Description) -> SchemaDefinition:
        comment = self.keyword("schema")
        made = SchemaDefinition(position=self.place(), before=description.comment, description=description.text)
        made.after = comment
        self._schema_body(made)
        return made

    def _schema_body(self, made: SchemaDefinition) -> None:
        made.directives = self.directives(constant=True)
        made.end = self.some("{", "}", lambda: made.operation_types.append(self._operation_type()))

    def _operation_type(self) -> OperationTypeDefinition:
        made = OperationTypeDefinition(position=self.place(), comment=self.comment)
        token = self.next()
        if token.value in ("query", "mutation", "subscription"):
            made.operation = token.value
        else:
            self.unexpected(token)
        self.expect(":")
        made.type = self.name()
        return made

    def _definition(
        self, description: _Description, comment: Comments | None, kind: str, extends: bool = False
    ) -> Definition:
        made = Definition(kind=kind, position=self.place(), before=description.comment, description=description.text)
        made.after = comment
        made.name = self.name()
        if kind == "OBJECT" or (kind == "INTERFACE" and not extends):
            made.interfaces = self._interfaces()
        made.directives = self.directives(constant=not (extends and kind == "INPUT_OBJECT"))
        match kind:
            case "OBJECT" | "INTERFACE":
                made.end = self.some("{", "}", lambda: made.fields.append(self._field()))
            case "INPUT_OBJECT":
                made.end = self.some("{", "}", lambda: made.fields.append(self._input_field()))
            case "ENUM":
                made.end = self.some("{", "}", lambda: made.enum_values.append(self._enum_value()))
            case "UNION":
                self._members(made)
        return made

    def _interfaces(self) -> list[str]:
        made: list[str] = []
        if self.peek().value == "implements":
            self.next()
            self.skip("&")
            made.append(self.name())
            while self.skip("&") and self.fault is None:
                made.append(self.name())
        return made

    def _members(self, made: Definition) -> None:
        if not self.skip("="):
            return
        self.skip("|")
        made.type_positions.append(self.place())
        made.types.append(self.name())
        while self.skip("|") and self.fault is None:
            made.type_positions.append(self.place())
            made.types.append(self.name())

    def _field(self) -> FieldDefinition:
        made = FieldDefinition()
        self._described(made)
        made.arguments = self._argument_definitions()
        self.expect(":")
        made.type = self.type()
        made.directives = self.directives(constant=True)
        return made

    def _input_field(self) -> FieldDefinition:
        made = FieldDefinition()
        self._input_value(made)
        return made

    def _input_value(self, made: FieldDefinition | ArgumentDefinition) -> None:
        self._described(made)
        self.expect(":")
        made.type = self.type()
        if self.skip("="):
            made.default_value = self.value(constant=True)
        made.directives = self.directives(constant=True)

    def _argument_definitions(self) -> list[ArgumentDefinition]:
        made: list[ArgumentDefinition] = []

        def each() -> None:
            argument = ArgumentDefinition()
            self._input_value(argument)
            made.append(argument)

        self.some("(", ")", each)
        return made

    def _enum_value(self) -> EnumValueDefinition:
        made = EnumValueDefinition()
        self._described(made)
        made.directives = self.directives(constant=True)
        return made

    def _extension(self, document: SchemaDocument) -> None:
        comment = self.keyword("extend")
        word = self.peek().value
        if word == "schema":
            self.keyword(word)
            schema = SchemaDefinition(position=self.place(), after=comment)
            self._schema_body(schema)
            if not schema.directives and not schema.operation_types:
                self.unexpected()
            document.schema_extension.append(schema)
        elif word in KINDS:
            self.keyword(word)
            made = self._definition(_Description(), comment, KINDS[word], extends=True)
            if not (made.interfaces or made.directives or made.fields or made.types or made.enum_values):
                self.unexpected()
            document.extensions.append(made)
        else:
            self.unexpected()

    def _directive(self, description: _Description) -> DirectiveDefinition:
        comment = self.keyword("directive")
        self.expect("@")
        made = DirectiveDefinition(position=self.place(), before=description.comment, description=description.text)
        made.after = comment
        made.name = self.name()
        made.arguments = self._argument_definitions()
        token = self.peek()
        if token.kind == lexer.NAME and token.value == "repeatable":
            made.is_repeatable = True
            self.skip(lexer.NAME)
        self.keyword("on")
        self.skip("|")
        made.locations.append(self._location())
        while self.skip("|") and self.fault is None:
            made.locations.append(self._location())
        return made

    def _location(self) -> str:
        token, _ = self.expect(lexer.NAME)
        if token.value in LOCATIONS:
            return token.value
        self.unexpected(token)
        return ""
