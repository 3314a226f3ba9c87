"""How long a process takes from its start to its answer: ours, OPA, and Python doing nothing."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.decisions import POLICIES
from benchmarks.facts import Facts, write
from tools import peers
from tools.demo import COMMAND


def commands(facts: Facts, ours: str, opa: str | None) -> dict[str, dict[str, list[str]]]:
    """What is started, by what it does and by who does it."""
    review = str(facts.reviews.with_suffix(".json"))
    policy, data = str(POLICIES / "membership.rego"), str(facts.data)
    asked = {
        "version": ["version"],
        "eval 1": ["eval", "1"],
        "eval, seed": ["eval", "-d", policy, "-d", data, "-i", review, "data.io.k8s.image_policy.verify"],
        "check": ["check", policy],
    }
    found = {what: {"ours": [ours, *words]} for what, words in asked.items()}
    if opa is not None:
        for what, words in asked.items():
            found[what]["OPA"] = [opa, *words]
    return {"nothing": {"bare Python": [sys.executable, "-c", "pass"]}, **found}


def least(command: Sequence[str], rounds: int, environment: Mapping[str, str]) -> tuple[float, float]:
    """The least and the median of the wall-clock times, in ms."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, env=environment)
        times.append((time.perf_counter() - began) * 1e3)
        if done.returncode:
            raise RuntimeError(f"{command[1]}: {done.stderr.decode(errors='replace').strip()[-200:]}")
    return min(times), statistics.median(times)


def run(rounds: int) -> None:
    """Prints the table; compiled code is kept between the runs of one command, as it is by default."""
    print(
        "\nA whole process from start to answer, ms: least and median; ours cold has no compiled code to begin with\n"
    )
    if not COMMAND.exists():
        print("left out: the image-enforcer command is not installed")
        return
    opa: str | None = None
    try:
        opa = str(peers.build("opa"))
    except peers.Unavailable as reason:
        print(f"OPA is left out: {reason}")
    with tempfile.TemporaryDirectory() as folder:
        facts = write(Path(folder), 0)
        facts.reviews.with_suffix(".json").write_bytes(facts.reviews.read_bytes().splitlines()[0])
        # an installed package has its modules as bytecode, which this would keep a working copy from having
        usual = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        kept = {**usual, "IMAGE_ENFORCER_CACHE": f"{folder}/cache"}
        cold = {**usual, "IMAGE_ENFORCER_CACHE": "off"}
        bare = 0.0
        print(f"{'what':<12} {'who':<12} {'least':>8} {'median':>8} {'of bare Python':>15}")
        for what, who in commands(facts, str(COMMAND), opa).items():
            for name, command in who.items():
                ways = [(name, kept), (f"{name}, cold", cold)] if name == "ours" and "eval" in what else [(name, kept)]
                for label, environment in ways:
                    if environment is kept:
                        least(command, 1, environment)
                    first, middle = least(command, rounds, environment)
                    bare = bare or first
                    print(f"{what:<12} {label:<12} {first:>8.1f} {middle:>8.1f} {first / bare:>14.1f}x")
