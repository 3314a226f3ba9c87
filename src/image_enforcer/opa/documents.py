"""The policies and base documents behind a REPL or server: revisions, owners, writes.

Readers take :attr:`Documents.state`, one frozen state, and are never disturbed. A write builds the next state whole,
compiles what it must, and then puts it in place; where it fails, the state stays as it was. What came from files and
what came over the API is kept apart: a reload replaces the former and leaves the latter, which wins where both wrote.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..rego import CompileError, Policy, Problem, Snapshot, Value, compile_modules, parse_module
from ..rego.syntax.nodes import Module
from .errors import BadPatch, NotFound, ReadOnly
from .loader import Loaded
from .overlay import Overlay
from .trees import Path, added, exists, occupied, path_text, read, removed, replaced, with_parents


@dataclass(frozen=True, slots=True)
class State:
    """One consistent set: policies compiled together with the documents beside them.

    ``revision`` counts every change, ``policy_revision`` those of policies; ``file_modules`` are the files' own.
    """

    policy: Policy
    snapshot: Snapshot
    modules: Mapping[str, Module]
    raw: Mapping[str, str]
    revision: int
    policy_revision: int
    file_modules: frozenset[str] = frozenset()


class Documents:
    """Holds the state; writes are serialised.

    ``mounted`` are documents that are read from elsewhere (lazy ones), by path; nothing may write there, and no file
    may have anything at or above them but objects.
    """

    def __init__(
        self,
        loaded: Loaded | None = None,
        *,
        version: int = 1,
        max_errors: int = 10,
        mounted: Mapping[Path, Value] | None = None,
        schema_annotations: bool = False,
    ) -> None:
        """Raises :class:`CompileError` where the files' policies do not compile.

        Schemas in annotations count where ``schema_annotations`` do: to OPA's server they are comments.
        """
        self.version = version
        self._schema_annotations = schema_annotations
        self._max_errors = max_errors
        self._lock = threading.RLock()
        self._mounted = dict(mounted or {})
        self._overlay = Overlay()
        loaded = loaded or Loaded()
        self._files: Value = loaded.documents
        root = self._with_mounted(loaded.documents)
        policy = self._compile(loaded.modules, root)
        self.state = State(
            policy, Snapshot(root), dict(loaded.modules), dict(loaded.raw), 1, 1, frozenset(loaded.modules)
        )

    def _compile(self, modules: Mapping[str, Module], root: Value) -> Policy:
        return compile_modules(
            modules, version=self.version, path_conflicts=lambda path: occupied(root, path),
            max_errors=self._max_errors, schema_annotations=self._schema_annotations,
        )  # fmt: skip

    def _with_mounted(self, root: Value) -> Value:
        for path, document in self._mounted.items():
            root = added(with_parents(root, path), path, document)
        return root

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
            root = self._with_mounted(self._overlay.over(loaded.documents))
            policy = self._compile(modules, root)
            self._files = loaded.documents
            self._overlay = self._overlay.pruned(loaded.documents)
            own = frozenset(k for k in loaded.modules if modules.get(k) is loaded.modules[k])
            return self._put_policies(policy, modules, raw, own, Snapshot(root))

    # --- data ------------------------------------------------------------------------------------

    def read(self, path: Path) -> Value:
        """The base document at a path; raises :class:`NotFound`."""
        return read(self.state.snapshot.root, path)

    def put_data(self, path: Path, value: Value, *, absent: bool = False) -> bool:
        """Write a document; parents are made. With ``absent`` only where there is none: False where there was one.

        Raises :class:`Conflict`, :class:`ReadOnly`, and :class:`CompileError` where a rule stands.
        """
        with self._lock:
            self._check_owner([path])
            root = self.state.snapshot.root
            if not exists(root, path):
                root = with_parents(root, path)
            elif absent:
                return False
            self._commit(added(root, path, value), [path])
            return True

    def delete_data(self, path: Path) -> None:
        """Remove a document; raises :class:`NotFound`, :class:`ReadOnly`."""
        with self._lock:
            self._check_owner([path])
            root = self.state.snapshot.root
            read(root, path)
            self._commit(removed(root, path), [path])

    def patch_data(self, operations: Sequence[tuple[str, Path, Value]]) -> None:
        """Carry out ``add``, ``remove`` and ``replace``, all of them or none.

        Raises :class:`BadPatch` for another operation, and as the other writes do.
        """
        with self._lock:
            self._check_owner([path for _, path, _ in operations])
            root = self.state.snapshot.root
            for operation, path, value in operations:
                root = _patched(root, operation, path, value)
            if operations:
                self._commit(root, [path for _, path, _ in operations])

    def _commit(self, root: Value, paths: list[Path]) -> None:
        self._check_rules(root, paths)
        for path in paths:
            self._overlay.write(path, root, self._files)
        now = self.state
        self.state = replace(now, snapshot=Snapshot(root, after=now.snapshot), revision=now.revision + 1)

    def _check_owner(self, paths: Sequence[Path]) -> None:
        for path in paths:
            for owned in self._mounted:
                shared = min(len(owned), len(path))
                if owned[:shared] == path[:shared]:
                    raise ReadOnly(f"path {path_text(path)[1:]} holds documents that are read from elsewhere")

    def _check_rules(self, root: Value, paths: list[Path]) -> None:
        """A document may not stand where a rule is, as OPA refuses it."""
        problems: list[Problem] = []
        for path in paths:
            if exists(root, path):
                found = self.state.policy.conflicts(path, lambda p: occupied(root, p))
                problems.extend(p for p in found if p not in problems)
        if problems:
            raise CompileError(sorted(problems, key=lambda p: (p.message.count("/"), p.message)))

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
            self._put_policies(policy, modules, {**now.raw, name: text}, now.file_modules - {name})
            return True

    def delete_policy(self, name: str) -> None:
        """Remove a policy; raises :class:`NotFound`, or :class:`CompileError` where others need it."""
        with self._lock:
            now = self.state
            if name not in now.modules:
                raise NotFound(missing_policy(name))
            modules = {k: v for k, v in now.modules.items() if k != name}
            policy = self._compile(modules, now.snapshot.root)
            raw = {k: v for k, v in now.raw.items() if k != name}
            self._put_policies(policy, modules, raw, now.file_modules - {name})

    def _put_policies(
        self,
        policy: Policy,
        modules: Mapping[str, Module],
        raw: Mapping[str, str],
        file_modules: frozenset[str],
        snapshot: Snapshot | None = None,
    ) -> State:
        now = self.state
        kept = snapshot or Snapshot(now.snapshot.root, after=now.snapshot)
        self.state = State(policy, kept, modules, raw, now.revision + 1, now.policy_revision + 1, file_modules)
        return self.state


def missing_policy(name: str) -> str:
    """What is said about a policy that is not there."""
    return f'policy id "{name}"'


def _patched(root: Value, operation: str, path: Path, value: Value) -> Value:
    match operation:
        case "add":
            return added(root, path, value)
        case "replace":
            return replaced(root, path, value)
        case "remove":
            return removed(root, path)
    raise BadPatch(f"bad patch operation: {operation}")


__all__ = ["Documents", "Path", "State", "missing_policy"]
