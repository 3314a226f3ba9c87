"""The language's public face: compile modules, prepare a query, run it.

    >>> policy = compile_modules({"allow.rego": 'package a\\nallow if input.user == "kim"'})
    >>> query = policy.prepare("data.a.allow")
    >>> query.value(input={"user": "kim"})
    True
    >>> query.value(input={"user": "eve"})
    UNDEFINED

Undefined is a value (:data:`UNDEFINED`), errors and limits are exceptions below :class:`RegoError`. No file is
read and no network used; the clock and randomness come from a :class:`Host`. Objects are safe to share between threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .check.pipeline import Checked, CheckedQuery, check_modules, check_query
from .check.resolve import Resolver, global_names
from .check.schema_notes import Schemas
from .check.test_rules import ForTests
from .errors import (
    COMPILE_ERROR,
    CompileError,
    DocumentError,
    EvalError,
    LimitError,
    Problem,
    RegoError,
)
from .garbage import uncollected
from .meter import make_room
from .places import Location
from .plan.savings import ALL, Savings
from .plan.world import replaced_by
from .records import replace
from .run.limits import Host, Limits
from .run.link import Linked
from .run.running import ExpressionValue, Running, Solution
from .run.snapshot import Snapshot
from .signatures import signatures
from .syntax import parse_module, parse_query
from .syntax.nodes import Body, CallExpr, Expr, Import, Module, Ref, Scalar, SomeDecl, TermExpr, Var
from .syntax.printer import term_text
from .values import UNDEFINED, Value


class Policy:
    """Compiled modules. Make one with :func:`compile_modules`."""

    def __init__(self, checked: Checked, savings: Savings = ALL) -> None:
        self._checked = checked
        self._savings = savings
        self._linked: dict[tuple[frozenset[str], frozenset[Any], bool], Linked] = {}
        self._replaced: tuple[set[str], set[tuple[Value, ...]]] | None = None  # by ``with`` in modules
        self._lock = threading.Lock()

    @property
    def modules(self) -> Mapping[str, Module]:
        """The modules as they were parsed, by name."""
        return self._checked.source

    @property
    def compiled(self) -> Mapping[str, Module]:
        """The modules as the checks have rewritten them, by name: the form that OPA shows of a policy."""
        return self._checked.modules

    @property
    def checked(self) -> Checked:
        """What the checks have made of the modules; for who explains an evaluation in terms of them."""
        return self._checked

    def apart(self) -> Policy:
        """The same policy with generated code of its own.

        Each query prepared leaves some behind for as long as its policy lives; who prepares queries that others send
        takes a new one now and then.
        """
        return Policy(self._checked, self._savings)

    def saving(self, savings: Savings) -> Policy:
        """The same policy with plans that save less; what it answers is the same, which tests hold against it."""
        return Policy(self._checked, savings)

    def has_rules(self, path: Sequence[str]) -> bool:
        """Whether rules stand at, below or above a path below ``data``."""
        node = self._checked.tree.root
        for step in path:
            if node.rules:
                return True
            below = node.children.get(step)
            if below is None:
                return False
            node = below
        return bool(node.rules) or any(n.rules for n in node.below())

    def conflicts(self, path: Sequence[str], exists: Callable[[tuple[str, ...]], bool]) -> list[Problem]:
        """The rules in whose place a base document at the path, or documents below it, would stand."""
        node = self._checked.tree.root
        for i, step in enumerate(path):
            below = node.children.get(step)
            if below is None:
                return []
            node = below
            if node.rules:
                return [self._conflict(node.rules[0][0].loc, tuple(path[: i + 1]))]
        found: list[Problem] = []
        todo = [(node, tuple(path))]
        while todo:
            at, here = todo.pop()
            if at.rules and exists(here):
                found.append(self._conflict(at.rules[0][0].loc, here))
            todo.extend((c, (*here, k)) for k, c in at.children.items() if isinstance(k, str))
        return found

    @staticmethod
    def _conflict(loc: Location, path: tuple[str, ...]) -> Problem:
        return Problem(COMPILE_ERROR, f"conflicting rule for data path {'/'.join(path)} found", loc)

    @uncollected()
    def prepare(
        self, query: str | Body, *, package: Sequence[str] | None = None, imports: Sequence[Import] = (),
        strict_builtin_errors: bool = False, unsafe_builtins: frozenset[str] = frozenset(), keep_prints: bool = True,
        capture: bool = True,
    ) -> Query:  # fmt: skip
        """Compile a query against the modules.

        ``package`` and ``imports`` give names a meaning as inside a module. With ``capture`` an expression that is
        ``false`` still holds and has that value, as in OPA's API and REPL; without, the query fails there, as in a
        rule. Raises :class:`CompileError`.
        """
        make_room()
        try:
            return self._prepare(query, package, imports, strict_builtin_errors, unsafe_builtins, keep_prints, capture)
        except RecursionError:
            raise _too_deep() from None

    def _prepare(
        self, query: str | Body, package: Sequence[str] | None, imports: Sequence[Import], strict: bool,
        unsafe_builtins: frozenset[str], keep_prints: bool, capture: bool,
    ) -> Query:  # fmt: skip
        body = parse_query(query) if isinstance(query, str) else query
        written = body
        captures: tuple[str | None, ...] = ()
        where = None if package is None else tuple(package)
        if capture:
            body, captures = _capture(body, lambda operator: self.operands(operator, where, imports))
        checked = check_query(
            self._checked,
            body,
            package=where,
            imports=imports,
            unsafe_builtins=unsafe_builtins,
            keep_prints=keep_prints,
        )
        return Query(self._link(checked.body, strict), checked, written, captures, strict)

    def operands(self, operator: Ref, package: tuple[str, ...] | None, imports: Sequence[Import]) -> int:
        """How many operands a function with a result takes, by the name a query has for it; -1 where there is none."""
        path = Ref((Var("data"), *(Scalar(p) for p in package or ())))
        own = [r.head.name for m in self._checked.source.values() if m.package.names == package for r in m.rules]
        resolved = Resolver(global_names(path, own, imports)).operator(operator)
        if not (isinstance(resolved.head, Var) and resolved.head.name == "data"):
            return _built_in_operands(operator)
        return self._checked.tree.arity(resolved) if self._checked.tree.is_function(resolved) else -1

    def _link(self, body: Body, strict: bool) -> Linked:
        names, paths = replaced_by({}, (body,))
        with self._lock:
            if self._replaced is None:
                self._replaced = replaced_by(self._checked.modules, ())
            world = (frozenset(names | self._replaced[0]), frozenset(paths | self._replaced[1]), strict)
            linked = self._linked.get(world)
            if linked is None:
                linked = self._linked[world] = Linked(
                    self._checked.modules, (body,), strict=strict, savings=self._savings
                )
            return linked


class Query(Running):
    """A prepared query. Make one with :meth:`Policy.prepare`."""

    def __init__(
        self, linked: Linked, checked: CheckedQuery, written: Body, captures: tuple[str | None, ...], strict: bool
    ) -> None:
        shown = _user_vars(checked)
        hidden = [c for c in captures if c is not None]
        names = [*shown.values(), *(_new_name(checked, c) for c in hidden)]
        single = len(written) == 1 and len(captures) == 1 and captures[0] is not None
        super().__init__(
            linked, linked.query(checked.body, names), user=tuple(shown), strict=strict,
            captured=tuple(c is not None for c in captures), shown=tuple(_shown(checked.body, written)),
            single=len(shown) if single else None,
        )  # fmt: skip
        self.linked = linked
        self._planned = (checked.body, names)
        self._exact: Running | None = None

    def exact(self) -> Running:
        """The same query as code that meets errors in OPA's order."""
        made = self._exact
        if made is None:
            linked = self.linked.exact()
            made = self._exact = Running(
                linked, linked.query(*self._planned), user=self.user, captured=self.captured, shown=self.shown,
                single=self.single, strict=self.strict,
            )  # fmt: skip
        return made

    def plan(self) -> str:
        """How the query, and the rules that it may need, are evaluated: a text for people."""
        from .plan.printer import program_text

        planner = self.linked.planner
        return program_text(planner, planner.query(*self._planned))


