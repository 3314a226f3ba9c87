"""Which rules cannot hold, told before their bodies run: OPA's rule index, as conditions at the head of a body.

This is no mere saving. A rule that the index leaves out is not evaluated at all, so a conflict or a fault that
its body would have met first does not happen. Conditions on base documents, ``input`` and arguments count, wherever
they stand in the body; they are planned again at its head only where something before them could fail so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..check.visit import walk
from ..syntax import nodes as ast
from ..values import Key, RegoSet, Value, key, unkey
from .bodies import BodyPlanner, ref_name
from .ops import Const, Indexed
from .world import World

Place: TypeAlias = tuple[Any, ...]
"""What a condition is about: the steps of a reference, or the name of an argument alone."""

_SURE = frozenset({"eq", "assign", "equal"})
_BEGINNINGS = frozenset({"startswith", "strings.any_prefix_match"})
_TOLD = frozenset({"internal.print", "internal.test_case"})
"""Calls that are there for what they say: a rule with one, not in a comprehension, is always looked at."""


@dataclass(slots=True)
class _Condition:
    """What a place must fulfil: it is defined, and any one of the tests holds, if there are some."""

    last: int
    tests: list[tuple[str, Value]] = field(default_factory=list)

    def asked(self) -> tuple[tuple[str, Value], ...]:
        """The tests of which one must hold. Of beginnings and ends, OPA asks for those that are longer."""
        least = {
            end: min(
                (len(text.encode("utf-8", "surrogatepass")) for kind, text in self.tests if kind == end), default=0
            )
            for end in ("prefix", "suffix")
        }
        ends = {kind for kind, _ in self.tests} & least.keys()
        left_out = "" if len(ends) < len(least) else "prefix" if least["suffix"] > least["prefix"] else "suffix"
        return tuple(test for test in self.tests if test[0] != left_out)


def plan_conditions(planner: BodyPlanner, rule: ast.Rule) -> None:
    """Plan those of a rule's conditions that stand behind something that can fail with an error."""
    if not planner.world.savings.index:
        return
    reader = _Reader(planner.world, rule)
    for place, condition in reader.read():
        source = planner.env.get(place[0]) if len(place) == 1 else planner.value(_reference(place))
        if source is None:
            continue
        if condition.tests:
            planner.ops.append(Indexed(source, condition.asked()))


def conditions(world: World, rule: ast.Rule) -> list[tuple[Place, tuple[tuple[str, Value], ...]]]:
    """What a rule's index asks for: places that must be defined, and tests of which one must hold where there are some.

    A place begins with ``input``, ``data`` or the name of an argument.
    """
    reader = _Reader(world, rule)
    for _ in reader.read():
        pass
    return [(place, condition.asked()) for place, condition in reader.found.values()]


def _reference(place: Place) -> ast.Ref:
    return ast.Ref((ast.Var(place[0]), *map(_term, place[1:])))


def _term(value: Value) -> ast.Term:
    if type(value) is list:
        return ast.Array(tuple(map(_term, value)))
    if type(value) is dict:
        return ast.Object(tuple((_term(unkey(k)), _term(v)) for k, v in value.items()))
    return ast.Set(tuple(map(_term, value))) if type(value) is RegoSet else ast.Scalar(value)


def _composite(term: ast.Term) -> Const | None:
    """The value of a term that is an array, an object or a set of constants."""
    match term:
        case ast.Array(items) | ast.Set(items):
            values = [_ground(i) for i in items]
            found = [v.value for v in values if v is not None]
            if len(found) < len(values):
                return None
            return Const(found if isinstance(term, ast.Array) else RegoSet.of(found))
        case ast.Object(pairs):
            made: dict[Key, Value] = {}
            for k, v in pairs:
                name, value = _ground(k), _ground(v)
                if name is None or value is None:
                    return None
                made[key(name.value)] = value.value
            return Const(made)
        case _:
            return None


def _ground(term: ast.Term) -> Const | None:
    return Const(term.value) if isinstance(term, ast.Scalar) else _composite(term)


