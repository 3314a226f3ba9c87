"""What ``sync`` and ``worker`` tell of themselves: lines, how far they have come, metrics."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractAsyncContextManager

    from ..ports.store import Store
    from ..server.observing import Observing
    from ..services.told import Told
    from .sync_lines import Lines


@dataclass(frozen=True, slots=True)
class Telling:
    """Who is told what happens."""

    lines: Lines
    told: Told
    observing: Observing | None

    def beside(self) -> AbstractAsyncContextManager[None]:
        """Answers on the admin address, where there is one."""
        return contextlib.nullcontext() if self.observing is None else self.observing.serving()


@contextlib.contextmanager
def telling(out: TextIO, form: str, store: Store, admin_addr: str | None) -> Iterator[Telling]:
    """Tell what happens on ``out``, and on a terminal also what is left. Raises a fault and :class:`EnforcerError`."""
    from ..server.observing import Observing
    from ..server.work_metrics import WorkMetrics
    from ..wiring.sync import now
    from .serve import address
    from .sync_lines import Lines
    from .sync_progress import Progress

    progress = Progress(out) if form == "text" and out.isatty() else None
    lines = Lines(out, form, progress)
    following = progress.following(lambda: store.backlog(now())) if progress is not None else contextlib.nullcontext()
    if admin_addr is None:
        with following:
            yield Telling(lines, lines, None)
        return
    metrics = WorkMetrics(lines)
    observing = Observing(address(admin_addr, "--admin-addr", 8282), metrics, store, now)
    with contextlib.closing(observing.socket), following:
        yield Telling(lines, metrics, observing)
