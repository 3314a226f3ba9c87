"""Our engine in this process. The only adapter that reaches the language and the packages around it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ...opa.documents import Documents, State
from ...opa.errors import LoadError
from ...opa.loader import Loaded, load
from ...ports.policy import Answered, Exceeded, Failed, Outcome, Revision, Undefined, UnusablePolicy
from ...rego import UNDEFINED, CompileError, DocumentError, EvalError, LimitError, Limits, Query, RegoSet, Snapshot
from ...rego.values import unkey

LIMITS: Final = Limits(seconds=2.0, units=20_000_000)


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What one answer rests on, swapped as a whole: a query without one means that no rule defines the entry point."""

    query: Query | None
    snapshot: Snapshot
    revision: Revision


class EmbeddedEngine:
    """Holds policies and data, and a query prepared for each state of them."""

    blocking: Final = False

    def __init__(
        self, read: Callable[[], Loaded], *, entry_point: Sequence[str], limits: Limits = LIMITS, version: int = 1
    ) -> None:
        """``read`` gives the files' contents, now and at each reload. Raises :class:`UnusablePolicy`."""
        self._read = read
        self._entry = tuple(entry_point)
        self._name = "data." + ".".join(self._entry)
        self._limits = limits
        self._short = limits
        try:
            loaded = read()
            self._documents = Documents(loaded, version=version)
        except (LoadError, CompileError) as e:
            raise UnusablePolicy(str(e)) from None
        self.notices = loaded.notices
        self._current = self._prepare(self._documents.state)

    @classmethod
    def from_paths(
        cls, policies: Sequence[str], data: Sequence[str], *, entry_point: Sequence[str], seconds: float = 2.0
    ) -> EmbeddedEngine:
        """An engine over files and directories; raises :class:`UnusablePolicy`. Tests of policies are left out."""
        return cls(
            lambda: load([*policies, *data], test_files=False),
            entry_point=entry_point,
            limits=replace(LIMITS, seconds=seconds),
        )

    def _prepare(self, state: State) -> _Loaded:
        digest = hashlib.sha256()
        for name in sorted(state.raw):
            digest.update(name.encode("utf-8", "replace") + b"\0" + state.raw[name].encode() + b"\0")
        revision = Revision(f"sha256:{digest.hexdigest()[:16]}", str(state.revision))
        query = None
        if state.policy.has_rules(self._entry):
            query = state.policy.prepare(self._name, capture=True)
        return _Loaded(query, state.snapshot, revision)

    def reload(self) -> str:
        """See the port. Readers keep the state that they began with."""
        try:
            self._documents.replace_files(self._read())
            self._current = self._prepare(self._documents.state)
        except (LoadError, CompileError) as e:
            return str(e)
        return ""

    def decide(self, document: Any, seconds: float | None = None) -> tuple[Outcome, Revision]:
        """See the port."""
        current = self._current
        return self._outcome(current, document, self._limits if seconds is None else self._limited(seconds)), (
            current.revision
        )

    def _limited(self, seconds: float) -> Limits:
        """The limits with less time; the last ones are kept, since the same time is asked for again and again."""
        short = self._short
        if short.seconds != seconds:
            full = self._limits.seconds
            short = self._short = replace(self._limits, seconds=seconds if full is None else min(full, seconds))
        return short

    def _outcome(self, current: _Loaded, document: Any, limits: Limits) -> Outcome:
        if current.query is None:
            return Undefined(f"no policy defines {self._name}", no_policy=True)
        try:
            value = current.query.value(input=document, data=current.snapshot, limits=limits)
        except LimitError as e:
            return Exceeded(e.message, time=e.kind == "time")
        except (EvalError, DocumentError) as e:
            return Failed(str(e))
        if value is UNDEFINED:
            return Undefined(f"{self._name} is undefined for this review")
        return Answered(_plain(value))

    def revision(self) -> Revision:
        """See the port."""
        return self._current.revision

    def ready(self) -> str:
        """See the port."""
        return "" if self._current.query is not None else f"no policy defines {self._name}"


def _plain(value: Any) -> Any:
    """A value of the language as plain JSON values, sets as lists."""
    match value:
        case dict():
            return {k if type(k) is str else str(unkey(k)): _plain(v) for k, v in value.items()}
        case list() | RegoSet():
            return [_plain(v) for v in value]
    return value
