"""What an engine is given to do, what comes back, and how engines are run: each in a process of its own."""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tools import peers

Figures = dict[str, Any]
"""What a task came to; ``error`` says why an engine has no figures for it.

``compile_ms``; ``load_s`` for the data; ``first_us`` the first answer; ``us`` and ``least_us`` an answer bytes to
bytes, on the whole and in the quickest pass; ``decoded_us`` the quickest with decoded inputs; ``answers`` of the first
pass; ``write_us`` a write; ``loaded_mb`` and ``peak_mb`` of memory.
"""

UNDEFINED = "(undefined)"
"""The answer of a query that has none."""


@dataclass(frozen=True, slots=True)
class Task:
    """Modules, a query (a reference below data), data and inputs as JSON texts or in files, and seconds to spend."""

    id: str
    modules: Mapping[str, str]
    query: str
    version: int = 1
    data: str = ""
    data_file: str = ""
    inputs: Sequence[str] = ()
    inputs_file: str = ""
    seconds: float = 1.0
    most: int = 0
    """How many inputs of a file are asked for; 0 for all."""
    write_path: Sequence[str] = ()
    write_file: str = ""
    compile_only: bool = False


@dataclass(frozen=True, slots=True)
class Engine:
    """What is timed: a command that takes a file of tasks and prints a line of figures for each."""

    name: str
    command: tuple[str, ...]
    version_0: bool = True
    slow: bool = False
    """Whether it is left out where there is much data."""
    environment: Mapping[str, str] = field(default_factory=dict)


def engines() -> Iterator[Engine | str]:
    """Every engine that this machine has, ours first; a text says which it has not and why."""
    worker = (sys.executable, "-m", "benchmarks.worker")
    yield Engine("ours", (*worker, "ours"))
    try:
        opa = str(peers.build("opa-bench"))
    except peers.Unavailable as reason:
        yield f"OPA is left out: {reason}"
    else:
        yield Engine("OPA", (opa, "default"))
        yield Engine("OPA, read store", (opa, "read"))
    if importlib.util.find_spec("regorus"):
        yield Engine("regorus", (*worker, "regorus"))
    else:
        yield "regorus is left out: gordon-to-regorus is not installed"
    if importlib.util.find_spec("regopy"):
        yield Engine("regopy", (*worker, "regopy"), version_0=False, slow=True)
    else:
        yield "regopy is left out: not installed"


def present() -> list[Engine]:
    """The engines there are; prints which are left out."""
    found: list[Engine] = []
    for engine in engines():
        if isinstance(engine, str):
            print(engine)
        else:
            found.append(engine)
    return found


def run(engine: Engine, tasks: Sequence[Task], timeout: float = 600) -> dict[str, Figures]:
    """The figures of each task by its id. What an engine did not get to has an ``error``."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(task)) + "\n" for task in tasks)
        file.flush()
        reason = "no figures"
        try:
            done = subprocess.run(
                [*engine.command, file.name], capture_output=True, text=True, check=False, timeout=timeout
            )
            output = done.stdout
            if done.returncode:
                reason = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1][:80]
        except subprocess.TimeoutExpired as ended:
            output = (ended.stdout or b"").decode()
            reason = f"longer than {timeout:.0f} s"
    found: dict[str, Figures] = {}
    for line in output.splitlines():
        if line.endswith("}"):
            figures: Figures = json.loads(line)
            found[figures["id"]] = figures
    return {task.id: found.get(task.id, {"id": task.id, "error": reason}) for task in tasks}


def best(rounds: Sequence[Figures]) -> Figures:
    """One set of figures from those of several rounds: the least of each, and what is no number from the last."""
    good = [figures for figures in rounds if not figures.get("error")]
    if not good:
        return dict(rounds[-1])
    made = dict(good[-1])
    for name, value in made.items():
        if isinstance(value, float):
            made[name] = min(figures[name] for figures in good)
    return made


def disagreements(figures: Mapping[str, Figures], trusted: str = "ours") -> list[str]:
    """The engines that answer otherwise than the trusted one, in what both have answered."""
    wanted = figures.get(trusted, {}).get("answers") or []
    return [
        name
        for name, of in figures.items()
        if any(_text(a) != _text(b) for a, b in zip(wanted, of.get("answers") or [], strict=False))
    ]


def _text(answer: Any) -> str:
    return json.dumps(answer, sort_keys=True)
