"""JSON and YAML text as trees that know their lines, read without trust: nothing expands, recurses or is guessed.

YAML is read as kubectl reads it: ``yes`` and ``on`` are strings, documents are separated by lines that begin with
``---``, text that is JSON is read as JSON. A key that stands twice is refused, since readers differ about which counts.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeAlias

import yaml

MAX_NODES: Final = 1_000_000
"""Values, and entries taken over by merge keys, of one text."""
MAX_DEPTH: Final = 200


class Unreadable(ValueError):
    """Text that is no such document. ``line`` counts from 1."""

    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.text = text
        self.line = line


class Type(Enum):
    """What a scalar is."""

    STRING = "a string"
    NUMBER = "a number"
    BOOLEAN = "a boolean"
    NULL = "null"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value without parts; ``text`` is its text, of numbers as they are written."""

    type: Type
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: list[Node]
    line: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """An object: its values, and the lines on which their keys stand."""

    entries: dict[str, Node]
    lines: dict[str, int]
    line: int


Node: TypeAlias = Scalar | Sequence | Mapping


def documents(text: str) -> Iterator[Node | Unreadable]:
    """Every document of a text, or why it is none; empty documents are left out. Later ones are read all the same."""
    text = text.removeprefix("\ufeff")
    # Each value follows one of these; counting them bounds what the JSON parser builds before nodes are counted.
    if text.lstrip(" \t\r\n")[:1] in ("{", "[") and sum(map(text.count, ",[{")) <= 2 * MAX_NODES:
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            pass  # flow style of YAML, perhaps
        else:
            yield _caught(_json(text))
            return
    budget = _Budget(MAX_NODES)
    line = 1
    for chunk in _chunks(text):
        found = _yaml(chunk, line, budget)
        while True:
            try:
                node = next(found, None)
            except Unreadable as e:
                yield e
                break
            if node is None:
                break
            if not (isinstance(node, Scalar) and node.type is Type.NULL):
                yield node
        line += chunk.count("\n")


def _caught(found: Iterator[Node]) -> Node | Unreadable:
    try:
        return next(found)
    except Unreadable as e:
        return e


_SEPARATOR: Final = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_DIRECTIVES: Final = re.compile(r"\s*%|\s*#[^\n]*\n\s*%")


def _chunks(text: str) -> Iterator[str]:
    """The text cut before each separator; directives stay with the document that they are for."""
    begin = 0
    for m in _SEPARATOR.finditer(text):
        if m.start() > begin and not _DIRECTIVES.match(text, begin, m.start()):
            yield text[begin : m.start()]
            begin = m.start()
    yield text[begin:]


