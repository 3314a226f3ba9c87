"""JSON schemas from files: one for every input, or a folder of them, each by its place in the folder."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from ..rego import Value
from . import files
from .document_text import document_of_unknown
from .errors import Fault, LoadError

Schemas: TypeAlias = dict[tuple[str, ...], Value]


def load_schemas(path: str) -> Schemas:
    """The schemas at a path, by the steps below ``schema`` that annotations name them with; none for one file's.

    In a folder files count whose names end as those of data do. Raises :class:`LoadError` for what cannot be read.
    """
    if not Path(path).is_dir():
        return {(): _read(path)}
    found: Schemas = {}
    faults: list[Fault] = []
    for entry in files.tree(path):
        if isinstance(entry, files.Unreadable):
            faults.append(Fault(entry.text, entry.hint))
        elif not entry.path.endswith(".rego"):
            try:
                found[*entry.steps, Path(entry.path).stem] = _read(entry.path)
            except LoadError as e:
                faults.extend(e.causes)
    if faults:
        raise LoadError(faults)
    return found


def _read(path: str) -> Value:
    try:
        text = files.read(path)
    except files.Unreadable as e:
        raise LoadError([Fault(e.text, e.hint)]) from None
    return document_of_unknown(path, text)
