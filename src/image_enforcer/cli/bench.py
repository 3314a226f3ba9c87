"""``bench``: how long a query takes, asked again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from . import opa
from .faults import Fault, say

if TYPE_CHECKING:
    from ..opa.errors import LoadError
    from ..opa.evaluation import Repeat
    from ..opa.measuring import Measured
    from ..rego import RegoError
    from ..rego.syntax.nodes import Ref

FAILED = 1


class Undefined(Exception):
    """The query has no answer."""


def bench(
    *query: str,
    data: Annotated[tuple[str, ...], Parameter(name=["--data", "-d"], consume_multiple=False)] = (),
    bundle: Annotated[tuple[str, ...], Parameter(name=["--bundle", "-b"], consume_multiple=False)] = (),
    input_: Annotated[str, Parameter(name=["--input", "-i"])] = "",
    stdin_input: Annotated[bool, Parameter(name=["--stdin-input", "-I"], negative=())] = False,
    stdin: opa.Flag = False,
    format_: Annotated[Literal["pretty", "json", "gobench"], Parameter(name=["--format", "-f"])] = "pretty",
    count: int = 1,
    fail: opa.Flag = True,
    metrics: opa.Flag = True,
    benchmem: opa.Flag = True,
    partial: Annotated[bool, Parameter(name=["--partial", "-p"], negative=())] = False,
    unknowns: Annotated[tuple[str, ...], Parameter(name=["--unknowns", "-u"], consume_multiple=False)] = ("input",),
    package: str = "",
    import_: Annotated[tuple[str, ...], Parameter(name="--import", consume_multiple=False)] = (),
    ignore: opa.Many = (),
    v0_compatible: opa.Flag = False,
    v1_compatible: opa.HiddenFlag = True,
    e2e: opa.HiddenFlag = False,
    config_file: Annotated[str, Parameter(name=["--config-file", "-c"], show=False)] = "",
    target: Annotated[str, Parameter(name=["--target", "-t"], show=False)] = "rego",
    schema: Annotated[str, Parameter(name=["--schema", "-s"])] = "",
    optimize_store_for_read_speed: opa.HiddenFlag = False,
    shutdown_grace_period: opa.HiddenText = "",
    shutdown_wait_period: opa.HiddenText = "",
) -> int:
    """Measure how long a query takes, once policies and data are loaded.

    It is asked for about a second; nothing that one evaluation finds is remembered for the next.

    Parameters
    ----------
    query
        the query, e.g. data.a.allow
    data
        policy or data files and directories; may be given several times
    bundle
        bundles; may be given several times
    input_
        a file with the input document, JSON or YAML
    stdin_input
        read the input document from standard input
    stdin
        read the query from standard input
    format_
        pretty, json, or gobench, which the tools of Go read
    count
        how many measurements are made
    fail
        exit with 1 where the query is undefined; --fail=false measures it
    metrics
        tell how the times are spread; --metrics=false does not
    benchmem
        tell how much memory is held; --benchmem=false does not
    partial
        evaluate partially
    unknowns
        what is not known then
    package
        evaluate as if inside this package
    import_
        names to bring in, e.g. data.a.b
    ignore
        names of files and directories to leave out, as globs
    v0_compatible
        read policies as Rego v0
    schema
        a JSON schema of the input, or a directory of schemas that annotations name
    """
    del optimize_store_for_read_speed, shutdown_grace_period, shutdown_wait_period  # nothing here to set
    given = {"e2e": e2e, "config_file": config_file, "target": "" if target == "rego" else target}
    opa.refuse("bench", given)
    if not query and not stdin:
        hint = "image-enforcer bench --data policies data.a.allow"
        raise Fault("IE2002", "specify query argument or --stdin", hint=hint, exit_code=FAILED)
    if count < 0:
        raise Fault("IE2003", "--count is not negative", hint="--count 5")
    from ..opa.errors import LoadError
    from ..opa.evaluation import Question, Report, repeated
    from ..rego import RegoError

    question = Question(
        query=opa.query_text(query, stdin, stdin_input),
        paths=data,
        bundles=bundle,
        ignore=opa.parts(ignore),
        version=0 if v0_compatible or not v1_compatible else 1,
        package=tuple(package.split(".")) if package else None,
        imports=[opa.imported(text) for text in import_],
        schema=schema,
        unknowns=[_unknown(text) for text in unknowns] if partial else None,
    )
    document = opa.input_document(input_, stdin_input)
    report = Report()
    try:
        ask = repeated(question, document, report)
        for _ in range(count):
            _measured(ask, format_, fail=fail, metrics=metrics, memory=benchmem)
    except Undefined:
        return _told(format_, None)
    except (LoadError, RegoError) as e:
        return _told(format_, e)
    for line in report.notices:
        say(line)
    return 0


def _unknown(text: str) -> Ref:
    from ..rego import CompileError, parse_query
    from ..rego.syntax.nodes import Ref, TermExpr, Var

    try:
        body = parse_query(text)
    except CompileError:
        body = ()
    term = body[0].terms.term if len(body) == 1 and isinstance(body[0].terms, TermExpr) else None
    if isinstance(term, Var):
        term = Ref((term,))
    if not isinstance(term, Ref):
        raise Fault("IE2003", f"--unknowns {text!r} names no document", hint="--unknowns input")
    return term


def _measured(ask: Repeat, form: str, *, fail: bool, metrics: bool, memory: bool) -> None:
    from dataclasses import replace

    from ..opa.measuring import measure
    from ..opa.statistics import statistics

    def once() -> bool:
        defined = ask()
        if fail and not defined:
            raise Undefined
        return defined

    found = measure(once, memory=memory)
    if metrics:
        spread = statistics(found.times)
        found = replace(found, extra={f"histogram_timer_rego_query_eval_ns_{k}": v for k, v in spread.items()})
    opa.write(_shown(found, form, memory))


def _shown(found: Measured, form: str, memory: bool) -> str:
    from ..opa import presentation
    from ..opa.measuring import document, figure, memory_text, times_text
    from ..opa.statistics import whole
    from ..opa.tables import figures

    if form == "json":
        shown = document(found)
        return presentation.dumps({**shown, "Extra": {k: whole(v) for k, v in shown["Extra"].items()}}) + "\n"
    if form == "gobench":
        return f"BenchmarkOPAEval\t{times_text(found)}" + (f"\t{memory_text(found)}\n" if memory else "\n")
    rows = [("samples", str(found.count)), ("ns/op", figure(found.time / found.count).strip())]
    if memory:
        rows += [("B/op", str(found.bytes)), ("allocs/op", str(found.blocks))]
    rows += [(name, figure(found.extra[name]).strip()) for name in sorted(found.extra)]
    return figures(rows) + "\n"


def _told(form: str, error: LoadError | RegoError | None) -> int:
    from ..opa import presentation
    from ..rego import RegoError

    if form == "json":
        errors = [{"message": "undefined result"}] if error is None else presentation.errors(error)
        opa.write(presentation.dumps({"errors": errors}) + "\n")
    elif error is None:
        say("1 error occurred: undefined result")
    elif isinstance(error, RegoError):
        say(presentation.harmless(presentation.error_text(error)))
    else:
        opa.failed(error)
    if error is None:
        say("hint: --fail=false measures what is undefined, too")
    return FAILED
