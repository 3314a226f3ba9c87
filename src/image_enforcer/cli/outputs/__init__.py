"""The forms of a report, a file for each family. All text from outside is made safe before it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .report import Report

FORMATS: Final = ("pretty", "json", "yaml", "sarif", "junit", "github", "tap", "table", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How texts for people look; formats for machines ignore it."""

    colour: bool = False
    quiet: bool = False
    verbose: bool = False


def render(form: str, report: Report, style: Style) -> str:
    """The report in one of :data:`FORMATS`; empty, or ending in a line break."""
    match form:
        case "json" | "yaml":
            from .documents import as_json, as_yaml

            return as_json(report) if form == "json" else as_yaml(report)
        case "sarif":
            from .sarif import as_sarif

            return as_sarif(report)
        case "junit":
            from .junit import as_junit

            return as_junit(report)
        case "github" | "tap" | "table" | "name":
            from . import lines

            shapes = {"github": lines.github, "tap": lines.tap, "table": lines.table, "name": lines.name}
            return shapes[form](report)
        case _:
            from .pretty import pretty

            return pretty(report, style)
