"""Annotations as the JSON of OPA's, and as policies see them; fields that say nothing are left out of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .nodes import Annotations, Ref, Scalar, Term, Var
from .printer import term_text

Json = dict[str, Any]


def annotations_json(block: Annotations, term: Callable[[Term], Json], place: Mapping[str, Any]) -> Json:
    """A block as it stands in syntax trees. ``term`` makes the JSON of terms; ``place`` is shown beside the fields."""
    out = _fields(block)
    if block.schemas:
        out["schemas"] = []
        for note in block.schemas:
            shown: Json = {"path": [_without_place(t) for t in note.path.terms]}
            if note.schema is not None:
                shown["schema"] = [term(t) for t in note.schema.terms]
            else:
                shown["definition"] = note.definition
            out["schemas"].append(shown)
    if block.compile is not None:
        made: Json = {}
        if block.compile.unknowns:
            made["unknowns"] = [None if r is None else [term(t) for t in r.terms] for r in block.compile.unknowns]
        if block.compile.mask_rule is not None:
            made["mask_rule"] = [term(t) for t in block.compile.mask_rule.terms]
        out["compile"] = made
    if block.authors:
        out["authors"] = [{"name": a.name, **({"email": a.email} if a.email else {})} for a in block.authors]
    return dict(sorted({**out, **place}.items()))


def annotations_value(block: Annotations) -> Json:
    """A block as ``rego.metadata.rule()`` gives it."""
    out = _fields(block)
    if block.schemas:
        out["schemas"] = []
        for note in block.schemas:
            shown: Json = {"path": _steps(note.path)}
            if note.schema is not None:
                shown["schema"] = _steps(note.schema)
            else:
                shown["definition"] = note.definition
            out["schemas"].append(shown)
    if block.authors:
        out["authors"] = [{k: v for k, v in (("name", a.name), ("email", a.email)) if v} for a in block.authors]
    return out


def _fields(block: Annotations) -> Json:
    out: Json = {"scope": block.scope}
    if block.title:
        out["title"] = block.title
    if block.description:
        out["description"] = block.description
    if block.entrypoint:
        out["entrypoint"] = True
    if block.organizations:
        out["organizations"] = list(block.organizations)
    if block.related_resources:
        out["related_resources"] = [
            {**({"description": r.description} if r.description else {}), "ref": r.ref} for r in block.related_resources
        ]
    if block.custom:
        out["custom"] = dict(block.custom)
    if block.labels:
        out["labels"] = dict(block.labels)
    return out


def _steps(ref: Ref) -> list[str]:
    return [t.value if isinstance(t, Scalar) and isinstance(t.value, str) else term_text(t) for t in ref.terms]


def _without_place(step: Term) -> Json:
    if isinstance(step, Var):
        return {"type": "var", "value": step.name}
    value = step.value if isinstance(step, Scalar) else term_text(step)
    kind = "string" if isinstance(value, str) else "boolean" if isinstance(value, bool) else "number"
    return {"type": kind, "value": value}
