"""Annotations as the JSON of OPA's: what ``# METADATA`` blocks say, fields that say nothing left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .nodes import Annotations


def annotations_json(block: Annotations, place: Mapping[str, Any]) -> dict[str, Any]:
    """A block's fields by name, with its ``place`` where one is to be shown."""
    fields = {k: v for k, v in block.fields.items() if v not in ("", False) and v != [] and v != {}}
    return dict(sorted({**fields, "scope": block.scope, **place}.items()))
