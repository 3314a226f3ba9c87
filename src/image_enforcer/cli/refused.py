"""OPA's commands that are not there: each is refused by its name, with what does the same here."""

from __future__ import annotations

from typing import Final

from .faults import Fault

INSTEAD: Final = {
    "build": ("bundles are not built", "tar -czf bundle.tar.gz -C policies . makes one that --bundle reads"),
    "sign": ("bundles are not signed", "sign the archive as a whole, e.g. with cosign sign-blob"),
    "filters": ("data filters are not made", "image-enforcer eval --partial gives what is left of a query"),
    "refactor": ("policies are not rewritten", "edit them; image-enforcer check and test say what broke"),
    "oracle": ("definitions are not looked up", "image-enforcer deps says what a query depends on"),
    "features": ("there are no optional parts", "image-enforcer capabilities --current lists built-ins and features"),
}
"""What is not done, and what is there instead."""


def refuse(command: str) -> Fault | None:
    """The fault for a command that OPA has and that is not there; None for any other."""
    if command not in INSTEAD:
        return None
    text, hint = INSTEAD[command]
    return Fault("IE2005", f"{command} is not supported: {text}", hint=hint)
