"""Cases on which the answers once differed, each with a real OPA's answer: replayed without one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from .cases import Case, Fault, Outcome

FOLDER: Final = Path(__file__).parent / "kept"


def written(case: Case, theirs: Outcome) -> dict[str, Any]:
    """A case and OPA's answer to it as JSON."""
    answer = {
        "results": sorted(theirs.results),
        "spelled": sorted(theirs.spelled),
        "faults": [asdict(f) for f in theirs.faults],
        "printed": list(theirs.printed),
    }
    return {"case": asdict(case), "answer": answer}


def read(found: Mapping[str, Mapping[str, Any]]) -> tuple[Case, Outcome]:
    """A case and OPA's answer to it from JSON."""
    asked, answer = found["case"], found["answer"]
    theirs = Outcome(
        results=frozenset(answer["results"]),
        spelled=frozenset(answer["spelled"]),
        faults=tuple(Fault(**f) for f in answer["faults"]),
        printed=tuple(answer["printed"]),
    )
    return Case(**{**asked, "modules": tuple(asked["modules"])}), theirs


def keep(case: Case, theirs: Outcome, name: str) -> Path:
    """Write a case and OPA's answer; the file."""
    path = FOLDER / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(written(case, theirs), indent=1, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")
    return path


def kept() -> Iterator[tuple[str, Case, Outcome]]:
    """Every case that was kept: its name, itself, and OPA's answer."""
    for path in sorted(FOLDER.glob("*.json")):
        yield path.stem, *read(json.loads(path.read_text("utf-8")))
