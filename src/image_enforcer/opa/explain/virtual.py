"""Documents that rules make, as a reference comes to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...rego import UNDEFINED, EvalError, RegoSet, Value
from ...rego.plan.documents import Node, RuleAt
from ...rego.run.access import Growing, finish, get, put_path
from ...rego.syntax.nodes import Ref, Rule, Scalar, Term, Var
from ...rego.values import EMPTY_SET, equal, key
from .asking import Outcome, branches, look_up, settled
from .bindings import Known, literal
from .exits import Then, suppressed
from .outside import Path
from .rules import Matched

if TYPE_CHECKING:
    from .frame import Frame
    from .references import Reference


@dataclass(frozen=True, slots=True)
class Virtual:
    """A reference that has come to a document made by rules."""

    way: Reference
    at: int
    path: Path
    node: Node

    def evaluate(self, then: Then) -> None:
        """Every way on from here."""
        frame = self.way.frame
        matched = look_up(frame, self.node, Ref((Var("data"), *(literal(s) for s in self.path))), None)
        if self.node.kind == "function":
            return
        if self.node.kind == "complete":
            self._complete(matched, then)
        elif self.at == len(self.way.ref.terms):
            value = self._remembered(self.path, lambda: self._all_rules(matched))
            frame.unify(Known(value), self.way.other, self.way.of_ref, self.way.of_other, then)
        else:
            self._some_rules(matched, then)

    def _remembered(self, path: Path, make: Callable[[], Value]) -> Value:
        memo = self.way.frame.outside.memo
        k = ("document", key(list(path)))
        if k not in memo:
            memo[k] = make()
        return memo[k]

    # --- complete documents ----------------------------------------------------------------------

    def _complete(self, matched: Matched, then: Then) -> None:
        memo = self.way.frame.outside.memo
        k = ("document", key(list(self.path)))
        if k in memo:
            if memo[k] is not UNDEFINED:
                self.way.from_document(self.at, Known(memo[k]), self.way.of_ref, then)
            return

        def rules() -> None:
            if branches(matched, lambda rule, before: self._rule(rule, matched, k, before, then)) is UNDEFINED:
                memo[k] = UNDEFINED

        suppressed(rules)

    def _rule(self, rule: Rule, matched: Matched, k: object, before: Value, then: Then) -> Outcome:
        frame = self.way.frame
        child = frame.child(rule)
        child.one = matched.early_exit
        child.tell("Enter", rule)
        result = before
        made = UNDEFINED

        def found() -> None:
            nonlocal result, made
            child.tell("Exit", rule, "early" if child.one else "")
            made = child.bindings.value(rule.head.value or Scalar(True))
            if result is not UNDEFINED:
                if not equal(made, result):
                    raise child.conflict("complete rules must not produce multiple outputs", rule)
                child.tell("Redo", rule)
                return
            result = made
            frame.outside.memo[k] = made
            self.way.from_document(self.at, Known(made), self.way.of_ref, then)
            child.tell("Redo", rule)

        return settled(lambda: child.evaluate(found), lambda: made)

    # --- sets and objects ------------------------------------------------------------------------

    def _empty(self) -> Value:
        return EMPTY_SET if self.node.kind == "set" else {}

    def _all_rules(self, matched: Matched) -> Value:
        made = _Made(self.node.kind == "set")
        for at in matched.rules:
            child = self.way.frame.child(at.rule)
            child.tell("Enter", at.rule)

            def found(child: Frame = child, at: RuleAt = at) -> None:
                child.tell("Exit", at.rule)
                made.add(child, at)
                child.tell("Redo", at.rule)

            child.evaluate(found)
        return made.value()

    def _some_rules(self, matched: Matched, then: Then) -> None:
        way, memo = self.way, self.way.frame.outside.memo
        known = self._known(self.path)
        if known is not UNDEFINED:
            way.from_document(self.at, Known(known), way.of_ref, then)
            return
        if way.key_at(self.at) is UNDEFINED:
            value = self._remembered(self.path, lambda: self._all_rules(matched))
            way.from_document(self.at, Known(value), way.of_ref, then)
            return
        longest = max((len(self.path) + len(r.suffix) + r.is_set + 1 for r in self.node.rules), default=0)
        path, at = self.path, self.at
        scoped = False
        while at < min(longest, len(way.ref.terms)):
            step = way.key_at(at)
            if step is UNDEFINED:
                scoped = True
                break
            path, at = (*path, step), at + 1
            known = self._known(path)
            if known is not UNDEFINED:
                way.from_document(at, Known(known), way.of_ref, then)
                return
        made = _Made(self.node.kind == "set")
        for rule in matched.rules:
            self._one_rule(rule, made)
        value = made.value()
        found = value
        for step in path[len(self.path) :]:
            found = get(found, step) if found is not UNDEFINED else found
        if found is not UNDEFINED and not scoped:
            memo["document", key(list(path))] = found
        way.from_document(self.at, Known(value), way.of_ref, then)

    def _known(self, path: Path) -> Value:
        return self.way.frame.outside.memo.get(("document", key(list(path))), UNDEFINED)

    def _one_rule(self, at: RuleAt, made: _Made) -> None:
        rule = at.rule
        child = self.way.frame.child(rule)
        child.tell("Enter", rule)
        suffix = (*at.suffix, rule.head.key) if at.is_set and rule.head.key is not None else at.suffix
        wanted = list(zip(self.way.ref.terms[self.at :], suffix, strict=False))
        defined = False

        def found() -> None:
            child.tell("Exit", rule)
            if not made.add(child, at):
                child.tell("Duplicate", rule)
            child.tell("Redo", rule)

        def inside() -> None:
            nonlocal defined
            defined = True
            child.evaluate(found)

        self._unified(child, wanted, inside)
        if not defined:
            child.tell("Fail", rule)

    def _unified(self, child: Frame, pairs: list[tuple[Term, Term]], then: Then) -> None:
        if not pairs:
            then()
            return
        (mine, theirs), rest = pairs[0], pairs[1:]
        child.unify(mine, theirs, self.way.of_ref, child.bindings, lambda: self._unified(child, rest, then))


class _Made:
    """A set or object under construction."""

    def __init__(self, is_set: bool) -> None:
        self._members: list[Value] | None = [] if is_set else None
        self._root = Growing()
        self._there: set[Any] = set()

    def add(self, child: Frame, at: RuleAt) -> bool:
        """Add what a rule gives; whether it is new."""
        head = at.rule.head
        member = child.bindings.value(head.key) if at.is_set and head.key is not None else UNDEFINED
        steps = tuple(child.bindings.value(s) for s in at.suffix)
        form = key([*steps, [] if member is UNDEFINED else [member]])
        new = form not in self._there
        self._there.add(form)
        if self._members is not None:
            if new:
                self._members.append(member)
            return new
        value = member if at.is_set else child.bindings.value(head.value or Scalar(True))
        try:
            put_path(self._root, steps, value, at.is_set, at.rule.loc, None)
        except EvalError as e:
            child.run.failed(e, child)
            raise
        return new

    def value(self) -> Value:
        """What was made so far."""
        return RegoSet.of(self._members) if self._members is not None else finish(self._root)
