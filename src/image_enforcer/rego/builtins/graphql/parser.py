"""Tokens to trees: what queries and schemas have in common.

After the first fault the parser goes on as if nothing had been, without reading further, until all callers have
returned: so does the library, and only so are its messages and places the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from ...errors import LimitError
from ...meter import METER
from ...text import quoted
from . import lexer
from .faults import GraphqlFault, Position
from .lexer import Token
from .nodes import Argument, ChildValue, Comment, Comments, Directive, Kind, Type, Value, VariableDefinition

MAX_DEPTH: Final = 240
"""How deep selections, values and types may nest; the trees of documents nest twice as deep."""

_KINDS: Final = {
    lexer.INT: Kind.INT,
    lexer.FLOAT: Kind.FLOAT,
    lexer.STRING: Kind.STRING,
    lexer.BLOCK_STRING: Kind.BLOCK,
}
_WORDS: Final = {"true": Kind.BOOLEAN, "false": Kind.BOOLEAN, "null": Kind.NULL}


class Parser:
    """A reader of tokens that sees one ahead, and the comments before it."""

    def __init__(self, text: str, source: str = "") -> None:
        self.lexer = lexer.Lexer(text, source)
        self.fault: GraphqlFault | None = None
        self.prev = Token(lexer.INVALID, "", Position(0, 0))
        self.comment: Comments | None = None
        self._ahead: tuple[Token, GraphqlFault | None] | None = None
        self._in_comments = False
        self._depth = 0

    # --- tokens ----------------------------------------------------------------------------------

    def peek(self) -> Token:
        """The token ahead."""
        if self.fault is not None:
            return self.prev
        if self._ahead is None:
            self._ahead = self.lexer.read()
            if self._ahead[0].kind == lexer.COMMENT:
                self._read_comments()
        return self._ahead[0]

    def next(self) -> Token:
        """The token ahead, which is left behind."""
        if self.fault is not None:
            return self.prev
        if self._ahead is not None:
            self.prev, self.fault = self._ahead
            self._ahead = None
            self.comment = None
        else:
            self.prev, self.fault = self.lexer.read()
            if self.prev.kind == lexer.COMMENT:
                self._read_comments()
        return self.prev

    def _read_comments(self) -> None:
        if self._in_comments or self.fault is not None:
            return
        self._in_comments = True
        found: list[Comment] = []
        while self.fault is None:
            token = self.peek()
            if token.kind != lexer.COMMENT:
                break
            self.next()
            found.append(Comment(token.value))
        self.comment = Comments(found)
        self._in_comments = False

    def place(self) -> Position | None:
        """Where the token ahead is."""
        return None if self.fault is not None else self.peek().position

    def fail(self, token: Token, message: str) -> None:
        """Keep the first fault."""
        if self.fault is None:
            self.fault = GraphqlFault(message, token.position)

    def unexpected(self, token: Token | None = None) -> None:
        """Nothing of the kind can stand here."""
        token = token or self.peek()
        self.fail(token, f"Unexpected {token}")

    def expect(self, kind: str) -> tuple[Token, Comments | None]:
        """A token of this kind and the comments before it."""
        token, comment = self.peek(), self.comment
        if token.kind == kind:
            return self.next(), comment
        self.fail(token, f"Expected {kind}, found {token.kind}")
        return token, comment

    def keyword(self, word: str) -> Comments | None:
        """A word; returns the comments before it."""
        token, comment = self.peek(), self.comment
        if token.kind == lexer.NAME and token.value == word:
            self.next()
        else:
            self.fail(token, f"Expected {quoted(word)}, found {token}")
        return comment

    def skip(self, kind: str) -> bool:
        """Leave a token of this kind behind, where it is one."""
        if self.fault is not None or self.peek().kind != kind:
            return False
        self.next()
        return True

    def name(self) -> str:
        """A name."""
        return self.expect(lexer.NAME)[0].value

    def some(self, start: str, end: str, each: Callable[[], None]) -> Comments | None:
        """What stands between brackets, where there are any: at least one; returns the comments at the end."""
        if not self.skip(start):
            return None
        called = False
        with self.nested():
            while self.peek().kind != end and self.fault is None:
                called = True
                each()
        if not called:
            self.fail(self.peek(), f"expected at least one definition, found {self.peek().kind}")
            return None
        comment = self.comment
        self.next()
        return comment

    def many(self, start: str, end: str, each: Callable[[], None]) -> None:
        """The same, for what may be empty."""
        if not self.skip(start):
            return
        with self.nested():
            while self.peek().kind != end and self.fault is None:
                each()
        self.next()

    @contextmanager
    def nested(self) -> Iterator[None]:
        """One level deeper."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise LimitError("depth", f"GraphQL text nests deeper than {MAX_DEPTH} levels")
        METER.spend(10, 400)
        yield
        self._depth -= 1

    # --- what both kinds of documents have -------------------------------------------------------

    def value(self, constant: bool) -> Value:
        """A literal or, unless it is to be constant, a variable."""
        token = self.peek()
        match token.kind:
            case "[":
                return self._list(constant)
            case "{":
                return self._object(constant)
            case "$":
                if constant:
                    self.unexpected()
                    return Value()
                name = self.variable()
                return Value(name, kind=Kind.VARIABLE, comment=self.comment, position=token.position)
            case lexer.NAME:
                kind = _WORDS.get(token.value, Kind.ENUM)
            case _ if token.kind in _KINDS:
                kind = _KINDS[token.kind]
            case _:
                self.unexpected()
                return Value()
        self.next()
        return Value(token.value, kind=kind, comment=self.comment, position=token.position)

    def _list(self, constant: bool) -> Value:
        made = Value(kind=Kind.LIST, position=self.place(), comment=self.comment)
        self.many("[", "]", lambda: made.children.append(ChildValue(value=self.value(constant))))
        return made

    def _object(self, constant: bool) -> Value:
        made = Value(kind=Kind.OBJECT, position=self.place(), comment=self.comment)
        self.many("{", "}", lambda: made.children.append(self._object_field(constant)))
        return made

    def _object_field(self, constant: bool) -> ChildValue:
        made = ChildValue(position=self.place(), comment=self.comment)
        made.name = self.name()
        self.expect(":")
        made.value = self.value(constant)
        return made

    def variable(self) -> str:
        """A variable's name."""
        self.expect("$")
        return self.name()

    def arguments(self, constant: bool) -> list[Argument]:
        """The arguments that are given."""
        made: list[Argument] = []
        self.some("(", ")", lambda: made.append(self._argument(constant)))
        return made

    def _argument(self, constant: bool) -> Argument:
        made = Argument(position=self.place(), comment=self.comment)
        made.name = self.name()
        self.expect(":")
        made.value = self.value(constant)
        return made

    def directives(self, constant: bool) -> list[Directive]:
        """The directives that are applied."""
        made: list[Directive] = []
        while self.peek().kind == "@" and self.fault is None:
            self.expect("@")
            directive = Directive(position=self.place())
            directive.name = self.name()
            directive.arguments = self.arguments(constant)
            made.append(directive)
        return made

    def type(self) -> Type:
        """A reference to a type."""
        made = Type()
        with self.nested():
            if self.skip("["):
                made.position = self.place()
                made.elem = self.type()
                self.expect("]")
            else:
                made.position = self.place()
                made.named = self.name()
        made.non_null = self.skip("!")
        return made

    def variable_definitions(self) -> list[VariableDefinition]:
        """The variables of an operation or a fragment."""
        made: list[VariableDefinition] = []
        self.some("(", ")", lambda: made.append(self._variable_definition()))
        return made

    def _variable_definition(self) -> VariableDefinition:
        made = VariableDefinition(position=self.place(), comment=self.comment)
        made.variable = self.variable()
        self.expect(":")
        made.type = self.type()
        if self.skip("="):
            made.default_value = self.value(constant=True)
        made.directives = self.directives(constant=False)
        return made
