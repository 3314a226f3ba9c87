"""Our engine in this process. The only adapter that reaches the language and the packages around it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from ...opa.documents import Documents, State
from ...opa.errors import LoadError
from ...opa.loader import Loaded, load
from ...ports.policy import Answered, Exceeded, Failed, Outcome, Revision, Undefined
from ...rego import UNDEFINED, CompileError, DocumentError, EvalError, LimitError, Limits, Query, RegoSet
from ...rego.values import unkey

ENTRY_POINT = ("io", "k8s", "image_policy", "verify")
LIMITS = Limits(seconds=2.0, units=20_000_000)


class UnusablePolicy(Exception):
    """Policies or data that cannot be loaded; the text lists what is wrong."""


class EmbeddedEngine:
    """Holds policies and data, and a query prepared for each state of them."""

    def __init__(
        self,
        read: Callable[[], Loaded],
        *,
        entry_point: Sequence[str] = ENTRY_POINT,
        limits: Limits = LIMITS,
        version: int = 1,
    ) -> None:
        """Raises :class:`UnusablePolicy`."""
        self._read = read
        self._entry = tuple(entry_point)
        self._limits = limits
        try:
            loaded = read()
            self._documents = Documents(loaded, version=version)
        except (LoadError, CompileError) as e:
            raise UnusablePolicy(str(e)) from None
        self.notices = loaded.notices
        self._current = self._prepare(self._documents.state)

    @classmethod
    def from_paths(
        cls,
        policies: Sequence[str],
        data: Sequence[str],
        *,
        entry_point: Sequence[str] = ENTRY_POINT,
        limits: Limits = LIMITS,
    ) -> EmbeddedEngine:
        """An engine over files and directories; raises :class:`UnusablePolicy`."""
        return cls(lambda: load([*policies, *data], test_files=False), entry_point=entry_point, limits=limits)

    def _prepare(self, state: State) -> tuple[State, Query | None, Revision]:
        digest = hashlib.sha256()
        for name in sorted(state.raw):
            digest.update(name.encode() + b"\0" + state.raw[name].encode() + b"\0")
        revision = Revision(f"sha256:{digest.hexdigest()[:16]}", str(state.revision))
        if not state.policy.has_rules(self._entry):
            return state, None, revision
        return state, state.policy.prepare("data." + ".".join(self._entry)), revision

    def reload(self) -> str:
        """Read the files again; empty when the new state is in force, else why the old one stays."""
        try:
            self._documents.replace_files(self._read())
        except (LoadError, CompileError) as e:
            return str(e)
        self._current = self._prepare(self._documents.state)
        return ""

    def decide(self, document: Any) -> Outcome:
        """See the port."""
        state, query, _ = self._current
        if query is None:
            return Undefined(f"no policy defines data.{'.'.join(self._entry)}", no_policy=True)
        try:
            value = query.value(input=document, data=state.snapshot, limits=self._limits)
        except LimitError as e:
            return Exceeded(e.message)
        except (EvalError, DocumentError) as e:
            return Failed(str(e))
        if value is UNDEFINED:
            return Undefined(f"data.{'.'.join(self._entry)} is undefined for this review")
        return Answered(_plain(value))

    def revision(self) -> Revision:
        """See the port."""
        return self._current[2]

    def ready(self) -> str:
        """See the port."""
        return "" if self._current[1] is not None else f"no policy defines data.{'.'.join(self._entry)}"


def _plain(value: Any) -> Any:
    """A value of the language as plain JSON values, sets as lists."""
    match value:
        case dict():
            return {k if type(k) is str else str(unkey(k)): _plain(v) for k, v in value.items()}
        case list():
            return [_plain(v) for v in value]
        case RegoSet():
            return [_plain(v) for v in value]
    return value
