"""OPA's rule index: what it asks of ``input``, base documents and arguments before it lets a rule be evaluated.

OPA puts the rules of a document into a tree with a level for each place of which some rule says more than that it is
defined. Of several values that a rule wants there, one is enough; where those cannot be led together again, what the
rule says of the levels below is lost. So what is asked of a rule follows from all rules of its document.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from ..check.visit import walk
from ..records import record
from ..syntax import nodes as ast
from ..values import Value, key
from .documents import Node
from .ground import ground_value, is_ground, ref_name
from .said import ENDS, Entry, Place, Places, Said, Way

Test: TypeAlias = tuple[str, Value]
"""How something is wanted, and what: ``equal``, ``prefix``, ``suffix``, ``member``; ``array``, the length and the items
that matter, each behind its index; ``glob``, the same of a text's pieces, behind its delimiters."""

_TOLD = frozenset({"internal.print", "internal.test_case"})
"""Calls that are there for what they say: a rule with one is always looked at."""


@record(frozen=True, slots=True)
class Condition:
    """What a place must fulfil: it is defined, and any one of the tests holds, if there are some.

    ``at`` is the first expression of the body that cannot hold where this does not. ``inside`` is the place of a
    collection: if that is an object or a set, the value must be a key of it.
    """

    place: Place
    tests: tuple[Test, ...]
    at: int
    inside: Place | None = None


@record(frozen=True, slots=True)
class Asked:
    """What is asked of a rule: all of ``always``, and all of one of the ``ways`` where there are any."""

    always: tuple[Condition, ...] = ()
    ways: tuple[tuple[Condition, ...], ...] = ()

    def holds(self, condition: Callable[[Condition], bool]) -> bool:
        """Whether the rule may be evaluated."""
        return all(map(condition, self.always)) and (not self.ways or any(all(map(condition, w)) for w in self.ways))


class RuleIndex:
    """The index of one document. ``root`` is the tree of all documents."""

    def __init__(self, root: Node, rules: Iterable[ast.Rule]) -> None:
        self._places = Places()
        links = [link for rule in rules if not rule.default for link in branches(rule)]
        self._said = {id(link): self._read(root, link) for link in links}
        self._one_value = _one_value(links)
        self._asked: dict[int, Asked] = {}
        self._parts: dict[int, dict[str, None]] = {}
        self._level = self._levels()

    def asked(self, rule: ast.Rule) -> Asked:
        """What is asked of a rule, or of an ``else`` branch."""
        got = self._asked.get(id(rule))
        if got is None:
            got = self._asked[id(rule)] = self._ask(rule)
        return got

    def _ask(self, rule: ast.Rule) -> Asked:
        said = self._said[id(rule)]
        ways = said.ways()
        always = list(self._defined(ways))
        if not self._one_value:  # else OPA looks no collection up: evaluation may stop before it would
            always += [Condition(self._places.place(k), (), at, place) for k, place, at in said.inside]
        if len(ways) == 1:
            return Asked((*self._along(ways[0]), *always))
        return Asked(tuple(always), tuple(tuple(self._along(way)) for way in ways))

    def _read(self, root: Node, rule: ast.Rule) -> Said:
        said = Said(self._places, root, rule.head.args or ())
        if not any(map(_tells, rule.body)):
            for at, expr in enumerate(rule.body):
                said.read(expr, at)
        return said

    def _levels(self) -> dict[int, int]:
        """The places of which some rule says more than that they are defined, with their numbers from the top."""
        count: Counter[int] = Counter()
        several: dict[int, int] = {}
        wanted: set[int] = set()
        for said in self._said.values():
            count.update(said.count)
            for ref, how in said.several.items():
                several[ref] = max(how, several.get(ref, 0))
            for entry in said.everything():
                if not entry.is_open:
                    wanted.add(entry.ref)
                if entry.parted is not None:
                    self._parts.setdefault(entry.ref, {})[entry.parted] = None

        def rank(ref: int) -> tuple[object, ...]:
            loc = self._places.met_at(ref)
            return several.get(ref, 0), -count[ref], loc.file, loc.row, loc.col, ref

        return {ref: number for number, ref in enumerate(sorted(wanted, key=rank))}

    def _along(self, way: Way) -> Iterator[Condition]:
        """What is asked on the way from the top."""
        met: dict[int, list[Entry]] = {}
        for entry in way:
            if entry.ref in self._level:
                met.setdefault(entry.ref, []).append(entry)
        for ref in sorted(met, key=self._level.__getitem__):
            place = self._places.place(ref)
            wanted = [e for e in met[ref] if not e.is_open]
            if not wanted:
                yield Condition(place, (), min(e.at for e in met[ref]))
                continue
            ends = len(wanted) > 1 and any(e.kind in ENDS or not isinstance(e.value, ast.Scalar) for e in wanted)
            kept = _one_end(wanted) if ends else wanted
            anything = any(isinstance(e.value, ast.Object | ast.Set) for e in kept)
            tests = () if anything else tuple(t for e in kept for t in self._tests(e))
            yield Condition(place, tests, min(e.at for e in kept))
            if ends:
                return

    def _tests(self, entry: Entry) -> Iterator[Test]:
        value = entry.value
        if isinstance(value, ast.Scalar):
            yield entry.kind or "equal", value.value
        elif isinstance(value, ast.Array):
            items: list[Value] = [
                [at, item.value] for at, item in enumerate(value.items) if isinstance(item, ast.Scalar)
            ]
            length = len(value.items)
            yield ("equal", [item[1] for item in items]) if len(items) == length else ("array", [length, items])
            for delimiters in self._parts.get(entry.ref, ()):
                yield "glob", [delimiters, length, items]

    def _defined(self, ways: Sequence[Way]) -> Iterator[Condition]:
        """Places that are no level, where every way says that they are defined."""
        first: list[dict[int, int]] = []
        for way in ways:
            met: dict[int, int] = {}
            for e in way:
                met[e.ref] = min(e.at, met.get(e.ref, e.at))
            first.append(met)
        for ref in first[0]:
            if ref not in self._level and all(ref in met for met in first):
                yield Condition(self._places.place(ref), (), max(met[ref] for met in first))


