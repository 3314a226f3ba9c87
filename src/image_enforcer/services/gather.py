"""Gathering: what is known of the images of a review, for its policy.

Everything is local. What is missing is not left out: each reason why an image is not known has a code in ``unknown``,
and an image with none of them is ``known``. The shape is documented in docs/reference/facts.md, and versioned.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ..analysis import facts as published
from ..analysis import platforms, reference, text
from ..domain.facts import Kind
from ..domain.manifest import Platform
from ..domain.reference import ImageReference
from ..ports.facts import Facts

SCHEMA: Final = "facts/v1"
SKEW: Final = 300
"""Seconds by which the clocks of two machines may differ."""
MAX_IMAGE: Final = 255
"""Characters of an image string in a text about it."""
MOST_PLATFORMS: Final = 50
"""Images that an index may list for nodes. Those that are built for every platform there is list half as many."""
MOST_READ: Final = 8 << 20
"""Bytes of facts that are read for one review: nobody else is answered meanwhile."""
MOST_SHOWN: Final = 200_000
"""Layers and findings that policies see in one review, of all its images together."""
_TOGETHER: Final = 64
"""Facts that are looked up at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """How old what is known may be, in seconds, lest it counts as not known; None: as old as it likes."""

    most: int | None = None
    copy: int | None = None
    """How old the copy of the facts is; None where nobody knows."""

    def stale(self, age: int | None) -> bool:
        """Whether an age is too much; one that nobody knows is."""
        return self.most is not None and (age is None or age > self.most)


def gather(
    images: Collection[str], facts: Facts, now: datetime, ages: Ages = Ages(), nodes: tuple[Platform, ...] = ()
) -> dict[str, dict[str, Any]]:
    """What is known of each image, by the text as it was written. Raises :class:`FactsError`.

    ``nodes`` are the platforms that images may run on: what an index lists for others is left out. Without any, all
    that it lists counts.
    """
    read: dict[str, ImageReference | str] = {}
    for image in images:
        try:
            read[image] = reference.parse(image)
        except reference.BadReference as e:
            read[image] = str(e)
    world = _World(facts, [r for r in read.values() if isinstance(r, ImageReference)], now, ages, nodes)
    return {
        image: _unparsable(image, found) if isinstance(found, str) else world.facts(image, found)
        for image, found in read.items()
    }


def is_too_much(facts: Mapping[str, Any]) -> bool:
    """Whether an image is not known since there was too much to be read for one review."""
    return any(reason["code"] == "too-much" for reason in facts["unknown"])


