"""Which of the images behind one name matter to somebody, by the platforms that there are nodes of.

What runtimes take to be the same is the same here, and what a node could run counts, also where it would choose another
image first: being left out must be certain. Source: containerd's ``platforms`` (``database.go``: names that mean the
same, ``compare.go``: what a machine runs beside what it is).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ..domain.manifest import Platform

_PLATFORM: Final = re.compile(r"[a-z0-9_.-]+/[a-z0-9_.-]+(?:/[a-z0-9_.-]+)?", re.ASCII | re.IGNORECASE)
_SYSTEMS: Final = {"macos": "darwin"}
_ARCHITECTURES: Final = {
    "i386": "386", "i486": "386", "i586": "386", "i686": "386", "x86": "386", "x86_64": "amd64", "x86-64": "amd64",
    "x64": "amd64", "aarch64": "arm64", "armhf": "arm", "armel": "arm", "armv5": "arm", "armv6": "arm", "armv7": "arm",
    "armv7l": "arm", "armv8": "arm64", "powerpc64le": "ppc64le",
}  # fmt: skip
"""Other names of architectures. More than containerd knows do no harm: they make fewer images be left out."""
_ALSO: Final = {"amd64": frozenset({"386"}), "arm64": frozenset({"arm"})}
"""What a machine runs beside its own architecture."""
_ALSO_SYSTEMS: Final = {"darwin": frozenset({"linux"}), "freebsd": frozenset({"linux"})}
"""What a machine runs beside its own system, through a layer of its own (``defaults_darwin.go``, ``…_freebsd.go``)."""
_ARM: Final = re.compile(r"v?([0-9]+)", re.ASCII)


class BadPlatform(ValueError):
    """Text that names no platform."""


def parse(text: str) -> Platform:
    """``os/architecture`` or ``os/architecture/variant``, in Go's names; raises :class:`BadPlatform`."""
    if not _PLATFORM.fullmatch(text):
        raise BadPlatform(f"{text!r} is no platform; write linux/amd64, or linux/arm/v7")
    parts = text.lower().split("/")
    return Platform(os=parts[0], architecture=parts[1], variant=parts[2] if len(parts) > 2 else "")


def runs_on(platform: Platform | None, nodes: Iterable[Platform]) -> bool:
    """Whether an image for a platform may run on one of these nodes. Without any named, it may run on some.

    One that does not say what it is for, or not all of it, may run anywhere.
    """
    named = tuple(nodes)
    return not named or platform is None or any(_may_run(platform, node) for node in named)


def _may_run(platform: Platform, node: Platform) -> bool:
    system, architecture = _system(platform.os), _architecture(platform.architecture)
    here = _system(node.os)
    if system and system != here and system not in _ALSO_SYSTEMS.get(here, frozenset()):
        return False
    ours = _architecture(node.architecture)
    if not architecture or architecture in _ALSO.get(ours, frozenset()):
        return True
    if architecture != ours:
        return False
    if architecture != "arm":
        return True  # variants of the others are levels that a node may have, whatever it is called
    wanted, there = _version(platform), _version(node)
    return wanted is None or there is None or wanted <= there


def _system(name: str) -> str:
    """A system's usual name; empty where it is not said."""
    found = name.strip().lower()
    return "" if found == "unknown" else _SYSTEMS.get(found, found)


def _architecture(name: str) -> str:
    """An architecture's usual name; empty where it is not said."""
    found = name.strip().lower()
    return "" if found == "unknown" else _ARCHITECTURES.get(found, found)


def _version(platform: Platform) -> int | None:
    """Which ARM it is; None where that is not said, or not so that it could be read."""
    found = _ARM.fullmatch(platform.variant.strip().lower())
    return int(found[1][:4]) if found else None
