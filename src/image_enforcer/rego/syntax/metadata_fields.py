"""The YAML of a ``# METADATA`` block to the fields it may have, typed as Go's library does it and refused in its words.

That library converts where it can (any scalar is a string where one is wanted, ``yes`` is true where a boolean is)
and goes on behind what does not fit, so that every misfit of a block is told at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import yaml

from ..builtins.yaml_documents import MAX_NODES, compose
from ..builtins.yaml_scalars import YamlError, as_value, resolve, short

_STRING: Final = "string"
_STRINGS: Final = "[]string"
_ANYTHINGS: Final = "[]interface {}"
_MAPPING: Final = "map[string]interface {}"
_MAPPINGS: Final = "[]map[string]interface {}"
FIELDS: Final[Mapping[str, str]] = {
    "scope": _STRING, "title": _STRING, "entrypoint": "bool", "description": _STRING, "organizations": _STRINGS,
    "related_resources": _ANYTHINGS, "authors": _ANYTHINGS, "schemas": _MAPPINGS, "compile": _MAPPING,
    "custom": _MAPPING, "labels": _MAPPING,
}  # fmt: skip
"""The fields, each with the Go type that error messages name."""

_TRUE: Final = frozenset({"y", "Y", "yes", "Yes", "YES", "on", "On", "ON"})
_FALSE: Final = frozenset({"n", "N", "no", "No", "NO", "off", "Off", "OFF"})
_TIMESTAMP: Final = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:([Tt ])([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)


class OddKeys(dict[str, Any]):
    """A mapping with keys that are no strings: OPA refuses it in some places and takes it in others."""


class _Nothing:
    """What does not fit, and is left out."""


NOTHING: Final = _Nothing()


def fields_of(text: str) -> dict[str, Any]:
    """The fields of a block's text; raises :class:`YamlError`."""
    node = compose(text, alone=False)
    if node is None:
        return {}
    decoder = _Decoder()
    found = decoder.fields(node)
    if decoder.misfits:
        raise YamlError("yaml: unmarshal errors:\n  " + "\n  ".join(decoder.misfits))
    return found


