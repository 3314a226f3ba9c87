"""Which layers of an image a scanner is given: not those that its registry does not hold."""

from __future__ import annotations

from ...domain.report import Gap
from ...ports.scanner import Layer, Subject


def held(subject: Subject) -> tuple[Layer, ...]:
    """The layers that can be fetched, the base first."""
    return tuple([layer for layer in subject.layers if not layer.foreign])


def foreign(subject: Subject) -> tuple[Gap, ...]:
    """The gap that the others leave."""
    missing = [layer.digest for layer in subject.layers if layer.foreign]
    if not missing:
        return ()
    return (Gap(code="foreign-layer", text=f"{len(missing)} of its layers are not in the registry: {missing[0]}"),)
