"""One revision of the base documents, with what rules made of it alone."""

from __future__ import annotations

from _thread import allocate_lock  # what ``threading.Lock`` is

from ..packed import Branch, Packed, branched, whole
from ..values import Num, RegoSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from ..values import Key, Value

MEMO_BYTES: Final = 64 << 20
"""How much derived documents may take up, about, for one snapshot and all policies that read it."""

PLAIN: Final = frozenset({dict, list, str, int, bool, type(None), Num, RegoSet, Packed})
"""The types of what is no lazy document."""

_LOOK: Final = 2_000
_DEPTH: Final = 5


class Snapshot:
    """One revision of the base documents. Its identity is the revision: the root must never change.

    What rules made of the data alone is kept with it, up to ``memo_bytes``, and goes with it. It is kept by the linked
    policy itself, which thereby lives as long: who changes policies makes a new snapshot.

    A mapping that is no ``dict`` is a *lazy document*: the steps of a reference ask it for their keys; it is read whole
    only where a reference ends at or above it. It may stand behind up to five keys below the root; deeper ones, and
    ones among very many documents, must be announced with ``lazy``. What rests on a snapshot with lazy documents is
    never kept, since they may answer otherwise next time.

    Large objects may be *packed* (:mod:`..packed`), and objects on the way to those or to lazy documents are branches.
    """

    __slots__ = ("_answers", "_left", "_lock", "_memo", "lazy", "packed", "plain", "root")

    def __init__(
        self, root: Value, *, lazy: bool = False, memo_bytes: int = MEMO_BYTES, after: Snapshot | None = None
    ) -> None:
        """``after`` is a snapshot that the root differs from by plain values only: then nothing is searched for."""
        if after is None or after.lazy:
            found = _Search(everywhere=lazy)
            root = found.guarded(root, 0)
            lazy = lazy or found.lazy
        self.root = root = branched(root) if type(root) is dict else root
        self.lazy: bool = lazy
        self.packed: bool = type(root) is Branch or type(root) is Packed
        self.plain: bool = not (self.lazy or self.packed)
        self._memo: dict[object, list[Value]] = {}
        self._answers: dict[tuple[object, int], dict[Key, bool]] = {}
        self._left = memo_bytes
        self._lock = allocate_lock()

    def kept(self, linked: object, slots: int) -> list[Value]:
        """What is kept for a linked policy, by the numbers of its documents; None where nothing is.

        Last comes what documents hold under keys, by number, form of question and keys: see :meth:`.State.hold`.
        """
        got = self._memo.get(linked)
        if got is None:
            with self._lock:
                got = self._memo.setdefault(linked, [*[None] * slots, {}])
        return got

    def keep(self, kept: list[Value], number: int, value: Value, size: int) -> bool:
        """Keep a derived document, if there is room; ``size`` is what its evaluation made."""
        if self.lazy:
            return False
        with self._lock:
            if kept[number] is None:
                if size > self._left:
                    return False
                self._left -= size
                kept[number] = value
        return True

    def answers(self, linked: object, number: int) -> dict[Key, bool] | None:
        """Which members a set that is too long to be made was asked for, and whether it has them; else None.

        Who adds answers must bound their number.
        """
        return self._answers.get((linked, number))

    def found_long(self, linked: object, number: int) -> None:
        """Remember that a set is too long to be made, or to be kept, for as long as the data stays."""
        self._answers.setdefault((linked, number), {})

    @staticmethod
    def settled(value: Value) -> Value:
        """A value with the lazy and packed documents in it read whole."""
        return value if type(value) is dict else whole(value)


class _Search:
    """Finds lazy documents near the root, or everywhere, and puts guards in their place."""

    def __init__(self, everywhere: bool) -> None:
        self.lazy = False
        self.left = 1 << 62 if everywhere else _LOOK
        self.depth = 1 << 62 if everywhere else _DEPTH

    def guarded(self, value: Value, depth: int) -> Value:
        if not isinstance(value, dict):
            if type(value) in PLAIN:
                return value
            from .lazy_documents import guarded  # late: hardly anyone has them

            found = guarded(value)
            self.lazy = self.lazy or found is not value
            return found
        self.left -= 1
        kinds = set(map(type, value.values()))
        if kinds <= PLAIN and (dict not in kinds or depth >= self.depth or self.left < 0):
            return Branch(value) if Packed in kinds and type(value) is not Branch else value
        changed: dict[Any, Value] = {}
        for k, v in value.items():
            if isinstance(v, dict) and (depth >= self.depth or self.left < 0):
                continue
            made = self.guarded(v, depth + 1)
            if made is not v:
                changed[k] = made
        if changed or (Packed in kinds and type(value) is not Branch):
            return Branch({**value, **changed})
        return value
