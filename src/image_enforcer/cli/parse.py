"""``parse``: the syntax tree of a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from . import opa
from .faults import Fault, say

if TYPE_CHECKING:
    from ..opa.errors import LoadError
    from ..rego import CompileError

FAILED = 1


def parse(
    *path: str,
    format_: Annotated[Literal["pretty", "json"], Parameter(name=["--format", "-f"])] = "pretty",
    json_include: str = "",
    v0_compatible: opa.Flag = False,
    v1_compatible: opa.HiddenFlag = True,
) -> int:
    """Print the syntax tree of a policy. Errors go to standard error, as JSON.

    Parameters
    ----------
    path
        the policy file; one is read
    format_
        pretty or json
    json_include
        what the tree holds besides, with a - in front what it does not hold: locations,-comments
    v0_compatible
        read the policy as Rego v0
    """
    if not path:
        raise Fault("IE2002", "no source file specified", hint="image-enforcer parse policy.rego", exit_code=FAILED)
    from ..opa import presentation
    from ..opa.errors import LoadError
    from ..rego import CompileError
    from ..rego.meter import make_room
    from ..rego.syntax import parse_module

    locations, comments = _included(json_include)
    make_room()
    try:
        name, text = _read(path[0])
        module = parse_module(name, text, version=0 if v0_compatible or not v1_compatible else 1)
    except (LoadError, CompileError) as e:
        return _failed(e)
    if format_ == "json":
        from ..rego.syntax.tree_json import TreeJson

        opa.write(presentation.dumps(TreeJson(locations=locations).module(module, comments=comments)) + "\n")
    else:
        from ..opa.format.tree import tree_text

        opa.write(tree_text(module, comments=comments))
    return 0


def _included(text: str) -> tuple[bool, bool]:
    """Whether the tree holds places, and whether it holds comments."""
    locations, comments = False, True
    for option in text.split(","):
        wanted = not option.startswith("-")
        if option.endswith("locations"):
            locations = wanted
        if option.endswith("comments"):
            comments = wanted
    return locations, comments


def _read(path: str) -> tuple[str, str]:
    """The name and the text of a policy."""
    from ..opa import errors, files
    from ..opa.format.paths import Unwalkable, without_scheme

    try:
        name = without_scheme(path)
        return name, files.read(name)
    except files.Unreadable as e:
        text = f"open {e.text.removeprefix('stat ')}" if e.text.startswith("stat ") else e.text
        raise errors.LoadError([errors.Fault(text, e.hint)]) from None
    except Unwalkable as e:
        raise errors.LoadError([errors.Fault(str(e))]) from None


def _failed(error: LoadError | CompileError) -> int:
    from ..opa import presentation

    say(presentation.dumps({"errors": presentation.errors(error)}))
    return FAILED
