"""``exec``: a decision about each of many files."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from . import opa
from .faults import Fault, say

if TYPE_CHECKING:
    from ..opa.execution import Execution

FAILED = 1


def execute(
    *paths: str,
    decision: str = "/system/main",
    bundle: Annotated[tuple[str, ...], Parameter(name=["--bundle", "-b"], consume_multiple=False)] = (),
    stdin_input: Annotated[bool, Parameter(name=["--stdin-input", "-I"], negative=())] = False,
    fail: opa.Flag = False,
    fail_defined: opa.Flag = False,
    fail_non_empty: opa.Flag = False,
    format_: Annotated[Literal["json"], Parameter(name=["--format", "-f"])] = "json",
    timeout: str = "",
    log_format: Literal["json", "text", "json-pretty"] = "json",
    v0_compatible: opa.Flag = False,
    v1_compatible: opa.HiddenFlag = True,
    config_file: Annotated[str, Parameter(name=["--config-file", "-c"], show=False)] = "",
    set_: Annotated[tuple[str, ...], Parameter(name="--set", show=False)] = (),
    set_file: Annotated[tuple[str, ...], Parameter(name="--set-file", show=False)] = (),
    log_level: Annotated[str, Parameter(name=["--log-level", "-l"], show=False)] = "error",
    log_timestamp_format: opa.HiddenText = "",
) -> int:
    """Make a decision about each file, with the file as input. Directories are gone through; JSON and YAML are read.

    Parameters
    ----------
    paths
        files and directories with input documents
    decision
        the path of the decision below data, e.g. a/allow
    bundle
        policies and data: bundles, or directories; may be given several times
    stdin_input
        read one more input document from standard input
    fail
        exit with 1 where a decision is undefined or null
    fail_defined
        exit with 1 where a decision is defined, or a file cannot be judged
    fail_non_empty
        exit with 1 where a decision is anything but an empty list, or a file cannot be judged
    format_
        json
    timeout
        how long one decision may take, e.g. 500ms or 5s
    log_format
        how an error is told: json, text or json-pretty
    v0_compatible
        read policies as Rego v0
    """
    del format_, log_level, log_timestamp_format
    opa.refuse("exec", {"config_file": config_file, "set": set_, "set_file": set_file})
    if not paths and not stdin_input:
        text = "requires at least 1 path arg, or the --stdin-input flag"
        raise Fault("IE2002", text, hint="image-enforcer exec -b policies --decision a/allow in/", exit_code=FAILED)
    given = {"--fail-non-empty": fail_non_empty, "--fail": fail, "--fail-defined": fail_defined}
    both = [name for name, set_here in given.items() if set_here]
    if len(both) > 1:
        first, second = ("--fail", "--fail-defined") if both == ["--fail", "--fail-defined"] else both[:2]
        return _unexpected(f"exec error: specify {first} or {second} but not both", log_format)
    from ..opa.errors import LoadError
    from ..opa.execution import Execution, Unread
    from ..rego import CompileError

    try:
        execution = Execution(
            opa.load_policies(bundle, (), version=0 if v0_compatible or not v1_compatible else 1, bundle=True),
            decision,
            seconds=opa.seconds(timeout),
            heard=say,
        )
    except LoadError as e:
        return _unexpected(f"runtime error: {e.plain()}", log_format, e.hints)
    except CompileError as e:
        return _unexpected(f"runtime error: {e}", log_format)
    try:
        if stdin_input:
            execution.document("--stdin-input", opa.input_document("", True))
        for path in paths:
            execution.files(path)
    except Unread as e:
        return _unexpected(f"exec error: {e.text}", log_format, [e.hint] if e.hint else [])
    _write(execution)
    flag = both[0] if both else ""
    failures, errors = execution.counts(flag)
    if flag and (failures or errors):
        counted = f"there were {failures} failures and {errors} errors counted in the results list"
        return _unexpected(f"exec error: {counted}, and {flag} is set", log_format)
    return 0


def _write(execution: Execution) -> None:
    from ..opa import presentation

    opa.write(presentation.dumps({"result": execution.json()}) + "\n")


def _unexpected(text: str, form: str, hints: Any = ()) -> int:
    """Say what went wrong as a line of a log; gives 1."""
    from datetime import UTC, datetime

    from ..opa import presentation

    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    message = "Unexpected error."
    if form == "text":
        say(f'time="{now}" level=error msg="{message}" err={presentation.dumps(text)}')
    else:
        fields = {"err": text, "level": "error", "msg": message, "time": now}
        say(presentation.dumps(fields, indent=2 if form == "json-pretty" else None))
    for hint in hints:
        say(f"hint: {hint}")
    sys.stdout.flush()
    return FAILED
