"""Prepared queries as bytes, so that another process needs no compiler to run them: see :mod:`.stored`.

The bytes are code objects and plain data in Python's own form (``marshal``), which knows no classes and runs nothing
when it is read; but code that is run can do anything, so who keeps the bytes must know that nobody else wrote them.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final, cast

from ..places import Location
from ..values import BoolKey, Num, ObjectKey, RegoSet
from .namespace import shared
from .running import Running
from .stored import FORM

if TYPE_CHECKING:
    from ..plan.documents import Node
    from .link import Linked

OUTSIDE: Final = frozenset({"http.send", "net.lookup_ip_addr", "opa.runtime"})
"""Built-ins that reach beyond the evaluation: who runs a stored query lends it no network and tells it nothing."""

_PLAIN: Final = frozenset({str, int, bool, type(None)})


class Unstorable(Exception):
    """Some part of the code has no form as plain data."""


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
        _tree(linked.world.root), rules_of(linked),
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


def rules_of(linked: Linked) -> tuple[tuple[str, ...], ...]:
    """The paths at which a base document would be in the place of rules."""
    return tuple(_rules(linked.world.root))


def _rules(node: Node) -> Iterator[tuple[str, ...]]:
    if node.rules and all(type(step) is str for step in node.path):
        yield tuple(str(step) for step in node.path)
    for child in node.children.values():
        yield from _rules(child)


__all__ = ["rules_of", "stored"]
