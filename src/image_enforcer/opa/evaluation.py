"""One query over files: load, compile, evaluate, with what it printed and how long each step took."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..rego import Host, Limits, Solution, Value, compile_modules, parse_query
from ..rego.syntax.nodes import Import
from .documents import Documents
from .errors import Fault, LoadError
from .loader import load

MEMORY: Final = 4 << 30
"""Bytes that an evaluation may make, about: a query may look at all documents at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A query and what it is asked of. ``seconds`` bounds the evaluation; None does not."""

    query: str
    paths: Sequence[str] = ()
    ignore: Sequence[str] = ()
    mount: bool = True
    version: int = 1
    package: tuple[str, ...] | None = None
    imports: Sequence[Import] = ()
    strict: bool = False
    strict_builtin_errors: bool = False
    seconds: float | None = None


@dataclass(slots=True)
class Report:
    """What an evaluation says besides its answer, filled as it goes: it has this where it failed, too."""

    printed: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    metrics: dict[str, int] = field(default_factory=dict)
    """Nanoseconds by OPA's names of the steps."""


def evaluate(
    question: Question, given: Value, report: Report, clock: Callable[[], int] = time.perf_counter_ns
) -> tuple[Solution, ...]:
    """Every solution, with the ``given`` input. Raises :class:`LoadError` and :class:`RegoError`."""
    begun = clock()

    def took(name: str) -> None:
        nonlocal begun
        now = clock()
        report.metrics[f"timer_rego_{name}_ns"] = now - begun
        begun = now

    documents = _documents(question, report)
    if question.paths:
        took("load_files")
    body = parse_query(question.query, version=question.version)
    if not body:
        raise LoadError([Fault("cannot evaluate empty query", "give one, such as data.a.allow")])
    took("query_parse")
    query = documents.state.policy.prepare(
        body,
        package=question.package,
        imports=question.imports,
        strict_builtin_errors=question.strict_builtin_errors,
    )
    took("query_compile")
    solutions = query.run(
        input=given,
        data=documents.state.snapshot,
        limits=Limits(seconds=question.seconds, memory=MEMORY),
        host=Host(print=lambda text, _: report.printed.append(text)),
    )
    took("query_eval")
    return solutions


def _documents(question: Question, report: Report) -> Documents:
    loaded = load(question.paths, version=question.version, ignore=question.ignore, mount=question.mount)
    report.notices.extend(loaded.notices)
    if question.strict:  # first, since it finds more
        compile_modules(loaded.modules, version=question.version, strict=True)
    return Documents(loaded, version=question.version)
