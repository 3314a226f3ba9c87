"""What type errors are about, as OPA's JSON."""

from __future__ import annotations

from typing import Any

from ..rego.check.details import NoStep, NoSteps, Operands, Sides
from ..rego.syntax.tree_json import term_json
from .inspection.capabilities import type_json


def detail_json(detail: object) -> dict[str, Any]:
    """One error's details. OPA describes operands of built-ins as well; here they have names and types only."""
    match detail:
        case Operands(have, want, with_result):
            shown = type_json(want, named=True)
            args = [*shown.get("args", []), *([shown["result"]] if with_result and "result" in shown else [])]
            wanted: dict[str, Any] = {"args": args} if args else {}
            if "variadic" in shown:
                wanted["variadic"] = shown["variadic"]
            return {"have": [type_json(t) for t in have], "want": wanted}
        case Sides(left, right):
            return {"a": type_json(left), "b": type_json(right)}
        case NoStep(ref, at, have, want, choices):
            of = {} if have is None else {"have": type_json(have)}
            steps = [term_json(t) for t in ref.terms]
            return {"ref": steps, "pos": at, **of, "want": type_json(want), "oneOf": list(choices) or None}
        case NoSteps(ref, at, have):
            return {"ref": [term_json(t) for t in ref.terms], "pos": at, "have": type_json(have)}
    return {}
