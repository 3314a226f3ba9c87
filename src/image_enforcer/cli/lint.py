"""``lint``: find what lets images through in policies."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import Parameter

from . import opa
from .faults import Fault

if TYPE_CHECKING:
    from ..opa.lint import Finding
    from ..opa.loader import Loaded

FOUND: Final = 1
FORMATS: Final = ("text", "json", "sarif")
NAME: Final = "standard input"
"""What the policy that is read from standard input is called."""


def lint(
    *paths: str,
    stdin: opa.Flag = False,
    output: Annotated[tuple[str, ...], Parameter(name=["--output", "-o"], consume_multiple=False)] = (),
    fail_on: Literal["error", "warning", "none"] = "error",
    select: opa.Many = (),
    ignore_rule: opa.Many = (),
    ignore: opa.Many = (),
    v0_compatible: opa.Flag = False,
    rules: opa.Flag = False,
) -> int:
    """Find rules in image policies by which images slip through.

    Policies are read and not evaluated. What is found where it is right is silenced by a comment behind the line or
    above it, with the reason: # lint:ignore IL103 the mirror serves nothing else.

    Parameters
    ----------
    paths
        policy files and directories with policies, and data beside them
    stdin
        read one more policy from standard input
    output
        FORMAT or FORMAT=FILE, repeatable: text, json, or sarif for code scanning; standard output always has a
        format, text unless another is given
    fail_on
        the least grave findings that make the exit code 1
    select
        look only for these rules, by their codes or by what codes begin with, e.g. IL1; repeatable
    ignore_rule
        leave these rules out, by codes in the same way; repeatable
    ignore
        names of files and directories to leave out, as globs
    v0_compatible
        read policies as Rego v0
    rules
        print the rules, and look at nothing
    """
    from ..opa.lint import RULES
    from ..opa.lint import lint as look
    from .outputs import findings as forms

    if rules:
        opa.write(forms.listing(RULES))
        return 0
    targets = _targets(output)
    if not paths and not stdin:
        raise Fault("IE2002", "there is nothing to look at", hint="image-enforcer lint ./policies")
    chosen, left_out = opa.parts(select), opa.parts(ignore_rule)
    _check_codes("--select", chosen)
    _check_codes("--ignore-rule", left_out)
    loaded = _loaded(paths, stdin, opa.parts(ignore), 0 if v0_compatible else 1)
    if not loaded.modules:
        raise Fault("IE2004", f"there are no policies in {', '.join(paths)}", hint="policies end in .rego")
    found = look(loaded.modules, data=loaded.documents, select=chosen, ignore=left_out)
    faults = [f for f in (_written(form, file, found, len(loaded.modules)) for form, file in targets) if f is not None]
    for fault in faults:
        fault.show()
    return 2 if faults else _exit_code(found, fail_on)


def _written(form: str, file: str, found: list[Finding], modules: int) -> Fault | None:
    """Write the findings in one form; what went wrong with its file."""
    from .outputs import findings as forms

    text = forms.render(form, found, modules)
    if not file:
        opa.write(text)
        return None
    try:
        from .files import write

        write(Path(file), text.encode("utf-8", "backslashreplace"))
    except (OSError, ValueError) as e:
        reason = getattr(e, "strerror", None) or str(e)
        return Fault("IE2030", f"{file}: the {form} output cannot be written: {reason}")
    return None


def _exit_code(found: list[Finding], fail_on: str) -> int:
    from ..opa.lint import SEVERITIES

    if fail_on == "none":
        return 0
    counts = Counter(f.rule.severity for f in found)
    grave = SEVERITIES[: SEVERITIES.index("warning" if fail_on == "warning" else "error") + 1]
    return FOUND if any(counts[s] for s in grave) else 0


def _targets(output: tuple[str, ...]) -> list[tuple[str, str]]:
    """Formats and files; an empty file is standard output, which always has one format."""
    targets: list[tuple[str, str]] = []
    for given in output:
        form, equals, file = given.partition("=")
        if form not in FORMATS:
            raise Fault("IE2003", f"--output {form!r} is no format", hint="one of " + ", ".join(FORMATS))
        if equals and not file:
            raise Fault("IE2003", f"--output {given!r} names no file", hint=f"-o {form}=FILE, or -o {form}")
        if any(file == other for _, other in targets):
            what = f"the file {file}" if file else "standard output"
            raise Fault("IE2003", f"{what} is to have two formats", hint="-o FORMAT=FILE writes one into a file")
        targets.append((form, file))
    return targets if any(not file for _, file in targets) else [("text", ""), *targets]


def _check_codes(option: str, codes: Collection[str]) -> None:
    from ..opa.lint import RULES

    for code in codes:
        if not any(r.code.startswith(code.upper()) for r in RULES):
            raise Fault("IE2003", f"{option} {code!r} is the code of no rule", hint="image-enforcer lint --rules")


def _loaded(paths: tuple[str, ...], stdin: bool, ignore: tuple[str, ...], version: int) -> Loaded:
    """Policies and data. Raises :class:`Fault` where something cannot be read or is no Rego."""
    from ..opa.errors import LoadError
    from ..opa.loader import Loaded
    from ..rego import CompileError, parse_module

    try:
        loaded = opa.load_policies(paths, ignore, version=version)
        if not stdin:
            return loaded
        module = parse_module(NAME, _standard_input(), version=version)
    except LoadError as e:
        first = e.causes[0]
        raise Fault("IE2004", e.plain(), hint=first.hint) from None
    except CompileError as e:
        raise Fault("IE2004", str(e), hint="image-enforcer check says more of it") from None
    return Loaded(loaded.documents, {**loaded.modules, NAME: module}, loaded.raw, loaded.notices)


def _standard_input() -> str:
    from ..opa.files import MAX_FILE

    if sys.stdin is None:
        raise Fault("IE2004", "standard input, which has the policy, is closed")
    raw = sys.stdin.buffer.read(MAX_FILE + 1)
    if len(raw) > MAX_FILE:
        raise Fault("IE2004", f"the policy is larger than {MAX_FILE >> 20} MiB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise Fault("IE2004", f"the policy is not UTF-8 text (byte {e.start + 1})", hint="send UTF-8") from None
