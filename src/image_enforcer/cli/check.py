"""``check``: are policies right? Nothing is said where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from . import opa
from .faults import Fault, say
from .quick import keep_checked

if TYPE_CHECKING:
    from ..opa.checking import Version
    from ..opa.errors import LoadError
    from ..rego import CompileError

FAILED = 1


def check(
    *paths: str,
    strict: Annotated[bool, Parameter(name=["--strict", "-S"], negative=())] = False,
    format_: Annotated[Literal["pretty", "json"], Parameter(name=["--format", "-f"])] = "pretty",
    max_errors: Annotated[int, Parameter(name=["--max-errors", "-m"])] = 10,
    ignore: opa.Many = (),
    bundle: Annotated[bool, Parameter(name=["--bundle", "-b"], negative=())] = False,
    v0_compatible: opa.Flag = False,
    v0_v1: Annotated[bool, Parameter(name=["--v0-v1", "--rego-v1"], negative=())] = False,
    v1_compatible: opa.HiddenFlag = True,
    capabilities: opa.HiddenText = "",
    schema: Annotated[str, Parameter(name=["--schema", "-s"])] = "",
) -> int:
    """Check that policies can be compiled. Errors go to standard error, with --format json too.

    Parameters
    ----------
    paths
        policy files and directories with them; data is not looked at
    strict
        refuse what OPA's strict mode refuses, such as unused variables and imports
    format_
        pretty or json
    max_errors
        how many errors are shown; 0 for all
    ignore
        names of files and directories to leave out, as globs
    bundle
        read the paths as bundles
    v0_compatible
        read policies as Rego v0
    v0_v1
        accept only what is right in Rego v0 and v1
    schema
        a JSON schema of the input, or a directory of schemas that annotations name
    """
    opa.refuse("check", {"capabilities": capabilities})
    if not paths:
        raise Fault("IE2002", "specify at least one file", hint="image-enforcer check ./policies", exit_code=1)
    from ..opa import checking
    from ..opa.errors import LoadError
    from ..opa.schemas import load_schemas
    from ..rego import CompileError

    version: Version = "both" if v0_v1 else "v0" if v0_compatible or not v1_compatible else "v1"
    try:
        if bundle:
            modules = opa.bundle_modules(paths, opa.parts(ignore), version=0 if version == "v0" else 1)
        else:
            modules = checking.policies(paths, opa.parts(ignore), version)
        schemas = load_schemas(schema) if schema else None
        checking.check(modules, version, strict=strict, max_errors=max_errors, schemas=schemas)
    except (LoadError, CompileError) as e:
        return _failed(format_, e)
    if version == "v1" and not bundle and not ignore and not schema:
        keep_checked({name: module.package.loc.source for name, module in modules.items()}, strict)
    if not modules:
        say("no policies were found: files whose names end with .rego are checked")
    return 0


def _failed(form: str, error: LoadError | CompileError) -> int:
    from ..opa import presentation
    from ..rego import RegoError

    if form == "json":
        say(presentation.dumps({"errors": presentation.errors(error)}))
    elif isinstance(error, RegoError):
        say(presentation.harmless(str(error)))
    else:
        opa.failed(error)
    return FAILED
