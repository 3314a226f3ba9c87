"""Types side by side in messages: what is too wide for a line is shown only as far as it tells how two types differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..types import AnyOf, ArrayType, FunctionType, ObjectType, Property, SetType, Type, key_text, type_text
from ..values import compare
from .type_algebra import unifies

LINE: Final = 80
"""Characters of a line, beyond which types are shortened."""

SHORT: Final = 32
"""Characters of a type that is shown whole in any case."""

_DEPTH: Final = 8
_LEFT_OUT: Final = "..."


def too_wide(*lines: str) -> bool:
    """Whether one of the lines is longer than a line may be."""
    return any(len(line) > LINE for line in lines)


def outline(t: Type | None, name: str = "") -> str:
    """A type, only its kind where it is long, together with the ``name`` that it is shown behind."""
    full = type_text(t)
    return full if len(name) + len(full) <= SHORT else elided(t, 0)


def operands(a: Type | None, b: Type | None, name: str = "") -> tuple[str, str]:
    """What an operand is and what it should be; in full only where the two do not go together."""
    if a is not None and b is not None and unifies(a, b):
        return outline(a), outline(b, name)
    return difference(a, b)


def elided(t: Type | None, depth: int) -> str:
    """A type as text down to a depth; a negative one has no bounds."""
    if depth < 0:
        return type_text(t)
    match t:
        case SetType(of):
            return str(t) if of is None else f"set[{elided(of, depth - 1) if depth else _LEFT_OUT}]"
        case ArrayType(static, dynamic):
            shown = [elided(s, depth - 1) for s in static] if depth else [_LEFT_OUT] * bool(static)
            rest = "" if dynamic is None else elided(dynamic, depth - 1) if depth else _LEFT_OUT
            return _composite("array", shown, rest)
        case ObjectType(properties, others):
            if depth:
                shown = [_property(p, elided(p.type, depth - 1)) for p in properties]
                rest = "" if others is None else f"{elided(others[0], depth - 1)}: {elided(others[1], depth - 1)}"
            else:
                shown, rest = [_LEFT_OUT] * bool(properties), "" if others is None else _LEFT_OUT
            return _composite("object", shown, rest)
        case AnyOf(members) if members:
            return _union([elided(m, depth - 1) for m in members] if depth else [_LEFT_OUT])
        case FunctionType(args, result, variadic):
            if not depth:
                some = [_LEFT_OUT] * bool(args or variadic is not None)
                return _function(some, type_text(None) if result is None else _LEFT_OUT)
            shown = [elided(a, depth - 1) for a in args]
            if variadic is not None:
                shown.append(f"{elided(variadic, depth - 1)}...")
            return _function(shown, elided(result, depth - 1))
        case _:
            return type_text(t)


def difference(a: Type | None, b: Type | None, depth: int = 0) -> tuple[str, str]:
    """Two types as text, with what is equal in both left out or shortened."""
    if depth >= _DEPTH or a is None or b is None or a == b:
        return outline(a), outline(b)
    match a, b:
        case SetType(x), SetType(y) if x is not None and y is not None:
            inside = difference(x, y, depth + 1)
            return f"set[{inside[0]}]", f"set[{inside[1]}]"
        case ArrayType(), ArrayType():
            return _arrays(a, b, depth)
        case ObjectType(), ObjectType():
            return _objects(a, b, depth)
        case AnyOf(xs), AnyOf(ys):
            first, second = set(xs), set(ys)
            both = [_LEFT_OUT] * bool(first & second)
            left = [outline(x) for x in xs if x not in second]
            right = [outline(y) for y in ys if y not in first]
            return _union(left + both), _union(right + both)
        case FunctionType(), FunctionType() if len(a.args) == len(b.args):
            return _functions(a, b, depth)
        case _:
            return outline(a), outline(b)


def _arrays(a: ArrayType, b: ArrayType, depth: int) -> tuple[str, str]:
    if len(a.static) != len(b.static) or (a.dynamic is None) != (b.dynamic is None):
        return elided(a, 1), elided(b, 1)
    pairs = [difference(x, y, depth + 1) for x, y in zip(a.static, b.static, strict=True)]
    rest = ("", "") if a.dynamic is None else difference(a.dynamic, b.dynamic, depth + 1)
    return _composite("array", [p[0] for p in pairs], rest[0]), _composite("array", [p[1] for p in pairs], rest[1])


def _objects(a: ObjectType, b: ObjectType, depth: int) -> tuple[str, str]:
    left: list[str] = []
    right: list[str] = []
    same = False
    i = j = 0
    while i < len(a.static) or j < len(b.static):
        order = 1 if i == len(a.static) else -1 if j == len(b.static) else compare(a.static[i].key, b.static[j].key)
        if order < 0:
            left.append(_property(a.static[i], outline(a.static[i].type)))
        elif order > 0:
            right.append(_property(b.static[j], outline(b.static[j].type)))
        elif a.static[i].type == b.static[j].type:
            same = True
        else:
            x, y = difference(a.static[i].type, b.static[j].type, depth + 1)
            left.append(_property(a.static[i], x))
            right.append(_property(b.static[j], y))
        i, j = i + (order <= 0), j + (order >= 0)
    if same:
        left.append(_LEFT_OUT)
        right.append(_LEFT_OUT)
    others = ["", ""]
    if a.dynamic is not None and b.dynamic is not None:
        keys = difference(a.dynamic[0], b.dynamic[0], depth + 1)
        found = difference(a.dynamic[1], b.dynamic[1], depth + 1)
        others = [f"{k}: {v}" for k, v in zip(keys, found, strict=True)]
    else:
        for n, dynamic in enumerate((a.dynamic, b.dynamic)):
            if dynamic is not None:
                others[n] = f"{outline(dynamic[0])}: {outline(dynamic[1])}"
    return _composite("object", left, others[0]), _composite("object", right, others[1])


def _functions(a: FunctionType, b: FunctionType, depth: int) -> tuple[str, str]:
    pairs = [difference(x, y, depth + 1) for x, y in zip(a.args, b.args, strict=True)]
    left, right = [p[0] for p in pairs], [p[1] for p in pairs]
    if a.variadic is not None and b.variadic is not None:
        x, y = difference(a.variadic, b.variadic, depth + 1)
        left.append(f"{x}...")
        right.append(f"{y}...")
    else:
        left.extend(f"{outline(v)}..." for v in (a.variadic,) if v is not None)
        right.extend(f"{outline(v)}..." for v in (b.variadic,) if v is not None)
    results = difference(a.result, b.result, depth + 1)
    return _function(left, results[0]), _function(right, results[1])


def _property(p: Property, shown: str) -> str:
    return f"{key_text(p.key)}: {shown}"


def _composite(kind: str, static: Sequence[str], dynamic: str) -> str:
    return kind + (f"<{', '.join(static)}>" if static else "") + (f"[{dynamic}]" if dynamic else "")


def _union(members: Sequence[str]) -> str:
    return f"any<{', '.join(members)}>" if members else "any"


def _function(args: Sequence[str], result: str) -> str:
    return f"({', '.join(args)}) => {result}"
