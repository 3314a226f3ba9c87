"""The server around the application: addresses, TLS, watching files, and a stop that lets requests finish."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gc
import signal
import socket
import ssl
import sys
import threading
import time
import uuid
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn
from structlog.typing import FilteringBoundLogger

from ... import __version__, memory
from ...asgi import Application, unheard
from ...rego import CompileError, Host, Location
from ..documents import Documents
from ..errors import OpaError
from ..watch import Look, watch
from .addresses import Address, AddressError, listen, parse
from .app import App, Settings
from .authz import Authorizer
from .connection import Connection
from .evaluate import Evaluator
from .log import library_logs, make_log
from .metrics import RequestMetrics
from .options import Options, SetupError, tls_context
from .services import Services

THREADS: Final = 4
"""Evaluations that run beside the event loop at once."""

MAX_CONNECTIONS: Final = 4096
KEEP_ALIVE: Final = 75
SWITCH_SECONDS: Final = 0.001
"""How long a busy thread keeps the interpreter from the event loop (Python's default is five times that)."""

GC_THRESHOLDS: Final = (100_000, 50, 100)
"""Requests leave hardly any cycles, but each search through large documents would stop everything."""


@dataclass(frozen=True, slots=True)
class _Door:
    address: Address
    diagnostic: bool = False


def make_app(
    documents: Documents,
    options: Options,
    log: FilteringBoundLogger,
    threads: ThreadPoolExecutor,
    writer: ThreadPoolExecutor,
) -> App:
    """The application over documents."""
    metrics = RequestMetrics()

    def heard(text: str, where: Location) -> None:
        log.info(text, line=str(where))

    host = Host(print=heard, network=options.network, runtime=options.runtime)
    evaluator = Evaluator(documents, threads, options.limits, host)
    services = Services(
        documents=documents, evaluator=evaluator, writer=writer, limits=options.bodies, version=__version__,
        instance=str(uuid.uuid4()), monotonic_ns=time.perf_counter_ns, metrics_text=metrics.text,
    )  # fmt: skip
    authorizer = Authorizer(evaluator, options.bodies) if options.authorization == "basic" else None
    return App(services, authorizer, metrics, log, Settings(authentication=options.authentication))


def serve(
    documents: Documents,
    options: Options,
    watched: Sequence[str],
    reload: Callable[[], None],
    since: Look | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT; gives the exit code. Raises :class:`SetupError`, :class:`AddressError`."""
    log = make_log(sys.stderr, options.log_level, options.log_format, _now)
    context = tls_context(options)
    doors = [_Door(parse(a, tls=context is not None)) for a in options.addresses]
    doors += [_Door(parse(a, tls=context is not None), diagnostic=True) for a in options.diagnostic]
    with contextlib.ExitStack() as stack:
        listening = _listen_all(doors, options, stack)
        _warn(log, [d.address for d in doors if not d.diagnostic], options)
        shown = [[_shown(d.address, s) for d, s in listening if d.diagnostic is side] for side in (False, True)]
        log.info("Initializing server.", **{"addrs": shown[0], "diagnostic-addrs": shown[1]})
        threads = stack.enter_context(_executor(THREADS, "evaluate"))
        writer = stack.enter_context(_executor(1, "write"))
        app = make_app(documents, options, log, threads, writer)
        if watched:
            stack.enter_context(_watching(watched, options.ignore, since, reload, log))
        _tune()
        stack.enter_context(library_logs(log))
        log.debug("Server initialized.")
        servers = []
        for tls, side in sorted({(d.address.tls, d.diagnostic) for d in doors}):
            config = _config(app.diagnostic if side else app, options, context if tls else None)
            sockets = [s for d, s in listening if (d.address.tls, d.diagnostic) == (tls, side)]
            servers.append((_Server(config), sockets))
        loop_factory = servers[0][0].config.get_loop_factory()
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(_run(servers, log))
        log.info("Server shutdown.")
    return 0


def _tune() -> None:
    """Set the interpreter for a server: what was loaded is never searched for garbage, and the rest seldom."""
    sys.setswitchinterval(SWITCH_SECONDS)
    memory.give_back()
    memory.settle()
    gc.set_threshold(*GC_THRESHOLDS)


@contextlib.contextmanager
def _executor(size: int, name: str) -> Generator[ThreadPoolExecutor, None, None]:
    made = ThreadPoolExecutor(size, name)
    try:
        yield made
    finally:
        made.shutdown(wait=True, cancel_futures=True)


class _Server(uvicorn.Server):
    """A server that leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Nothing: there may be several servers, and one handler tells them all."""
        yield


async def _run(servers: Sequence[tuple[_Server, list[socket.socket]]], log: FilteringBoundLogger) -> None:
    def stop() -> None:
        if not servers[0][0].should_exit:
            log.info("Shutting down...")
        for server, _ in servers:
            server.force_exit = server.should_exit
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await asyncio.gather(*(server.serve(sockets) for server, sockets in servers))


def _config(app: Application, options: Options, context: ssl.SSLContext | None) -> uvicorn.Config:
    config = uvicorn.Config(
        unheard(app), loop="uvloop", http=Connection, ws="none", lifespan="off", interface="asgi3", log_config=None,
        access_log=False, proxy_headers=False, server_header=False, timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=options.grace,
        limit_concurrency=MAX_CONNECTIONS,
    )  # fmt: skip
    config.load()
    config.ssl = context
    return config


def _listen_all(
    doors: Sequence[_Door], options: Options, stack: contextlib.ExitStack
) -> list[tuple[_Door, socket.socket]]:
    made = []
    for door in doors:
        for sock in listen(door.address, unix_mode=options.unix_mode):
            stack.callback(sock.close)
            made.append((door, sock))
        if door.address.path:
            stack.callback(_unlink, door.address.path)
    return made


def _unlink(path: str) -> None:
    with contextlib.suppress(OSError):
        Path(path).unlink()


def _shown(address: Address, sock: socket.socket) -> str:
    if address.path:
        return f"unix://{address.path}"
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _warn(log: FilteringBoundLogger, addresses: Sequence[Address], options: Options) -> None:
    if options.authentication == "token" and options.authorization != "basic":
        log.error("Token authentication enabled without authorization. Authentication will be ineffective.")
    open_to_all = [a.text for a in addresses if not a.local]
    if open_to_all and options.authorization == "off":
        log.error(
            "Listening beyond this machine without authorization: whoever reaches the address can read and replace "
            "policies and data, and so decides what is allowed.",
            addrs=open_to_all,
            hint="use --authorization basic with data.system.authz.allow, or listen on localhost",
        )


@contextlib.contextmanager
def _watching(
    paths: Sequence[str],
    ignore: Sequence[str],
    since: Look | None,
    reload: Callable[[], None],
    log: FilteringBoundLogger,
) -> Generator[None, None, None]:
    stop = threading.Event()

    def changed() -> None:
        begun = time.perf_counter()
        fault = ""
        try:
            reload()
        except (OpaError, CompileError) as e:
            fault = str(e)
        about = {"duration": f"{(time.perf_counter() - begun) * 1000:.3f}ms"}
        if fault:
            log.error("Changed files could not be loaded: what was loaded before stays.", **about, err=fault)
        else:
            log.info("Processed file watch event.", **about)

    thread = threading.Thread(
        target=watch,
        args=(paths, changed, stop),
        kwargs={"ignore": ignore, "report": log.warning, "since": since},
        name="watch",
        daemon=True,
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=5)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


__all__ = ["AddressError", "Options", "SetupError", "make_app", "serve", "tls_context"]
