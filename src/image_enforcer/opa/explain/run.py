"""A query explained: the same query as the compiled one, evaluated once more for its steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Final

from ...rego import UNDEFINED, EvalError, Host, LimitError, Limits, Policy, Snapshot, Value
from ...rego.check.pipeline import CheckedQuery, check_query
from ...rego.check.visit import ROOTS, variables
from ...rego.meter import METER, make_room
from ...rego.run.evaluation import Evaluation
from ...rego.signatures import signatures
from ...rego.syntax.nodes import (
    ArrayComprehension,
    Body,
    CallExpr,
    Expr,
    Import,
    ObjectComprehension,
    Ref,
    Scalar,
    SetComprehension,
    TermExpr,
    Var,
)
from ...rego.syntax.printer import term_text
from .bindings import Bindings
from .calls import Call, Traced, way_to
from .events import Event, Recorder
from .exits import Exit, Untraceable
from .frame import Frame
from .outside import Outside
from .rules import Rules
from .steps import Steps

FAULTS: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a fault in the code of a built-in, or in the one here, could raise: the answer stands without it."""


MAX_FAULTS: Final = 10_000
"""Failed calls of built-ins that are kept."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One way in which a query holds: its variables, and the values of its expressions, True of those without one."""

    bindings: Mapping[str, Value]
    values: tuple[Value, ...]


@dataclass(slots=True)
class Explanation:
    """What an evaluation did. ``names`` has what generated names stand for, ``paths`` those of rules by identity."""

    events: list[Event] = field(default_factory=list)
    names: Mapping[str, str] = field(default_factory=dict)
    paths: Mapping[int, Ref] = field(default_factory=dict)
    faults: list[Traced] = field(default_factory=list)
    """What failed: calls of built-ins, and last what ended the evaluation."""
    cut: str = ""
    """Why the events end early, where they do."""
    answers: list[Answer] = field(default_factory=list)
    """One for each way in which the query holds."""

    @property
    def calls(self) -> tuple[Call, ...]:
        """The way to the first fault, from the inside."""
        return self.faults[0].calls if self.faults else ()


class Run:
    """What is one for all frames."""

    def __init__(self, rules: Rules, recorder: Recorder, context: Evaluation, debug: bool) -> None:
        self.rules = rules
        self.recorder = recorder
        self.context = context
        self.debug = debug
        self.faults: list[Traced] = []
        self._numbers = 0

    def next_number(self) -> int:
        """The number of another body."""
        self._numbers += 1
        return self._numbers

    def spend(self) -> None:
        """An expression is evaluated. Raises :class:`LimitError`."""
        self.context.spend(1)

    def failed(self, fault: EvalError, frame: Steps) -> None:
        """A call has failed: that is kept with the way there. Raises :class:`LimitError` where there are too many."""
        if len(self.faults) >= MAX_FAULTS:
            raise LimitError("output", f"more than {MAX_FAULTS} calls of built-ins have failed", fault.location)
        self.faults.append(Traced(fault, way_to(frame)))
        if self.context.strict:
            raise fault

    def is_function(self, ref: Ref) -> bool:
        """Whether a reference names a function or built-in."""
        return term_text(ref) in signatures() or self.rules.checked.tree.is_function(ref)

    def is_document(self, ref: Ref) -> bool:
        """Whether a reference names a document that rules make, no function."""
        if not (isinstance(ref.head, Var) and ref.head.name == "data"):
            return False
        node = self.rules.world.find(tuple(t.value for t in ref.path if isinstance(t, Scalar)))
        return node is None or node.kind != "function"

    def arity(self, operator: Ref) -> int:
        """How many operands a function takes."""
        return self.rules.checked.tree.arity(operator)


