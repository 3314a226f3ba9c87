"""The platforms that settings name."""

from __future__ import annotations

from ..analysis import platforms
from ..domain.manifest import Platform
from ..settings.sync import BadSettings, Sync


def nodes(settings: Sync) -> tuple[Platform, ...]:
    """Those that there are nodes of; raises :class:`BadSettings`."""
    try:
        return tuple(map(platforms.parse, settings.platforms))
    except platforms.BadPlatform as e:
        raise BadSettings(f"platforms: {e}") from None
