"""The document ``data.system.version``, as OPA's REPL has it."""

from __future__ import annotations

from typing import Final

from .. import __version__
from ..rego import Value

VERSION: Final[tuple[str, ...]] = ("system", "version")
"""Where it stands below ``data``."""


def version_document() -> Value:
    """This program's version, under OPA's names; how and where it was built is not recorded, as in OPA's own releases
    that were built without it."""
    return {"version": __version__, "build_commit": "", "build_timestamp": "", "build_hostname": ""}
