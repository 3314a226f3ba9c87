"""``capabilities``: what the language can do here."""

from __future__ import annotations

from pathlib import Path

from . import opa
from .faults import Fault

VERSION = "v1.22.2"
"""The version of OPA whose language this is."""


def capabilities(
    *, current: opa.Flag = False, version: str = "", file: str = "", v0_compatible: opa.Flag = False
) -> int:
    """Print the version of OPA whose language is spoken here, or with --current its built-ins and features.

    Built-ins of OPA's that are not there are left out, and so are descriptions.

    Parameters
    ----------
    current
        print built-ins, keywords and features as JSON
    version
        the same for a version; there is one
    file
        print the capabilities in a file
    v0_compatible
        those for policies in Rego v0
    """
    from ..opa import presentation
    from ..opa.inspection.capabilities import current as here

    if version and version != VERSION:
        text = f"no capabilities version found: {version}"
        raise Fault("IE2003", text, hint=f"{VERSION} is the only one here", exit_code=1)
    if file:
        opa.write(presentation.dumps(_from(file)) + "\n")
    elif current or version:
        opa.write(presentation.dumps(here(0 if v0_compatible else 1)) + "\n")
    else:
        opa.write(f"{VERSION}\n")
    return 0


def _from(file: str) -> object:
    from ..opa import files
    from ..opa.document_text import document_of_unknown
    from ..opa.errors import LoadError
    from ..opa.presentation import Raw

    try:
        return Raw(document_of_unknown(file, files.read(str(Path(file)))))
    except files.Unreadable as e:
        raise Fault("IE2004", e.text, hint=e.hint, exit_code=1) from None
    except LoadError as e:
        raise Fault("IE2004", e.causes[0].text, hint=e.causes[0].hint, exit_code=1) from None
