"""The policies and base documents behind a REPL or server: revisions, owners, writes.

Readers take :attr:`Documents.state`, one frozen state, and are never disturbed. A write builds the next state whole,
compiles what it must, and then puts it in place; where it fails, the state stays as it was. What came from files and
what came over the API is kept apart: a reload replaces the former and leaves the latter, which wins where both wrote.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from ..rego import CompileError, Policy, Problem, Snapshot, Value, compile_modules, parse_module
from ..rego.syntax.nodes import Module
from .errors import BadPatch, Conflict, NotFound
from .loader import Loaded

Path: TypeAlias = tuple[str, ...]

_GONE: Final = object()


@dataclass(frozen=True, slots=True)
class State:
    """One consistent set: policies compiled together with the documents beside them."""

    policy: Policy
    snapshot: Snapshot
    modules: Mapping[str, Module]
    raw: Mapping[str, str]
    revision: int
    policy_revision: int
    file_modules: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Overlay:
    """What the API wrote: a value or ``_GONE`` by path, in order."""

    writes: tuple[tuple[Path, Any], ...] = ()
    whole: Any = field(default=None)


class Documents:
    """Holds the state; writes are serialised."""

    def __init__(self, loaded: Loaded | None = None, *, version: int = 1) -> None:
        """Raises :class:`CompileError` where the files' policies do not compile."""
        self.version = version
        self._lock = threading.RLock()
        loaded = loaded or Loaded()
        self._files: dict[str, Any] = loaded.documents
        self._overlay = _Overlay()
        root = dict(loaded.documents)
        policy = self._compile(loaded.modules, root)
        self.state = State(
            policy, Snapshot(root), dict(loaded.modules), dict(loaded.raw), 1, 1, frozenset(loaded.modules)
        )

    def _compile(self, modules: Mapping[str, Module], root: Value) -> Policy:
        return compile_modules(modules, version=self.version, path_conflicts=lambda path: _exists(root, path))

    def _put(self, **changes: Any) -> State:
        now = self.state
        fields = {
            "policy": now.policy, "snapshot": now.snapshot, "modules": now.modules, "raw": now.raw,
            "revision": now.revision + 1, "policy_revision": now.policy_revision, "file_modules": now.file_modules,
        }  # fmt: skip
        fields.update(changes)
        self.state = State(**fields)
        return self.state

    # --- files -----------------------------------------------------------------------------------

    def replace_files(self, loaded: Loaded) -> State:
        """Put the files' new content in place of their old one. Raises :class:`CompileError`, the old state stays."""
        with self._lock:
            now = self.state
            modules = {k: v for k, v in now.modules.items() if k not in now.file_modules}
            raw = {k: v for k, v in now.raw.items() if k not in now.file_modules}
            for k, v in loaded.modules.items():
                if k not in modules:
                    modules[k] = v
                    raw[k] = loaded.raw[k]
            root: Value = dict(loaded.documents)
            for path, value in self._overlay.writes:
                root = _over(root, path, value)
            policy = self._compile(modules, root)
            self._files = loaded.documents
            return self._put(
                policy=policy, snapshot=Snapshot(root), modules=modules, raw=raw, policy_revision=now.policy_revision + 1,
                file_modules=frozenset(k for k in loaded.modules if modules.get(k) is loaded.modules[k]),
            )  # fmt: skip

    # --- data ------------------------------------------------------------------------------------

    def read(self, path: Path) -> Any:
        """The base document at a path; raises :class:`NotFound`."""
        found = _find(self.state.snapshot.root, path)
        if found is _GONE:
            raise NotFound(_not_found(path))
        return found

    def put_data(self, path: Path, value: Value) -> State:
        """Write a document; parents are made. Raises :class:`Conflict`, or :class:`CompileError` where a rule stands."""
        with self._lock:
            if not path:
                if not isinstance(value, dict):
                    raise Conflict("root must be object")
                return self._write(path, value, value)
            root = _make_parents(self.state.snapshot.root, path)
            return self._write(path, value, _add(root, path, value))

    def delete_data(self, path: Path) -> State:
        """Remove a document; raises :class:`NotFound`."""
        with self._lock:
            return self._write(path, _GONE, _removed(self.state.snapshot.root, path))

    def patch_data(self, base: Path, operations: Sequence[Any]) -> State:
        """Carry out add, remove and replace, all of them or none; raises :class:`BadPatch` and as the others."""
        with self._lock:
            root: Value = self.state.snapshot.root
            writes: list[tuple[Path, Any]] = []
            for operation in operations:
                root, write = _patched(root, base, operation)
                writes.append(write)
            return self._commit(root, writes)

    def _write(self, path: Path, value: Any, root: Value) -> State:
        return self._commit(root, [(path, value)])

    def _commit(self, root: Value, writes: list[tuple[Path, Any]]) -> State:
        self._check_conflicts(root, writes)
        kept = [w for w in self._overlay.writes if not any(w[0][: len(p)] == p for p, _ in writes)]
        final = [(p, _find(root, p)) for p, _ in writes]
        self._overlay = _Overlay((*kept, *final))
        return self._put(snapshot=Snapshot(root))

    def _check_conflicts(self, root: Value, writes: list[tuple[Path, Any]]) -> None:
        """A document may not stand where a rule is, as OPA refuses it."""
        problems: list[Problem] = []
        policy = self.state.policy
        for path, value in writes:
            if value is _GONE:
                continue
            problems.extend(policy.conflicts(path, lambda p: _exists(root, p)))
        if problems:
            raise CompileError(problems)

    # --- policies --------------------------------------------------------------------------------

    def put_policy(self, name: str, text: str) -> bool:
        """Write a policy; False where it was there just so. Raises :class:`CompileError`."""
        with self._lock:
            now = self.state
            if now.raw.get(name) == text:
                return False
            module = parse_module(name, text, version=self.version)
            modules = {**now.modules, name: module}
            policy = self._compile(modules, now.snapshot.root)
            self._put(
                policy=policy,
                snapshot=Snapshot(now.snapshot.root),
                modules=modules,
                raw={**now.raw, name: text},
                policy_revision=now.policy_revision + 1,
                file_modules=now.file_modules - {name},
            )
            return True

    def delete_policy(self, name: str) -> None:
        """Remove a policy; raises :class:`NotFound`, or :class:`CompileError` where others need it."""
        with self._lock:
            now = self.state
            if name not in now.modules:
                raise NotFound(f"storage_not_found_error: policy id {name!r}")
            modules = {k: v for k, v in now.modules.items() if k != name}
            policy = self._compile(modules, now.snapshot.root)
            raw = {k: v for k, v in now.raw.items() if k != name}
            self._put(
                policy=policy,
                snapshot=Snapshot(now.snapshot.root),
                modules=modules,
                raw=raw,
                policy_revision=now.policy_revision + 1,
                file_modules=now.file_modules - {name},
            )


