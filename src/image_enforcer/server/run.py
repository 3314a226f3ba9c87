"""The life of ``serve``: bind, load, answer, notice changed files, stop without leaving anybody without an answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from .. import memory
from ..ports.facts import Worker
from ..ports.policy import PolicyEngine
from ..services.asking import Asking, Time
from ..services.decide import Guard
from ..services.informing import Informing
from ..settings import Address, Serve
from .admin import Admin
from .certificates import Certificates
from .decision_log import DecisionLog
from .lasting import lasting
from .listening import Server, bind
from .logs import Forwarded, Log, Sink
from .metrics import Metrics
from .pace import Pace
from .protocol import Manners, Quick, configuration
from .pulling import keep_pulling
from .reviews import PATHS, Reviews, refusal
from .tokens import Tokens

IDLE = 120.0
"""Seconds that an idle connection is kept: longer than the API server's 90, so that it is the one to close."""
SWITCH = 0.0005
"""Seconds for which a long evaluation keeps the interpreter from the other reviews (Python's default is ten times
that)."""
RESERVE = 0.5
"""Seconds of the API server's patience that are left beside one evaluation, whatever is waited for."""
LOOK = 1.0
"""Seconds between looks at certificate and token files."""

Watch = Callable[[Callable[[], None], threading.Event], None]
"""Calls its first argument after policies or data have changed, until the event is set."""


def check_credentials(settings: Serve) -> None:
    """Read certificates and tokens as the service would; raises :class:`EnforcerError` where they cannot be used."""
    if settings.tls is not None:
        Certificates(settings.tls)
    if settings.token_file:
        Tokens(settings.token_file)


