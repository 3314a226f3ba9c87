"""What ``status`` found, as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..analysis import text

if TYPE_CHECKING:
    from collections.abc import Sequence

_INCOMPLETE: Final = "policies may refuse them, since the rest is unknown; leave them out, or exempt them by a policy"


def lines(
    rows: Sequence[dict[str, Any]], tags: dict[str, Any], images: dict[str, Any], sinks: Sequence[dict[str, Any]],
    revision: int,
) -> list[str]:  # fmt: skip
    """All of it; what is well has a line, what is not also the reason and the next step."""
    return [*_repository_lines(rows, revision), *_tag_lines(tags), *_image_lines(images), *_sink_lines(sinks)]


def _repository_lines(rows: Sequence[dict[str, Any]], revision: int) -> list[str]:
    counts = {state: sum(row["state"] == state for row in rows) for state in ("fresh", "stale", "failing", "waiting")}
    shown = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    noun = "repository" if len(rows) == 1 else "repositories"
    lines = [f"{len(rows)} {noun}{f': {shown}' if shown else ''} (revision {revision})"]
    for row in rows:
        age = "not looked at yet" if row["age_seconds"] is None else f"looked at {_ago(row['age_seconds'])} ago"
        lines.append(f"{row['state']:<8} {row['repository']}  {age}")
        if "text" in row:
            lines.append(f"         {text.safe(row['text'], 500)} [{row['code']}], tries: {row['failures']}")
        if "step" in row:
            lines.append(f"         next: {row['step']}")
    return lines


def _image_lines(images: dict[str, Any]) -> list[str]:
    """What there is to say about scans; nothing where no scanner ever asked for work."""
    if not images["scanner"]:
        return []
    noun = "image" if images["total"] == 1 else "images"
    counted = "".join(f", {images[name]} {name}" for name in ("incomplete", "failed", "due") if images[name])
    lines = [f"{images['total']} {noun}: {images['scanned']} scanned by {images['scanner']}{counted}"]
    if found := images.get("scanner_trouble"):
        lines.append(f"failing  {images['scanner']}, since {found['since']}")
        lines += _told(found)
    if found := images.get("incomplete_example"):
        lines.append(f"incomplete {images['incomplete']} of them, as {found['image']}")
        lines += [f"         {text.safe(gap['text'], 500)} [{text.name(gap['code'], 60)}]" for gap in found["gaps"]]
        lines.append(f"         next: {_INCOMPLETE}")
    for found in images["troubles"]:
        lines.append(f"troubled {found['images']} of them, as {found['example']}")
        lines += _told(found)
    return lines


def _tag_lines(tags: dict[str, Any]) -> list[str]:
    """Tags in trouble, by why: the first of them by name."""
    lines = []
    for found in tags["troubles"]:
        noun = "tag" if found["tags"] == 1 else "tags"
        left = found["tags"] - len(found["first"])
        more = f" and {left} more" if left else ""
        lines.append(
            f"troubled {found['tags']} {noun}: {', '.join(text.name(tag, 300) for tag in found['first'])}{more}"
        )
        lines += _told(found)
    return lines


def _sink_lines(sinks: Sequence[dict[str, Any]]) -> list[str]:
    lines = []
    for found in sinks:
        lines.append(f"failing  {text.name(found['sink'], 300)}, since {found['since']}")
        lines += _told(found)
    return lines


def _told(found: dict[str, Any]) -> list[str]:
    """The reason, and the next step."""
    said = f"{text.safe(found['text'], 500)} [{text.name(found['code'], 60)}]"
    return [f"         {said}", f"         next: {found['step']}"]


def _ago(age: int) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if age >= 2 * size:
            return f"{age // size} {unit}"
    return f"{age} s"