def bounded(images: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What is known of images, as much as one review may show: beyond, an image is not known."""
    shown = 0
    found: dict[str, dict[str, Any]] = {}
    for image, facts in images.items():
        shown += weight(facts.get("platforms", ()))
        found[image] = facts if shown <= MOST_SHOWN else _too_much(facts)
    return found


def _too_much(facts: dict[str, Any]) -> dict[str, Any]:
    reason = _reason("too-much", "the images of this review have more layers and findings than are shown")
    return {**facts, "platforms": [], "counts": {}, "unknown": [reason], "known": False}


def _unparsable(image: str, why: str) -> dict[str, Any]:
    shown = f"{text.name(image, MAX_IMAGE)}: not an image reference: {why}"
    return {"schema": SCHEMA, "image": image, "known": False, "unknown": [_reason("unparsable", shown)]}


def _reason(code: str, why: str) -> dict[str, str]:
    return {"code": code, "text": why}


class _World:
    """The facts about some references, looked up a kind at a time."""

    def __init__(
        self, facts: Facts, references: Sequence[ImageReference], now: datetime, ages: Ages,
        nodes: tuple[Platform, ...],
    ) -> None:  # fmt: skip
        self._facts = facts
        self._ages = ages
        self._now = now
        self._nodes = nodes
        self._bad: dict[tuple[Kind, str], str] = {}
        self._left = MOST_READ
        self._behind: dict[str, tuple[list[dict[str, Any]], list[str], list[dict[str, str]]]] = {}
        """What is known of each image behind a digest: made once, however many names there are for it."""
        self._tags = self._find(Kind.TAG, [_tag_key(r) for r in references if r.digest is None])
        self._held = self._find(Kind.HELD, [_held_key(r) for r in references if r.digest is not None])
        self._homes = self._find(Kind.REPOSITORY, [str(r.home) for r in references])
        digests = [d for r in references if (d := self._digest(r))]
        self._manifests = self._find(Kind.MANIFEST, digests)
        listed = [self._children(m)[0] for m in self._manifests.values()]
        children = [c["digest"] for some in listed if len(some) <= MOST_PLATFORMS for c in some]
        self._manifests |= self._find(Kind.MANIFEST, [c for c in children if c not in self._manifests])
        self._scans = self._find(Kind.SCAN, [d for d, m in self._manifests.items() if m["kind"] == "image"])

    def _find(self, kind: Kind, keys: Collection[str]) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        asked = list(dict.fromkeys(keys))  # in the order of the review
        for start in range(0, len(asked), _TOGETHER):
            part = asked[start : start + _TOGETHER]
            if self._left < 0:
                self._bad |= {(kind, key): "" for key in part}
                continue
            read = self._facts.find(kind, part, self._left)
            for key, value in read.items():
                self._left -= len(value)
                try:
                    found[key] = published.read(kind, value)
                except published.BadFact as e:
                    self._bad[kind, key] = str(e)
            if self._left < 0:  # what is missing may not have been read
                self._bad |= {(kind, key): "" for key in part if key not in read}
        return found

    def _unread(self, *facts: tuple[Kind, str]) -> list[dict[str, str]]:
        """A reason for each of these facts that is there and cannot be read, or was not, since there is so much."""
        reasons = []
        for kind, key in facts:
            why = self._bad.get((kind, key))
            if why == "":
                reasons.append(
                    _reason("too-much", f"{key}: more is known about the images of this review than is read")
                )
            elif why is not None:
                reasons.append(_reason("bad-facts", f"{key}: {why}"))
        return reasons

    def _children(self, manifest: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], list[str]]:
        """What an index lists that a node may run, and the platforms of what none may."""
        some: dict[tuple[str, str], Mapping[str, Any]] = {}
        left_out: dict[str, None] = {}
        for child in manifest.get("children", ()):
            if published.is_statement(child):
                continue
            platform = published.platform(child)
            if platforms.runs_on(platform, self._nodes):
                some[child["digest"], str(platform)] = child
            elif len(left_out) < MOST_PLATFORMS:
                left_out[str(platform)[:MAX_IMAGE]] = None
        return list(some.values()), list(left_out)

    def _digest(self, found: ImageReference) -> str:
        return found.digest or (self._tags.get(_tag_key(found)) or {}).get("digest") or ""

    def facts(self, image: str, found: ImageReference) -> dict[str, Any]:
        """The facts about one image."""
        home = self._homes.get(str(found.home), {})
        document: dict[str, Any] = {
            "schema": SCHEMA, "image": image, "reference": str(found), "registry": found.registry,
            "repository": found.repository,
        }  # fmt: skip
        unknown = self._unread((Kind.REPOSITORY, str(found.home)))
        if found.digest is None:
            document["tag"] = found.tag
            unknown += self._resolved(found, document)
        elif _held_key(found) not in self._held:
            why = f"nobody has seen {found.digest} in {found.home}"
            unknown += self._unread((Kind.HELD, _held_key(found))) or [_reason("not-held", why)]
        if looked_at := self._looked_at(found, home):
            document["looked_at"] = looked_at
            document["age_seconds"] = self._age(looked_at)
        unknown += self._stale(found, document.get("age_seconds"))
        digest = self._digest(found)
        document["platforms"] = []
        if digest:
            document["digest"] = digest
            if digest not in self._behind:
                self._behind[digest] = self._platforms(digest)
            some, left_out, more = self._behind[digest]
            document["platforms"] = some
            if left_out:
                document["left_out"] = left_out
            unknown += more
        elif not unknown:
            unknown.append(_reason("not-resolved", f"nobody knows what {found} points to"))
        document["counts"] = _worst(document["platforms"])
        document["unknown"] = unknown
        document["known"] = not unknown
        return document

    def _resolved(self, found: ImageReference, document: dict[str, Any]) -> list[dict[str, str]]:
        """What a tag is known to point to goes into the document; why that is not known, or may no longer be so."""
        tag = self._tags.get(_tag_key(found))
        if tag is None:
            why = f"nobody has looked up what {found} points to"
            return self._unread((Kind.TAG, _tag_key(found))) or [_reason("not-resolved", why)]
        document["since"] = tag.get("since")
        trouble = tag.get("trouble")
        return [_reason(f"not-resolved/{trouble['code']}", trouble["text"])] if trouble else []

    def _looked_at(self, found: ImageReference, home: Mapping[str, Any]) -> str | None:
        """When a registry was last asked: about the repository, or about the tag alone."""
        tag = self._tags.get(_tag_key(found)) or {} if found.digest is None else {}
        known = [at for at in (home.get("looked_at"), tag.get("looked_at")) if at]
        return max(known, key=_time, default=None)

    def _stale(self, found: ImageReference, age: int | None) -> list[dict[str, str]]:
        """Why what is known is too old. What a digest points to never changes, whenever that was asked."""
        reasons = []
        if self._ages.stale(self._ages.copy):
            copied = "nobody knows when" if self._ages.copy is None else f"{self._ages.copy} s ago"
            reasons.append(_reason("stale-facts", f"the copy of the facts was last brought up to date {copied}"))
        if found.digest is None and _tag_key(found) in self._tags and self._ages.stale(age):
            asked = "nobody knows when" if age is None else f"{age} s ago"
            reasons.append(_reason("stale-look", f"{found.home} was last looked at {asked}"))
        return reasons

    def _platforms(self, digest: str) -> tuple[list[dict[str, Any]], list[str], list[dict[str, str]]]:
        """What is known of each image behind a digest, the platforms that are left out, and what is not known."""
        manifest = self._manifests.get(digest)
        if manifest is None:
            return [], [], [self._no_manifest(digest)]
        match manifest["kind"]:
            case "image":
                found, unknown = self._image(digest, manifest, "")
                return [found], [], unknown
            case "index":
                listed, left_out = self._children(manifest)
                if len(listed) > MOST_PLATFORMS:
                    why = f"the index lists {len(listed)} images that nodes could run; {MOST_PLATFORMS} are judged"
                    return [], left_out, [_reason("too-many-platforms", why)]
                some: list[dict[str, Any]] = []
                missing: list[dict[str, str]] = []
                for child in listed:
                    known = self._manifests.get(child["digest"])
                    if known is None or known["kind"] != "image":
                        missing.append(self._no_manifest(child["digest"]))
                        continue
                    found, unknown = self._image(child["digest"], known, str(published.platform(child) or ""))
                    some.append(found)
                    missing += unknown
                if not some and not missing:
                    missing.append(_reason("no-platform", "the index lists no image that a node could run"))
                return some, left_out, missing
            case _:
                why = "an image of Docker's schema 1 cannot be judged; push it again"
                return [], [], [_reason("legacy-manifest", why)]

    def _no_manifest(self, digest: str) -> dict[str, str]:
        unread = self._unread((Kind.MANIFEST, digest))
        return unread[0] if unread else _reason("no-manifest", f"the manifest {digest} is not known")

    def _image(
        self, digest: str, manifest: Mapping[str, Any], platform: str
    ) -> tuple[dict[str, Any], list[dict[str, str]]]:
        layers = [layer["digest"] for layer in manifest["layers"]]
        found: dict[str, Any] = {
            "digest": digest, "platform": platform, "config": manifest["config"]["digest"], "layers": layers,
            "size": sum(layer["size"] for layer in manifest["layers"]),
        }  # fmt: skip
        if not manifest["runnable"]:
            return found, [_reason("not-an-image", f"{digest} is no image that can run")]
        if not layers:
            return found, [_reason("no-layers", f"{digest} has no layers")]
        scan = self._scans.get(digest)
        if scan is None:
            why = f"{digest} has not been scanned"
            return found, self._unread((Kind.SCAN, digest)) or [_reason("not-scanned", why)]
        found["scan"] = {**scan, "age_seconds": self._age(scan["confirmed_at"])}
        if scan["state"] != "scanned":
            code = "unscannable" if scan["state"] == "unscannable" else "scan-failed"
            return found, [_reason(f"{code}/{scan['trouble']['code']}", scan["trouble"]["text"])]
        reasons = [_reason(f"scan-incomplete/{gap['code']}", gap["text"]) for gap in scan["gaps"]]
        if self._ages.stale(found["scan"]["age_seconds"]):
            known = found["scan"]["age_seconds"]
            confirmed = "nobody knows when" if known is None else f"{known} s ago"
            reasons.append(_reason("stale-scan", f"what was found in {digest} was last confirmed {confirmed}"))
        return found, reasons

    def _age(self, moment: str) -> int | None:
        return age(int((self._now - _time(moment)).total_seconds()))


def weight(platforms: Sequence[Mapping[str, Any]]) -> int:
    """How much there is about images: their layers and findings."""
    return sum([len(p["layers"]) + len(p.get("scan", {}).get("findings", ())) + 1 for p in platforms])


def _time(moment: str) -> datetime:
    """A time as facts have it: RFC 3339, where letters may be small."""
    return datetime.fromisoformat(moment.upper())


def age(seconds: int) -> int | None:
    """An age as facts have it; None for a time so far in the future that some clock must have been wrong."""
    return max(0, seconds) if seconds >= -SKEW else None


def _tag_key(found: ImageReference) -> str:
    return f"{found.home}:{found.tag}"


def _held_key(found: ImageReference) -> str:
    return f"{found.home}@{found.digest}"


def _worst(platforms: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The most findings of each severity that any platform has: nobody knows which one a node will run."""
    worst: dict[str, int] = {}
    for platform in platforms:
        for word, count in platform.get("scan", {}).get("counts", {}).items():
            worst[word] = max(worst.get(word, 0), count)
    return worst
