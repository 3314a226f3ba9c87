"""Rules that need themselves, and what of it is certain: a reference with a variable in it only may close a circle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from ..errors import RECURSION_ERROR, Problem
from ..records import record
from ..signatures import Signature, signatures
from ..syntax.nodes import Array, CallExpr, Object, Ref, Rule, Set, Term, Var
from ..syntax.printer import term_text
from ..types import ANY, BOOLEAN, NULL, NUMBER, STRING, AnyOf, Type
from .constants import comparable
from .documents import Place, RuleTree
from .rule_graph import Mention, Needs, bound_before, is_constant, members, mentions, selects
from .visit import Rewriter, is_equality, operator_name

MOST_CONDITIONS: Final = 2
MOST_MEMBERS: Final = 5
_Rename: TypeAlias = Callable[[Term], Term]


class Recursion:
    """Finds the circles among rules. ``written`` is the tree from which ``needs`` were read, ``tree`` the last one."""

    def __init__(self, written: RuleTree, needs: Needs, tree: RuleTree, original: Mapping[str, str]) -> None:
        self._written = written
        self._needs = needs
        self._tree = tree
        self._rename = _Original(original).term
        self._paths = {tree.place_of[id(rule)]: path for rule, path in tree.rules()}
        self._old = {written.place_of[id(rule)]: rule for rule, _ in written.rules()}
        self._old_paths = {written.place_of[id(rule)]: path for rule, path in written.rules()}
        self._causes: dict[Place, Mapping[Place, Mention]] = {}

    def problems(self, limit: int = 10) -> list[Problem]:
        """A problem for each rule that needs itself; one more than the limit at most, since each takes a search."""
        problems: list[Problem] = []
        on_circles = _cyclic(self._needs)
        for rule, _ in self._tree.rules():
            place = self._tree.place_of[id(rule)]
            circle = _circle(place, self._needs) if place in on_circles else []
            if circle:
                problems.append(Problem(RECURSION_ERROR, self._message(place, circle, on_circles), rule.loc))
            if len(problems) > limit:
                break
        return problems

    def _message(self, place: Place, circle: Sequence[Place], on_circles: set[Place]) -> str:
        words, cause = "is", ""
        if any(self._cause(a, b) for a, b in pairwise(circle)):
            certain = {p: [q for q in self._needs[p] if not self._cause(p, q)] for p in on_circles}
            found = _circle(place, certain)
            if found:
                circle = found
            else:
                words, cause = "may be", self._explained(circle)
        return f"rule {self._name(place)} {words} recursive: {' -> '.join(map(self._name, circle))}{cause}"

    def _name(self, place: Place) -> str:
        return term_text(self._rename(self._paths[place]))

    def _cause(self, place: Place, target: Place) -> Mention | None:
        """The reference by which a rule may need another, where none does so for certain."""
        if place not in self._causes:
            self._causes[place] = dict(self._uncertain(self._old[place]))
        return self._causes[place].get(target)

    def _uncertain(self, rule: Rule) -> Iterator[tuple[Place, Mention]]:
        found: list[tuple[Place, Mention]] = []
        certain: set[Place] = set()
        for mention in mentions(self._written, rule):
            bound = bound_before(rule, mention.at) if mention.is_open else frozenset()
            for target, path in mention.rules:
                places = list(self._branches(target))
                if mention.is_open and selects(mention.narrowed, path, bound) != []:
                    found += [(place, mention) for place in places]
                else:
                    certain.update(places)
        return (pair for pair in reversed(found) if pair[0] not in certain)

    def _branches(self, rule: Rule) -> Iterator[Place]:
        link: Rule | None = rule
        while link is not None:
            yield self._written.place_of[id(link)]
            link = link.else_

    # --- what it takes ---------------------------------------------------------------------------

    def _explained(self, circle: Sequence[Place]) -> str:
        """The first reference on a circle that need not close it, and what it would have to be for that."""
        for i, (place, target) in enumerate(pairwise(circle)):
            mention = self._cause(place, target)
            if mention is not None:
                inside = f" in {self._name(place)}" if i else ""
                return self._explanation(place, target, mention, inside)
        return ""

    def _explanation(self, place: Place, target: Place, mention: Mention, inside: str) -> str:
        rule, path = self._old[place], self._old_paths[target]
        steps = selects(mention.narrowed, path, bound_before(rule, mention.at)) or []
        written = Ref(mention.written.terms[: len(path.terms)])
        shown = self._rename(written)
        origins = _Origins(rule, mention.at)
        conditions: dict[Term, tuple[int, Term]] = {}
        certain = True
        for i in steps:
            if i < len(written.terms):
                term = self._rename(written.terms[i])
                had = conditions.setdefault(term, (i, path.terms[i]))
                certain = certain and comparable(had[1]) == comparable(path.terms[i])
        certain = certain and all(origins.may_be(written.terms[i], value) for i, value in conditions.values())
        if not certain or not 0 < len(conditions) <= MOST_CONDITIONS:
            return f" ({term_text(shown)}{inside} could refer to {self._name(target)})"
        parts = []
        for term, (i, value) in conditions.items():
            note = origins.note(written.terms[i], term, self._rename, self._name(place))
            parts.append(f"{term_text(term)} is {term_text(value)}{f' ({note})' if note else ''}")
        return f" ({term_text(shown)}{inside} refers to {self._name(target)} if {' and '.join(parts)})"


@record(frozen=True, slots=True)
class _Origin:
    """Where a variable has its value from: a ``kind``, and the reference, collection or built-in."""

    kind: str
    term: Term | None = None
    builtin: str = ""


class _Origins:
    """Where the variables before an expression of a rule have their values from."""

    def __init__(self, rule: Rule, at: int) -> None:
        self._depth = len(rule.body)
        self._bindings: dict[str, Term] = {}
        self._outputs: dict[str, str] = {}
        for expr in rule.body[:at]:
            if expr.negated or expr.withs or not isinstance(expr.terms, CallExpr):
                continue
            args = expr.terms.args
            if is_equality(expr) and len(args) == 2:
                for var, term in (args, args[::-1]):
                    if isinstance(var, Var):
                        self._bindings.setdefault(var.name, term)
                continue
            name = operator_name(expr.terms.operator)
            found = signatures().get(name)
            if found is not None and len(args) == len(found.args) + 1 and isinstance(args[-1], Var):
                self._outputs[args[-1].name] = name
        keys = (*rule.head.ref.terms[1:], *(() if rule.head.key is None else (rule.head.key,)))
        self._head = {t.name: "key" for t in keys if isinstance(t, Var)}
        self._head |= {t.name: "arg" for t in rule.head.args or () if isinstance(t, Var)}

    def _of(self, name: str, depth: int = 0) -> _Origin | None:
        if depth > self._depth:
            return None
        if name in self._outputs:
            return _Origin("builtin", builtin=self._outputs[name])
        match self._bindings.get(name):
            case Var(other):
                return self._of(other, depth + 1)
            case Ref(terms) as ref:
                first = terms[0]
                if isinstance(first, Var) and first.name in ("input", "data"):
                    count = 1
                    while count < len(terms) and is_constant(terms[count]):
                        count += 1
                    return _Origin("input" if first.name == "input" else "rule", Ref(ref.terms[:count]))
                if len(terms) == 2 and not is_constant(terms[1]):
                    collection = self._collection(first)
                    if collection is not None:
                        return _Origin("collection", collection)
            case _:
                pass
        return _Origin(self._head[name]) if name in self._head else None

    def _collection(self, term: Term) -> Term | None:
        for _ in range(len(self._bindings) + 1):
            if not isinstance(term, Var) or term.name not in self._bindings:
                break
            term = self._bindings[term.name]
        return term if isinstance(term, Array | Set | Object) and is_constant(term) else None

    def may_be(self, term: Term, value: Term) -> bool:
        """Whether a step can be a value, as far as its origin tells."""
        origin = self._of(term.name) if isinstance(term, Var) else None
        if origin is not None and origin.kind == "collection" and origin.term is not None:
            return any(comparable(m) == comparable(value) for m in members(origin.term) or ())
        if origin is not None and origin.kind == "builtin":
            return _may_return(signatures()[origin.builtin], value)
        return True

    def note(self, term: Term, shown: Term, rename: _Rename, name: str) -> str:
        """What an error says about where a step comes from; nothing where that is not known."""
        if isinstance(term, Ref):
            is_rule = isinstance(term.head, Var) and term.head.name == "data"
            return "rule values aren't known at compile time" if is_rule else ""
        origin = self._of(term.name) if isinstance(term, Var) else None
        if origin is None:
            return ""
        text = term_text(shown)
        match origin.kind, origin.term:
            case "input", Ref() as ref:
                return f"{text} comes from {term_text(rename(ref))}"
            case "rule", Ref() as ref:
                return f"{text} comes from rule {term_text(ref)}, whose value isn't known at compile time"
            case "collection", collection if collection is not None:
                count = len(members(collection) or ())
                return f"{text} is one of {f'{count} values' if count > MOST_MEMBERS else term_text(collection)}"
            case "builtin", _:
                return f"{text} is computed by {origin.builtin}"
            case "key", _:
                return f"{text} is a key of {name}"
            case _:
                return f"{text} is an argument of {name}"


def _may_return(found: Signature, value: Term) -> bool:
    """Whether the result of a built-in may be a scalar."""
    kinds: dict[type, Type] = {type(None): NULL, bool: BOOLEAN, int: NUMBER, str: STRING}
    kind = kinds.get(type(getattr(value, "value", ())), NUMBER)
    result = found.result
    if result is None or result == ANY:
        return True
    return kind in result.members if isinstance(result, AnyOf) else result == kind


class _Original(Rewriter):
    """Terms with the names that variables were written by."""

    def __init__(self, original: Mapping[str, str]) -> None:
        self._names = original

    def term(self, term: Term) -> Term:
        """A term with the written names."""
        return Var(self._names.get(term.name, term.name), term.loc) if isinstance(term, Var) else super().term(term)


def _cyclic(needs: Needs) -> set[Place]:
    """The rules on circles or between them: what is left when rules without needs go, and so on."""
    users: dict[Place, list[Place]] = {}
    counts: dict[Place, int] = {}
    for place, needed in needs.items():
        counts[place] = len(needed)
        for other in needed:
            users.setdefault(other, []).append(place)
    loose = [place for place, count in counts.items() if not count]
    while loose:
        place = loose.pop()
        del counts[place]
        for user in users.get(place, ()):
            counts[user] -= 1
            if not counts[user]:
                loose.append(user)
    return set(counts)


def _circle(start: Place, needs: Needs) -> list[Place]:
    """A way from a rule back to itself, both ends included; empty where there is none."""
    before: dict[Place, Place] = {}
    stack = [start]
    while stack:
        at = stack.pop()
        for target in needs.get(at, ()):
            if target == start:
                way = [target, at]
                while way[-1] != start:
                    way.append(before[way[-1]])
                return way[::-1]
            if target not in before:
                before[target] = at
                stack.append(target)
    return []
