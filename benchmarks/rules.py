"""Sets of many rules: how long compiling takes for a thousand of them, and one decision among them."""

import json
from collections.abc import Iterator

from benchmarks import tasks
from benchmarks.tasks import Figures, Task

QUERY = "data.bench.deny"


def policy(rules: int) -> str:
    """So many rules as people write them about fields of a Pod; each image is the subject of one in a hundred."""
    return "package bench\n\n" + "\n".join(_rules(rules))


def _rules(rules: int) -> Iterator[str]:
    for number in range(rules):
        yield f"""deny contains msg if {{
	some container in input.spec.containers
	startswith(container.image, "registry-{number % 97}.example.com/")
	not container.image in allowed_{number}
	input.metadata.labels["team-{number % 11}"] != "owner-{number}"
	msg := sprintf("rule {number}: %v is not allowed", [container.image])
}}

allowed_{number} := {{"registry-{number % 97}.example.com/app:{number}", "registry-{number % 97}.example.com/base"}}
"""


def inputs() -> list[str]:
    """Some Pods."""

    return [
        json.dumps(
            {
                "metadata": {"labels": {f"team-{n}": f"owner-{pod}" for n in range(11)}},
                "spec": {
                    "containers": [
                        {"name": f"c{n}", "image": f"registry-{(pod * 7 + n) % 120}.example.com/app:{pod}"}
                        for n in range(1 + pod % 3)
                    ]
                },
            }
        )
        for pod in range(30)
    ]


def run(rounds: int, seconds: float, *, large: int) -> bool:
    """Prints the table; false when engines disagree about an answer."""
    print("\nMany rules (two of every number: one that denies, one with a set): the least of the rounds\n")
    engines = tasks.present()
    thousand = Task("1,000", {"rules.rego": policy(500)}, QUERY, inputs=inputs(), seconds=seconds)
    many = Task(f"{large:,}", {"rules.rego": policy(large // 2)}, QUERY, compile_only=True)
    print(
        f"\n{'rules':>7} {'engine':<15} {'compile, ms':>12} {'per 1,000':>10} {'decision, µs':>13} {'OPA / this':>11}"
    )
    agreed = True
    for task, size in ((thousand, 1_000), (many, large)):
        runs = [{e.name: tasks.run(e, [task])[task.id] for e in engines} for _ in range(rounds)]
        figures: dict[str, Figures] = {e.name: tasks.best([one[e.name] for one in runs]) for e in engines}
        opa = figures.get("OPA", {}).get("least_us")
        for name, of in figures.items():
            if of.get("error"):
                print(f"{size:>7,} {name:<15} has no answer: {of['error']}")
                agreed = agreed and name != "ours"
                continue
            us = of.get("least_us") or 0.0
            decision = f"{us:>13,.1f} {opa / us:>10.2f}x" if us and opa else f"{'–':>13} {'–':>11}"
            print(
                f"{size:>7,} {name:<15} {of['compile_ms']:>12,.1f} {of['compile_ms'] * 1000 / size:>10,.1f} {decision}"
            )
        for name in tasks.disagreements(figures):
            print(f"{size:>7,} {name} answers otherwise than ours")
            agreed = agreed and not name.startswith("OPA")
    return agreed
