"""What is left of a query without the documents that ``unknown`` named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...rego.syntax.nodes import Body
from .. import presentation
from . import texts

if TYPE_CHECKING:
    from .session import Session


def partial_answer(session: Session, body: Body) -> str:
    """The queries that are left, and the rules that they need. Raises :class:`RegoError` and :class:`texts.Misuse`."""
    from ..explain.exits import Untraceable
    from ..partial import evaluate_partially
    from ..partial.shown import partial_json, partial_table

    settings, clock = session.settings, session.clock
    begun = clock()
    world = session.world()
    compiled = clock()
    host = session.host()
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
        shown: dict[str, Any] = {"partial": partial_json(found)}
        return presentation.dumps({**shown, "metrics": metrics} if settings.metrics else shown) + "\n"
    text = partial_table(found) + "\n"
    return text + presentation.metrics_table(metrics) if settings.metrics else text
