"""Prepared queries from the bytes that :mod:`.storing` makes of them. No compiler is needed to run them.

Reading runs nothing; but code that is run can do anything, so who keeps the bytes must know that nobody else wrote
them. What the code asks for that is not among them (documents that ``with`` or computed references may reach) is
compiled from the policies after all, by ``compile_again``.
"""

from __future__ import annotations

import marshal

from ..places import Location, Text
from ..values import Num, ObjectKey, RegoSet, key, step_key
from .namespace import shared
from .running import Running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FunctionType
    from typing import Any, Final

    from ..engine import Query
    from ..plan.documents import Node
    from ..values import Value
    from .state import State
else:
    FunctionType = type(lambda: None)

FORM: Final = 2
"""To be raised when the form of the bytes changes."""


class Stored:
    """The functions of a query that was stored."""

    def __init__(
        self, slots: int, namespace: dict[str, Any], static: frozenset[int], tree: StoredNode,
        rules: tuple[tuple[str, ...], ...], compile_again: Callable[[], Query],
    ) -> None:  # fmt: skip
        self.slots = slots
        self.nothing: list[Value] = [*[None] * slots, {}]
        self.namespace = namespace
        self.rules = rules
        self._static = static
        self._tree = tree
        self._compile_again = compile_again
        self._query: Query | None = None

    def query(self) -> Query:
        """The same from the policies."""
        if self._query is None:
            self._query = self._compile_again()
        return self._query

    def node(self, path: tuple[Value, ...]) -> Node | None:
        """The node of the document tree at a path."""
        node: StoredNode | None = self._tree
        for step in path:
            node = None if node is None else node.children.get(step_key(step))
        return node  # type: ignore[return-value]  # what running code asks a node for, it has

    def document(self, number: int) -> Callable[[State], Value]:
        """The function of a whole document; it looks into the memo first."""
        fn = self.namespace.get(f"d{number}_")
        if fn is None:
            return self.query().linked.document(number)
        static = number in self._static

        def remembered(s: State) -> Value:
            got = s.g[number] if static else None
            if got is None:
                got = s.m[number]
            return fn(s) if got is None else got

        return remembered

    def mock(
        self, s: State, name: str, loc: Location, *args: Value, wanted: str = "", given: tuple[Value, ...] = ()
    ) -> Value:
        """Call what ``with`` has put in the place of a function."""
        return self.query().linked.mock(s, name, loc, *args, wanted=wanted, given=given)


class StoredQuery(Running):
    """A query that was stored."""

    code: Stored

    def exact(self) -> Running:
        """The same query as code that meets errors in OPA's order: that is compiled from the policies."""
        return self.code.query().exact()


class StoredNode:
    """A node of the document tree, as running code asks for it."""

    __slots__ = ("children", "doc", "kind", "path")

    def __init__(self, path: tuple[Value, ...], doc: int, kind: str, children: dict[Any, StoredNode]) -> None:
        self.path = path
        self.doc = doc
        self.kind = kind
        self.children = children

    def ordered(self) -> Iterator[StoredNode]:
        """What is directly below, in the order of the steps: as it was stored."""
        return iter(self.children.values())


def restored(data: bytes, compile_again: Callable[[], Query]) -> Running | None:
    """The query that :func:`stored` made bytes of; None where they are of another form."""
    try:
        document = marshal.loads(data)  # noqa: S302 - who calls has made sure that nobody else wrote it
        if document[0] != FORM:
            return None
        _, slots, strict, user, captured, shown, single, code, functions, constants, builtins, static, tree, rules = (
            document
        )
        namespace = shared()
        namespace.update((name, _unpacked(value)) for name, value in constants.items())
        namespace.update((name, _builtin(builtin)) for name, builtin in builtins.items())
        for name, function in functions.items():
            namespace[name] = FunctionType(function, namespace, name)
        of = Stored(slots, namespace, frozenset(static), _node(tree), rules, compile_again)
        return StoredQuery(
            of, FunctionType(code, namespace, "query"), user=user, captured=captured, single=single, strict=strict,
            shown=tuple((i, _unpacked(loc)) for i, loc in shown),
        )  # fmt: skip
    except (ValueError, TypeError, EOFError, LookupError, ArithmeticError, AttributeError, RecursionError):
        return None


def _builtin(name: str) -> Callable[..., Any]:
    from ..builtins import catalog

    return catalog.load(name).fn


def _unpacked(value: Any) -> Any:
    if type(value) is not tuple:
        return value
    letter, of = value
    return _MAKERS[letter](of)


def _location(of: tuple[str, int, int, int, str]) -> Location:
    file, row, col, offset, text = of
    return Location(Text(file, text), (row, col, offset, 0, len(text)))


_MAKERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "t": lambda of: tuple([_unpacked(v) for v in of]),
    "l": lambda of: [_unpacked(v) for v in of],
    "d": lambda of: {_unpacked(k): _unpacked(v) for k, v in of},
    "f": lambda of: frozenset([_unpacked(v) for v in of]),
    "n": Num,
    "s": lambda of: RegoSet.of([_unpacked(v) for v in of]),
    "b": key,
    "o": lambda of: ObjectKey(_unpacked(of)),
    "L": _location,
}


def _node(tree: tuple[Any, ...]) -> StoredNode:
    path, doc, kind, children = tree
    made = [_node(child) for child in children]
    return StoredNode(_unpacked(path), doc, kind, {step_key(child.path[-1]): child for child in made})


def rule_paths(query: Running) -> tuple[tuple[str, ...], ...]:
    """The paths at which a base document would be in the place of rules."""
    code: Any = query.code
    if type(code) is Stored:
        return code.rules
    from .storing import rules_of  # late: the compiler is there already

    return rules_of(code)


__all__ = ["FORM", "Stored", "restored", "rule_paths"]
