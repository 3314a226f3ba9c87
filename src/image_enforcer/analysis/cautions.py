"""What Clair is known to get wrong, where a report shows that it may have: cautions, which policies may heed.

A caution is no gap: the image was looked at, and nearly all that is said of it is right. Each was seen at Clair 4.9.0,
held against inventories and advisories that are known to be true:

``epoch-differs``    Debian's advisories name the version of the source package that mends something, and Clair compares
                     the binary package's with it. Where both have other epochs (bsdutils 1:2.38.1-5 of util-linux
                     2.38.1-5), what the source has is missed, or what it no longer has is found
``version-differs``  the same where both count in another way altogether (gcc 4:12.2.0-3 of gcc-defaults 1.203); that a
                     binary was only built again (2.38.1-5+b1) is none
``alpine-unrated``   Alpine's advisories say nothing of how bad things are: all that is found is *Unknown*
``oracle-epochs``    an advisory of Oracle's with another epoch than the package's is missed, and such have been there

What cannot be told from a report stands in docs/concepts/what-clair-gets-wrong.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ..domain.report import Caution, Package, Report, Severity
from . import text

SCANNER: Final = "clair-v4"
"""Whose mistakes these are. Clair's first interface compares sources with sources."""
MOST_NAMED: Final = 20
"""Packages that a caution names; its text counts all."""
_BUILT_AGAIN: Final = re.compile(r"\+b[0-9]+\Z")
"""What Debian appends to the version of a binary that is built again from the same source."""


def of(report: Report) -> tuple[Caution, ...]:
    """What is to be kept in mind with a report, by code."""
    if report.scanner != SCANNER:
        return ()
    built = [package for package in report.packages if package.version_format == "dpkg" and package.source_version]
    differ = [package for package in built if _BUILT_AGAIN.sub("", package.version) != package.source_version]
    epochs = [p for p in differ if _epoch(p.version) != _epoch(p.source_version)]
    others = [p for p in differ if _epoch(p.version) == _epoch(p.source_version)]
    unrated = [f.package for f in report.findings if _of("alpine", f.package) and f.severity is Severity.UNKNOWN]
    oracle = [p for p in report.packages if _of("ol", p) and _epoch(p.version) != "0"]
    found = (
        _caution("epoch-differs", "compared with advisories by another epoch than their source's", epochs),
        _caution("version-differs", "compared with advisories by another version than their source's", others),
        _caution("alpine-unrated", "Alpine does not say how bad the vulnerabilities are of", unrated),
        _caution("oracle-epochs", "advisories that name another epoch would be missed for", oracle),
    )
    return tuple([caution for caution in found if caution is not None])


def _caution(code: str, what: str, packages: Iterable[Package]) -> Caution | None:
    names = sorted({package.name for package in packages})
    if not names:
        return None
    named = tuple([text.name(name, 60) for name in names[:MOST_NAMED]])
    more = f" and {len(names) - len(named)} more" if len(names) > len(named) else ""
    return Caution(code=code, text=f"{what}: {', '.join(named)}{more}", packages=named)


def _epoch(version: str) -> str:
    """The epoch of a version of Debian or of an rpm, without leading zeros; none is 0."""
    epoch, colon, _ = version.partition(":")
    return (epoch.lstrip("0") or "0") if colon and epoch.isdecimal() else "0"


def _of(system: str, package: Package) -> bool:
    return package.namespace.partition(":")[0] == system