class _Reader:
    """Reads the conditions of one body."""

    def __init__(self, world: World, rule: ast.Rule) -> None:
        self.world = world
        self.body = rule.body
        self.aliases: dict[str, Place] = {
            a.name: (a.name,) for a in rule.head.args or () if isinstance(a, ast.Var) and not a.is_wildcard
        }
        self.constants: dict[str, Value] = {}
        self.found: dict[tuple[Key, ...], tuple[Place, _Condition]] = {}
        self.at = 0

    def read(self) -> Iterator[tuple[Place, _Condition]]:
        """The places and conditions that matter, in the order of the body."""
        if any(map(_tells, self.body)):
            return
        risky = len(self.body)
        for at, expr in enumerate(self.body):
            self.at = at
            if not expr.negated and not expr.withs:
                self._expr(expr)
            if risky > at and not self._sure(expr):
                risky = at
        for place, condition in self.found.values():
            # a fault of the very call that asks counts in strict mode alone
            if condition.last > risky or (self.world.strict and condition.last == risky):
                yield place, condition

    def _sure(self, expr: ast.Expr) -> bool:
        """Whether an expression cannot fail with an error: it compares constants, variables and base documents."""
        if expr.negated or expr.withs:
            return False
        match expr.terms:
            case ast.TermExpr(term):
                return self._plain(term)
            case ast.CallExpr(operator, args):
                return ref_name(operator) in _SURE and all(self._plain(a) for a in args)
            case ast.SomeDecl():
                return True
        return False

    def _plain(self, term: ast.Term) -> bool:
        match term:
            case ast.Scalar() | ast.Var():
                return True
            case ast.Ref():
                return self._place(term) is not None
            case ast.Array(items):
                return all(self._plain(i) for i in items)
        return False

    # --- conditions ------------------------------------------------------------------------------

    def _require(self, place: Place, *tests: tuple[str, Value]) -> None:
        form = tuple(map(key, place))
        if form not in self.found:
            self.found[form] = (place, _Condition(self.at))
        there = self.found[form][1]
        there.last = self.at
        there.tests.extend(tests)

    def _expr(self, expr: ast.Expr) -> None:
        match expr.terms:
            case ast.TermExpr(term):
                self._defined(term)
            case ast.Every(_, _, domain, _):
                self._defined(domain)
            case ast.CallExpr(operator, args):
                name = ref_name(operator)
                for arg in args if name not in _SURE or len(args) != 2 else ():
                    self._defined(arg)
                if len(args) == 2:
                    self._call(name, *args)
            case _:
                pass

    def _defined(self, term: ast.Term) -> None:
        match term:
            case ast.Ref():
                place = self._place(term)
                if place is not None:
                    self._require(place)
            case ast.Array(items) | ast.Set(items):
                for item in items:
                    self._defined(item)
            case ast.Object(pairs):
                for k, v in pairs:
                    self._defined(k)
                    self._defined(v)
            case _:
                pass

    def _call(self, name: str, a: ast.Term, b: ast.Term) -> None:
        match name:
            case "eq" | "assign" | "equal":
                for term, other in ((a, b), (b, a)):
                    if isinstance(term, ast.Ref) and _comparable(other):
                        self._defined(term)
                self._equal(a, b)
                self._equal(b, a)
            case "internal.member_2":
                self._member(a, b)
            case "startswith" | "endswith" | "strings.any_prefix_match" | "strings.any_suffix_match":
                self._affixes(a, b, "prefix" if name in _BEGINNINGS else "suffix", several=name.startswith("strings."))
            case _:
                pass

    def _equal(self, a: ast.Term, b: ast.Term) -> None:
        constant = self._constant(b)
        if isinstance(a, ast.Var) and a.name not in self.aliases:
            if constant is not None:
                self.constants.setdefault(a.name, constant.value)
                return
            place = self._place(b) if isinstance(b, ast.Ref) else None
            if place is not None:
                self.aliases[a.name] = place
            return
        if constant is None or not _simple(constant.value):
            return
        place = self._subject(a)
        if place is not None:
            self._require(place, ("equal", constant.value))
        elif isinstance(a, ast.Ref) and isinstance(a.terms[-1], ast.Var) and type(constant.value) is not list:
            last = a.terms[-1]
            whole = self._place(ast.Ref(a.terms[:-1])) if len(a.terms) > 2 else None
            if whole is not None and last.name not in self.aliases and last.name not in self.constants:
                self._require(whole, ("member", constant.value))

    def _affixes(self, a: ast.Term, b: ast.Term, end: str, *, several: bool) -> None:
        """That a text, or one of several, begins or ends with a text, or with one of several. Not of arguments."""
        place, wanted = self._subject(a), self._constant(b)
        if place is None or len(place) == 1 or wanted is None:
            return
        value = wanted.value
        texts = list(value) if several and type(value) in (list, RegoSet) else [value]
        if texts and all(type(text) is str for text in texts):
            self._require(place, *((end, text) for text in texts))

    def _member(self, a: ast.Term, b: ast.Term) -> None:
        place, collection = self._subject(a), self._constant(b)
        if place is not None and collection is not None:
            value = collection.value
            members = (
                list(value) if type(value) in (list, RegoSet) else list(value.values()) if type(value) is dict else []
            )
            if members and all(_scalar(m) for m in members):
                self._require(place, *(("equal", m) for m in members))
            return
        wanted, inside = self._constant(a), self._subject(b)
        if wanted is not None and inside is not None and _scalar(wanted.value):
            self._require(inside, ("member", wanted.value))

    # --- terms -----------------------------------------------------------------------------------

    def _subject(self, term: ast.Term) -> Place | None:
        """The place that a reference, or a variable that stands for one, is about."""
        if isinstance(term, ast.Var):
            return self.aliases.get(term.name)
        return self._place(term) if isinstance(term, ast.Ref) else None

    def _place(self, ref: ast.Ref) -> Place | None:
        """The steps of a reference of constants into ``input`` or base documents."""
        head = ref.head
        if not isinstance(head, ast.Var) or head.name not in ("input", "data") or len(ref.terms) < 2:
            return None
        steps: list[Value] = []
        for step in ref.path:
            if isinstance(step, ast.Scalar):
                steps.append(step.value)
            elif isinstance(step, ast.Var) and _scalar(self.constants.get(step.name, [])):
                steps.append(self.constants[step.name])
            elif (constant := _composite(step)) is not None:
                steps.append(constant.value)
            else:
                return None
        if head.name == "data" and self._virtual(steps):
            return None
        return (head.name, *steps)

    def _virtual(self, steps: list[Value]) -> bool:
        """Whether rules stand at, above or below a path."""
        node = self.world.root
        for step in steps:
            below = node.children.get(key(step))
            if below is None:
                return node.doc >= 0
            node = below
        return True

    def _constant(self, term: ast.Term) -> Const | None:
        match term:
            case ast.Scalar(value):
                return Const(value)
            case ast.Var(name):
                return Const(self.constants[name]) if name in self.constants else None
            case ast.Array(items) | ast.Set(items):
                parts = [self._constant(i) for i in items]
                values = [p.value for p in parts if p is not None]
                if len(values) < len(parts):
                    return None
                return Const(values if isinstance(term, ast.Array) else RegoSet.of(values))
        return None


def _tells(expr: ast.Expr) -> bool:
    """Whether an expression says something, itself or in a body that it consists of."""
    match expr.terms:
        case ast.CallExpr(operator, _):
            return ref_name(operator) in _TOLD
        case ast.Every(_, _, _, body):
            inside: object = body
        case ast.Not() | ast.LogicalAnd() | ast.LogicalOr():
            inside = expr.terms
        case _:
            return False
    return any(isinstance(x, ast.CallExpr) and ref_name(x.operator) in _TOLD for x in walk(inside))


def _scalar(value: Value) -> bool:
    return type(value) not in (list, dict, RegoSet)


def _simple(value: Value) -> bool:
    return _scalar(value) or (type(value) is list and all(_scalar(v) for v in value))


def _comparable(term: ast.Term) -> bool:
    """What the index takes for the other side of an equation: constants, variables, and arrays of those."""
    if isinstance(term, ast.Array):
        return all(isinstance(i, ast.Scalar | ast.Var) for i in term.items)
    return isinstance(term, ast.Scalar | ast.Var)
