"""The values of Rego, as native Python: what JSON knows, plus sets and keys of any kind.

========  =======================================================================
Rego      Python
========  =======================================================================
null      ``None``
boolean   ``bool``
number    ``int`` where the text is an integer, else :class:`Num` (never ``float``)
string    ``str``
array     ``list``
object    ``dict`` whose keys are in *key form* (see :func:`key`)
set       :class:`RegoSet`
========  =======================================================================

Values are never changed once built: whoever wants another value builds another one.
``True == 1`` in Python but not in Rego, so Rego's equality is :func:`equal`, never ``==``, unless one
side is known to be a string. Undefined is no value; where a place can be undefined it holds
:data:`UNDEFINED`.
"""

from __future__ import annotations

from decimal import Decimal

from .meter import CELL, LARGE, METER
from .records import final

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from functools import cmp_to_key
    from typing import Any, Final, TypeAlias

    # A recursive alias would make mypy carry the recursion everywhere; the table above is the contract.
    Value: TypeAlias = Any
    Key: TypeAlias = Any
else:
    from _functools import cmp_to_key  # functools itself takes longer to load than this module

    Value = Key = object


@final
class Undefined:
    """The type of :data:`UNDEFINED`; it is false, and printing it says what it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNDEFINED"

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = Undefined()
"""The absence of a value. Compare with ``is``."""


@final
class Num(Decimal):
    """A number whose text is not that of an integer (``1.5``, ``1.0``, ``1e3``), kept as it was written.

    Compares and hashes by exact value, with ``int`` too. ``text`` is what JSON output shows.
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Num:
        """Build from JSON number text; raises ``decimal.InvalidOperation`` or ``ValueError`` on anything else."""
        self = super().__new__(cls, text)
        if not self.is_finite():
            raise ValueError(f"number out of range: {text[:40]}")
        self.text = text
        return self

    def __repr__(self) -> str:
        return f"Num({self.text!r})"

    def __copy__(self) -> Num:
        return self

    def __deepcopy__(self, memo: object) -> Num:
        return self

    def __reduce__(self) -> tuple[type[Num], tuple[str]]:
        return (Num, (self.text,))


@final
class BoolKey:
    """The key form of a boolean, since Python's ``True`` would collide with ``1``."""

    __slots__ = ("value",)

    def __init__(self, value: bool) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"BoolKey({self.value})"


TRUE_KEY: Final = BoolKey(True)
FALSE_KEY: Final = BoolKey(False)


@final
class ObjectKey:
    """The key form of an object: hashable, equal where the objects are equal."""

    __slots__ = ("_hash", "items", "value")

    def __init__(self, value: dict[Key, Value]) -> None:
        self.value = value
        self.items = frozenset([(k, v if type(v) is str else _key_inside(v)) for k, v in value.items()])
        self._hash = ~hash(self.items)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return type(other) is ObjectKey and self._hash == other._hash and self.items == other.items


@final
class RegoSet:
    """A set of values. ``members`` maps key form to value; the first of equal spellings stays.

    Iteration is in Rego's order (:func:`compare`), as OPA's is. It is its own key form.
    """

    __slots__ = ("_hash", "_sorted", "members", "written")

    def __init__(self, members: dict[Key, Value]) -> None:
        self.members = members
        self.written: tuple[Value, ...] | None = None
        """The members as they are written out where a function is called, in the order in which its rules meet them."""
        self._hash: int | None = None
        self._sorted: list[Value] | None = None

    @classmethod
    def of(cls, values: Iterable[Value]) -> RegoSet:
        """The set of these values."""
        members: dict[Key, Value] = {}
        for v in values:
            k = v if type(v) is str else key(v)
            if k not in members:
                members[k] = v
        return cls(members)

    def __len__(self) -> int:
        return len(self.members)

    def __iter__(self) -> Iterator[Value]:
        return iter(self.sorted())

    def __contains__(self, value: Value) -> bool:
        return (value if type(value) is str else key(value)) in self.members

    def __getitem__(self, k: Key) -> Value:
        """The member with this key form; ``KeyError`` when there is none."""
        return self.members[k]

    def sorted(self) -> list[Value]:
        """The members in Rego's order. The list is shared: do not change it."""
        got = self._sorted
        if got is None:
            got = self._sorted = sort_values(self.members.values())
        return got

    def met(self) -> list[Value]:
        """The members in the order in which rules go through them. The list is shared: do not change it."""
        return self.sorted() if self.written is None else list(self.written)

    def as_written(self, members: tuple[Value, ...]) -> RegoSet:
        """The same set, whose members are met in this order, and as often as they are in it."""
        made = RegoSet(self.members)
        made.written = members
        return made

    def __eq__(self, other: object) -> bool:
        return type(other) is RegoSet and self.members.keys() == other.members.keys()

    def __hash__(self) -> int:
        h = self._hash
        if h is None:
            h = self._hash = hash(("set", frozenset(self.members)))
        return h

    def __repr__(self) -> str:
        return f"RegoSet.of({self.sorted()!r})"


