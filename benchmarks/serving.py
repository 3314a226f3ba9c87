"""Reviews a second over HTTP: `serve` and a real OPA server, each on one core, the client on another."""

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.decisions import POLICIES
from benchmarks.facts import Facts, write
from tools import peers
from tools.demo import COMMAND, free_port


@dataclass(frozen=True, slots=True)
class Server:
    """A server to measure; `{policy}`, `{data}`, `{addr}` and `{admin}` are filled in."""

    name: str
    command: tuple[str, ...]
    ready: str
    policy: str
    most_layers: int = 1_000_000


def servers() -> Iterator[Server | str]:
    """Every server that this machine has; a text says which it has not and why."""
    serve = (
        str(COMMAND),
        "serve",
        "--policy",
        "{policy}",
        "--data",
        "{data}",
        "--addr",
        "{addr}",
        "--admin-addr",
        "{admin}",
    )
    if COMMAND.exists():
        yield Server("serve", serve, "http://{admin}/readyz", "membership")
        yield Server("serve, indexed", serve, "http://{admin}/readyz", "indexed")
    else:
        yield "serve is left out: the image-enforcer command is not installed"
    try:
        opa = peers.build("opa")
    except peers.Unavailable as reason:
        yield f"OPA is left out: {reason}"
    else:
        command = (str(opa), "run", "--server", "--addr", "{addr}", "--log-level", "error", "{policy}", "{data}")
        yield Server("OPA server", command, "http://{addr}/health", "membership", most_layers=20_000)
        yield Server("OPA server, indexed", command, "http://{addr}/health", "indexed")


def pinned(core: int, command: Sequence[str]) -> list[str]:
    """A command that keeps to one core, where this machine has two."""
    taskset = shutil.which("taskset")
    if taskset is None or (os.cpu_count() or 1) < 2:
        return list(command)
    return [taskset, "-c", str(core), *command]


@contextlib.contextmanager
def started(server: Server, facts: Facts, log: Path) -> Iterator[tuple[str, int]]:
    """A running server; its address and process number."""
    places = {
        "policy": str(POLICIES / f"{server.policy}.rego"),
        "data": str(facts.data),
        "addr": f"127.0.0.1:{free_port()}",
        "admin": f"127.0.0.1:{free_port()}",
    }
    command = pinned(0, [part.format(**places) for part in server.command])
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            env={**os.environ, "GOMAXPROCS": "1"},
        )  # fmt: skip
    try:
        until = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError), opener.open(server.ready.format(**places), timeout=5):
                break
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{server.name} is not ready: {log.read_text(errors='replace')[-500:]}")
            time.sleep(0.05)
        yield places["addr"], process.pid
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(address: str, pid: int, facts: Facts, connections: int, seconds: float) -> dict[str, Any]:
    """The figures of one load; ``cpu_us`` is what the server spent on a review."""
    command = [sys.executable, "-m", "benchmarks.client", address, "/v0/data/io/k8s/image_policy/verify"]
    command += [str(facts.reviews), str(connections), str(seconds)]
    before = cpu_seconds(pid)
    done = subprocess.run(pinned(1, command), capture_output=True, text=True, check=False, timeout=seconds + 120)
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-300:])
    figures: dict[str, Any] = json.loads(done.stdout)
    figures["cpu_us"] = (cpu_seconds(pid) - before) / figures["requests"] * 1e6
    return figures


def run(sizes: Sequence[int], rounds: int, seconds: float) -> None:
    """Prints the table."""
    print("\nReviews a second over HTTP, the server on one core, the client on another; median of the rounds\n")
    chosen: list[Server] = []
    for found in servers():
        if isinstance(found, str):
            print(found)
        else:
            chosen.append(found)
    heading = (
        f"{'layers':>8}  {'server':<22} {'conns':>5} {'per second':>11} {'ratio':>8} {'p50, ms':>9} {'p99, ms':>9} "
        f"{'CPU, µs':>9}"
    )
    print(f"\n{heading} {'failed':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for added in sizes:
            facts = write(Path(folder), added)
            rows: dict[tuple[str, int], list[dict[str, Any]]] = {}
            for _ in range(rounds):
                for server in chosen:
                    if facts.layers > server.most_layers:
                        continue
                    try:
                        with started(server, facts, Path(folder) / "server.log") as (address, pid):
                            load(address, pid, facts, 4, min(1.0, seconds))
                            for connections in (1, 32):
                                figures = load(address, pid, facts, connections, seconds)
                                rows.setdefault((server.name, connections), []).append(figures)
                    except RuntimeError as error:
                        print(f"{facts.layers:>8}  {server.name:<22} {error}")
            for (name, connections), figures_of in rows.items():
                speed, p50, p99, cpu = (
                    statistics.median(row[key] for row in figures_of)
                    for key in ("per_second", "p50_ms", "p99_ms", "cpu_us")
                )
                ours = rows.get(("serve", connections), figures_of)
                ratio = statistics.median(row["per_second"] for row in ours) / speed
                failed = sum(row["failed"] for row in figures_of)
                print(
                    f"{facts.layers:>8}  {name:<22} {connections:>5} {speed:>11,.0f} {ratio:>7.1f}x {p50:>9.2f} "
                    f"{p99:>9.2f} {cpu:>9.0f} {failed:>7}"
                )
            facts.data.unlink()
