"""Running the rules of a lint over modules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from ...rego import UNDEFINED, Location, Value
from ...rego.places import NO_LOCATION
from ...rego.syntax.nodes import Module
from . import decisions, documents, references, verdicts
from .catalog import BY_CODE, RULES
from .findings import Finding
from .policies import Policies
from .suppression import Suppressions, suppressions

FAMILIES: Final[tuple[Callable[[Policies], Iterator[tuple[str, Any, str]]], ...]] = (
    references.find, verdicts.find, documents.find, decisions.find,
)  # fmt: skip


def lint(
    modules: Mapping[str, Module], *, data: Value = UNDEFINED, select: Collection[str] = (),
    ignore: Collection[str] = (),
) -> list[Finding]:  # fmt: skip
    """What is found in modules that belong together, in the order of the text.

    ``data`` are the documents beside them. ``select`` and ``ignore`` have codes, or what codes begin with.
    """
    wanted = {r.code for r in RULES if (not select or _matches(r.code, select)) and not _matches(r.code, ignore)}
    silenced = suppressions(modules)
    found: dict[tuple[str, int, int, str], Finding] = {}
    policies = Policies(modules, data)
    for family in FAMILIES:
        for code, node, message in family(policies):
            finding = Finding(BY_CODE[code], _place(node), message)
            if code in wanted and not silenced.silences(code, finding.location):
                found.setdefault(finding.key, finding)
    for finding in _bare(silenced):
        if finding.rule.code in wanted:
            found[finding.key] = finding
    return [found[k] for k in sorted(found)]


def _matches(code: str, patterns: Collection[str]) -> bool:
    return any(code.startswith(p.upper()) for p in patterns)


def _bare(silenced: Suppressions) -> Iterator[Finding]:
    """Comments that silence without a reason, or nothing that there is."""
    for ignored in silenced.all():
        unknown = sorted(ignored.codes - set(BY_CODE))
        if not ignored.codes:
            yield Finding(BY_CODE["IL001"], ignored.location, "it names no code, so nothing is silenced")
        elif unknown:
            yield Finding(BY_CODE["IL001"], ignored.location, f"there is no rule {', '.join(unknown)}")
        elif not ignored.reason:
            yield Finding(BY_CODE["IL001"], ignored.location, "it does not say why")


def _place(node: Any) -> Location:
    """Where a node stands."""
    location = getattr(node, "loc", NO_LOCATION)
    return location if isinstance(location, Location) else NO_LOCATION
