"""Random values and expressions of a wanted kind, in the style in which the policies of tests are written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final

from .words import (
    ARRAY_REFS,
    BUILTIN_TARGETS,
    CODERS,
    COLLECTIONS,
    DATA_TARGETS,
    DELIMITERS,
    DURATIONS,
    FORMATS,
    GLOBS,
    INPUT_TARGETS,
    ITERATED,
    KEYS,
    KIND_NAMES,
    NUMBER_REFS,
    NUMBERS,
    OBJECT_REFS,
    PATTERNS,
    REPLACEMENT_VALUES,
    REPLACEMENTS,
    STRING_REFS,
    STRINGS,
    VALIDATORS,
    ZONES,
)


class Terms:
    """Makes expressions as text. Variables in scope are known by kind, and functions by their heads."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.scope: list[tuple[str, str]] = []
        self.rules: list[tuple[str, str]] = []
        self.functions: list[tuple[str, int]] = []
        self.made = 0

    def name(self, letter: str = "v") -> str:
        """A name that nothing else has."""
        self.made += 1
        return f"{letter}{self.made}"

    def often(self, share: float) -> bool:
        """True in that share of the calls."""
        return self.random.random() < share

    def one(self, choices: Sequence[str]) -> str:
        """One of several texts."""
        return self.random.choice(choices)

    def chosen(self, makers: Sequence[Callable[[], str]]) -> str:
        """What one of several makers makes."""
        return self.random.choice(makers)()

    def many(self, make: Callable[[], str], low: int = 0, high: int = 3) -> list[str]:
        """A few of what is made."""
        return [make() for _ in range(self.random.randint(low, high))]

    def term(self, kind: str = "any", depth: int = 2) -> str:
        """An expression of that kind; now and then of another, so that undefined and faults are met."""
        if kind != "any" and self.often(0.03):
            return self.one(self.random.choice((NUMBER_REFS, STRING_REFS, ARRAY_REFS, OBJECT_REFS)))
        if kind == "any" or self.often(0.003):
            kind = self.one(("num", "num", "str", "str", "bool", "arr", "arr", "set", "obj", "null", "ref", "ref"))
        known = [n for n, k in self.scope if k in (kind, "any")]
        if known and self.often(0.35):
            return self.one(known)
        rules = [n for n, k in self.rules if k in (kind, "any")]
        if rules and self.often(0.12):
            return self.one(rules)
        if self.functions and depth > 0 and self.often(0.05):
            return self.call_own(depth)
        if depth <= 0:
            return self.leaf(kind)
        if self.often(0.3):
            return self.leaf(kind)
        return KINDS[kind](self, depth - 1)

    def call_own(self, depth: int) -> str:
        """A call of one of the module's functions."""
        name, arity = self.random.choice(self.functions)
        return f"{name}({', '.join(self.term('any', depth - 1) for _ in range(arity))})"

    def string(self) -> str:
        """A string literal, raw where it can be."""
        text = self.one(STRINGS)
        raw = self.often(0.15) and text.isprintable() and "`" not in text
        return f"`{text}`" if raw else json.dumps(text, ensure_ascii=self.often(0.2))

    def leaf(self, kind: str) -> str:
        """A literal, or a reference into the documents."""
        random = self.random
        match kind:
            case "num":
                return self.one(NUMBERS) if self.often(0.6) else self.one(NUMBER_REFS)
            case "str":
                return self.string() if self.often(0.6) else self.one(STRING_REFS)
            case "bool":
                return self.one(("true", "false", "input.ok", "input.containers[0].priv"))
            case "arr":
                if self.often(0.4):
                    return self.one(ARRAY_REFS)
                return f"[{', '.join(self.many(lambda: self.leaf(random.choice(('num', 'str', 'num', 'any'))), 0, 3))}]"
            case "set":
                items = self.many(lambda: self.leaf(random.choice(("num", "str", "str", "any"))), 0, 3)
                return f"{{{', '.join(items)}}}" if items else "set()"
            case "obj":
                if self.often(0.4):
                    return self.one(OBJECT_REFS)
                keys = random.sample(KEYS, random.randint(0, 3))
                fields = [f"{json.dumps(k)}: {self.leaf(random.choice(('num', 'str', 'any')))}" for k in keys]
                return "{" + ", ".join(fields) + "}"
            case "ref":
                return self.one(self.random.choice((NUMBER_REFS, STRING_REFS, ARRAY_REFS, OBJECT_REFS)))
            case "null":
                return self.one(("null", "input.nil"))
        return self.leaf(self.one(("num", "str", "bool", "arr", "set", "obj", "null")))

    def number(self, depth: int) -> str:
        """A number."""
        t = self.term
        return self.chosen(
            (
                lambda: f"({t('num', depth)} {self.one(['+', '-', '*', '/', '%'])} {t('num', depth)})",
                lambda: f"({t('num', depth)} {self.one(['+', '-', '*'])} {t('num', depth)})",
                lambda: f"count({t(self.one(('str', 'arr', 'set', 'obj')), depth)})",
                lambda: f"{self.one(('sum', 'product', 'max', 'min'))}({t(self.one(('arr', 'set')), depth)})",
                lambda: f"{self.one(('abs', 'round', 'ceil', 'floor'))}({t('num', depth)})",
                lambda: f"to_number({t('str', depth)})",
                lambda: f"indexof({t('str', depth)}, {t('str', depth)})",
                lambda: f"strings.count({t('str', depth)}, {t('str', depth)})",
                lambda: f"{self.one(('units.parse', 'units.parse_bytes'))}({t('str', depth)})",
                lambda: f"semver.compare({t('str', depth)}, {t('str', depth)})",
                lambda: f"bits.{self.one(('and', 'or', 'xor', 'lsh', 'rsh'))}({t('num', depth)}, {t('num', depth)})",
                lambda: f"bits.negate({t('num', depth)})",
                lambda: f"time.parse_rfc3339_ns({t('str', depth)})",
                lambda: f"time.add_date({t('num', depth)}, {', '.join(self.one(NUMBERS[:9]) for _ in range(3))})",
                lambda: f"time.parse_duration_ns({self.one(DURATIONS)})",
                lambda: f"{t('arr', depth)}[{self.one(('0', '1', '_', 'minus(1, 1)'))}]",
            )
        )

    def text(self, depth: int) -> str:
        """A string."""
        t = self.term
        s: Callable[[], str] = lambda: t("str", depth)
        n: Callable[[], str] = lambda: self.one(("0", "1", "2", "-1", "100", t("num", depth)))
        return self.chosen(
            (
                lambda: f"{self.one(('lower', 'upper', 'trim_space', 'strings.reverse'))}({s()})",
                lambda: f"{self.one(('trim', 'trim_left', 'trim_right', 'trim_prefix', 'trim_suffix'))}({s()}, {s()})",
                lambda: f"concat({s()}, {t(self.one(('arr', 'set')), depth)})",
                lambda: f"replace({s()}, {s()}, {s()})",
                lambda: f"substring({s()}, {n()}, {n()})",
                lambda: (
                    f"sprintf({json.dumps(self.one(FORMATS))}, [{', '.join(self.many(lambda: t('any', depth), 0, 3))}])"
                ),
                lambda: f"sprintf({json.dumps(self.one(FORMATS))}, [{t('any', depth)}])",
                lambda: f"format_int({t('num', depth)}, {self.one(('2', '8', '10', '16', '3'))})",
                lambda: f"json.marshal({t('any', depth)})",
                lambda: f"yaml.marshal({t('any', depth)})",
                lambda: f"type_name({t('any', depth)})",
                lambda: f"regex.replace({s()}, {self.pattern()}, {self.one(REPLACEMENTS)})",
                lambda: f"strings.replace_n({t('obj', depth)}, {s()})",
                lambda: f"{self.one(CODERS)}({s()})",
                lambda: f"time.format({t('num', depth)})",
                lambda: f"time.format([{t('num', depth)}, {self.one(ZONES)}])",
                lambda: f"time.weekday({t('num', depth)})",
                lambda: f"split({s()}, {s()})[{self.one(('0', '1', '_'))}]",
                lambda: '$"' + self.template(depth) + '"',
            )
        )

    def template(self, depth: int) -> str:
        """The inside of a template string."""
        return (
            self.one(("", "msg: ", "a{", "é ")).replace("{", "\\{")
            + f"{{{self.term('any', min(depth, 1))}}}"
            + self.one(("", "!", " "))
        )

    def pattern(self) -> str:
        """A regular expression."""
        return json.dumps(self.one(PATTERNS)) if self.often(0.9) else self.term("str", 0)

    def truth(self, depth: int) -> str:
        """A boolean."""
        t = self.term
        s: Callable[[], str] = lambda: t("str", depth)
        return self.chosen(
            (
                lambda: f"{t('any', depth)} {self.one(['==', '!=', '<', '<=', '>', '>='])} {t('any', depth)}",
                lambda: f"{t('num', depth)} {self.one(['==', '!=', '<', '<=', '>', '>='])} {t('num', depth)}",
                lambda: f"{self.one(('startswith', 'endswith', 'contains'))}({s()}, {s()})",
                lambda: f"regex.match({self.pattern()}, {s()})",
                lambda: f"glob.match({json.dumps(self.one(GLOBS))}, {self.one(DELIMITERS)}, {s()})",
                lambda: f"{t('any', depth)} in {t(self.one(('arr', 'set', 'obj')), depth)}",
                lambda: f"{t('any', depth)}, {t('any', depth)} in {t(self.one(('arr', 'obj')), depth)}",
                lambda: f"is_{self.one(KIND_NAMES)}({t('any', depth)})",
                lambda: f"object.subset({t('any', depth)}, {t('any', depth)})",
                lambda: f"net.cidr_contains({s()}, {s()})",
                lambda: f"{self.one(VALIDATORS)}({s()})",
                lambda: f"strings.any_{self.one(('prefix', 'suffix'))}_match({t('str', depth)}, {t('arr', depth)})",
            )
        )

    def boolean(self, depth: int) -> str:
        """A boolean that can stand inside a term."""
        return f"({self.truth(depth)})"

    def array(self, depth: int) -> str:
        """An array."""
        t = self.term
        s: Callable[[], str] = lambda: t("str", depth)
        return self.chosen(
            (
                lambda: f"[{', '.join(self.many(lambda: t('any', depth), 1, 3))}]",
                lambda: self.comprehension("[", "]", depth),
                lambda: self.comprehension("[", "]", depth),
                lambda: f"array.concat({t('arr', depth)}, {t('arr', depth)})",
                lambda: (
                    f"array.slice({t('arr', depth)}, {self.one(('0', '1', '-1'))}, {self.one(('1', '2', '10', '0'))})"
                ),
                lambda: f"array.reverse({t('arr', depth)})",
                lambda: f"array.flatten([{t('arr', depth)}, {t('any', depth)}])",
                lambda: f"sort({t(self.one(('arr', 'set')), depth)})",
                lambda: f"split({s()}, {s()})",
                lambda: f"strings.split_n({s()}, {s()}, {self.one(('0', '1', '2', '-1'))})",
                lambda: f"numbers.range({self.one(NUMBERS[:9])}, {self.one(NUMBERS[:9])})",
                lambda: (
                    f"numbers.range_step({self.one(NUMBERS[:9])}, {self.one(NUMBERS[:9])}, {self.one(NUMBERS[:6])})"
                ),
                lambda: f"indexof_n({s()}, {s()})",
                lambda: f"regex.find_n({self.pattern()}, {s()}, {self.one(('-1', '0', '1', '2'))})",
                lambda: f"regex.find_all_string_submatch_n({self.pattern()}, {s()}, {self.one(('-1', '1', '2'))})",
                lambda: f"regex.split({self.pattern()}, {s()})",
                lambda: f"time.{self.one(('date', 'clock'))}({t('num', depth)})",
                lambda: f"time.diff({t('num', depth)}, {t('num', depth)})",
                lambda: f"[{self.comprehension('[', ']', depth)}, {t('any', depth)}]",
                lambda: f"json.unmarshal({s()})",
                lambda: f"walk({t('any', depth)})",
            )
        )

    def set(self, depth: int) -> str:
        """A set."""
        t = self.term
        return self.chosen(
            (
                lambda: f"{{{', '.join(self.many(lambda: t('any', depth), 1, 3))}}}",
                lambda: self.comprehension("{", "}", depth),
                lambda: self.comprehension("{", "}", depth),
                lambda: f"({t('set', depth)} {self.one(['&', '|', '-'])} {t('set', depth)})",
                lambda: f"{self.one(('union', 'intersection'))}({{{t('set', depth)}, {t('set', depth)}}})",
                lambda: f"object.keys({t('obj', depth)})",
                lambda: f"graph.reachable({self.graph(depth)}, {t(self.one(('arr', 'set')), depth)})",
                lambda: f"graph.reachable_paths({self.graph(depth)}, {t(self.one(('arr', 'set')), depth)})",
                lambda: f"net.cidr_merge({t(self.one(('arr', 'set')), depth)})",
                lambda: f"net.cidr_contains_matches({t('any', depth)}, {t('any', depth)})",
            )
        )

    def graph(self, depth: int) -> str:
        """Something to reach nodes in."""
        return self.one(('{"a": ["b", "c"], "b": ["a"], "c": []}', '{"a": {"b"}, "b": {"c"}}', self.term("obj", depth)))

    def object(self, depth: int) -> str:
        """An object."""
        t = self.term
        return self.chosen(
            (
                lambda: "{" + ", ".join(self.many(lambda: self.field(depth), 1, 3)) + "}",
                lambda: self.object_comprehension(depth),
                lambda: self.object_comprehension(depth),
                lambda: f"object.union({t('obj', depth)}, {t('obj', depth)})",
                lambda: f"object.union_n([{t('obj', depth)}, {t('obj', depth)}])",
                lambda: (
                    f"object.{self.one(('remove', 'filter'))}({t('obj', depth)}, {t(self.one(COLLECTIONS), depth)})"
                ),
                lambda: (
                    f"object.get({t('obj', depth)}, {t(self.one(('str', 'arr', 'any')), depth)}, {t('any', depth)})"
                ),
                lambda: f"json.{self.one(('remove', 'filter'))}({t('obj', depth)}, {self.paths(depth)})",
                lambda: f"json.patch({t('any', depth)}, [{', '.join(self.many(lambda: self.patch(depth), 1, 2))}])",
                lambda: f"json.unmarshal({t('str', depth)})",
                lambda: f"yaml.unmarshal({t('str', depth)})",
                lambda: f"urlquery.decode_object({t('str', depth)})",
                lambda: f"uri.parse({t('str', depth)})",
            )
        )

    def field(self, depth: int) -> str:
        """A key and its value."""
        return f"{self.term('any' if self.often(0.2) else 'str', depth)}: {self.term('any', depth)}"

    def paths(self, depth: int) -> str:
        """Paths for json.filter and json.remove."""
        path: Callable[[], str] = lambda: self.one(
            (
                '"a"',
                '"a/b"',
                '["a"]',
                '"/a"',
                '["a", 0]',
                '"a/0"',
                '"tree/a"',
                '["a", "b"]',
                '"a~1b"',
                self.term("str", 0),
                self.term("arr", 0),
            )
        )
        items = self.many(path, 0, 3)
        return f"[{', '.join(items)}]" if self.often(0.5) else f"{{{', '.join(items)}}}" if items else "set()"

    def patch(self, depth: int) -> str:
        """One operation for json.patch."""
        op = self.one(("add", "replace", "remove", "test", "move", "copy"))
        path: Callable[[], str] = lambda: self.one(
            ('"/a"', '"/zz"', '"/0"', '"/-"', '"/a/b"', '"a"', '""', '["a"]', '"/a/-"', '"/b/0"', '["a", 0]')
        )
        rest = f'"from": {path()}' if op in ("move", "copy") else f'"value": {self.term("any", depth - 1)}'
        return f'{{"op": "{op}", "path": {path()}, {rest}}}'

    def comprehension(self, opened: str, closed: str, depth: int) -> str:
        """An array or set comprehension."""
        before = list(self.scope)
        body = self.body(max(depth - 1, 0), 1, 2)
        head = self.term("any", depth - 1)
        self.scope = before
        return f"{opened}{head} | {'; '.join(body)}{closed}"

    def object_comprehension(self, depth: int) -> str:
        """An object comprehension."""
        before = list(self.scope)
        body = self.body(max(depth - 1, 0), 1, 2)
        key, value = self.term("any" if self.often(0.2) else "str", 0), self.term("any", depth - 1)
        self.scope = before
        return f"{{{key}: {value} | {'; '.join(body)}}}"

    def body(self, depth: int, low: int, high: int) -> list[str]:
        """Statements; what they bind stays in scope."""
        return [self.statement(depth) for _ in range(self.random.randint(low, high))]

    def bind(self, kind: str, letter: str = "x") -> str:
        """A new variable in scope."""
        name = self.name(letter)
        self.scope.append((name, kind))
        return name

    def collection(self, depth: int) -> str:
        """Something to go through."""
        return self.term(self.one(("arr", "arr", "set", "obj")), depth)

    def statement(self, depth: int) -> str:
        """One statement of a body, with a modifier now and then."""
        made = self.plain(depth)
        if self.often(0.08) and not made.startswith("some ") and "\n" not in made:
            made += self.modifier(depth)
        return made

    def replaceable(self) -> list[str]:
        """The rules that a with may name."""
        return [n for n, _ in self.rules if n.startswith("data.")] or ["data.limits"]

    def modifier(self, depth: int) -> str:
        """A with."""
        return self.chosen(
            (
                lambda: f" with input.{self.one(INPUT_TARGETS)} as {self.term('any', 1)}",
                lambda: f" with data.{self.one(DATA_TARGETS)} as {self.term('any', 1)}",
                lambda: f" with input as {self.term('obj', 1)}",
                lambda: f" with {self.one(BUILTIN_TARGETS)} as {self.term('any', 0)}",
                lambda: f" with input.n as {self.term('num', 0)} with data.limits.a as {self.term('num', 0)}",
                lambda: f" with {self.one(self.replaceable())} as {self.term('any', 0)}",
                lambda: (
                    f" with {self.one([n for n, _ in self.functions] or ['upper'])} as {self.one(REPLACEMENT_VALUES)}"
                ),
            )
        )

    def plain(self, depth: int) -> str:
        """One statement of a body."""
        t = self.term
        kinds = ("num", "str", "bool", "arr", "set", "obj", "any")
        return self.chosen(
            (
                lambda: self.assign(depth),
                lambda: self.assign(depth),
                lambda: self.some_in(depth),
                lambda: self.some_in(depth),
                lambda: self.truth(depth),
                lambda: self.truth(depth),
                lambda: f"not {self.truth(depth)}",
                lambda: f"not {t(self.one(kinds), depth)}",
                lambda: self.iterate(depth),
                lambda: self.iterate(depth),
                lambda: self.destructure(depth),
                lambda: self.every(depth),
                lambda: self.walking(depth),
                lambda: t(self.one(kinds), depth),
                lambda: f"{self.one(ITERATED)} == {t('any', depth)}",
                lambda: self.unify(depth),
            )
        )

    def assign(self, depth: int) -> str:
        """``x := …``."""
        kind = self.one(("num", "str", "bool", "arr", "set", "obj"))
        made = self.term(kind, depth)
        return f"{self.bind(kind, 'v')} := {made}"

    def unify(self, depth: int) -> str:
        """``x = …`` with or without a declaration."""
        kind = self.one(("num", "str", "arr", "set", "obj"))
        made = self.term(kind, depth)
        name = self.bind(kind, "v")
        return f"some {name}; {name} = {made}" if self.often(0.5) else f"{name} = {made}"

    def some_in(self, depth: int) -> str:
        """``some … in …``."""
        source = self.collection(depth)
        if self.often(0.1):
            names = [self.bind("any"), self.bind("any")]
            return self.one(
                (f"some [{names[0]}, {names[1]}] in {source}", f'some {{"a": {names[0]}, "b": {names[1]}}} in {source}')
            )
        if self.often(0.4):
            return f"some {self.bind('any', 'k')}, {self.bind('any')} in {source}"
        return f"some {self.bind('any')} in {source}"

    def iterate(self, depth: int) -> str:
        """A reference with a variable or a blank."""
        root, last = (
            self.one(
                (
                    "input.nums",
                    "input.words",
                    "input.counts",
                    "input.labels",
                    "input.containers",
                    "input.matrix",
                    "data.db",
                    "data.limits",
                    "data.allow",
                    "data.list",
                    "input.pairs",
                )
            ),
            "",
        )
        if root == "input.matrix":
            last = self.one(("", "[_]", "[0]"))
        if root == "input.containers":
            last = self.one((".image", ".name", "", ".ports[_]", ".priv"))
        if root == "data.db":
            last = self.one((".max", ".images[_]", ""))
        index = "_"
        declared = ""
        if self.often(0.6):
            index = self.name("i")
            declared = f"some {index}; "
            self.scope.append((index, "any"))
        op = self.one((":=", ":=", "="))
        return f"{declared}{self.bind('any')} {op} {root}[{index}]{last}"

    def destructure(self, depth: int) -> str:
        """Arrays and objects on both sides."""
        t = self.term
        a, b = self.name(), self.name()
        made = self.chosen(
            (
                lambda: f"[{a}, {b}] := {t('arr', depth)}",
                lambda: f"[{a}, {b}] := [{t('any', depth)}, {t('any', depth)}]",
                lambda: f'[{a}, {b}] := split(input.image, ":")',
                lambda: f"some {a}, {b}; [{a}, {b}] = {self.one(('input.pairs[_]', t('arr', depth)))}",
                lambda: f"some {a}, {b}; [{a}, {b}] = [{t('any', depth)}, {a}]",
                lambda: f'{{"a": {a}, "b": {b}}} := {t("obj", depth)}',
                lambda: f'some {a}, {b}; [{a}, {{"k": {b}}}] = [{t("any", depth)}, {{"k": {a}}}]',
                lambda: f"some {a}, {b}; [[{a}, 2], {b}] = [[{t('num', depth)}, 2], {a}]",
                lambda: f"[{a}, [{b}, _]] := [{t('any', depth)}, [{t('any', depth)}, {t('any', depth)}]]",
                lambda: f'some {a}, {b}; {{"name": {a}, "image": {b}, "ports": _}} = input.containers[_]',
                lambda: f"some {a}, {b}; [{a}, {b}] = [{b}, {t('any', depth)}]",
            )
        )
        self.scope += [(a, "any"), (b, "any")]
        return made

    def every(self, depth: int) -> str:
        """``every``."""
        source = self.collection(depth)
        before = list(self.scope)
        names = [self.bind("any", "k"), self.bind("any", "e")] if self.often(0.3) else [self.bind("any", "e")]
        used = [f"{name} {self.one(('==', '!=', '<', '>='))} {self.leaf('any')}" for name in names]
        inside = "; ".join([*self.body(max(depth - 1, 0), 0, 1), *used])
        self.scope = before
        return f"every {', '.join(names)} in {source} {{ {inside} }}"

    def walking(self, depth: int) -> str:
        """``walk``."""
        path, value = self.name("p"), self.name("w")
        source = self.term(self.one(("obj", "arr", "set", "any")), depth)
        self.scope += [(path, "arr"), (value, "any")]
        if self.often(0.2):
            return f"walk({source}, [['a', {path}], {value}])".replace("'a'", '"a"')
        return (
            f"some {path}, {value}; walk({source}, [{path}, {value}])"
            if self.often(0.6)
            else f"walk({source}, [{path}, {value}])"
        )


KINDS: Final[Mapping[str, Callable[[Terms, int], str]]] = {
    "num": Terms.number,
    "str": Terms.text,
    "bool": Terms.boolean,
    "arr": Terms.array,
    "set": Terms.set,
    "obj": Terms.object,
    "ref": lambda terms, depth: terms.leaf("ref"),
    "null": lambda terms, depth: terms.leaf("null"),
}
