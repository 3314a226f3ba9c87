"""How long one decision about a review takes, by engine and by how much data there is; what loading it takes.

Two policies: the original one, whose membership test makes OPA look at every layer, and the same with the test written
as a look-up, which is what OPA's own documents advise.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import tasks
from benchmarks.facts import Facts, layer, write
from benchmarks.tasks import Engine, Figures, Task

POLICIES = Path(__file__).parent / "policies"
ENTRY = "data.io.k8s.image_policy.verify"
KINDS = ("membership", "indexed")


def task(kind: str, facts: Facts, seconds: float) -> Task:
    """The decision about every review, from data in a file."""
    return Task(
        id=kind,
        modules={f"{kind}.rego": (POLICIES / f"{kind}.rego").read_text(encoding="utf-8")},
        query=ENTRY,
        data_file=str(facts.data),
        inputs_file=str(facts.reviews),
        seconds=seconds,
    )


def run(sizes: Sequence[int], rounds: int, seconds: float) -> bool:
    """Prints the table; false when engines disagree about a verdict."""
    print("\nOne decision over different reviews, µs: bytes to bytes and with decoded input; the least of the rounds.")
    print("`write` is a document of 30 kB from bytes to where the next decision sees it.\n")
    engines = tasks.present()
    print(
        f"\n{'layers':>7} {'engine':<15} {'policy':<10} {'bytes':>11} {'decoded':>11} {'mean':>11} {'ratio':>9} "
        f"{'first':>11} {'load, s':>8} {'write, µs':>9} {'loaded, MB':>10} {'peak, MB':>8} {'decisions':>9}"
    )
    agreed = True
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "document.json"
        document.write_bytes(layer(30_000))
        for added in sizes:
            facts = write(Path(folder), added)
            for kind in KINDS:
                asked = replace(task(kind, facts, seconds), write_path=("clair", "layers"), write_file=str(document))
                agreed = one(facts, asked, engines, rounds) and agreed
            facts.data.unlink()
    return agreed


def one(facts: Facts, asked: Task, engines: Sequence[Engine], rounds: int) -> bool:
    """Prints the rows of one policy and size; false when engines disagree."""
    runs: dict[str, list[Figures]] = {}
    for _ in range(rounds):
        for engine in engines:
            if facts.layers <= 2_000 or not engine.slow:
                runs.setdefault(engine.name, []).append(tasks.run(engine, [asked])[asked.id])
    figures = {name: tasks.best(of) for name, of in runs.items()}
    ours = figures["ours"].get("least_us")
    for name, of in figures.items():
        head = f"{facts.layers:>7} {name:<15} {asked.id:<10}"
        if of.get("error"):
            print(f"{head} has no answer: {of['error']}")
            continue
        ratio = f"{of['least_us'] / ours:>8,.2f}x" if ours else f"{'–':>9}"
        written = f"{of['write_us']:>9,.0f}" if of.get("write_us") else f"{'–':>9}"
        decoded = f"{of['decoded_us']:>11,.1f}" if of.get("decoded_us") else f"{'–':>11}"
        print(
            f"{head} {of['least_us']:>11,.1f} {decoded} {of['us']:>11,.1f} {ratio} {of['first_us']:>11,.0f} "
            f"{of['load_s']:>8.2f} {written} {of['loaded_mb']:>10.0f} {of['peak_mb']:>8.0f} {of['decisions']:>9,}"
        )
    wrong = tasks.disagreements(figures)
    if wrong:
        print(f"the engines disagree: {', '.join(wrong)} and ours")
    return not wrong and not figures["ours"].get("error")
