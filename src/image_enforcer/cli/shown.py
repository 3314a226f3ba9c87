"""Outside text as terminals and the logs of CI systems may see it: it moves no cursor and gives no command."""

from __future__ import annotations

import re
from typing import Final

from ..analysis import text as outside

# GitHub's runner obeys `::command::` at the beginning of a line, white space aside, and `##[command]` anywhere;
# Azure's obeys `##vso[command]`.
_COMMANDS: Final = re.compile(r"^(\s*):(?=:)|#(?=#\[|#vso\[)", re.IGNORECASE | re.MULTILINE)


def line(text: str, limit: int = 4096) -> str:
    """On one line; what cannot be seen, and what would be a command, as escapes."""
    return _inert(outside.name(text, limit))


def block(text: str, indent: str) -> str:
    """On as many lines as it has; those after the first are indented, so that none looks like one of ours."""
    return _inert(outside.safe(text)).strip("\n").replace("\n", f"\n{indent}")


def _inert(text: str) -> str:
    return _COMMANDS.sub(lambda m: f"{m[1]}\\u003a" if m[0].endswith(":") else "\\u0023", text)
