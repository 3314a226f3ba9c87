"""Trees as JSON and back: the fields that the library's structures have, less what OPA leaves out.

Reading is that of Go's ``encoding/json``: names in any case, unknown ones ignored, the first misfit told at the end.
Four structures read themselves: they know their names exactly and tell a misfit at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...errors import BuiltinError
from ...json_text import key_text
from ...meter import CELL, ENTRY, METER
from ...text import term
from ...values import Num, RegoSet
from ...values import Value as RegoValue
from . import nodes as n
from .faults import Position
from .shapes import COMMENT, SHAPES, Part, Shape

_NULL: Final = object()
"""A null in a list of nodes that was given."""

# --- to JSON -------------------------------------------------------------------------------------


def to_value(node: Any) -> dict[str, RegoValue]:
    """The tree below a node; positions and what is null or empty are left out, but no empty strings."""
    shape = SHAPES[type(node)]
    METER.spend(4 * len(shape.parts), 300)
    made: dict[str, RegoValue] = {}
    for part in shape.parts:
        value = getattr(node, part.attribute)
        if type(value) is str or type(value) is bool:
            made[part.name] = value
        elif type(value) is list:
            METER.spend(len(value), CELL * len(value))
            items = [item if type(item) is str else to_value(item) for item in value if item is not _NULL]
            items = [item for item in items if item != {}]
            if items:
                made[part.name] = items
        elif isinstance(value, int):
            made[part.name] = int(value)
        elif value is not None and part.go != "position":
            below = to_value(value)
            if below:
                made[part.name] = below
    return made


# --- from JSON -----------------------------------------------------------------------------------


class _Misfit(Exception):
    """A value that does not fit a field."""

    def __init__(self, value: str, type_: str, structure: str = "", path: str = "") -> None:
        self.value, self.type, self.structure, self.path = value, type_, structure, path
        super().__init__(value)

    def __str__(self) -> str:
        place = f"struct field {self.structure}.{self.path}" if self.structure else "value"
        return f"json: cannot unmarshal {self.value} into Go {place} of type {self.type}"


def query_from(value: Mapping[Any, RegoValue]) -> n.QueryDocument:
    """The query in a tree; raises :class:`BuiltinError` in the words of Go."""
    made = n.QueryDocument()
    _whole(value, made)
    return made


def schema_from(value: Mapping[Any, RegoValue]) -> n.SchemaDocument:
    """The schema in a tree; raises :class:`BuiltinError` in the words of Go."""
    made = n.SchemaDocument()
    _whole(value, made)
    return made


def _whole(value: Mapping[Any, RegoValue], node: Any) -> None:
    reader = _Reader()
    try:
        reader.node(value, node)
        if reader.first is not None:
            raise reader.first
    except _Misfit as misfit:
        raise BuiltinError(str(misfit)) from None


def _described(value: RegoValue) -> str:
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case dict():
            return "object"
        case list() | RegoSet():
            return "array"
    return "number"


class _Reader:
    """One run of Go's decoder: it keeps the first misfit and goes on."""

    __slots__ = ("first", "path", "structure")

    def __init__(self) -> None:
        self.first: _Misfit | None = None
        self.structure = ""
        self.path: list[str] = []

    def misfit(self, value: RegoValue, type_: str) -> None:
        shown = _described(value)
        if shown == "number" and type_ in ("ast.ValueKind", "int"):
            shown = f"number {term(value)}"
        self.keep(_Misfit(shown, type_))

    def keep(self, misfit: _Misfit) -> None:
        if self.first is None:
            self.first = self.placed(misfit)

    def placed(self, misfit: _Misfit) -> _Misfit:
        if self.path:
            misfit.structure = self.structure
            misfit.path = ".".join([*self.path, *([misfit.path] if misfit.path else [])])
        return misfit

    def node(self, value: RegoValue, node: Any) -> None:
        """Fill a node."""
        shape = SHAPES[type(node)]
        if shape.custom:
            try:
                _read_itself(value, node, shape)
            except _Misfit as misfit:
                raise self.placed(misfit) from None
            return
        if type(value) is not dict:
            self.misfit(value, f"ast.{shape.name}")
            return
        METER.spend(10 + 4 * len(value), 4 * ENTRY)
        known = {part.name: part for part in shape.parts}
        folded = {part.name.lower(): part for part in shape.parts}
        outer = self.structure
        for part in shape.parts:
            if part.required:
                setattr(node, part.attribute, None)
        for name, below in _sorted(value):
            wanted = known.get(name) or folded.get(name.lower())
            if wanted is not None:
                self.structure = shape.name
                self.path.append(wanted.name)
                self.part(below, node, wanted)
                self.path.pop()
                self.structure = outer

    def part(self, value: RegoValue, node: Any, part: Part) -> None:
        """Fill one field of a node."""
        if part.go == "selections":
            setattr(node, part.attribute, _selections(value))
        elif part.go == "position":
            setattr(node, part.attribute, self.position(value))
        elif part.node is not None and not part.go.startswith("["):
            if value is None:
                setattr(node, part.attribute, None)
                return
            made = getattr(node, part.attribute)
            if made is None:
                made = part.node()
                setattr(node, part.attribute, made)
            self.node(value, made)
        elif part.go.startswith("["):
            self.items(value, node, part)
        elif value is not None:
            wanted = {"bool": bool, "ast.ValueKind": int}.get(part.go, str)
            if type(value) is not wanted or (type(value) is int and not -(1 << 63) <= value < 1 << 63):
                self.misfit(value, part.go)
            else:
                setattr(node, part.attribute, value)

    def items(self, value: RegoValue, node: Any, part: Part) -> None:
        shown = part.go.removeprefix("[]") if part.go.endswith("List") else part.go
        if value is None:
            setattr(node, part.attribute, [])
            return
        if type(value) is not list and type(value) is not RegoSet:
            self.misfit(value, shown)
            return
        METER.spend(len(value), CELL * len(value))
        made: list[Any] = []
        for item in value:
            if part.node is None:
                if item is not None and type(item) is not str:
                    self.misfit(item, part.go.removeprefix("[]"))
                made.append(item if type(item) is str else "")
            elif item is None:
                made.append(_NULL)
            else:
                below = part.node()
                made.append(below)
                self.node(item, below)
        setattr(node, part.attribute, made)

    def position(self, value: RegoValue) -> Position | None:
        if value is None:
            return None
        if type(value) is not dict:
            self.misfit(value, "ast.Position")
            return Position(0, 0, None)
        found: dict[str, int] = {}
        for name in ("Start", "End", "Line", "Column"):
            number = value.get(name)
            if number is not None and type(number) is not int:
                raise self.placed(_Misfit(_number(number), "int", "Position", name))
            found[name] = number or 0
        source = value.get("Src")
        file = source.get("Name") if type(source) is dict else None
        known = (file if type(file) is str else "") if source is not None else None
        return Position(found["Line"], found["Column"], known)