def explain(
    policy: Policy, body: Body, *, package: tuple[str, ...] | None, imports: Sequence[Import], input_: Value,
    data: Snapshot, limits: Limits, host: Host, debug: bool = False, bindings: bool = False,
    heard: Callable[[Event], None] | None = None, keep: bool = True, indexing: bool = True, early_exit: bool = True,
    strict: bool = False, rules: Rules | None = None,
) -> Explanation:  # fmt: skip
    """Evaluate a query for its steps. It has been answered before: what is said here is about how.

    ``bindings`` records what variables were bound to at each step; without ``keep`` events are only heard, as many as
    there are. ``strict`` ends the evaluation where a built-in fails. ``indexing`` and ``early_exit`` are OPA's ways to
    leave rules and answers out; ``rules`` of the same policy, made before for many queries, say that themselves.
    """
    make_room()
    written, names = captured(policy, body, package, imports)
    checked = check_query(policy.checked, written, package=package, imports=imports)
    rules = rules or Rules(policy.checked, indexing, early_exit)
    recorder = Recorder(heard, bindings, keep)
    context = Evaluation(limits, replace(host, print=None, note=None), strict=strict)
    run = Run(rules, recorder, context, debug)
    frame = Frame(run, checked.body, Bindings(), Outside(input_, data.root), 0)
    made = Explanation(recorder.events, {**policy.checked.original, **checked.original}, rules.paths)

    shown = _shown_variables(checked)
    there = {e.loc for e in checked.body if not e.generated}
    valued = [n for n, e in zip(names, body, strict=True) if e.loc in there]

    def found() -> None:
        bound = {name: frame.bindings.value(Var(inner)) for inner, name in shown.items()}
        values = tuple(True if n is None else frame.bindings.value(Var(n)) for n in valued)
        made.answers.append(Answer({k: v for k, v in bound.items() if v is not UNDEFINED}, values))

    before, METER.payer = METER.payer, context
    try:
        frame.enter(checked.body, found)
    except Untraceable as e:
        made.cut = f"{e} cannot be traced"
    except LimitError as e:
        made.cut = str(e)
    except RecursionError:
        made.cut = "it nests deeper than can be traced"
    except FAULTS as e:
        made.cut = f"it cannot be traced further ({type(e).__name__})"
    except EvalError as e:
        if not any(f.error is e for f in run.faults):
            run.faults.append(Traced(e))
    except Exit:
        pass
    finally:
        METER.payer = before
    made.faults = run.faults
    return made


def _shown_variables(checked: CheckedQuery) -> dict[str, str]:
    """The variables that a user sees, with the names that they were written with."""
    found = {n: checked.rewritten_vars.get(n, n) for n in variables(checked.body, closures=False, call_heads=False)}
    return {n: w for n, w in found.items() if not w.startswith(("$", "__local")) and w not in ROOTS}


def captured(
    policy: Policy, body: Body, package: tuple[str, ...] | None, imports: Sequence[Import]
) -> tuple[Body, tuple[str | None, ...]]:
    """The query as OPA evaluates it: each expression's value goes into a variable, which then must not be false where
    there may be several answers. Gives the names of these variables too; None where an expression has no value."""
    made: list[Expr] = []
    checks: list[Expr] = []
    names: list[str | None] = []
    for expr in body:
        var = Var(f"$term{len(checks) + 1}", expr.loc)
        count = len(checks)
        match expr.terms:
            case TermExpr(term) if not expr.negated:
                made.append(replace(expr, terms=CallExpr(Ref((Var("eq", expr.loc),), expr.loc), (term, var))))
                count += 1
            case CallExpr(operator, args) if not expr.negated and policy.operands(operator, package, imports) == len(
                args
            ):
                made.append(replace(expr, terms=CallExpr(operator, (*args, var))))
                count += 1
            case _:
                made.append(expr)
        names.append(var.name if count > len(checks) else None)
        if count > len(checks):
            checks.append(Expr(TermExpr(var), generated=True, loc=expr.loc))
    several = len(body) > 1 or _iterates(body)
    return (*made, *(checks if several else ())), tuple(names)


def _iterates(node: object) -> bool:
    """Whether a query scans something outside closures, or asks a built-in that has several answers."""
    match node:
        case ArrayComprehension() | SetComprehension() | ObjectComprehension():
            return False
        case Ref(terms):
            found = signatures().get(term_text(node))
            if (found is not None and found.relation) or any(isinstance(t, Var) for t in terms[1:]):
                return True
            return any(map(_iterates, terms))
        case tuple():
            return any(map(_iterates, node))
        case Expr():
            return _iterates(node.terms) or any(_iterates(w.value) for w in node.withs)
        case _:
            return is_dataclass(node) and any(_iterates(getattr(node, f.name)) for f in fields(node) if f.compare)
