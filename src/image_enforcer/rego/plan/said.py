"""What a rule's body says of ``input``, base documents and arguments, as OPA's rule index takes it down.

An expression may say of a *place* that it is defined, that it is a value, begins or ends with a text, or holds a
member. What is said is kept as OPA keeps it, with its oddities: a variable that was compared with a place stands for
it, until a value takes the variable's place.
"""

from __future__ import annotations

from collections import ChainMap, Counter, deque
from collections.abc import Iterator
from itertools import product
from sys import maxsize
from typing import Any, Final, TypeAlias

from ..parting import segments
from ..places import NO_LOCATION, Location
from ..records import field, record, replace
from ..syntax import nodes as ast
from ..values import Key, key
from .documents import Node, is_virtual
from .ground import Form, form, ground_term, ground_value, is_ground, is_root, ref_name

Place: TypeAlias = tuple[Any, ...]
"""What is spoken of: ``input`` or ``data`` and the steps of a reference, or the name of an argument alone."""

ENDS: Final = frozenset({"prefix", "suffix"})
MOST_WAYS: Final = 32
"""Ways in which a rule may hold, beyond which its ``or`` expressions say nothing."""

CONVERGING: Final = 1
ENDING: Final = 2
"""How several values for one place weigh: a place with those comes later, and later still where ends are among them."""

_UNIFIES = frozenset({"eq", "assign", "equal"})
_AFFIXES = {
    "startswith": "prefix", "strings.any_prefix_match": "prefix",
    "endswith": "suffix", "strings.any_suffix_match": "suffix",
}  # fmt: skip
_ANYTHING = ast.Var("__any__")
_ANY_PIECE = ast.Var("$globwildcard")


