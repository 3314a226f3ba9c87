"""The nodes of YAML documents as Go's library sees them: tags in short, and aliases apart from what they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from .yaml_scalars import YamlError, short

MAX_DEPTH: Final = 500


@dataclass(slots=True, eq=False)
class ScalarNode:
    """Text; ``tag`` is empty where the document has none, ``plain`` is text without quotes."""

    tag: str
    line: int
    value: str
    plain: bool


@dataclass(slots=True, eq=False)
class SequenceNode:
    """Nodes in a row."""

    tag: str
    line: int
    items: list[Node]


@dataclass(slots=True, eq=False)
class MappingNode:
    """Keys with their values, in the document's order."""

    tag: str
    line: int
    pairs: list[tuple[Node, Node]]


@dataclass(slots=True, eq=False)
class AliasNode:
    """A name that stands for a node."""

    name: str
    line: int
    target: Node


Node = ScalarNode | SequenceNode | MappingNode | AliasNode


class UnknownAnchor(YamlError):
    """An alias that stands for nothing so far, and where it is."""

    def __init__(self, name: str, at: int) -> None:
        super().__init__(f"yaml: unknown anchor '{name}' referenced")
        self.at = at


class Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    """A loader of events and nodes; values are made elsewhere."""

    def resolve(self, _kind: Any, _value: Any, _implicit: Any) -> str:
        """No tag for what has none in the document."""
        return ""


def first_document(text: str, instead: Mapping[str, str]) -> Node | None:
    """The first document of a text, all of which is read, for faults in it count; None where there is no document.

    Raises :class:`YamlError` and PyYAML's errors. A name holds from its anchor on, in the documents behind it too.
    ``instead`` says what characters of the text stand for, where they stand for something else.
    """
    events = yaml.parse(text, Loader=Loader)
    meant = str.maketrans(dict(instead))
    anchors: dict[str, Node] = {}
    first: Node | None = None
    for event in events:
        check_dialect(event)
        if isinstance(event, yaml.NodeEvent):
            node = _node(event, events, text, anchors, meant)
            first = first or node
    return first


def _node(event: Any, events: Iterator[Any], text: str, anchors: dict[str, Node], meant: dict[int, str]) -> Node:
    """The node that begins with an event, and all that is inside it."""
    whole: list[Node] = []
    open_: list[tuple[SequenceNode | MappingNode, list[Node]]] = []
    flow: list[bool] = []
    inside = whole
    while True:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            word = event.value.translate(meant) if meant else event.value
            scalar = ScalarNode(short(event.tag), event.start_mark.line + 1, word, not event.style)
            if event.anchor is not None:
                anchors[event.anchor] = scalar
            if "?" in event.value and scalar.plain and open_ and flow[-1]:
                _check_word(event.start_mark.index, text, event.value)
            inside.append(scalar)
        elif kind is yaml.AliasEvent:
            target = anchors.get(event.anchor)
            if target is None:
                raise UnknownAnchor(event.anchor, event.start_mark.index)
            inside.append(AliasNode(event.anchor, event.start_mark.line + 1, target))
        elif kind is yaml.SequenceStartEvent or kind is yaml.MappingStartEvent:
            made: SequenceNode | MappingNode
            items: list[Node] = []
            line = event.start_mark.line + 1
            if kind is yaml.SequenceStartEvent:
                made = SequenceNode(short(event.tag), line, items)
            else:
                made = MappingNode(short(event.tag), line, [])
            if event.anchor is not None:
                anchors[event.anchor] = made
            inside.append(made)
            open_.append((made, inside))
            flow.append(event.flow_style)
            if len(open_) > MAX_DEPTH:
                raise YamlError("yaml: nested too deep")
            inside = items
        else:
            ended, outside = open_.pop()
            flow.pop()
            if isinstance(ended, MappingNode):
                ended.pairs = list(zip(inside[::2], inside[1::2], strict=True))
            inside = outside
        if not open_:
            return whole[0]
        event = next(events)


def _check_word(at: int, text: str, word: str) -> None:
    """Refuse a question mark inside a word in brackets, which ends the word to Go's library."""
    if "?" in word[1:]:
        problem, line = unfinished(text[:at])
        raise YamlError(f"yaml: {f'line {line}: ' if line else ''}{problem}")


def check_dialect(event: Any) -> None:
    """Refuse what libyaml takes and Go's library does not: YAML 1.2."""
    if isinstance(event, yaml.DocumentStartEvent) and event.version not in (None, (1, 1)):
        raise YamlError("yaml: found incompatible YAML document")


def unfinished(before: str) -> tuple[str, int]:
    """What Go's library says where a colon in brackets is part of a word to it; and the line of the bracket, from 0."""
    at, depth = len(before) - 1, 0
    while at >= 0 and (depth or before[at] not in "[{"):
        depth += (before[at] in "]}") - (before[at] in "[{")
        at -= 1
    closing = "]" if before[at : at + 1] == "[" else "}"
    return f"did not find expected ',' or '{closing}'", before.count("\n", 0, max(at, 0))
