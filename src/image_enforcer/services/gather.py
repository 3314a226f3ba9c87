"""Gathering: what is known of the images of a review, for its policy.

Everything is local. What is missing is not left out: each reason why an image is not known has a code in ``unknown``,
and an image with none of them is ``known``. The shape is documented in docs/reference/facts.md, and versioned.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from ..analysis import reference, text
from ..domain.facts import Kind
from ..domain.reference import ImageReference
from ..ports.facts import Facts, FactsError

SCHEMA: Final = "facts/v1"
SKEW: Final = 300
"""Seconds by which the clocks of two machines may differ."""
MAX_IMAGE: Final = 255
"""Characters of an image string in a text about it."""
_decode: Final = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """How old what is known may be, in seconds, lest it counts as not known; None: as old as it likes."""

    most: int | None = None
    copy: int | None = None
    """How old the copy of the facts is; None where nobody knows."""

    def stale(self, age: int | None) -> bool:
        """Whether an age is too much; one that nobody knows is."""
        return self.most is not None and (age is None or age > self.most)


def gather(images: Collection[str], facts: Facts, now: datetime, ages: Ages = Ages()) -> dict[str, dict[str, Any]]:
    """What is known of each image, by the text as it was written. Raises :class:`FactsError`."""
    read: dict[str, ImageReference | str] = {}
    for image in images:
        try:
            read[image] = reference.parse(image)
        except reference.BadReference as e:
            read[image] = str(e)
    world = _World(facts, [r for r in read.values() if isinstance(r, ImageReference)], now, ages)
    return {
        image: _unparsable(image, found) if isinstance(found, str) else world.facts(image, found)
        for image, found in read.items()
    }


def _unparsable(image: str, why: str) -> dict[str, Any]:
    shown = f"{text.name(image, MAX_IMAGE)}: not an image reference: {why}"
    return {"schema": SCHEMA, "image": image, "known": False, "unknown": [_reason("unparsable", shown)]}


def _reason(code: str, why: str) -> dict[str, str]:
    return {"code": code, "text": why}


class _World:
    """The facts about some references, looked up a kind at a time."""

    def __init__(self, facts: Facts, references: Sequence[ImageReference], now: datetime, ages: Ages) -> None:
        self._facts = facts
        self._ages = ages
        self._now = now
        self._tags = self._find(Kind.TAG, {_tag_key(r) for r in references if r.digest is None})
        self._homes = self._find(Kind.REPOSITORY, {str(r.home) for r in references})
        digests = {d for r in references if (d := self._digest(r))}
        self._manifests = self._find(Kind.MANIFEST, digests)
        children = {c["digest"] for m in self._manifests.values() for c in m.get("children", ())}
        self._manifests |= self._find(Kind.MANIFEST, children - digests)
        self._scans = self._find(Kind.SCAN, {d for d, m in self._manifests.items() if m["kind"] == "image"})

    def _find(self, kind: Kind, keys: Collection[str]) -> dict[str, dict[str, Any]]:
        try:
            return {key: _decode(value) for key, value in self._facts.find(kind, keys).items()} if keys else {}
        except (msgspec.DecodeError, RecursionError) as e:
            raise FactsError(f"facts that are no JSON: {e}; remove the copy, and it is fetched anew") from None

    def _digest(self, found: ImageReference) -> str:
        return found.digest or (self._tags.get(_tag_key(found)) or {}).get("digest") or ""

    def facts(self, image: str, found: ImageReference) -> dict[str, Any]:
        """The facts about one image."""
        home = self._homes.get(str(found.home), {})
        document: dict[str, Any] = {
            "schema": SCHEMA, "image": image, "reference": str(found), "registry": found.registry,
            "repository": found.repository,
        }  # fmt: skip
        unknown: list[dict[str, str]] = []
        if found.digest is None:
            document["tag"] = found.tag
            tag = self._tags.get(_tag_key(found))
            if tag is None:
                unknown.append(_reason("not-resolved", f"nobody has looked up what {found} points to"))
            else:
                document["since"] = tag.get("since")
                if tag.get("trouble"):
                    trouble = tag["trouble"]
                    unknown.append(_reason(f"not-resolved/{trouble['code']}", trouble["text"]))
        if home.get("looked_at"):
            document["looked_at"] = home["looked_at"]
            document["age_seconds"] = self._age(home["looked_at"])
        unknown += self._stale(found, document.get("age_seconds"))
        digest = self._digest(found)
        document["platforms"] = []
        if digest:
            document["digest"] = digest
            platforms, more = self._platforms(digest)
            document["platforms"] = platforms
            unknown += more
        elif not unknown:
            unknown.append(_reason("not-resolved", f"nobody knows what {found} points to"))
        document["counts"] = _worst(document["platforms"])
        document["unknown"] = unknown
        document["known"] = not unknown
        return document

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

    def _platforms(self, digest: str) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
        """What is known of each image behind a digest, and what is not."""
        manifest = self._manifests.get(digest)
        if manifest is None:
            return [], [_reason("no-manifest", f"the manifest {digest} is not known")]
        match manifest["kind"]:
            case "image":
                found, unknown = self._image(digest, manifest, "")
                return [found], unknown
            case "index":
                platforms: list[dict[str, Any]] = []
                missing: list[dict[str, str]] = []
                for child in manifest["children"]:
                    platform = child.get("platform") or {}
                    if platform.get("os") == platform.get("architecture") == "unknown":
                        continue
                    known = self._manifests.get(child["digest"])
                    if known is None or known["kind"] != "image":
                        missing.append(_reason("no-manifest", f"the manifest {child['digest']} is not known"))
                        continue
                    found, unknown = self._image(child["digest"], known, _platform(platform))
                    platforms.append(found)
                    missing += unknown
                if not platforms and not missing:
                    missing.append(_reason("no-platform", "the index lists no image that a node could run"))
                return platforms, missing
            case _:
                return [], [_reason("legacy-manifest", "an image of Docker's schema 1 cannot be judged; push it again")]

    def _image(
        self, digest: str, manifest: Mapping[str, Any], platform: str
    ) -> tuple[dict[str, Any], list[dict[str, str]]]:
        layers = [layer["digest"] for layer in manifest["layers"]]
        found: dict[str, Any] = {
            "digest": digest, "platform": platform, "config": manifest["config"]["digest"], "layers": layers,
            "size": sum(layer["size"] for layer in manifest["layers"]),
        }  # fmt: skip
        if not manifest.get("runnable", False):
            return found, [_reason("not-an-image", f"{digest} is no image that can run")]
        if not layers:
            return found, [_reason("no-layers", f"{digest} has no layers")]
        scan = self._scans.get(digest)
        if scan is None:
            return found, [_reason("not-scanned", f"{digest} has not been scanned")]
        found["scan"] = {**scan, "age_seconds": self._age(scan.get("confirmed_at") or scan["at"])}
        if scan["state"] != "scanned":
            trouble = scan.get("trouble") or {}
            code = "unscannable" if scan["state"] == "unscannable" else "scan-failed"
            return found, [
                _reason(f"{code}/{trouble.get('code', 'unknown')}", trouble.get("text", "no reason is known"))
            ]
        reasons = [_reason(f"scan-incomplete/{gap['code']}", gap["text"]) for gap in scan.get("gaps", ())]
        if self._ages.stale(found["scan"]["age_seconds"]):
            known = found["scan"]["age_seconds"]
            confirmed = "nobody knows when" if known is None else f"{known} s ago"
            reasons.append(_reason("stale-scan", f"what was found in {digest} was last confirmed {confirmed}"))
        return found, reasons

    def _age(self, moment: str) -> int | None:
        return age(int((self._now - datetime.fromisoformat(moment)).total_seconds()))


def age(seconds: int) -> int | None:
    """An age as facts have it; None for a time so far in the future that some clock must have been wrong."""
    return max(0, seconds) if seconds >= -SKEW else None


def _tag_key(found: ImageReference) -> str:
    return f"{found.home}:{found.tag}"


def _platform(platform: Mapping[str, Any]) -> str:
    return "/".join([platform[part] for part in ("os", "architecture", "variant") if platform.get(part)])


def _worst(platforms: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The most findings of each severity that any platform has: nobody knows which one a node will run."""
    worst: dict[str, int] = {}
    for platform in platforms:
        for word, count in platform.get("scan", {}).get("counts", {}).items():
            worst[word] = max(worst.get(word, 0), count)
    return worst


def gathering(facts: Facts, now: Callable[[], datetime]) -> Callable[[Collection[str]], dict[str, dict[str, Any]]]:
    """Gathering with one copy of the facts, for whoever need not know where they are."""
    return lambda images: gather(images, facts, now())
