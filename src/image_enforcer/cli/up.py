"""``up``: a worker and a server that decides by its facts, together on one machine."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from .facts import check_registry
from .faults import Fault
from .following import SOURCE, Many, Source, registry_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..settings.sync import Sync

DEFAULT: Final = ("policies",)
"""Where policies are if nobody says."""
STOP: Final = 15.0
"""Seconds that both have to stop before they are killed."""
LOOK: Final = 0.2


def up(
    *,
    policy: Annotated[tuple[str, ...], Parameter(consume_multiple=False)] = DEFAULT,
    data: Many = (),
    source: Source = SOURCE,
    settings: str | None = None,
    store: str | None = None,
    addr: Annotated[str, Parameter(name=["--addr", "-a"])] = "127.0.0.1:8181",
    admin_addr: str = "127.0.0.1:8282",
    facts_require: str | None = None,
    facts_registry: str | None = None,
) -> int:
    """Run a worker and a server together, to try them out: serve decides by what the worker knows.

    Reviews are answered at POST /image-policy. When one of the two ends, so does the other.

    Parameters
    ----------
    policy
        policy files and directories; may be given several times
    data
        data files and directories; may be given several times
    settings
        a YAML file with registries, repositories and perhaps a scanner
    store
        sqlite:///PATH or postgresql://…; by default the settings', else a file of its own, up.db, below
        ~/.local/state/image-enforcer
    addr
        where reviews are answered, HOST:PORT
    admin_addr
        where /healthz, /readyz and /metrics are, HOST:PORT
    facts_require
        what has to be known of an image: scanned, resolved or nothing; scanned where there is a scanner
    facts_registry
        the one registry that data.docker.layers is about, for policies that read it; by default that of --registry-url
        where --repository is given, else legacy_registry of the settings
    """
    if not Path(policy[0]).exists() and policy == DEFAULT:
        text = f"no policy is named, and there is no directory {DEFAULT[0]!r} here"
        raise Fault("IE2006", text, hint="image-enforcer init DIR writes policies to begin with; --policy names yours")
    registry = facts_registry or _registry(source, settings)
    check_registry(registry)
    facts = f"127.0.0.1:{_free_port()}"
    worker = ["worker", "--addr", facts, "--registry-url", source.registry_url, "--poll-delay", source.poll_delay]
    nodes = _given("--platform", source.platform or _told(settings).platforms)
    worker += [*_given("--repository", source.repository), *nodes]
    if store is None and not (settings is not None and _told(settings).store):
        from ..wiring.sync import default_store

        # One of its own: the list that is tried out must not take the place of the one that a worker follows.
        store = default_store(os.environ, Path.home(), "up.db")
    for option, value in (
        ("--clair-url", source.clair_url), ("--serve-blobs-addr", source.serve_blobs_addr), ("--settings", settings),
        ("--store", store),
    ):  # fmt: skip
        worker += [option, value] if value is not None else []
    scanned = source.clair_url is not None or _told(settings).scanner is not None
    require = facts_require or ("scanned" if scanned else "resolved")
    serve = ["serve", *_given("--policy", policy), *_given("--data", data), "--addr", addr, "--admin-addr", admin_addr]
    serve += ["--facts", f"http://{facts}", "--facts-require", require, *nodes]
    serve += ["--facts-registry", registry]
    # The worker's address is another one each time, so a copy that stayed would be of no use.
    with tempfile.TemporaryDirectory(prefix="image-enforcer-") as folder:
        return _together([worker, [*serve, "--facts-copy", str(Path(folder) / "facts.db")]])


def _given(option: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (option, value)]


def _told(settings: str | None) -> Sync:
    """What a settings file says: the server must leave out what the worker does."""
    from ..settings.sync import BadSettings, Sync, read

    try:
        return read(Path(settings)) if settings is not None else Sync()
    except BadSettings:
        return Sync()  # the worker says what is wrong, and ends


def _registry(source: Source, settings: str | None) -> str:
    """The registry of which the worker makes documents."""
    from ..settings.sync import legacy_registry

    return registry_name(source.registry_url) if source.repository else legacy_registry(_told(settings))


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _together(commands: Sequence[Sequence[str]]) -> int:
    """Run them until one ends or this is told to stop; the exit code of the one that ended by itself."""
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopping.append(number))
    running: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            # In a group of their own: Ctrl-C reaches this process alone, which stops them in order.
            program = [sys.executable, "-m", "image_enforcer", *command]
            started = subprocess.Popen(program, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 - ours
            running.append(started)
        while not stopping:
            codes = [process.poll() for process in running]
            ended = next((i for i, code in enumerate(codes) if code is not None), None)
            if ended is not None:
                code = codes[ended] or 0
                if code != 0:
                    raise Fault("IE3004", f"{commands[ended][0]} ended with {code}", exit_code=max(1, code))
                return 0
            time.sleep(LOOK)
        return 0
    finally:
        _stop(list(reversed(running)))


def _stop(running: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    until = time.monotonic() + STOP
    for process in running:
        try:
            process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
