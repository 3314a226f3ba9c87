"""Walking documents and graphs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ..meter import CELL, ENTRY, METER
from ..values import RegoSet, Value, key, sorted_keys, unkey
from . import operands
from .contract import Builtin, Context


def walk(value: Value) -> Iterator[Value]:
    """Each ``[path, value]`` at and below a value, outer ones first."""
    to_value = getattr(value, "to_value", None)
    if to_value is not None:
        value = to_value()
    stack: list[tuple[list[Value], Value]] = [([], value)]
    while stack:
        path, here = stack.pop()
        yield [path, here]
        match here:
            case list():
                METER.spend(len(here), len(here) * (len(path) + 8) * CELL)
                stack.extend(([*path, i], here[i]) for i in range(len(here) - 1, -1, -1))
            case dict():
                METER.spend(len(here), len(here) * (len(path) + 8) * CELL)
                stack.extend(([*path, unkey(k)], here[k]) for k in reversed(sorted_keys(here)))
            case RegoSet():
                METER.spend(len(here), len(here) * (len(path) + 8) * CELL)
                stack.extend(([*path, v], v) for v in reversed(here.sorted()))
            case _:
                pass


def _edges(value: Value) -> list[Value]:
    if type(value) is list or type(value) is RegoSet:
        return list(value)
    return []


def reachable(graph: Value, initial: Value) -> Value:
    """The nodes that can be reached; a node without an entry in the graph is none."""
    edges = operands.obj(graph, 1)
    if type(initial) is not list and type(initial) is not RegoSet:
        raise operands.wrong(initial, 2, "{array, set}")
    found: dict[Value, Value] = {}
    todo = _edges(initial)
    while todo:
        node = todo.pop()
        k = key(node)
        if k in edges and k not in found:
            found[k] = node
            following = _edges(edges[k])
            METER.spend(len(following) + 1, len(following) * CELL + ENTRY)
            todo.extend(following)
    return RegoSet(found)


def reachable_paths(context: Context, graph: Value, initial: Value) -> Value:
    """The longest paths from the initial nodes, ending before a node is met again."""
    edges = operands.obj(graph, 1)
    if type(initial) is not list and type(initial) is not RegoSet:
        raise operands.wrong(initial, 2, "{array, set}")
    found: dict[Value, Value] = {}

    def add(path: list[Value]) -> None:
        found.setdefault(key(path), path)

    for root in _edges(initial):
        if key(root) not in edges:
            continue
        stack: list[tuple[list[Value], frozenset[Value]]] = [([root], frozenset([key(root)]))]
        while stack:
            path, seen = stack.pop()
            context.spend(len(path), len(path) * 4 * CELL)
            following = _edges(edges[key(path[-1])])
            if not following:
                add(path)
                continue
            for node in following:
                k = key(node)
                if k in seen and len(path) > 1:  # as in OPA an initial node may follow itself, once
                    add(path)
                elif k in edges:
                    stack.append(([*path, node], seen | {k}))
                else:
                    add(path)
    return RegoSet(found)


BUILTINS: Final[Mapping[str, Builtin]] = {
    "walk": Builtin(walk, relation=True),
    "graph.reachable": Builtin(reachable),
    "graph.reachable_paths": Builtin(reachable_paths, context=True),
}
