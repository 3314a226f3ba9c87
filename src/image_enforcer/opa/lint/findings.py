"""What a lint says: rules with their reasons, and findings at places in policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ...rego import Location

Severity: TypeAlias = Literal["error", "warning"]
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning")
"""From the gravest on. An error lets images through; a warning may, or hides that something does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One thing that is looked for. ``bad`` and ``good`` are modules: with the finding, and mended."""

    code: str
    name: str
    severity: Severity
    summary: str
    why: str
    remedy: str
    bad: str
    good: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One place. ``message`` says what is there, the rule why that is wrong."""

    rule: Rule
    location: Location
    message: str

    @property
    def key(self) -> tuple[str, int, int, str]:
        """Findings are in the order of the text."""
        return self.location.file, self.location.row, self.location.col, self.rule.code
