"""Evaluating for requests: queries kept prepared, short ones on the event loop, long ones on threads, all under limits.

A query that was quick before runs on the loop under a small limit; where it crosses that one, it is run again on a
thread under the full one. So one policy that runs into its limit does not keep the others waiting.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from ...rego import Host, LimitError, Limits, Policy, Query, Snapshot, Solution, Value
from ...rego.syntax.nodes import Body
from ..documents import Documents, State
from .paths import DataPath, reference_query
from .replies import Refused, error

UNSAFE_BUILTINS: Final = frozenset({"http.send"})
QUICK_SECONDS: Final = 0.02
"""How long a query may keep the event loop."""

MAX_PREPARED: Final = 256
"""Queries that are kept at hand."""

MAX_CODE: Final = 4096
"""Queries prepared after which the code that they left behind is given up."""

MAX_WAITING: Final = 256
"""Evaluations that may wait for a thread; more are refused with 503."""

HEAVY: Final = 2000
"""Nodes of a value (a kilobyte of text counts as one) from which on it is made JSON on a thread."""

_T = TypeVar("_T")


@dataclass(slots=True)
class _Prepared:
    query: Query
    quick: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A value with what ``?metrics`` shows about it: whether the query was at hand, nanoseconds to prepare and run."""

    value: Value
    cached: bool
    prepare_ns: int
    eval_ns: int


class _Workspace:
    """A policy with code of its own beside the documents, given up before the code of queries grows without bound."""

    def __init__(self) -> None:
        self._state: State | None = None
        self._left = 0
        self.policy: Policy | None = None
        self.snapshot: Snapshot | None = None
        self.prepared: OrderedDict[tuple[DataPath, bool], _Prepared] = OrderedDict()

    def take(self, state: State) -> tuple[Policy, Snapshot]:
        """The policy and the documents of a state."""
        now = self._state
        if self.policy is None or now is None or now.policy is not state.policy or self._left <= 0:
            self.policy = state.policy.apart()
            self.snapshot = None
            self.prepared.clear()
            self._left = MAX_CODE
        if self.snapshot is None or now is None or now.snapshot is not state.snapshot:
            self.snapshot = Snapshot(state.snapshot.root, after=state.snapshot)
        self._state = state
        return self.policy, self.snapshot

    def find(self, path: DataPath, strict: bool) -> _Prepared | None:
        """A query that is at hand."""
        found = self.prepared.get((path, strict))
        if found is None:
            self._left -= 1
        else:
            self.prepared.move_to_end((path, strict))
        return found

    def keep(self, policy: Policy, path: DataPath, strict: bool, made: _Prepared) -> None:
        """Keep a query at hand, if the policy is still the one."""
        if policy is self.policy:
            self.prepared[path, strict] = made
            if len(self.prepared) > MAX_PREPARED:
                self.prepared.popitem(last=False)

    def spend(self) -> None:
        """Count a query that is not kept."""
        self._left -= 1


class Evaluator:
    """Evaluates references and queries over the current state of documents. Used from the event loop only."""

    def __init__(self, documents: Documents, threads: Executor, limits: Limits, host: Host) -> None:
        self._documents = documents
        self._threads = threads
        self._limits = limits
        self._quick = replace(limits, seconds=min(QUICK_SECONDS, limits.seconds or QUICK_SECONDS))
        self._host = host
        self._references = _Workspace()
        self._queries = _Workspace()
        self._waiting = 0

    @property
    def state(self) -> State:
        """The state that an evaluation begun now would see."""
        return self._documents.state

    async def on_thread(self, work: Callable[[], _T]) -> _T:
        """Do something long on a thread; refused where too much waits already."""
        if self._waiting >= MAX_WAITING:
            raise Refused(error(503, "internal_error", "too many evaluations are waiting: try again later"))
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    async def reference(self, path: DataPath, input_: Value, *, strict: bool = False) -> Answer:
        """The value of a document, UNDEFINED where it has none; raises :class:`RegoError`."""
        policy, snapshot = self._references.take(self._documents.state)
        clock = self._host.monotonic
        prepared, prepare = self._references.find(path, strict), 0
        cached = prepared is not None
        if prepared is None:
            begun = clock()
            prepared = _Prepared(await self.on_thread(lambda: _prepare(policy, path, strict)))
            prepare = int((clock() - begun) * 1e9)
            self._references.keep(policy, path, strict, prepared)
        begun = clock()
        if prepared.quick:
            try:
                value = prepared.query.value(input=input_, data=snapshot, limits=self._quick, host=self._host)
                return Answer(value, cached, prepare, int((clock() - begun) * 1e9))
            except LimitError as e:
                if e.kind != "time":
                    raise
                prepared.quick = False
        query = prepared.query
        value, seconds = await self.on_thread(lambda: self._timed(query, snapshot, input_))
        prepared.quick = seconds < QUICK_SECONDS / 2
        return Answer(value, cached, prepare, int((clock() - begun) * 1e9))

    async def query(self, body: Body, input_: Value) -> tuple[Solution, ...]:
        """Every solution of a query that came with a request; raises :class:`RegoError`."""
        policy, snapshot = self._queries.take(self._documents.state)
        self._queries.spend()

        def run() -> tuple[Solution, ...]:
            prepared = policy.prepare(body, unsafe_builtins=UNSAFE_BUILTINS)
            return prepared.run(input=input_, data=snapshot, limits=self._limits, host=self._host)

        return await self.on_thread(run)

    async def rendered(self, value: Value, work: Callable[[], _T]) -> _T:
        """Do what writes a value as JSON, on a thread where it is large."""
        return await self.on_thread(work) if heavy(value) else work()

    def _timed(self, query: Query, snapshot: Snapshot, input_: Value) -> tuple[Value, float]:
        begun = self._host.monotonic()
        value = query.value(input=input_, data=snapshot, limits=self._limits, host=self._host)
        return value, self._host.monotonic() - begun


def _prepare(policy: Policy, path: DataPath, strict: bool) -> Query:
    return policy.prepare(reference_query(path), strict_builtin_errors=strict, unsafe_builtins=UNSAFE_BUILTINS)


def heavy(value: Value, limit: int = HEAVY) -> bool:
    """Whether a value has more than ``limit`` nodes; looks at no more than that many."""
    left = limit
    todo = [value]
    while todo:
        node = todo.pop()
        left -= 1
        if isinstance(node, str):
            left -= len(node) >> 10
        elif isinstance(node, list):
            left -= len(node)
            if left > 0:
                todo.extend(node)
        elif isinstance(node, dict):
            left -= len(node)
            if left > 0:
                todo.extend(node.values())
        elif hasattr(node, "to_value"):
            return True
        elif hasattr(node, "members"):
            left -= len(node.members)
            if left > 0:
                todo.extend(node.members.values())
        if left <= 0:
            return True
    return False
