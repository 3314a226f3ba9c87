"""What generated code refers to by number: hoisted constants, built-ins, places, the functions of documents."""

from __future__ import annotations

from itertools import count

from ..values import Value


class Names:
    """Hoisted constants, built-ins and places: what generated code refers to by number."""

    def __init__(self) -> None:
        self.globals: dict[str, object] = {}
        self._numbers = count()
        self._texts: dict[str, str] = {}
        self.docs: set[tuple[int, str]] = set()
        self.wanted: list[tuple[int, str]] = []
        self.builtins: dict[str, str] = {}
        self.new_builtins: list[tuple[str, str]] = []

    def hoist(self, prefix: str, value: object) -> str:
        """A name for a value."""
        name = f"{prefix}{next(self._numbers)}"
        self.globals[name] = value
        return name

    def constant(self, value: Value) -> str:
        """An expression for a constant."""
        if value is None or value is True or value is False:
            return repr(value)
        if type(value) is int and 0 <= value < 1000:
            return str(value)
        if type(value) is str:
            got = self._texts.get(value)
            if got is None:
                got = self._texts[value] = self.hoist("K", value)
            return got
        return self.hoist("K", value)

    def builtin(self, name: str) -> str:
        """A name for a built-in's code; the linker puts it there."""
        got = self.builtins.get(name)
        if got is None:
            got = self.builtins[name] = f"B{next(self._numbers)}"
            self.new_builtins.append((name, got))
        return got

    def document(self, doc: int, mask: str = "") -> str:
        """The name of a document's function."""
        if (doc, mask) not in self.docs:
            self.docs.add((doc, mask))
            self.wanted.append((doc, mask))
        return f"d{doc}_{mask}"
