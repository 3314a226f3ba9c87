"""Which of the images behind one name matter to somebody, by the platforms that there are nodes of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ..domain.manifest import Platform

_PLATFORM: Final = re.compile(r"[a-z0-9_.]+/[a-z0-9_.]+(?:/[a-z0-9_.]+)?", re.ASCII)


class BadPlatform(ValueError):
    """Text that names no platform."""


def parse(text: str) -> Platform:
    """``os/architecture`` or ``os/architecture/variant``, in Go's names; raises :class:`BadPlatform`."""
    if not _PLATFORM.fullmatch(text):
        raise BadPlatform(f"{text!r} is no platform; write linux/amd64, or linux/arm/v7")
    return _made(text.split("/"))


def _made(parts: list[str]) -> Platform:
    return Platform(os=parts[0], architecture=parts[1], variant=parts[2] if len(parts) > 2 else "")


def runs_on(platform: Platform | None, nodes: Iterable[Platform]) -> bool:
    """Whether an image for a platform may run on one of these nodes. Without any named, it may run on some.

    One that does not say what it is for may run anywhere. A node without a variant takes every one, and an image
    without a variant runs on every one.
    """
    named = tuple(nodes)
    if not named or platform is None:
        return True
    return any(
        (platform.os, platform.architecture) == (node.os, node.architecture)
        and (not node.variant or not platform.variant or node.variant == platform.variant)
        for node in named
    )
