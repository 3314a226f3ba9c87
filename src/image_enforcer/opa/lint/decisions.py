"""Decisions that depend on more than the request and the data, or that were left as they were while being written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from ...rego.check.visit import operator_name, walk
from ...rego.syntax.nodes import Call
from .policies import Policies, calls, head_terms

Found: TypeAlias = "Iterator[tuple[str, object, str]]"

VOLATILE: Final = {
    "http.send": "what a server answers, or that it does not, becomes part of the decision",
    "net.lookup_ip_addr": "what a name server answers, or that it does not, becomes part of the decision",
    "time.now_ns": "the same image gets another answer at another time",
    "rand.intn": "the same image gets another answer each time",
    "uuid.rfc4122": "the answer is another one each time",
    "opa.runtime": "the answer depends on how the server was started",
}
PRINTING: Final = frozenset({"print", "trace"})


def find(policies: Policies) -> Found:
    """Every place."""
    for site in policies.sites():
        for call in calls(site.expr):
            if call.name in VOLATILE:
                yield "IL401", call.node, f"{call.name}: {VOLATILE[call.name]}"
            elif call.name in PRINTING:
                yield "IL402", site.expr, f"{call.name} was left in: what it shows goes to the log with each decision"
    for policy in policies.rules:
        for term in head_terms(policy.rule.head):
            for name in (operator_name(x.operator) for x in walk(term) if isinstance(x, Call)):
                if name in VOLATILE:
                    yield "IL401", policy.rule.head, f"{name}: {VOLATILE[name]}"
