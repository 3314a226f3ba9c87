"""Templates filled: nodes walked, pipelines evaluated, results printed; faults with the words and places of Go."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from ...errors import BuiltinError, LimitError
from ...meter import METER
from ...text import quoted
from ..byte_texts import as_utf8, to_bytes
from .calls import FUNCTIONS, CallFault, Function
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
from .values import NOTHING, Byte, Found, Given, concrete, go_type, is_true, text_of

MAX_DEPTH: Final = 400
"""How deep templates may call one another."""


class _Missing:
    """No value comes from the command before."""


_MISSING: Final = _Missing()


class _Break(Exception):
    """Out of a range."""


class _Continue(Exception):
    """On to the next round of a range."""


def execute(text: str, templates: dict[str, Body], given: Any) -> str:
    """The filled template; raises :class:`BuiltinError`."""
    out: list[str] = []
    state = _State("template", text, templates, out, given, 0)
    state.walk_all(given, templates["template"])
    return "".join(out)


class _State:
    """One template being filled."""

    def __init__(
        self, name: str, text: str, templates: dict[str, Body], out: list[str], dot: Given, depth: int
    ) -> None:
        self.name = name
        self.text = text
        self.templates = templates
        self.out = out
        self.variables: list[tuple[str, Given]] = [("$", dot)]
        self.depth = depth
        self.node: Node | Operand | Command = Plain(0, "")

    def fault(self, message: str) -> BuiltinError:
        """What is wrong, and where."""
        at = self.node.at
        start = self.text.rfind("\n", 0, at) + 1
        line, column = 1 + self.text.count("\n", 0, at), len(to_bytes(self.text[start:at]))
        where = f"template:{line}:{column}: executing {quoted(self.name)} at <{self.node}>"
        return BuiltinError(as_utf8(f"template: {where}: {message}"))

    def write(self, text: str) -> None:
        METER.spend(2 + (len(text) >> 4), 60 + 2 * len(text))
        self.out.append(text)

    # --- walking ---------------------------------------------------------------------------------

    def walk_all(self, dot: Given, body: Body) -> None:
        for node in body.nodes:
            self.walk(dot, node)

    def walk(self, dot: Given, node: Node) -> None:
        METER.spend(10)
        self.node = node
        match node:
            case Plain():
                self.write(node.text)
            case Action():
                value = self.pipeline(dot, node.pipeline)
                if not node.pipeline.variables:
                    self.node = node
                    self.write("<no value>" if value is NOTHING else text_of(value))
            case Branch(kind="range"):
                mark = len(self.variables)
                with suppress(_Break):
                    self.range(dot, node)
                del self.variables[mark:]
            case Branch():
                mark = len(self.variables)
                value = self.pipeline(dot, node.pipeline)
                if is_true(value):
                    self.walk_all(value if node.kind == "with" else dot, node.body)
                elif node.otherwise is not None:
                    self.walk_all(dot, node.otherwise)
                del self.variables[mark:]
            case Call():
                self.call(dot, node)
            case Jump():
                raise _Break if node.kind == "break" else _Continue

    def range(self, dot: Given, node: Branch) -> None:
        value = concrete(self.pipeline(dot, node.pipeline))
        mark = len(self.variables)
        rounds = 0
        match value:
            case bool() | str() | float() | complex():
                raise self.fault(f"range can't iterate over {text_of(value)}")
            case int():
                if len(node.pipeline.variables) > 1:
                    raise self.fault(f"can't use {text_of(value)} to iterate over more than one variable")
                kind = Byte if isinstance(value, Byte) else int
                while rounds < value:
                    self.round(node, mark, NOTHING, kind(rounds))
                    rounds += 1
            case list():
                for item in value:
                    self.round(node, mark, rounds, Found(item))
                    rounds += 1
            case dict():
                for key in sorted(value):
                    self.round(node, mark, key, Found(value[key]))
                    rounds += 1
        if not rounds and node.otherwise is not None:
            self.walk_all(dot, node.otherwise)

    def round(self, node: Branch, mark: int, index: Given, item: Given) -> None:
        METER.spend(10)
        pipeline = node.pipeline
        variables = pipeline.variables
        if variables:
            if not pipeline.assigns:
                self.variables[-1] = (self.variables[-1][0], item)
                if len(variables) > 1:
                    self.variables[-2] = (self.variables[-2][0], index)
            elif len(variables) > 1:
                self.assign(variables[0].names[0], index)
                self.assign(variables[1].names[0], item)
            else:
                self.assign(variables[0].names[0], item)
        with suppress(_Continue):
            self.walk_all(item, node.body)
        del self.variables[mark:]

    def call(self, dot: Given, node: Call) -> None:
        body = self.templates.get(node.name)
        if body is None:
            raise self.fault(f"template {quoted(node.name)} not defined")
        if self.depth >= MAX_DEPTH:
            raise LimitError("depth", f"templates call one another deeper than {MAX_DEPTH} levels")
        given = NOTHING if node.pipeline is None else self.pipeline(dot, node.pipeline)
        state = _State(node.name, self.text, self.templates, self.out, given, self.depth + 1)
        state.walk_all(given, body)

    def assign(self, name: str, value: Given) -> None:
        for i in range(len(self.variables) - 1, -1, -1):
            if self.variables[i][0] == name:
                self.variables[i] = (name, value)
                return
        raise self.fault(f"undefined variable: {name}")

    # --- pipelines and commands ------------------------------------------------------------------

    def pipeline(self, dot: Given, pipeline: Pipeline) -> Given:
        """What the last command comes to, which is nothing that was found but its value."""
        METER.spend(10)
        self.node = pipeline
        value: Any = _MISSING
        for command in pipeline.commands:
            value = concrete(self.command(dot, command, value))
        for variable in pipeline.variables:
            if pipeline.assigns:
                self.assign(variable.names[0], value)
            else:
                METER.spend(1, 100)
                self.variables.append((variable.names[0], value))
        return value

    def command(self, dot: Given, command: Command, final: Given) -> Given:
        first = command.operands[0]
        match first:
            case Identifier():
                return self.function(dot, first, command, command.operands[1:], final)
            case Field() | Chain() | Variable():
                return self.looked_up(dot, first, command.operands, final)
            case Pipeline():
                self.not_called(command.operands, final)
                return self.pipeline(dot, first)
        self.node = first
        self.not_called(command.operands, final)
        if isinstance(first, Nil):
            raise self.fault("nil is not a command")
        return self.literal(dot, first)

    def literal(self, dot: Given, operand: Dot | Bool | Number | Text) -> Given:
        self.node = operand
        match operand:
            case Dot():
                return dot
            case Number():
                if operand.value is None:
                    raise self.fault(f"{operand.text} overflows int")
                return operand.value
        return operand.value

    def not_called(self, operands: tuple[Operand, ...], final: Given) -> None:
        if len(operands) > 1 or final is not _MISSING:
            raise self.fault(f"can't give argument to non-function {operands[0]}")

    def looked_up(
        self, dot: Given, node: Field | Chain | Variable, operands: tuple[Operand, ...], final: Given
    ) -> Given:
        """A variable, or a field of the dot, a variable or an operand."""
        self.node = node
        names = node.names
        value = dot
        if isinstance(node, Chain):
            value = self.operand(dot, node.operand)
        elif isinstance(node, Variable):
            known = [v for name, v in self.variables if name == names[0]]
            if not known:  # declared by the very pipeline that asks for it
                raise self.fault(f"undefined variable: {names[0]}")
            value = known[-1]
            names = names[1:]
            if not names:
                self.not_called(operands, final)
                return value
        for name in names[:-1]:
            value = self.field(value, name, False)
        return self.field(value, names[-1], len(operands) > 1 or final is not _MISSING)

    def field(self, value: Given, name: str, has_arguments: bool) -> Given:
        METER.spend(4)
        if value is NOTHING:
            return NOTHING
        kind = go_type(value)
        inner = value.value if isinstance(value, Found) else value
        if inner is None:
            raise self.fault(f"nil pointer evaluating {kind}.{name}")
        if not isinstance(inner, dict):
            raise self.fault(f"can't evaluate field {name} in type {kind}")
        if has_arguments:
            raise self.fault(f"{name} is not a method but has arguments")
        return Found(inner[name]) if name in inner else NOTHING

    # --- functions -------------------------------------------------------------------------------

    def operand(self, dot: Given, operand: Operand) -> Given:
        """An argument's value, whatever type is wanted."""
        self.node = operand
        match operand:
            case Nil():
                return NOTHING
            case Field() | Chain() | Variable():
                return self.looked_up(dot, operand, (operand,), _MISSING)
            case Pipeline():
                return self.pipeline(dot, operand)
            case Identifier():
                return self.function(dot, operand, operand, (), _MISSING)
        return self.literal(dot, operand)

    def text_operand(self, dot: Given, operand: Operand) -> str:
        """An argument that has to be a string."""
        self.node = operand
        match operand:
            case Nil():
                raise self.fault("cannot assign nil to string")
            case Text():
                return operand.value
            case Bool() | Number():
                raise self.fault(f"expected string; found {operand}")
        return self.as_text(self.operand(dot, operand))

    def as_text(self, value: Given) -> str:
        if value is NOTHING:
            raise self.fault("invalid value; expected string")
        inner = value.value if isinstance(value, Found) and value.value is not None else value
        if type(inner) is not str:
            raise self.fault(f"wrong type for value; expected string; got {go_type(inner)}")
        return inner

    def function(
        self,
        dot: Given,
        node: Identifier,
        command: Command | Identifier,
        arguments: tuple[Operand, ...],
        final: Given,
    ) -> Given:
        self.node = node
        function = FUNCTIONS[node.name]
        count = len(arguments) + (final is not _MISSING)
        self.check_count(node.name, function, len(arguments), count)
        if node.name in ("and", "or"):
            return self.and_or(dot, node.name, arguments, final)
        values: list[Given] = []
        for i, argument in enumerate(arguments):
            wants_text = function.text_first and i == 0
            values.append(self.text_operand(dot, argument) if wants_text else self.operand(dot, argument))
        if final is not _MISSING:
            values.append(self.as_text(final) if function.text_first and not values else final)
        if node.name == "call":
            values.insert(0, str(arguments[0]) if arguments else _shown_final(final))
        METER.spend(20)
        try:
            return function.run(values)
        except CallFault as e:
            self.node = command
            raise self.fault(f"error calling {node.name}: {e}") from None

    def check_count(self, name: str, function: Function, written: int, count: int) -> None:
        if function.variadic:
            if count < function.least:
                raise self.fault(f"wrong number of args for {name}: want at least {function.least} got {written}")
        elif count != function.least:
            raise self.fault(f"wrong number of args for {name}: want {function.least} got {count}")

    def and_or(self, dot: Given, name: str, arguments: tuple[Operand, ...], final: Given) -> Given:
        value: Given = NOTHING
        for argument in arguments:
            value = self.operand(dot, argument)
            if is_true(value) == (name == "or"):
                return value
        return value if final is _MISSING else final


def _shown_final(final: Given) -> str:
    """What Go calls a function's value that came through a pipeline."""
    if final is NOTHING:
        return "<invalid Value>"
    return str(final) if isinstance(final, str) else f"<{go_type(final)} Value>"
