"""How a session shows results and evaluates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ...rego.syntax.nodes import Ref
from .. import presentation

Format: TypeAlias = Literal["pretty", "json"]


@dataclass(slots=True)
class Settings:
    """The switches of a session. ``width`` is how many characters of a table's cell are shown (0: all)."""

    format: Format = "pretty"
    width: int = presentation.DEFAULT_WIDTH
    strict_builtin_errors: bool = False
    metrics: bool = False
    instrument: bool = False
    explain: str = "off"
    """What is shown of how a query was answered: one of the modes of ``trace``, or ``off``."""
    profile: bool = False
    traceback: bool = False
    types: bool = False
    unknowns: tuple[Ref, ...] = ()
    """The documents that queries are evaluated without."""
    target: str = "rego"

    @property
    def tells_more(self) -> bool:
        """Whether something is shown beside the answer, also where there is none."""
        return self.explain != "off" or self.profile or self.traceback or self.types

    def shown(self) -> str:
        """The settings as ``show debug`` prints them."""
        fields = {
            "explain": f'"{self.explain}"',
            "metrics": _word(self.metrics),
            "instrument": _word(self.instrument),
            "profile": _word(self.profile),
            "strict-builtin-errors": _word(self.strict_builtin_errors),
            "traceback": _word(self.traceback),
        }
        return "{\n" + ",\n".join(f'\t"{k}": {v}' for k, v in fields.items()) + "\n}\n"


def _word(value: bool) -> str:
    return "true" if value else "false"
