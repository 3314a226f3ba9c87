"""Forty image policies as people write them: how long an answer takes here and in OPA's library, policy by policy.

The policies are those of the shared cases. They are chosen by a fixed rule: family by family in turn, in the order of
their names, each policy that has inputs, is accepted, and answers a rule by its path.
"""

import json
import re
import statistics
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from benchmarks import tasks
from benchmarks.facts import shared
from benchmarks.tasks import Figures, Task

COUNT = 40
_RULE = re.compile(r"(data(?:\.\w+)+) = x")


def policies(folder: Path, seconds: float, count: int = COUNT) -> list[Task]:
    """The chosen policies with all their inputs."""
    families = [list(_family(file, seconds)) for file in sorted(folder.glob("idiom-*.json"))]
    turns = [task for turn in zip_longest(*families) for task in turn if task is not None]
    return turns[:count]


def _family(file: Path, seconds: float) -> Iterator[Task]:
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for case in json.loads(file.read_text(encoding="utf-8")):
        groups.setdefault((case["module"], case.get("rego_version", 1)), []).append(case)
    done: set[str] = set()
    # a policy that is there in both versions of the language is taken once, as version 1
    for (name, version), cases in sorted(groups.items(), key=lambda group: (group[0][0], -group[0][1])):
        first = cases[0]
        asked = _RULE.fullmatch(first["query"])
        same = [c for c in cases if all(c.get(k) == first.get(k) for k in ("modules", "data", "query"))]
        usable = [c for c in same if "input" in c and "want_result" in c and not c.get("strict_error")]
        if name in done or asked is None or not usable:
            continue
        done.add(name)
        yield Task(
            id=f"{name}/v{version}",
            modules={f"test-{i}.rego": text for i, text in enumerate(first["modules"])},
            version=version,
            query=asked.group(1),
            data=json.dumps(first["data"]) if "data" in first else "",
            inputs=[json.dumps(case["input"]) for case in usable],
            seconds=seconds,
        )


def run(rounds: int, seconds: float, count: int = COUNT) -> bool:
    """Prints the table; false where engines disagree about an answer."""
    print("\nImage policies as people write them: µs an answer, the quickest pass of all rounds\n")
    folder = shared("rego-suite") / "idioms"
    if not folder.is_dir():
        print("left out: the shared cases are not here (IMAGE_ENFORCER_CASES names their folder)")
        return True
    chosen = policies(folder, seconds, count)
    # who falls over at one policy has no figures for those after it
    engines = [engine for engine in tasks.present() if not engine.slow]
    runs: dict[str, list[dict[str, Figures]]] = {}
    for _ in range(rounds):
        for engine in engines:
            runs.setdefault(engine.name, []).append(tasks.run(engine, chosen))
    figures = {task.id: {name: tasks.best([of[task.id] for of in runs[name]]) for name in runs} for task in chosen}
    for kind, title in (("least_us", "bytes to bytes"), ("decoded_us", "decoded input")):
        show(kind, title, figures)
    return compared(figures)


def show(kind: str, title: str, figures: Mapping[str, Mapping[str, Figures]]) -> None:
    """Prints one table, and what it comes to against either store of OPA."""
    names = list(next(iter(figures.values())))
    peers = [name for name in names if name.startswith("OPA")]
    heads = "".join(f"{f'{peer} / ours':>23}" for peer in peers)
    print(f"\n{title:<18}" + "".join(f"{name:>17}" for name in names) + heads)
    ratios: dict[str, dict[str, float]] = {peer: {} for peer in peers}
    for policy, of in figures.items():
        line = "".join(f"{of[name][kind]:>17.1f}" if kind in of[name] else f"{'–':>17}" for name in names)
        for peer in peers:
            if kind in of[peer] and kind in of["ours"]:
                ratios[peer][policy] = of[peer][kind] / of["ours"][kind]
                line += f"{ratios[peer][policy]:>22.2f}x"
        print(f"{policy:<18}{line}")
    for peer, of_policies in ratios.items():
        if of_policies:
            values = of_policies.values()
            slower = sorted((ratio, policy) for policy, ratio in of_policies.items() if ratio < 1)
            print(
                f"{len(values)} policies, {peer} / ours: median {statistics.median(values):.2f}x, least "
                f"{min(values):.2f}x; ours is slower in {len(slower)}"
            )
            print("".join(f"    {policy} {ratio:.2f}x\n" for ratio, policy in slower), end="")


def compared(figures: Mapping[str, Mapping[str, Figures]]) -> bool:
    """Prints what has no answer and who answers otherwise than we do; false where that is OPA, which is right."""
    agreed = True
    for policy, of in figures.items():
        for name in [name for name in of if of[name].get("error")]:
            print(f"{policy}: {name} has no answer: {of[name]['error']}")
            agreed = agreed and name != "ours"
        for name in tasks.disagreements(of):
            print(f"{policy}: {name} answers otherwise than ours")
            agreed = agreed and not name.startswith("OPA")
    return agreed
