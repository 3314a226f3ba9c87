"""References that come to what is not known, and to documents made by rules that depend on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from ...rego import UNDEFINED, Value
from ...rego.check.visit import variables
from ...rego.plan.documents import Node, RuleAt
from ...rego.plan.said import Place
from ...rego.run.access import get
from ...rego.syntax.nodes import Array, Head, Object, Ref, Rule, Scalar, Set, Term, Var
from ...rego.values import EMPTY_SET, equal
from ..explain.bindings import Bindings, Item, Known, literal
from ..explain.exits import Then, Untraceable
from ..explain.outside import Path
from ..explain.references import Reference
from ..explain.rules import UNKNOWN, Matched, constant
from ..explain.virtual import Virtual
from .names import Named
from .saved import rule as made_rule

if TYPE_CHECKING:
    from .frame import PartialFrame


def matched(frame: PartialFrame, node: Node) -> Matched:
    """The rules of a document that may hold, whatever the unknown turns out to be."""

    def place(where: Place, rule: Rule) -> Value:
        del rule
        head, *steps = where
        ref = Ref((Var(head), *(literal(s) for s in steps)))
        if head not in ("input", "data") or frame.state.unknowns.has(ref, frame.bindings):
            return UNKNOWN
        if head == "data":
            return frame.outside.base(tuple(steps))
        value = frame.outside.input
        for step in steps:
            value = get(value, step) if value is not UNDEFINED else value
        return value

    return replace(frame.state.rules.matched(node, place), early_exit=False)


@dataclass(frozen=True, slots=True)
class PartialReference(Reference):
    """A reference on its way."""

    @property
    def partial(self) -> PartialFrame:
        """The body that it stands in."""
        return cast("PartialFrame", self.frame)

    def follow(self, then: Then) -> None:
        """Every way in which the reference leads somewhere."""
        head = self.ref.head
        if isinstance(head, Var) and head.name not in ("data", "input"):
            item, of = self.of_ref.apply(head)
            if isinstance(item, Var) and self.partial.state.unknowns.has(item, of):
                self._keep(1, item, of, then)
                return
        Reference.follow(self, then)

    def _keep(self, at: int, item: Item, of: Bindings, then: Then) -> None:
        """Keep the rest of the way."""
        if at == len(self.ref.terms):
            self.frame.unify(item, self.other, of, self.of_other, then)
            return
        name = Var(f"_ref_{self.partial.state.next_reference()}")
        rest = Ref((name, *self.ref.path[at - 1 :]), self.ref.loc)
        self.frame.unify(
            item, name, of, self.of_ref,
            lambda: self.partial.keep_equation(rest, self.other, self.of_ref, self.of_other, then),
        )  # fmt: skip

    def _term(self, at: int, item: Item, of: Bindings, then: Then) -> None:
        item, of = of.apply(item)
        if isinstance(item, Var | Ref) and self.partial.state.unknowns.has(item, of):
            self._keep(at, item, of, then)
            return
        known = at == len(self.ref.terms) or of.value(item) is not UNDEFINED
        if known or (self._step(at) is not UNDEFINED and not isinstance(item, Set)):
            Reference._term(self, at, item, of, then)  # noqa: SLF001 - the same on a way that is known
            return
        match item:
            case Array(items):
                pairs: list[tuple[Item, Item]] = [(Known(i), x) for i, x in enumerate(items)]
            case Object(both):
                pairs = list(both)
            case Set(items):
                pairs = [(x, x) for x in items]
            case _:
                raise Untraceable("a reference into what is not known")
        for k, below in pairs:
            self.frame.unify(k, self.ref.terms[at], of, self.of_ref, self._below_pair(at, below, of, then))

    def _below_pair(self, at: int, below: Item, of: Bindings, then: Then) -> Then:
        return lambda: self._term(at + 1, below, of, then)

    def _tree(self, at: int, path: Path, node: Node | None, then: Then) -> None:
        ref = Ref((Var("data"), *(literal(s) for s in path)), self.ref.loc)
        if at == len(self.ref.terms) and self.partial.state.unknowns.concerns(ref, self.of_ref):
            self.partial.keep_equation(ref, self.other, self.of_ref, self.of_other, then)
            return
        Reference._tree(self, at, path, node, then)  # noqa: SLF001 - the same on a way that is known

    def _virtual(self, at: int, path: Path, node: Node, then: Then) -> None:
        PartialVirtual(self, at, path, node).evaluate(then)


@dataclass(frozen=True, slots=True)
class PartialVirtual(Virtual):
    """A reference that has come to a document made by rules."""

    @property
    def frame(self) -> PartialFrame:
        """The body that the reference stands in."""
        return cast("PartialFrame", self.way.frame)

    def evaluate(self, then: Then) -> None:
        """Every way on from here."""
        frame, way = self.frame, self.way
        if self.node.kind == "function":
            return
        here = Ref((Var("data"), *(literal(s) for s in self.path)), way.ref.loc)
        found = matched(frame, self.node)
        if not frame.state.unknowns.concerns(Ref((*here.terms, *way.ref.terms[self.at :])), way.of_ref):
            self._known_rules(found, then)
        elif any(found.otherwise.values()):
            whole = Ref((*here.terms, *way.ref.terms[self.at :]), way.ref.loc)
            frame.keep_equation(whole, way.other, way.of_ref, way.of_other, then)
        elif self.node.kind == "complete":
            self._complete_partially(found, here, then)
        elif self.at == len(way.ref.terms) or self._stays(Ref((*here.terms, way.ref.terms[self.at]))):
            self._supported(found, here, then)
        else:
            for at in found.rules:
                self._one(at, then)

    def _known_rules(self, found: Matched, then: Then) -> None:
        if self.node.kind == "complete":
            self._complete(found, then)
        elif self.at == len(self.way.ref.terms):
            value = self._remembered(self.path, lambda: self._all_rules(found))
            self.frame.unify(Known(value), self.way.other, self.way.of_ref, self.way.of_other, then)
        else:
            self._some_rules(found, then)

    # --- complete documents ----------------------------------------------------------------------

    def _complete_partially(self, found: Matched, here: Ref, then: Then) -> None:
        if self._may_be_default(found) or self._stays(here):
            self._supported(found, here, then)
            return
        for at in found.rules:
            child = self.frame.child(at.rule)
            value = at.rule.head.value or Scalar(True)
            child.evaluate(self._onward(child.bindings, value, self.at, then))

    def _may_be_default(self, found: Matched) -> bool:
        """Whether the default may be what the reference comes to."""
        if found.default is None:
            return False
        default = constant(found.default.head.value)
        other = self.way.of_other.value(self.way.other)
        return other is UNDEFINED or default is UNDEFINED or equal(other, default)

    def _stays(self, here: Ref) -> bool:
        """Whether the rules are not put into what needs them."""
        inlining = self.frame.state.inlining
        return inlining.shallow or inlining.disabled(here)

    def _onward(self, of: Bindings, value: Term, at: int, then: Then) -> Then:
        return lambda: self.way.from_document(at, value, of, then)

    # --- rules of their own ----------------------------------------------------------------------

    def _supported(self, found: Matched, here: Ref, then: Then) -> None:
        """Make rules of what is left of the rules, and refer to them."""
        frame, way = self.frame, self.way
        path = Ref((Var("data"), Scalar(frame.state.namespace), *here.path))
        if not frame.state.support.has(path):
            for at in found.rules:
                self._support_rule(at, path)
            if found.default is not None:
                self._support_rule(RuleAt(found.default, ()), path)
        if frame.state.support.has(path):
            whole = Ref((*path.terms, *way.ref.terms[self.at :]), way.ref.loc)
            frame.keep_equation(whole, way.other, way.of_ref, way.of_other, then)
        elif self.node.kind != "complete":
            empty = Known(EMPTY_SET if self.node.kind == "set" else {})
            frame.unify(empty, way.other, way.of_ref, way.of_other, then)

    def _support_rule(self, at: RuleAt, path: Ref) -> None:
        frame, state = self.frame, self.frame.state
        rule = at.rule
        child = frame.child(rule)

        def found() -> None:
            kept = state.stack.named(state.caller)
            if not frame.passes(kept):
                return
            name = Named(child.bindings, state.caller)
            suffix = tuple(name.term(s) for s in at.suffix)
            key = None if rule.head.key is None or not at.is_set else name.term(rule.head.key)
            value = None if rule.head.value is None else name.term(rule.head.value)
            live = list(variables((*suffix, *(t for t in (key, value) if t is not None))))
            body = state.shortened(kept, live)

            def head(last: str) -> Rule:
                made = Head(
                    last, Ref((Var(last), *suffix)), key=key, value=value, assign=value != Scalar(True),
                    generated_value=value == Scalar(True),
                )  # fmt: skip
                return made_rule(last, body, head=made, default=rule.default)

            with state.stack.aside():
                state.support.add(path, head)

        with state.stack.another():
            child.evaluate(found)

    # --- sets and objects by key -----------------------------------------------------------------

    def _one(self, at: RuleAt, then: Then) -> None:
        rule, way = at.rule, self.way
        child = self.frame.child(rule)
        suffix = (*at.suffix, rule.head.key) if at.is_set and rule.head.key is not None else at.suffix
        wanted = list(zip(way.ref.terms[self.at :], suffix, strict=False))
        value = rule.head.key if at.is_set else rule.head.value
        if len(suffix) > len(way.ref.terms) - self.at:
            raise Untraceable("a part of a document made by rules that go further")

        def inside(rest: Sequence[tuple[Term, Term]]) -> None:
            if not rest:
                child.evaluate(self._onward(child.bindings, value or Scalar(True), self.at + len(wanted), then))
                return
            mine, theirs = rest[0]
            child.unify(mine, theirs, way.of_ref, child.bindings, lambda: inside(rest[1:]))

        inside(wanted)
