"""The tokens of one text, in columns: as objects, those of a large text would need many times its size."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from ..records import record

_SPACE = 1
_NEWLINE = 2


@record(slots=True)
class Token:
    """``kind`` is OPA's name of the token; ``space`` and ``newline`` say what stands before it."""

    kind: str
    text: str
    start: int
    end: int
    space: bool
    newline: bool
    faults: tuple[str, ...] = ()


class Tokens:
    """Tokens of ``text`` by position; each is made when it is asked for."""

    __slots__ = ("_ends", "_faults", "_marks", "_names", "_starts", "_text", "_words", "kinds")

    def __init__(self, text: str) -> None:
        self.kinds: list[str] = []
        """The kind of each token."""
        self._text = text
        self._words: list[str | None] = []
        self._starts = array("Q")
        self._ends = array("Q")
        self._marks = bytearray()
        self._faults: dict[int, tuple[str, ...]] = {}
        self._names: dict[str, str] = {}

    def add(
        self, kind: str, word: str | None, start: int, end: int, *, space: bool, newline: bool,
        faults: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """Append a token; its text is ``word``, or what stands between its places where that is None."""
        if faults:
            self._faults[len(self.kinds)] = faults
        self.kinds.append(kind)
        self._words.append(word if word is None else self._names.setdefault(word, word))
        self._starts.append(start)
        self._ends.append(end)
        self._marks.append(_SPACE * space | _NEWLINE * newline)

    def insert(self, at: int, kind: str, start: int, end: int) -> None:
        """Put a token without text, and with nothing before it, in front of another."""
        self.kinds.insert(at, kind)
        self._words.insert(at, "")
        self._starts.insert(at, start)
        self._ends.insert(at, end)
        self._marks.insert(at, _NEWLINE * (self._text[start] == "\n"))
        self._faults = {i + (i >= at): faults for i, faults in self._faults.items()}

    def spoil(self, fault: str) -> None:
        """The last token is one that may not stand there."""
        last = len(self.kinds) - 1
        if last >= 0:
            self.kinds[last] = "illegal"
            self._faults[last] = (*self._faults.get(last, ()), fault)

    def word(self, at: int) -> str:
        """The text of a token."""
        word = self._words[at]
        return self._text[self._starts[at] : self._ends[at]] if word is None else word

    def start(self, at: int) -> int:
        """Where a token begins."""
        return self._starts[at]

    def end(self, at: int) -> int:
        """Where a token ends."""
        return self._ends[at]

    def faults(self, at: int) -> tuple[str, ...]:
        """What is wrong with a token."""
        return self._faults.get(at, ())

    def __getitem__(self, at: int) -> Token:
        at = range(len(self.kinds))[at]
        marks = self._marks[at]
        return Token(
            self.kinds[at], self.word(at), self._starts[at], self._ends[at], bool(marks & _SPACE),
            bool(marks & _NEWLINE), self.faults(at),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.kinds)

    def __iter__(self) -> Iterator[Token]:
        return (self[at] for at in range(len(self.kinds)))
