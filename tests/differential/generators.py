"""The generators of cases by name: a case is one of these names and an integer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from .admission import admission
from .calls import calls
from .cases import Case
from .programs import program
from .small import small
from .wide import wide

GENERATORS: Final[Mapping[str, Callable[[int], Case]]] = {
    "small": small,
    "programs": program,
    "admission": admission,
    "calls": calls,
    "wide": wide,
}
