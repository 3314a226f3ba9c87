"""Nodes of YAML to values, in the steps in which OPA takes them, since each step has faults of its own.

Equal keys are put together, nodes become values of Go's library, objects get the keys of JSON, and JSON has no
infinite numbers.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Final, NoReturn

from ..meter import ENTRY, METER
from ..values import Value
from .byte_texts import as_utf8
from .time_texts import LayoutError, scan
from .yaml_nodes import AliasNode, MappingNode, Node, ScalarNode, SequenceNode
from .yaml_scalars import YamlError, as_key, as_value, guessed, resolve
from .yaml_values import GoValue, Key, Scalar, Table, Time, shown

MAX_NODES: Final = 200_000
"""How many nodes a document may have once its aliases are followed."""
_FEW: Final = 1000
_FEW_ALIASED: Final = 100
_ALIASED: Final = 0.99
"""Of more nodes than few, the share that may stand behind aliases."""


def decoded(node: Node) -> Value:
    """The value of a document; raises :class:`YamlError`."""
    _Tidying().tidy(node)
    decoder = _Decoder()
    _, value = decoder.any(node)
    if decoder.faults:
        raise YamlError("yaml: unmarshal errors:\n  " + "\n  ".join(decoder.faults))
    return _Conversion().json(value)


def _fail(why: str) -> NoReturn:
    raise YamlError(f"yaml: {why}")


# --- what a scalar is


def _scalar(node: ScalarNode) -> Scalar:
    if node.tag == "!!timestamp":
        return _tagged_time(node.value)
    return resolve(node.tag, node.value, node.plain)


_YEAR: Final = re.compile("[0-9]{4}-")
_LAYOUTS: Final = (
    "2006-1-2T15:4:5.999999999Z07:00", "2006-1-2t15:4:5.999999999Z07:00", "2006-1-2 15:4:5.999999999", "2006-1-2",
)  # fmt: skip
_TIME: Final = re.compile(
    "([0-9]+)-([0-9]+)-([0-9]+)(?:[Tt ] *([0-9]+):([0-9]+):([0-9]+)(?:[.,]([0-9]+))?(Z|[-+].*)?)?"
)


def _time(text: str) -> Time | None:
    """A time in one of the ways in which YAML writes it."""
    if _YEAR.match(text) is None:
        return None
    for layout in _LAYOUTS:
        try:
            scan(layout, text)
        except LayoutError:
            continue
        found = _TIME.fullmatch(text)
        if found is not None:
            year, *rest = (int(part or 0) for part in found.groups()[:6])
            fraction = (found.group(7) or "")[:9].rstrip("0")
            zone = found.group(8) or "Z"
            day = "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}".format(year, *rest)
            return Time(day + (f".{fraction}" if fraction else "") + ("Z" if zone[1:] in ("", "00:00") else zone))
    return None


def _tagged_time(text: str) -> Time:
    found = _time(text)
    if found is not None:
        return found
    return _fail(f"cannot decode {guessed(text)} `{text}` as a !!timestamp")


def _short_tag(node: Node) -> str:
    """The tag that a node has once it is known what it is; a time without a tag is a string to OPA."""
    match node:
        case AliasNode():
            return _short_tag(node.target)
        case ScalarNode():
            if node.tag or not node.plain:
                return node.tag or "!!str"
            return "!!merge" if node.value == "<<" else guessed(node.value)
    return node.tag or ("!!map" if isinstance(node, MappingNode) else "!!seq")


def _merges(key: Node) -> bool:
    return isinstance(key, ScalarNode) and (key.tag == "!!merge" or (not key.tag and key.plain and key.value == "<<"))


# --- keys that are there twice


class _Tidying:
    """Makes one merge of several, and one key of equal ones: the first one's place, the last one's value."""

    def __init__(self) -> None:
        self.seen: set[int] = set()

    def tidy(self, node: Node) -> None:
        if isinstance(node, ScalarNode) or id(node) in self.seen:
            return
        self.seen.add(id(node))
        match node:
            case AliasNode():
                self.tidy(node.target)
            case SequenceNode():
                for item in node.items:
                    self.tidy(item)
            case MappingNode():
                node.pairs = _one_each(_one_merge(node.pairs))
                for key, value in node.pairs:
                    self.tidy(key)
                    self.tidy(value)


def _one_merge(pairs: list[tuple[Node, Node]]) -> list[tuple[Node, Node]]:
    merges = [(key, value) for key, value in pairs if _merges(key)]
    if not merges:
        return pairs
    merged: list[Node] = []
    for _, value in merges:
        merged += value.items if isinstance(value, SequenceNode) else [value]
    if len(merged) < 2:
        return pairs
    first = merges[0][0]
    return [
        (key, SequenceNode("!!seq", 0, merged)) if key is first else (key, value)
        for key, value in pairs
        if key is first or not _merges(key)
    ]


def _one_each(pairs: list[tuple[Node, Node]]) -> list[tuple[Node, Node]]:
    out: dict[str | int, tuple[Node, Node]] = {}
    for key, value in pairs:
        name = _name(key)
        if name is None:
            out[len(out)] = (key, value)
        else:
            out[name] = (out[name][0] if name in out else key, value)
    return list(out.values()) if len(out) < len(pairs) else pairs


def _name(key: Node) -> str | None:
    """The key in the JSON object; None for what OPA does not compare, times without a tag among it."""
    if not isinstance(key, ScalarNode) or _merges(key):
        return None
    if not key.tag and key.plain and _time(key.value) is not None:
        return None
    try:
        return _key_text(_scalar(key))
    except YamlError:
        return None


def _key_text(key: Scalar) -> str | None:
    return None if isinstance(key, Time) else as_key(key)


# --- nodes to Go's values


class _Decoder:
    def __init__(self) -> None:
        self.faults: list[str] = []
        self.following: set[int] = set()
        self.count = self.keys = self.aliased = 0
        self.merged: set[Key] | None = None

    def any(self, node: Node, into: Table | None = None) -> tuple[bool, GoValue]:
        """Whether there is a value, and the value; ``into`` takes the keys of an object that is merged."""
        self._count()
        match node:
            case ScalarNode():
                return True, _scalar(node)
            case SequenceNode():
                return True, [value for good, value in map(self.any, node.items) if good]
            case MappingNode():
                return self._mapping(node, into)
            case AliasNode():
                target = self._enter(node)
                made = self.any(target, into)
                self.following.discard(id(node))
                return made

    def _count(self) -> None:
        self.count += 1
        self.aliased += bool(self.following)
        if self.count - self.keys > MAX_NODES or (
            self.aliased > _FEW_ALIASED and self.count > _FEW and self.aliased / self.count > _ALIASED
        ):
            _fail("document contains excessive aliasing")
        if not self.count & 255:
            METER.spend(256 * 4, 256 * ENTRY)

    def _enter(self, node: AliasNode) -> Node:
        if id(node) in self.following:
            _fail(f"anchor '{node.name}' value contains itself")
        self.following.add(id(node))
        return node.target

    def _text(self, node: Node) -> str | None:
        """A key where only strings are taken: null is none, what else is no string stays as it is written."""
        self.keys += 1
        self._count()
        match node:
            case ScalarNode():
                value = _scalar(node)
                return None if value is None else value if isinstance(value, str) else node.value
            case AliasNode():
                target = self._enter(node)
                made = self._text(target)
                self.following.discard(id(node))
                return made
            case MappingNode() if self._repeats(node):
                return None
        tag = _short_tag(node)
        rest = "" if tag in ("!!seq", "!!map") else " ``"
        self.faults.append(f"line {node.line}: cannot unmarshal {tag}{rest} into string")
        return None

    def _repeats(self, node: MappingNode) -> bool:
        """Tell of keys that are there twice, as they are written: keys that are no scalars are all the same."""
        if len({_written(key) for key, _ in node.pairs}) == len(node.pairs):
            return False
        keys = [(_written(key), key.line) for key, _ in node.pairs]
        for i, (first, line) in enumerate(keys):
            self.faults += [
                f"line {later}: mapping key {shown(first[1])} already defined at line {line}"
                for other, later in keys[i + 1 :]
                if other == first
            ]
        return True

    def _mapping(self, node: MappingNode, into: Table | None) -> tuple[bool, GoValue]:
        if self._repeats(node):
            return False, None
        out = into
        if out is None:
            out = Table(all(_short_tag(key) in ("!!str", "!!merge") for key, _ in node.pairs))
        merged, self.merged = self.merged, None
        merge = None
        for key_node, value_node in node.pairs:
            if _merges(key_node) and isinstance(key_node, ScalarNode) and key_node.value == "<<":
                merge = value_node
                continue
            key: GoValue
            if out.strings:
                key = self._text(key_node)
                if key is None:
                    continue
            else:
                self.keys += 1
                good, key = self.any(key_node)
                if not good:
                    continue
            if isinstance(key, list | Table):
                _fail(f"invalid map key: {shown(key)}" if merged is None else _unhashable(key))
            name = type(key), key
            if merged is not None:
                if name in merged:
                    continue
                merged.add(name)
            good, value = self.any(value_node)
            if good:
                out.entries[name] = value
        self.merged = merged
        if merge is not None:
            self._merge(node, merge, out)
        return True, out

    def _merge(self, node: MappingNode, merge: Node, out: Table) -> None:
        merged = self.merged
        if merged is None:
            self.merged = {(type(k), k) for k in self._keys(node)}
        sources = merge.items if isinstance(merge, SequenceNode) else [merge]
        for source in sources:
            target = source.target if isinstance(source, AliasNode) else source
            if not isinstance(target, MappingNode):
                _fail("map merge requires map or sequence of maps as the value")
            self.any(source, out)
        self.merged = merged

    def _keys(self, node: MappingNode) -> list[Scalar]:
        found = []
        for key_node, _ in node.pairs:
            good, key = self.any(key_node)
            if good and not isinstance(key, list | Table):
                found.append(key)
        return found


def _written(key: Node) -> tuple[type, str]:
    match key:
        case ScalarNode():
            return ScalarNode, key.value
        case AliasNode():
            return AliasNode, key.name
    return type(key), ""


def _unhashable(key: list[GoValue] | Table) -> str:
    kind = (
        "[]interface {}"
        if isinstance(key, list)
        else f"map[{'string' if key.strings else 'interface {}'}]interface {{}}"
    )
    return f"runtime error: hash of unhashable type {kind}"


# --- Go's values to JSON's


class _Conversion:
    """First the keys of all objects have to be strings, then there may be no number that JSON has not."""

    def __init__(self) -> None:
        self.unwritable = False

    def json(self, value: GoValue) -> Value:
        made = self._made(value)
        if self.unwritable:
            self._tell(value)
        return made

    def _made(self, value: GoValue) -> Value:
        match value:
            case Table():
                return {as_utf8(self._key(key[1], v)): self._made(v) for key, v in value.entries.items()}
            case list():
                return [self._made(v) for v in value]
            case float():
                if isfinite(value):
                    return as_value(value)
                self.unwritable = True
                return None
            case Time():
                return value.text
            case str():
                return as_utf8(value)
        return value

    def _key(self, key: Scalar, value: GoValue) -> str:
        text = _key_text(key)
        if text is None:
            kind = "time.Time" if isinstance(key, Time) else "%!s(<nil>)"
            raise YamlError(f"unsupported map key of type: {kind}, key: {shown(key)}, value: {shown(value)}")
        return text

    def _tell(self, value: GoValue) -> None:
        """Raise for the first number that JSON has not, where keys stand in order."""
        match value:
            case Table():
                for _, v in sorted(((self._key(key[1], v), v) for key, v in value.entries.items()), key=_first):
                    self._tell(v)
            case list():
                for v in value:
                    self._tell(v)
            case float():
                as_value(value)


def _first(pair: tuple[str, GoValue]) -> str:
    return pair[0]