def _one_end(wanted: Sequence[Entry]) -> list[Entry]:
    """Of beginnings and ends, those whose shortest text is longer."""
    shortest: dict[str, int] = {}
    for e in wanted:
        text = e.value.value if e.kind in ENDS and isinstance(e.value, ast.Scalar) else None
        if isinstance(text, str):
            size = len(text.encode("utf-8", "surrogatepass"))
            shortest[e.kind] = min(size, shortest.get(e.kind, size))
    if len(shortest) < len(ENDS):
        return list(wanted)
    left_out = "prefix" if shortest["suffix"] > shortest["prefix"] else "suffix"
    return [e for e in wanted if e.kind != left_out]


def branches(rule: ast.Rule) -> Iterator[ast.Rule]:
    """A rule and its ``else`` branches."""
    link: ast.Rule | None = rule
    while link is not None:
        yield link
        link = link.else_


def _one_value(rules: Sequence[ast.Rule]) -> bool:
    """Whether all rules have the same constant value, so that one that holds is enough."""
    heads = [r.head for r in rules]
    if any(h.value is None or not all(map(is_ground, (h.value, *h.ref.path))) for h in heads):
        return False
    return len({key(ground_value(h.value)) for h in heads if h.value is not None}) <= 1


def _tells(expr: ast.Expr) -> bool:
    """Whether an expression is there for what it says; bodies inside count where it is no call."""
    match expr.terms:
        case ast.CallExpr(operator, _):
            return ref_name(operator) in _TOLD
        case ast.Every(_, _, _, body) | ast.Not(body):
            inside = body
        case ast.LogicalAnd(lhs, rhs) | ast.LogicalOr(lhs, rhs):
            inside = (*lhs, *rhs)
        case _:
            return False
    return any(isinstance(x, ast.CallExpr) and ref_name(x.operator) in _TOLD for x in walk(inside))
