"""Values as Rego text: what error messages, ``print`` and ``sprintf("%v")`` show."""

from __future__ import annotations

import json

from .values import Num, RegoSet, Value, sorted_keys, unkey


def term(value: Value) -> str:
    """A value as OPA prints terms: ``{"a", "b"}`` for sets, ``set()`` for the empty one, objects in key order."""
    t = type(value)
    if value is None:
        return "null"
    if t is bool:
        return "true" if value else "false"
    if t is int:
        return str(value)
    if t is Num:
        return str(value.text)
    if t is str:
        return json.dumps(value, ensure_ascii=False)
    if t is list:
        return "[" + ", ".join([term(v) for v in value]) + "]"
    if t is RegoSet:
        return "{" + ", ".join([term(v) for v in value]) + "}" if len(value) else "set()"
    if t is dict:
        return "{" + ", ".join([f"{term(unkey(k))}: {term(value[k])}" for k in sorted_keys(value)]) + "}"
    return term(value.to_value())
