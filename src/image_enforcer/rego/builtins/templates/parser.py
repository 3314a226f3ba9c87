"""Items to trees: actions, pipelines, commands and their operands."""

from __future__ import annotations

from typing import Final

from ...errors import BuiltinError, LimitError
from ...text import quoted
from ..byte_texts import as_utf8
from . import lexer, literals
from .lexer import Item, Lexer
from .nodes import (
    Action,
    Body,
    Bool,
    Branch,
    Call,
    Chain,
    Command,
    Dot,
    Field,
    Identifier,
    Jump,
    Nil,
    Node,
    Number,
    Operand,
    Pipeline,
    Plain,
    Text,
    Variable,
)

MAX_DEPTH: Final = 400
"""How deep actions and parentheses may nest."""

FUNCTIONS: Final = frozenset(
    ("and", "call", "html", "index", "slice", "js", "len", "not", "or", "print", "printf", "println", "urlquery",
     "eq", "ge", "gt", "le", "lt", "ne")
)  # fmt: skip
_NAME: Final = "template"
_OPERANDS: Final = frozenset(
    (lexer.BOOL, lexer.CHARACTER, lexer.COMPLEX, lexer.DOT, lexer.FIELD, lexer.IDENTIFIER, lexer.NUMBER, lexer.NIL,
     lexer.RAW_STRING, lexer.STRING, lexer.VARIABLE, lexer.OPEN)
)  # fmt: skip


def parse(text: str) -> dict[str, Body]:
    """The templates in a text by name, its own being ``template``; raises :class:`BuiltinError`."""
    templates: dict[str, Body] = {}
    tree = _Tree(Lexer(text), templates)
    tree.whole()
    return templates


