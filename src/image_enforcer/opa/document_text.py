"""The text of a data file to its document; what is wrong with it in OPA's words, with the line and column.

Raises :class:`LoadError` with one fault.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import Final

import yaml

from ..rego import Value, from_json
from ..rego.builtins.yaml_documents import MAX_NODES, YamlError
from ..rego.builtins.yaml_documents import load as from_yaml
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
    try:
        if len(text) > MAX_PLAIN_YAML:
            _count(text)
        found = from_yaml(text)
        if _MARK.search(text):
            _check_alone(text)
        return found
    except YamlError as e:
        raise LoadError([Fault(f"{path}: error converting YAML to JSON: {e}", _yaml_hint(text, str(e)))]) from None


def _count(text: str) -> None:
    """Raise :class:`YamlError` where a document has too many nodes: each takes a hundred times its text in memory."""
    nodes = 0
    with contextlib.suppress(yaml.YAMLError):  # reading it proper says it better
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            nodes += isinstance(event, yaml.NodeEvent)
            if nodes > MAX_NODES:
                break
    if nodes > MAX_NODES:
        raise YamlError(f"yaml: more than {MAX_NODES} values")


_MARK: Final = re.compile("^(?:---|[.][.][.])", re.MULTILINE)


def _check_alone(text: str) -> None:
    """Raise :class:`YamlError` where documents follow the first, which would be lost: OPA reads only that one."""
    events = yaml.parse(text, Loader=yaml.CSafeLoader)
    if sum(isinstance(event, yaml.DocumentStartEvent) for event in events) > 1:
        raise YamlError("yaml: expected a single document in the stream, but found another document")


def _yaml_hint(text: str, reason: str) -> str:
    if "another document" in reason:
        return "give each document a file of its own"
    if "excessive aliasing" in reason or "more than" in reason:
        return "write it as JSON"
    if "nested too deep" in reason:
        return "nest it less deep"  # and never compose it: that recurses in C, as deep as the text says
    try:
        yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        return f"mend line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    except (yaml.YAMLError, ValueError):
        pass
    return ""


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
