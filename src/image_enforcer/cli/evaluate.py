"""``eval``: one query, its results in the format asked for, and what is asked of how they came about."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from cyclopts import Parameter

from . import opa
from .faults import Fault, say
from .network import Hosts, Private, network, runtime
from .opa import Flag, HiddenFlag, HiddenText, Many
from .quick import keep

if TYPE_CHECKING:
    from ..opa.evaluation import Question, Report, Telling
    from ..opa.reports import Look
    from ..rego import Value
    from ..rego.outside import Network
    from ..rego.syntax.nodes import Ref

Format: TypeAlias = Literal["json", "values", "bindings", "pretty", "source", "raw", "discard"]
Mode: TypeAlias = Literal["off", "full", "notes", "fails", "debug"]
MOST_RUNS = 1_000_000
PARTIAL_FORMATS = ("pretty", "json", "source")
"""In which what is left over can be shown."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True, slots=True)
class How:
    """How the answer came about.

    Parameters
    ----------
    explain
        show the steps of the evaluation: all that matter, what trace(…) said, what failed, or everything
    var_values
        show the values of variables beside the steps, with --format pretty
    profile
        show where the time went, by line; implies --metrics
    profile_limit
        how many lines of the profile are shown; 0 shows all (default: 10)
    profile_sort
        what the profile is sorted by: total_time_ns, num_eval, num_redo, num_gen_expr, file, line; may be given several
        times
    metrics
        print how long parsing, compiling and evaluating took
    instrument
        the same as --metrics; OPA counts more of its own steps then
    coverage
        report which lines of the policies the evaluation came by
    coverage_runs
        why something is not covered is looked for in these ways: index_excluded, early_exit; "" in none
    count
        how often the query is evaluated; of more than one run times are summed up
    show_builtin_errors
        collect what built-ins failed with, and show it; the evaluation goes on
    disable_indexing
        have --explain and --profile look at rules whose conditions cannot hold, too
    disable_early_exit
        have --explain and --profile look for more answers where one is enough
    """

    explain: Mode = "off"
    var_values: Flag = False
    profile: Flag = False
    profile_limit: int | None = None
    profile_sort: Many = ()
    metrics: Flag = False
    instrument: Flag = False
    coverage: Flag = False
    coverage_runs: Many = ()
    count: int = 1
    show_builtin_errors: Flag = False
    disable_indexing: Flag = False
    disable_early_exit: Flag = False

    @property
    def profiled(self) -> bool:
        """Whether a profile is wanted."""
        return self.profile or self.profile_limit is not None or bool(self.profile_sort)

    def telling(self) -> Telling:
        """The same for the evaluation. Raises :class:`Fault`."""
        from ..opa.evaluation import KINDS, Telling

        order = opa.parts(self.profile_sort)
        kinds = opa.parts(self.coverage_runs) if self.coverage_runs else KINDS
        for kind in kinds:
            if kind not in KINDS:
                raise Fault(
                    "IE2003",
                    f"--coverage-runs {kind!r} is none of {', '.join(KINDS)}",
                    hint=f"--coverage-runs {KINDS[0]}",
                )
        return Telling(
            explain=self.explain,
            bindings=self.explain != "off",
            profile=self.profiled,
            profile_limit=10 if self.profile_limit is None else self.profile_limit,
            profile_order=order,
            coverage=kinds if self.coverage or self.coverage_runs else None,
            builtin_errors=self.show_builtin_errors,
            indexing=not self.disable_indexing,
            early_exit=not self.disable_early_exit,
        )

    def look(self, form: Format, width: int) -> Look:
        """The same for what is printed."""
        from ..opa.reports import Look

        metrics = self.metrics or self.instrument or self.profiled
        return Look(form=form, width=max(0, width), mode=self.explain, values=self.var_values, metrics=metrics)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True, slots=True)
