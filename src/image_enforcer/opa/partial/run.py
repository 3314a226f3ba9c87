"""A query evaluated as far as it is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ...rego import EvalError, Host, LimitError, Limits, Policy, Snapshot, Value
from ...rego.check.documents import RuleTree
from ...rego.check.pipeline import check_query
from ...rego.check.visit import variables
from ...rego.meter import METER, make_room
from ...rego.run.evaluation import Evaluation
from ...rego.syntax.nodes import Body, CallExpr, Expr, Import, Module, Ref, Var
from ..explain.bindings import Bindings
from ..explain.events import Event, Recorder
from ..explain.exits import Exit, Untraceable
from ..explain.outside import Outside
from ..explain.rules import Rules
from ..explain.run import FAULTS, Run
from .frame import PartialFrame
from .names import Named
from .propagation import propagated
from .saved import PLAIN, Inlining, Stack, Support, Unknowns, equation

NAMESPACE: Final = "partial"
"""The package of the rules that queries left over refer to."""

MOST_QUERIES: Final = 10_000
"""Queries that may be left over."""


@dataclass(frozen=True, slots=True)
class Partial:
    """What is left: bodies of which one must hold, and the modules that they need. Without bodies it never holds."""

    queries: tuple[Body, ...]
    support: tuple[Module, ...]


class _Silent(Recorder):
    def add(self, event: Event) -> None:
        """Nobody looks at the steps."""


class PartialRun(Run):
    """What is one for all bodies of which some is not known."""

    def __init__(
        self, rules: Rules, context: Evaluation, unknowns: Sequence[Ref], caller: Bindings, inlining: Inlining
    ) -> None:
        super().__init__(rules, _Silent(), context, debug=False)
        self.inlining = inlining
        self.unknowns = Unknowns(tuple(unknowns), rules.checked.tree, inlining)
        self.stack = Stack()
        self.support = Support()
        self.caller = caller
        self.namespace = NAMESPACE
        self._references = 0

    @property
    def tree(self) -> RuleTree:
        """The rules by path."""
        return self.rules.checked.tree

    def shortened(self, body: Sequence[Expr], live: Iterable[str], *, never_empty: bool = True) -> Body:
        """A body without the variables that only pass something on, save where all is to stay as it is."""
        return tuple(body) if self.inlining.shallow else propagated(body, live, self.tree, never_empty=never_empty)

    def next_reference(self) -> int:
        """The number of another reference that is gone only a part of."""
        self._references += 1
        return self._references


def evaluate_partially(
    policy: Policy, body: Body, unknowns: Sequence[Ref], *, package: tuple[str, ...] | None,
    imports: Sequence[Import], input_: Value, data: Snapshot, limits: Limits, host: Host, inlining: Inlining = PLAIN,
) -> Partial:  # fmt: skip
    """Evaluate a query with some documents unknown.

    Raises :class:`CompileError`, :class:`EvalError`, :class:`LimitError`, and :class:`Untraceable` for what cannot be
    evaluated partially.
    """
    make_room()
    checked = check_query(policy.checked, body, package=package, imports=imports, as_rule=True)
    caller = Bindings()
    context = Evaluation(limits, replace(host, print=None, note=None), strict=False)
    run = PartialRun(Rules(policy.checked), context, unknowns, caller, inlining)
    frame = PartialFrame(run, checked.body, caller, Outside(input_, data.root), 0)
    live = {n for n in variables(checked.body) if not n.startswith("__local")}
    live |= {u.head.name for u in unknowns if isinstance(u.head, Var)}
    queries: list[Body] = []

    def found() -> None:
        if len(queries) >= MOST_QUERIES:
            raise LimitError("output", f"more than {MOST_QUERIES} queries are left")
        kept = run.stack.named(caller)
        bound = [equation(_shown(var), Named(of, caller).item(item)) for var, item, of in caller.values.values()]
        kept.extend(sorted(bound, key=_left_name))
        if frame.passes(kept):
            queries.append(run.shortened(kept, live, never_empty=False))

    before, METER.payer = METER.payer, context
    try:
        frame.evaluate(found)
    except RecursionError:
        raise LimitError("depth", "evaluation nests deeper than it may") from None
    except FAULTS as e:
        raise Untraceable(f"this query ({type(e).__name__})") from e
    except Exit:
        pass
    finally:
        METER.payer = before
    return Partial(tuple(queries), tuple(run.support.modules()))


def _shown(var: Var) -> Var:
    """A variable made up for the value of an expression is shown as one that nobody needs."""
    return Var(f"${var.name}", var.loc) if var.name.startswith("_term_") else var


def _left_name(expr: Expr) -> str:
    terms = expr.terms
    assert isinstance(terms, CallExpr)
    left = terms.args[0]
    return left.name if isinstance(left, Var) else ""


__all__ = ["EvalError", "Partial", "Untraceable", "evaluate_partially"]
