"""Terms with what is known put in place, and with names that tell which body a variable is of."""

from __future__ import annotations

from dataclasses import replace

from ...rego.check.visit import ROOTS, Rewriter
from ...rego.syntax.nodes import Expr, Ref, Term, Var
from ..explain.bindings import Bindings, Item, Known, literal


class Named(Rewriter):
    """Puts bound variables' values in place; the others get the number of their body, those of the ``caller`` none."""

    def __init__(self, of: Bindings, caller: Bindings) -> None:
        self.of = of
        self.caller = caller

    def item(self, item: Item) -> Term:
        """An item as a term."""
        return literal(item.value, item.loc) if isinstance(item, Known) else self.term(item)

    def term(self, term: Term) -> Term:
        """A term, as :class:`Rewriter` does it."""
        if isinstance(term, Ref):
            head, *steps = term.terms
            made = head if isinstance(head, Var) and head.name in ROOTS else self.term(head)
            rest = tuple(self.term(s) for s in steps)
            if isinstance(made, Ref):
                return replace(term, terms=(*made.terms, *rest))
            return replace(term, terms=(made, *rest))
        if not isinstance(term, Var):
            return super().term(term)
        item, at = self.of.apply(term)
        if not isinstance(item, Var):
            return Named(at, self.caller).item(item)
        if item.name in ROOTS or at is self.caller:
            return item
        return Var(f"{item.name}{at.number}", item.loc)

    def whole(self, expr: Expr) -> Expr:
        """An expression; what is called keeps its name."""
        return self.expr(expr)

    def operator(self, operator: Ref) -> Ref:
        """What is called."""
        return operator
