"""Reading policy and data files into modules and one tree of documents.

An argument is a file, a directory, or ``prefix:path``, which puts documents below that prefix. In a directory the
names of subdirectories are the documents' paths; file names never are. Two or more directory arguments with the
same parent and without policies in them (``./data/*``) are mounted under their own names, which is said in a notice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..rego import CompileError, Value
from ..rego.garbage import uncollected
from ..rego.packed import Packed, branched
from ..rego.records import field, record
from . import files
from .errors import Fault, LoadError
from .merging import Tree
from .trees import is_object

if TYPE_CHECKING:
    from ..rego.syntax.nodes import Module

DATA_ENDINGS: Final = (".json", ".yaml", ".yml")


@record(frozen=True, slots=True)
class Loaded:
    """What files held. ``modules`` by id (the path), ``raw`` their texts, ``notices`` for the log."""

    documents: dict[str, Any] = field(default_factory=dict)
    modules: dict[str, Module] = field(default_factory=dict)
    raw: dict[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


@uncollected()
def load(
    paths: Sequence[str], *, version: int = 1, ignore: Sequence[str] = (), mount: bool = True, test_files: bool = True,
    parse: Callable[[str, str], Module] | None = None,
) -> Loaded:  # fmt: skip
    """Read everything that the arguments name; raises :class:`LoadError` with every fault.

    ``parse`` makes a module of a name and a text, where that is not to be done by the language.
    """
    reader = _Reader(parse or _parser(version), test_files)
    arguments = [_Argument.of(text, ignore) for text in paths]
    mounts = _mounts(arguments) if mount else {}
    for argument in arguments:
        reader.argument(argument, mounts.get(argument.text, argument.prefix))
    if reader.faults:
        raise LoadError(reader.faults)
    notices = tuple(f"mounted {text} at data.{prefix[0]}" for text, prefix in mounts.items())
    return Loaded(reader.documents.documents(), reader.modules, reader.raw, notices)


def _parser(version: int) -> Callable[[str, str], Module]:
    from ..rego import parse_module

    return lambda name, text: parse_module(name, text, version=version)


def split_prefix(argument: str) -> tuple[tuple[str, ...], str]:
    """``a.b:path`` as its parts; a path without prefix, or a URL, stays whole, save that ``file://`` goes."""
    head, colon, tail = argument.partition(":")
    if argument.startswith("file://"):
        return (), argument.removeprefix("file://")
    if not colon or tail.startswith("//") or os.sep in head or not tail:
        return (), files.plain(argument)
    return tuple(p for p in head.split(".") if p), files.plain(tail.removeprefix("file://"))


def input_document(path: str) -> Value:
    """The document of one file, JSON or else YAML, however it is named. Raises :class:`LoadError`."""
    try:
        text = files.read(path)
    except files.Unreadable as e:
        raise LoadError([Fault(e.text, e.hint)]) from None
    from .document_text import document_of_unknown

    return document_of_unknown(path, text)


@record(frozen=True, slots=True)
class _Argument:
    """An argument of the command line and, where it is a directory, what is in it."""

    text: str
    prefix: tuple[str, ...]
    path: str
    entries: tuple[files.Found | files.Unreadable, ...] | None

    @classmethod
    def of(cls, text: str, ignore: Sequence[str]) -> _Argument:
        prefix, path = split_prefix(text)
        remote = path.startswith(("\\\\", "//")) or "://" in path
        folder = not remote and Path(path).is_dir()
        return cls(text, prefix, path, tuple(files.tree(path, ignore)) if folder else None)

    def holds_policies(self) -> bool:
        """Whether a policy file is in the directory."""
        return any(isinstance(e, files.Found) and e.path.endswith(".rego") for e in self.entries or ())


def _mounts(arguments: Sequence[_Argument]) -> dict[str, tuple[str, ...]]:
    """The prefix of each directory argument that is mounted under its own name."""
    groups: dict[Path, dict[str, str]] = {}
    for argument in arguments:
        if argument.entries is not None and not argument.prefix and not argument.holds_policies():
            where = Path(argument.path).absolute()
            groups.setdefault(where.parent.resolve(), {})[argument.text] = where.name
    several = [group for group in groups.values() if len(set(group.values())) > 1]
    return {text: (name,) for group in several for text, name in group.items()}


class _Reader:
    """Collects documents, modules and faults."""

    def __init__(self, parse: Callable[[str, str], Module], test_files: bool) -> None:
        self.parse = parse
        self.test_files = test_files
        self.documents = Tree()
        self.modules: dict[str, Module] = {}
        self.raw: dict[str, str] = {}
        self.faults: list[Fault] = []
        self.room = files.MAX_TOTAL

    def argument(self, argument: _Argument, prefix: tuple[str, ...]) -> None:
        """One argument of the command line."""
        path = argument.path
        if path.startswith(("\\\\", "//")):
            self.faults.append(Fault(f"UNC path read is not allowed: {path}", "copy the files to a local directory"))
        elif "://" in path:
            self.faults.append(Fault(f"{path}: files are not fetched", "download it and name the file"))
        elif argument.entries is None:
            self.file(path, prefix)
        else:
            for entry in argument.entries:
                match entry:
                    case files.Found(name, steps):
                        self.file(name, (*prefix, *steps))
                    case files.Unreadable():
                        self.faults.append(Fault(entry.text, entry.hint))

    def file(self, path: str, prefix: tuple[str, ...]) -> None:
        """One file."""
        if path.endswith(".tar.gz"):
            hint = "unpack it, or name its files or a directory"
            self.faults.append(Fault(f"{path}: bundles are not supported yet", hint))
            return
        try:
            raw = files.read_encoded(path, self.room)
        except files.Unreadable as e:
            self.faults.append(Fault(e.text, e.hint))
            return
        self.room -= len(raw)
        try:
            if path.endswith(".rego"):
                self._module(path, raw.decode())
                return
            from .document_text import document, document_of_unknown, json_document  # policies need no reader of JSON

            if path.endswith(".json"):
                self._merge(path, json_document(path, raw), prefix)
                return
            text = raw.decode()
            if path.endswith(DATA_ENDINGS):
                self._merge(path, document(path, text), prefix)
            elif not self._module_of_unknown(path, text):
                self._merge(path, document_of_unknown(path, text), prefix)
        except LoadError as e:
            self.faults.extend(e.causes)
        except CompileError as e:
            self.faults.extend(Fault(str(p), problem=p) for p in e.problems)

    def _module(self, path: str, text: str) -> None:
        if self.test_files or not path.endswith("_test.rego"):
            self.modules[path] = self.parse(path, text)
            self.raw[path] = text

    def _module_of_unknown(self, path: str, text: str) -> bool:
        try:
            self._module(path, text)
        except CompileError:
            return False
        return True

    def _merge(self, path: str, value: Any, prefix: tuple[str, ...]) -> None:
        if isinstance(value, Packed) and not prefix:
            value = value.to_value()
        for step in reversed(prefix):
            value = branched({step: value})
        if not is_object(value):
            known = path.endswith(DATA_ENDINGS)
            hint = f"put it below a name: NAME:{path}" if known else "name it .rego, .json or .yaml, as what it is"
            raise LoadError([Fault(f"{path}: document must be of type object", hint)])
        self.documents.merge(path, value)
