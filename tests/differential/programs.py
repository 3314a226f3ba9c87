"""Random modules with their documents: rules of every kind over random bodies."""

from __future__ import annotations

import json
from collections.abc import Callable

from .cases import Case
from .sound import mostly_sound
from .terms import Terms
from .words import KEYS, NUMBERS, STRINGS

FAULTY = (
    "bad := 01",
    "bad if { true",
    "bad := nosuch(1)",
    "bad := 1\n\nbad contains 2",
    "bad := x",
    "bad := lower(1)",
    "bad if not x == 1",
    "bad(x) := 1\n\nbad(x, y) := 2",
    "bad if { x := 1; x := 2 }",
    "bad if { some x }",
    "default bad := input.x",
    "bad := count(1)",
    'bad := 1 + "a"',
    "bad if bad",
    "bad := [x | not x]",
    "bad[x] := 1",
    "import data.a\nimport data.a",
    "bad := input with input.x as y",
    'bad := {"a": 1}.b',
    "bad := [1, 2][5]",
    "bad if { every x in [1] { y > x } }",
    "bad contains x if x > 1",
    "bad := lower",
    "bad := input.x(1)",
    "input := 1",
    "data := 1",
    "bad if { input := 1 }",
    "bad if { [x, x] := [1, 2] }",
    "bad := 1 if {}",
    "bad := {x: 1 | x}",
    'bad := "',
    "bad := `a",
    "bad := 1e",
    "bad := 'a'",
    "bad == 1",
    'bad := $"{x}"',
    "bad if { _ := 1; x = _ }",
    "default bad(x) := x",
    "default bad := 1\n\ndefault bad := 2",
    "bad := data.t.nofun(1)",
    "bad if { x = y; y = x }",
    "bad := startswith(1, 2)",
    'bad := sum({"a": 1})',
    "bad := {1} + 1",
    "bad := [1] | {1}",
    "bad := object.get(1, 2, 3)",
    "bad if 1 in 2",
    "bad := 5 in {5}",
    "bad := all([true])",
    "bad := any({true})",
    "bad if { some x in [1]; some x in [2] }",
    "bad(x) := y",
    "bad.a := 1\n\nbad.a.b := 2",
    "bad := 1 with count as lower",
    "bad := count([1]) with count as 1",
    "bad := time.now_ns(1)",
    "bad := 1 if true else 2 if false",
    'bad := trim("a")',
    'bad := true == "a"',
    'bad := 1 == "a"',
    "bad := {1} == [1]",
    'bad := "\\q"',
    "bad if { not some x in [1] }",
    'bad := {"a": 1, "a": 2}',
    'bad := sprintf("%d", 1)',
    "bad := -x",
    "bad := - 5",
    "bad := [1,]",
    "bad := {1,}",
    "bad := {,}",
    "bad if { a := b; b := 1 }",
    "bad := a.b",
    "bad[1] contains 2\n\nbad[1] := 2",
    "bad := f if { f := 1; f(1) }",
    "bad contains 1\n\nbad.x := 1",
    'bad := 1\n\nbad := "x" if false',
    "a.b.bad := 1\n\na.b := {}",
    "bad { true }",
    "bad[x] { x := 1 }",
    "package x",
    "import input.foo as bar\n\nbad := bar",
    "import data.nope.x\n\nbad := x",
    "bad := x if { x = [1, y]; y = 2 }",
    "bad := json.patch({}, 1)",
    "bad := input[x][y]",
    "bad := [y | input[y]; z]",
    "bad if { x > 1; x = 2 }",
    'bad := regex.match("[", "a")',
    "bad := 1 / 0",
    "f(x) if f(x)",
    "p if q\n\nq if p",
    "bad contains f(1)\n\nf(x) := count(bad)",
    "bad := x if some x in [1, 2]\n",
    "bad(1) := 2\n\nbad := 3",
    "bad := walk([1])",
)
"""Rules of which most cannot be compiled."""

