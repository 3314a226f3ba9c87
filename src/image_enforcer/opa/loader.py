"""Reading policy and data files into modules and one tree of documents.

An argument is a file, a directory, or ``prefix:path``, which puts documents below that prefix. In a directory the
names of subdirectories are the documents' paths; file names never are. Two or more directory arguments with the
same parent and without policies in them (``./data/*``) are mounted under their own names, which is said in a notice.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..rego import CompileError, from_json, parse_module
from ..rego.builtins.yaml_documents import YamlError
from ..rego.builtins.yaml_documents import load as from_yaml
from ..rego.syntax.nodes import Module
from .errors import LoadError

MAX_FILE: Final = 512 << 20
"""Bytes of a single file beyond which it is refused."""

DATA_ENDINGS: Final = (".json", ".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What files held. ``modules`` by id (the path), ``raw`` their texts, ``notices`` for the log."""

    documents: dict[str, Any] = field(default_factory=dict)
    modules: dict[str, Module] = field(default_factory=dict)
    raw: dict[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def load(
    paths: Sequence[str], *, version: int = 1, ignore: Sequence[str] = (), mount: bool = True, test_files: bool = True
) -> Loaded:
    """Read everything that the arguments name; raises :class:`LoadError` with every fault."""
    reader = _Reader(version, ignore, test_files)
    mounts, notices = _mounts(paths, ignore) if mount else ({}, [])
    for argument in paths:
        prefix, path = split_prefix(argument)
        reader.argument(path, prefix or mounts.get(argument, ()))
    if reader.faults:
        raise LoadError(reader.faults)
    return Loaded(reader.documents, reader.modules, reader.raw, tuple(notices))


def split_prefix(argument: str) -> tuple[tuple[str, ...], str]:
    """``a.b:path`` as its parts; a path without prefix, a drive or a URL stays whole."""
    head, colon, tail = argument.partition(":")
    if not colon or tail.startswith("//") or os.sep in head or not tail:
        return (), argument.removeprefix("file://")
    return tuple(p for p in head.split(".") if p and p != "data") or (), tail


def _mounts(paths: Sequence[str], ignore: Sequence[str]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    groups: dict[Path, list[str]] = {}
    for argument in paths:
        prefix, path = split_prefix(argument)
        if not prefix and Path(path).is_dir() and not _holds_policies(path, ignore):
            groups.setdefault(Path(path).absolute().parent, []).append(argument)
    mounts: dict[str, tuple[str, ...]] = {}
    notices: list[str] = []
    for group in groups.values():
        if len(group) > 1:
            for argument in group:
                name = Path(argument).absolute().name
                mounts[argument] = (name,)
                notices.append(f"mounted {argument} at data.{name}")
    return mounts, notices


def _holds_policies(path: str, ignore: Sequence[str]) -> bool:
    return any(p.endswith(".rego") for p in _files(path, ignore, []))


def _files(root: str, ignore: Sequence[str], faults: list[str]) -> list[str]:
    found: list[str] = []

    def fault(error: OSError) -> None:
        faults.append(f"{error.filename}: {error.strerror}")

    for folder, folders, names in os.walk(root, onerror=fault, followlinks=False):
        folders[:] = sorted(
            f for f in folders if not _ignored(f, ignore) and f != "..data" and not f.startswith("..20")
        )
        found.extend(os.path.join(folder, n) for n in sorted(names) if not _ignored(n, ignore))
    return found


def _ignored(name: str, ignore: Sequence[str]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in ignore)


class _Reader:
    """Collects documents, modules and faults."""

    def __init__(self, version: int, ignore: Sequence[str], test_files: bool) -> None:
        self.version = version
        self.ignore = ignore
        self.test_files = test_files
        self.documents: dict[str, Any] = {}
        self.modules: dict[str, Module] = {}
        self.raw: dict[str, str] = {}
        self.faults: list[str] = []

    def argument(self, path: str, prefix: tuple[str, ...]) -> None:
        """One argument of the command line."""
        if path.startswith(("\\\\", "//")):
            self.faults.append(f"{path}: UNC path read is not allowed")
            return
        if os.path.isdir(path):
            for name in _files(path, self.ignore, self.faults):
                inner = os.path.relpath(os.path.dirname(name), path)
                steps = () if inner == "." else tuple(inner.split(os.sep))
                if name.endswith((".rego", *DATA_ENDINGS)):
                    self.file(name, (*prefix, *steps))
            return
        self.file(path, prefix)

    def file(self, path: str, prefix: tuple[str, ...]) -> None:
        """One file."""
        if path.endswith(".tar.gz"):
            self.faults.append(f"{path}: bundles are not supported yet; give its files or a directory instead")
            return
        text = self._text(path)
        if text is None:
            return
        if path.endswith(".rego"):
            self._module(path, text)
        elif path.endswith(DATA_ENDINGS):
            self._document(path, text, prefix)
        else:
            self._unknown(path, text, prefix)

    def _text(self, path: str) -> str | None:
        try:
            if os.path.getsize(path) > MAX_FILE:
                self.faults.append(f"{path}: larger than {MAX_FILE >> 20} MiB")
                return None
            raw = Path(path).read_bytes()
        except OSError as e:
            self.faults.append(f"stat {path}: {(e.strerror or str(e)).lower()}")
            return None
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as e:
            self.faults.append(f"{path}: not UTF-8 text (byte {e.start})")
            return None

    def _module(self, path: str, text: str) -> None:
        name = path.removeprefix("./")
        if not self.test_files and name.endswith("_test.rego"):
            return
        try:
            self.modules[name] = parse_module(name, text, version=self.version)
            self.raw[name] = text
        except CompileError as e:
            self.faults.extend(str(p) for p in e.problems)

    def _document(self, path: str, text: str, prefix: tuple[str, ...]) -> None:
        try:
            value = from_json(text) if path.endswith(".json") else from_yaml(text)
        except (ValueError, YamlError) as e:
            self.faults.append(f"{path}: {e}")
            return
        self._merge(path, value, prefix)

    def _unknown(self, path: str, text: str, prefix: tuple[str, ...]) -> None:
        try:
            self.modules[path] = parse_module(path, text, version=self.version)
            self.raw[path] = text
            return
        except CompileError:
            pass
        for read in (from_json, from_yaml):
            try:
                self._merge(path, read(text), prefix)
                return
            except (ValueError, YamlError):
                continue
        self.faults.append(f"{path}: unrecognized file: neither Rego nor JSON nor YAML")

    def _merge(self, path: str, value: Any, prefix: tuple[str, ...]) -> None:
        for step in reversed(prefix):
            value = {step: value}
        if not isinstance(value, dict):
            self.faults.append(f"{path}: document must be of type object")
            return
        if not merge_into(self.documents, value):
            self.faults.append(f"{path}: merge error")


def merge_into(target: dict[str, Any], more: dict[str, Any]) -> bool:
    """Merge documents in place; False, with nothing changed, where both have something else in one place."""
    if not _mergeable(target, more):
        return False
    _merge(target, more)
    return True


def _mergeable(target: dict[str, Any], more: dict[str, Any]) -> bool:
    for k, v in more.items():
        if k in target:
            there = target[k]
            if not (isinstance(there, dict) and isinstance(v, dict)) or not _mergeable(there, v):
                return False
    return True


def _merge(target: dict[str, Any], more: dict[str, Any]) -> None:
    for k, v in more.items():
        there = target.get(k)
        if isinstance(there, dict) and isinstance(v, dict):
            fresh = dict(there)
            _merge(fresh, v)
            target[k] = fresh
        else:
            target[k] = v


def same_files(paths: Iterable[str]) -> list[str]:
    """The directories to watch for these arguments."""
    found: dict[str, None] = {}
    for argument in paths:
        _, path = split_prefix(argument)
        found[path if os.path.isdir(path) else os.path.dirname(path) or "."] = None
    return list(found)
