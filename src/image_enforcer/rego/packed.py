"""Large objects of base documents, kept as text: what is asked for is decoded, and little of that is kept.

A :class:`Packed` object has many members, most of them pieces of JSON text; a :class:`Branch` is an object on the way
to one. Both stand for the plain object with the same members, and ``to_value`` gives that one, as it does of every
document that is read as it is asked for. They are never changed: a write makes a new one, which shares what it can.
"""

from __future__ import annotations

from .records import final

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, Final

    from .values import Value

    Decode = Callable[[Any], Value]

GONE: Final[Any] = object()
"""What stands at a path where there is nothing; as a write, that what stood there was removed."""

MOST_CHANGES: Final = 1_024
"""Writes after which they are put among the other members: some milliseconds for a hundred thousand."""

MOST_PASSES: Final = 1
"""How often all members are decoded one by one, for one revision or for several."""

MOST_KEPT: Final = 16 << 20
"""Bytes of text whose values are kept decoded at most, which take four times that by then."""


@final
class Branch(dict["Any", "Any"]):
    """An object with members, or members of members, that are packed or otherwise read as they are asked for."""

    __slots__ = ()

    def to_value(self) -> dict[Any, Value]:
        """The plain object."""
        return {k: whole(v) for k, v in self.items()}


class _Members:
    """The members that several versions of a packed object share: values, or texts of the type ``text``."""

    __slots__ = ("decode", "entries", "left", "old", "passes", "recent", "room", "text")

    def __init__(self, entries: dict[str, Any], text: type, decode: Decode, size: int) -> None:
        self.entries = entries
        self.text = text
        self.decode = decode
        self.room = self.left = min(size, MOST_KEPT) >> 1
        self.recent: dict[str, Value] = {}
        self.old: dict[str, Value] = {}
        self.passes = 0

    def value(self, k: str, text: Any) -> Value:
        """The value of a member's text. It is kept for a while: threads may do so twice, to the same end."""
        found = self.old.get(k, GONE)
        if found is GONE:
            found = self.decode(text)
        self.left -= len(memoryview(text)) + 100
        if self.left < 0:
            self.old, self.recent, self.left = self.recent, {}, self.room
        self.recent[k] = found
        return found

    def unpack(self) -> dict[str, Value]:
        """Decode every member for good: who reads all of them will do so again."""
        decode, text = self.decode, self.text
        values = {k: whole(decode(v) if type(v) is text else v) for k, v in self.entries.items()}
        self.entries = values
        self.recent, self.old = {}, {}
        return values