OTHERS = ("null", "false", "[]", '{"a": 1}')


class Programs(Terms):
    """Makes cases."""

    def case(self) -> Case:
        """A module, or a library and a module, with documents and the question."""
        self.scope, self.rules, self.functions, self.made = [], [], [], 0
        modules = []
        if self.often(0.12):
            modules.append(self.module("lib.x", 1, 3))
            self.rules = [(f"data.lib.x.{n.removeprefix('data.lib.x.')}", k) for n, k in self.rules]
            self.functions = [(f"data.lib.x.{n}", a) for n, a in self.functions]
        modules.append(self.module("t", 1, 4))
        strict = self.often(0.3)
        query = "data.t = x" if strict or self.often(0.8) else self.question()
        return Case(modules=tuple(modules), data=self.data(), input=self.input(), query=query, strict=strict)

    def question(self) -> str:
        """A query that is more than a path."""
        own = [n for n, _ in self.rules if "." not in n and "[" not in n] or ["r0"]
        rule = self.one(own)
        return self.one(
            (
                f"data.t.{rule} = x",
                f"data.t.{rule}[k] = x",
                f"x = data.t.{rule}; y = count(x)",
                f'data.t[k] = x; not k == "{rule}"',
                f"some k; data.t.{rule}[k][l] = x",
                "walk(data.t, [p, x])",
                f"data.t.{rule} == x; x = input.n",
                f"x = data.t.{rule} with input.n as 7",
            )
        )

    def module(self, package: str, low: int, high: int) -> str:
        """A module of a few rules."""
        parts = [f"package {package}"]
        for _ in range(self.random.randint(low, high)):
            parts.append(self.rule())
        if self.often(0.08):
            parts.append(self.one(FAULTY))
        if self.often(0.1):
            parts[1:] = self.random.sample(parts[1:], len(parts) - 1)
        return "\n\n".join(parts) + "\n"

    def when(self, depth: int, low: int = 1, high: int = 3) -> str:
        """``if`` and a body."""
        body = self.body(depth, low, high)
        if len(body) == 1 and self.often(0.2) and "; " not in body[0]:
            return f" if {body[0]}"
        lines = "\n".join(f"\t{one}" for one in body)
        return f" if {{\n{lines}\n}}"

    def head(
        self,
        before: str,
        kinds: tuple[str, ...] = ("num", "str", "bool", "arr", "set", "obj", "any"),
        depth: int = 1,
        sure: float = 0.75,
    ) -> str:
        """`` := value if body`` after what stands before it; the scope is as it was afterwards."""
        kept = list(self.scope)
        body = self.when(2) if self.often(sure) else ""
        made = f"{before} := {self.term(self.one(kinds), depth)}{body}"
        self.scope = kept
        return made

    def rule(self) -> str:
        """One rule of any kind, perhaps in several parts."""
        make = self.random.choice(
            (
                self.complete,
                self.complete,
                self.chain,
                self.members,
                self.members,
                self.partial_object,
                self.referenced,
                self.function,
                self.function,
                self.patterns,
                self.constant,
            )
        )
        self.scope = []
        return make()

    def known(self, name: str, kind: str) -> None:
        """Lets later rules use this one."""
        self.rules.append((name if self.often(0.8) else f"data.t.{name}", kind))

    def constant(self) -> str:
        """A rule without a body."""
        kind = self.one(("num", "str", "arr", "set", "obj"))
        name = self.name("k")
        made = f"{name} := {self.term(kind, 2)}"
        self.known(name, kind)
        return made

    def complete(self) -> str:
        """A complete rule, perhaps twice, perhaps with a default."""
        name = self.name("r")
        kind = self.one(("num", "str", "bool", "arr", "set", "obj"))
        parts = [f"default {name} := {self.literal()}"] if self.often(0.25) else []
        for _ in range(2 if self.often(0.2) else 1):
            parts.append(name + self.when(2) if self.often(0.15) else self.head(name, (kind,)))
            self.scope = []
        self.known(name, kind)
        return "\n\n".join(parts)

    def literal(self) -> str:
        """A value a default may have."""
        return self.one(
            (
                self.one(NUMBERS[:18]),
                self.string(),
                "null",
                "false",
                "[]",
                "{}",
                "set()",
                '[1, "a"]',
                '{"a": [x | x := 1]}',
                "{1, 2}",
            )
        )

    def chain(self) -> str:
        """A rule with ``else``."""
        name = self.name("e")
        made = self.head(name, sure=1)
        last = self.random.randint(0, 2)
        for i in range(last + 1):
            self.scope = []
            made += self.head(" else", sure=0.5 if i == last else 1)
        self.known(name, "any")
        return made

    def members(self) -> str:
        """A partial set."""
        name = self.name("s")
        parts = []
        for _ in range(self.random.randint(1, 2)):
            self.scope = []
            body = self.when(2) if self.often(0.85) else ""
            parts.append(f"{name} contains {self.term('any', 1)}{body}")
        self.known(name, "set")
        return "\n\n".join(parts)

    def partial_object(self) -> str:
        """A partial object."""
        name = self.name("o")
        body = self.when(2)
        key = self.term("any" if self.often(0.1) else "str", 1)
        parts = [f"{name}[{key}] := {self.term('any', 1)}{body}"]
        self.scope = []
        if self.often(0.3):
            parts.append(f"{name}[{json.dumps(self.one(('fix', 'zz', 'a')))}] := {self.term('any', 0)}")
        self.scope = []
        self.known(name, "obj")
        return "\n\n".join(parts)

    def referenced(self) -> str:
        """A rule whose head is a reference."""
        name = self.name("g")
        parts = []
        form = self.random.randrange(8)
        for _ in range(self.random.randint(1, 2)):
            self.scope = []
            body = self.when(2)
            key, other = self.term("str", 0), self.term("str", 0)
            value = self.term("any", 1)
            parts.append(
                (
                    f"{name}[{key}].z := {value}{body}",
                    f"{name}[{key}] contains {value}{body}",
                    f"{name}[{key}][{other}] := {value}{body}",
                    f'{name}.sub["k"] := {value}{body}',
                    f"{name}.deep.er contains {value}{body}",
                    f"{name}[{key}][{other}] contains {value}{body}",
                    f"{name}.deep[{key}] := {value}{body}",
                    f"{name}.a.b.c := {value}{body}",
                )[form]
            )
        self.scope = []
        if self.often(0.2):
            parts.append(f"{name}.other := {self.term('any', 0)}")
        self.scope = []
        self.known(self.one((name, name, f"{name}.sub", f"{name}.deep", f'{name}["a"]')), "obj")
        return "\n\n".join(parts)

    def function(self) -> str:
        """A function with variables for arguments, perhaps with else and a default, and a rule that calls it."""
        name = self.name("f")
        arity = self.random.choice((1, 1, 2))
        parts = [f"default {name}({', '.join(['_'] * arity)}) := {self.literal()}"] if self.often(0.15) else []
        for _ in range(2 if self.often(0.2) else 1):
            self.scope = []
            arguments = [self.bind("any", "a") for _ in range(arity)]
            follow = self.random.choice((0, 0, 1, 2))
            made = self.head(f"{name}({', '.join(arguments)})", sure=1 if follow else 0.75)
            for i in range(follow):
                made += self.head(" else", sure=0.5 if i == follow - 1 else 1)
            parts.append(made)
        self.scope = []
        self.functions.append((name, arity))
        return "\n\n".join([*parts, self.use()])

    def patterns(self) -> str:
        """A function with patterns for arguments."""
        name = self.name("f")
        arity = self.random.choice((1, 2))
        parts = []
        for _ in range(self.random.randint(1, 3)):
            self.scope = []
            parts.append(self.head(f"{name}({', '.join(self.pattern_argument() for _ in range(arity))})"))
        self.scope = []
        self.functions.append((name, arity))
        return "\n\n".join([*parts, self.use(), self.use()])

    def pattern_argument(self) -> str:
        """What may stand for an argument: a literal, a variable, or a composite of both."""
        return self.chosen(
            (
                self.literal,
                lambda: f"[{self.bind('any', 'a')}, {self.bind('any', 'a')}]",
                lambda: f'{{"a": {self.bind("any", "a")}}}',
                lambda: self.one(("_", "[]", "[1, _]", '"a"', "input.n", "[x, x]")),
                lambda: self.bind("any", "a"),
            )
        )

    def use(self) -> str:
        """A rule that calls a function."""
        name = self.name("u")
        made = f"{name} := {self.call_own(2)}"
        self.known(name, "any")
        return made

    def data(self) -> str:
        """The base documents."""
        number: Callable[[], str] = lambda: self.one(NUMBERS[:20])
        text: Callable[[], str] = lambda: json.dumps(self.one(STRINGS))
        both: Callable[[Callable[[], str]], str] = lambda make: f"[{make()}, {make()}]"
        place: Callable[[str], str] = lambda images: f'{{"max": {number()}, "images": {images}}}'
        fields = {
            "limits": f'{{"a": {number()}, "b": {number()}}}',
            "allow": both(text),
            "list": f"[{number()}, null, {text()}, [{number()}]]",
            "db": f'{{"prod": {place(both(text))}, "dev": {place("[]")}}}',
        }
        return "{" + ", ".join(f'"{k}": {v}' for k, v in fields.items()) + "}"

    def input(self) -> str | None:
        """The input, of which each part may be missing."""
        if self.often(0.02):
            return None
        number: Callable[[], str] = lambda: self.one(NUMBERS)
        text: Callable[[], str] = lambda: json.dumps(self.one(STRINGS))
        some: Callable[[Callable[[], str]], str] = lambda make: ", ".join(self.many(make, 0, 3))
        fields = {
            "n": number(),
            "m": number(),
            "big": self.one(("12345678901234567890.5", "1e30", "9007199254740993", "1E-7", "100000000000000000000000")),
            "nums": f"[{some(number)}]",
            "words": f"[{some(text)}]",
            "mixed": f"[{some(lambda: self.one((number(), text(), *OTHERS)))}]",
            "matrix": f"[[{some(number)}], [{number()}]]",
            "pairs": f'[["a", {number()}], [{text()}, {number()}]]',
            "labels": self.keyed(text, 3),
            "counts": self.keyed(number, 2),
            "image": text(),
            "name": text(),
            "ns": self.one(('"prod"', '"dev"', '"x"')),
            "ver": text(),
            "ts": text(),
            "cidr": text(),
            "ok": self.one(("true", "false")),
            "nil": "null",
            "tree": f'{{"a": {{"b": [{number()}, {{"c": {text()}}}]}}, "k": {number()}}}',
            "containers": f"[{', '.join(self.container(i) for i in range(self.random.randint(1, 3)))}]",
        }
        return "{" + ", ".join(f'"{k}": {v}' for k, v in fields.items() if self.often(0.93)) + "}"

    def keyed(self, make: Callable[[], str], count: int) -> str:
        """A JSON object with some of the usual keys."""
        fields = [f"{json.dumps(k)}: {make()}" for k in self.random.sample(KEYS, count)]
        return "{" + ", ".join(fields) + "}"

    def container(self, index: int) -> str:
        """A container."""
        private = self.one(("", ', "priv": true', ', "priv": false'))
        ports = ", ".join(self.many(lambda: self.one(("80", "443", "22")), 0, 2))
        image = json.dumps(self.one(STRINGS))
        return f'{{"name": "c{index}", "image": {image}, "ports": [{ports}]{private}}}'


def program(seed: int) -> Case:
    """The case of a seed."""
    return mostly_sound(lambda random: Programs(random).case(), seed)