class Places:
    """The places of a document's rules, numbered in the order in which they are met."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[Key, ...], int] = {}
        self._met: list[tuple[Place, Location]] = []

    def number(self, place: Place, loc: Location) -> int:
        """The number of a place."""
        forms = tuple(map(key, place))
        if forms not in self._numbers:
            self._numbers[forms] = len(self._met)
            self._met.append((place, loc))
        return self._numbers[forms]

    def place(self, number: int) -> Place:
        """The place of a number."""
        return self._met[number][0]

    def met_at(self, number: int) -> Location:
        """Where a place was met first."""
        return self._met[number][1]


@record(frozen=True, slots=True)
class Entry:
    """What an expression, the one ``at`` that index, says of a place. A variable says only that it is defined."""

    ref: int
    value: ast.Term
    at: int
    kind: str = ""
    """Empty for the value itself; ``prefix``, ``suffix`` or ``member``."""
    parted: str | None = None
    """The delimiters of the text whose pieces ``value`` is about."""

    @property
    def is_open(self) -> bool:
        """Whether anything will do."""
        return isinstance(self.value, ast.Var)

    @property
    def saying(self) -> Form:
        """The same for entries that say the same of their places."""
        return (self.kind, form(self.value))


Way: TypeAlias = tuple[Entry, ...]
"""Everything that has to be so for a rule to hold in one way."""


@record(slots=True)
class _OfPlace:
    """Where the entries of one place are: what is asked of a long list with each new entry."""

    by_saying: dict[Form, int] = field(default_factory=dict)
    is_open: deque[int] = field(default_factory=deque)
    values: int = 0
    """How many are not open."""
    first_value: int = maxsize
    first_end: int = maxsize


@record(slots=True)
class Said:
    """What the body of a rule, or of an operand of ``and`` and ``or``, has said so far."""

    places: Places
    root: Node
    args: tuple[ast.Term, ...]
    constants: ChainMap[str, ast.Term] = field(default_factory=ChainMap)
    outer: Said | None = None
    entries: list[Entry] = field(default_factory=list)
    choices: list[list[Way]] = field(default_factory=list)
    """For each ``or`` the ways to hold, and so of each ``and`` with one in it."""
    inside: list[tuple[int, Place, int]] = field(default_factory=list)
    """Places whose value must be a key of a collection, with the place of that and the index of the expression."""
    count: Counter[int] = field(default_factory=Counter)
    several: dict[int, int] = field(default_factory=dict)
    at: int = 0
    _of: dict[int, _OfPlace] = field(default_factory=dict)
    _variables: dict[str, deque[int]] = field(default_factory=dict)
    """The entries whose value is a variable, or was one."""

    def read(self, expr: ast.Expr, at: int) -> None:
        """Take in the next expression."""
        self.at = at
        if expr.negated or expr.withs:
            return
        match expr.terms:
            case ast.TermExpr(term):
                term = self._plugged(term)
                if not self._looks_up(term):
                    place = self._place(term)
                    if place is not None:
                        self._insert(place, _ANYTHING)
            case ast.CallExpr(operator, args):
                self._call(ref_name(operator), tuple(map(self._plugged, args)))
            case ast.LogicalAnd(lhs, rhs):
                for ways in (self._operand(lhs), self._operand(rhs)):
                    self._require(ways)
            case ast.LogicalOr(lhs, rhs):
                left = self._operand(lhs)
                right = self._operand(rhs) if left else []
                if right:
                    self._require(left + right)
            case _:
                pass

    def ways(self) -> list[Way]:
        """Everything that has to be so, for each way to hold."""
        number = 1
        for choice in self.choices:
            number *= len(choice)
            if number > MOST_WAYS:
                return [tuple(self.entries)]
        return [(*self.entries, *(e for way in some for e in way)) for some in product(*self.choices)]

    def everything(self) -> Iterator[Entry]:
        """All that is said, in whichever way."""
        yield from self.entries
        for choice in self.choices:
            for way in choice:
                yield from way

    # --- and, or ---------------------------------------------------------------------------------

    def _operand(self, body: ast.Body) -> list[Way]:
        """The ways in which an operand can hold; none where nothing is known of it."""
        within = Said(self.places, self.root, self.args, self.constants.new_child(), self)
        for expr in body:
            within.read(expr, self.at)
        ways = within.ways()
        if ways == [()]:
            return []
        return [tuple(replace(e, value=_ANYTHING) if e.is_open else e for e in way) for way in ways]

    def _require(self, ways: list[Way]) -> None:
        if len(ways) == 1:
            for entry in ways[0]:
                self._add(entry)
        elif ways:
            self.count.update(e.ref for way in ways for e in way)
            self.choices.append(ways)

    # --- expressions -----------------------------------------------------------------------------

    def _call(self, name: str, args: tuple[ast.Term, ...]) -> None:
        match args:
            case (a, b) if name in _UNIFIES:
                if not (self._holds_member(a, b) or self._holds_member(b, a) or self._unify(a, b)):
                    self._unify(b, a)
            case (a, b) if name == "internal.member_2":
                self._member(a, b)
            case (a, b) if name in _AFFIXES:
                self._affixes(_AFFIXES[name], a, b, several=name.startswith("strings."))
            case (pattern, delimiters, text) if name == "glob.match":
                self._glob(pattern, delimiters, text)
            case _:
                pass

    def _unify(self, a: ast.Term, b: ast.Term) -> bool:
        if isinstance(a, ast.Var) and not is_root(a):
            if is_ground(b):
                self.constants[a.name] = b
            elif isinstance(b, ast.Var) and b.name in self.constants:
                self.constants[a.name] = self.constants[b.name]
            place = self._stands_for(a) if _simple(b) else None
        else:
            place = self._place(a) if _simple(b) else None
            b = self._known(b)
        if place is not None:
            self._insert(place, b)
        return place is not None

    def _holds_member(self, a: ast.Term, b: ast.Term) -> bool:
        """``place[_] = value``."""
        ref = self._rooted(a) if isinstance(a, ast.Ref) else None
        if ref is None or len(ref.terms) < 2 or is_ground(ref.terms[-1]):
            return False
        value = self._known(b)
        place = self._place(ast.Ref(ref.terms[:-1], ref.loc)) if isinstance(value, ast.Scalar) else None
        if place is not None:
            self._insert(place, value, "member")
        return place is not None

    def _member(self, a: ast.Term, b: ast.Term) -> None:
        place = self._stands_for(a) if isinstance(a, ast.Var) else None
        if place is not None:
            self._one_of(place, self._known(b))
            return
        a = self._known(a)
        inside = self._subject(b) if isinstance(a, ast.Var | ast.Scalar) else None
        if inside is not None:
            self._insert(inside, a, "" if isinstance(a, ast.Var) else "member")

    def _one_of(self, place: int, collection: ast.Term) -> None:
        match collection:
            case ast.Array(items) | ast.Set(items):
                members = items
            case ast.Object(pairs):
                members = tuple(v for _, v in pairs)
            case _:
                return
        if not any(isinstance(m, ast.Var) for m in members):
            self._insert_all(place, members, "", CONVERGING)

    def _affixes(self, kind: str, text: ast.Term, ends: ast.Term, *, several: bool) -> None:
        ends = self._known(ends)
        wanted = ends.items if several and isinstance(ends, ast.Array | ast.Set) else (ends,)
        if not all(isinstance(w, ast.Scalar) and type(w.value) is str for w in wanted):
            return
        place = self._subject(text)
        if place is not None:
            self._insert_all(place, wanted, kind, ENDING)

    def _glob(self, pattern: ast.Term, delimiters: ast.Term, text: ast.Term) -> None:
        if not isinstance(pattern, ast.Scalar) or not isinstance(delimiters, ast.Array):
            return
        texts = [t.value for t in (pattern, *delimiters.items) if isinstance(t, ast.Scalar) and type(t.value) is str]
        place = self._stands_for(text) if isinstance(text, ast.Var) else None
        if place is None or len(texts) < 1 + len(delimiters.items):
            return
        parted = "".join(texts[1:]) or ("" if delimiters.items else ".")
        pieces = segments(texts[0], parted)
        if pieces is not None:
            items = tuple(_ANY_PIECE if piece is None else ast.Scalar(piece) for piece in pieces)
            self._insert(place, ast.Array(items), parted=parted)

    def _looks_up(self, term: ast.Term) -> bool:
        """``collection[key]`` alone, with a key that stands for a place."""
        if not isinstance(term, ast.Ref) or not is_root(term.head, "data") or len(term.terms) < 2:
            return False
        last = term.terms[-1]
        collection = self._ground_place(ast.Ref(term.terms[:-1], term.loc))
        wanted = self._stands_for(last) if isinstance(last, ast.Var) else None
        if collection is None or wanted is None:
            return False
        self.inside.append((wanted, collection, self.at))
        self.count[wanted] += 1
        return True

    # --- entries ---------------------------------------------------------------------------------

    def _insert(
        self, place: int, value: ast.Term, kind: str = "", *, parted: str | None = None, further: bool = False
    ) -> None:
        self._add(Entry(place, value, self.at, kind, parted), further=further)

    def _insert_all(self, place: int, values: tuple[ast.Term, ...], kind: str, weight: int) -> None:
        """Several values of which one is enough."""
        for at, value in enumerate(values):
            self._insert(place, value, kind, further=at > 0)
        if len(values) > 1 and self._of[place].values > 1:
            self._weigh(place, weight)

    def _weigh(self, place: int, weight: int) -> None:
        self.several[place] = max(weight, self.several.get(place, 0))

    def _add(self, entry: Entry, *, further: bool = False) -> None:
        """Take in what is said. A value takes the place of a variable, unless it is a ``further`` one of several."""
        of = self._of.get(entry.ref)
        seen = of is not None
        if of is None:
            of = self._of[entry.ref] = _OfPlace()
        said_at = of.by_saying.get(entry.saying, maxsize)
        takes = not entry.is_open and entry.kind not in ENDS and not further
        open_at = of.is_open[0] if takes and of.is_open else maxsize
        if not entry.is_open and not further and of.first_value < min(said_at, open_at):
            ends = entry.kind in ENDS or of.first_end < min(said_at, open_at)
            self._weigh(entry.ref, ENDING if ends else CONVERGING)
        if said_at < open_at:
            self.count[entry.ref] += further
        elif open_at < maxsize:
            of.is_open.popleft()
            del of.by_saying[self.entries[open_at].saying]
            self.entries[open_at] = entry
            self._place_entry(of, entry, open_at)
        else:
            self.count[entry.ref] += further or not seen
            self.entries.append(entry)
            self._place_entry(of, entry, len(self.entries) - 1)

    def _place_entry(self, of: _OfPlace, entry: Entry, at: int) -> None:
        of.by_saying[entry.saying] = at
        if isinstance(entry.value, ast.Var):
            of.is_open.append(at)
            self._variables.setdefault(entry.value.name, deque()).append(at)
            return
        of.values += 1
        of.first_value = min(of.first_value, at)
        if entry.kind in ENDS:
            of.first_end = min(of.first_end, at)

    def _stands_for(self, var: ast.Var) -> int | None:
        """The place that a variable stands for: one that it was compared with, or an argument."""
        around: Said | None = self
        while around is not None:
            found = around.compared(var.name)
            if found is not None:
                return found
            around = around.outer
        if any(isinstance(arg, ast.Var) and arg.name == var.name for arg in self.args):
            return self.places.number((var.name,), NO_LOCATION)
        return None

    def compared(self, name: str) -> int | None:
        """The place that a variable was compared with here."""
        there = self._variables.get(name)
        while there:
            entry = self.entries[there[0]]
            if entry.is_open:
                return entry.ref
            there.popleft()  # a value has taken its place
        return None

    # --- references ------------------------------------------------------------------------------

    def _known(self, term: ast.Term) -> ast.Term:
        return self.constants.get(term.name, term) if isinstance(term, ast.Var) else term

    def _plugged(self, term: ast.Term) -> ast.Term:
        """A reference with constants in the place of variables; any other term as it is."""
        if not isinstance(term, ast.Ref):
            return term
        steps = [known if isinstance(known := self._known(t), ast.Scalar) else t for t in term.path]
        return ast.Ref((term.head, *steps), term.loc)

    def _rooted(self, ref: ast.Ref) -> ast.Ref | None:
        """The reference with what its head stands for in that one's place."""
        head = ref.head
        if not isinstance(head, ast.Var) or is_root(head):
            return ref
        found = self._stands_for(head)
        if found is None:
            return None
        root, *steps = self.places.place(found)
        return ast.Ref((ast.Var(root, self.places.met_at(found)), *map(ground_term, steps), *ref.path), ref.loc)

    def _subject(self, term: ast.Term) -> int | None:
        """The place that a reference, or a variable that stands for one, is about. An argument is none."""
        if not isinstance(term, ast.Var) or is_root(term):
            return self._place(term)
        found = self._stands_for(term)
        return found if found is not None and self.places.place(found)[0] in ("input", "data") else None

    def _place(self, term: ast.Term) -> int | None:
        """The place of a reference of constants into ``input`` or base documents."""
        ref = term if isinstance(term, ast.Ref) else ast.Ref((term,)) if is_root(term) else None
        ref = None if ref is None else self._rooted(ref)
        place = None if ref is None else self._ground_place(ref)
        if ref is None or place is None:
            return None
        return self.places.number(place, getattr(ref.head, "loc", ref.loc))

    def _ground_place(self, ref: ast.Ref) -> Place | None:
        if not isinstance(ref.head, ast.Var) or not is_root(ref.head) or not all(map(is_ground, ref.path)):
            return None
        place = (ref.head.name, *map(ground_value, ref.path))
        return None if place[0] == "data" and is_virtual(self.root, place[1:]) else place


def _simple(term: ast.Term) -> bool:
    """What is taken for a value: a scalar, a variable, an array of those."""
    if isinstance(term, ast.Array):
        return all(isinstance(i, ast.Scalar | ast.Var) for i in term.items)
    return isinstance(term, ast.Scalar | ast.Var) and not is_root(term)
