"""``status``: how well what is followed is known, and what to do where it is not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import Parameter

from ..settings.durations import seconds
from .faults import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ..domain.watched import Watched
    from ..ports.store import Backlog, Store

STEPS: Final = {
    "not-authorised": "give credentials that may pull: docker login, or username and password_file in the settings",
    "not-found": "see that the repository's name is right, or follow it no longer",
    "rate-limited": "follow fewer tags, look less often, or log in where that allows more",
    "unreachable": "see that the registry runs, and that this machine reaches it",
    "lying": "tell who runs the registry; what it sends is not what it promises",
    "unsupported": "it holds something that cannot be judged; leave its tags out with --exclude",
    "forbidden": "name the registry in the settings if its address is meant",
}
"""What to do about each kind of trouble."""
OTHERWISE: Final = "see the log of sync"
SCAN_STEPS: Final = {
    "scanner-unreachable": "see that the scanner runs, and that this machine reaches it",
    "scanner-refused": "give the key that it accepts: scanner.key_file in the settings",
    "scanner-lying": "see that the address is the scanner's, and its version one that is spoken here",
    "scanner-busy": "wait, or have it do more side by side",
    "scan-pending": "wait; what stays so for hours is in the scanner's log",
    "index-failed": "see that the scanner reaches the registry; the scanner's log says more",
    "unsupported": "it holds something that the scanner cannot read; leave it out, or exempt it by a policy",
    "no-layers": "there is nothing in it that could be scanned; leave it out, or exempt it by a policy",
}
"""What to do about scans."""
_INCOMPLETE: Final = "policies may refuse them, since the rest is unknown; leave them out, or exempt them by a policy"
MOST_GAPS: Final = 3
"""Gaps of one image that are shown."""


def status(
    *,
    store: str | None = None,
    stale: str = "1h",
    output: Annotated[Literal["text", "json"], Parameter(name=["--output", "-o"])] = "text",
) -> int:
    """Say of each repository that is followed when it was last looked at, what ails it, and what to do; and how far the
    scans of images have come.

    Exits with 0 where all repositories are fresh and no scan failed that is tried again, with 1 where that is not so or
    the scanner cannot be asked, with 2 where there is no store, with 3
    where it cannot be reached.

    Parameters
    ----------
    store
        sqlite:///PATH or postgresql://…; by default the one of sync
    stale
        how long after the last look what is known counts as stale
    output
        text or json
    """
    from ..domain.errors import EnforcerError
    from ..settings.sync import Sync
    from ..wiring.sync import ended, now, opened

    try:
        length = seconds(stale)
    except ValueError as e:
        raise Fault("IE2003", f"--stale {e}") from None
    try:
        with opened(Sync(store=store or ""), os.environ, Path.home(), create=False) as found:
            moment = now()
            watched, backlog, epoch = found.watched(), found.backlog(moment), found.head()[0]
            images = _images(backlog, _ailing(found, backlog.scanner), _incomplete(found, backlog))
    except EnforcerError as e:
        raise Fault("IE3003", str(e), exit_code=ended(e)) from None
    rows = [_row(one, moment, length) for one in watched]
    if output == "json":
        import json

        document = {"revision": backlog.revision, "epoch": epoch, "repositories": rows, "images": images}
        print(json.dumps(document, indent=2))
    else:
        print("\n".join([*_lines(rows, backlog.revision), *_image_lines(images)]))
    well = all(row["state"] == "fresh" for row in rows) and "scanner_trouble" not in images
    return 0 if well and not backlog.scans_failed else 1


def _row(watched: Watched, now: datetime, stale: float) -> dict[str, Any]:
    looked, trouble = watched.looked_at, watched.trouble
    age = None if looked is None else max(0, int((now - looked).total_seconds()))
    state = "fresh"
    if trouble is not None and watched.failures:
        state = "failing"
    elif age is None:
        state = "waiting"
    elif age > stale:
        state = "stale"
    row: dict[str, Any] = {
        "repository": str(watched.repository), "state": state, "age_seconds": age, "failures": watched.failures,
        "next_look": watched.next_look.isoformat(),
    }  # fmt: skip
    if trouble is not None:
        row |= {"code": trouble.code, "text": trouble.text, "step": STEPS.get(trouble.code, OTHERWISE)}
    elif state == "stale":
        row["step"] = "see that sync or worker runs"
    return row


def _ailing(store: Store, scanner: str) -> dict[str, Any]:
    """What ails the scanner itself, where anything does."""
    from ..services.ailing import noted

    trouble = noted(store, scanner)
    if trouble is None:
        return {}
    step = SCAN_STEPS.get(trouble.code, OTHERWISE)
    told = {"code": trouble.code, "text": trouble.text, "since": trouble.at.isoformat(timespec="seconds"), "step": step}
    return {"scanner_trouble": told}


def _incomplete(store: Store, backlog: Backlog) -> dict[str, Any]:
    """Of one image whose report has gaps, which they are."""
    one = backlog.incomplete_one
    report = store.report(one, backlog.scanner) if one is not None else None
    if report is None:
        return {}
    gaps = [{"code": gap.code, "text": gap.text} for gap in report.gaps[:MOST_GAPS]]
    return {"incomplete_example": {"image": report.digest, "gaps": gaps}}


def _images(backlog: Backlog, ailing: dict[str, Any], incomplete: dict[str, Any]) -> dict[str, Any]:
    return {
        "scanner": backlog.scanner or None, **ailing, "total": backlog.images, "scanned": backlog.scanned,
        "incomplete": backlog.incomplete, **incomplete, "failed": backlog.scans_failed, "due": backlog.scans_due,
        "troubles": [
            {
                "code": t.code, "images": t.count, "example": t.digest, "text": t.text,
                "step": SCAN_STEPS.get(t.code) or STEPS.get(t.code, OTHERWISE),
            }
            for t in backlog.scan_troubles
        ],
    }  # fmt: skip


def _image_lines(images: dict[str, Any]) -> list[str]:
    """What there is to say about scans; nothing where no scanner ever asked for work."""
    from ..analysis import text

    if not images["scanner"]:
        return []
    noun = "image" if images["total"] == 1 else "images"
    counted = "".join(f", {images[name]} {name}" for name in ("incomplete", "failed", "due") if images[name])
    lines = [f"{images['total']} {noun}: {images['scanned']} scanned by {images['scanner']}{counted}"]
    if found := images.get("scanner_trouble"):
        lines.append(f"failing  {images['scanner']}, since {found['since']}")
        lines.append(f"         {text.safe(found['text'], 500)} [{text.name(found['code'], 60)}]")
        lines.append(f"         next: {found['step']}")
    if found := images.get("incomplete_example"):
        lines.append(f"incomplete {images['incomplete']} of them, as {found['image']}")
        lines += [f"         {text.safe(gap['text'], 500)} [{text.name(gap['code'], 60)}]" for gap in found["gaps"]]
        lines.append(f"         next: {_INCOMPLETE}")
    for found in images["troubles"]:
        lines.append(f"troubled {found['images']} of them, as {found['example']}")
        lines.append(f"         {text.safe(found['text'], 500)} [{text.name(found['code'], 60)}]")
        lines.append(f"         next: {found['step']}")
    return lines


def _lines(rows: Sequence[dict[str, Any]], revision: int) -> list[str]:
    from ..analysis import text

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


def _ago(age: int) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if age >= 2 * size:
            return f"{age // size} {unit}"
    return f"{age} s"
