"""The trees of templates, and how error texts show their parts."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...text import quoted


@dataclass(frozen=True, slots=True)
class Dot:
    """``.``"""

    at: int

    def __str__(self) -> str:
        return "."


@dataclass(frozen=True, slots=True)
class Nil:
    """``nil``"""

    at: int

    def __str__(self) -> str:
        return "nil"


@dataclass(frozen=True, slots=True)
class Bool:
    """``true`` or ``false``."""

    at: int
    value: bool

    def __str__(self) -> str:
        return "true" if self.value else "false"


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is written down; the value is ``None`` where no integer of Go's holds it."""

    at: int
    text: str
    value: int | float | complex | None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Text:
    """A string that is written down."""

    at: int
    quoted: str
    value: str

    def __str__(self) -> str:
        return self.quoted


@dataclass(frozen=True, slots=True)
class Identifier:
    """A function's name."""

    at: int
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Field:
    """``.a.b``"""

    at: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class Variable:
    """``$x.a.b``; the variable's name is the first."""

    at: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.names)


@dataclass(frozen=True, slots=True)
class Chain:
    """Fields of what an operand comes to."""

    at: int
    operand: Operand
    names: tuple[str, ...]

    def __str__(self) -> str:
        start = f"({self.operand})" if isinstance(self.operand, Pipeline) else str(self.operand)
        return start + "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class Command:
    """Operands: a value, or a function and its arguments."""

    at: int
    operands: tuple[Operand, ...]

    def __str__(self) -> str:
        return " ".join([f"({o})" if isinstance(o, Pipeline) else str(o) for o in self.operands])


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands each of which gets what the one before comes to, and variables that get the last."""

    at: int
    variables: tuple[Variable, ...]
    assigns: bool
    commands: tuple[Command, ...]

    def __str__(self) -> str:
        start = ""
        if self.variables:
            start = ", ".join(map(str, self.variables)) + (" = " if self.assigns else " := ")
        return start + " | ".join(map(str, self.commands))


Operand = Dot | Nil | Bool | Number | Text | Identifier | Field | Variable | Chain | Pipeline


@dataclass(frozen=True, slots=True)
class Plain:
    """Text between actions."""

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """``{{pipeline}}``"""

    at: int
    pipeline: Pipeline

    def __str__(self) -> str:
        return f"{{{{{self.pipeline}}}}}"


@dataclass(frozen=True, slots=True)
class Branch:
    """``if``, ``with`` or ``range``."""

    at: int
    kind: str
    pipeline: Pipeline
    body: Body
    otherwise: Body | None

    def __str__(self) -> str:
        return f"{{{{{self.kind} {self.pipeline}}}}}"


@dataclass(frozen=True, slots=True)
class Call:
    """``{{template "name" pipeline}}``"""

    at: int
    name: str
    pipeline: Pipeline | None

    def __str__(self) -> str:
        end = f" {self.pipeline}" if self.pipeline is not None else ""
        return f"{{{{template {quoted(self.name)}{end}}}}}"


@dataclass(frozen=True, slots=True)
class Jump:
    """``break`` or ``continue``."""

    at: int
    kind: str

    def __str__(self) -> str:
        return f"{{{{{self.kind}}}}}"


Node = Plain | Action | Branch | Call | Jump


@dataclass(slots=True)
class Body:
    """What stands between actions that open and close."""

    nodes: list[Node] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing but space."""
        return all(isinstance(node, Plain) and not node.text.strip() for node in self.nodes)