EMPTY_SET: Final = RegoSet({})


def key(value: Value) -> Key:
    """The hashable form of a value, equal exactly where the values are equal in Rego.

    Strings, null and numbers are their own; booleans, arrays and objects have stand-ins that
    :func:`unkey` turns back.
    """
    t = type(value)
    if t is str or t is int or value is None or t is Num:
        return value
    if t is list:
        if len(value) > LARGE:
            METER.spend(len(value), CELL * len(value))
        return tuple([v if type(v) is str else _key_inside(v) for v in value])
    if t is bool:
        return TRUE_KEY if value else FALSE_KEY
    if t is dict:
        if len(value) > LARGE:
            METER.spend(len(value), 8 * CELL * len(value))
        return ObjectKey(value)
    if t is RegoSet:
        return value
    to_value = getattr(value, "to_value", None)  # a lazy document: read it whole
    if to_value is not None:
        return key(to_value())
    raise TypeError(f"not a Rego value: {t.__name__}")


def _key_inside(value: Value) -> Key:
    """:func:`key` of what stands inside another value: shared parts of parts can make small values long walks."""
    t = type(value)
    if t is list or t is dict:
        payer = METER.payer
        if payer is not None:
            payer.spend(len(value) + 2, (len(value) + 4) * CELL)
        if t is dict and len(value) <= LARGE:
            return ObjectKey(value)
    return key(value)


class Spelling:
    """What tells numbers of one value apart by how they are written."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return type(other) is Spelling and other.text == self.text

    def __hash__(self) -> int:
        return hash((Spelling, self.text))


_LONGEST_INDEX: Final = 19


def index_of(step: str) -> int:
    """The index that a text names in an array of a base document, below 0 where it names none."""
    digits = step[1:] if step[:1] in ("+", "-") else step
    whole, _, zeros = digits.partition(".")
    if (
        not 0 < len(digits) <= _LONGEST_INDEX
        or zeros.strip("0")
        or not (whole or "0").isdecimal()
        or not step.isascii()
    ):
        return -1
    index = int(whole or 0)
    return -index if step[0] == "-" else index


def step_key(value: Value) -> Any:
    """The hashable form of a step in the tree of rules, where ``1`` and ``1.0`` are two, as in OPA's."""
    return Spelling(value.text) if type(value) is Num else key(value)


def unkey(k: Key) -> Value:
    """The value that :func:`key` was given."""
    t = type(k)
    if t is tuple:
        return [unkey(x) for x in k]
    if t is BoolKey:
        return k.value
    if t is ObjectKey:
        return k.value
    return k


def equal(a: Value, b: Value) -> bool:
    """Whether two values are equal in Rego: ``1 == 1.0``, but ``true != 1``, also inside."""
    if a is b:
        return True
    ta, tb = type(a), type(b)
    if ta is str or tb is str:
        return bool(a == b)
    if ta is bool or tb is bool:
        return ta is tb and a == b
    if ta is list:
        if tb is not list or len(a) != len(b):
            return False
        METER.spend(len(a))
        return not any(x is not y and not equal(x, y) for x, y in zip(a, b, strict=True))
    if ta is dict:
        if tb is not dict:
            b = _whole(b)
        if type(b) is not dict or len(a) != len(b):
            return False
        METER.spend(len(a))
        for k, x in a.items():
            y = b.get(k, UNDEFINED)
            if y is UNDEFINED or not (x is y or equal(x, y)):
                return False
        return True
    if ta is tb or ta in _PLAIN or tb in _PLAIN:
        return bool(a == b)
    return equal(_whole(a), _whole(b))


_PLAIN: Final = frozenset({type(None), int, Num, RegoSet, Undefined})


def _whole(value: Value) -> Value:
    """A lazy document read whole, any other value as it is."""
    to_value = getattr(value, "to_value", None)
    return value if to_value is None else to_value()


_RANKS: Final = {type(None): 0, bool: 1, int: 2, Num: 2, str: 3, list: 4, dict: 5, RegoSet: 6}


