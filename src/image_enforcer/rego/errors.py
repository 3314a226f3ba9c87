"""What the language can answer besides a value: errors with OPA's codes, texts and places, and limits.

Three outcomes stay apart: *undefined* is a value (:data:`image_enforcer.rego.values.UNDEFINED`), an
*error* is an exception below :class:`RegoError`, and a crossed *limit* is :class:`LimitError`.
"""

from __future__ import annotations

from .places import NO_LOCATION, Location
from .records import field, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

PARSE_ERROR: Final = "rego_parse_error"
COMPILE_ERROR: Final = "rego_compile_error"
TYPE_ERROR: Final = "rego_type_error"
UNSAFE_VAR_ERROR: Final = "rego_unsafe_var_error"
RECURSION_ERROR: Final = "rego_recursion_error"

EVAL_INTERNAL_ERROR: Final = "eval_internal_error"
EVAL_CONFLICT_ERROR: Final = "eval_conflict_error"
EVAL_TYPE_ERROR: Final = "eval_type_error"
EVAL_BUILTIN_ERROR: Final = "eval_builtin_error"


class RegoError(Exception):
    """Root of everything the language reports."""


@record(frozen=True, slots=True)
class Problem:
    """One fault found in policy text: OPA's code, message and place.

    ``line`` and ``index`` are the source line and the 0-based column that OPA's ``details`` shows under
    parse errors; ``extra`` holds further lines of detail (type errors show ``have:`` and ``want:``), ``detail`` what
    these say, for programs.
    """

    code: str
    message: str
    location: Location = NO_LOCATION
    line: str | None = None
    index: int = 0
    extra: tuple[str, ...] = ()
    detail: object = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        """``file:row: code: message`` and the detail lines, as OPA prints it."""
        place = f"{self.location}: " if self.location.row or self.location.file else ""
        text = f"{place}{self.code}: {self.message}"
        if self.line is not None:
            line = self.line.lstrip("\t")
            text += "\n\t" + line
            if self.index >= 0:
                text += "\n\t" + " " * max(self.index - (len(self.line) - len(line)), 0) + "^"
        for line in self.extra:
            text += "\n\t" + line
        return text


class CompileError(RegoError):
    """Policy text that cannot be used: every problem found, in OPA's order, never empty."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        if not self.problems:
            return "no error(s)"
        count = len(self.problems)
        if count == 1:
            return f"1 error occurred: {self.problems[0]}"
        return f"{count} errors occurred:\n" + "\n".join(str(p) for p in self.problems)


class EvalError(RegoError):
    """An evaluation that ended without an answer: a conflict, a built-in's fault in strict mode, a bad ``with``…"""

    def __init__(self, code: str, message: str, location: Location = NO_LOCATION) -> None:
        super().__init__(code, message, location)
        self.code = code
        self.message = message
        self.location = location

    def __str__(self) -> str:
        place = f"{self.location}: " if self.location.row or self.location.file else ""
        return f"{place}{self.code}: {self.message}"


class LimitError(RegoError):
    """A limit was crossed: ``kind`` is ``time``, ``depth``, ``memory`` or ``output``; never undefined."""

    def __init__(self, kind: str, message: str, location: Location = NO_LOCATION) -> None:
        super().__init__(kind, message, location)
        self.kind = kind
        self.message = message
        self.location = location

    def __str__(self) -> str:
        return self.message


class DocumentError(RegoError):
    """A base document could not be read. Raised by lazy documents; it ends the evaluation."""


class BuiltinError(Exception):
    """Raised by a built-in's code: the call is undefined, or with strict errors an ``eval_builtin_error``.

    The message is OPA's without the leading name of the built-in, which the call site adds.
    """


class OutputsError(BuiltinError):
    """A built-in has met several values where there may be one: an ``eval_conflict_error``, strict errors or not."""


class OperandError(BuiltinError):
    """An operand of the wrong type or value: ``eval_type_error`` under strict errors.

    Built with OPA's text, e.g. ``operand 1 must be string but got number``.
    """
