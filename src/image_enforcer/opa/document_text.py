"""The text of a data file to its document; what is wrong with it in OPA's words, with the line and column.

Raises :class:`LoadError` with one fault.
"""

from __future__ import annotations

import json
from typing import Final

from ..rego import Value, from_json
from ..rego.json_text import packed_from_json
from .errors import Fault, LoadError

MAX_PLAIN_YAML: Final = 1 << 20
"""Characters of YAML from which on its values are counted before they are made."""


def document(path: str, text: str) -> Value:
    """The document of a file, JSON where it is named so, else YAML."""
    if not path.endswith(".json"):
        return _yaml(path, text)
    return json_document(path, text.encode())


def json_document(path: str, raw: bytes) -> Value:
    """The document of a file with JSON: large objects in it stay text until they are asked for."""
    try:
        return packed_from_json(raw)
    except ValueError as e:
        raise LoadError([_json_fault(path, raw.decode(), str(e))]) from None


def document_of_unknown(path: str, text: str) -> Value:
    """The document of text that nothing says the kind of: JSON, or else YAML."""
    try:
        return from_json(text)
    except ValueError as e:
        broken = str(e)
    try:
        return _yaml(path, text)
    except LoadError:
        if path.endswith(".json") or text.lstrip()[:1] in ("{", "["):
            raise LoadError([_json_fault(path, text, broken)]) from None
        raise


def _yaml(path: str, text: str) -> Value:
    from .yaml_text import yaml_document  # reading YAML takes much more to be imported than reading JSON

    return yaml_document(path, text)


def _json_fault(path: str, text: str, reason: str) -> Fault:
    """What is wrong with JSON text, in OPA's words where they are known; where it is, as the hint."""
    if "truncated" in reason:
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
        what = "unexpected EOF" if text.strip() else "EOF"
        return Fault(f"{path}: {what}", f"the text ends too early, at line {line}, column {column}")
    try:
        json.loads(text)
    except json.JSONDecodeError as e:
        character = text[e.pos : e.pos + 1]
        after = " after top-level value" if e.msg == "Extra data" else ""
        what = f"{'error: ' if after else ''}invalid character {character!r}{after}"
        return Fault(f"{path}: {what}", f"mend line {e.lineno}, column {e.colno} ({e.msg.lower()})")
    except (RecursionError, ValueError):
        pass
    return Fault(f"{path}: {reason}", "write it as plain JSON")
