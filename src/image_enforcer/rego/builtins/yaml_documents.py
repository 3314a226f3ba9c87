"""YAML as OPA reads it: ``yes`` and ``on`` are strings, ``017`` is 15, later keys win, fractions are 64-bit floats.

libyaml finds the nodes, so that large documents are read fast; what they are is said in :mod:`.yaml_scalars`.
"""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

from ..meter import ENTRY, METER
from ..text import term
from ..values import Value
from .byte_texts import as_utf8
from .yaml_scalars import YamlError, as_key, as_value, resolve, short

__all__ = ["MAX_DEPTH", "MAX_NODES", "YamlError", "compose", "load"]

MAX_NODES: Final = 200_000
"""How many nodes a document may have once its aliases are followed."""


MAX_DEPTH: Final = 500


class _Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    """A loader that only builds nodes; values are made here."""

    def resolve(self, _kind: Any, _value: Any, _implicit: Any) -> str:
        """No tag for what has none in the document."""
        return ""


def load(text: str) -> Value:
    """The value of a YAML document; raises :class:`YamlError`."""
    node = compose(text)
    return None if node is None else _Builder().value(node, ())


def compose(text: str, *, alone: bool = True) -> Any:
    """The nodes of a YAML document, without values yet; None where there are none. Raises :class:`YamlError`.

    Where it need not stand ``alone``, what follows the first document is not read.
    """
    METER.spend(4 * len(text), 100 * len(text))
    if as_utf8(text) != text:
        raise YamlError("yaml: invalid leading UTF-8 octet")
    try:
        _check_depth(text)
        if "\\/" in text or "%YAML" in text:
            _check_dialect(text)
        return _first(text, alone)
    except yaml.YAMLError as e:
        raise YamlError(f"yaml: {_reason(e, text)}") from None
    except YamlError:
        raise
    except (RecursionError, ValueError) as e:
        raise YamlError(f"yaml: {e}") from None


def _first(text: str, alone: bool) -> Any:
    """The first document; where it has to stand alone the others are read, for faults in them count."""
    loader = _Loader(text)
    try:
        node = loader.get_node() if loader.check_node() else None
        while alone and loader.check_node():
            loader.get_node()
        return node
    finally:
        loader.dispose()


def _check_depth(text: str) -> None:
    """Refuse deep nesting before nodes are built, which libyaml's binding does on the C stack."""
    if text.count("[") + text.count("{") + text.count("-") + text.count(":") + text.count("?") <= MAX_DEPTH:
        return
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise YamlError("yaml: nested too deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


_SLASH: Final = re.compile(r"(?<!\\)(?:\\\\)*\\/")


def _check_dialect(text: str) -> None:
    """What libyaml takes and Go's library does not: slashes behind backslashes, and YAML 1.2."""
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.DocumentStartEvent) and event.version not in (None, (1, 1)):
            raise YamlError("yaml: found incompatible YAML document")
        if isinstance(event, yaml.ScalarEvent) and event.style == '"':
            assert event.start_mark is not None
            assert event.end_mark is not None
            if _SLASH.search(text, event.start_mark.index, event.end_mark.index):
                line = event.start_mark.line
                raise YamlError(f"yaml: {f'line {line + 1}: ' if line else ''}found unknown escape character")


def _reason(error: yaml.YAMLError, text: str) -> str:
    """Go's words; a line, where it is not the first, counts from nought unless the text has no tokens there."""
    if isinstance(error, yaml.reader.ReaderError):
        return "control characters are not allowed"
    problem = getattr(error, "problem", None) or str(error).split("\n", maxsplit=1)[0]
    if isinstance(error, yaml.composer.ComposerError) and problem == "found undefined alias":
        name = _ALIAS.match(text, error.problem_mark.index) if error.problem_mark else None
        return f"unknown anchor '{name.group(1)}' referenced" if name else problem
    mark = getattr(error, "problem_mark", None)
    if problem == "found unexpected ':'" and mark is not None:
        problem, line = _unfinished(text[: mark.index])
        return f"line {line}: {problem}" if line else problem
    lines = [mark.line for mark in (getattr(error, "context_mark", None), getattr(error, "problem_mark", None)) if mark]
    line = next((line for line in lines if line), 0)
    if not line:
        return problem
    return f"line {line + isinstance(error, yaml.scanner.ScannerError)}: {problem}"


def _unfinished(before: str) -> tuple[str, int]:
    """What Go's library says where a colon in brackets is part of a word to it; and the line of the bracket, from 0."""
    at, depth = len(before) - 1, 0
    while at >= 0 and (depth or before[at] not in "[{"):
        depth += (before[at] in "]}") - (before[at] in "[{")
        at -= 1
    closing = "]" if before[at : at + 1] == "[" else "}"
    return f"did not find expected ',' or '{closing}'", before.count("\n", 0, max(at, 0))


_ALIAS: Final = re.compile(r"\*([0-9A-Za-z_-]+)")


class _Builder:
    """Turns nodes into values, counting them, so that aliases of aliases cannot fill the memory."""

    def __init__(self) -> None:
        self.count = 0

    def value(self, node: Any, above: tuple[int, ...]) -> Value:
        self.count += 1
        if self.count > MAX_NODES:
            raise YamlError("yaml: document contains excessive aliasing")
        if not self.count & 255:
            METER.spend(256 * 4, 256 * ENTRY)
        if isinstance(node, yaml.ScalarNode):
            return as_value(resolve(short(node.tag), node.value, not node.style))
        if id(node) in above:
            raise YamlError("yaml: anchor contains itself")
        inside = (*above, id(node))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(n, inside) for n in node.value]
        out: dict[str, Value] = {}
        merged: list[Any] = []
        for k, v in node.value:
            if _merges(k):
                merged += v.value if isinstance(v, yaml.SequenceNode) else [v]
            else:
                out[self._key(k, v, inside)] = self.value(v, inside)
        for source in merged:
            if not isinstance(source, yaml.MappingNode):
                raise YamlError("yaml: map merge requires map or sequence of maps as the value")
            for name, v in self.value(source, inside).items():
                out.setdefault(name, v)
        return out

    def _key(self, node: Any, value: Any, above: tuple[int, ...]) -> str:
        if isinstance(node, yaml.ScalarNode):
            found = as_key(resolve(short(node.tag), node.value, not node.style))
            if found is None:
                shown = _go_syntax(self.value(value, above))
                raise YamlError(f"unsupported map key of type: %!s(<nil>), key: <nil>, value: {shown}")
            return found
        raise YamlError(f"yaml: invalid map key: {_go_syntax(self.value(node, above))}")


def _merges(key: Any) -> bool:
    """Whether a key is that of a merge: two signs less, without quotes or a tag of its own."""
    return (
        isinstance(key, yaml.ScalarNode) and key.value == "<<" and not key.style and short(key.tag) in ("", "!!merge")
    )


def _go_syntax(value: Value, inside: bool = False) -> str:
    """A value as Go's ``%#v`` shows it."""
    match value:
        case None:
            return "interface {}(nil)" if inside else "<nil>"
        case list():
            return "[]interface {}{" + ", ".join(_go_syntax(v, True) for v in value) + "}"
        case dict():
            pairs = [f"{term(k)}:{_go_syntax(value[k], True)}" for k in sorted(value)]
            return "map[string]interface {}{" + ", ".join(pairs) + "}"
    return term(value)
