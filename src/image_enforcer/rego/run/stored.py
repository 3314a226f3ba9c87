"""Prepared queries as bytes and back, so that another process needs no compiler to run them.

The bytes are code objects and plain data in Python's own form (``marshal``), which knows no classes and runs nothing
when it is read; but code that is run can do anything, so who keeps the bytes must know that nobody else wrote them.
What the code asks for that is not among them (documents that ``with`` or computed references may reach) is compiled
from the policies after all, by ``compile_again``.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final, cast

from ..places import Location, Text
from ..values import BoolKey, Num, ObjectKey, RegoSet, Value, key, step_key
from .namespace import shared
from .running import Running

if TYPE_CHECKING:
    from ..plan.documents import Node
    from .link import Linked
    from .state import State

FORM: Final = 2
"""To be raised when the form of the bytes changes."""

OUTSIDE: Final = frozenset({"http.send", "net.lookup_ip_addr", "opa.runtime"})
"""Built-ins that reach beyond the evaluation: who runs a stored query lends it no network and tells it nothing."""

_PLAIN: Final = frozenset({str, int, bool, type(None)})


class Unstorable(Exception):
    """Some part of the code has no form as plain data."""


# --- writing -------------------------------------------------------------------------------------


def stored(query: Running) -> bytes | None:
    """A prepared query as bytes, with all code that was made for it so far; None where it cannot be stored."""
    linked = cast("Linked", query.code)
    try:
        return marshal.dumps(_document(query, linked))
    except (Unstorable, ValueError, RecursionError):
        return None


def _document(query: Running, linked: Linked) -> tuple[Any, ...]:
    builtins = {name: builtin for builtin, name in linked.names.builtins.items()}
    if not OUTSIDE.isdisjoint(builtins.values()):
        raise Unstorable
    if any(node.shares for node in linked.world.documents):
        raise Unstorable
    known = shared()
    functions: dict[str, CodeType] = {}
    constants: dict[str, Any] = {}
    for name, value in list(linked.namespace.items()):
        if name in known or name in builtins or name == "__builtins__":
            continue
        if isinstance(value, FunctionType) and value.__globals__ is linked.namespace:
            functions[name] = _code(value)
        else:
            constants[name] = _packed(value)
    shown = tuple((i, _packed(loc)) for i, loc in query.shown)
    static = tuple(i for i in range(linked.slots) if linked.purity.static(i))
    return (
        FORM, linked.slots, query.strict, query.user, query.captured, shown, query.single,
        _code(cast("FunctionType", query.function)), functions, constants, builtins, static,
        _tree(linked.world.root), rule_paths(query),
    )  # fmt: skip


def _code(function: FunctionType) -> CodeType:
    if function.__closure__ or function.__defaults__ or function.__kwdefaults__:
        raise Unstorable
    if not OUTSIDE.isdisjoint(c for c in function.__code__.co_consts if type(c) is str):
        raise Unstorable
    return function.__code__


def _packed(value: Any) -> Any:
    """A value as plain data: what Python's form does not know, or does not keep apart, with a letter."""
    t = type(value)
    if t in _PLAIN:
        if t is str and value in OUTSIDE:  # what a ``with`` puts in a function's place, maybe
            raise Unstorable
        return value
    if t is tuple or t is list:
        return ("t" if t is tuple else "l", [_packed(v) for v in value])
    if t is dict:
        return ("d", [(_packed(k), _packed(v)) for k, v in value.items()])
    if t is frozenset:
        return ("f", [_packed(v) for v in value])
    if t is Num:
        return ("n", value.text)
    if t is RegoSet:
        return ("s", [_packed(v) for v in value.members.values()])
    if t is BoolKey:
        return ("b", value.value)
    if t is ObjectKey:
        return ("o", _packed(value.value))
    if t is Location:
        return ("L", (value.file, value.row, value.col, value.offset, value.text))
    raise Unstorable


def _tree(node: Node) -> tuple[Any, ...]:
    return (_packed(node.path), node.doc, node.kind, [_tree(child) for child in node.ordered()])


def rule_paths(query: Running) -> tuple[tuple[str, ...], ...]:
    """The paths at which a base document would be in the place of rules."""
    code = query.code
    return code.rules if isinstance(code, Stored) else tuple(_rules(cast("Linked", code).world.root))


def _rules(node: Node) -> Iterator[tuple[str, ...]]:
    if node.rules and all(type(step) is str for step in node.path):
        yield tuple(str(step) for step in node.path)
    for child in node.children.values():
        yield from _rules(child)


# --- reading -------------------------------------------------------------------------------------


class Stored:
    """The functions of a query that was stored."""

    def __init__(
        self, slots: int, namespace: dict[str, Any], static: frozenset[int], tree: StoredNode,
        rules: tuple[tuple[str, ...], ...], compile_again: Callable[[], Linked],
    ) -> None:  # fmt: skip
        self.slots = slots
        self.nothing: list[Value] = [*[None] * slots, {}]
        self.namespace = namespace
        self.rules = rules
        self._static = static
        self._tree = tree
        self._compile_again = compile_again
        self._linked: Linked | None = None

    def linked(self) -> Linked:
        """The same from the policies."""
        if self._linked is None:
            self._linked = self._compile_again()
        return self._linked

    def node(self, path: tuple[Value, ...]) -> Node | None:
        """The node of the document tree at a path."""
        node: StoredNode | None = self._tree
        for step in path:
            node = None if node is None else node.children.get(step_key(step))
        return cast("Node | None", node)

    def document(self, number: int) -> Callable[[State], Value]:
        """The function of a whole document; it looks into the memo first."""
        fn = self.namespace.get(f"d{number}_")
        if fn is None:
            return self.linked().document(number)
        static = number in self._static

        def remembered(s: State) -> Value:
            got = s.g[number] if static else None
            if got is None:
                got = s.m[number]
            return fn(s) if got is None else got

        return remembered

    def mock(self, s: State, name: str, loc: Location, *args: Value) -> Value:
        """Call what ``with`` has put in the place of a function."""
        return self.linked().mock(s, name, loc, *args)


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


def restored(data: bytes, compile_again: Callable[[], Linked]) -> Running | None:
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
        return Running(
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


__all__ = ["restored", "stored"]
