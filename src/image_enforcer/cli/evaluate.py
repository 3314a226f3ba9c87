"""``eval``: one query, its results in the format asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from cyclopts import Parameter

from .faults import Fault, say

if TYPE_CHECKING:
    from ..opa.errors import LoadError
    from ..rego import RegoError, Solution, Value
    from ..rego.syntax.nodes import Import

Flag: TypeAlias = Annotated[bool, Parameter(negative=())]
Many: TypeAlias = Annotated[tuple[str, ...], Parameter(consume_multiple=False)]
Hidden: TypeAlias = Annotated[bool, Parameter(negative=(), show=False)]
HiddenText: TypeAlias = Annotated[str, Parameter(show=False)]
Format: TypeAlias = Literal["json", "values", "bindings", "pretty", "raw", "discard", "source"]


@Parameter(name="*", show=False)
@dataclass(frozen=True, kw_only=True, slots=True)
class Unsupported:
    """Options of ``opa eval`` that are known and refused; an option that nobody knows is refused by its name."""

    bundle: Annotated[str, Parameter(name=["--bundle", "-b"], show=False)] = ""
    capabilities: HiddenText = ""
    count: HiddenText = ""
    coverage: Hidden = False
    disable_early_exit: Hidden = False
    disable_indexing: Hidden = False
    disable_inlining: HiddenText = ""
    entrypoint: Annotated[str, Parameter(name=["--entrypoint", "-e"], show=False)] = ""
    explain: HiddenText = ""
    instrument: Hidden = False
    optimize: Annotated[str, Parameter(name=["--optimize", "-O"], show=False)] = ""
    partial: Annotated[bool, Parameter(name=["--partial", "-p"], negative=(), show=False)] = False
    profile: Hidden = False
    schema: Annotated[str, Parameter(name=["--schema", "-s"], show=False)] = ""
    shallow_inlining: Hidden = False
    show_builtin_errors: Hidden = False
    target: Annotated[str, Parameter(name=["--target", "-t"], show=False)] = ""
    unknowns: Annotated[str, Parameter(name=["--unknowns", "-u"], show=False)] = ""
    var_values: Hidden = False

    def refuse(self) -> None:
        """Raise a fault that names the first option that was given."""
        for name in self.__slots__:
            value = getattr(self, name)
            if value and (name, value) not in (("explain", "off"), ("target", "rego")):
                hint = HINTS.get(name, "image-enforcer eval --help lists what is")
                raise Fault("IE2005", f"eval --{name.replace('_', '-')} is not supported", hint=hint)


HINTS = {
    "bundle": "name the directory or its files with --data",
    "explain": "print(…) in a rule shows what it sees",
    "profile": "--metrics shows how long things take",
    "instrument": "--metrics shows how long things take",
    "show_builtin_errors": "--strict-builtin-errors makes the first one an error",
}


def evaluate(
    *query: str,
    data: Annotated[tuple[str, ...], Parameter(name=["--data", "-d"], consume_multiple=False)] = (),
    input_: Annotated[str, Parameter(name=["--input", "-i"])] = "",
    stdin_input: Annotated[bool, Parameter(name=["--stdin-input", "-I"], negative=())] = False,
    stdin: Flag = False,
    format_: Annotated[Format, Parameter(name=["--format", "-f"])] = "json",
    pretty_limit: int = 80,
    fail: Flag = False,
    fail_defined: Flag = False,
    package: str = "",
    import_: Annotated[tuple[str, ...], Parameter(name="--import", consume_multiple=False)] = (),
    strict: Annotated[bool, Parameter(name=["--strict", "-S"], negative=())] = False,
    strict_builtin_errors: Flag = False,
    metrics: Flag = False,
    ignore: Many = (),
    timeout: str = "",
    v0_compatible: Flag = False,
    no_mount: Flag = False,
    unsupported: Unsupported | None = None,
) -> int:
    """Evaluate a query and print its results.

    Parameters
    ----------
    query
        the query, e.g. data.a.allow
    data
        policy or data files and directories, or prefix:path; may be given several times
    input_
        a file with the input document, JSON or YAML
    stdin_input
        read the input document from standard input
    stdin
        read the query from standard input
    format_
        json, values, bindings, pretty, raw or discard
    pretty_limit
        characters of a table's cell that pretty shows; 0 shows all
    fail
        exit with 1 where the result is undefined
    fail_defined
        exit with 1 where the result is defined
    package
        evaluate as if inside this package
    import_
        names to bring in, e.g. data.a.b or "data.a.b as c"; may be given several times
    strict
        refuse what OPA's strict mode refuses, such as unused variables
    strict_builtin_errors
        make the first failing built-in an error instead of undefined
    metrics
        print how long parsing, compiling and evaluating took
    ignore
        names of files and directories to leave out, as globs
    timeout
        how long the evaluation may take, e.g. 500ms or 5s; as long as it needs, where not given
    v0_compatible
        read policies as Rego v0
    no_mount
        do not mount --data directories that stand side by side under their own names
    """
    from ..opa import presentation
    from ..opa.errors import LoadError
    from ..opa.evaluation import Question, Report
    from ..opa.evaluation import evaluate as answer
    from ..rego import RegoError

    (unsupported or Unsupported()).refuse()
    if format_ == "source":
        raise Fault("IE2003", "--format source is for partial evaluation, which is not supported", hint="-f pretty")
    question = Question(
        query=_query(query, stdin, stdin_input),
        paths=data,
        ignore=ignore,
        mount=not no_mount,
        version=0 if v0_compatible else 1,
        package=tuple(package.split(".")) if package else None,
        imports=[_import(text) for text in import_],
        strict=strict,
        strict_builtin_errors=strict_builtin_errors,
        seconds=_seconds(timeout),
    )
    given = _input(input_, stdin_input)
    report = Report()
    solutions: Sequence[Solution] = ()
    failure: LoadError | RegoError | None = None
    try:
        solutions = answer(question, given, report)
    except (LoadError, RegoError) as e:
        failure = e
    for line in (*report.notices, *report.printed):
        say(line)
    if failure is not None:
        return _failed(format_, failure)
    times = dict(sorted(report.metrics.items())) if metrics else None
    _write(presentation.render(format_, solutions, width=max(0, pretty_limit), metrics=times))
    return int(bool(solutions) if fail_defined else fail and not solutions)


def _query(query: Sequence[str], stdin: bool, stdin_input: bool) -> str:
    if stdin and (query or stdin_input):
        other = "a query" if query else "an input"
        raise Fault("IE2002", f"--stdin reads the query from standard input; there is {other} besides")
    if stdin:
        return _standard_input("query")
    if len(query) != 1:
        text = f"one query is evaluated, not {len(query)}" if query else "there is no query"
        raise Fault("IE2002", text, hint="image-enforcer eval 'data.a.allow'")
    return query[0]


def _seconds(text: str) -> float | None:
    from ..rego.builtins.time import parse_duration_ns
    from ..rego.errors import BuiltinError

    if not text:
        return None
    try:
        found = parse_duration_ns(text)
    except BuiltinError as e:
        raise Fault("IE2003", f"--timeout: {e}", hint="--timeout 500ms, --timeout 5s") from None
    if not isinstance(found, int) or found < 0:
        raise Fault("IE2003", f"--timeout {text!r} is no length of time", hint="--timeout 500ms, --timeout 5s")
    return found / 1e9 or None


def _import(text: str) -> Import:
    from ..rego import CompileError
    from ..rego.syntax import parse_statements
    from ..rego.syntax.nodes import Import

    try:
        found = parse_statements(f"import {text}")
    except CompileError as e:
        raise Fault("IE2003", f"--import {text!r}: {e.problems[0].message}") from None
    if len(found) != 1 or not isinstance(found[0], Import):
        raise Fault(
            "IE2003", f"--import {text!r} is not one import", hint='--import data.a.b, --import "data.a.b as c"'
        )
    return found[0]


def _input(path: str, stdin_input: bool) -> Value:
    from ..opa.document_text import document_of_unknown
    from ..opa.errors import LoadError
    from ..opa.loader import input_document
    from ..rego import UNDEFINED

    if stdin_input and path:
        raise Fault("IE2002", "--input and --stdin-input both give the input document", hint="leave one of them out")
    try:
        if stdin_input:
            return document_of_unknown("standard input", _standard_input("input"))
        return input_document(path) if path else UNDEFINED
    except LoadError as e:
        fault = e.causes[0]
        raise Fault("IE2004", f"the input cannot be read: {fault.text}", hint=fault.hint) from None


def _standard_input(what: str) -> str:
    from ..opa.files import MAX_FILE

    if sys.stdin is None:
        raise Fault("IE2004", f"standard input, which has the {what}, is closed")
    raw = sys.stdin.buffer.read(MAX_FILE + 1)
    if len(raw) > MAX_FILE:
        raise Fault("IE2004", f"the {what} is larger than {MAX_FILE >> 20} MiB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise Fault("IE2004", f"the {what} is not UTF-8 text (byte {e.start + 1})", hint="send UTF-8") from None


def _failed(form: Format, error: LoadError | RegoError) -> int:
    """Show an error where programs look for it: in JSON on standard output, else on standard error."""
    from ..opa import presentation
    from ..rego import RegoError

    if form in ("json", "discard"):
        _write(presentation.dumps({"errors": presentation.errors(error)}) + "\n")
        for hint in [] if isinstance(error, RegoError) else [c.hint for c in error.causes if c.hint]:
            say(f"hint: {hint}")
        return 2
    say(presentation.harmless(presentation.error_text(error) if isinstance(error, RegoError) else str(error)))
    return 2


def _write(text: str) -> None:
    from ..opa import presentation

    sys.stdout.write(presentation.harmless(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()
