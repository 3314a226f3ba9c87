"""JSON schemas as types: what a document may be, as far as OPA's type checker takes notice of it.

Numbers, texts and the like are types of their own; of objects the properties count, of arrays the items, of ``anyOf``
and ``allOf`` what they come to. Whatever else a schema says is not looked at, and additional properties neither.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import LimitError
from ..records import replace
from ..types import ANY, BOOLEAN, NUMBER, STRING, ArrayType, ObjectType, Property, RecursiveType, Type, bounded, union
from ..values import Value, compare
from .type_algebra import PropertyOrder

if TYPE_CHECKING:
    from ..builtins.json_schema.schema import Schema


class BadSchema(Exception):
    """A schema that is none, or that no type can be made of."""


def schema_type(document: Value) -> Type:
    """The type of the documents that a schema is for; raises :class:`BadSchema`."""
    from ..builtins.json_schema.faults import SchemaFault  # most policies have no schemas
    from ..builtins.json_schema.reading import read

    try:
        schema = read(_copied(document))
    except (SchemaFault, LimitError) as e:
        raise BadSchema(f"unable to compile the schema: {e}") from None
    except RecursionError:
        raise BadSchema("unable to compile the schema: it nests too deep") from None
    try:
        return _Parser().type(schema)
    except BadSchema as e:
        raise BadSchema(f"type checking: {e}") from None
    except RecursionError:
        raise BadSchema("type checking: the schema nests too deep") from None


def _copied(value: Value) -> Value:
    """The document again, since reading a schema changes it."""
    match value:
        case dict():
            return {k: _copied(v) for k, v in value.items()}
        case list():
            return [_copied(v) for v in value]
    return value


class _Parser:
    def __init__(self) -> None:
        self._known: dict[str, Type] = {}
        self._open: dict[str, RecursiveType | None] = {}

    def type(self, schema: Schema) -> Type:
        """A schema's type. Behind a reference it is made once; one that is being made is recursive."""
        target = schema.target
        if target is None:
            return self._own(schema)
        name = str(target.base)
        if name in self._open:
            made = self._open[name]
            if made is None:
                made = self._open[name] = RecursiveType(name)
            return made
        if name in self._known:
            return self._known[name]
        self._open[name] = None
        try:
            found = self.type(target) if target.target is not None else self._own(target)
        finally:
            opened = self._open.pop(name)
        if opened is not None:
            opened.inner = found
        self._known[name] = found
        return found

    def _own(self, schema: Schema) -> Type:
        if schema.any_of:
            return self._any_of(schema)
        if schema.all_of:
            return self._all_of(schema)
        kinds = schema.types
        if not kinds:
            kinds = ["object"] if schema.properties else ["array"] if _items(schema) else []
        if "boolean" in kinds:
            return BOOLEAN
        if "string" in kinds:
            return STRING
        if "integer" in kinds or "number" in kinds:
            return NUMBER
        if "object" in kinds:
            if not schema.properties:
                return ObjectType((), (ANY, ANY))
            made = [Property(k, self.type(p)) for k, p in schema.properties.items()]
            return bounded(ObjectType(tuple(sorted(made, key=PropertyOrder))))
        if "array" in kinds:
            if schema.items is not None:
                return bounded(ArrayType((), self.type(schema.items)))
            if schema.tuple_items:
                return bounded(ArrayType(tuple(self.type(i) for i in schema.tuple_items)))
            return ArrayType((), ANY)
        return ANY

    def _any_of(self, schema: Schema) -> Type:
        found: Type | None = None
        if schema.types:
            core = self.type(replace(schema, any_of=[]))
            # of what is said beside the choices only the properties of an object are a choice more
            if isinstance(core, ObjectType) and core.static and core.dynamic is None:
                found = core
        for choice in schema.any_of:
            found = union(self.type(choice), found)
        return found or ANY

    def _all_of(self, schema: Schema) -> Type:
        parts: list[Schema] = []
        for part in schema.all_of:
            while part.target is not None:
                part = part.target
            if part.types or not part.any_of or part.properties or _items(part):
                parts.append(part)
        if not parts:
            return ANY
        merged = _merged(parts)
        if schema.types:
            if any(kind in schema.types and kind in merged.types for kind in ("object", "array")):
                return self.type(_merged([merged, schema]))
            if _shown(schema) != _shown(merged):
                raise BadSchema("unable to merge these schemas")
        return self.type(merged)


def _items(schema: Schema) -> list[Schema]:
    return schema.tuple_items if schema.items is None else [schema.items]


def _shown(schema: Schema) -> str:
    return schema.shown_types if schema.types else "undefined"


def _typed(schema: Schema) -> Schema:
    """A schema that has properties or items, as one of objects or arrays."""
    if schema.properties:
        return schema if "object" in schema.types else replace(schema, types=[*schema.types, "object"])
    if _items(schema) and "array" not in schema.types:
        return replace(schema, types=[*schema.types, "array"])
    return schema


def _merged(parts: Sequence[Schema]) -> Schema:
    """One schema of several: the first, with what the others have besides."""
    typed = [_typed(p) for p in parts]
    result = replace(typed[0], properties=dict(typed[0].properties), tuple_items=list(typed[0].tuple_items))
    for part in typed[1:]:
        if _shown(result) != _shown(part):
            said = f"{_shown(result)} and {_shown(part)}"
            raise BadSchema(f"unable to merge these schemas: type mismatch: {said}")
        if "object" in result.types and result.properties and part.properties:
            result.properties.update({k: v for k, v in part.properties.items() if k not in result.properties})
        elif "array" in result.types and _items(result) and _items(part):
            _merge_items(result, part)
    return result


def _merge_items(result: Schema, part: Schema) -> None:
    mine, others = _items(result), _items(part)
    for i, other in enumerate(others):
        if i >= len(mine):
            mine.append(other)
        if _shown(mine[i]) != _shown(other):
            raise BadSchema("unable to merge these schemas")
    if result.items is None:
        result.tuple_items = mine


# --- overriding a part of a type -----------------------------------------------------------------


def overridden(kind: Type, steps: Sequence[Value], inner: Type) -> Type:
    """A type with another one at a path inside it; what is no object becomes one that has the path."""
    if isinstance(kind, RecursiveType):
        kind = kind.unwrapped
    if not isinstance(kind, ObjectType):
        return _holding(steps, inner, (ANY, ANY))
    at = bisect_left(kind.static, PropertyOrder(Property(steps[0], None)), key=PropertyOrder)
    there = kind.static[at] if at < len(kind.static) and not compare(kind.static[at].key, steps[0]) else None
    if there is None:
        made = _holding(steps, inner, kind.dynamic).static[0]
    else:
        below = inner if len(steps) == 1 else overridden(there.type or ANY, steps[1:], inner)
        made = Property(there.key, below)
    return ObjectType((*kind.static[:at], made, *kind.static[at + (there is not None) :]), kind.dynamic)


def _holding(steps: Sequence[Value], inner: Type, rest: tuple[Type | None, Type | None] | None) -> ObjectType:
    """An object that has a type at a path; every object on the way may have what ``rest`` says besides."""
    made: Type = inner
    for step in reversed(steps):
        made = ObjectType((Property(step, made),), rest)
    assert isinstance(made, ObjectType)
    return made
