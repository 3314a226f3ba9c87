"""Rules for values."""

from __future__ import annotations

from typing import Final

from ...errors import BuiltinError, LimitError
from ...meter import METER
from ...text import quoted
from .nodes import Definition, Kind, Type, Value
from .suggestions import did_you_mean
from .walk import Walk, named_field

_BUILT_IN: Final = ("Int", "Float", "String", "Boolean", "ID")


def shown(value: Value) -> str:
    """A value as messages have it."""
    match value.kind:
        case Kind.VARIABLE:
            return f"${value.raw}"
        case Kind.STRING | Kind.BLOCK:
            METER.spend(len(value.raw) >> 2, 2 * len(value.raw))
            return quoted(value.raw)
        case Kind.LIST:
            METER.spend(len(value.children))
            return f"[{','.join([shown(c.value) for c in value.children])}]"
        case Kind.OBJECT:
            METER.spend(len(value.children))
            return f"{{{','.join([f'{c.name}:{shown(c.value)}' for c in value.children])}}}"
    return value.raw


def unique_input_field_names(walk: Walk) -> None:
    """A field of an input object is given once."""

    def check(value: Value) -> None:
        if value.kind != Kind.OBJECT:
            return
        METER.spend(len(value.children))
        seen: set[str] = set()
        for child in value.children:
            if child.name in seen:
                walk.fault(f'There can be only one input field named "{child.name}".', child.position)
            seen.add(child.name)

    walk.on_value.append(check)


def values_of_correct_type(walk: Walk) -> None:
    """A value is of the type that is wanted."""

    def check(value: Value) -> None:
        definition, wanted = value.definition, value.expected_type
        if definition is not None and wanted is not None:
            _check(walk, value, definition, wanted)

    walk.on_value.append(check)


def _check(walk: Walk, value: Value, definition: Definition, wanted: Type) -> None:
    if value.kind == Kind.NULL and wanted.non_null:
        walk.fault(f'Expected value of type "{wanted}", found {shown(value)}.', value.position)
    if definition.kind == "SCALAR" and definition.name not in _BUILT_IN:
        return
    if not _is_read(value):
        walk.fault(_unexpected(value, definition, wanted), value.position)
    match value.kind:
        case Kind.LIST:
            if wanted.elem is None:
                walk.fault(_unexpected(value, definition, wanted), value.position)
        case Kind.INT:
            _be(("Int", "Float", "ID"), walk, value, definition, wanted)
        case Kind.FLOAT:
            _be(("Float",), walk, value, definition, wanted)
        case Kind.BOOLEAN:
            _be(("Boolean",), walk, value, definition, wanted)
        case Kind.STRING | Kind.BLOCK:
            if definition.kind == "ENUM":
                message = f'Enum "{wanted}" cannot represent non-enum value: {shown(value)}.'
                walk.fault(message + _near_enum(value, definition), value.position)
            else:
                _be(("String", "ID"), walk, value, definition, wanted)
        case Kind.ENUM:
            _check_enum(walk, value, definition, wanted)
        case Kind.OBJECT:
            _check_object(walk, value, definition)
        case Kind.NULL | Kind.VARIABLE:
            pass
        case _:
            raise BuiltinError(f"unknown value kind {value.kind}")


def _be(names: tuple[str, ...], walk: Walk, value: Value, definition: Definition, wanted: Type) -> None:
    if definition.name not in names:
        walk.fault(_unexpected(value, definition, wanted), value.position)


def _near_enum(value: Value, definition: Definition, in_quotes: bool = True) -> str:
    options = [v.name for v in definition.enum_values] if definition.kind == "ENUM" else []
    return did_you_mean("Did you mean the enum value", value.raw, options, in_quotes)


