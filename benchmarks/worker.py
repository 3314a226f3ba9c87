"""One Python engine in a process of its own: a file of tasks in, a line of figures as JSON out for each.

python -m benchmarks.worker ENGINE TASKS      ENGINE: ours, regorus, regopy; TASKS as benchmarks/tasks.py writes them
"""

import gc
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmarks.tasks import UNDEFINED, Figures

Decide = Callable[[bytes], bytes]
PASS = 0.01
NOTHING = json.dumps(UNDEFINED).encode()


class Loaded(Protocol):
    """An engine with policies, which takes data and then decides."""

    compile_ms: float

    def load(self, text: bytes) -> None:
        """Take the data; none where the text is empty."""

    def decide(self, review: bytes) -> bytes:
        """From bytes to bytes."""

    def decode(self, review: bytes) -> Any:
        """An input as the engine takes it."""

    def decide_decoded(self, review: Any) -> object:
        """From an input that is decoded to an answer that is not encoded yet."""


class Ours:
    """Our engine: limits on; what a decision remembers belongs to the data alone."""

    def __init__(self, task: Any) -> None:
        from image_enforcer import rego

        self.rego = rego
        began = time.perf_counter()
        self.policy = rego.compile_modules(task["modules"], version=task["version"])
        self.query = self.policy.prepare(task["query"], capture=True)
        self.compile_ms = (time.perf_counter() - began) * 1e3
        self.limits = rego.Limits(seconds=1.0)
        self.snapshot = rego.Snapshot({})

    def load(self, text: bytes) -> None:
        from image_enforcer.rego.json_text import packed_from_json

        self.snapshot = self.rego.Snapshot(packed_from_json(text) if text else {})

    def decode(self, review: bytes) -> Any:
        return self.rego.from_json(review)

    def decide_decoded(self, review: Any) -> object:
        return self.query.value(input=review, data=self.snapshot, limits=self.limits)

    def decide(self, review: bytes) -> bytes:
        answer = self.query.value(input=self.rego.from_json(review), data=self.snapshot, limits=self.limits)
        return NOTHING if answer is self.rego.UNDEFINED else self.rego.to_json(answer).encode()

    def write(self, path: Sequence[str], text: bytes, times: int) -> float:
        """The least time in which a document is written to a new place, with what the next decision sees."""
        from image_enforcer.opa.documents import Documents
        from image_enforcer.opa.loader import Loaded as Files

        documents = Documents(Files(documents=self.snapshot.root))
        least = float("inf")
        for number in range(times):
            began = time.perf_counter()
            documents.put_data((*path, f"written-{number}"), self.rego.from_json(text))
            least = min(least, time.perf_counter() - began)
        return least * 1e6


class Regorus:
    """regorus, whose answers come as JSON or as Python values."""

    def __init__(self, task: Any) -> None:
        import regorus

        began = time.perf_counter()
        self.engine = regorus.Engine()
        self.engine.set_rego_v0(task["version"] == 0)
        for name, text in task["modules"].items():
            self.engine.add_policy(name, text)
        self.query = task["query"]
        self.compile_ms = (time.perf_counter() - began) * 1e3

    def load(self, text: bytes) -> None:
        if text:
            self.engine.add_data_json(text.decode())

    def decode(self, review: bytes) -> Any:
        return json.loads(review)

    def decide_decoded(self, review: Any) -> object:
        self.engine.set_input(review)
        return self.engine.eval_rule(self.query)

    def decide(self, review: bytes) -> bytes:
        self.engine.set_input_json(review.decode())
        answer: str = self.engine.eval_rule_as_json(self.query)
        return NOTHING if answer == '"<undefined>"' else answer.encode()


class Regopy:
    """rego-cpp's Python binding, from a bundle built beforehand: the fastest way it offers."""

    def __init__(self, task: Any) -> None:
        import regopy

        if task["version"] == 0:
            raise ValueError("has no Rego v0")
        began = time.perf_counter()
        self.engine = regopy.Interpreter()
        for name, text in task["modules"].items():
            self.engine.add_module(name, text)
        self.query = task["query"]
        self.compile_ms = (time.perf_counter() - began) * 1e3

    def load(self, text: bytes) -> None:
        if text:
            self.engine.add_data_json(text.decode())
        self.bundle = self.engine.build(self.query, [])

    def decode(self, review: bytes) -> Any:
        return json.loads(review)

    def decide_decoded(self, review: Any) -> object:
        self.engine.set_input(review)
        return self.engine.query_bundle(self.bundle)

    def decide(self, review: bytes) -> bytes:
        self.engine.set_input_term(review.decode())
        answer = str(self.engine.query_bundle(self.bundle))
        return NOTHING if answer == "undefined" else json.dumps(json.loads(answer)["expressions"][0]).encode()