def rank(value: Value) -> int:
    """The place of a value's type in Rego's order: null, boolean, number, string, array, object, set."""
    found = _RANKS.get(type(value))
    return rank(_whole(value)) if found is None else found


def compare(a: Value, b: Value) -> int:
    """-1, 0 or 1: Rego's total order (null < booleans < numbers < strings < arrays < objects < sets)."""
    if a is b:
        return 0
    ra, rb = rank(a), rank(b)
    if ra != rb:
        return -1 if ra < rb else 1
    if ra == 4:
        a, b = _whole(a), _whole(b)
        METER.spend(min(len(a), len(b)))
        for x, y in zip(a, b, strict=False):
            c = compare(x, y)
            if c:
                return c
        return (len(a) > len(b)) - (len(a) < len(b))
    if ra == 5:
        a, b = _whole(a), _whole(b)
        METER.spend(len(a) + len(b))
        ka, kb = sorted_keys(a), sorted_keys(b)
        for x, y in zip(ka, kb, strict=False):
            c = compare(unkey(x), unkey(y)) or compare(a[x], b[y])
            if c:
                return c
        return (len(ka) > len(kb)) - (len(ka) < len(kb))
    if ra == 6:
        return compare(a.sorted(), b.sorted())
    if ra == 0:
        return 0
    return -1 if a < b else 1 if a > b else 0


_sort_key = cmp_to_key(compare)


_STRINGS: Final = frozenset({str})
_INTEGERS: Final = frozenset({int})
_ARRAYS: Final = frozenset({list})
_OBJECTS: Final = frozenset({dict})


def sort_values(values: Iterable[Value]) -> list[Value]:
    """A new list of the values in Rego's order."""
    got = list(values)
    if len(got) < 2:
        return got
    if len(got) > LARGE:
        METER.spend(4 * len(got))
    kinds = set(map(type, got))
    if kinds <= _STRINGS or kinds == _INTEGERS:
        got.sort()  # code-point order is the order of UTF-8 bytes
    elif kinds == _ARRAYS and all(set(map(type, v)) <= _STRINGS for v in got):
        got.sort()  # Python compares lists as Rego does arrays
    elif kinds == _OBJECTS and (names := _names_of_texts(got)) is not None:
        got.sort(key=lambda v: [v[n] for n in names])
    else:
        got.sort(key=_sort_key)
    return got


def _names_of_texts(objects: list[dict[Key, Value]]) -> list[str] | None:
    """The keys in order of objects that all have the same ones and nothing but strings; None for others."""
    first = objects[0].keys()
    for one in objects:
        if one.keys() != first or not set(map(type, one.values())) <= _STRINGS:
            return None
    return sorted(first) if set(map(type, first)) <= _STRINGS else None


def sorted_keys(obj: dict[Key, Value]) -> list[Key]:
    """An object's keys, in key form, in Rego's order."""
    keys = list(obj)
    if len(keys) < 2:
        return keys
    if len(keys) > LARGE:
        METER.spend(2 * len(keys))
    try:
        keys.sort()  # nearly always all strings; other mixes raise TypeError
    except TypeError:
        keys = list(obj)
    else:
        if type(keys[0]) is str:
            return keys
    keys.sort(key=lambda k: _sort_key(unkey(k)))
    return keys


def type_name(value: Value) -> str:
    """Rego's name of the value's type, as ``type_name`` and error texts give it."""
    found = _TYPE_NAMES.get(type(value))
    return type_name(_whole(value)) if found is None else found


_TYPE_NAMES: Final = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    Num: "number",
    str: "string",
    list: "array",
    dict: "object",
    RegoSet: "set",
}


MAX_BITS: Final = 1 << 18
"""How long integers may get: some 79,000 digits. Python takes quadratic time to print and multiply longer ones."""

MAX_DIGITS: Final = 78_900
_SHORT_BITS: Final = 14_000
_SHORT_DIGITS: Final = 4_200


def integer_text(value: int) -> str:
    """An integer's decimal digits, also of those that Python by itself refuses to print."""
    bits = value.bit_length()
    if bits < _SHORT_BITS:
        return str(value)
    METER.spend(bits >> 2)
    return str(Decimal(value))


def integer(text: str) -> int:
    """The integer that an optional sign and decimal digits say; raises ``ValueError`` for anything else or too many."""
    if len(text) < _SHORT_DIGITS:
        return int(text)
    if len(text) > MAX_DIGITS or not text.lstrip("+-").isdigit():
        raise ValueError("number too big")
    METER.spend(len(text))
    return int(Decimal(text))
