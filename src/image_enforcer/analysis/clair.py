"""What both interfaces of Clair have in common: severities, namespaces, and how much of a text is kept.

Sources: quay/clair v2.1 ``database/severity.go``, claircore ``severity.go``; namespaces as recorded from both.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..domain.report import Gap, Severity
from . import digest, text

MAX_SIZE: Final = 64 << 20
"""Bytes of a report."""
MAX_PACKAGES: Final = 50_000
MAX_FINDINGS: Final = 500_000
MAX_NAME: Final = 1024
"""Characters of a name, a version or a path; a report with longer ones is refused."""
MAX_DESCRIPTION: Final = 4096
"""Characters of a description; the rest is cut off."""
MAX_LINKS: Final = 50
MAX_LINK: Final = 2048
_SEVERITIES: Final = {severity.name: severity for severity in Severity}
_RENAMED: Final = {"oracle": "ol"}
_RENAMED_BACK: Final = {ours: theirs for theirs, ours in _RENAMED.items()}


class BadReport(ValueError):
    """Bytes that are no report of Clair's, or one about something else."""


def severity(word: str | None) -> Severity:
    """A severity from Clair's word for it, in any case. A word that Clair does not have says nothing."""
    return _SEVERITIES.get((word or "").upper(), Severity.UNKNOWN)


def named(value: str | None) -> str:
    """A name, a version or a path; raises :class:`BadReport` where it is too long to be one."""
    if value is None:
        return ""
    if len(value) > MAX_NAME:
        raise BadReport(f"a name in it has more than {MAX_NAME} characters")
    return value


def layer(value: str | None) -> str:
    """The digest of a layer, or nothing; raises :class:`BadReport`."""
    if not value:
        return ""
    try:
        return digest.parse(value)
    except digest.BadDigest as e:
        raise BadReport(f"as a layer {e}") from None


def described(value: str | None) -> str:
    """A description, made safe and cut."""
    return text.safe(value or "", MAX_DESCRIPTION)


def links(value: str | None) -> tuple[str, ...]:
    """Links out of a text with spaces between them, each once, in order."""
    found = dict.fromkeys(link for link in (value or "").split() if len(link) <= MAX_LINK)
    return tuple(found)[:MAX_LINKS]


def namespace_of(v1: str) -> str:
    """A namespace of Clair v1 in os-release's words: ``alpine:v3.18`` is ``alpine:3.18``, ``oracle:7`` is ``ol:7``."""
    system, _, version = v1.partition(":")
    if system == "alpine":
        version = version.removeprefix("v")
    system = _RENAMED.get(system, system)
    return f"{system}:{version}" if version else system


def v1_namespace(namespace: str) -> str:
    """The other way round."""
    system, _, version = namespace.partition(":")
    if system == "alpine" and version[:1].isdecimal():
        version = f"v{version}"
    system = _RENAMED_BACK.get(system, system)
    return f"{system}:{version}" if version else system


def counted(code: str, what: str, names: Iterable[str]) -> Gap:
    """A gap about several things, of which the first few are named."""
    found = sorted(set(names))
    shown = ", ".join(text.name(name, 60) for name in found[:3])
    return Gap(code=code, text=f"{what}: {shown}{f' and {len(found) - 3} more' if len(found) > 3 else ''}")
