"""YAML as OPA reads it: ``yes`` and ``on`` are strings, ``017`` is 15, later keys win, fractions are 64-bit floats."""

from __future__ import annotations

import base64
import re
from typing import Any, Final

import yaml

from ..json_text import to_json
from ..meter import ENTRY, METER
from ..values import Num, RegoSet, Value, sorted_keys, unkey

MAX_NODES: Final = 200_000
"""How many nodes a document may have once its aliases are followed."""


MAX_DEPTH: Final = 500


class YamlError(ValueError):
    """Text that is no YAML document, with the reason."""


class _Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    """A loader that only builds nodes; values are made here."""


def load(text: str) -> Value:
    """The value of a YAML document; raises :class:`YamlError`."""
    METER.spend(4 * len(text), 100 * len(text))
    try:
        _check_depth(text)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as e:
        raise YamlError(_reason(e)) from None
    except (RecursionError, ValueError) as e:
        raise YamlError(f"yaml: {e}") from None
    if node is None:
        return None
    return _Builder().value(node, ())


def _check_depth(text: str) -> None:
    """Refuse deep nesting before nodes are built, which libyaml's binding does on the C stack."""
    if text.count("[") + text.count("{") + text.count("-") + text.count(":") + text.count("?") <= MAX_DEPTH:
        return
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise YamlError("yaml: nested too deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _reason(error: yaml.YAMLError) -> str:
    mark = getattr(error, "context_mark", None) or getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).split("\n", maxsplit=1)[0]
    place = f"line {mark.line + 1}: " if mark is not None else ""
    return f"yaml: {place}{problem}"


class _Builder:
    """Turns nodes into values, counting them, so that aliases of aliases cannot fill the memory."""

    def __init__(self) -> None:
        self.count = 0

    def value(self, node: Any, above: tuple[int, ...]) -> Value:
        self.count += 1
        if self.count > MAX_NODES:
            raise YamlError("yaml: document contains excessive aliasing")
        if not self.count & 255:
            METER.spend(256 * 4, 256 * ENTRY)
        if id(node) in above:
            raise YamlError("yaml: anchor contains itself")
        inside = (*above, id(node))
        if isinstance(node, yaml.ScalarNode):
            if node.tag.endswith(":binary"):
                return _binary(node.value)
            return scalar(node.value, node.tag, not node.style)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(n, inside) for n in node.value]
        out: dict[str, Value] = {}
        merged: list[Any] = []
        for k, v in node.value:
            if isinstance(k, yaml.ScalarNode) and k.value == "<<" and (k.style is None or k.style == ""):
                merged.append(v)
                continue
            out[self._key(k, inside)] = self.value(v, inside)
        for source in merged:
            for item in source.value if isinstance(source, yaml.SequenceNode) else [source]:
                more = self.value(item, inside)
                if isinstance(more, dict):
                    for name, v in more.items():
                        out.setdefault(name, v)
        return out

    def _key(self, node: Any, above: tuple[int, ...]) -> str:
        value = self.value(node, above)
        match value:
            case str():
                return value
            case bool():
                return "true" if value else "false"
            case int():
                return str(value)
            case Num():
                return value.text
            case None:
                return "null"
        raise YamlError("error converting YAML to JSON: yaml: invalid map key")


def _binary(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "replace")
    except ValueError:
        raise YamlError("error converting YAML to JSON: yaml: !!binary value contains invalid base64 data") from None


_INT: Final = re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def scalar(text: str, tag: str, plain: bool) -> Value:
    """The value of a scalar. Only plain ones are looked at; quoted ones are strings."""
    if (tag.endswith(":str") and not plain) or (not plain and not tag.endswith((":int", ":float", ":bool", ":null"))):
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if _INT.fullmatch(text):
        made = _integer(text.replace("_", ""))
        if made is not None:
            return made
    if _FLOAT.fullmatch(text):
        return _float(text)
    if text.lower() in (".inf", "-.inf", "+.inf", ".nan"):
        raise YamlError("error converting YAML to JSON: json: unsupported value")
    return text