@final
class Packed:
    """An object of many members. Looks like a dictionary to who reads it; the order of its keys has no meaning."""

    __slots__ = ("_changes", "_length", "_members", "_whole")

    def __init__(self, members: _Members, changes: dict[str, Any], length: int) -> None:
        self._members = members
        self._changes = changes
        self._length = length
        self._whole: dict[str, Value] | None = None

    @classmethod
    def of(cls, entries: dict[str, Any], text: type, decode: Decode, size: int) -> Packed:
        """Of members that are values or texts of a type, of ``size`` bytes in all."""
        return cls(_Members(entries, text, decode, size), {}, len(entries))

    @classmethod
    def of_plain(cls, value: dict[str, Value]) -> Packed:
        """A plain object as one whose writes cost little. The object must not be changed any more."""
        return cls(_Members(value, _Nothing, _same, 0), {}, len(value))

    # --- reading ---------------------------------------------------------------------------------

    def __getitem__(self, k: Any) -> Value:
        if self._changes:
            changed = self._changes.get(k, self)
            if changed is not self:
                if changed is GONE:
                    raise KeyError(k)
                return changed
        members = self._members
        found = members.recent.get(k, GONE)
        if found is not GONE:
            return found
        found = members.entries[k]
        return members.value(k, found) if type(found) is members.text else found

    def get(self, k: Any, default: Any = None) -> Value:
        """The value of a member, or the default."""
        try:
            return self[k]
        except KeyError:
            return default

    def __contains__(self, k: Any) -> bool:
        changed = self._changes.get(k, self) if self._changes else self
        return k in self._members.entries if changed is self else changed is not GONE

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def keys(self) -> list[str]:
        """The keys."""
        entries, changes = self._members.entries, self._changes
        if not changes:
            return list(entries)
        return [k for k in entries if k not in changes] + [k for k, v in changes.items() if v is not GONE]

    def once(self, k: str) -> Value:
        """The value of a member, by someone who passes over all of them: nothing is kept for the next one."""
        found = self._changes.get(k, self) if self._changes else self
        if found is self:
            members = self._members
            found = members.recent.get(k, GONE)
            if found is GONE:
                found = members.entries[k]
                if type(found) is members.text:
                    return members.decode(found)
        return found

    def items(self) -> Iterator[tuple[str, Value]]:
        """Keys and values."""
        return ((k, self.once(k)) for k in self.keys())

    def values(self) -> Iterator[Value]:
        """The values."""
        return (self.once(k) for k in self.keys())

    def to_value(self) -> dict[str, Value]:
        """The plain object. It is made once: who reads a document whole will do so again."""
        made = self._whole
        if made is None:
            made = self._members.unpack()
            if self._changes:
                made = {k: whole(v) for k, v in {**made, **self._changes}.items() if v is not GONE}
            self._whole = made
        return made

    def often(self) -> bool:
        """Whether someone has passed over all members before, who now does so again: then they are better plain."""
        self._members.passes += 1
        return self._members.passes > MOST_PASSES

    # --- writing ---------------------------------------------------------------------------------

    def put(self, k: str, value: Value) -> Packed:
        """With a value under a key."""
        return self.changed({k: value})

    def changed(self, changes: Mapping[str, Any]) -> Packed:
        """With other values under some keys; :data:`GONE` removes a key. It costs what was changed, not what is there.

        Now and then it does cost what is there, so that reading goes on to cost little.
        """
        length = self._length
        for k, v in changes.items():
            length += (v is not GONE) - (k in self)
        made = {**self._changes, **changes}
        old = self._members
        if len(made) <= MOST_CHANGES:
            return Packed(old, made, length)
        entries = {k: v for k, v in {**old.entries, **made}.items() if v is not GONE}
        return Packed(_Members(entries, old.text, old.decode, 2 * old.room), {}, length)

    def united(self, other: Packed | Mapping[str, Value], both: Callable[[str, Value, Value], Value]) -> Packed:
        """With the members of another object; ``both`` gives the values of keys that both have."""
        more = other if isinstance(other, Packed) else Packed.of_plain(dict(other))
        mine, theirs = self.entries(), more.entries()
        entries = {**mine, **theirs, **{k: both(k, self[k], other[k]) for k in mine.keys() & theirs.keys()}}
        members = [p.members for p in (self, more) if p.members.text is not _Nothing] or [self.members]
        size = sum(2 * m.room for m in members)
        return Packed.of(entries, members[0].text, members[0].decode, size)

    @property
    def members(self) -> _Members:
        """What is shared with other versions."""
        return self._members

    def entries(self) -> dict[str, Any]:
        """The members as they are kept, values or texts."""
        entries, changes = self._members.entries, self._changes
        return {k: v for k, v in {**entries, **changes}.items() if v is not GONE} if changes else entries

    def __repr__(self) -> str:
        return f"Packed({self._length} members)"


class _Nothing:
    """The type of no member's text."""


def _same(value: Value) -> Value:
    return value


def branched(value: dict[str, Value], *, known: bool = False) -> dict[str, Value]:
    """An object as a branch if it is ``known`` to be one or has members that are branches or packed."""
    if known or any(type(v) is Branch or type(v) is Packed for v in value.values()):
        return Branch(value)
    return value


def whole(value: Value) -> Value:
    """A document that is read as it is asked for as a plain value; any other value as it is."""
    if type(value) in _PLAIN:
        return value
    to_value = getattr(value, "to_value", None)
    return value if to_value is None else to_value()


_PLAIN: Final = frozenset({dict, list, str, int, bool, type(None)})


__all__ = ["GONE", "Branch", "Packed", "branched", "whole"]
