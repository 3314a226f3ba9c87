"""What to do about an image that is not known, by the code of the reason."""

from __future__ import annotations

from typing import Final

_STATUS: Final = "image-enforcer status says how it is followed"
_SCAN: Final = "image-enforcer status says how its scans go"
_AGAIN: Final = (
    "see that the worker runs, and reaches its registry and its scanner; --facts-max-age says how old is too old"
)
_NOT_JUDGED: Final = (
    "the scanner cannot judge it: build it on a distribution that it knows, or require less (--facts-require) and let "
    "a policy decide"
)
_REMEDIES: Final = {
    "no-facts": "see that the worker runs, and that the copy of its facts can be read",
    "not-resolved": f"see that its repository is followed, and that there is such a tag; {_STATUS}",
    "not-held": f"see that its repository is followed, and that a tag there leads to it; {_STATUS}",
    "no-manifest": f"see that its registry gives it out; {_STATUS}",
    "bad-facts": "see that worker and server are of one version",
    "too-many-platforms": "push it for fewer platforms, or name those of the nodes with --platform",
    "too-much": "review fewer images at a time",
    "legacy-manifest": "push it again with a tool of today",
    "no-platform": "push it for the platform of a node, or name all platforms of the nodes with --platform",
    "no-layers": "name an image that a node can run",
    "not-an-image": "name an image that a node can run",
    "not-scanned": f"wait until it has been scanned; {_SCAN}",
    "scan-failed": f"it is tried again; {_SCAN}",
    "unscannable": _NOT_JUDGED,
    "scan-incomplete": _NOT_JUDGED,
    "stale-look": _AGAIN,
    "stale-scan": _AGAIN,
    "stale-facts": _AGAIN,
}


def remedy(code: str) -> str:
    """What to do; never empty."""
    return _REMEDIES.get(code.partition("/")[0], _STATUS)