def _integer(text: str) -> Value:
    sign = -1 if text.startswith("-") else 1
    body = text.lstrip("+-")
    try:
        if body.startswith("0b"):
            value = int(body, 2)
        elif body.startswith("0x"):
            value = int(body, 16)
        elif body.startswith("0o"):
            value = int(body, 8)
        elif len(body) > 1 and body.startswith("0"):
            value = int(body[1:], 8)
        else:
            value = int(body)
    except ValueError:
        return None
    value *= sign
    if -(1 << 63) <= value < 1 << 64:
        return value
    return _float(text)


def _float(text: str) -> Value:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise YamlError(f"error converting YAML to JSON: json: unsupported value: {text}")
    return from_float(value)


def from_float(value: float) -> Value:
    """A 64-bit float as Go's JSON writes it."""
    if value == int(value) and abs(value) < 1e21:
        return int(value)
    shown = repr(value)
    if "e" in shown:
        mantissa, _, exponent = shown.partition("e")
        number = int(exponent)
        if -7 < number < 0:
            shown = f"{value:.{len(mantissa.replace('.', '').replace('-', '')) - number - 1}f}"
        else:
            shown = f"{mantissa}e{'-' if number < 0 else '+'}{abs(number):02d}"
    return Num(shown)


def dump(value: Value) -> str:
    """A value as YAML text, keys in order."""
    text = yaml.dump(
        _plain(value), Dumper=_Dumper, default_flow_style=False, allow_unicode=True, width=1 << 30, sort_keys=False
    )
    return str(text).removesuffix("...\n")


class _Dumper(yaml.SafeDumper):
    yaml_implicit_resolvers = {}  # noqa: RUF012 - as the base class declares it
    """None: what has to be quoted is decided here, by what reads it back."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: ARG002 - PyYAML's signature
        return super().increase_indent(flow, False)

    def ignore_aliases(self, _data: Any) -> bool:
        return True


class _Literal(str):
    """Number text to be written as it is."""

    __slots__ = ()


def _plain(value: Value) -> Any:
    match value:
        case list() | RegoSet():
            METER.spend(10 * len(value) + 10, (len(value) + 2) * ENTRY)
            return [_plain(v) for v in value]
        case dict():
            METER.spend(20 * len(value) + 10, (len(value) + 2) * 3 * ENTRY)
            return {_plain_key(unkey(k)): _plain(value[k]) for k in sorted_keys(value)}
        case Num():
            return _Literal(_float_text(value))
        case None:
            return _Literal("null")
        case bool():
            return _Literal("true" if value else "false")
        case int():
            return _Literal(str(value) if -(1 << 63) <= value < 1 << 64 else _float_text(value))
    return value


def _float_text(value: int | Num) -> str:
    try:
        made = float(value)
    except OverflowError:
        made = float("inf")
    if made in (float("inf"), float("-inf")):
        raise YamlError("json: unsupported value: number out of range")
    shown = repr(made)
    if "e" in shown or abs(made) >= 1e21:
        mantissa, _, exponent = f"{shown if 'e' in shown else f'{made:e}'}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{exponent[0]}{exponent[1:].rjust(2, '0')}"
    exact = from_float(made)
    if isinstance(exact, int) and abs(exact) < 10**20 and abs(exact) >= 10**21:
        return str(exact)
    return exact.text if isinstance(exact, Num) else _whole_text(exact)


def _whole_text(value: int) -> str:
    """An integer that was a 64-bit float, as Go prints such floats."""
    text = str(value)
    if len(text.lstrip("-")) <= 21 and value < 1 << 63:
        return text
    digits = repr(float(value))
    return digits.removesuffix(".0")


def _plain_key(value: Value) -> str:
    return value if type(value) is str else to_json(value)


def _literal(dumper: Any, data: _Literal) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(data))


def _stays_text(data: str) -> bool:
    try:
        return type(scalar(data, "", True)) is str
    except YamlError:
        return False


def _string(dumper: Any, data: str) -> Any:
    if any(c in data for c in "\x85\u2028\u2029\r"):  # line breaks to YAML, which folds them
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style='"')
    if "\n" in data:
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style="|")
    if not _stays_text(data) or data.lower() in ("y", "n", "yes", "no", "on", "off"):
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style='"')
    return dumper.represent_scalar("tag:yaml.org,2002:str", data)


_Dumper.add_representer(_Literal, _literal)
_Dumper.add_representer(str, _string)
