"""Bundles: directories or archives (``.tar.gz``) with policies, ``data.json`` or ``data.yaml`` and a manifest.

A bundle's files are read, nothing is unpacked. The roots in its manifest bound what its policies and data may be about.
Signatures are read and not verified.
"""

from __future__ import annotations

import fnmatch
import gzip
import json
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from ..rego import CompileError, parse_module
from ..rego.packed import whole
from ..rego.syntax.nodes import Module
from ..rego.syntax.printer import term_text
from . import files
from .document_text import document
from .errors import Fault, LoadError
from .loader import Loaded

DATA: Final = ("data.json", "data.yaml", "data.yml")
MANIFEST: Final = ".manifest"
SIGNATURES: Final = ".signatures.json"


class BundleError(LoadError):
    """A bundle that cannot be used; OPA tells of the first fault alone."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__([Fault(text, hint)])
        self.path = ""
        """The bundle that it is about, where it is one of several."""

    def plain(self) -> str:
        """What OPA says of it."""
        return self.causes[0].text

    def __str__(self) -> str:
        return str(self.causes[0])


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says of itself."""

    revision: str = ""
    roots: tuple[str, ...] = ("",)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    rego_version: int | None = None
    file_versions: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file with data: where its documents are, and its name as it is told."""

    steps: tuple[str, ...]
    shown: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """One bundle, read. ``modules`` by the names that their places have."""

    name: str
    manifest: Manifest
    modules: Mapping[str, Module]
    raw: Mapping[str, str]
    documents: Mapping[str, Any]
    data_files: tuple[DataFile, ...]
    signatures: Any = None


def read_bundle(path: str, ignore: Sequence[str] = (), *, version: int = 1, data: bool = True) -> Bundle:
    """Read a bundle; its data only where that is wanted. Raises :class:`LoadError`."""
    name = files.plain(path.removeprefix("file://"))
    try:
        there = Path(name).stat()
    except (OSError, ValueError) as e:
        raise BundleError(f'error reading "{name}": {files.unreadable(name, e).text}', "check the path") from None
    folder = (there.st_mode & 0o170000) == 0o040000
    entries = list(_directory(name, ignore) if folder else _archive(name, ignore))
    return _Reader(name, folder, version, data).bundle(entries)


def load_bundles(paths: Sequence[str], ignore: Sequence[str] = (), *, version: int = 1) -> Loaded:
    """Read bundles that belong together. Raises :class:`LoadError`."""
    bundles = [_read(path, ignore, version) for path in dict.fromkeys(paths)]
    _check_apart(bundles)
    documents: dict[str, Any] = {}
    modules: dict[str, Module] = {}
    raw: dict[str, str] = {}
    for bundle in bundles:
        if not _inserted(documents, (), dict(bundle.documents)):
            raise BundleError(f"bundle {bundle.name}: its data is in the way of another bundle's")
        modules.update(bundle.modules)
        raw.update(bundle.raw)
    return Loaded(documents, modules, raw)


def _read(path: str, ignore: Sequence[str], version: int) -> Bundle:
    try:
        return read_bundle(path, ignore, version=version)
    except BundleError as e:
        e.path = path
        raise


def _check_apart(bundles: Sequence[Bundle]) -> None:
    names = ", ".join(sorted(b.name for b in bundles))
    whole = sorted(b.name for b in bundles if "" in b.manifest.roots)
    if len(bundles) > 1 and whole:
        raise BundleError(
            f"bundles [{names}] have overlapping roots and cannot be activated simultaneously because bundle(s)"
            f" [{', '.join(whole)}] specify empty root paths ('') which overlap with any other bundle root",
            'say in each .manifest what it is about: {"roots": ["a"]}',
        )
    clashes = sorted({
        f"root {a} overlaps with {b}" if a != b else f"root {a} is in multiple bundles"
        for one, two in combinations(bundles, 2)
        for a in one.manifest.roots
        for b in two.manifest.roots
        if _contains(a, b) or _contains(b, a)
    })  # fmt: skip
    if clashes:
        raise BundleError(
            f"detected overlapping roots in manifests for these bundles: [{names}] ({', '.join(clashes)})"
        )


# --- files ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file of a bundle: its path from the bundle's root with a leading slash, its name as told, its text."""

    path: str
    shown: str
    text: str


def _wanted(base: str) -> bool:
    return base.endswith(".rego") or base in (*DATA, MANIFEST, SIGNATURES)


