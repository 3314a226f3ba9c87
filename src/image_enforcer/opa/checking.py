"""Checking policies without asking them anything: read, parsed and compiled; data beside them is not looked at."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ..rego import CompileError, Problem
from . import files
from .errors import Fault, LoadError
from .loader import split_prefix

if TYPE_CHECKING:
    from ..rego import Policy
    from ..rego.syntax.nodes import Module
    from .schemas import Schemas

Version: TypeAlias = Literal["v0", "v1", "both"]
"""What texts are read as; ``both`` accepts what is right in either."""

Parse: TypeAlias = "Callable[[str, str, Version], Module]"

_FUTURE: Final = re.compile(r"(cannot be used for rule name) \(hint: `import future\.keywords\.[^)]*\)")


def policies(
    paths: Sequence[str], ignore: Sequence[str] = (), version: Version = "v1", parse: Parse | None = None
) -> dict[str, Module]:
    """The policies that arguments name, by path. Raises :class:`LoadError` with every fault.

    ``parse`` makes a module of a name, a text and a version, where that is not to be done by the language.
    """
    parse = parse or parsed
    found: dict[str, Module] = {}
    faults: list[Fault] = []
    room = files.MAX_TOTAL
    for argument in paths:
        path = split_prefix(argument)[1]
        for entry in files.tree(path, ignore) if Path(path).is_dir() else [files.Found(path)]:
            if isinstance(entry, files.Unreadable):
                faults.append(Fault(entry.text, entry.hint))
                continue
            if not entry.path.endswith(".rego") and Path(entry.path).exists():
                continue
            try:
                text = files.read(entry.path, room)
                room -= len(text.encode())
                found[entry.path] = parse(entry.path, text, version)
            except files.Unreadable as e:
                faults.append(Fault(e.text, e.hint))
            except CompileError as e:
                faults.extend(Fault(str(p), problem=p) for p in e.problems)
    if faults:
        raise LoadError(faults)
    return found


def parsed(name: str, text: str, version: Version) -> Module:
    """One module. Raises :class:`CompileError`."""
    from ..rego import parse_module

    if version != "both":
        return parse_module(name, text, version=0 if version == "v0" else 1)
    try:
        parse_module(name, text, version=0)
    except CompileError as e:
        raise CompileError(map(_without_hint, e.problems)) from None
    return parse_module(name, text, version=1)


def _without_hint(problem: Problem) -> Problem:
    from dataclasses import replace

    return replace(problem, message=_FUTURE.sub(r"\1", problem.message))


def check(
    modules: dict[str, Module], version: Version = "v1", *, strict: bool = False, max_errors: int = 10,
    schemas: Schemas | None = None,
) -> Policy:  # fmt: skip
    """Compile what was read. Raises :class:`CompileError`."""
    from ..rego import compile_modules

    number = 0 if version == "v0" else 1
    return compile_modules(modules, version=number, strict=strict, max_errors=max_errors, schemas=schemas)
