"""The tree of virtual documents: which rules make which document, by path below ``data``.

Rules with variables in their heads belong to the document at the constant part of their path, together with
every rule at or below it (OPA's rule tree and its flattening for partial documents).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cmp_to_key
from typing import Any

from ..records import field, record
from ..syntax.nodes import Module, Rule, Scalar, Term
from ..values import Key, Value, compare, key, step_key


@record(frozen=True, slots=True)
class RuleAt:
    """A rule and the part of its head's path that lies below its document."""

    rule: Rule
    suffix: tuple[Term, ...]

    @property
    def is_set(self) -> bool:
        """Whether the rule adds members to a set (``contains``)."""
        return self.rule.head.value is None


@record(slots=True)
class Node:
    """A step of the tree: a document where it has rules, a package or a path to one where it has not."""

    path: tuple[Value, ...]
    children: dict[Any, Node] = field(default_factory=dict)
    rules: list[RuleAt] = field(default_factory=list)
    doc: int = -1
    kind: str = ""
    """``complete``, ``function``, ``set`` or ``object`` where the node is a document, else empty."""
    slot: int = -1
    """The number under which the document is remembered: that of the first one whose path is equal but for the spelling
    of numbers. OPA remembers by value, so that the one which is asked first decides for both."""
    shares: bool = False
    """Whether there is another one of the same number."""

    def walk(self) -> Iterator[Node]:
        """This node and all below it."""
        yield self
        for child in self.ordered():
            yield from child.walk()

    def ordered(self) -> Iterator[Node]:
        """What is directly below, in the order of the steps: OPA's, which decides what of a partial document is met."""
        if len(self.children) < 2:
            return iter(self.children.values())
        return iter(sorted(self.children.values(), key=_by_last_step))


def _by_steps(a: Node, b: Node) -> int:
    return compare(a.path[-1], b.path[-1])


_by_last_step = cmp_to_key(_by_steps)


def full_path(package: tuple[str, ...], rule: Rule) -> tuple[Term, ...]:
    """The rule's path below ``data``, constants and variables alike."""
    head = rule.head.ref.terms
    first = Scalar(rule.head.name or getattr(head[0], "name", ""), head[0].loc)
    return (*(Scalar(p) for p in package), first, *head[1:])


def is_virtual(root: Node, steps: Sequence[Value]) -> bool:
    """Whether rules stand at, above or below a path below ``data``."""
    node = root
    for step in steps:
        below = node.children.get(step_key(step))
        if below is None or below.doc >= 0:
            return below is not None
        node = below
    return True


def build_tree(modules: Mapping[str, Module]) -> tuple[Node, list[Node]]:
    """The root of the tree and the documents in it, numbered by their place in the list."""
    root = Node(())
    for module in modules.values():
        package = module.package.names
        _reach(root, package)
        for rule in module.rules:
            path = full_path(package, rule)
            ground = 0
            while ground < len(path) and isinstance(path[ground], Scalar):
                ground += 1
            node = _reach(root, tuple(t.value for t in path[:ground] if isinstance(t, Scalar)))
            node.rules.append(RuleAt(rule, path[ground:]))
    documents: list[Node] = []
    _settle(root, documents)
    slots: dict[tuple[Key, ...], int] = {}
    for node in documents:
        node.slot = slots.setdefault(tuple(map(key, node.path)), node.doc)
        if node.slot != node.doc:
            node.shares = documents[node.slot].shares = True
    return root, documents


def _reach(root: Node, path: tuple[Value, ...]) -> Node:
    node = root
    for step in path:
        k = step_key(step)
        below = node.children.get(k)
        if below is None:
            below = node.children[k] = Node((*node.path, step))
        node = below
    return node


def _settle(node: Node, documents: list[Node]) -> None:
    if node.rules:
        if any(r.suffix for r in node.rules):
            depth = len(node.path)
            for child in node.ordered():
                for below in child.walk():
                    steps = tuple(Scalar(s) for s in below.path[depth:])
                    node.rules.extend(RuleAt(r.rule, (*steps, *r.suffix)) for r in below.rules)
            node.children = {}
        first = node.rules[0]
        if first.rule.head.args is not None:
            node.kind = "function"
        elif any(r.suffix for r in node.rules):
            node.kind = "object"
        else:
            node.kind = "set" if first.is_set else "complete"
        node.doc = len(documents)
        documents.append(node)
    for child in node.children.values():
        _settle(child, documents)
