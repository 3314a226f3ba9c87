"""Queries: text to trees."""

from __future__ import annotations

from . import lexer
from .nodes import (
    Field,
    FragmentDefinition,
    FragmentSpread,
    InlineFragment,
    OperationDefinition,
    QueryDocument,
    Selection,
)
from .parser import Parser

_OPERATIONS = ("query", "mutation", "subscription")


def parse_query(text: str) -> QueryDocument:
    """The tree of a query; raises :class:`GraphqlFault`."""
    parser = _QueryParser(text)
    document = parser.document()
    if parser.fault is not None:
        raise parser.fault
    return document


class _QueryParser(Parser):
    def document(self) -> QueryDocument:
        made = QueryDocument()
        while self.peek().kind != lexer.EOF and self.fault is None:
            token = self.peek()
            if token.kind == "{" or (token.kind == lexer.NAME and token.value in _OPERATIONS):
                made.operations.append(self._operation())
            elif token.kind == lexer.NAME and token.value == "fragment":
                made.fragments.append(self._fragment_definition())
            else:
                self.unexpected()
        return made

    def _operation(self) -> OperationDefinition:
        made = OperationDefinition(operation="query", position=self.place(), comment=self.comment)
        if self.peek().kind == "{":
            made.selections = self._required_selections()
            made.comment = self.comment  # what was before is forgotten by then: so it is in the library
            return made
        made.operation = self.next().value
        if self.peek().kind == lexer.NAME:
            made.name = self.next().value
        made.variable_definitions = self.variable_definitions()
        made.directives = self.directives(constant=False)
        made.selections = self._required_selections()
        return made

    def _required_selections(self) -> list[Selection]:
        token = self.peek()
        if token.kind != "{":
            self.fail(token, f"Expected {{, found {token.kind}")
            return []
        return self._selections()

    def _selections(self) -> list[Selection]:
        made: list[Selection] = []
        self.some("{", "}", lambda: made.append(self._selection()))
        return made

    def _selection(self) -> Selection:
        if self.peek().kind == "...":
            return self._fragment()
        made = Field(position=self.place(), comment=self.comment)
        made.alias = made.name = self.name()
        if self.skip(":"):
            made.name = self.name()
        made.arguments = self.arguments(constant=False)
        made.directives = self.directives(constant=False)
        if self.peek().kind == "{":
            made.selections = self._selections()
        return made

    def _fragment(self) -> Selection:
        _, comment = self.expect("...")
        token = self.peek()
        if token.kind == lexer.NAME and token.value != "on":
            spread = FragmentSpread(position=self.place(), comment=comment)
            spread.name = self._fragment_name()
            spread.directives = self.directives(constant=False)
            return spread
        made = InlineFragment(position=self.place(), comment=comment)
        if self.peek().value == "on":
            self.next()
            made.type_condition = self.name()
        made.directives = self.directives(constant=False)
        made.selections = self._required_selections()
        return made

    def _fragment_name(self) -> str:
        if self.peek().value == "on":
            self.unexpected()
            return ""
        return self.name()

    def _fragment_definition(self) -> FragmentDefinition:
        made = FragmentDefinition(position=self.place(), comment=self.comment)
        self.keyword("fragment")
        made.name = self._fragment_name()
        made.variable_definitions = self.variable_definitions()
        self.keyword("on")
        made.type_condition = self.name()
        made.directives = self.directives(constant=False)
        made.selections = self._required_selections()
        return made