class Service:
    """Everything that ``serve`` holds while it runs. Made before the loop starts, so that faults end it early."""

    def __init__(
        self, settings: Serve, engine: PolicyEngine, parse: Callable[[bytes], Any], *, out: int, err: int,
        informing: Informing | None = None, worker: Worker | None = None,
    ) -> None:  # fmt: skip
        """``informing`` adds facts to reviews, where there are any; ``worker`` is asked about what is not known, but
        never for somebody who did not say who they are. ``out`` and ``err`` are the file descriptors for
        decisions and for everything else. Raises :class:`EnforcerError` for certificates, tokens and addresses that
        cannot be used."""
        self._settings = settings
        self._engine = engine
        self._informing = informing
        self._decisions = Sink(out)
        self._sink = Sink(err)
        self.log = Log(self._sink, time.time, settings.log_level)
        # As they were before they are read: what changes from then on is read again.
        self._seen = {"certificates": _stamps(_files(settings)), "tokens": _stamps((settings.token_file,))}
        self._certificates = Certificates(settings.tls) if settings.tls is not None else None
        self._tokens = Tokens(settings.token_file) if settings.token_file else None
        self.sockets = bind(settings.addr, "--addr"), bind(settings.admin_addr, "--admin-addr")
        self._metrics = Metrics()
        self._metrics.loaded(time.time())
        self._pace = Pace(engine, settings.bounds, time.monotonic)
        self._metrics.watch_lines(lambda: self._decisions.dropped + self._sink.dropped, lambda: self._pace.slow)
        self._asking: Asking | None = None
        if informing is not None and worker is not None and settings.ask > 0 and settings.authenticated:
            time_left = Time(most=settings.ask, reserve=settings.source.seconds + RESERVE)
            self._asking = Asking(informing, worker, time_left, time.monotonic, self._told)
        self._reviews = Reviews(
            self._pace, parse, Guard(exempt=settings.exempt, audit=settings.audit), settings.bounds,
            DecisionLog(self._decisions if settings.decision_log else None, time.time, _new_id),
            self._metrics, time.perf_counter, self._tokens, informing.inform if informing is not None else None,
            self._asking,
        )  # fmt: skip
        self._stopping = asyncio.Event()
        self._told_to_reload = asyncio.Event()
        self._stop_watching = threading.Event()

    def run(self, watch: Watch | None) -> int:
        """Serve until told to stop; gives the exit code."""
        import uvloop

        self._open_files()
        memory.give_back()
        memory.settle()
        sys.setswitchinterval(SWITCH)
        logging.getLogger("uvicorn").handlers = [Forwarded(self.log)]
        logging.getLogger("uvicorn").propagate = False
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        logging.getLogger("asyncio").handlers = [Forwarded(self.log)]
        logging.getLogger("asyncio").propagate = False
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve(watch))
        finally:
            self._stop_watching.set()
            self._pace.close()
            self._decisions.close(5.0)
            self._sink.close(5.0)
        return 0

    @staticmethod
    def _open_files() -> None:
        """As many as may be: each connection is one."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < hard:
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    async def _serve(self, watch: Watch | None) -> None:
        settings, bounds = self._settings, self._settings.bounds
        quick = Quick(
            paths=frozenset(path.encode() for path in PATHS), most=bounds.quick, answer=self._reviews.at_once,
            closing=lambda: self._reviews.draining,
        )  # fmt: skip
        manners = Manners(
            receive=bounds.receive, idle=IDLE, connections=bounds.connections, refuse=refusal,
            quick=None if self._engine.blocking else quick,
        )  # fmt: skip
        plain = Manners(receive=bounds.receive, idle=IDLE, connections=64)
        context = self._certificates.listening if self._certificates is not None else None
        reviews = Server(configuration(self._reviews, manners, tls=context, grace=settings.grace))
        admin = Server(configuration(Admin(self._ready, self._counted), plain, grace=1.0))
        servers = [
            asyncio.create_task(reviews.serve([self.sockets[0]])),
            asyncio.create_task(admin.serve([self.sockets[1]])),
        ]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop, reviews, admin)
        loop.add_signal_handler(signal.SIGHUP, self._told_to_reload.set)
        lasts: list[Callable[[], Coroutine[Any, Any, None]]] = [self._look_at_files, self._reloading]
        if settings.pull:
            lasts.append(partial(keep_pulling, settings.pull, self.log, self._stopping.is_set))
        tasks = [asyncio.create_task(lasting(work, self._broken)) for work in lasts]
        if watch is not None:
            tasks.append(asyncio.create_task(self._watching(watch)))
        self._announce()
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([stopping, *servers], return_when=asyncio.FIRST_COMPLETED)
        if not self._stopping.is_set():  # nobody is answered any more: what is wrong is raised below
            self._told_to_stop()
        await asyncio.sleep(settings.lame_duck)
        reviews.should_exit = True
        await servers[0]
        admin.should_exit = True
        await servers[1]
        self._stop_watching.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._asking is not None:
            await self._asking.close()
        self.log("info", "stopped")

    def _broken(self, fault: BaseException) -> None:
        self.log(
            "error", "work beside the answers broke off; beginning again", error=f"{type(fault).__name__}: {fault}"
        )

    async def _counted(self) -> bytes:
        return self._metrics.text()

    def _announce(self) -> None:
        settings = self._settings
        if self._certificates is not None:
            self._metrics.certificate(self._certificates.expires)
        scheme = "https" if self._certificates is not None else "http"
        revision = self._engine.revision()
        facts = {"facts": settings.facts} if settings.facts else {}
        addresses = [f"{Address(host=s.getsockname()[0], port=s.getsockname()[1])}" for s in self.sockets]
        self.log(
            "info", "ready", addr=f"{scheme}://{addresses[0]}", admin_addr=f"http://{addresses[1]}",
            policy_revision=revision.policy, data_revision=revision.data, watch=settings.watch, pid=os.getpid(),
            **facts,
        )  # fmt: skip
        if self._informing is not None and not settings.pull and (missing := self._informing.missing()):
            self.log("warning", "images are unknown until there are facts", reason=missing)

    def _told(self, event: str, text: str) -> None:
        self.log("info" if event == "recovered" else "warning", "asking the worker", event=event, reason=text)

    def _told_to_stop(self, *servers: Server) -> None:
        if self._stopping.is_set():
            for server in servers:
                server.force_exit = True
            return
        self.log("info", "stopping: answering what has arrived")
        self._reviews.draining = True
        if self._asking is not None:
            self._asking.draining = True
        self._stopping.set()

    async def _ready(self) -> str:
        if self._stopping.is_set():
            return "stopping"
        missing = self._informing.missing() if self._informing is not None else ""
        if missing:
            return missing
        if self._engine.blocking:
            return await asyncio.get_running_loop().run_in_executor(None, self._engine.ready)
        return self._engine.ready()

    async def _watching(self, watch: Watch) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(None, watch, self._reload, self._stop_watching)
        finally:  # also where it failed in a way that nobody foresaw
            if not self._stopping.is_set():
                fault = sys.exception()
                why = "" if fault is None else f"{type(fault).__name__}: {fault}"
                self.log("error", "files are no longer watched; restart to load changes", error=why)

    async def _reloading(self) -> None:
        """Reload when told to. However often that is, no more than one reload waits behind the one under way: what is
        read then is the newest, and stopping waits for no others."""
        while True:
            await self._told_to_reload.wait()
            self._told_to_reload.clear()
            await asyncio.get_running_loop().run_in_executor(None, self._reload)

    def _reload(self) -> None:
        """Read policies and data again; what cannot be used leaves the old state in force."""
        began = time.perf_counter()
        fault = self._engine.reload()
        self._metrics.reloaded("policies", not fault, time.time())
        took = round((time.perf_counter() - began) * 1e3, 1)
        if fault:
            self.log(
                "error", "policies and data were not reloaded; the old ones stay in force", error=fault, took_ms=took
            )
            return
        memory.settle()
        revision = self._engine.revision()
        self.log("info", "reloaded", policy_revision=revision.policy, data_revision=revision.data, took_ms=took)

    async def _look_at_files(self) -> None:
        """Load certificates and tokens anew when their files have changed."""
        looked: list[tuple[str, tuple[str, ...], Callable[[], str]]] = []
        if self._certificates is not None:
            looked.append(("certificates", self._certificates.files, self._certificates.reload))
        if self._tokens is not None:
            looked.append(("tokens", (self._settings.token_file,), self._tokens.reload))
        seen = self._seen
        while looked:
            await asyncio.sleep(LOOK)
            for what, files, reload in looked:
                now = _stamps(files)
                if now == seen[what]:
                    continue
                seen[what] = now
                fault = _irregular(files) or reload()
                self._metrics.reloaded(what, not fault, time.time())
                if fault:
                    self.log("error", f"{what} were not reloaded; the old ones stay in force", error=fault)
                else:
                    self.log("info", f"{what} reloaded")
                if self._certificates is not None:
                    self._metrics.certificate(self._certificates.expires)


def _files(settings: Serve) -> tuple[str, ...]:
    """The files of the certificates."""
    tls = settings.tls
    return () if tls is None else tuple(filter(None, (tls.cert_file, tls.key_file, tls.client_ca_file)))


def _new_id() -> str:
    """The name of a decision, a random UUID. It only has to differ from the others."""
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _irregular(files: tuple[str, ...]) -> str:
    """What is no file among these: a pipe would be read for as long as nobody writes, and all answers with it."""
    for name in files:
        if Path(name).exists() and not Path(name).is_file():
            return f"{name}: not a regular file"
    return ""


def _stamps(files: tuple[str, ...]) -> tuple[tuple[int, int, int] | None, ...]:
    """What changes when a file is written or swapped; None where it cannot be seen."""
    found: list[tuple[int, int, int] | None] = []
    for name in files:
        try:
            at = Path(name).stat()
        except OSError:
            found.append(None)
        else:
            found.append((at.st_mtime_ns, at.st_size, at.st_ino))
    return tuple(found)
