"""Our engine in this process. The only adapter that reaches the language and the packages around it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from ...opa.documents import Documents
from ...opa.errors import LoadError
from ...opa.loader import Loaded, load
from ...opa.watch import at_one_moment
from ...ports.policy import (
    Answered,
    Exceeded,
    Failed,
    Mounted,
    Outcome,
    Revision,
    Undefined,
    Unreadable,
    UnusablePolicy,
)
from ...rego import UNDEFINED, CompileError, DocumentError, EvalError, LimitError, Limits, Query, RegoSet, Snapshot
from ...rego.builtins.byte_texts import as_utf8
from ...rego.json_text import as_written, key_text
from ...rego.packed import Packed
from ...rego.values import sorted_keys

LIMITS: Final = Limits(seconds=2.0, units=20_000_000)
MAX_VALUES: Final = 1_000_000
"""Values in an answer beyond which it is not read."""
_REHEARSAL: Final = {
    "kind": "ImageReview",
    "apiVersion": "imagepolicy.k8s.io/v1alpha1",
    "metadata": {},
    "spec": {"containers": [{"image": "rehearsal/rehearsal:1"}], "namespace": "production"},
    "status": {"allowed": False},
}
"""A review that nobody waits for: what a policy derives from data alone is derived on it."""
_PIECES: Final = 4
"""How many levels of documents are digested one by one."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What one answer rests on, swapped as a whole: a query without one means that no rule defines the entry point."""

    query: Query | None
    snapshot: Snapshot
    revision: Revision


class EmbeddedEngine:
    """Holds data and a query prepared for it, both of the files as they were read last."""

    blocking: Final = False

    def __init__(
        self, read: Callable[[], Loaded], *, entry_point: Sequence[str], limits: Limits = LIMITS, version: int = 1,
        mounted: Mounted | None = None,
    ) -> None:  # fmt: skip
        """``read`` gives the files' contents, now and at each reload. Raises :class:`UnusablePolicy`."""
        self._read = read
        self._mounted = mounted or Mounted()
        self._entry = tuple(entry_point)
        self._name = "data." + ".".join(self._entry)
        self._version = version
        self._limits = limits
        self._short = limits
        self._loading = threading.Lock()
        try:
            loaded = read()
            self._current = self._prepare(loaded)
        except (LoadError, CompileError) as e:
            raise UnusablePolicy(str(e)) from None
        self.notices = loaded.notices

    @classmethod
    def from_paths(
        cls, policies: Sequence[str], data: Sequence[str], *, entry_point: Sequence[str], seconds: float = 2.0,
        mounted: Mounted | None = None,
    ) -> EmbeddedEngine:  # fmt: skip
        """An engine over files and directories; raises :class:`UnusablePolicy`. Tests of policies are left out."""
        paths = [*policies, *data]
        return cls(
            lambda: at_one_moment(paths, lambda: load(paths, test_files=False)),
            entry_point=entry_point,
            limits=replace(LIMITS, seconds=seconds),
            mounted=mounted,
        )

    def _prepare(self, loaded: Loaded) -> _Loaded:
        # What the query does not need is not kept: trees of policies are many times their text.
        for path in self._mounted.documents:
            if _occupied(loaded.documents, path):
                shown = ".".join(path)
                raise LoadError([f"data.{shown} is in the files and among the facts; leave it out of one of them"])
        state = Documents(loaded, version=self._version, mounted=self._mounted.documents).state
        digest = hashlib.sha256()
        for name in sorted(state.raw):
            digest.update(name.encode("utf-8", "replace") + b"\0" + state.raw[name].encode() + b"\0")
        query = None
        if state.policy.has_rules(self._entry):
            query = state.policy.prepare(self._name, capture=True)
            with suppress(LimitError, EvalError, DocumentError), self._mounted.at_once():
                query.value(input=_REHEARSAL, data=state.snapshot, limits=self._limits)
        return _Loaded(query, state.snapshot, Revision(_short(digest.hexdigest()), _short(_content(loaded.documents))))

    def reload(self) -> str:
        """See the port. Readers keep the state that they began with. One that answers is not given up for none."""
        with self._loading:
            try:
                found = self._prepare(self._read())
            except (LoadError, CompileError) as e:
                return str(e)
            except MemoryError:
                return "there is not enough memory to hold the new policies and data beside the old ones"
            if found.query is None and self._current.query is not None:
                return f"no policy defines {self._name}"
            self._current = found
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
            with self._mounted.at_once():
                value = current.query.value(input=document, data=current.snapshot, limits=limits)
        except LimitError as e:
            return Exceeded(e.message, time=e.kind == "time")
        except DocumentError as e:
            return Unreadable(as_utf8(str(e)))
        except EvalError as e:
            return Failed(as_utf8(str(e)))
        if value is UNDEFINED:
            return Undefined(f"{self._name} is undefined for this review")
        try:
            return Answered(_plain(value, [MAX_VALUES]))
        except _TooLarge:
            return Failed(f"the answer holds more than {MAX_VALUES} values")

    def revision(self) -> Revision:
        """See the port."""
        return self._current.revision

    def ready(self) -> str:
        """See the port."""
        return "" if self._current.query is not None else f"no policy defines {self._name}"


def _occupied(documents: Any, path: Sequence[str]) -> bool:
    """Whether files have a document at a path, or one above it that is no object."""
    for step in path:
        if not isinstance(documents, dict | Packed):
            return True
        if step not in documents:
            return False
        documents = documents[step]
    return True


def _short(digest: str) -> str:
    return f"sha256:{digest[:16]}"


def _content(documents: Any) -> str:
    """A digest of the files' documents: the same wherever the same files were loaded."""
    encode = msgspec.json.Encoder(enc_hook=as_written, order="deterministic").encode
    digest = hashlib.sha256()

    def add(path: tuple[str, ...], node: Any) -> None:
        # In pieces, for the text of all documents at once would need as much memory as they do.
        if isinstance(node, dict | Packed) and len(node) and len(path) < _PIECES:
            for k in sorted(node):
                add((*path, k), node.once(k) if isinstance(node, Packed) else node[k])
        else:
            digest.update(encode((path, node)) + b"\n")

    add((), documents)
    return digest.hexdigest()


class _TooLarge(Exception):
    """An answer of more values than anybody reads."""


def _plain(value: Any, room: list[int]) -> Any:
    """A value of the language as plain JSON values: sets as lists, keys that are no strings as their JSON text.

    ``room`` holds how many values there may be, for parts that a value shares with itself are many once written out.
    Raises :class:`_TooLarge`.
    """
    if isinstance(value, str):
        return as_utf8(value)
    if not isinstance(value, dict | list | RegoSet):
        return value
    room[0] -= len(value)
    if room[0] < 0:
        raise _TooLarge
    if not isinstance(value, dict):
        return [_plain(v, room) for v in value]
    if all(type(k) is str for k in value):
        return {as_utf8(k): _plain(v, room) for k, v in value.items()}
    # Where two keys have one text, the later in Rego's order stands, as in OPA's answers.
    return {as_utf8(key_text(k)): _plain(value[k], room) for k in sorted_keys(value)}