@uncollected()
def compile_modules(
    modules: Mapping[str, str | Module], *, version: int = 1, strict: bool = False,
    path_conflicts: Callable[[tuple[str, ...]], bool] | None = None, unsafe_builtins: frozenset[str] = frozenset(),
    keep_prints: bool = True, max_errors: int = 10, tests: ForTests | None = None,
    schemas: Mapping[tuple[str, ...], Value] | None = None, schema_annotations: bool = True,
) -> Policy:  # fmt: skip
    """Compile modules (texts, or modules parsed before) that belong together.

    ``version`` is the Rego version of the texts, 1 or 0. ``path_conflicts`` tells whether a base document stands at
    a path, so that a rule there is refused. ``schemas`` are JSON schemas by their paths below ``schema``, the one
    without a path for every ``input``; annotations name them, or write schemas out, which counts where
    ``schema_annotations`` does. Raises :class:`CompileError` with every problem found, parse errors of all texts first.
    """
    make_room()
    parsed: dict[str, Module] = {}
    problems: list[Problem] = []
    for name, module in modules.items():
        if isinstance(module, Module):
            parsed[name] = module
            continue
        try:
            parsed[name] = parse_module(name, module, version=version)
        except CompileError as e:
            problems.extend(e.problems)
    if problems:
        raise CompileError(problems)
    try:
        checked = check_modules(
            parsed,
            strict=strict,
            path_conflicts=path_conflicts,
            unsafe_builtins=unsafe_builtins,
            keep_prints=keep_prints,
            max_errors=max_errors,
            tests=tests,
            schemas=None if schemas is None else Schemas(schemas),
            schema_annotations=schema_annotations,
        )
    except RecursionError:
        raise _too_deep() from None
    return Policy(checked)


