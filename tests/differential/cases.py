"""A case of the comparison: modules, documents and a query, with what either side answered to it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

Json = None | bool | int | Decimal | str | list["Json"] | dict[str, "Json"]
"""JSON with exact numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What both sides are asked. Documents are JSON text, because the text of a number matters; None is no input.

    ``strict`` makes faults of built-ins errors, ``strict_compile`` is OPA's strict mode of the compiler. The clock
    stands still at :data:`NOW`.
    """

    modules: tuple[str, ...]
    data: str = "{}"
    input: str | None = None
    query: str = "data.t = x"
    strict: bool = False
    version: int = 1
    strict_compile: bool = False

    def shown(self) -> str:
        """The case as somebody reads it in a failing test."""
        parts = [f"# module test-{i}.rego\n{text}" for i, text in enumerate(self.modules)]
        modes = f"{', strict' if self.strict else ''}{', strict compiler' if self.strict_compile else ''}"
        rest = f"# v{self.version}{modes}; query: {self.query}"
        return "\n".join([*parts, f"# data {self.data}", f"# input {self.input}", rest])

    def having(self, *, modules: Sequence[str]) -> Case:
        """The same question about other modules."""
        return replace(self, modules=tuple(modules))


NOW: Final = 1_700_000_000_123_456_789
"""What the clock of both sides shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error: its code, its text without place and code, and where it stands."""

    code: str
    message: str
    row: int = 0
    col: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Results (bindings and values of expressions, in canonical text) or errors; and the lines that were printed.

    ``spelled`` are the results with each number as it was written.
    """

    results: frozenset[str] = frozenset()
    faults: tuple[Fault, ...] = ()
    printed: tuple[str, ...] = ()
    spelled: frozenset[str] = frozenset()

    def shown(self) -> str:
        """One line a result or an error."""
        lines = [f"{f.row}:{f.col}: {f.code}: {f.message}" for f in self.faults]
        lines = lines or sorted(self.spelled or self.results) or ["(undefined)"]
        return "\n".join(f"    {line}" for line in [*lines, *(f"printed: {p}" for p in self.printed)])


def exact(text: str | bytes) -> Json:
    """JSON text read without rounding."""
    document: Json = json.loads(text, parse_float=Decimal, parse_int=_integer)
    return document


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) < 1000 else Decimal(text)


def spelled(text: str | bytes) -> str:
    """JSON text in one form, but for its numbers, which stay as they were written."""
    document = json.loads(text, parse_float=_as_written, parse_int=_as_written)
    return json.dumps(document, sort_keys=True, ensure_ascii=False)


def _as_written(number: str) -> str:
    return f"number {number}"


def canonical(value: Json) -> str:
    """A text equal for equal values: numbers by value, keys in order."""
    match value:
        case bool() | None:
            return json.dumps(value)
        case int() | Decimal():
            return _number(Decimal(value))
        case str():
            return json.dumps(value)
        case list():
            return f"[{', '.join(map(canonical, value))}]"
        case dict():
            return f"{{{', '.join(f'{json.dumps(k)}: {canonical(value[k])}' for k in sorted(value))}}}"


def _number(value: Decimal) -> str:
    _, digits, exponent = value.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    kept = text.rstrip("0")
    if not kept or not isinstance(exponent, int):
        return "0"
    power = exponent + len(text) - len(kept)
    sign = "-" if value < 0 else ""
    return sign + (kept + "0" * power if 0 <= power < 30 else f"{kept}e{power}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two answers that are not the same, and how bad that is."""

    kind: str
    case: Case
    ours: Outcome
    theirs: Outcome

    def shown(self) -> str:
        """The whole of it for a failing test."""
        return f"[{self.kind}]\n{self.case.shown()}\n  OPA:\n{self.theirs.shown()}\n  ours:\n{self.ours.shown()}"


WRONG: Final = "wrong answer"
REFUSED: Final = "an error where OPA answers"
CODE: Final = "another code"
TEXT: Final = "another text"
PLACE: Final = "another place"
PRINTED: Final = "other lines printed"
SPELLING: Final = "another spelling of a number"
LIMIT: Final = "one of our limits"
"""OPA has no bounds on integers, steps and memory; ours are documented, and end an evaluation with an error."""
GRAVE: Final = frozenset({WRONG, REFUSED})
"""The differences that no case may have."""


def compare(case: Case, ours: Outcome, theirs: Outcome) -> Difference | None:
    """How the answers differ, the worst first; None where they agree.

    Where OPA has several errors, our first may be any one of them by code. An answer where OPA has an error is a wrong
    answer, and so is undefined where OPA has a value. How often a line is printed says how often something was
    evaluated, which is no part of an answer.
    """
    if any(f.code.startswith("limit_") for f in ours.faults):
        return Difference(kind=LIMIT, case=case, ours=ours, theirs=theirs)
    kind = _answers(ours, theirs)
    if kind is None and ours.faults:
        kind = _errors(ours.faults, theirs.faults)
    if kind is None and not ours.faults and set(ours.printed) != set(theirs.printed):
        kind = PRINTED
    if kind is None and ours.spelled and theirs.spelled and ours.spelled != theirs.spelled:
        kind = SPELLING
    return Difference(kind=kind, case=case, ours=ours, theirs=theirs) if kind else None


def _answers(ours: Outcome, theirs: Outcome) -> str | None:
    if ours.faults and not theirs.faults:
        return REFUSED
    if theirs.faults and not ours.faults:
        return WRONG
    return None if ours.results == theirs.results else WRONG


def _errors(ours: Sequence[Fault], theirs: Sequence[Fault]) -> str | None:
    if ours[0].code not in {f.code for f in theirs}:
        return CODE
    if any(f.message == "error limit reached" for f in theirs):
        return None  # OPA keeps any of the errors it has found
    if {_settled(f).message for f in ours} != {_settled(f).message for f in theirs}:
        return TEXT
    return None if set(map(_settled, ours)) == set(map(_settled, theirs)) else PLACE


_MADE_UP: Final = re.compile(r"__local[q0-9]+__")


def _settled(fault: Fault) -> Fault:
    """A fault without what OPA does not settle.

    Of several ways round a circle of rules it tells any. A reference that finds nothing has the place of whichever name
    of its package stands last in the module. The names of the compiler's own variables follow from the order in which
    it happens to look at modules.
    """
    fault = replace(fault, message=_MADE_UP.sub("__local__", fault.message))
    if "recursive" in fault.message:
        return replace(fault, message=fault.message.partition(": ")[0])
    if (
        fault.code == "rego_type_error" and fault.message.endswith("used as reference, not called")
    ) or fault.message.startswith("undefined ref"):
        return replace(fault, row=0, col=0)
    return fault


def kinds(found: Iterable[Difference]) -> Mapping[str, int]:
    """How many differences there are of each kind."""
    return Counter(one.kind for one in found)