class _Tree:
    """One template being read; those that are defined in it read on from the same text."""

    def __init__(self, source: Lexer, templates: dict[str, Body], depth: int = 0) -> None:
        self.lexer = source
        self.templates = templates
        self.ahead: list[Item] = []
        self.last = Item(lexer.EOF, "", 0, 0)
        self.variables = ["$"]
        self.action_line = 0
        self.ranges = 0
        self.depth = depth

    # --- items -----------------------------------------------------------------------------------

    def next(self) -> Item:
        if self.ahead:
            return self.ahead.pop()
        self.last = self.lexer.read()
        return self.last

    def back(self, *items: Item) -> None:
        """Put items back, the one that comes first at the end."""
        self.ahead += items

    def peek(self) -> Item:
        item = self.next()
        self.back(item)
        return item

    def next_word(self) -> Item:
        item = self.next()
        while item.kind == lexer.SPACE:
            item = self.next()
        return item

    def peek_word(self) -> Item:
        item = self.next_word()
        self.back(item)
        return item

    def fault(self, message: str) -> BuiltinError:
        return BuiltinError(as_utf8(f"template: {_NAME}:{self.last.line}: {message}"))

    def unexpected(self, item: Item, where: str) -> BuiltinError:
        if item.kind != lexer.ERROR:
            return self.fault(f"unexpected {item} in {where}")
        extra = ""
        if self.action_line not in (0, item.line):
            extra = f" in action started at {_NAME}:{self.action_line}"
            if item.text.endswith(" action"):
                extra = extra.removeprefix(" in action")
        return self.fault(f"{item.text}{extra}")

    def expect(self, kinds: tuple[str, ...], where: str) -> Item:
        item = self.next_word()
        if item.kind not in kinds:
            raise self.unexpected(item, where)
        return item

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise LimitError("depth", f"a template nests deeper than {MAX_DEPTH} levels")

    # --- templates -------------------------------------------------------------------------------

    def whole(self) -> None:
        body = Body()
        while self.peek().kind != lexer.EOF:
            if self.peek().kind == lexer.LEFT:
                opening = self.next()
                word = self.next_word()
                if word.kind == "define":
                    _Tree(self.lexer, self.templates).definition()
                    continue
                self.back(word, opening)
            node = self.text_or_action()
            if isinstance(node, str):
                raise self.fault(f"unexpected {node}")
            body.nodes.append(node)
        self.add(_NAME, body)

    def add(self, name: str, body: Body) -> None:
        known = self.templates.get(name)
        if known is None or known.is_empty:
            self.templates[name] = body
        elif not body.is_empty:
            raise self.fault(f"template: multiple definition of template {quoted(name)}")

    def definition(self) -> None:
        where = "define clause"
        name = self.unquoted(self.expect((lexer.STRING, lexer.RAW_STRING), where).text)
        self.expect((lexer.RIGHT,), where)
        self.rest_of(name, where)

    def rest_of(self, name: str, where: str, outer: _Tree | None = None) -> None:
        body, end = self.items()
        if end != "{{end}}":
            raise (outer or self).fault(f"unexpected {end} in {where}")
        self.add(name, body)

    def unquoted(self, text: str) -> str:
        try:
            return literals.unquoted(text)
        except literals.Illegal as e:
            raise self.fault(str(e)) from None

    def items(self) -> tuple[Body, str]:
        """What stands before ``{{end}}`` or ``{{else}}``, and which of them it is."""
        body = Body()
        while self.peek_word().kind != lexer.EOF:
            node = self.text_or_action()
            if isinstance(node, str):
                return body, node
            body.nodes.append(node)
        raise self.fault("unexpected EOF")

    def text_or_action(self) -> Node | str:
        item = self.next_word()
        if item.kind == lexer.TEXT:
            return Plain(item.at, item.text)
        if item.kind != lexer.LEFT:
            raise self.unexpected(item, "input")
        self.action_line = item.line
        made = self.action()
        self.action_line = 0
        return made

    def action(self) -> Node | str:
        item = self.next_word()
        match item.kind:
            case "if" | "with" | "range":
                return self.branch(item.kind)
            case "else":
                following = self.peek_word()
                if following.kind not in ("if", "with"):
                    self.expect((lexer.RIGHT,), "else")
                return "{{else}}"
            case "end":
                self.expect((lexer.RIGHT,), "end")
                return "{{end}}"
            case "break" | "continue":
                closing = self.next_word()
                if closing.kind != lexer.RIGHT:
                    raise self.unexpected(closing, f"{{{{{item.kind}}}}}")
                if not self.ranges:
                    raise self.fault(f"{{{{{item.kind}}}}} outside {{{{range}}}}")
                return Jump(item.at, item.kind)
            case "template":
                return self.call()
            case "block":
                return self.block()
        self.back(item)
        return Action(item.at, self.pipeline("command", lexer.RIGHT))

    def branch(self, kind: str) -> Branch:
        self.deeper()
        variables = len(self.variables)
        pipeline = self.pipeline(kind, lexer.RIGHT)
        self.ranges += kind == "range"
        body, end = self.items()
        self.ranges -= kind == "range"
        otherwise: Body | None = None
        if end == "{{else}}":
            if kind in ("if", "with") and self.peek().kind == kind:
                self.next()
                otherwise = Body([self.branch(kind)])
            else:
                otherwise, end = self.items()
                if end != "{{end}}":
                    raise self.fault(f"expected end; found {end}")
        del self.variables[variables:]
        self.depth -= 1
        return Branch(pipeline.at, kind, pipeline, body, otherwise)

    def template_name(self, where: str) -> tuple[Item, str]:
        item = self.next_word()
        if item.kind not in (lexer.STRING, lexer.RAW_STRING):
            raise self.unexpected(item, where)
        return item, self.unquoted(item.text)

    def call(self) -> Call:
        where = "template clause"
        item, name = self.template_name(where)
        following = self.next_word()
        pipeline = None
        if following.kind != lexer.RIGHT:
            self.back(following)
            pipeline = self.pipeline(where, lexer.RIGHT)
        return Call(item.at, name, pipeline)

    def block(self) -> Call:
        where = "block clause"
        item, name = self.template_name(where)
        pipeline = self.pipeline(where, lexer.RIGHT)
        self.deeper()
        _Tree(self.lexer, self.templates, self.depth).rest_of(name, where, self)
        self.depth -= 1
        return Call(item.at, name, pipeline)

    # --- pipelines -------------------------------------------------------------------------------

    def pipeline(self, where: str, end: str) -> Pipeline:
        at = self.peek_word().at
        variables, assigns = self.declared(where)
        commands: list[Command] = []
        while True:
            item = self.next_word()
            if item.kind == end:
                break
            if item.kind not in _OPERANDS:
                raise self.unexpected(item, where)
            self.back(item)
            commands.append(self.command())
        if not commands:
            raise self.fault(f"missing value for {where}")
        for i, command in enumerate(commands[1:]):
            if isinstance(command.operands[0], Bool | Dot | Nil | Number | Text):
                raise self.fault(f"non executable command in pipeline stage {i + 2}")
        return Pipeline(at, tuple(variables), assigns, tuple(commands))

    def declared(self, where: str) -> tuple[list[Variable], bool]:
        """The variables that a pipeline sets, and whether they are there already."""
        made: list[Variable] = []
        while self.peek_word().kind == lexer.VARIABLE:
            name = self.next()
            after = self.next()
            word = after if after.kind != lexer.SPACE else self.next_word()
            if word.kind in (lexer.ASSIGN, lexer.DECLARE):
                made.append(self.new_variable(name))
                return made, word.kind == lexer.ASSIGN
            if word.kind == lexer.CHAR and word.text == ",":
                made.append(self.new_variable(name))
                if where == "range" and len(made) < 2:
                    if self.peek_word().kind in (lexer.VARIABLE, lexer.RIGHT, lexer.CLOSE):
                        continue
                    raise self.fault("range can only initialize variables")
                raise self.fault(f"too many declarations in {where}")
            self.back(word, *([after] if after is not word else []), name)
            break
        return made, False

    def new_variable(self, item: Item) -> Variable:
        self.variables.append(item.text)
        return Variable(item.at, tuple(item.text.split(".")))

    def command(self) -> Command:
        at = self.peek_word().at
        operands: list[Operand] = []
        while True:
            self.peek_word()
            operand = self.operand()
            if operand is not None:
                operands.append(operand)
            item = self.next()
            if item.kind == lexer.SPACE:
                continue
            if item.kind in (lexer.RIGHT, lexer.CLOSE):
                self.back(item)
            elif item.kind != lexer.PIPE:
                raise self.unexpected(item, "operand")
            break
        if not operands:
            raise self.fault("empty command")
        return Command(at, tuple(operands))

    def operand(self) -> Operand | None:
        term = self.term()
        if term is None or self.peek().kind != lexer.FIELD:
            return term
        at = self.peek().at
        names: list[str] = []
        while self.peek().kind == lexer.FIELD:
            names.append(self.next().text[1:])
        if isinstance(term, Field):
            return Field(at, (*term.names, *names))
        if isinstance(term, Variable):
            return Variable(at, (*term.names, *names))
        if isinstance(term, Bool | Text | Number | Nil | Dot):
            raise self.fault(f"unexpected . after term {quoted(str(term))}")
        return Chain(at, term, tuple(names))

    def term(self) -> Operand | None:
        item = self.next_word()
        match item.kind:
            case lexer.IDENTIFIER:
                if item.text not in FUNCTIONS:
                    raise self.fault(f"function {quoted(item.text)} not defined")
                return Identifier(item.at, item.text)
            case lexer.DOT:
                return Dot(item.at)
            case lexer.NIL:
                return Nil(item.at)
            case lexer.VARIABLE:
                if item.text not in self.variables:
                    raise self.fault(f"undefined variable {quoted(item.text)}")
                return Variable(item.at, (item.text,))
            case lexer.FIELD:
                return Field(item.at, (item.text[1:],))
            case lexer.BOOL:
                return Bool(item.at, item.text == "true")
            case lexer.CHARACTER | lexer.COMPLEX | lexer.NUMBER:
                return self.number(item)
            case lexer.OPEN:
                self.deeper()
                made = self.pipeline("parenthesized pipeline", lexer.CLOSE)
                self.depth -= 1
                return made
            case lexer.STRING | lexer.RAW_STRING:
                return Text(item.at, item.text, self.unquoted(item.text))
        self.back(item)
        return None

    def number(self, item: Item) -> Number:
        try:
            match item.kind:
                case lexer.CHARACTER:
                    return Number(item.at, item.text, literals.character(item.text))
                case lexer.COMPLEX:
                    return Number(item.at, item.text, literals.complex_number(item.text))
            return Number(item.at, item.text, literals.number(item.text))
        except literals.Illegal as e:
            raise self.fault(str(e)) from None
