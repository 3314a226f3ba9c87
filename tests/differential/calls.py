"""Calls of every built-in that there is, with operands of its declared types, of its family's texts, or wrong ones.

The built-in of a case follows from its seed, so that any few hundred seeds in a row meet all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from random import Random
from typing import Final

from image_enforcer.rego.builtins import catalog
from image_enforcer.rego.signatures import signatures
from image_enforcer.rego.types import AnyOf, ArrayType, Basic, ObjectType, SetType, Type

from .cases import Case
from .corpora import Corpora, braced, quoted

UNASKED: Final = frozenset({"http.send", "net.lookup_ip_addr", "opa.runtime", "internal.test_case"})
"""Built-ins that ask the world outside, which is not the same for both sides; others replace them by ``with``."""
CHANCE: Final = frozenset({"rand.intn", "uuid.rfc4122"})
"""Built-ins with answers that only hold for one evaluation."""


@cache
def asked() -> tuple[str, ...]:
    """The built-ins that cases call by name."""
    return tuple(sorted(n for n in catalog.names() - UNASKED if not n.startswith("internal.") and n != "print"))


Maker = Callable[[Corpora], str]
"""Makes an operand as Rego text."""


def _text(make: Callable[[Corpora], str]) -> Maker:
    return lambda c: quoted(make(c))


def _several(make: Maker) -> Maker:
    def made(c: Corpora) -> str:
        items = c.some(lambda: make(c), 0, 3)
        return f"[{', '.join(items)}]" if c.often(0.6) else braced(items)

    return made


def _small(*choices: str) -> Maker:
    return lambda c: c.one(*choices) if c.often(0.9) else c.number()


def _graph(c: Corpora) -> str:
    node: Callable[[], str] = lambda: c.one('"a"', '"b"', '"c"', "1", "null")
    edges: Callable[[], str] = lambda: (
        f"[{', '.join(c.some(node, 0, 3))}]" if c.often(0.7) else c.pick(lambda: braced(c.some(node, 0, 2)), node)
    )
    return "{" + ", ".join(f"{k}: {edges()}" for k in ('"a"', '"b"', '"c"', "1")[: c.random.randint(0, 4)]) + "}"


def _options(c: Corpora) -> str:
    known = ('"pretty": true', '"pretty": false', '"indent": "  "', '"indent": "-"', '"prefix": ">"', '"x": 1')
    fields = c.some(lambda: c.of(known), 0, 3)
    return "{" + ", ".join(fields) + "}"


def _values(c: Corpora) -> str:
    return f"[{', '.join(c.some(lambda: _any(c), 0, 3))}]"


def _replacements(c: Corpora) -> str:
    keys = c.random.sample(("a", "b", "ab", "aa", "", "A", "é"), c.random.randint(0, 3))
    return "{" + ", ".join(f"{quoted(k)}: {quoted(c.one('x', '', 'b', 'a'))}" for k in keys) + "}"


def _keys(c: Corpora) -> str:
    items = c.some(lambda: c.one('"a"', '"b"', '"c"', '"x"', "1", "null", '""'), 0, 3)
    return c.pick(
        lambda: f"[{', '.join(items)}]", lambda: braced(items), lambda: "{" + ", ".join(f"{i}: 1" for i in items) + "}"
    )


def _place(c: Corpora) -> str:
    if c.often(0.3):
        steps = c.some(lambda: c.one('"a"', '"b"', '"x"', "0", '"0"'), 0, 3)
        return f"[{', '.join(steps)}]"
    return c.one('"a"', '"b"', '"c"', '"x"', "null", "1", "[]", '"a/b"')


VERSION: Final = _text(Corpora.version)
NETWORK: Final = _text(lambda c: c.network() if c.often(0.7) else c.address())
HOSTS: Final = _text(lambda c: c.network(least=26))
REGEX: Final = _text(Corpora.regex)
TEXT: Final = _text(Corpora.text)
CODED: Final = _text(lambda c: c.coded() if c.often(0.8) else c.text())
SHIFT: Final = _small("0", "1", "2", "3", "63", "64", "70", "-1")
BITS: Final = _small(
    "0", "1", "2", "5", "255", "-1", "-5", "9223372036854775807", "-9223372036854775808", "18446744073709551617"
)
FEW: Final = _small("0", "1", "2", "3", "-1", "-2", "10", "1.0", "1.5")
RANGE: Final = _small("0", "1", "2", "5", "9", "-3", "10", "2.0", "1.5")
STEP: Final = _small("1", "2", "3", "1.0", "0", "-1", "0.5")

OPERANDS: Final[Mapping[str, tuple[Maker, ...]]] = {
    "semver.compare": (VERSION, VERSION),
    "semver.is_valid": (VERSION,),
    "units.parse": (_text(Corpora.quantity),),
    "units.parse_bytes": (_text(Corpora.quantity),),
    "to_number": (_text(Corpora.number_text),),
    "format_int": (Corpora.number, _small("2", "8", "10", "16", "36", "3", "1")),
    "net.cidr_contains": (NETWORK, NETWORK),
    "net.cidr_contains_matches": (Corpora.networks, Corpora.networks),
    "net.cidr_expand": (HOSTS,),
    "net.cidr_intersects": (NETWORK, NETWORK),
    "net.cidr_is_valid": (NETWORK,),
    "net.cidr_merge": (_several(NETWORK),),
    "net.cidr_overlap": (NETWORK, NETWORK),
    "regex.match": (REGEX, TEXT),
    "re_match": (REGEX, TEXT),
    "regex.is_valid": (REGEX,),
    "regex.find_n": (REGEX, TEXT, FEW),
    "regex.find_all_string_submatch_n": (REGEX, TEXT, FEW),
    "regex.replace": (TEXT, REGEX, _text(Corpora.replacement)),
    "regex.split": (REGEX, TEXT),
    "regex.globs_match": (_text(Corpora.regex_glob), _text(Corpora.regex_glob)),
    "regex.template_match": (_text(Corpora.template), _text(lambda c: c.template() if c.often(0.4) else c.text()),
                             _small('"{"', '"{"', '"<"', '"{{"', '""'), _small('"}"', '"}"', '">"', '"}}"', '"{"')),
    "glob.match": (_text(Corpora.glob), _small("null", "[]", '["/"]', '["."]', '[":", "/"]', '["ab"]', '[""]'), TEXT),
    "glob.quote_meta": (_text(lambda c: c.glob() if c.often(0.6) else c.text()),),
    "sprintf": (_text(Corpora.format), _values),
    "time.format": (Corpora.zoned_layout,),
    "time.clock": (Corpora.zoned,),
    "time.date": (Corpora.zoned,),
    "time.weekday": (Corpora.zoned,),
    "time.diff": (Corpora.zoned, Corpora.zoned),
    "time.add_date": (Corpora.instant, FEW, FEW, _small("0", "1", "-1", "31", "400", "1.5")),
    "time.parse_rfc3339_ns": (_text(Corpora.moment),),
    "time.parse_duration_ns": (_text(Corpora.duration),),
    "json.unmarshal": (_text(Corpora.json_text),),
    "json.is_valid": (_text(Corpora.json_text),),
    "yaml.unmarshal": (_text(Corpora.yaml_text),),
    "yaml.is_valid": (_text(Corpora.yaml_text),),
    "yaml.marshal": (lambda c: _any(c, 2),),
    "json.marshal": (lambda c: _any(c, 2),),
    "json.marshal_with_options": (lambda c: _any(c, 2), _options),
    "json.patch": (lambda c: c.document(2), lambda c: f"[{', '.join(c.some(c.patch, 0, 3))}]"),
    "json.filter": (lambda c: c.object(3), _several(lambda c: c.pointer())),
    "json.remove": (lambda c: c.object(3), _several(lambda c: c.pointer())),
    "object.get": (lambda c: c.object(2), _place, lambda c: _any(c, 1)),
    "object.remove": (lambda c: c.object(2), _keys),
    "object.filter": (lambda c: c.object(2), _keys),
    "object.union": (lambda c: c.object(3), lambda c: c.object(3)),
    "object.union_n": (lambda c: f"[{', '.join(c.some(lambda: c.object(3), 0, 3))}]",),
    "base64.decode": (CODED,),
    "base64.is_valid": (CODED,),
    "base64url.decode": (CODED,),
    "hex.decode": (CODED,),
    "urlquery.decode": (_text(lambda c: c.coded() if c.often(0.5) else c.query()),),
    "urlquery.decode_object": (_text(Corpora.query),),
    "uri.parse": (_text(Corpora.uri),),
    "uri.is_valid": (_text(Corpora.uri),),
    "uuid.parse": (_text(Corpora.uuid),),
    "graph.reachable": (_graph, _several(lambda c: c.one('"a"', '"b"', "1", '"x"'))),
    "graph.reachable_paths": (_graph, _several(lambda c: c.one('"a"', '"b"', "1", '"x"'))),
    "numbers.range": (RANGE, RANGE),
    "numbers.range_step": (RANGE, RANGE, STEP),
    "bits.and": (BITS, BITS),
    "bits.or": (BITS, BITS),
    "bits.xor": (BITS, BITS),
    "bits.negate": (BITS,),
    "bits.lsh": (BITS, SHIFT),
    "bits.rsh": (BITS, SHIFT),
    "substring": (TEXT, FEW, FEW),
    "strings.split_n": (TEXT, TEXT, FEW),
    "strings.replace_n": (_replacements, TEXT),
    "array.slice": (_values, FEW, FEW),
    "rand.intn": (TEXT, FEW),
    "object.subset": (lambda c: _any(c, 2), lambda c: _any(c, 1)),
}  # fmt: skip
"""What the operands of a built-in are made of, where its types do not say it."""


def _any(c: Corpora, depth: int = 1) -> str:
    """A value of any type as Rego text."""
    if depth <= 0 or c.often(0.5):
        return c.pick(
            c.number, lambda: quoted(c.text()), lambda: c.one("true", "false", "null", "1", '"a"', "[]", "{}", "set()")
        )
    return c.pick(
        lambda: c.document(depth),
        lambda: f"[{', '.join(c.some(lambda: _any(c, depth - 1), 0, 3))}]",
        lambda: braced(c.some(lambda: _any(c, depth - 1), 1, 3)),
        lambda: "{" + ", ".join(f"{_any(c, 0)}: {_any(c, depth - 1)}" for _ in range(c.random.randint(1, 2))) + "}",
    )


def typed(c: Corpora, wanted: Type, depth: int = 2) -> str:
    """A value of a declared type as Rego text."""
    match wanted:
        case Basic("number"):
            return c.number()
        case Basic("string"):
            return quoted(c.text())
        case Basic("boolean"):
            return c.one("true", "false")
        case Basic():
            return "null"
        case AnyOf(()):
            return _any(c, depth)
        case AnyOf(members):
            return typed(c, c.random.choice(members), depth)
        case ArrayType(static, dynamic):
            items = [typed(c, s, depth - 1) for s in static if s is not None]
            more = dynamic
            if more is not None:
                items += [typed(c, more, depth - 1) for _ in range(c.random.randint(0, 3))]
            return f"[{', '.join(items)}]"
        case SetType(of):
            return braced(c.some(lambda: typed(c, of, depth - 1), 0, 3)) if of is not None else "set()"
        case ObjectType(static, dynamic):
            fields = [f"{quoted(str(p.key))}: {typed(c, p.type, depth - 1)}" for p in static if p.type is not None]
            if dynamic is not None:
                key, value = dynamic
                if key is not None and value is not None:
                    for _ in range(c.random.randint(0, 3)):
                        name = quoted(c.one("a", "b", "c", "x")) if c.often(0.7) else typed(c, key, 0)
                        fields.append(f"{name}: {typed(c, value, depth - 1)}")
            return "{" + ", ".join(fields) + "}"
        case _:
            return _any(c, depth)


class Calls:
    """Makes one case about a built-in, and a few others beside it."""

    def __init__(self, random: Random) -> None:
        self.c = Corpora(random)
        self.random = random
        self.input: dict[str, str] = {}
        self.data: dict[str, str] = {}
        self.version = 1

    def operand(self, name: str, at: int, wanted: Type) -> str:
        """An operand: of the family's texts mostly, else of the declared type, or wrong."""
        c = self.c
        makers = OPERANDS.get(name)
        if makers is not None and at < len(makers) and c.often(0.85):
            made = makers[at](c)
        elif c.often(0.94):
            made = typed(c, wanted)
        else:
            made = _any(c, 2)
        return self.placed(made)

    def placed(self, made: str) -> str:
        """An operand where it stands: in the call, or in the documents, where no check of types sees it."""
        if self.c.often(0.3) or not _is_json(made):
            return made
        if self.c.often(0.75):
            name = f"i{len(self.input)}"
            self.input[name] = made
            return f"input.{name}"
        name = f"d{len(self.data)}"
        self.data[name] = made
        return f"data.d.{name}"

    def call(self, name: str) -> str:
        """A call as a term."""
        found = signatures()[name]
        operands = [self.operand(name, i, a) for i, a in enumerate(found.args)]
        if name == "time.parse_ns":
            layout = self.c.layout()
            operands = [self.placed(quoted(layout)), self.placed(quoted(self.c.by_layout(layout)))]
        if found.infix is not None and len(operands) == 2 and self.c.often(0.5):
            return f"({operands[0]} {found.infix} {operands[1]})"
        if self.c.often(0.01):
            operands = operands[:-1]
        return f"{name}({', '.join(operands)})"

    def rule(self, number: int, name: str) -> str:
        """A rule with a call."""
        c, found, call = self.c, signatures()[name], self.call(name)
        when = " if " if self.version else " "
        head = f"r{number}"
        member = f"{head} contains x" if self.version else f"{head}[x]"
        if name in CHANCE:
            return f"{head} = [type_name(x), x == y]{when}{{ x := {call}; y := {call} }}"
        if found.relation:
            return f"{member}{when}{{ {name}({call.partition('(')[2][:-1]}, x) }}"
        if found.result is None:
            return f"{head}{when}{{ {call} }}"
        if self.version == 0:
            return f"{head} = {call}"
        return c.pick(
            lambda: f"{head} := {call}",
            lambda: f"{head} := {call}",
            lambda: f"{head} := x if {{ x := {call} }}",
            lambda: f"{head} := x if {{ {_open(call)}, x) }}" if not call.startswith("(") else f"{head} := {call}",
            lambda: f"{head} := [x | x := {call}]",
            lambda: f"{head} if {call}",
            lambda: f"{head} if not {call}",
            lambda: f'{head} := sprintf("%v", [{call}])',
            lambda: f'{head} := $"{{{call}}}"',
            lambda: f"{head} := type_name({call})",
            lambda: f"default {head} := 7\n\n{head} := {call}",
            lambda: f"{member} if {{ some x in [{call}, 1] }}",
        )

    def case(self, seed: int) -> Case:
        """The case: a rule or two in strict mode, where the first fault ends the evaluation, several outside it."""
        names = asked()
        name = names[seed % len(names)]
        self.version = 0 if signatures()[name].deprecated or self.c.often(0.03) else 1
        others = [n for n in names if self.version == 0 or not signatures()[n].deprecated]
        strict = self.c.often(0.4)
        rules = [self.rule(0, name)]
        if not strict:
            rules += [self.rule(i, name if self.c.often(0.5) else self.c.of(others)) for i in range(1, 7)]
        data = "{" + ", ".join(f'"{k}": {v}' for k, v in self.data.items()) + "}"
        return Case(
            modules=("\n\n".join(["package t", *rules]) + "\n",),
            data=f'{{"d": {data}}}',
            input="{" + ", ".join(f'"{k}": {v}' for k, v in self.input.items()) + "}",
            strict=strict,
            version=self.version,
        )


def _open(call: str) -> str:
    return call[:-1]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def calls(seed: int) -> Case:
    """The case of a seed."""
    return Calls(Random(f"calls {seed}")).case(seed)
