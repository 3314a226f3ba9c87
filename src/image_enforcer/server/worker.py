"""The life of ``worker``: follow and scan, and give the facts out, until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime

from ..asgi import Receive, Scope, Send
from ..ports.store import Store
from ..services.answering import Answering
from ..settings import Address, Tls
from ..wiring.sync import Working, until_stopped
from . import bundles
from .asked import PATH as ASKED
from .asked import AskedApp
from .certificates import Certificates
from .facts import FactsApp, Make
from .hints import PREFIX, HintsApp
from .listening import Server, bind
from .notifications import PATH, NotificationsApp
from .protocol import Manners, configuration
from .tokens import Tokens

IDLE = 120.0
RECEIVE = 10.0
GRACE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Where and to whom facts are given out."""

    addr: Address
    tls: Tls | None = None
    token_file: str = ""
    hint_token_file: str = ""
    """Tokens of registries and Clair that may say what changed. Without, they may where only this machine can ask."""


class _Front:
    """What is answered there: facts; questions, and what registries and Clair say, where that is taken."""

    def __init__(
        self, facts: FactsApp, hints: HintsApp | None, notifications: NotificationsApp | None, asked: AskedApp | None
    ) -> None:
        self._facts = facts
        self._hints = hints
        self._notifications = notifications
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._hints is not None and scope.get("path", "").startswith(PREFIX):
            await self._hints(scope, receive, send)
        elif self._notifications is not None and scope.get("path", "") == PATH:
            await self._notifications(scope, receive, send)
        elif self._asked is not None and scope.get("path", "") == ASKED:
            await self._asked(scope, receive, send)
        else:
            await self._facts(scope, receive, send)


class Worker:
    """Made before the loop starts, so that what cannot be used ends it early."""

    def __init__(
        self, publish: Publish, store: Store, make: Make, bundle: bundles.Make, said: Callable[[str, str], None],
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        """Raises :class:`EnforcerError` for certificates, tokens and addresses that cannot be used."""
        self._certificates = Certificates(publish.tls) if publish.tls is not None else None
        tokens = Tokens(publish.token_file) if publish.token_file else None
        self._app = FactsApp(store, make, tokens, bundles.Bundles(store, bundle, now))
        hinting = Tokens(publish.hint_token_file) if publish.hint_token_file else None
        heeding = hinting is not None or publish.addr.loopback
        self._notifications = NotificationsApp(hinting) if heeding else None
        # Without tokens anybody could have registries asked, so then only this machine may.
        self._asked = AskedApp(tokens) if tokens is not None or publish.addr.loopback else None
        hints = HintsApp(store, now, hinting) if heeding else None
        self._front = _Front(self._app, hints, self._notifications, self._asked)
        self._said = said
        self.socket = bind(publish.addr, "--addr")

    def run(self, working: AbstractAsyncContextManager[Working], beside: AbstractAsyncContextManager[None]) -> None:
        """Work until told to stop; ``beside`` goes on all the while."""
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._run(working, beside))

    async def _run(
        self, working: AbstractAsyncContextManager[Working], beside: AbstractAsyncContextManager[None]
    ) -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        serving = self._serving(stopping)
        async with (
            beside, serving, working as work, self._noticing(work, stopping), self._answering(work.answering)
        ):  # fmt: skip
            host, port = self.socket.getsockname()[:2]
            scheme = "https" if self._certificates is not None else "http"
            self._said("ready", f"facts at {scheme}://{Address(host=host, port=port)}, pid {os.getpid()}")
            await until_stopped(work.syncing.run, stopping)

    @contextlib.asynccontextmanager
    async def _noticing(self, work: Working, stopping: asyncio.Event) -> AsyncIterator[None]:
        """Heed what Clair notifies of. A fault that nobody foresaw ends the worker, and leaves from here."""
        if self._notifications is None or work.noticing is None:
            yield
            return
        self._notifications.noticing = work.noticing
        task = asyncio.create_task(work.noticing.run())
        task.add_done_callback(lambda _: stopping.set())
        try:
            yield
        finally:
            self._notifications.noticing = None
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    @contextlib.asynccontextmanager
    async def _answering(self, answering: Answering) -> AsyncIterator[None]:
        """Questions are answered from when there is work done until there is none."""
        if self._asked is not None:
            self._asked.answering = answering
        try:
            yield
        finally:
            answering.draining = True
            if self._asked is not None:
                self._asked.answering = None

    @contextlib.asynccontextmanager
    async def _serving(self, stopping: asyncio.Event) -> AsyncIterator[None]:
        """Answer meanwhile. A fault that nobody foresaw ends the worker, and leaves from here."""
        context = self._certificates.listening if self._certificates is not None else None
        manners = Manners(receive=RECEIVE, idle=IDLE, connections=256)
        server = Server(configuration(self._front, manners, tls=context, grace=GRACE))
        task = asyncio.create_task(server.serve([self.socket]))
        task.add_done_callback(lambda _: stopping.set())
        try:
            yield
        finally:
            self._app.draining = True
            server.should_exit = True
            await task
