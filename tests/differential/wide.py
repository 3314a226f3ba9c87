"""Random modules that use the whole of the grammar: what :mod:`.small` makes, and every form beside it.

Spellings of numbers and strings, calls and composites in front of steps, set and object patterns, logical operators,
nested and chained ``with`` on functions and built-ins, ``print``, templates over lines, metadata, odd package names,
rules of one document in several modules, general heads, faults where nobody may look, conflicts, chance under memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Final

from .cases import Case
from .small import KEYS, SCALARS, WHOLE, Small
from .sound import mended

SPELLED: Final = (
    "1.0", "1e0", "10e-1", "0.1E1", "1.00", "100e-2", "2.0", "2e0", "20E-1", "0.0", "-0", "-0.0", "0e5", "-1", "1.5",
    "15e-1",
    "9007199254740993", "9007199254740992", "1e3", "1000", "1E+3", "0.5", "5e-1", "18446744073709551616", "1e20",
    "100000000000000000000",
)  # fmt: skip
WRITTEN: Final = (
    '"a"',
    '"\\u0061"',
    "`a`",
    '"b"',
    '"a.b"',
    '"a b"',
    '""',
    '"\\n"',
    "`\\n`",
    '"é"',
    '"\\u00e9"',
    '"if"',
    '"1"',
    '"1.0"',
)
PACKAGES: Final = ("t", "t", "t", "u", "u.v", "t.sub", 't["a b"]', 'u["x/y"].z', "t.deep.er", "system.x")
KEYWORDS: Final = ("if", "in", "not", "default", "package", "contains", "every", "some")
METADATA: Final = (
    "# METADATA\n# title: T",
    "# METADATA\n# scope: document\n# description: D",
    "# METADATA\n# custom:\n#   a: 1\n#   b: [x, {c: 2.0}]",
    "# METADATA\n# scope: rule\n# authors:\n# - A <a@example.com>\n# related_resources:\n# - https://example.com/x",
    "# METADATA\n# organizations: [x]\n# entrypoint: true",
    "# METADATA\n# schemas:\n# - input: {type: object}",
)
FAULTS: Final = (
    "1 / 0", "to_number({true | true})", 'to_number("x")', "count(input.n)", "lower(input.n)", 'json.unmarshal("{")',
    'sum(["a" | true])', "input.n + input.k", 'regex.match("[", "a")', "max(1 | 2)", 'time.parse_rfc3339_ns("x")',
)  # fmt: skip
"""Calls that mostly fail when they are evaluated; some are refused before."""
VOLATILE: Final = (
    'rand.intn("a", 1000000) - rand.intn("a", 1000000)',
    'uuid.rfc4122("a") == uuid.rfc4122("a")',
    'count({x | some i in [1, 2, 3]; x := rand.intn("b", 1000000 * (i - i + 1))})',
    'count({x | some _ in [1, 2, 3]; x := uuid.rfc4122("b")})',
    "time.now_ns()",
    "time.now_ns() - time.now_ns()",
    "time.date(time.now_ns())",
)


class Wide(Small):
    """Makes one case."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.logical = self.version == 1 and self.often(0.2)

    # --- terms

    def constant(self, depth: int = 1) -> str:
        r = self.random.random()
        if r < 0.12:
            return self.one(*SPELLED)
        if r < 0.18:
            return self.one(*WRITTEN)
        return super().constant(depth)

    def term(self, depth: int = 2) -> str:
        if self.often(0.75):
            return super().term(depth)
        inner = max(depth - 1, 0)
        choices: list[Callable[[], str]] = [
            lambda: self.one(*SPELLED),
            lambda: self.one(*WRITTEN),
            lambda: self.composite(inner),
            lambda: self.composite(inner),
            lambda: f"walk({self.ref(False)})",
            lambda: f"{self.term(inner)}, {self.term(inner)} in {self.ref(False)}".join("()"),
            lambda: f"({self.term(inner)} {self.one('+', '-', '*', '/', '%', '&', '|')} {self.term(inner)})",
            lambda: f"{{{self.term(inner)}: {self.term(inner)}, {self.term(0)}: {self.term(inner)}}}",
            lambda: self.one(*VOLATILE).join("()"),
            # OPA refuses these within the operands of logical operators
            lambda: self.chained().join("()"),
            lambda: self.chained().join("()"),
            lambda: self.one("rego.metadata.rule()", "rego.metadata.chain()") if self.version > self.logical else "1",
            lambda: f"object.get({self.ref(False)}, {self.array(inner)}, {self.term(0)})",
            lambda: f"json.unmarshal(json.marshal({self.term(inner)}))",
            lambda: f"{self.one('sum', 'max', 'min', 'sort', 'product')}({self.composite(inner)})",
            lambda: f"{self.one('startswith', 'endswith')}({self.term(inner)}, {self.one(*WRITTEN)})",
            lambda: f"numbers.range({self.one('0', '1', '2')}, {self.ref(False)})",
        ]
        if self.version:
            choices += [lambda: self.template(inner)] * 2
        return self.random.choice(choices)()

    def chained(self) -> str:
        """Operators side by side, of which some bind tighter than others."""
        operand: Callable[[], str] = lambda: self.one(
            "1", "2", "3", "0", "{1, 2}", "{2}", "input.n", "data.d.n", "true", "[1, true]", *self.bound()
        )
        signs = ("+", "-", "*", "/", "%", "&", "|", "==", "!=", "<", ">=", "in")
        return " ".join([operand(), *(f"{self.one(*signs)} {operand()}" for _ in range(self.random.randint(2, 4)))])

    def array(self, depth: int) -> str:
        """An array of terms."""
        return f"[{', '.join(self.some(lambda: self.term(depth), 0, 3))}]"

    def template(self, depth: int) -> str:
        """A template string, over lines now and then."""
        parts = self.some(
            lambda: self.one("", "m ", "\\{", "é", " ") + "{" + self.term(min(depth, 1)).replace("\n", " ") + "}", 1, 2
        )
        text = "".join(parts)
        return f"$`{text}`" if self.often(0.3) and "`" not in text and "\\" not in text else f'$"{text}"'

    def composite(self, depth: int) -> str:
        """Steps behind something that is no name: a composite value, a comprehension, a call."""
        fronts: list[Callable[[], str]] = [
            lambda: self.one(*WHOLE[:8]),
            lambda: self.array(depth),
            lambda: self.comprehension(depth),
            lambda: f"{{{self.term(0)}: {self.array(depth)}, {self.term(0)}: {self.term(0)}}}",
        ]
        if self.functions:
            fronts += [lambda: self.call(depth)] * 2
        return self.random.choice(fronts)() + "".join(self.some(lambda: self.step(True), 1, 2))

    def step(self, free: bool) -> str:
        r = self.random.random()
        if r < 0.04 and self.version:
            return f".{self.one(*KEYWORDS)}"
        if r < 0.08:
            return f"[{self.one(*SPELLED, *WRITTEN)}]"
        if r < 0.11:
            return f"[{self.ref(False)}]"
        if r < 0.13:
            return f"[[{self.term(0)}, {self.term(0)}]]"
        if r < 0.15 and self.functions:
            return f"[{self.call(1)}]"
        return super().step(free)

    def pattern(self, depth: int = 2) -> str:
        r = self.random.random()
        if r < 0.05:
            return self.one(*SPELLED, *WRITTEN)
        if r < 0.08 and self.bound():
            return f"{{{self.one(*self.bound())}, {self.one(*SCALARS)}}}"
        if r < 0.12 and self.bound() and depth > 0:
            return f"{{{self.one(*self.bound())}: {self.pattern(depth - 1)}}}"
        if r < 0.15:
            return self.ref(False)
        return super().pattern(depth)

    # --- statements

    def plain(self, depth: int) -> str:
        if self.often(0.8):
            return super().plain(depth)
        inner = max(depth - 1, 0)
        choices: list[Callable[[], str]] = [
            lambda: self.several(depth),
            lambda: f"print({', '.join(self.some(lambda: self.term(inner), 0, 3))})",
            lambda: f"{self.term(inner)}, {self.term(inner)} in {self.term(inner)}",
            lambda: f"not {self.term(inner)}, {self.term(inner)} in {self.ref(False)}",
            lambda: f"{self.array(inner)} = {self.pattern()}",
            lambda: f"{{{self.pattern(0)} | {self.statement(inner)}}} = {self.pattern()}",
            lambda: f"every {self.declared_name()} in {self.term(inner)} {{ {self.term(0)} != {self.term(0)} }}",
            lambda: f"{self.pattern()} == {self.pattern()}",
            lambda: self.one(*FAULTS),
            lambda: f"not {self.one(*FAULTS)}",
            lambda: f"{self.declare(self.fresh())} := {self.one(*FAULTS)}",
            lambda: f"walk({self.term(inner)}, {self.declare(self.fresh())})",
            lambda: f"{self.composite(inner)} = {self.pattern()}",
            lambda: self.term(inner) + self.nested(),
            lambda: self.ref(False) + self.nested(),
        ]
        if self.logical:
            choices += [
                lambda: f"not {{ {'; '.join(self.closed(inner))} }}",
                lambda: f"{self.operand(inner)} and {self.operand(inner)}",
                lambda: f"{self.operand(inner)} or {self.operand(inner)}",
                lambda: f"not ({self.operand(inner)} or {self.operand(inner)})",
                lambda: f"{self.operand(inner)} and {self.operand(inner)} or {self.operand(inner)}",
            ] * 3
        return self.random.choice(choices)()

    def declared_name(self) -> str:
        """A variable for ``every``, which nothing else sees."""
        return self.fresh()

    def several(self, depth: int) -> str:
        """Several variables declared at once, and used."""
        names = [self.fresh()]
        self.declare(names[0])
        names.append(self.declare(self.fresh()))
        return f"some {', '.join(names)}; {self.root()}[{names[0]}][{names[1]}]"

    def closed(self, depth: int) -> list[str]:
        """A body whose variables stay inside."""
        self.frames.append([])
        made = self.body(depth, 1, 2)
        self.frames.pop()
        return made

    def operand(self, depth: int) -> str:
        """An operand of a logical operator."""
        if self.often(0.3):
            return "{ " + "; ".join(self.closed(depth)) + " }"
        return self.pick(
            lambda: self.ref(False),
            lambda: f"{self.ref(False)} == {self.term(0)}",
            lambda: f"({self.term(0)} in {self.ref(False)})",
            lambda: f"not {self.ref(False)}",
            lambda: self.one("true", "false"),
        )

    def nested(self) -> str:
        """``with`` on functions, built-ins and documents, several at once."""
        return "".join(self.some(self.exchange, 1, 3))

    def exchange(self) -> str:
        """One ``with`` on something that is called, or on documents."""
        own = [name for name, _ in self.functions]
        value = self.pick(
            lambda: self.term(0),
            lambda: self.one(*own) if own else "1",
            lambda: self.one("lower", "count", "type_name", "is_string", "upper", "json.marshal"),
        )
        documents = [n if n.startswith("data.") else f"data.t.{n}" for n in self.rules if n not in ("io", "imported")]
        target = self.pick(
            lambda: self.one(
                "count", "lower", "type_name", "upper", "json.marshal", "time.now_ns", "is_string", "rand.intn"
            ),
            lambda: self.one(*own) if own else "count",
            lambda: self.one(*own) if own else "input.o",
            lambda: self.one(*documents) if documents else "data.d",
            lambda: self.one(
                "input", "input.o.a", "input.l", "data.d.o", "data.d", "data.u", "data.t", "http.send", "opa.runtime"
            ),
        )
        if value.split(".")[-1] in {n.split(".")[-1] for n in own} and target.startswith(("data", "input")):
            value = self.term(0)  # OPA puts the name itself there, and then breaks on it
        return f" with {target} as {value}"

    # --- rules

    def rule(self) -> str:
        if self.often(0.72):
            made = super().rule()
        else:
            made = self.pick(
                self.hidden, self.hidden, self.clashing, self.chance, self.general, self.general, self.asked,
                self.stranger, self.wrapped, self.mocked, self.described, self.defaulted,
            )  # fmt: skip
        if self.version and self.often(0.06):
            return f"{self.one(*METADATA)}\n{made}"
        return made

    def is_(self) -> str:
        """How a value is given."""
        return ":=" if self.version else "="

    def if_(self) -> str:
        """What stands before a body."""
        return "if " if self.version else ""

    def hidden(self) -> str:
        """An object or a set with a fault in some part, and a rule that asks for one part."""
        name, asking = self.rule_name("o"), self.rule_name("q")
        is_, if_ = self.is_(), self.if_()
        parts = [
            f'{name}["a"] {is_} {self.constant()}',
            f'{name}["b"] {is_} x {if_}{{ x := {self.one(*FAULTS)} }}',
            f'{name}["c"] {is_} {self.one("1", "2")} {if_}{{ {self.ref(False)} }}',
            f"{name}[k] {is_} {self.one('v', '[v, 1]', '1')} {if_}{{ v := input.o[k] }}",
            f'{name}["a"] {is_} {self.constant()}',
        ]
        chosen = self.random.sample(parts, self.random.randint(2, 4))
        wanted = self.one(".a", ".b", '["c"]', "[input.k]", "[_]", "[k]", "", ".x")
        how = self.pick(
            lambda: f"{asking} {is_} {name}{wanted.replace('[k]', '[_]')}",
            lambda: f"{asking} {if_}{{ {name}{wanted} }}",
            lambda: f"{asking} {if_}{{ {name}{wanted} == {self.constant(0)} }}",
            lambda: f"{asking} {if_}{{ not {name}.a }}",
            lambda: f"{asking} {is_} [x | x := {name}.a]",
            lambda: f"{asking} {if_}{{ {self.constant(0)} in {name} }}" if self.version else f"{asking} = {name}.a",
            lambda: f'{asking} {if_}{{ {name}.a with input.o as {{"a": 1}} }}',
        )
        self.rules += [asking]
        return "\n\n".join([*chosen, how])

    def clashing(self) -> str:
        """Values that meet: a complete rule, a function, keys of an object, equal in other spellings now and then."""
        name = self.rule_name("c")
        is_, if_ = self.is_(), self.if_()
        values = self.some(lambda: self.one("1", "1.0", "2", "true", "[1]", "[1.0]", "{1}", '"a"'), 2, 2)
        self.rules.append(name)
        return self.pick(
            lambda: f"{name} {is_} {values[0]}\n\n{name} {is_} {values[1]} {if_}{{ {self.ref(False)} }}",
            lambda: f"{name} {is_} x {if_}{{ x := {self.root()}[_] }}",
            lambda: f"{name} {is_} {{k: v | k := type_name(v); v := {self.one('input.o', 'input.l', 'data.d.l')}[_]}}",
            lambda: f"{name}[k] {is_} v {if_}{{ v := input.l[_]; k := type_name(v) }}",
            lambda: f"{name}.a[k] {is_} v {if_}{{ v := input.o[_]; k := type_name(v) }}",
            lambda: f"{name}_f(x) {is_} y {if_}{{ y := x[_] }}\n\n{name} {is_} {name}_f({self.ref(False)})",
            lambda: (
                f"{name}_f(_) {is_} {values[0]}\n\n{name}_f({self.one('1', 'x')}) {is_} {values[1]}\n\n"
                f"{name} {is_} {name}_f(1)"
            ),
        )

    def chance(self) -> str:
        """Something volatile behind functions that may be remembered."""
        name = self.rule_name("v")
        is_, if_ = self.is_(), self.if_()
        call = self.one('rand.intn("s", 1000000000)', 'uuid.rfc4122("s")', "time.now_ns()")
        self.rules.append(name)
        seen = f"count({{{name}_h(1), {name}_h(2), {name}_h(input.n)}})"
        return (
            f"{name} {is_} [x, y] {if_}{{ x := {name}_g(1); y := {seen} }}\n\n"
            f"{name}_g(_) {is_} z {if_}{{ z := {call} == {call} }}\n\n{name}_h(_) {is_} type_name({call})"
        )

    def general(self) -> str:
        """Heads with variables at any depth, and constants below them."""
        name = self.rule_name("g")
        is_, if_ = self.is_(), self.if_()
        steps = [
            self.one("[x]", "[y]", ".a", '["b"]', "[1]", "[true]", '["a b"]', "[[x, 1]]", "[input.k]")
            for _ in range(self.random.randint(1, 3))
        ]
        path = "".join(steps)
        body = (
            f"{if_}{{ x := {self.root_of()}[y] }}" if self.often(0.7) else f"{if_}{{ some x, y in {self.root_of()} }}"
        )
        if self.version == 0:
            body = f"{{ x := {self.root_of()}[y] }}"
        made = f"{name}{path} {is_} {self.one('x', 'y', '1', '[x, y]', 'true', 'x')} {body}"
        if self.version and self.often(0.3):
            made = f"{name}{path} contains {self.one('x', 'y', '[x, y]')} {body}"
        more = ""
        if self.often(0.4):
            more = f"\n\n{name}{self.one('.a', '[x]', '.b.c', '[y].a')} {is_} {self.one('x', '1')} {body}"
        self.rules += [name] if self.often(0.6) else [name, f"{name}{self.one('.a', '[1]', '.b')}"]
        return made + more

    def root_of(self) -> str:
        """Something to go through."""
        return self.one("input.o", "input.l", "data.d.o", "data.d.l", "input", '{"a": "b", 1: "a"}', '["a", "b", 1]')

    def asked(self) -> str:
        """Sets that are asked for members."""
        name, asking = self.rule_name("s"), self.rule_name("q")
        is_, if_ = self.is_(), self.if_()
        member = self.one("x", "[x, y]", "y", "1", '[y, "a"]', "{x}", '{"a": x}')
        head = f"{name} contains {member}" if self.version else f"{name}[{member}]"
        value = self.pick(
            lambda: self.term(0),
            lambda: self.one("1", "1.0", '"a"', "[1, 0]", '["a", 0]', "input.n", "{1}", '{"a": 1}'),
        )
        self.rules += [name, asking]
        test = f"{value} in {name}" if self.version else f"{name}[{value}]"
        return f"{head} {if_}{{ x := {self.root_of()}[y] }}\n\n" + self.pick(
            lambda: f"{asking} {if_}{{ {test} }}",
            lambda: f"{asking} {if_}{{ not {test} }}",
            lambda: f"{asking} {is_} {{z | z := {self.root_of()}[_]; {name}[z]}}",
            lambda: f"{asking} {if_}{{ {name}[{value}]; {name}[_] }}",
            lambda: f"{asking} {if_}{{ {test} }}\n\n{name}_more {is_} {name}",
            lambda: f"{asking} {is_} [z | {name}[[z, _]]]",
        )

    def stranger(self) -> str:
        """A rule with a keyword or odd text in its name."""
        name = self.rule_name("k")
        if not self.version:
            return f'{name}["a b"] = 1'
        self.rules.append(name)
        return self.pick(
            lambda: f"{name}.{self.one(*KEYWORDS)} := {self.term(1)}",
            lambda: f'{name}["a b"].c := {self.term(1)}',
            lambda: f"{name}.{self.one(*KEYWORDS)} contains {self.term(1)}",
            lambda: f"{name}.f(x) := [x, {self.term(0)}]\n\n{name}_u := {name}.f(1)",
            lambda: f"{name}.b.f(x, [y]) := x if y\n\n{name}_u := {name}.b.f({self.term(0)}, [true])",
        )

    def wrapped(self) -> str:
        """A comprehension whose head has references and calls of its own."""
        name = self.rule_name("w")
        self.frames = [[]]
        self.rules.append(name)
        return f"{name} {self.is_()} {self.comprehension(2)}"

    def mocked(self) -> str:
        """Functions that call each other, replaced by one another and by values."""
        name = self.rule_name("m")
        is_, if_ = self.is_(), self.if_()
        self.rules.append(name)
        self.functions.append((f"{name}_f", 1))
        return (
            f"{name}_f(x) {is_} [{self.one('count(x)', 'x', 'lower(x)', 'type_name(x)')}, 1]\n\n"
            f"{name}_g(x) {is_} [{name}_f(x), 2]\n\n"
            f"{name} {is_} x {if_}{{ x := {name}_g({self.term(0)}){self.nested()} with {name}_f as "
            f"{self.one(f'{name}_h', 'count', '3', 'type_name', f'{name}_f')} }}\n\n"
            f"{name}_h(x) {is_} [x, 4]{self.one('', f' {if_}{{ x }}')}"
        )

    def described(self) -> str:
        """Rules that read their own metadata."""
        if not self.version or self.logical:
            return self.truth()
        name = self.rule_name("d")
        self.rules.append(name)
        call = self.one("rego.metadata.rule()", "rego.metadata.chain()", "rego.metadata.rule().custom")
        return f"{self.one(*METADATA)}\n{name} := {call}{self.one('', ' if { input.n }')}"

    def defaulted(self) -> str:
        """A default beside clauses that fail or clash."""
        name = self.rule_name("p")
        is_, if_ = self.is_(), self.if_()
        self.rules.append(name)
        self.frames = [[]]
        return (
            f"default {name} {is_} {self.constant()}\n\n{name} {is_} {self.term(1)}{self.when()}"
            f" else {is_} {self.term(0)} {if_}{{ {self.ref(False)} }}"
        )

    # --- modules

    def module(self, package: str, low: int, high: int, imports: tuple[str, ...] = ()) -> str:
        if self.logical:
            imports = (
                *imports,
                "import future.keywords.and\n\nimport future.keywords.or\n\nimport future.keywords.not",
            )
        made = super().module(package, low, high, imports)
        if self.version == 1 and self.often(0.03):
            made = made.replace("\n\n", "\n\nimport rego.v1\n\n", 1)
        if self.version and self.often(0.1):
            scope = self.one("package", "subpackages")
            made = f"# METADATA\n# scope: {scope}\n# title: {scope}\n# custom: {{a: 1}}\n{made}"
        return made

    def case(self) -> Case:
        modules: list[str] = []
        imports: list[str] = []
        for _ in range(self.random.choice((0, 0, 1, 1, 2))):
            package = self.one(*PACKAGES)
            modules.append(self.module(package, 1, 2, tuple(imports)))
            path = f"data.{package}"
            self.rules = [
                n if n.startswith("data.") else f"{path}.{n}" for n in self.rules if n not in ("io", "imported")
            ]
            self.functions = [(n if n.startswith("data.") else f"{path}.{n}", a) for n, a in self.functions]
            imports = []
            if self.rules and self.often(0.3):
                imports.append(f"import {self.random.choice(self.rules).partition('[')[0]} as imported")
                self.rules.append("imported")
            if self.often(0.2):
                imports.append("import input.o as io")
                self.rules.append("io")
        modules.append(self.module("t", 1, 4, tuple(imports)))
        if self.often(0.3):
            self.random.shuffle(modules)
        return Case(
            modules=tuple(modules),
            data=self.data(),
            input=self.input(),
            query=self.question(),
            strict=self.often(0.3),
            version=self.version,
            strict_compile=self.often(0.04),
        )

    def question(self) -> str:
        if self.version == 0 or self.often(0.8):
            return super().question()
        own = [n if n.startswith("data.") else f"data.t.{n}" for n in self.rules if n not in ("io", "imported")] or [
            "data.t"
        ]
        rule = self.one(*own)
        return self.one(
            f"some x in {rule}; y := [x, 1]",
            f"every x in {rule} {{ x != 1 }}",
            f"{rule}; {rule} == {rule}",
            f'x := {rule} with input as {{"o": {{"a": 1}}, "l": [1], "n": 1}} with data.d as {{}}',
            f'x := $"{{{rule}}}"',
            f"[x, y] := [{rule}, {rule}]",
            f"x = {{k: v | v := {rule}[k]}}",
            f"print({rule})",
            "x := input.n; y := x + 1; z := [x, y][_]",
            f"{rule}[x][y] = z",
            f"not not_there; x := {rule}".replace("not not_there", "not data.nope"),
            json.dumps(KEYS[0]) + f" = x; {rule}",
        )


def wide(seed: int) -> Case:
    """The case of a seed."""
    return mended(lambda random: Wide(random).case(), seed)