ENGINES: Mapping[str, Callable[[Any], Loaded]] = {"ours": Ours, "regorus": Regorus, "regopy": Regopy}


def status(name: str) -> float:
    """A size of this process, in MB."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


def perform(engine: str, task: Any) -> Figures:
    """Carries out one task."""
    loaded = ENGINES[engine](task)
    figures: Figures = {"id": task["id"], "compile_ms": loaded.compile_ms, "answers": []}
    if task["compile_only"]:
        return figures
    began = time.perf_counter()
    loaded.load(Path(task["data_file"]).read_bytes() if task["data_file"] else task["data"].encode())
    figures["load_s"] = time.perf_counter() - began
    gc.collect()
    figures["loaded_mb"] = status("VmRSS:")
    inputs = [text.encode() for text in task["inputs"]]
    if task["inputs_file"]:
        inputs = Path(task["inputs_file"]).read_bytes().splitlines()
    measure(loaded, inputs[: task["most"] or None], task["seconds"], figures)
    if task["write_file"] and isinstance(loaded, Ours):
        figures["write_us"] = loaded.write(task["write_path"], Path(task["write_file"]).read_bytes(), 50)
    figures["peak_mb"] = status("VmHWM:")
    return figures


def measure(loaded: Loaded, inputs: Sequence[bytes], seconds: float, figures: Figures) -> None:
    """Asks for every input, again and again: from bytes to bytes, then with the input decoded beforehand."""
    clock = time.perf_counter
    began = clock()
    loaded.decide(inputs[0])
    figures["first_us"] = (clock() - began) * 1e6
    until = clock() + seconds
    answers: list[bytes] = []
    began = clock()
    for text in inputs:
        answers.append(loaded.decide(text))
        if clock() > until:
            break
    spent = clock() - began
    inputs = inputs[: len(answers)]
    figures["answers"] = [json.loads(answer) for answer in answers]
    decisions, more, least = again(loaded.decide, inputs, until)
    least = min(least, spent / len(answers))
    spent, decisions = spent + more, decisions + len(answers)
    figures |= {"decisions": decisions, "us": spent / decisions * 1e6, "least_us": least * 1e6}
    try:
        decoded = [loaded.decode(text) for text in inputs]
        figures["decoded_us"] = again(loaded.decide_decoded, decoded, clock() + seconds)[2] * 1e6
    except TypeError:
        pass  # an answer that the peer cannot give as Python values


def again(decide: Callable[[Any], object], inputs: Sequence[Any], until: float) -> tuple[int, float, float]:
    """Passes over all inputs until a time: how many decisions, how long, and a decision of the quickest pass.

    A pass lasts some ten milliseconds at least, so that what a language does now and then counts in each.
    """
    clock = time.perf_counter
    turns = 1
    decisions, spent, least = 0, 0.0, float("inf")
    while not decisions or clock() < until:
        began = clock()
        for _ in range(turns):
            for value in inputs:
                decide(value)
        took = clock() - began
        if took < PASS / 2 and not decisions:
            turns = max(turns + 1, int(turns * PASS / took))
            continue
        decisions += turns * len(inputs)
        spent += took
        least = min(least, took / (turns * len(inputs)))
    return decisions, spent, least


def main(arguments: Sequence[str]) -> int:
    """Runs the tasks; see the module's text."""
    engine, tasks = arguments
    with Path(tasks).open(encoding="utf-8") as lines:
        for line in lines:
            task = json.loads(line)
            try:
                figures = perform(engine, task)
            except Exception as error:  # noqa: BLE001 - whatever a peer raises, the other tasks have figures
                figures = {"id": task["id"], "error": " ".join(f"{type(error).__name__}: {error}".split())[:100]}
            print(json.dumps(figures), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