class _Decoder:
    def __init__(self) -> None:
        self.misfits: list[str] = []
        self.count = 0
        self.makers: Mapping[str, Callable[[Any], Any]] = {
            _STRING: self.string, "bool": self.boolean, _STRINGS: lambda n: self.sequence(n, _STRINGS, self.string),
            _ANYTHINGS: lambda n: self.sequence(n, _ANYTHINGS, self.anything), _MAPPING: self.mapping,
            _MAPPINGS: lambda n: self.sequence(n, _MAPPINGS, self.mapping),
        }  # fmt: skip

    def fields(self, node: Any) -> dict[str, Any]:
        if _is_null(node):
            return {}
        if not isinstance(node, yaml.MappingNode):
            self._misfit(node, "ast.rawAnnotation")
            return {}
        if self._repeated(node):
            return {}
        out: dict[str, Any] = {}
        for k, v in node.value:
            name = self.string(k)
            kind = FIELDS.get(name) if isinstance(name, str) else None
            if kind is None:
                continue
            if name in out:
                self.misfits.append(f"line {_line(k)}: field {name} already set in type ast.rawAnnotation")
                continue
            if not _is_null(v):
                made = self.makers[kind](v)
                if made is not NOTHING:
                    out[name] = made
        return out

    def string(self, node: Any) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            return self._misfit(node, _STRING)
        if _is_null(node):
            return NOTHING
        return node.value

    def boolean(self, node: Any) -> Any:
        value = _scalar(node) if isinstance(node, yaml.ScalarNode) else None
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value in _TRUE | _FALSE:
            return value in _TRUE
        return self._misfit(node, "bool")

    def sequence(self, node: Any, kind: str, item: Callable[[Any], Any]) -> Any:
        if not isinstance(node, yaml.SequenceNode):
            return self._misfit(node, kind)
        return [x for x in (item(n) for n in node.value) if x is not NOTHING]

    def mapping(self, node: Any) -> Any:
        if _is_null(node):
            return None
        if not isinstance(node, yaml.MappingNode):
            return self._misfit(node, _MAPPING)
        return self._pairs(node, (), strings=True)

    def anything(self, node: Any, above: tuple[int, ...] = ()) -> Any:
        self.count += 1
        if self.count > MAX_NODES:
            raise YamlError("yaml: document contains excessive aliasing")
        if isinstance(node, yaml.ScalarNode):
            value = _scalar(node)
            return _moment(value) if isinstance(value, str) and not node.style and not node.tag else as_value(value)
        if id(node) in above:
            raise YamlError("yaml: anchor value contains itself")
        inside = (*above, id(node))
        if isinstance(node, yaml.SequenceNode):
            return [x for x in (self.anything(n, inside) for n in node.value) if x is not NOTHING]
        return self._pairs(node, inside, strings=False)

    def _pairs(self, node: Any, above: tuple[int, ...], *, strings: bool) -> Any:
        if self._repeated(node):
            return NOTHING
        odd = not strings and any(not isinstance(_key(k), str) for k, _ in node.value)
        out: dict[str, Any] = OddKeys() if odd else {}
        merged: list[Any] = []
        for k, v in node.value:
            if isinstance(k, yaml.ScalarNode) and k.value == "<<" and not k.style:
                merged += v.value if isinstance(v, yaml.SequenceNode) else [v]
                continue
            if not isinstance(k, yaml.ScalarNode):
                if not strings:
                    raise YamlError("yaml: invalid map key")
                self._misfit(k, _STRING)
                continue
            made = self.anything(v, above)
            if made is not NOTHING:
                out[k.value] = made
        for source in merged:
            if not isinstance(source, yaml.MappingNode):
                raise YamlError("yaml: map merge requires map or sequence of maps as the value")
            if id(source) in above:
                raise YamlError("yaml: anchor value contains itself")
            made = self._pairs(source, (*above, id(source)), strings=strings)
            if made is not NOTHING:
                out = type(out)({**made, **out})
        return out

    def _repeated(self, node: Any) -> bool:
        """Whether a mapping has a key twice, which is told."""
        first: dict[Any, int] = {}
        repeated = False
        for k, _ in node.value:
            if not isinstance(k, yaml.ScalarNode):
                continue
            if k.value in first:
                shown = '"' + k.value.replace("\\", "\\\\").replace('"', '\\"') + '"'
                self.misfits.append(f"line {_line(k)}: mapping key {shown} already defined at line {first[k.value]}")
                repeated = True
            else:
                first[k.value] = _line(k)
        return repeated

    def _misfit(self, node: Any, wanted: str) -> _Nothing:
        if isinstance(node, yaml.SequenceNode):
            kind, shown = "!!seq", ""
        elif isinstance(node, yaml.MappingNode):
            kind, shown = "!!map", ""
        else:
            kind = _tag(node)
            text = node.value if len(node.value) <= 10 else node.value[:7] + "..."
            shown = f" `{text}`"
        self.misfits.append(f"line {_line(node)}: cannot unmarshal {kind}{shown} into {wanted}")
        return NOTHING


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _scalar(node: Any) -> Any:
    return resolve(short(node.tag), node.value, not node.style)


def _key(node: Any) -> Any:
    """A key's value; that of a merge counts as a string."""
    return _scalar(node) if isinstance(node, yaml.ScalarNode) else None


def _is_null(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and _scalar(node) is None


def _tag(node: Any) -> str:
    if node.tag:
        return short(node.tag)
    value = _scalar(node)
    match value:
        case bool():
            return "!!bool"
        case int():
            return "!!int"
        case float():
            return "!!float"
        case None:
            return "!!null"
    return "!!str" if node.style or not _TIMESTAMP.fullmatch(node.value) else "!!timestamp"


def _moment(text: str) -> str:
    """A date without quotes as Go's JSON has it, any other text as it is."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        return text
    year, month, day, mark, hour, minute, second, fraction, zone = found.groups()
    if (mark == " ") == bool(zone) and mark:
        return text
    try:
        datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC)
    except ValueError:
        return text
    part = (fraction or "")[:10].rstrip("0").rstrip(".")
    return (
        f"{year}-{int(month):02}-{int(day):02}T{int(hour or 0):02}:{int(minute or 0):02}:{int(second or 0):02}"
        f"{part}{zone if zone and zone != '+00:00' else 'Z'}"
    )
