"""What a body sees of the world: input, base documents, what ``with`` has replaced, and what was made before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from ...rego import UNDEFINED, Value
from ...rego.run.access import get_base, lookup, whole
from ...rego.run.overlays import graft, merge
from ...rego.syntax.nodes import Ref, Scalar, Var
from ...rego.syntax.printer import term_text

Path: TypeAlias = "tuple[Value, ...]"


@dataclass(frozen=True, slots=True)
class Outside:
    """``put`` has what ``with`` put in the place of the ``targets``; ``memo`` what rules were found to be."""

    input: Value
    data: Value
    put: Value = UNDEFINED
    targets: tuple[Path, ...] = ()
    mocks: Mapping[str, Value | Ref] = field(default_factory=dict)
    memo: dict[object, Value] = field(default_factory=dict)

    def replaced(self, items: Iterable[tuple[Ref, Value | Ref]]) -> Outside:
        """With other things in some places."""
        made = replace(self, memo={}, mocks=dict(self.mocks))
        for target, value in items:
            path = tuple(t.value for t in target.path if isinstance(t, Scalar))
            name = target.head.name if isinstance(target.head, Var) else ""
            if name == "input":
                made = replace(made, input=graft(made.input, path, value))
            elif name == "data" and not isinstance(value, Ref):
                made = replace(made, put=graft(made.put, path, value), targets=(*made.targets, path))
                made = replace(made, mocks={**made.mocks, term_text(target): value})
            else:
                made = replace(made, mocks={**made.mocks, term_text(target): value})
        return made

    def afresh(self) -> Outside:
        """The same without what was found before."""
        return replace(self, memo={})

    def unmocked(self) -> Outside:
        """What a replacement sees: it may call what it replaces."""
        return replace(self, mocks={}, memo={})

    def hidden(self, path: Path) -> bool:
        """Whether ``with`` has put something in the place of what stands at a path."""
        return any(path[: len(t)] == t for t in self.targets)

    def base(self, path: Path) -> Value:
        """The base document at a path, with what was put there; the whole is without ``system``, as in OPA."""
        put = lookup(self.put, path) if self.targets else UNDEFINED
        if self.hidden(path):
            return put
        real = self.data
        for step in path:
            real = get_base(real, step) if real is not UNDEFINED else real
        real = whole(real)
        if not path and type(real) is dict and "system" in real:
            real = {k: v for k, v in real.items() if k != "system"}
        if put is UNDEFINED:
            return real
        return put if real is UNDEFINED else merge(put, real)
