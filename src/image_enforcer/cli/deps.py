"""``deps``: what a query depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from . import opa
from .faults import Fault, say

if TYPE_CHECKING:
    from ..opa.dependencies import Dependencies

FAILED = 1


def deps(
    *query: str,
    data: Annotated[tuple[str, ...], Parameter(name=["--data", "-d"], consume_multiple=False)] = (),
    bundle: Annotated[tuple[str, ...], Parameter(name=["--bundle", "-b"], consume_multiple=False)] = (),
    format_: Annotated[Literal["pretty", "json"], Parameter(name=["--format", "-f"])] = "pretty",
    ignore: opa.Many = (),
    v0_compatible: opa.Flag = False,
    v1_compatible: opa.HiddenFlag = True,
) -> int:
    """Print which documents a query depends on: base documents, and virtual ones, which rules make.

    Parameters
    ----------
    query
        the query, e.g. data.a.allow
    data
        policy or data files and directories; may be given several times
    bundle
        bundles; may be given several times
    format_
        pretty or json
    ignore
        names of files and directories to leave out, as globs
    v0_compatible
        read policies as Rego v0
    """
    if len(query) != 1:
        hint = "image-enforcer deps --data policies data.a.allow"
        raise Fault("IE2002", "specify exactly one query argument", hint=hint, exit_code=FAILED)
    from ..opa import presentation
    from ..opa.dependencies import dependencies
    from ..opa.errors import LoadError
    from ..rego import RegoError, compile_modules, parse_query

    version = 0 if v0_compatible or not v1_compatible else 1
    names = opa.parts(ignore)
    try:
        body = parse_query(query[0])
        modules = opa.load_policies(data, names, version=version).modules if data else {}
        if bundle:
            modules = opa.load_policies(bundle, names, version=version, bundle=True).modules
        found = dependencies(compile_modules(modules, version=version, keep_prints=False), body)
    except LoadError as e:
        opa.failed(e)
        return FAILED
    except RegoError as e:
        say(presentation.harmless(str(e)))
        return FAILED
    opa.write(_json(found) if format_ == "json" else _table(found))
    return 0


def _json(found: Dependencies) -> str:
    from ..opa import presentation
    from ..rego.syntax.tree_json import term_json

    shown = {
        name: [[term_json(t) for t in ref.terms] for ref in refs]
        for name, refs in (("base", found.base), ("virtual", found.virtual))
        if refs
    }
    return presentation.dumps(shown) + "\n"


def _table(found: Dependencies) -> str:
    from itertools import zip_longest

    from ..opa.tables import table
    from ..rego.syntax.printer import term_text

    columns = [(h, [*map(term_text, refs)]) for h, refs in (("BASE", found.base), ("VIRTUAL", found.virtual)) if refs]
    if not columns:
        return ""
    rows = list(zip_longest(*(texts for _, texts in columns), fillvalue=""))
    return table([f"{head} DOCUMENTS" for head, _ in columns], rows) + "\n"
