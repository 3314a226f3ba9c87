"""How long one decision takes, bytes to bytes, by engine and by how much data there is."""

import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.facts import Facts, write
from tools import peers

POLICIES = Path(__file__).parent / "policies"


@dataclass(frozen=True, slots=True)
class Engine:
    """What is timed: a command that takes policy, data, reviews and seconds, and prints figures."""

    name: str
    command: tuple[str, ...]
    policy: str
    most_layers: int = 1_000_000


def engines() -> Iterator[Engine | str]:
    """Every engine that this machine has; a text says which it has not and why."""
    worker = (sys.executable, "-m", "benchmarks.worker")
    yield Engine("ours", (*worker, "ours"), "membership")
    yield Engine("ours, indexed", (*worker, "ours"), "indexed")
    try:
        opa = (str(peers.build("opa-bench")),)
    except peers.Unavailable as reason:
        yield f"OPA is left out: {reason}"
    else:
        yield Engine("OPA library", opa, "membership")
        yield Engine("OPA library, indexed", opa, "indexed")
    if importlib.util.find_spec("regopy"):
        yield Engine("regopy", (*worker, "regopy"), "membership", most_layers=2_000)
    else:
        yield "regopy is left out: not installed"


def measure(engine: Engine, facts: Facts, seconds: float) -> dict[str, Any] | str:
    """One run in a process of its own; a text where it failed."""
    command = [
        *engine.command,
        str(POLICIES / f"{engine.policy}.rego"),
        str(facts.data),
        str(facts.reviews),
        str(seconds),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    except subprocess.TimeoutExpired:
        return "longer than 300 s"
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["failed"])[-1][:80]
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def run(sizes: Sequence[int], rounds: int, seconds: float) -> bool:
    """Prints the table; false when engines disagree about a verdict."""
    print("One decision, bytes to bytes, over different reviews; median of the rounds' means\n")
    chosen: list[Engine] = []
    for found in engines():
        if isinstance(found, str):
            print(found)
        else:
            chosen.append(found)
    print(f"\n{'layers':>8}  {'engine':<22} {'µs':>12} {'ratio':>9} {'first, µs':>12} {'load, s':>8} {'decisions':>10}")
    agreed = True
    with tempfile.TemporaryDirectory() as folder:
        for added in sizes:
            facts = write(Path(folder), added)
            rows: dict[str, list[dict[str, Any]]] = {}
            for _ in range(rounds):
                for engine in chosen:
                    if facts.layers <= engine.most_layers:
                        figures = measure(engine, facts, seconds)
                        if isinstance(figures, str):
                            print(f"{facts.layers:>8}  {engine.name:<22} {figures}")
                        else:
                            rows.setdefault(engine.name, []).append(figures)
            agreed = show(facts, rows) and agreed
            facts.data.unlink()
    return agreed


def show(facts: Facts, rows: dict[str, list[dict[str, Any]]]) -> bool:
    """Prints one size; false when engines that judged all reviews allowed different numbers of them."""
    ours = statistics.median(row["us"] for row in rows["ours"])
    for name, figures in rows.items():
        us, first, load = (statistics.median(row[key] for row in figures) for key in ("us", "first_us", "load_s"))
        print(
            f"{facts.layers:>8}  {name:<22} {us:>12,.1f} {us / ours:>8,.1f}x {first:>12,.0f} {load:>8.2f} "
            f"{figures[0]['decisions']:>10,}"
        )
    complete = max(row["decisions"] for figures in rows.values() for row in figures)
    verdicts = {row["allowed"] for figures in rows.values() for row in figures if row["decisions"] == complete}
    if len(verdicts) > 1:
        print(f"the engines disagree: {sorted(verdicts)} of {complete} reviews allowed")
    return len(verdicts) == 1
