"""The types of what a query refers to, as the command ``types`` shows them."""

from __future__ import annotations

from collections.abc import Sequence

from ...rego import Policy
from ...rego.check.known_types import KnownTypes
from ...rego.check.pipeline import check_query
from ...rego.check.type_bodies import check_body
from ...rego.check.visit import ROOTS, variables, walk
from ...rego.signatures import signatures
from ...rego.syntax.nodes import Body, Import, Ref
from ...rego.syntax.printer import term_text
from ...rego.types import Type, type_text


def types_text(policy: Policy, body: Body, *, package: tuple[str, ...], imports: Sequence[Import]) -> str:
    """A line for each reference, in the order of the query as the checks rewrite it, and for each variable in it.

    OPA has the variables in any order.
    """
    checked = check_query(policy.checked, body, package=package, imports=imports)
    known = KnownTypes(policy.checked.types, {}, check_body, ({},))
    check_body(known, checked.body)
    lines = [
        f"# {term_text(r)}: {_text(_function(r) or known.type(r))}\n" for r in walk(checked.body) if isinstance(r, Ref)
    ]
    names = variables(checked.body, call_heads=False)
    lines.extend(f"# {term_text(v)}: {_text(known.var(n))}\n" for n, v in names.items() if n not in ROOTS)
    return "".join(lines)


def _function(ref: Ref) -> Type | None:
    found = signatures().get(term_text(ref))
    return None if found is None else found.function


def _text(found: Type | None) -> str:
    return "<nil>" if found is None else type_text(found)
