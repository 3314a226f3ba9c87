"""What a type error is about, beside its text: for programs that show it in their own way."""

from __future__ import annotations

from typing import TypeAlias

from ..records import record
from ..syntax.nodes import Ref
from ..types import FunctionType, Type
from ..values import Value


@record(frozen=True, slots=True)
class Operands:
    """Operands of the wrong types or number. ``want`` has the function's; its result counts where ``have`` has one."""

    have: tuple[Type | None, ...]
    want: FunctionType
    with_result: bool


@record(frozen=True, slots=True)
class Sides:
    """Two sides that can never be equal."""

    left: Type | None
    right: Type | None


@record(frozen=True, slots=True)
class NoStep:
    """A reference whose step ``at`` cannot be: ``want`` is the type that it should have, ``choices`` what is there."""

    ref: Ref
    at: int
    have: Type | None
    want: Type | None
    choices: tuple[Value, ...]


@record(frozen=True, slots=True)
class NoSteps:
    """A reference that goes on behind the step ``at``, where nothing goes on."""

    ref: Ref
    at: int
    have: Type | None


Detail: TypeAlias = Operands | Sides | NoStep | NoSteps
