"""YAML as OPA reads it: ``yes`` and ``on`` are strings, ``017`` is 15, later keys win, fractions are 64-bit floats."""

from __future__ import annotations

import base64
import re
import unicodedata
from datetime import datetime
from decimal import Decimal
from functools import cmp_to_key
from math import isfinite
from typing import Any, Final

import yaml

from ..json_text import to_json
from ..meter import ENTRY, METER
from ..values import Num, RegoSet, Value, unkey
from .byte_texts import as_utf8

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
    if as_utf8(text) != text:
        raise YamlError("yaml: invalid leading UTF-8 octet")
    try:
        _check_depth(text)
        node = _first(text)
    except yaml.YAMLError as e:
        raise YamlError(_reason(e)) from None
    except (RecursionError, ValueError) as e:
        raise YamlError(f"yaml: {e}") from None
    if node is None:
        return None
    return _Builder().value(node, ())


def _first(text: str) -> Any:
    """The first document; the others are read, for faults in them count."""
    loader = _Loader(text)
    try:
        node = loader.get_node() if loader.check_node() else None
        while loader.check_node():
            loader.get_node()
        return node
    finally:
        loader.dispose()


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


_INT: Final = re.compile(r"[-+]?(?:0[bB][01_]+|0[oO]?[0-7_]+|0|[1-9][0-9_]*|0[xX][0-9a-fA-F_]+)")
_TIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:(?:[Tt](?=.*(?:Z|[-+]..:..)$)| (?!.*(?:Z|[-+]..:..)$))"
    r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})?)?"
)
_BASE60: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
"""Times, and numbers to base 60, are texts to whoever reads them here, but quoted for those to whom they are not."""
_BEYOND: Final = re.compile("[\U00010000-\U0010ffff]")
"""What Go's emitter never writes as it is."""
_UNWRITABLE: Final = re.compile("[\x7f-\x84\x86-\x9f]")
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
    plain_number = text if text.startswith("_") else text.replace("_", "")
    if _FLOAT.fullmatch(plain_number):
        return _float(plain_number) if isfinite(float(plain_number)) else text
    if text.lower() in (".inf", "-.inf", "+.inf", ".nan"):
        raise YamlError("error converting YAML to JSON: json: unsupported value")
    return text


def _integer(text: str) -> Value:
    sign = -1 if text.startswith("-") else 1
    body = text.lstrip("+-").lower()
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
        return int(Decimal(repr(value)))  # the shortest digits, filled up with zeros
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

    def check_simple_key(self) -> bool:
        """Whether a key stands before its colon on one line: as Go's emitter has it, also without any text."""
        if not isinstance(self.event, yaml.ScalarEvent):
            return bool(super().check_simple_key())
        if self.analysis is None:
            self.analysis = self.analyze_scalar(self.event.value)
        return not self.analysis.multiline and len(self.event.value.encode("utf-8", "surrogatepass")) <= 128

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
            pairs = {_plain_key(unkey(k)): v for k, v in value.items()}
            return {k: _plain(pairs[k]) for k in sorted(pairs, key=cmp_to_key(_natural))}
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
    """A 64-bit float as Go's YAML writes it: with an exponent from a million on, and below a ten-thousandth."""
    try:
        made = float(value)
    except OverflowError:
        made = float("inf")
    if made in (float("inf"), float("-inf")):
        raise YamlError("json: unsupported value: number out of range")
    sign, digits, exponent = Decimal(repr(made)).normalize().as_tuple()
    assert isinstance(exponent, int)
    power = exponent + len(digits) - 1
    if made == 0 or -4 <= power < 6:
        return f"{Decimal(repr(made)).normalize():f}"
    text = "".join(map(str, digits))
    mantissa = f"{text[0]}.{text[1:]}" if len(text) > 1 else text
    return f"{'-' if sign else ''}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"


def _natural(a: str, b: str) -> int:
    """The order of keys in Go's YAML: runs of digits by their value, and letters behind what is none."""
    return (_before(b, a)) - (_before(a, b))


def _before(a: str, b: str) -> bool:
    digits = False
    for i, (x, y) in enumerate(zip(a, b, strict=False)):
        if x == y:
            digits = _is_digit(x)
            continue
        if x.isalpha() or y.isalpha():
            if x.isalpha() and y.isalpha():
                return x < y
            return x.isalpha() if digits else y.isalpha()
        zeros = "0" in (x, y) and any(c != "0" for c in _digits_back(a[:i]))
        (m, end_a), (n, end_b) = _run(a, i, zeros), _run(b, i, zeros)
        if m != n:
            return m < n
        return x < y if end_a == end_b else end_a < end_b
    return len(a) < len(b)


def _is_digit(c: str) -> bool:
    return unicodedata.category(c) == "Nd"


def _digits_back(text: str) -> str:
    start = len(text)
    while start and _is_digit(text[start - 1]):
        start -= 1
    return text[start:]


def _run(text: str, at: int, leading: bool) -> tuple[int, int]:
    """The number that the digits from a place on are, and where they end."""
    end = at
    while end < len(text) and _is_digit(text[end]):
        end += 1
    number = int("1" if leading else "0") * 10 ** (end - at) if end - at < 1000 else 0
    return number + (int(text[at:end]) if at < end and end - at < 1000 else 0), end


def _plain_key(value: Value) -> str:
    return value if type(value) is str else to_json(value)


def _literal(dumper: Any, data: _Literal) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(data))


def _stays_text(data: str) -> bool:
    try:
        return type(scalar(data, "", True)) is str
    except YamlError:
        return False


def _is_time(data: str) -> bool:
    """Whether Go's YAML takes a text for a time, whose zone stands behind a ``T`` and never without one."""
    found = _TIME.fullmatch(data)
    if found is None:
        return False
    try:
        datetime(*(int(part) for part in found.groups(default="0")))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return False
    return True


def _string(dumper: Any, given: str) -> Any:
    data = as_utf8(given)
    if _UNWRITABLE.search(data):
        raise YamlError("yaml: control characters are not allowed")
    if any(c in data for c in "\x85\u2028\u2029\r"):  # line breaks to YAML, which folds them
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style='"')
    if _BEYOND.search(data) or _is_time(data) or _BASE60.fullmatch(data):
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style='"')
    if "\n" in data:
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style="|")
    if not _stays_text(data) or data.lower() in ("y", "n", "yes", "no", "on", "off"):
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style='"')
    return dumper.represent_scalar("tag:yaml.org,2002:str", data)


_Dumper.add_representer(_Literal, _literal)
_Dumper.add_representer(str, _string)
