"""Following references into values, base documents and rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...rego import UNDEFINED, RegoSet, Value
from ...rego.plan.documents import Node
from ...rego.run.access import get
from ...rego.run.overlays import merge
from ...rego.syntax.nodes import Array, Object, Ref, Var
from ...rego.values import equal, key, sorted_keys, step_key, unkey
from .bindings import Bindings, Item, Known, literal
from .exits import Later, Then
from .outside import Path
from .virtual import Virtual

if TYPE_CHECKING:
    from .frame import Frame


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference on its way: its steps, whose variables they use, and what its end is unified with."""

    frame: Frame
    ref: Ref
    other: Item
    of_ref: Bindings
    of_other: Bindings

    def follow(self, then: Then) -> None:
        """Every way in which the reference leads somewhere."""
        head = self.ref.head
        if isinstance(head, Var) and head.name == "data":
            self._tree(1, (), self.frame.run.rules.root, then)
            return
        if isinstance(head, Var) and head.name == "input":
            value = self.frame.outside.input
            if value is not UNDEFINED:
                self._term(1, Known(value), self.of_ref, then)
            return
        item, of = self.of_ref.apply(head)
        if not isinstance(item, Var):
            self._term(1, item, of, then)

    def _step(self, at: int) -> Value:
        return self.of_ref.value(self.ref.terms[at])

    def _reach(self, item: Item, of: Bindings, then: Then) -> None:
        self.frame.unify(item, self.other, of, self.of_other, then)

    # --- values ----------------------------------------------------------------------------------

    def _term(self, at: int, item: Item, of: Bindings, then: Then) -> None:
        if at == len(self.ref.terms):
            self._reach(item, of, then)
            return
        step = self._step(at)
        if step is not UNDEFINED:
            self._below(at, item, of, step, then)
            return
        whole = of.value(item)
        later = Later()
        for k in _keys(whole):
            later(self._with_key(at, k, self._then_below(at, whole, k, then)))
        later.end()

    def _with_key(self, at: int, k: Value, then: Then) -> Then:
        step = self.ref.terms[at]
        return lambda: self.frame.unify(Known(k), step, self.of_ref, self.of_ref, then)

    def _then_below(self, at: int, whole: Value, k: Value, then: Then) -> Then:
        return lambda: self._below(at, Known(whole), self.of_ref, k, then)

    def _below(self, at: int, item: Item, of: Bindings, step: Value, then: Then) -> None:
        whole = of.value(item)
        if whole is UNDEFINED:
            found: Item | None = _inside(item, step, of)
        else:
            value = get(whole, step)
            found = None if value is UNDEFINED else Known(value)
        if found is not None:
            found, of = of.apply(found)
            self._term(at + 1, found, of, then)

    # --- documents -------------------------------------------------------------------------------

    def _tree(self, at: int, path: Path, node: Node | None, then: Then) -> None:
        if at == len(self.ref.terms):
            value = self._extent(path, node)
            if value is not UNDEFINED:
                self.frame.unify(self.other, Known(value), self.of_other, self.of_ref, then)
            return
        step = self._step(at)
        if step is not UNDEFINED:
            self._tree_below(at, path, node, step, then)
            return
        later = Later()
        seen = set()
        for k in _keys(self.frame.outside.base(path)):
            seen.add(key(k))
            later(self._with_key(at, k, self._then_tree(at, path, node, k, then)))
        for child in node.ordered() if node is not None else ():
            k = child.path[-1]
            if key(k) not in seen:
                later(self._with_key(at, k, self._then_tree(at, path, node, k, then)))
        later.end()

    def _then_tree(self, at: int, path: Path, node: Node | None, k: Value, then: Then) -> Then:
        return lambda: self._tree_below(at, path, node, k, then)

    def _tree_below(self, at: int, path: Path, node: Node | None, step: Value, then: Then) -> None:
        path = (*path, step)
        below = None
        if node is not None and not self.frame.outside.hidden(path):
            below = node.children.get(step_key(step))
            if below is not None and below.doc >= 0:
                self._virtual(at + 1, path, below, then)
                return
        self._tree(at + 1, path, below, then)

    def _virtual(self, at: int, path: Path, node: Node, then: Then) -> None:
        Virtual(self, at, path, node).evaluate(then)

    def _extent(self, path: Path, node: Node | None) -> Value:
        base = self.frame.outside.base(path)
        if node is None:
            return base
        rules = self._leaves(path, node)
        return rules if base is UNDEFINED else merge(base, rules)

    def _leaves(self, path: Path, node: Node) -> Value:
        made: dict[Any, Value] = {}
        for child in node.ordered():
            form, here = key(child.path[-1]), (*path, child.path[-1])
            if here == ("system",):
                continue
            if child.doc < 0:
                made[form] = self._leaves(here, child)
                continue
            found = self._leaf(here)
            if found:
                made[form] = found[0]
        return made

    def _leaf(self, path: tuple[Value, ...]) -> list[Value]:
        found: list[Value] = []
        name = Var("$leaf")
        ref = Ref((Var("data"), *(literal(s) for s in path)), self.ref.loc)
        of = Bindings()
        self.frame.unify(ref, name, of, of, lambda: found.append(of.value(name)))
        return found

    def from_document(self, at: int, item: Item, of: Bindings, then: Then) -> None:
        """Go on from what a rule was found to be."""
        self._term(at, item, of, then)

    def key_at(self, at: int) -> Value:
        """The step at a place, or UNDEFINED where it is not known."""
        return self._step(at) if at < len(self.ref.terms) else UNDEFINED


def _keys(whole: Value) -> list[Value]:
    t = type(whole)
    if t is list:
        return list(range(len(whole)))
    if t is dict:
        return [unkey(k) for k in sorted_keys(whole)]
    if t is RegoSet:
        return list(whole)
    return []


def _inside(item: Item, step: Value, of: Bindings) -> Item | None:
    match item:
        case Array(items):
            return items[step] if type(step) is int and 0 <= step < len(items) else None
        case Object(pairs):
            return next((v for k, v in pairs if equal(of.value(k), step)), None)
        case _:
            return None