def _directory(root: str, ignore: Sequence[str]) -> Iterator[_Entry]:
    names = [hidden for hidden in (MANIFEST, SIGNATURES) if (Path(root) / hidden).is_file()]
    for entry in files.tree(root, ignore):
        if isinstance(entry, files.Unreadable):
            raise BundleError(f"bundle {root}: bundle read failed: {entry.text}", entry.hint)
        relative = str(Path(entry.path).relative_to(root))
        if Path(entry.path).is_symlink():
            continue  # as in OPA, where links are no part of a bundle
        if _wanted(Path(relative).name) and relative not in names:
            names.append(relative)
    room = files.MAX_TOTAL
    for relative in names:
        shown = str(Path(root) / relative)
        try:
            text = files.read(shown, room)
        except files.Unreadable as e:
            raise BundleError(f"bundle {root}: bundle read failed: {e.text}", e.hint) from None
        room -= len(text.encode())
        yield _Entry(f"/{relative}", shown, text)


def _archive(path: str, ignore: Sequence[str]) -> Iterator[_Entry]:
    def broken(reason: str) -> BundleError:
        hint = "make the archive anew: tar -czf bundle.tar.gz -C DIRECTORY ."
        return BundleError(f"bundle {path}: bundle read failed: archive read failed: {reason}", hint)

    room = files.MAX_TOTAL
    try:
        with gzip.open(path) as packed, tarfile.open(fileobj=packed, mode="r|") as archive:
            for count, member in enumerate(archive):
                room -= member.size
                if count >= files.MAX_ENTRIES or member.size > files.MAX_FILE or room < 0:
                    raise broken("there is more in it than can be read")
                parts = [p for p in member.name.split("/") if p not in ("", ".")]
                if (
                    member.isfile()
                    and parts
                    and _wanted(parts[-1])
                    and not any(files.ignored(p, ignore) for p in parts)
                ):
                    content = archive.extractfile(member)
                    text = b"" if content is None else content.read()
                    yield _Entry("/" + "/".join(parts), member.name, text.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise broken("a file in it is not UTF-8 text") from None
    except gzip.BadGzipFile:
        raise broken("gzip: invalid header") from None
    except (tarfile.TarError, EOFError, zlib.error, ValueError, OverflowError) as e:
        raise broken("unexpected EOF" if isinstance(e, EOFError | tarfile.ReadError) else str(e)) from None
    except OSError as e:
        raise broken((e.strerror or str(e)).lower()) from None


# --- what they hold ------------------------------------------------------------------------------


class _Reader:
    """Makes a bundle of its files."""

    def __init__(self, name: str, folder: bool, version: int, data: bool) -> None:
        self.name = name
        self.folder = folder
        self.version = version
        self.data = data

    def fault(self, text: str, hint: str = "") -> BundleError:
        """An error of this bundle."""
        return BundleError(f"bundle {self.name}: {text}", hint)

    def bundle(self, entries: Sequence[_Entry]) -> Bundle:
        """All of it. Raises :class:`BundleError`."""
        manifest = self._manifest(entries)
        signatures = next((self._json(e, "signatures") for e in entries if e.path == f"/{SIGNATURES}"), None)
        modules: dict[str, Module] = {}
        raw: dict[str, str] = {}
        documents: dict[str, Any] = {}
        found: list[DataFile] = []
        for entry in entries:
            if entry.path.endswith(".rego"):
                modules[entry.shown] = self._module(entry, manifest)
                raw[entry.shown] = entry.text
            elif entry.path.rpartition("/")[2] in DATA:
                steps = tuple(entry.path.split("/")[1:-1])
                found.append(DataFile(steps, str(Path(entry.shown))))
                if self.data:
                    self._insert(documents, steps, entry)
        for shown, module in modules.items():
            path = "/".join(module.package.names)
            if not any(_contains(root, path) for root in manifest.roots):
                package = term_text(module.package.path).removeprefix("data.")
                raise self.fault(
                    f"manifest roots {_go_list(manifest.roots)} do not permit 'package {package}' in module '{shown}'",
                    f"add {path.partition('/')[0]} to the roots in .manifest",
                )
        self._check_data(documents, (), manifest.roots)
        return Bundle(self.name, manifest, modules, raw, documents, tuple(found), signatures)

    def _manifest(self, entries: Sequence[_Entry]) -> Manifest:
        there = [e for e in entries if e.path.rpartition("/")[2] == MANIFEST]
        if not there:
            return Manifest()
        if len(there) > 1:
            raise self.fault(f'bundle contains multiple manifest files: "{there[0].path}" and "{there[1].path}"')
        read = self._json(there[0], "manifest")
        if not isinstance(read, dict):
            raise self.fault("bundle load failed on manifest decode: it is no object")
        roots = read.get("roots")
        roots = [""] if roots is None else roots
        if not (isinstance(roots, list) and all(isinstance(r, str) for r in roots)):
            raise self.fault("bundle load failed on manifest decode: roots are no list of texts")
        stripped = tuple(r.strip("/") for r in roots)
        for a, b in combinations(stripped, 2):
            if _contains(a, b) or _contains(b, a):
                raise self.fault(f"manifest has overlapped roots: '{a}' and '{b}'")
        versions = read.get("file_rego_versions") or {}
        for version in (read.get("rego_version"), *(versions.values() if isinstance(versions, dict) else ())):
            if version not in (None, 0, 1) or isinstance(version, bool):
                raise self.fault(f"manifest has unknown rego-version {version}")
        metadata = read.get("metadata") or {}
        return Manifest(
            str(read.get("revision") or ""), stripped, metadata if isinstance(metadata, dict) else {},
            read.get("rego_version"), versions if isinstance(versions, dict) else {},
        )  # fmt: skip

    def _json(self, entry: _Entry, what: str) -> Any:
        try:
            return json.loads(entry.text)
        except (ValueError, RecursionError) as e:
            text = "unexpected EOF" if isinstance(e, json.JSONDecodeError) and e.pos >= len(entry.text.rstrip()) else e
            raise self.fault(f"bundle load failed on {what} decode: {text}", f"mend {entry.shown}") from None

    def _module(self, entry: _Entry, manifest: Manifest) -> Module:
        version = manifest.rego_version if manifest.rego_version is not None else self.version
        for pattern, told in sorted(manifest.file_versions.items()):
            if fnmatch.fnmatchcase(entry.path, pattern):
                version = told
        try:
            return parse_module(entry.shown, entry.text, version=version)
        except CompileError as e:
            raise self.fault(str(e)) from None

    def _insert(self, documents: dict[str, Any], steps: tuple[str, ...], entry: _Entry) -> None:
        try:
            value = whole(document(entry.shown, entry.text))
        except LoadError as e:
            raise self.fault(f"bundle load failed on {entry.shown}: {e.causes[0].text}", e.causes[0].hint) from None
        if not steps and not isinstance(value, dict):
            raise self.fault("root value must be object")
        if not _inserted(documents, steps, value):
            raise self.fault(f"failed to insert data file from path {'/'.join(steps)}")

    def _check_data(self, node: Mapping[str, Any], path: tuple[str, ...], roots: Sequence[str]) -> None:
        for name, value in node.items():
            here = (*path, name)
            text = "/".join(here)
            if any(_contains(root, text) for root in roots):
                continue
            if isinstance(value, dict) and any(_contains(text, root) for root in roots):
                self._check_data(value, here, roots)
                continue
            raise self.fault(
                f"manifest roots {_go_list(roots)} do not permit data at path '/{text}' (hint: check bundle directory"
                " structure)"
            )


def _inserted(documents: dict[str, Any], steps: tuple[str, ...], value: Any) -> bool:
    """Put a document below some steps; false where something is in its way."""
    at = documents
    for step in steps[:-1]:
        at = at.setdefault(step, {})
        if not isinstance(at, dict):
            return False
    if steps:
        return _merged(at, steps[-1], value)
    return all(_merged(at, k, v) for k, v in value.items())


def _merged(into: dict[str, Any], name: str, value: Any) -> bool:
    there = into.get(name)
    if name not in into:
        into[name] = value
        return True
    if not isinstance(there, dict) or not isinstance(value, dict):
        return False
    into[name] = made = dict(there)
    return all(_merged(made, k, v) for k, v in value.items())


def _contains(root: str, path: str) -> bool:
    """Whether a path is at or below a root."""
    return not root or path == root or path.startswith(f"{root}/")


def _go_list(items: Sequence[str]) -> str:
    return f"[{' '.join(items)}]"


__all__ = ["Bundle", "BundleError", "DataFile", "Manifest", "load_bundles", "read_bundle"]