class Partly:
    """Partial evaluation.

    Parameters
    ----------
    partial
        evaluate only what does not depend on --unknowns, and print what is left of the query
    unknowns
        what is not known, e.g. input.user or data.a; may be given several times (default: input)
    disable_inlining
        keep the rules of these documents as rules, e.g. data.a.allow; may be given several times
    shallow_inlining
        keep every rule as a rule that depends on what is not known
    nondeterminstic_builtins
        call built-ins that answer otherwise each time, such as time.now_ns, where their operands are known
    """

    partial: Annotated[bool, Parameter(name=["--partial", "-p"], negative=())] = False
    unknowns: Annotated[tuple[str, ...], Parameter(name=["--unknowns", "-u"], consume_multiple=False)] = ()
    disable_inlining: Many = ()
    shallow_inlining: Flag = False
    nondeterminstic_builtins: HiddenFlag = False

    def documents(self) -> list[Ref]:
        """What is not known. Raises :class:`Fault`."""
        return [_ref("--unknowns", text) for text in self.unknowns or ("input",)]

    def settings(self) -> dict[str, Any]:
        """The same for the evaluation. Raises :class:`Fault`."""
        documents = self.documents()
        if not self.partial:
            return {}
        from ..opa.partial import Inlining

        whole = tuple(_ref("--disable-inlining", text) for text in self.disable_inlining)
        inlining = Inlining(self.shallow_inlining, whole, self.nondeterminstic_builtins)
        return {"unknowns": documents, "inlining": inlining}


@Parameter(name="*", show=False)
@dataclass(frozen=True, kw_only=True, slots=True)
class Unsupported:
    """Options of ``opa eval`` that are known and refused; an option that nobody knows is refused by its name."""

    capabilities: HiddenText = ""
    entrypoint: Annotated[str, Parameter(name=["--entrypoint", "-e"], show=False)] = ""
    optimize: Annotated[str, Parameter(name=["--optimize", "-O"], show=False)] = ""
    target: Annotated[str, Parameter(name=["--target", "-t"], show=False)] = "rego"
    v1_compatible: HiddenFlag = False
    read_ast_values_from_store: HiddenFlag = False

    def refuse(self) -> None:
        """Raise a fault that names the first option that was given."""
        if self.optimize not in ("", "0"):
            text = "it rewrites policies for OPA's interpreter, and here queries are compiled with the rules they need"
            raise Fault("IE2005", f"eval --optimize is not supported: {text}", hint="leave it out")
        target = "" if self.target == "rego" else self.target
        given = {"capabilities": self.capabilities, "target": target}
        opa.refuse("eval", given)


HOW = How()
PARTLY = Partly()
SUPPORTED = Unsupported()


def evaluate(
    *query: str,
    data: Annotated[tuple[str, ...], Parameter(name=["--data", "-d"], consume_multiple=False)] = (),
    bundle: Annotated[tuple[str, ...], Parameter(name=["--bundle", "-b"], consume_multiple=False)] = (),
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
    schema: Annotated[str, Parameter(name=["--schema", "-s"])] = "",
    ignore: Many = (),
    timeout: str = "",
    v0_compatible: Flag = False,
    no_mount: Flag = False,
    allow_net: Hosts = (),
    allow_net_private: Private = False,
    how: How = HOW,
    partly: Partly = PARTLY,
    plan: Flag = False,
    unsupported: Unsupported = SUPPORTED,
) -> int:
    """Evaluate a query and print its results.

    Parameters
    ----------
    query
        the query, e.g. data.a.allow
    data
        policy or data files and directories, or prefix:path; may be given several times
    bundle
        a bundle, packed or as a directory, of whose data only files named data.json or data.yaml count; may be given
        several times
    input_
        a file with the input document, JSON or YAML
    stdin_input
        read the input document from standard input
    stdin
        read the query from standard input
    format_
        how results are shown; source is for --partial, and discard leaves results out
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
    schema
        a JSON schema of the input, or a directory of schemas that annotations name
    ignore
        names of files and directories to leave out, as globs
    timeout
        how long the evaluation may take, e.g. 500ms or 5s; as long as it needs, where not given
    v0_compatible
        read policies as Rego v0
    no_mount
        do not mount --data directories that stand side by side under their own names
    allow_net
        a host that http.send may reach, a name or an address, perhaps with a port; may be given several times
    allow_net_private
        let these names lead to private and local addresses, too
    plan
        print how the query, and the rules that it may need, are evaluated, and evaluate nothing
    """
    from ..opa.evaluation import Question

    unsupported.refuse()
    _check(format_, fail, fail_defined, strict_builtin_errors, how, partly)
    question = Question(
        query=opa.query_text(query, stdin, stdin_input),
        paths=data,
        bundles=bundle,
        ignore=ignore,
        mount=not no_mount,
        version=0 if v0_compatible else 1,
        package=tuple(package.split(".")) if package else None,
        imports=[opa.imported(text) for text in import_],
        strict=strict,
        strict_builtin_errors=strict_builtin_errors,
        schema=schema,
        seconds=opa.seconds(timeout),
        network=_once(network(allow_net, allow_net_private)),
        runtime=runtime(os.environ),
        keep=None if strict or schema or package or import_ or bundle or v0_compatible else keep,
        **partly.settings(),
    )
    if plan:
        return _plan(question, how.look(format_, pretty_limit))
    given = opa.input_document(input_, stdin_input)
    reports = _reports(question, given, how.telling(), how.count)
    first = reports[0]
    for line in (*first.notices, *first.printed):
        say(line)
    for report in reports[1:]:
        for line in report.printed:
            say(line)
    return _shown(reports, how.look(format_, pretty_limit), fail, fail_defined)


