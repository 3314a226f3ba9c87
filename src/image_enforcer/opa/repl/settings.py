"""How a session shows results and evaluates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from .. import presentation

Format: TypeAlias = Literal["pretty", "json"]


@dataclass(slots=True)
class Settings:
    """The switches of a session. ``width`` is how many characters of a table's cell are shown (0: all)."""

    format: Format = "pretty"
    width: int = presentation.DEFAULT_WIDTH
    strict_builtin_errors: bool = False
    metrics: bool = False

    def shown(self) -> str:
        """The settings as ``show debug`` prints them; those without a switch here are always off."""
        fields = {
            "explain": '"off"',
            "metrics": _word(self.metrics),
            "instrument": "false",
            "profile": "false",
            "strict-builtin-errors": _word(self.strict_builtin_errors),
            "traceback": "false",
        }
        return "{\n" + ",\n".join(f'\t"{k}": {v}' for k, v in fields.items()) + "\n}\n"


def _word(value: bool) -> str:
    return "true" if value else "false"
