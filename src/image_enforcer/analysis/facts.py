"""Published facts, read: what has another shape than it should is no fact, whoever wrote it.

The shapes are what decisions rest on; they are described in docs/reference/facts.md and in what writes them. A fact may
have more fields than these, which are kept: newer workers say more. None of these may be missing or of another type:
a scan without its gaps would pass for one that saw everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from ..domain.facts import Kind
from ..domain.manifest import Platform
from . import digest


class BadFact(ValueError):
    """What is published is no such fact."""


Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Code = Annotated[str, msgspec.Meta(min_length=1)]
Digest = Annotated[str, msgspec.Meta(pattern=rf"^(?:{digest.PATTERN})\Z")]


class _Trouble(msgspec.Struct, frozen=True):
    code: Code
    text: str


class _Repository(msgspec.Struct, frozen=True):
    looked_at: Moment | None


class _Tag(msgspec.Struct, frozen=True):
    digest: Digest | None
    since: Moment | None = None
    looked_at: Moment | None = None
    trouble: _Trouble | None = None


class _Held(msgspec.Struct, frozen=True):
    digest: Digest


class _Content(msgspec.Struct, frozen=True):
    digest: Digest
    size: Count
    media_type: str


class _Platform(msgspec.Struct, frozen=True):
    os: str
    architecture: str
    variant: str = ""


class _Child(msgspec.Struct, frozen=True):
    digest: Digest
    media_type: str
    platform: _Platform | None = None


class _Image(msgspec.Struct, frozen=True, tag_field="kind", tag="image"):
    media_type: str
    config: _Content
    layers: tuple[_Content, ...]
    runnable: bool


class _Index(msgspec.Struct, frozen=True, tag_field="kind", tag="index"):
    media_type: str
    children: tuple[_Child, ...]


class _Legacy(msgspec.Struct, frozen=True, tag_field="kind", tag="legacy"):
    media_type: str


class _Gap(msgspec.Struct, frozen=True):
    code: Code
    text: str


class _Caution(msgspec.Struct, frozen=True):
    code: Code
    text: str
    packages: tuple[str, ...] = ()


class _Counts(msgspec.Struct, frozen=True):
    Unknown: Count
    Negligible: Count
    Low: Count
    Medium: Count
    High: Count
    Critical: Count
    Defcon1: Count
    total: Count
    fixable: Count


class _Finding(msgspec.Struct, frozen=True):
    vulnerability: str
    severity: Literal["Unknown", "Negligible", "Low", "Medium", "High", "Critical", "Defcon1"]
    package: str
    version: str
    fixed_in: str


class _Scanned(msgspec.Struct, frozen=True, tag_field="state", tag="scanned"):
    scanner: str
    version: str
    at: Moment
    confirmed_at: Moment
    packages: Count
    gaps: tuple[_Gap, ...]
    counts: _Counts
    findings: tuple[_Finding, ...]
    findings_total: Count
    cautions: tuple[_Caution, ...] = ()
    trouble: _Trouble | None = None


class _Unscannable(msgspec.Struct, frozen=True, tag_field="state", tag="unscannable"):
    scanner: str
    at: Moment
    confirmed_at: Moment
    trouble: _Trouble


class _Failed(msgspec.Struct, frozen=True, tag_field="state", tag="failed"):
    scanner: str
    at: Moment
    confirmed_at: Moment
    trouble: _Trouble


class _Vulnerability(msgspec.Struct, frozen=True, rename="pascal"):
    name: str
    severity: str = ""


class _Feature(msgspec.Struct, frozen=True, rename="pascal"):
    name: str
    vulnerabilities: tuple[_Vulnerability, ...] | None = None


class _Described(msgspec.Struct, frozen=True, rename="pascal"):
    name: str
    features: tuple[_Feature, ...] | None = None


class _Layer(msgspec.Struct, frozen=True, rename="pascal"):
    layer: _Described


_SHAPES: Final[dict[Kind, msgspec.json.Decoder[Any]]] = {
    Kind.REPOSITORY: msgspec.json.Decoder(_Repository),
    Kind.TAG: msgspec.json.Decoder(_Tag),
    Kind.HELD: msgspec.json.Decoder(_Held),
    Kind.MANIFEST: msgspec.json.Decoder(_Image | _Index | _Legacy),
    Kind.SCAN: msgspec.json.Decoder(_Scanned | _Unscannable | _Failed),
    Kind.LAYER: msgspec.json.Decoder(_Layer),
}
"""Made here, since msgspec 0.22 crashes where two threads are the first to decode a type at once."""
_ANY: Final = msgspec.json.Decoder()


def read(kind: Kind, value: bytes) -> dict[str, Any]:
    """A fact with all its fields; raises :class:`BadFact` where it is none of its kind."""
    try:
        _SHAPES[kind].decode(value)
        found: dict[str, Any] = _ANY.decode(value)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
        raise BadFact(f"what is published is no {kind} that can be read here: {e}") from None
    return found


def is_statement(child: Mapping[str, Any]) -> bool:
    """Whether a child of an index stands under an unknown platform, as what is said about an image does."""
    found = platform(child)
    return found is not None and found.unknown


def platform(child: Mapping[str, Any]) -> Platform | None:
    """The platform of a child of an index; None where it is not said."""
    told = child.get("platform")
    if not told:
        return None
    return Platform(os=told["os"], architecture=told["architecture"], variant=told.get("variant", ""))
