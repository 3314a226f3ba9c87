"""Compiling small modules for tests of the checks."""

from __future__ import annotations

from image_enforcer import rego


def problems(text: str, *, strict: bool = False, version: int = 1) -> list[str]:
    """The problems of a module without its package line: ``row: code: message``, rows from 1 behind that line."""
    try:
        rego.compile_modules({"a.rego": f"package a\n{text}"}, strict=strict, version=version)
    except rego.CompileError as error:
        return [f"{p.location.row - 1}: {p.code.removeprefix('rego_')}: {p.message}" for p in error.problems]
    return []
