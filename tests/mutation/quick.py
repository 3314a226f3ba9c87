"""The quick suites, in a process of their own: kept and recorded programs, the order of values, policies as written.

python -m tests.mutation.quick    says what was noticed first, and ends with 1 where something was
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from image_enforcer import rego
from image_enforcer.rego.values import Num, RegoSet, Value, compare, equal, key
from tests.conformance.engine import answer
from tests.differential.cases import compare as compared
from tests.differential.keeping import kept
from tests.differential.recorded import recorded
from tests.differential.sides import ours

VALUES: tuple[Value, ...] = (
    None,
    False,
    True,
    0,
    1,
    Num("1.0"),
    Num("0.5"),
    -1,
    "",
    "a",
    "b",
    [],
    [1],
    [0, 5],
    {},
    {"a": 1},
    {1: 2},
    RegoSet.of([]),
    RegoSet.of([1]),
    RegoSet.of([True]),
    [True],
)


def noticed() -> Iterator[str]:
    """What is wrong, one after the other."""
    yield from _order()
    yield from _remembered()
    for name, case, theirs in itertools.chain(kept(), recorded()):
        found = compared(case, ours(case), theirs)
        if found is not None:
            yield f"{name}: {found.kind}"
    yield from _idioms()


def _order() -> Iterator[str]:
    for a, b in itertools.combinations(VALUES, 2):
        same = {rego.to_json(a), rego.to_json(b)} == {"1", "1.0"} and not isinstance(a, list | RegoSet)
        if (compare(a, b) == 0) is not same or equal(a, b) is not same or (key(a) == key(b)) is not same:
            yield f"order of {rego.to_json(a)} and {rego.to_json(b)}"


def _remembered() -> Iterator[str]:
    """What follows from input, clock and chance is made anew, though the data stays."""
    text = """package t
now := time.now_ns()
given := input.x
chance := uuid.rfc4122("a")
all := [now, given, chance, data.d]
"""
    query = rego.compile_modules({"t.rego": text}).prepare("data.t.all")
    data = rego.Snapshot({"d": 1})
    said: set[str] = set()
    for i in range(3):
        host = rego.Host(now_ns=lambda i=i: i, random_bytes=lambda n, i=i: bytes([i]) * n)  # type: ignore[misc] # a default keeps the loop's value
        now, given, chance, d = query.value(input={"x": i}, data=data, host=host)
        said.add(chance)
        if (now, given, d) != (i, i, 1):
            yield "what was remembered with the data"
    if len(said) != 3:
        yield "chance that was remembered with the data"


def _idioms() -> Iterator[str]:
    folder = Path(os.environ.get("IMAGE_ENFORCER_CASES") or Path(__file__).parents[2] / ".." / "shared")
    for path in sorted((folder / "rego-suite" / "idioms").glob("*.json"))[:20]:
        for case in _cases(path)[:5]:
            said = answer(json.dumps(case))
            if ("error" in said) is not any(k.startswith("want_error") for k in case):
                yield f"{case['id']}: an error on one side only"
            elif "want_result" in case and _plain(said["result"]) != _plain(case["want_result"]):
                yield f"{case['id']}: another result"


def _cases(path: Path) -> list[dict[str, Any]]:
    found = json.loads(path.read_text("utf-8"))
    cases: list[dict[str, Any]] = found["cases"] if isinstance(found, dict) else found
    return cases


def _plain(result: Any) -> list[str]:
    return sorted({json.dumps(r, sort_keys=True, default=float) for r in result})


def main() -> int:
    """1 where something is noticed."""
    for what in noticed():
        print(what)
        return 1
    print("nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