def _check_enum(walk: Walk, value: Value, definition: Definition, wanted: Type) -> None:
    METER.spend(len(definition.enum_values))
    if definition.kind != "ENUM":
        walk.fault(_unexpected(value, definition, wanted) + _near_enum(value, definition, False), value.position)
    elif not any(v.name == value.raw for v in definition.enum_values):
        message = f'Value "{value.raw}" does not exist in "{wanted}" enum.'
        walk.fault(message + _near_enum(value, definition), value.position)


def _check_object(walk: Walk, value: Value, definition: Definition) -> None:
    METER.spend(len(definition.fields) + len(value.children))
    given = {c.name for c in value.children}
    for field in definition.fields:
        if field.type.non_null and field.name not in given and field.default_value is None:
            message = f'Field "{definition.name}.{field.name}" of required type "{field.type}" was not provided.'
            walk.fault(message, value.position)
    for directive in definition.directives:
        if directive.name == "oneOf":
            _check_one_of(walk, value, definition)
    for child in value.children:
        if named_field(definition, child.name) is None:
            near = did_you_mean("Did you mean", child.name, [f.name for f in definition.fields])
            message = f'Field "{child.name}" is not defined by type "{definition.name}".{near}'
            walk.fault(message, child.position)


def _check_one_of(walk: Walk, value: Value, definition: Definition) -> None:
    if len(value.children) != 1:
        walk.fault(f'OneOf Input Object "{definition.name}" must specify exactly one key.', value.position)
        return
    given = value.children[0].value
    if given.kind == Kind.NULL:
        name = definition.fields[0].name if definition.fields else ""
        walk.fault(f'Field "{definition.name}.{name}" must be non-null.', given.position)


# --- reading values ------------------------------------------------------------------------------


def _is_read(value: Value) -> bool:
    """Whether Go can read every number and boolean in it."""
    METER.spend(4 + (len(value.raw) >> 4))
    match value.kind:
        case Kind.INT:
            return _integer(value.raw, 64) == ""
        case Kind.FLOAT:
            return _is_float(value.raw)
        case Kind.BOOLEAN:
            return value.raw in ("1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE", "False")
        case Kind.LIST | Kind.OBJECT:
            return all(_is_read(c.value) for c in value.children)
        case Kind.VARIABLE:
            variable = value.variable_definition
            return variable is None or variable.default_value is None or _is_read(variable.default_value)
    return True


def _integer(text: str, bits: int) -> str:
    """What Go says of a decimal integer: nothing, that it is out of range, or that it is none."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit()):
        return "syntax"
    if len(digits.lstrip("0")) > 20:
        return "range"
    number = int(digits) * (-1 if text.startswith("-") else 1)
    return "" if -(1 << (bits - 1)) <= number < 1 << (bits - 1) else "range"


def _is_float(text: str) -> bool:
    if len(text) > LONGEST_FLOAT:
        raise LimitError("memory", f"a number of more than {LONGEST_FLOAT} digits")
    try:
        return abs(float(text)) != float("inf")
    except ValueError:
        return False


LONGEST_FLOAT: Final = 100_000


def _unexpected(value: Value, definition: Definition, wanted: Type) -> str:
    text = str(wanted)
    match text.removesuffix("!"):
        case "Int":
            if _integer(value.raw, 32) == "range":
                return f"Int cannot represent non 32-bit signed integer value: {shown(value)}"
            return f"Int cannot represent non-integer value: {shown(value)}"
        case "String":
            return f"String cannot represent a non string value: {shown(value)}"
        case "Boolean":
            return f"Boolean cannot represent a non boolean value: {shown(value)}"
        case "Float":
            return f"Float cannot represent non numeric value: {shown(value)}"
        case "ID":
            return f"ID cannot represent a non-string and non-integer value: {shown(value)}"
    if text == "[String]":
        return f"String cannot represent a non string value: {shown(value)}"
    if definition.kind == "ENUM":
        return f'Enum "{text}" cannot represent non-enum value: {shown(value)}.'
    return f'Expected value of type "{text}", found {shown(value)}.'
