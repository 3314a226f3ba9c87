"""What was entered, compiled together with the documents of one state."""

from __future__ import annotations

from ...rego import (
    UNDEFINED,
    CompileError,
    EvalError,
    Host,
    Limits,
    Location,
    Query,
    Snapshot,
    Value,
    compile_modules,
)
from ...rego.syntax import parse_statements, rule_from_body
from ...rego.syntax.nodes import Body
from ...rego.values import equal
from ..documents import State
from .entered import DEFAULT_PACKAGE, DOCUMENT, Entered, Input


class World:
    """Policies and data that queries are asked of; it never changes."""

    def __init__(self, state: State, entered: Entered, version: int) -> None:
        """Raises :class:`CompileError` where the two do not go together."""
        self.state = state
        self.entered = entered
        self._input: Query | None = None
        if entered.packages:
            self.policy = compile_modules({**state.modules, **entered.modules(version)}, version=version)
            # Of its own: what its rules made of the data is nobody else's, and goes when it goes.
            self.snapshot = Snapshot(state.snapshot.root, after=state.snapshot)
        else:
            self.policy = state.policy
            self.snapshot = state.snapshot
        if entered.input is not None:
            self._input_query(entered.input)

    def prepare(self, body: Body, package: tuple[str, ...], *, strict_builtin_errors: bool) -> Query:
        """A query inside a package, with what was imported there. Raises :class:`CompileError`."""
        imports = self.entered.entry(package).imports
        return self.policy.prepare(body, package=package, imports=imports, strict_builtin_errors=strict_builtin_errors)

    def input_document(self, limits: Limits, host: Host) -> Value:
        """The input document: what was set, else ``data.repl.input``. It is evaluated without any input.

        Raises :class:`EvalError` where it has several values.
        """
        given = self.entered.input
        if given is None and not self.policy.has_rules(("repl", "input")):
            return _find(self.snapshot.root, ("repl", "input"))
        query = self._input_query(given or _default())
        solutions = query.run(data=self.snapshot, limits=limits, host=host)
        if not solutions:
            return UNDEFINED
        first, *others = [s.bindings[DOCUMENT] for s in solutions]
        if not all(equal(first, o) for o in others):
            where = given.rule.loc if given is not None else Location()
            raise EvalError("eval_conflict_error", "input has several values", where)
        return first

    def _input_query(self, given: Input) -> Query:
        if self._input is None:
            imports = self.entered.entry(given.package).imports
            try:
                self._input = self.policy.prepare(given.query(), package=given.package, imports=imports, capture=False)
            except CompileError as e:  # its own variable is nobody's business
                raise CompileError(p for p in e.problems if p.message != f"var {DOCUMENT} is unsafe") from None
        return self._input


def _default() -> Input:
    (body,) = parse_statements("input = data.repl.input")
    assert isinstance(body, tuple)
    return Input(rule_from_body(body), DEFAULT_PACKAGE)


def _find(root: Value, path: tuple[str, ...]) -> Value:
    for step in path:
        if not isinstance(root, dict) or step not in root:
            return UNDEFINED
        root = root[step]
    return root
