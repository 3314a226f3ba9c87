"""A few hundred generated programs with a real OPA's answers, as lines of JSON: a slice that needs no OPA.

python -m tests.differential.recorded    asks OPA again and writes the file anew
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tools import peers

from .cases import Case, Outcome, compare
from .generators import GENERATORS
from .keeping import read, written
from .sides import Driver, ours

FILE: Final = Path(__file__).parent / "recorded.jsonl"
COUNTS: Final = {"small": 110, "wide": 130, "programs": 50, "calls": 150}
LONGEST: Final = 1100
"""Characters of a program that is worth a place in the file."""
FIRST: Final = 500_000


def recorded() -> Iterator[tuple[str, Case, Outcome]]:
    """Each program: its name, itself, and OPA's answer."""
    for number, line in enumerate(FILE.read_text("utf-8").rstrip("\n").split("\n")):
        yield f"line-{number + 1}", *read(json.loads(line))


def _settled(theirs: Outcome) -> bool:
    """Whether OPA says the same every time: which references it looks at first, and how it shows them, varies."""
    return len(theirs.faults) < 2 and not any("undefined ref" in f.message for f in theirs.faults)


def main() -> int:
    """Write the file; programs about which the answers differ are left to the comparison."""
    driver = Driver(peers.find("opa-driver"))
    lines: list[str] = []
    for name, wanted in COUNTS.items():
        cases = [GENERATORS[name](FIRST + seed) for seed in range(3 * wanted)]
        short = [c for c in cases if len("".join(c.modules)) + len(c.data) + len(c.input or "") <= LONGEST]
        found = [
            (case, theirs)
            for case, theirs in zip(short, driver.answers(short), strict=True)
            if theirs is not None and _settled(theirs) and compare(case, ours(case), theirs) is None
        ]
        lines += [json.dumps(written(*pair), ensure_ascii=False) for pair in found[:wanted]]
    FILE.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{len(lines)} programs in {FILE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
