"""What is left of a query without the documents that ``unknown`` named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...rego import Host
from ...rego.check.visit import Rewriter
from ...rego.syntax.nodes import Body, Call, CallExpr, Expr, ExprTerms, Module, Ref, Var
from ...rego.syntax.printer import INFIX, format_rule, package_text, source_text, term_text
from .. import presentation
from ..tables import listing
from . import texts

if TYPE_CHECKING:
    from ..partial import Partial
    from .session import Session


def partial_answer(session: Session, body: Body) -> str:
    """The queries that are left, and the rules that they need. Raises :class:`RegoError` and :class:`texts.Misuse`."""
    from ..explain.exits import Untraceable
    from ..partial import evaluate_partially

    settings, clock = session.settings, session.clock
    begun = clock()
    world = session.world()
    compiled = clock()
    host = Host(print=session.heard)
    try:
        found = evaluate_partially(
            world.policy, body, settings.unknowns, package=session.package,
            imports=world.entered.entry(session.package).imports, input_=world.input_document(session.limits, host),
            data=world.snapshot, limits=session.limits, host=host,
        )  # fmt: skip
    except Untraceable as e:
        raise texts.Misuse(f"{e} cannot be evaluated partially") from None
    metrics = {
        "timer_rego_module_compile_ns": compiled - begun,
        "timer_rego_partial_eval_ns": clock() - compiled,
        "timer_rego_query_parse_ns": session.parse_time,
    }
    if settings.format == "json":
        shown: dict[str, Any] = {"partial": _json(found)}
        return presentation.dumps({**shown, "metrics": metrics} if settings.metrics else shown) + "\n"
    text = _pretty(found) + "\n"
    return text + presentation.metrics_table(metrics) if settings.metrics else text


def _pretty(found: Partial) -> str:
    if not found.queries:
        return "undefined"
    written = _Written()
    rows = [(f"Query {i}", "\n".join(map(source_text, written.body(q)))) for i, q in enumerate(found.queries, start=1)]
    rows += [(f"Support {i}", _module(m)) for i, m in enumerate(found.support, start=1)]
    return listing(rows)


class _Written(Rewriter):
    """Operators with a result as they are written: ``c = a + b``."""

    def expr_terms(self, expr: Expr) -> ExprTerms:
        """An expression's terms, as :class:`Rewriter` does it."""
        match super().expr_terms(expr):
            case CallExpr(operator, (a, b, result)) if term_text(operator) in INFIX:
                return CallExpr(Ref((Var("eq"),)), (result, Call(operator, (a, b))))
            case other:
                return other


def _module(module: Module) -> str:
    rules = [replace(r, body=_Written().body(r.body)) for r in module.rules]
    parts = [package_text(module.package), *map(format_rule, rules)]
    return "\n\n".join(parts).replace("\t", "  ")


def _json(found: Partial) -> dict[str, Any]:
    from ...rego.syntax.tree_json import body_json, module_json

    shown: dict[str, Any] = {}
    if found.queries:
        shown["queries"] = [body_json(q) for q in found.queries]
    if found.support:
        shown["support"] = [module_json(m) for m in found.support]
    return shown