def _too_deep() -> CompileError:
    return CompileError([Problem(COMPILE_ERROR, "rules and expressions nest deeper than they may")])


def _capture(body: Body, operands: Callable[[Ref], int]) -> tuple[Body, tuple[str | None, ...]]:
    """The query with each expression's value in a variable of its own; None where it has no value but true."""
    made: list[Expr] = []
    names: list[str | None] = []
    check: list[Expr] = []
    for i, expr in enumerate(body):
        name = f"__localcapture{i}__"
        var = Var(name, expr.loc)
        match expr.terms:
            case TermExpr(term) if not expr.negated:
                eq = Ref((Var("eq", expr.loc),), expr.loc)
                made.append(replace(expr, terms=CallExpr(eq, (var, term))))
                names.append(name)
            case CallExpr(operator, args) if not expr.negated and operands(operator) == len(args):
                made.append(replace(expr, terms=CallExpr(operator, (*args, var))))
                names.append(name)
            case _:
                made.append(expr)
                names.append(None)
        if names[-1] is not None and (len(body) > 1 or _iterates(body)):
            check.append(Expr(TermExpr(var), generated=True, loc=expr.loc))
    return (*made, *check), tuple(names)


def _iterates(body: Body) -> bool:
    """Whether a query can have several solutions: it scans something, or declares variables."""
    from .check.visit import walk

    return any(
        isinstance(x, SomeDecl) or (isinstance(x, Ref) and any(isinstance(t, Var) for t in x.terms[1:]))
        for x in walk(body)
    )


def _built_in_operands(operator: Ref) -> int:
    name = term_text(operator)
    found = None if name in ("eq", "assign") else signatures().get(name)
    return -1 if found is None or found.result is None else len(found.args)


def _shown(body: Body, written: Body) -> Iterator[tuple[int, Location]]:
    """The expressions that have values to show, by number, in the order in which they are evaluated.

    Declarations have none, and are gone from the ``body`` that was checked.
    """
    numbers = {e.loc: i for i, e in enumerate(written)}
    for expr in body:
        if not expr.generated and expr.loc in numbers:
            yield numbers[expr.loc], expr.loc


def _user_vars(checked: CheckedQuery) -> dict[str, str]:
    """The variables that a user sees, by the name written, with the name they have in the query."""
    from .check.visit import variables

    shown = {old: new for new, old in checked.rewritten_vars.items() if not old.startswith(("$", "__local"))}
    for name in variables(checked.body, closures=False, call_heads=False):
        if name in checked.rewritten_vars or name.startswith(("$", "__local")) or name in ("input", "data"):
            continue
        shown.setdefault(name, name)
    there = set(variables(checked.body, closures=False))
    return {old: new for old, new in sorted(shown.items()) if new in there}


def _new_name(checked: CheckedQuery, name: str) -> str:
    return next((new for new, old in checked.rewritten_vars.items() if old == name), name)


__all__ = [
    "UNDEFINED",
    "CompileError",
    "DocumentError",
    "EvalError",
    "ExpressionValue",
    "Host",
    "LimitError",
    "Limits",
    "Location",
    "Policy",
    "Problem",
    "Query",
    "RegoError",
    "Snapshot",
    "Solution",
    "compile_modules",
    "parse_module",
    "parse_query",
]
