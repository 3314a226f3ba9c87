"""The server's log in OPA's fields: JSON or text, one record a line. Bodies, headers and parameters never enter it."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Generator, Mapping
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

LEVELS: Final[Mapping[str, int]] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
FORMATS: Final = ("json", "json-pretty", "text")


def make_log(stream: TextIO, level: str, form: str, now: Callable[[], str]) -> FilteringBoundLogger:
    """A log of records from ``level`` on; ``now`` gives the time as text."""

    def stamped(_: WrappedLogger, method: str, event: EventDict) -> EventDict:
        event["level"] = method
        event["time"] = now()
        return event

    renderers = {"json": _as_json, "json-pretty": _as_indented, "text": _as_text}
    made: FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=[stamped, structlog.processors.EventRenamer("msg"), renderers[form]],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        cache_logger_on_first_use=True,
    )
    return made


def _as_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    return json.dumps(event, sort_keys=True, separators=(",", ":"), default=str)


def _as_indented(_: WrappedLogger, __: str, event: EventDict) -> str:
    return json.dumps(event, sort_keys=True, indent=2, default=str)


def _as_text(_: WrappedLogger, __: str, event: EventDict) -> str:
    record: dict[str, Any] = dict(event)
    head = f"[{record.pop('level').upper()}] {_line(str(record.pop('msg')))}"
    return " ".join([head, *(f"{k} = {json.dumps(v, default=str)}" for k, v in sorted(record.items()))])


def _line(text: str) -> str:
    """A text that stays on one line, whoever wrote it."""
    return json.dumps(text)[1:-1]


class _Bridge(logging.Handler):
    """Takes what the HTTP server and the event loop report into our log: the message and the fault, no stack."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        fault = record.exc_info[1] if record.exc_info else None
        about = {} if fault is None else {"err": f"{type(fault).__name__}: {fault}"}
        text = record.getMessage().splitlines()[0] if record.getMessage() else record.name
        self._log.log(record.levelno, text, **about)


@contextlib.contextmanager
def library_logs(log: FilteringBoundLogger) -> Generator[None, None, None]:
    """While it lasts, what libraries report goes to our log."""
    bridge = _Bridge(log)
    loggers = [logging.getLogger(name) for name in ("uvicorn", "asyncio")]
    for logger in loggers:
        logger.addHandler(bridge)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(bridge)
