"""The document ``data.system.version``, as OPA's REPL has it, and what ``opa.runtime()`` tells."""

from __future__ import annotations

from .. import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from ..rego import Value

VERSION: Final[tuple[str, ...]] = ("system", "version")
"""Where it stands below ``data``."""


def version_document() -> Value:
    """This program's version, under OPA's names; how and where it was built is not recorded, as in OPA's own releases
    that were built without it."""
    return {"version": __version__, "build_commit": "", "build_timestamp": "", "build_hostname": ""}


def runtime_document(environment: Mapping[str, str]) -> Value:
    """The version and the variables of the environment."""
    return {"version": __version__, "commit": "", "env": dict(environment)}
