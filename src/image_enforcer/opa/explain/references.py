"""Following references: into values, base documents and rules; and calling functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from ...rego import UNDEFINED, RegoSet, Value
from ...rego.plan.documents import Node, RuleAt
from ...rego.plan.indexing import Place
from ...rego.run.access import Growing, finish, get, put_path
from ...rego.run.state import merge
from ...rego.syntax.nodes import Ref, Rule, Scalar, Term, Var
from ...rego.values import EMPTY_SET, equal, key, sorted_keys, unkey
from .bindings import Bindings, Item, Known, literal
from .exits import LateExit, Later, Then, suppressed
from .rules import Matched

if TYPE_CHECKING:
    from .frame import Frame

Path: TypeAlias = "tuple[Value, ...]"
Outcome: TypeAlias = "tuple[Value, LateExit | None]"
"""What a rule gave, and the late exit that came from there."""


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
        for form in sorted_keys(node.children) if node is not None else ():
            if form not in seen:
                k = unkey(form)
                later(self._with_key(at, k, self._then_tree(at, path, node, k, then)))
        later.end()

    def _then_tree(self, at: int, path: Path, node: Node | None, k: Value, then: Then) -> Then:
        return lambda: self._tree_below(at, path, node, k, then)

    def _tree_below(self, at: int, path: Path, node: Node | None, step: Value, then: Then) -> None:
        path = (*path, step)
        below = None
        if node is not None and not self.frame.outside.hidden(path):
            below = node.children.get(key(step))
            if below is not None and below.doc >= 0:
                Virtual(self, at + 1, path, below).evaluate(then)
                return
        self._tree(at + 1, path, below, then)

    def _extent(self, path: Path, node: Node | None) -> Value:
        base = self.frame.outside.base(path)
        if node is None:
            return base
        rules = self._leaves(path, node)
        return rules if base is UNDEFINED else merge(base, rules)

    def _leaves(self, path: Path, node: Node) -> Value:
        made: dict[Any, Value] = {}
        for form in sorted_keys(node.children):
            child = node.children[form]
            here = (*path, unkey(form))
            if here == ("system",):
                continue
            if child.doc < 0:
                made[form] = self._leaves(here, child)
                continue
            found: list[Value] = []
            name = Var("$leaf")
            ref = Ref((Var("data"), *(literal(s) for s in here)), self.ref.loc)
            of = Bindings()
            self.frame.unify(ref, name, of, of, lambda found=found, of=of, name=name: found.append(of.value(name)))  # type: ignore[misc]
            if found:
                made[form] = found[0]
        return made

    def from_document(self, at: int, item: Item, of: Bindings, then: Then) -> None:
        """Go on from what a rule was found to be."""
        self._term(at, item, of, then)

    def key_at(self, at: int) -> Value:
        """The step at a place, or UNDEFINED where it is not known."""
        return self._step(at) if at < len(self.ref.terms) else UNDEFINED


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
        put_path(self._root, steps, value, at.is_set, at.rule.loc, None)
        return new

    def value(self) -> Value:
        """What was made so far."""
        return RegoSet.of(self._members) if self._members is not None else finish(self._root)


# --- functions -----------------------------------------------------------------------------------


def call_function(frame: Frame, operator: Ref, args: tuple[Term, ...], then: Then) -> None:
    """Call a function that rules make."""
    node = frame.run.rules.world.find(tuple(t.value for t in operator.path if isinstance(t, Scalar)))
    if node is None or not node.rules:
        return
    arity = len(node.rules[0].rule.head.args or ())
    operands = [frame.bindings.value(a) for a in args[:arity]]
    matched = look_up(frame, node, operator, operands)
    if not matched.rules and matched.default is None:
        return
    captured = len(args) > arity
    memo = frame.outside.memo
    asked = args if captured and frame.bindings.value(args[-1]) is not UNDEFINED else args[:arity]
    k = ("call", node.doc, len(asked), key([frame.bindings.value(a) for a in asked[:arity]]))
    if k in memo:
        if captured:
            frame.unify(args[arity], Known(memo[k]), frame.bindings, frame.bindings, then)
        elif memo[k] is not False:
            then()
        return

    def one(rule: Rule, before: Value) -> Outcome:
        child = frame.child(rule)
        child.one = matched.early_exit
        child.tell("Enter", rule)
        result, made = before, UNDEFINED

        def found() -> None:
            nonlocal result, made
            child.tell("Exit", rule, "early" if child.one else "")
            made = memo[k] = child.bindings.value(rule.head.value or Scalar(True))
            if not captured and made is False:
                if result is not UNDEFINED and not equal(made, result):
                    raise child.conflict("functions must not produce multiple outputs for same inputs", rule)
                result = made
                return
            if result is not UNDEFINED:
                if not equal(made, result):
                    raise child.conflict("functions must not produce multiple outputs for same inputs", rule)
                child.tell("Redo", rule)
                return
            result = made
            then()
            child.tell("Redo", rule)

        theirs = [*(rule.head.args or ()), *([rule.head.value or Scalar(True)] if captured else [])]
        pairs = list(zip(args, theirs, strict=False))
        return settled(lambda: _given(frame, child, pairs, lambda: child.evaluate(found)), lambda: made)

    suppressed(lambda: branches(matched, one))


def _given(frame: Frame, child: Frame, pairs: list[tuple[Term, Term]], then: Then) -> None:
    if not pairs:
        then()
        return
    (mine, theirs), rest = pairs[0], pairs[1:]
    child.unify(mine, theirs, frame.bindings, child.bindings, lambda: _given(frame, child, rest, then))


def settled(run: Then, made: Callable[[], Value]) -> Outcome:
    """Run a rule; what it gave, and a late exit that came from there."""
    try:
        run()
    except LateExit as e:
        return made(), e
    return made(), None


def branches(matched: Matched, one: Callable[[Rule, Value], Outcome]) -> Value:
    """Each rule, behind one that gives nothing its ``else`` branches, and the default where all give nothing.

    Gives the value, UNDEFINED where there is none; raises the first :class:`LateExit` at the end.
    """
    before: Value = UNDEFINED
    late: LateExit | None = None
    for at in matched.rules:
        for rule in (at.rule, *matched.otherwise[id(at.rule)]):
            made, exit_ = one(rule, before)
            late = late or exit_
            if made is not UNDEFINED:
                before = made
                break
    if matched.default is not None and before is UNDEFINED:
        before, exit_ = one(matched.default, UNDEFINED)
        late = late or exit_
    if late is not None:
        raise late
    return before


def look_up(frame: Frame, node: Node, shown: Ref, operands: list[Value] | None) -> Matched:
    """The rules of a document that may hold now, told as an event."""

    def place(where: Place, rule: Rule) -> Value:
        head, *steps = where
        if head == "input":
            value = frame.outside.input
            for step in steps:
                value = get(value, step) if value is not UNDEFINED else value
            return value
        if head == "data":
            return frame.outside.base(tuple(steps))
        names = [a.name for a in rule.head.args or () if isinstance(a, Var)]
        found = [i for i, a in enumerate(rule.head.args or ()) if isinstance(a, Var) and a.name == head]
        assert names
        return operands[found[0]] if operands is not None and found else UNDEFINED

    matched = frame.run.rules.matched(node, place)
    index = min(frame.index, len(frame.body) - 1)
    frame.tell("Index", frame.body[index], matched.message, replace(shown, loc=frame.body[index].loc))
    return matched


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
    from ...rego.syntax.nodes import Array, Object

    match item:
        case Array(items):
            return items[step] if type(step) is int and 0 <= step < len(items) else None
        case Object(pairs):
            return next((v for k, v in pairs if equal(of.value(k), step)), None)
        case _:
            return None