def _number(value: RegoValue) -> str:
    return f"number {value.text}" if isinstance(value, Num) else _described(value)


def _sorted(value: Mapping[Any, RegoValue]) -> list[tuple[str, RegoValue]]:
    return sorted(((key_text(k), v) for k, v in value.items()), key=lambda pair: pair[0])


def check_whole(node: Any) -> None:
    """Raises :class:`BuiltinError` for a tree without parts that the library takes for granted, and ends without."""
    shape = SHAPES[type(node)]
    for part in shape.parts:
        value = getattr(node, part.attribute)
        if part.required and value is None:
            raise BuiltinError(f"the tree has no {part.name} in its {shape.name}")
        if part.node is not None or part.go == "selections":
            for below in value if isinstance(value, list) else [value]:
                if below is _NULL:
                    raise BuiltinError(f"the tree has a null in its {part.name}")
                if below is not None:
                    check_whole(below)
    if isinstance(node, n.Type) and not node.named and node.elem is None:
        raise BuiltinError("the tree has a Type with neither NamedType nor Elem")


def _read_itself(value: RegoValue, node: Any, shape: Shape) -> None:
    if value is None:
        return
    if type(value) is not dict:
        raise _Misfit(_described(value), "map[string]json.RawMessage")
    METER.spend(10 + 4 * len(value), 4 * ENTRY)
    for name, below in _sorted(value):
        part = next((p for p in shape.parts if p.name == name and p is not COMMENT), None)
        if part is not None:
            reader = _Reader()
            reader.part(below, node, part)
            if reader.first is not None:
                raise reader.first


def _selections(value: RegoValue) -> list[n.Selection]:
    """Whatever can be read as a field is one: fragments are told from fields by what does not fit."""
    if value is None:
        return []
    if type(value) is not list and type(value) is not RegoSet:
        raise _Misfit(_described(value), "[]json.RawMessage")
    METER.spend(len(value), CELL * len(value))
    made: list[n.Selection] = []
    for item in value:
        for kind in (n.Field, n.FragmentSpread, n.InlineFragment):
            selection: Any = kind()
            reader = _Reader()
            try:
                reader.node(item, selection)
            except _Misfit:
                continue
            if reader.first is None:
                made.append(selection)
                break
    return made
