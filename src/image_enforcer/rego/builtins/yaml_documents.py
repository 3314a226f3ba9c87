"""YAML as OPA reads it: ``yes`` and ``on`` are strings, ``017`` is 15, later keys win, fractions are 64-bit floats.

libyaml finds what :mod:`.yaml_nodes` makes nodes of, so that large documents are read fast.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import yaml

from ..meter import METER
from ..values import Value
from .byte_texts import as_utf8
from .yaml_decoding import MAX_NODES, decoded
from .yaml_nodes import MAX_DEPTH, Loader, Node, UnknownAnchor, check_dialect, first_document, unfinished
from .yaml_scalars import YamlError

__all__ = ["MAX_DEPTH", "MAX_NODES", "YamlError", "compose", "load"]


def load(text: str) -> Value:
    """The value of a YAML document; raises :class:`YamlError`."""
    with _told(text):
        node = _first_read(text)
        return None if node is None else decoded(node)


def _first_read(text: str) -> Node | None:
    """The first document, with something else in place of what libyaml and Go's library do not read alike.

    A colon before a bracket or comma is part of a word to Go's library, and a fault to libyaml; a slash behind a
    backslash is a fault in double quotes to Go's.
    """
    spare = (c for c in map(chr, range(0xE000, 0xF000)) if c not in text)
    instead: dict[str, str] = {}
    read = text
    if "\\/" in text:
        slash = next(spare)
        instead[slash] = "/"
        read = read.replace("\\/", f"\\{slash}")
    colon = next(spare)
    for _ in range(_COLONS):
        try:
            return first_document(read, instead)
        except yaml.scanner.ScannerError as e:
            if e.problem != _COLON or e.problem_mark is None:
                raise
            at = e.problem_mark.index
            instead[colon] = ":"
            read = read[:at] + colon + read[at + 1 :]
    return first_document(read, instead)


_COLON: Final = "found unexpected ':'"
_COLONS: Final = 20


def compose(text: str, *, alone: bool = True) -> Any:
    """The nodes of a YAML document, without values yet; None where there are none. Raises :class:`YamlError`.

    Where it need not stand ``alone``, what follows the first document is not read.
    """
    with _told(text):
        _check_depth(text)
        if "\\/" in text or "%YAML" in text:
            for event in yaml.parse(text, Loader=Loader):
                check_dialect(event)
                _check_slashes(event, text)
        return _first(text, alone)


@contextmanager
def _told(text: str) -> Iterator[None]:
    """Tells of faults in a text as Go does."""
    METER.spend(4 * len(text), 100 * len(text))
    if as_utf8(text) != text:
        raise YamlError("yaml: invalid leading UTF-8 octet")
    try:
        yield
    except yaml.YAMLError as e:
        mark = e.problem_mark if isinstance(e, yaml.parser.ParserError) else None
        sooner = _second_root(text, e) if mark is None else _sooner(text, mark.index, yaml.Token)
        raise YamlError(f"yaml: {_reason(sooner or e, text)}") from None
    except UnknownAnchor as e:
        error = _sooner(text, e.at, yaml.AliasToken)
        if error is None:
            raise
        raise YamlError(f"yaml: {_reason(error, text)}") from None
    except YamlError:
        raise
    except (RecursionError, ValueError) as e:
        raise YamlError(f"yaml: {e}") from None


def _sooner(text: str, at: int, kind: type[yaml.Token]) -> yaml.YAMLError | None:
    """The fault that Go's library meets before that of the token at a place: it reads two tokens further."""
    further = -1
    try:
        for token in yaml.scan(text, Loader=Loader):
            here = token.start_mark.index >= at and isinstance(token, kind)
            if further >= 0 or (here and not isinstance(token, yaml.StreamStartToken)):
                further += 1
                if further == _AHEAD:
                    break
    except yaml.YAMLError as e:
        further += getattr(e, "problem", "") == _NO_KEY  # what should have been a key was a token already
        return e if 0 <= further < _AHEAD else None
    return None


def _second_root(text: str, error: yaml.YAMLError) -> yaml.YAMLError | None:
    """The fault that Go's library meets before that of a token where something stands behind ``[]`` or ``{}``.

    libyaml reads on to the end of the line, for that might be a key. Go's library forgets this about brackets with
    nothing in them, and reads two tokens further.
    """
    at = error.problem_mark.index if isinstance(error, yaml.scanner.ScannerError) and error.problem_mark else 0
    if not _EMPTY_ROOT.search(text, 0, at):
        return None
    try:
        for _ in yaml.parse(text[:at], Loader=Loader):
            pass
    except yaml.parser.ParserError as second:
        if second.problem != _NO_DOCUMENT or second.problem_mark is None:
            return None
        found = 0
        try:
            for token in yaml.scan(text[second.problem_mark.index : at], Loader=Loader):
                found += not isinstance(token, yaml.StreamStartToken | yaml.StreamEndToken)
        except yaml.YAMLError:
            pass
        return second if found > _AHEAD else None
    except yaml.YAMLError:
        pass
    return None


_EMPTY_ROOT: Final = re.compile(r"(?m)^ *(?:\[ *\]|\{ *\}) *[^ :#\n]")
_NO_DOCUMENT: Final = "did not find expected <document start>"
_NO_KEY: Final = "could not find expected ':'"
_AHEAD: Final = 2


def _first(text: str, alone: bool) -> Any:
    """The first document; where it has to stand alone the others are read, for faults in them count."""
    loader = Loader(text)
    try:
        node = loader.get_node() if loader.check_node() else None
        while alone and loader.check_node():
            loader.get_node()
        return node
    finally:
        loader.dispose()


_SLASH: Final = re.compile(r"(?<!\\)(?:\\\\)*\\/")


def _check_slashes(event: Any, text: str) -> None:
    """Refuse slashes behind backslashes in double quotes, which Go's library does not take."""
    if isinstance(event, yaml.ScalarEvent) and event.style == '"':
        assert event.start_mark is not None
        assert event.end_mark is not None
        if _SLASH.search(text, event.start_mark.index, event.end_mark.index):
            line = event.start_mark.line
            raise YamlError(f"yaml: {f'line {line + 1}: ' if line else ''}found unknown escape character")


def _check_depth(text: str) -> None:
    """Refuse deep nesting before nodes are built, which libyaml's binding does on the C stack."""
    if text.count("[") + text.count("{") + text.count("-") + text.count(":") + text.count("?") <= MAX_DEPTH:
        return
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise YamlError("yaml: nested too deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _reason(error: yaml.YAMLError, text: str) -> str:
    """Go's words; a line, where it is not the first, counts from nought unless the text has no tokens there."""
    if isinstance(error, yaml.reader.ReaderError):
        return "control characters are not allowed"
    problem = getattr(error, "problem", None) or str(error).split("\n", maxsplit=1)[0]
    if isinstance(error, yaml.composer.ComposerError) and problem == "found undefined alias":
        name = _ALIAS.match(text, error.problem_mark.index) if error.problem_mark else None
        return f"unknown anchor '{name.group(1)}' referenced" if name else problem
    mark = getattr(error, "problem_mark", None)
    if problem == _COLON and mark is not None:
        problem, line = unfinished(text[: mark.index])
        return f"line {line}: {problem}" if line else problem
    lines = [mark.line for mark in (getattr(error, "context_mark", None), getattr(error, "problem_mark", None)) if mark]
    line = next((line for line in lines if line), 0)
    if not line:
        return problem
    return f"line {line + isinstance(error, yaml.scanner.ScannerError)}: {problem}"


_ALIAS: Final = re.compile(r"\*([0-9A-Za-z_-]+)")
