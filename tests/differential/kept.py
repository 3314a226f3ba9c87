"""Cases on which the answers once differed, each with a real OPA's answer: replayed without one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from .cases import Case, Fault, Outcome

FOLDER: Final = Path(__file__).parent / "kept"


def keep(case: Case, theirs: Outcome, name: str) -> Path:
    """Write a case and OPA's answer to it; the file."""
    path = FOLDER / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    answer = {
        "results": sorted(theirs.results),
        "spelled": sorted(theirs.spelled),
        "faults": [asdict(f) for f in theirs.faults],
        "printed": list(theirs.printed),
    }
    text = json.dumps({"case": asdict(case), "answer": answer}, indent=1, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")
    return path


def kept() -> Iterator[tuple[str, Case, Outcome]]:
    """Every case that was kept: its name, itself, and OPA's answer."""
    for path in sorted(FOLDER.glob("*.json")):
        found: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))
        asked, answer = found["case"], found["answer"]
        yield (
            path.stem,
            Case(**{**asked, "modules": tuple(asked["modules"])}),
            Outcome(
                results=frozenset(answer["results"]),
                spelled=frozenset(answer["spelled"]),
                faults=tuple(Fault(**f) for f in answer["faults"]),
                printed=tuple(answer["printed"]),
            ),
        )
