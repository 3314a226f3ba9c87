"""``status``: how well what is followed is known, and what to do where it is not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import Parameter

from ..settings.durations import seconds
from .faults import Fault
from .next_steps import of_registry, of_scan, of_sink

if TYPE_CHECKING:
    from datetime import datetime

    from ..domain.watched import Watched
    from ..ports.store import Backlog, Store

MOST_GAPS: Final = 3
"""Gaps of one image that are shown."""


def status(
    *,
    store: str | None = None,
    stale: str = "1h",
    output: Annotated[Literal["text", "json"], Parameter(name=["--output", "-o"])] = "text",
) -> int:
    """Say of each repository that is followed when it was last looked at, what ails it and its tags, and what to do;
    how far the scans of images have come; and which running OPAs did not get everything.

    Exits with 0 where all repositories are fresh, no tag is in trouble, no scan failed that is tried again and every
    OPA got everything, with 1 where that is not so or the scanner cannot be asked, with 2 where there is no store, with
    3 where it cannot be reached.

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
            sinks = _sinks(found)
    except EnforcerError as e:
        raise Fault("IE3003", str(e), exit_code=ended(e)) from None
    rows, tags = [_row(one, moment, length) for one in watched], _tags(backlog)
    if output == "json":
        import json

        document = {"revision": backlog.revision, "epoch": epoch, "repositories": rows}
        print(json.dumps(document | {"tags": tags, "images": images, "sinks": sinks}, indent=2))
    else:
        from .status_lines import lines

        print("\n".join(lines(rows, tags, images, sinks, backlog.revision)))
    well = all(row["state"] == "fresh" for row in rows) and "scanner_trouble" not in images
    return 0 if well and not tags["troubled"] and not backlog.scans_failed and not sinks else 1


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
        row |= _told(trouble.code, trouble.text, of_registry(trouble.code))
    elif state == "stale":
        row["step"] = "see that sync or worker runs"
    return row


def _tags(backlog: Backlog) -> dict[str, Any]:
    """What ails tags whose repository could be looked at: how many there are, and by each reason the first of them."""
    troubles = [
        {"tags": t.count, "first": list(t.tags)} | _told(t.code, t.text, of_registry(t.code))
        for t in backlog.tag_troubles
    ]
    return {"troubled": sum(t.count for t in backlog.tag_troubles), "troubles": troubles}


def _sinks(store: Store) -> list[dict[str, Any]]:
    """The running OPAs that did not get everything, as the worker noted that tried."""
    from ..services.undelivered import noted

    return [
        {"sink": name, "since": t.at.isoformat(timespec="seconds")} | _told(t.code, t.text, of_sink(t.code))
        for name, t in sorted(noted(store).items())
    ]


def _ailing(store: Store, scanner: str) -> dict[str, Any]:
    """What ails the scanner itself, where anything does."""
    from ..services.ailing import noted

    trouble = noted(store, scanner)
    if trouble is None:
        return {}
    since = {"since": trouble.at.isoformat(timespec="seconds")}
    return {"scanner_trouble": since | _told(trouble.code, trouble.text, of_scan(trouble.code))}


def _told(code: str, text: str, step: str) -> dict[str, str]:
    """A trouble, and what to do about it."""
    return {"code": code, "text": text, "step": step}


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
            {"images": t.count, "example": t.digest} | _told(t.code, t.text, of_scan(t.code))
            for t in backlog.scan_troubles
        ],
    }  # fmt: skip
