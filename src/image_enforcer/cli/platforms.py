"""``--platform``, for the commands that decide by facts."""

from __future__ import annotations

from collections.abc import Iterable

from ..analysis.platforms import BadPlatform, parse
from ..domain.manifest import Platform
from .faults import Fault


def platforms(texts: Iterable[str]) -> tuple[Platform, ...]:
    """The platforms that are named, several with commas between; raises a fault for what is none."""
    names = [name.strip() for text in texts for name in text.split(",")]
    try:
        return tuple(dict.fromkeys(map(parse, names)))
    except BadPlatform as e:
        raise Fault("IE2003", f"--platform {e}", hint="--platform linux/amd64") from None
