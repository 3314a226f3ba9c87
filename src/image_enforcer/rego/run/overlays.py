"""Documents laid over documents: what ``with`` puts at a path or takes away there, what base and virtual ones make.

No document is changed: what differs is copied, on the way down to the path and no further.
"""

from __future__ import annotations

from ..packed import Branch, Packed
from ..values import UNDEFINED, key
from .access import lookup, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..plan.documents import Node
    from ..values import Key, Value


def graft(root: Value, path: tuple[Value, ...], value: Value) -> Value:
    """A copy of a document with a value put at a path; what is no object on the way gives way."""
    if not path:
        return value
    k = key(path[0])
    if type(root) is Packed:
        if type(k) is str:
            return root.put(k, graft(root.get(k, UNDEFINED), path[1:], value))
        root = whole(root)
    out: dict[Key, Value] = Branch(root) if type(root) is Branch else dict(root) if type(root) is dict else {}
    out[k] = graft(out.get(k, UNDEFINED), path[1:], value)
    return out


def merge(a: Value, b: Value) -> Value:
    """Two documents as one; where both have something that is not an object, the first wins."""
    a, b = whole(a), whole(b)
    if type(a) is not dict:
        return a
    if type(b) is not dict:
        return a
    out = dict(b)
    for k, v in a.items():
        there = out.get(k, UNDEFINED)
        out[k] = v if there is UNDEFINED else merge(v, there)
    return out


def united(a: Value, b: Value) -> Value:
    """Two objects as one, or UNDEFINED where there are two values in one place."""
    if type(a) is not dict or type(b) is not dict:
        return UNDEFINED
    out = dict(a)
    for k, v in b.items():
        out[k] = united(out[k], v) if k in out else v
        if out[k] is UNDEFINED:
            return UNDEFINED
    return out


def overlay(real: Value, rep: Value, targets: tuple[tuple[Value, ...], ...]) -> Value:
    """The real documents with the replaced places exchanged, for look-ups at and below the targets."""
    data = real
    for target in targets:
        put = lookup(rep, target)
        data = without(data, target) if put is UNDEFINED else graft(data, target, put)
    return data


def without(root: Value, path: tuple[Value, ...]) -> Value:
    """A copy of a document in which there is nothing at a path."""
    if lookup(root, path) is UNDEFINED:
        return root
    if not path:
        return {}
    above = dict(whole(lookup(root, path[:-1])))
    del above[key(path[-1])]
    return graft(root, path[:-1], above)


def packages(node: Node) -> dict[Key, Value]:
    """The packages below a place, empty: they are there even where ``with`` has put something else at it."""
    return {key(c.path[-1]): packages(c) for c in node.ordered() if c.doc < 0 and c.path != ("system",)}