# --- trees ---------------------------------------------------------------------------------------


def _find(node: Value, path: Path) -> Any:
    for step in path:
        if isinstance(node, dict):
            node = node.get(step, _GONE)
        elif isinstance(node, list):
            node = node[int(step)] if step.isdigit() and int(step) < len(node) else _GONE
        else:
            return _GONE
        if node is _GONE:
            return _GONE
    return node


def _exists(root: Value, path: Path) -> bool:
    return _find(root, path) is not _GONE


def _not_found(path: Path) -> str:
    return "storage_not_found_error: document does not exist: /" + "/".join(path)


def _make_parents(root: Value, path: Path) -> Value:
    """Objects on the way to a path, where there is nothing yet."""
    for size in range(1, len(path)):
        found = _find(root, path[:size])
        if found is _GONE:
            above = _find(root, path[: size - 1])
            if not isinstance(above, dict):
                raise Conflict("storage_write_conflict_error: /" + "/".join(path[:size]))
            root = _add(root, path[:size], {})
        elif not isinstance(found, dict | list):
            raise Conflict("storage_write_conflict_error: /" + "/".join(path[:size]))
    return root


def _add(node: Value, path: Path, value: Value, *, replace: bool = False) -> Value:
    """A copy with a value at a path: object keys are set, array positions inserted at."""
    step, rest = path[0], path[1:]
    if isinstance(node, dict):
        if rest:
            if step not in node:
                raise NotFound(_not_found(path))
            return {**node, step: _add(node[step], rest, value, replace=replace)}
        return {**node, step: value}
    if isinstance(node, list):
        if rest:
            i = _position(node, step, 0)
            return [*node[:i], _add(node[i], rest, value, replace=replace), *node[i + 1 :]]
        if replace:
            i = _position(node, step, 0)
            return [*node[:i], value, *node[i + 1 :]]
        i = len(node) if step == "-" else _position(node, step, 1)
        return [*node[:i], value, *node[i:]]
    raise NotFound(_not_found(path))


def _position(items: list[Value], step: str, extra: int) -> int:
    if not step.isdigit():
        raise NotFound(_not_found((step,)))
    i = int(step)
    if i >= len(items) + extra:
        raise NotFound(_not_found((step,)))
    return i


def _removed(node: Value, path: Path) -> Value:
    if not path:
        raise NotFound(_not_found(path))
    step, rest = path[0], path[1:]
    if isinstance(node, dict) and step in node:
        if rest:
            return {**node, step: _removed(node[step], rest)}
        return {k: v for k, v in node.items() if k != step}
    if isinstance(node, list):
        i = _position(node, step, 0)
        if rest:
            return [*node[:i], _removed(node[i], rest), *node[i + 1 :]]
        return [*node[:i], *node[i + 1 :]]
    raise NotFound(_not_found(path))


def _over(root: Value, path: Path, value: Any) -> Value:
    """An API write laid over the files' documents."""
    if not path:
        return value if value is not _GONE else {}
    step, rest = path[0], path[1:]
    node = dict(root) if isinstance(root, dict) else {}
    if not rest:
        if value is _GONE:
            node.pop(step, None)
        else:
            node[step] = value
    else:
        node[step] = _over(node.get(step, {}), rest, value)
    return node


def _patched(root: Value, base: Path, operation: Any) -> tuple[Value, tuple[Path, Any]]:
    if not isinstance(operation, dict):
        raise BadPatch("bad patch operation")
    op = operation.get("op", "")
    steps = str(operation.get("path", "")).removeprefix("/")
    path = (*base, *(p.replace("~1", "/").replace("~0", "~") for p in steps.split("/"))) if steps else base
    match op:
        case "add":
            value = operation.get("value")
            if not path:
                if not isinstance(value, dict):
                    raise Conflict("root must be object")
                return value, (path, value)
            return _add(root, path, value), _subject(root, path, value)
        case "replace":
            if path and _find(root, path) is _GONE:
                raise NotFound(_not_found(path))
            value = operation.get("value")
            return (value if not path else _add(root, path, value, replace=True)), _subject(root, path, value)
        case "remove":
            return _removed(root, path), _subject(root, path, _GONE)
    raise BadPatch(f"bad patch operation: {op}")


def _subject(root: Value, path: Path, value: Any) -> tuple[Path, Any]:
    """The write as it is remembered: a change inside an array is one of the whole array."""
    for size in range(len(path)):
        if isinstance(_find(root, path[:size]), list):
            return path[:size], value
    return path, value
