"""``inspect``: what is in a bundle, a directory or a policy file."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from . import opa
from .faults import Fault, say

FAILED = 1


def inspect(
    *path: str,
    annotations: Annotated[bool, Parameter(name=["--annotations", "-a"], negative=())] = False,
    format_: Annotated[Literal["pretty", "json"], Parameter(name=["--format", "-f"])] = "pretty",
    v0_compatible: opa.Flag = False,
    v1_compatible: opa.HiddenFlag = True,
) -> int:
    """Print what is in a bundle, a directory or a policy file: manifest, packages, data files, what it needs.

    Parameters
    ----------
    path
        a bundle (.tar.gz), a directory that is one, or a policy file
    annotations
        print annotations, too
    format_
        pretty or json; json also has what the policies need
    v0_compatible
        read policies as Rego v0
    """
    if len(path) != 1:
        text = "specify exactly one OPA bundle or path"
        raise Fault("IE2002", text, hint="image-enforcer inspect ./policies", exit_code=FAILED)
    from ..opa import presentation
    from ..opa.errors import LoadError
    from ..opa.inspection.contents import inspect as look
    from ..opa.inspection.report import report
    from ..rego import CompileError

    try:
        found = look(path[0], version=0 if v0_compatible or not v1_compatible else 1)
    except (LoadError, CompileError) as e:
        say(presentation.harmless(f"error: {e.plain() if isinstance(e, LoadError) else e}"))
        for hint in e.hints if isinstance(e, LoadError) else ():
            say(f"hint: {hint}")
        return FAILED
    if format_ == "json":
        opa.write(presentation.dumps(found.json(annotations=annotations)) + "\n")
    else:
        opa.write(report(found, annotations=annotations))
    return 0