def _once(reached: Network | None) -> Network | None:
    """Being told how an answer came about is no reason to send anything twice."""
    if reached is None:
        return None
    from ..opa.http_sender import Once

    return Once(reached)


def _check(
    form: Format, fail: bool, fail_defined: bool, strict_builtin_errors: bool, how: How, partly: Partly
) -> None:  # fmt: skip
    """Refuse options that do not go together."""
    if fail and fail_defined:
        raise Fault("IE2002", "specify --fail or --fail-defined but not both", hint="leave one of them out")
    if partly.partial and form not in PARTIAL_FORMATS:
        raise Fault("IE2003", "invalid output format for partial evaluation", hint="-f pretty, -f json or -f source")
    if form == "source" and not partly.partial:
        raise Fault("IE2003", "invalid output format for evaluation: source is for --partial", hint="-f pretty")
    if strict_builtin_errors and how.show_builtin_errors:
        text = (
            "--strict-builtin-errors ends at the first failing built-in, so --show-builtin-errors has nothing to show"
        )
        raise Fault("IE2002", text, hint="leave one of them out")
    if not 1 <= how.count <= MOST_RUNS:
        raise Fault("IE2003", f"--count {how.count} is no number of runs", hint="--count 10")


def _plan(question: Question, look: Look) -> int:
    """Print the plan of a query."""
    from ..opa.errors import LoadError
    from ..opa.evaluation import Report, plan
    from ..rego import RegoError

    report = Report()
    try:
        opa.write(plan(question, report))
    except (LoadError, RegoError) as e:
        report.error = e
        return _shown([report], look, fail=False, fail_defined=False)
    return 0


def _reports(question: Question, given: Value, telling: Telling, count: int) -> list[Report]:
    """A report of each run; one that failed is the only one."""
    from ..opa.errors import LoadError
    from ..opa.evaluation import Report, evaluate
    from ..rego import RegoError

    reports: list[Report] = []
    for _ in range(count):
        report = Report()
        try:
            evaluate(question, given, report, telling=telling)
        except (LoadError, RegoError):
            return [report]
        reports.append(report)
    return reports


def _shown(reports: Sequence[Report], look: Look, fail: bool, fail_defined: bool) -> int:
    """Print what came of it; gives the exit code."""
    from ..opa import presentation
    from ..opa.reports import render
    from ..rego import RegoError

    report = reports[0]
    error = report.error
    out, wrong = render(reports, look)
    opa.write(out)
    if wrong:
        say(presentation.harmless(wrong.rstrip("\n")))
    if error is not None:
        for hint in [] if isinstance(error, RegoError) else [c.hint for c in error.causes if c.hint]:
            say(f"hint: {hint}")
        return 2
    defined = bool(report.solutions)
    return int(defined if fail_defined else fail and not defined)


def _ref(option: str, text: str) -> Ref:
    """A reference that an option names."""
    from ..rego import CompileError, parse_query
    from ..rego.syntax.nodes import Ref, TermExpr, Var

    hint = f"{option} input.user, {option} data.a"
    try:
        body = parse_query(text)
    except CompileError as e:
        raise Fault("IE2003", f"{option} {text!r}: {e.problems[0].message}", hint=hint) from None
    terms = body[0].terms if len(body) == 1 else None
    term = terms.term if isinstance(terms, TermExpr) and not body[0].negated else None
    if isinstance(term, Var) and term.name in ("input", "data"):
        return Ref((term,))
    if not isinstance(term, Ref):
        raise Fault("IE2003", f"{option} {text!r} names no document", hint=hint)
    return term
