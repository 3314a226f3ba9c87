"""What the commands that OPA has too share: options, reading policies, results and errors where OPA puts them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

from cyclopts import Parameter

from .faults import Fault, say

if TYPE_CHECKING:
    from ..opa.errors import LoadError
    from ..opa.loader import Loaded
    from ..rego import Value
    from ..rego.syntax.nodes import Import, Module

Flag: TypeAlias = Annotated[bool, Parameter(negative=())]
HiddenFlag: TypeAlias = Annotated[bool, Parameter(negative=(), show=False)]
HiddenText: TypeAlias = Annotated[str, Parameter(show=False)]
Many: TypeAlias = Annotated[tuple[str, ...], Parameter(consume_multiple=False)]
Load: TypeAlias = "Callable[[], Loaded]"

INSTEAD: Final = {
    "target": "leave it out: policies are compiled to Python",
    "capabilities": "leave it out; image-enforcer capabilities --current prints what there is",
    "entrypoint": "leave it out, and name the rule in the query",
    "optimize": "leave it out",
    "config_file": "give paths with --bundle or --data",
}
"""What to do instead, by the option that is not supported."""


def refuse(command: str, given: Mapping[str, object]) -> None:
    """Raise a fault for the first option that was given; options are named as parameters are."""
    for name, value in given.items():
        if value:
            hint = INSTEAD.get(name, f"image-enforcer {command} --help lists what is")
            raise Fault("IE2005", f"{command} --{name.replace('_', '-')} is not supported", hint=hint)


def parts(given: Sequence[str]) -> tuple[str, ...]:
    """Values that were given one by one or with commas between them."""
    return tuple(part for text in given for part in text.split(",") if part)


def seconds(text: str, option: str = "--timeout") -> float | None:
    """A length of time; None where none was given, or none at all."""
    from ..rego.builtins.time import parse_duration_ns
    from ..rego.errors import BuiltinError

    if not text:
        return None
    hint = f"{option} 500ms, {option} 5s"
    try:
        found = parse_duration_ns(text)
    except BuiltinError as e:
        raise Fault("IE2003", f"{option}: {e}", hint=hint) from None
    if not isinstance(found, int) or found < 0:
        raise Fault("IE2003", f"{option} {text!r} is no length of time", hint=hint)
    return found / 1e9 or None


def load_policies(
    paths: Sequence[str], ignore: Sequence[str], *, version: int, bundle: bool = False, mount: bool = True
) -> Loaded:
    """Read policies and data. Raises :class:`LoadError`."""
    if bundle:
        from ..opa.bundles import load_bundles

        return load_bundles(paths, ignore, version=version)
    from ..opa.loader import load

    return load(paths, version=version, ignore=ignore, mount=mount)


def bundle_modules(paths: Sequence[str], ignore: Sequence[str], *, version: int) -> dict[str, Module]:
    """The policies of bundles. Raises :class:`LoadError`."""
    return load_policies(paths, ignore, version=version, bundle=True).modules


def failed(error: LoadError) -> None:
    """Say what could not be loaded in OPA's words, and then what to do about it."""
    from ..opa import presentation

    say(presentation.harmless(error.plain()))
    for hint in error.hints:
        say(f"hint: {hint}")


def write(text: str) -> None:
    """Write a result; control characters as escapes on a terminal."""
    from ..opa import presentation

    sys.stdout.write(presentation.harmless(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def query_text(query: Sequence[str], stdin: bool, stdin_input: bool) -> str:
    """The one query of a command line, or that on standard input."""
    if stdin and (query or stdin_input):
        other = "a query" if query else "an input"
        raise Fault("IE2002", f"--stdin reads the query from standard input; there is {other} besides")
    if stdin:
        return standard_input("query")
    if len(query) != 1:
        text = f"one query is evaluated, not {len(query)}" if query else "there is no query"
        raise Fault("IE2002", text, hint="image-enforcer eval 'data.a.allow'")
    return query[0]


def imported(text: str) -> Import:
    """What ``--import`` names."""
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


def input_document(path: str, stdin_input: bool) -> Value:
    """The input document of a file or of standard input; UNDEFINED without."""
    from ..opa.document_text import document_of_unknown
    from ..opa.errors import LoadError
    from ..opa.loader import input_document as read
    from ..rego import UNDEFINED

    if stdin_input and path:
        raise Fault("IE2002", "--input and --stdin-input both give the input document", hint="leave one of them out")
    try:
        if stdin_input:
            return document_of_unknown("standard input", standard_input("input"))
        return read(path) if path else UNDEFINED
    except LoadError as e:
        fault = e.causes[0]
        raise Fault("IE2004", f"the input cannot be read: {fault.text}", hint=fault.hint) from None


def standard_input(what: str) -> str:
    """The text of standard input, which has what is said."""
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
