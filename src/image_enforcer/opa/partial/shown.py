"""What partial evaluation has left over, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from ...rego.check.visit import Rewriter, walk
from ...rego.places import NO_LOCATION
from ...rego.syntax.nodes import Call, CallExpr, Expr, ExprTerms, Module, Ref, Term, Var
from ...rego.syntax.printer import INFIX, source_text, term_text
from ...rego.syntax.shapes import placed
from ..format.document import write_module
from ..format.style import V1
from ..tables import listing
from .run import Partial


def partial_table(found: Partial) -> str:
    """Queries and modules in a table; without the last newline."""
    if not found.queries:
        return "undefined"
    rows = [(f"Query {i}", query) for i, query in enumerate(_queries(found), start=1)]
    rows += [(f"Support {i}", module) for i, module in enumerate(_modules(found, "  "), start=1)]
    return listing(rows)


def partial_source(found: Partial) -> str:
    """Queries and modules as source text, one after the other."""
    parts: list[str] = []
    for i, query in enumerate(_queries(found), start=1):
        parts += [f"# Query {i}\n", f"{query}\n" if query else "", "\n"]
    parts += [f"# Module {i}\n{module}\n" for i, module in enumerate(_modules(found, "\t"), start=1)]
    return "".join(parts)


def partial_json(found: Partial) -> dict[str, Any]:
    """Queries and modules as OPA's JSON of syntax trees."""
    from ...rego.syntax.tree_json import body_json, module_json

    shown: dict[str, Any] = {}
    if found.queries:
        shown["queries"] = [body_json(q) for q in found.queries]
    if found.support:
        shown["support"] = [module_json(m) for m in found.support]
    return shown


def _queries(found: Partial) -> list[str]:
    return ["\n".join(map(source_text, _Written(q).body(q))) for q in found.queries]


def _modules(found: Partial, indent: str) -> list[str]:
    return [_module(m).replace("\t", indent) for m in found.support]


class _Written(Rewriter):
    """Operators with a result as they are written, ``c = a + b``; a ``_`` that stands in several places has a name."""

    def __init__(self, node: object) -> None:
        names = Counter(x.name for x in walk(node) if isinstance(x, Var) and x.is_wildcard)
        self.several = {n for n, count in names.items() if count > 1}

    def term(self, term: Term) -> Term:
        """A term, as :class:`Rewriter` does it."""
        if isinstance(term, Var) and term.name in self.several:
            return Var(f"_{term.name[1:]}", term.loc)
        return super().term(term)

    def expr_terms(self, expr: Expr) -> ExprTerms:
        """An expression's terms, as :class:`Rewriter` does it."""
        match super().expr_terms(expr):
            case CallExpr(operator, (a, b, result)) if term_text(operator) in INFIX:
                return CallExpr(Ref((Var("eq"),)), (result, Call(operator, (a, b))))
            case other:
                return other


def _module(module: Module) -> str:
    rules = tuple(_Written(r).rule(r) for r in module.rules)
    return write_module(placed(replace(module, rules=rules), NO_LOCATION), V1).rstrip("\n")
