"""``db``: looking after the store of sync and worker."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from .faults import Fault

if TYPE_CHECKING:
    from ..ports.store import Info

UNITS = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


def db(
    action: Literal["info", "migrate", "backup"],
    /,
    *,
    store: str | None = None,
    to: str | None = None,
    output: Annotated[Literal["text", "json"], Parameter(name=["--output", "-o"])] = "text",
) -> int:
    """Say what is in a store, bring its tables up to date, or write a copy of it.

    A worker brings the tables up to date itself when it starts, with several of them one after the other; migrate alone
    makes them where there are none. A copy is a
    SQLite store, whatever the store is; opening it restores it.

    Parameters
    ----------
    action
        info, migrate or backup
    store
        sqlite:///PATH or postgresql://…; by default the one of sync
    to
        the file that the copy is written to
    output
        text or json
    """
    from ..domain.errors import EnforcerError
    from ..settings.sync import Sync
    from ..wiring.sync import ended, opened

    if (action == "backup") != (to is not None):
        raise Fault("IE2003", "db backup, and nothing else, needs --to FILE", hint="image-enforcer db backup --to FILE")
    try:
        with opened(Sync(store=store or ""), os.environ, Path.home(), create=action == "migrate") as found:
            if to is not None:
                found.backup(Path(to))
            info = found.info()
    except EnforcerError as e:
        raise Fault("IE3003", str(e), exit_code=ended(e)) from None
    print(_json(info, to) if output == "json" else _text(info, to))
    return 0


def _json(info: Info, to: str | None) -> str:
    import json

    document = {
        "kind": info.kind, "place": info.place, "schema": info.schema, "epoch": info.epoch, "revision": info.revision,
        "size": info.size, "counts": dict(info.counts),
    }  # fmt: skip
    return json.dumps(document if to is None else {**document, "backup": to}, indent=2)


def _text(info: Info, to: str | None) -> str:
    lines = [
        f"store     {info.kind} at {info.place}",
        f"schema    {info.schema}",
        f"revision  {info.revision} of {info.epoch}",
        f"size      {_size(info.size)}",
        *(f"  {name:<14} {count}" for name, count in sorted(info.counts.items())),
    ]
    return "\n".join([*lines, f"copied to {to}"] if to is not None else lines)


def _size(count: int) -> str:
    for unit, size in UNITS:
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
