"""Which rule an error means, where a line of text holds rules of several names and its number does not tell."""

from __future__ import annotations

from collections.abc import Iterator

from ..syntax.nodes import Module, Ref, Rule, Scalar
from ..syntax.printer import term_text


class RuleLabels:
    """What is added to the errors of one module's rules: `` in rule p`` in shared lines, nothing in others."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._shared: frozenset[int] | None = None

    def of(self, rule: Rule) -> str:
        """The words for a rule or an ``else`` branch of the module."""
        if self._shared is None:
            self._shared = _shared_rows(self._module)
        return f" in rule {_name(rule)}" if rule.loc.row in self._shared else ""


def _shared_rows(module: Module) -> frozenset[int]:
    names: dict[int, set[str]] = {}
    for rule in module.rules:
        for link in branches(rule):
            names.setdefault(link.loc.row, set()).add(_name(link))
    return frozenset(row for row, found in names.items() if len(found) > 1)


def branches(rule: Rule) -> Iterator[Rule]:
    """A rule and its ``else`` branches."""
    link: Rule | None = rule
    while link is not None:
        yield link
        link = link.else_


def _name(rule: Rule) -> str:
    """The part of a head's reference that is the same whatever the rule is asked for."""
    ref = rule.head.ref
    count = 1
    while count < len(ref.terms) and isinstance(ref.terms[count], Scalar):
        count += 1
    return term_text(Ref(ref.terms[:count]))
