"""YAML text to its document; what is wrong with it in OPA's words, and where.

Raises :class:`LoadError` with one fault.
"""

from __future__ import annotations

import contextlib
import re
from typing import Final

import yaml

from ..rego import Value
from ..rego.builtins.yaml_documents import MAX_NODES, YamlError
from ..rego.builtins.yaml_documents import load as from_yaml
from .document_text import MAX_PLAIN_YAML
from .errors import Fault, LoadError


def yaml_document(path: str, text: str) -> Value:
    """The document of a file with YAML."""
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