@dataclass(slots=True)
class _Budget:
    """How much may still be read of a text."""

    nodes: int

    def spend(self, line: int, nodes: int = 1) -> None:
        self.nodes -= nodes
        if self.nodes < 0:
            raise Unreadable(f"more than {MAX_NODES:,} values", line)


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been read."""

    node: Sequence | Mapping
    anchor: str | None
    key: str | None = None
    key_line: int = 0
    merge: bool = False
    merged: list[tuple[Node, int]] = field(default_factory=list)


class _Builder:
    """Puts values where they belong. A collection is complete before anyone can refer to it, so there are no cycles."""

    def __init__(self, budget: _Budget) -> None:
        self.budget = budget
        self.open: list[_Open] = []
        self.anchors: dict[str, Node] = {}
        self.root: Node | None = None

    def begin(self, node: Sequence | Mapping, anchor: str | None) -> None:
        if len(self.open) >= MAX_DEPTH:
            raise Unreadable(f"nested deeper than {MAX_DEPTH} levels", node.line)
        self.budget.spend(node.line)
        self._no_key(node.line)
        self.open.append(_Open(node, anchor))

    def end(self) -> None:
        done = self.open.pop()
        if isinstance(done.node, Mapping):
            for source, line in done.merged:
                self._merge(done.node, source, line)
        self.place(done.node, done.anchor, done.node.line)

    def scalar(self, node: Scalar, anchor: str | None, *, merge: bool = False) -> None:
        self.budget.spend(node.line)
        self.place(node, anchor, node.line, merge=merge)

    def alias(self, name: str, line: int) -> None:
        self.budget.spend(line)
        if name not in self.anchors:
            raise Unreadable(f"nothing before it, outside of it, is anchored as {name[:80]!r}", line)
        self.place(self.anchors[name], None, line)

    def place(self, node: Node, anchor: str | None, line: int, *, merge: bool = False) -> None:
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.open:
            self.root = node
            return
        top = self.open[-1]
        if isinstance(top.node, Sequence):
            top.node.items.append(node)
        elif top.key is None:
            if not isinstance(node, Scalar):
                raise Unreadable("a key that is not a plain value", line)
            top.key, top.key_line, top.merge = node.text, line, merge
        else:
            self._entry(top, top.node, node)

    def _no_key(self, line: int) -> None:
        if self.open and isinstance(self.open[-1].node, Mapping) and self.open[-1].key is None:
            raise Unreadable("a key that is not a plain value", line)

    def _entry(self, top: _Open, mapping: Mapping, node: Node) -> None:
        key, top.key = top.key or "", None
        if top.merge:
            top.merged.append((node, top.key_line))
            return
        if key in mapping.entries:
            raise Unreadable(f"the key {key[:80]!r} stands twice", top.key_line)
        mapping.entries[key] = node
        mapping.lines[key] = top.key_line

    def _merge(self, mapping: Mapping, source: Node, line: int) -> None:
        for more in source.items if isinstance(source, Sequence) else [source]:
            if not isinstance(more, Mapping):
                raise Unreadable("'<<' takes over what is not an object", line)
            self.budget.spend(line, len(more.entries))
            for key, value in more.entries.items():
                if key not in mapping.entries:
                    mapping.entries[key] = value
                    mapping.lines[key] = more.lines[key]


def _yaml(text: str, line: int, budget: _Budget) -> Iterator[Node]:
    """The documents of a piece of YAML that begins on a line. Events only: composing recurses in C, and can crash."""
    builder = _Builder(budget)
    seen = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            index = event.start_mark.index if event.start_mark else seen
            if index > seen:
                line += text.count("\n", seen, index)
                seen = index
            match event:
                case yaml.ScalarEvent():
                    merge = event.value == "<<" and not event.style and event.tag is None
                    builder.scalar(_scalar(event, line), event.anchor, merge=merge)
                case yaml.AliasEvent():
                    builder.alias(event.anchor or "", line)
                case yaml.SequenceStartEvent():
                    _plain_tag(event.tag, line)
                    builder.begin(Sequence([], line), event.anchor)
                case yaml.MappingStartEvent():
                    _plain_tag(event.tag, line)
                    builder.begin(Mapping({}, {}, line), event.anchor)
                case yaml.CollectionEndEvent():
                    builder.end()
                case yaml.DocumentEndEvent():
                    if builder.root is not None:
                        yield builder.root
                    builder = _Builder(budget)
    except yaml.YAMLError as e:
        mark = getattr(e, "problem_mark", None)
        if mark is not None:
            line += text.count("\n", seen, mark.index) if mark.index > seen else 0
        elif isinstance(e, yaml.reader.ReaderError):
            position = min(e.position, len(text))
            line += text.count("\n", seen, position) if position > seen else 0
        raise Unreadable(getattr(e, "problem", None) or getattr(e, "reason", None) or "not YAML", line) from None


_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG: Final = "tag:yaml.org,2002:"
_PLAIN_TAGS: Final = (None, "!", _TAG + "map", _TAG + "seq")
_INT: Final = re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)")
_FLOAT: Final = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)


def _plain_tag(tag: str | None, line: int) -> None:
    if tag not in _PLAIN_TAGS:
        raise Unreadable(f"the tag {str(tag)[:80]!r} is not read here", line)


def _scalar(event: Any, line: int) -> Scalar:
    tag, text = event.tag, event.value
    if tag in ("!", _TAG + "str") or (tag is None and event.style):
        return Scalar(Type.STRING, text, line)
    if tag is not None and tag not in (_TAG + "int", _TAG + "float", _TAG + "bool", _TAG + "null"):
        raise Unreadable(f"the tag {str(tag)[:80]!r} is not read here", line)
    if text in ("", "~", "null", "Null", "NULL"):
        return Scalar(Type.NULL, "null", line)
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return Scalar(Type.BOOLEAN, text.lower(), line)
    if _INT.fullmatch(text) or _FLOAT.fullmatch(text):
        return Scalar(Type.NUMBER, text, line)
    return Scalar(Type.STRING, text, line)


_TOKEN: Final = re.compile(r'[ \t\r\n,:]*("(?:[^"\\]|\\.)*"|[\[\]{}]|[^\[\]{},:"\s]+)')


def _json(text: str) -> Iterator[Node]:
    """The one document of a text that is known to be JSON."""
    builder = _Builder(_Budget(MAX_NODES))
    breaks = [m.start() for m in re.finditer("\n", text)]
    for m in _TOKEN.finditer(text):
        token, line = m[1], bisect_right(breaks, m.start(1)) + 1
        match token[0]:
            case "{":
                builder.begin(Mapping({}, {}, line), None)
            case "[":
                builder.begin(Sequence([], line), None)
            case "}" | "]":
                builder.end()
            case '"':
                value = json.loads(token)
                if any("\ud800" <= c <= "\udfff" for c in value):
                    raise Unreadable("half a surrogate pair, which is no character", line)
                builder.scalar(Scalar(Type.STRING, value, line), None)
            case "t" | "f":
                builder.scalar(Scalar(Type.BOOLEAN, token, line), None)
            case "n":
                builder.scalar(Scalar(Type.NULL, token, line), None)
            case _:
                builder.scalar(Scalar(Type.NUMBER, token, line), None)
    if builder.root is not None:
        yield builder.root


_JSON_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")


def to_json(node: Node) -> str:
    """The tree as JSON text, numbers as written; raises :class:`Unreadable` for too much, and what JSON cannot say."""
    out: list[str] = []
    budget = _Budget(MAX_NODES)
    # What is still to be written: nodes, and the text between them. A stack, since text decides how deep it goes.
    todo: list[Node | str] = [node]
    while todo:
        match todo.pop():
            case str() as text:
                out.append(text)
            case Scalar(kind, text, line):
                budget.spend(line)
                out.append(_scalar_json(kind, text, line))
            case Sequence(items, line):
                budget.spend(line, 1 + len(items))
                out.append("[")
                todo.append("]")
                for i, item in enumerate(reversed(items), 1):
                    todo.append(item)
                    if i < len(items):
                        todo.append(",")
            case Mapping(entries, _, line):
                budget.spend(line, 1 + len(entries))
                out.append("{")
                todo.append("}")
                for i, (key, value) in enumerate(reversed(entries.items()), 1):
                    todo += [value, json.dumps(key) + ":"]
                    if i < len(entries):
                        todo.append(",")
    return "".join(out)


def _scalar_json(kind: Type, text: str, line: int) -> str:
    if kind is Type.STRING:
        return json.dumps(text)
    if kind is not Type.NUMBER or _JSON_NUMBER.fullmatch(text):
        return text
    digits = text.replace("_", "").lower()
    try:
        if re.fullmatch(r"[-+]?0[0-7]+", digits):
            return str(int(digits, 8))
        if _INT.fullmatch(digits):
            return str(int(digits, 0))
        shown = repr(float(digits))
    except ValueError:
        raise Unreadable("a number that JSON cannot say", line) from None
    if not _JSON_NUMBER.fullmatch(shown):
        raise Unreadable("a number that JSON cannot say", line)
    return shown
