"""Events as the JSON of OPA's output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from ...rego import Location
from ...rego.check.visit import walk
from ...rego.syntax.nodes import Expr, Rule, Var
from ...rego.syntax.tree_json import TreeJson, body_json, term_json
from .events import Event

Json: TypeAlias = "dict[str, Any]"


def event_json(event: Event, names: Mapping[str, str]) -> Json:
    """One event. ``names`` are those that generated names stand for."""
    if event.op == "Note":  # OPA does not say of a note where in the policy it stands
        nothing = dict.fromkeys(("Node", "Locals", "LocalMetadata"))
        return {**_event(event), **nothing}
    return {
        **_event(event),
        "Node": _node(event),
        "Locals": [{"name": "_" if v.is_wildcard else v.name, **term_json(t)} for v, t in event.bound],
        "LocalMetadata": _metadata(event, names),
    }


def _event(event: Event) -> Json:
    return {
        "Op": event.op,
        "Node": None,
        "Location": _place(event.location),
        "QueryID": event.query,
        "ParentID": event.parent,
        "Locals": None,
        "LocalMetadata": None,
        "Message": event.message,
        "Ref": None if event.ref is None else [term_json(t) for t in event.ref.terms],
    }


def _node(event: Event) -> Any:
    node = event.node
    if isinstance(node, Rule):
        return TreeJson().rule(node)
    if isinstance(node, Expr):
        return body_json((node,))[0]
    return body_json(node)


def _metadata(event: Event, names: Mapping[str, str]) -> Json:
    found = {v.name: (names.get(v.name, v.name), v.loc) for v, _ in event.bound}
    for x in walk(event.node):
        if isinstance(x, Var) and x.name in names and x.name not in found:
            found[x.name] = (names[x.name], x.loc)
    return {
        k: {"name": name, "location": None if name.startswith("__local") or loc == Location() else _place(loc)}
        for k, (name, loc) in sorted(found.items())
    }


def _place(location: Location) -> Json:
    return {"file": location.file, "row": location.row, "col": location.col}
