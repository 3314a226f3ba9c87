"""What ``verify`` knows of images: a copy of a worker's facts, and what registries say of tags while it runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..settings.durations import seconds
from .faults import Fault

if TYPE_CHECKING:
    from ..domain.manifest import Platform
    from ..ports.policy import Mounted
    from ..services.informing import Informing

PATIENCE: Final = "30s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Where facts are, what of them has to be known, and whether registries are asked what tags point to."""

    place: Path
    require: str
    registry: str
    """The one registry that ``data.docker.layers`` is about."""
    nodes: tuple[Platform, ...]
    resolve: float | None
    """The seconds that registries may take; None: they are not asked."""
    settings: Path | None
    """A file that describes registries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What reviews and policies are told of images."""

    informing: Informing
    documents: Mounted
    """Those of older policies."""
    ask: Callable[[Iterable[str]], None] | None
    """Asks registries about all images that there are, where they are asked."""


def patience(told: str | None) -> float:
    """The seconds that registries may take; raises a fault for what is no length of time."""
    try:
        length = seconds(told if told is not None else PATIENCE)
    except ValueError as e:
        raise Fault("IE2003", f"--resolve-timeout {e}", hint=f"--resolve-timeout {PATIENCE}") from None
    if length < 1:
        raise Fault("IE2003", "--resolve-timeout is at least one second", hint=f"--resolve-timeout {PATIENCE}")
    return length


def opened(known: Known, until: ExitStack) -> Told:
    """Facts, until they are given back; raises a fault for settings and credentials that cannot be used."""
    from ..domain.errors import EnforcerError
    from ..services.informing import Require

    require = Require(known.require)
    if known.resolve is None:
        from ..wiring.facts import informing, legacy_documents

        return Told(
            informing=informing(known.place, require, nodes=known.nodes),
            documents=legacy_documents(known.place, known.registry, known.nodes),
            ask=None,
        )
    from ..wiring.resolving import resolving

    entered = resolving(
        known.place, require, known.settings, known.resolve, known.registry, known.nodes, os.environ, Path.home()
    )
    try:
        found = until.enter_context(entered)
    except EnforcerError as e:
        raise Fault("IE2003", str(e), hint="mend the file that it names") from None
    return Told(informing=found.informing, documents=found.documents, ask=found.ask)
