"""Which rules an evaluation looks at: the tree of documents and the index of each, as OPA's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ...rego import UNDEFINED, Value
from ...rego.check.pipeline import Checked
from ...rego.plan.documents import Node, RuleAt, build_tree, full_path
from ...rego.plan.index import Condition, RuleIndex
from ...rego.plan.said import Place
from ...rego.plan.world import World
from ...rego.run.access import indexed, key_of
from ...rego.syntax.nodes import Array, Object, Ref, Rule, Scalar, Set, Term, Var
from ...rego.values import equal
from .bindings import Bindings

UNKNOWN: Final = object()
"""Stands for a value that is not known: every condition on it may hold."""


@dataclass(frozen=True, slots=True)
class Matched:
    """The rules of a document that may hold. ``otherwise`` has the ``else`` branches behind each, by identity."""

    rules: tuple[RuleAt, ...]
    otherwise: dict[int, tuple[Rule, ...]]
    default: Rule | None
    early_exit: bool

    @property
    def message(self) -> str:
        """What OPA says of it."""
        count = len(self.rules)
        return f"(matched {count} rule{'' if count == 1 else 's'}{', early exit' if self.early_exit else ''})"


@dataclass(slots=True)
class Rules:
    """The documents that rules make, by path."""

    checked: Checked
    indexing: bool = True
    """Whether rules whose conditions fail are left out before they are looked at."""
    early_exit: bool = True
    """Whether one answer of a document with one value is enough."""
    root: Node = field(init=False)
    world: World = field(init=False)
    paths: dict[int, Ref] = field(init=False, default_factory=dict)
    """The path of each rule, ``else`` branches included, by identity."""
    _indices: dict[int, RuleIndex] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.root, documents = build_tree(self.checked.modules)
        self.world = World(self.root, documents)
        for module in self.checked.modules.values():
            for rule in module.rules:
                ground: list[Term] = []
                for step in full_path(module.package.names, rule):
                    if not isinstance(step, Scalar):
                        break
                    ground.append(step)
                link: Rule | None = rule
                while link is not None:
                    self.paths[id(link)] = Ref((Var("data"), *ground))
                    link = link.else_

    def matched(self, node: Node, place: Callable[[Place, Rule], Value]) -> Matched:
        """The rules of a document whose conditions hold; ``place`` gives what stands at the place of one."""
        rules: list[RuleAt] = []
        otherwise: dict[int, tuple[Rule, ...]] = {}
        default: Rule | None = None
        for at in node.rules:
            if at.rule.default:
                default = at.rule
                continue
            links: list[Rule] = []
            link: Rule | None = at.rule
            while link is not None:
                if self._holds(node, link, place):
                    links.append(link)
                link = link.else_
            if links:
                rules.append(RuleAt(links[0], at.suffix))
                otherwise[id(links[0])] = tuple(links[1:])
        seen = [r for at in rules for r in (at.rule, *otherwise[id(at.rule)])]
        one = self.early_exit and (not seen or (node.kind in ("complete", "function") and _one_value(seen)))
        return Matched(tuple(rules), otherwise, default, one)

    def _holds(self, node: Node, rule: Rule, place: Callable[[Place, Rule], Value]) -> bool:
        if not self.indexing:
            return True
        index = self._indices.get(node.doc)
        if index is None:
            index = self._indices[node.doc] = RuleIndex(self.root, [at.rule for at in node.rules])

        def holds(condition: Condition) -> bool:
            value = place(condition.place, rule)
            inside = UNKNOWN if condition.inside is None else place(condition.inside, rule)
            if value is UNDEFINED or inside is UNDEFINED:
                return False
            if value is UNKNOWN:
                return True
            if condition.tests and not indexed(value, condition.tests):
                return False
            return inside is UNKNOWN or key_of(inside, value)

        return index.asked(rule).holds(holds)


def _one_value(rules: Sequence[Rule]) -> bool:
    """Whether all rules have the same constant value, so that one of them is enough.

    OPA takes ``a.b := 1`` for a member of an object, of which it wants all, and ``a.b.c := 1`` not.
    """
    if any(len(r.head.ref.terms) == 2 and not r.head.generated_value for r in rules):
        return False
    values = [constant(r.head.value) for r in rules]
    return all(v is not UNDEFINED and equal(v, values[0]) for v in values)


def constant(term: Term | None) -> Value:
    """The value of a term without variables, else UNDEFINED."""
    if not isinstance(term, Scalar | Array | Object | Set):
        return UNDEFINED
    return Bindings().value(term)
