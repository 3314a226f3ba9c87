"""Random modules over very few values, so that what they compare, join and look up meets often.

Where :mod:`.programs` calls every built-in, these ask what the language itself does: iteration, unification, closures
and their shadows, rules in many clauses and shapes, documents mixed with rules, and ``with``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Final

from .cases import Case
from .sound import mostly_sound

NAMES: Final = ("x", "y", "z", "k", "v", "a", "b", "p", "q", "w", "n", "m")
"""What variables are called: few names, so that inner ones hide outer ones."""
SCALARS: Final = (
    "0",
    "1",
    "1",
    "2",
    "2",
    "3",
    "1.0",
    "2e0",
    '"a"',
    '"a"',
    '"b"',
    '"b"',
    '"c"',
    "true",
    "false",
    "null",
)
"""The values, some numbers in several spellings."""
WHOLE: Final = (
    "[1, 2]",
    '["a", "b"]',
    '{"a": 1}',
    '{"a": 1, "b": 2}',
    "{1, 2}",
    '{"a"}',
    "[]",
    "{}",
    "set()",
    "[[1, 2]]",
    "{[1, 2]}",
)
"""Composite constants."""
KEYS: Final = ("a", "b", "c", "d")
STEPS: Final = ('"a"', '"b"', "0", "1", "1.0", "true", "null", "[1, 2]", '{"a": 1}', "{1, 2}", '"c"', "2")
"""Constants in brackets."""


class Small:
    """Makes one case."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.version = 0 if self.often(0.15) else 1
        self.frames: list[list[str]] = [[]]
        self.rules: list[str] = []
        self.functions: list[tuple[str, int]] = []
        self.made = 0
        self.depth = 0

    def often(self, share: float) -> bool:
        """True in that share of the calls."""
        return self.random.random() < share

    def one(self, *choices: str) -> str:
        """One of several texts."""
        return self.random.choice(choices)

    def pick(self, *choices: Callable[[], str]) -> str:
        """What one of several makers makes."""
        return self.random.choice(choices)()

    def some(self, make: Callable[[], str], low: int, high: int) -> list[str]:
        """A few of what is made."""
        return [make() for _ in range(self.random.randint(low, high))]

    # --- names

    def bound(self) -> list[str]:
        """The variables that may be used here."""
        return [name for frame in self.frames for name in frame]

    def fresh(self) -> str:
        """A name that may be declared here: one that hides an outer one, now and then."""
        own = self.frames[-1]
        everywhere = self.bound()
        hiding = [n for n in everywhere if n not in own]
        if hiding and len(self.frames) > 1 and self.often(0.3):
            return self.random.choice(hiding)
        free = [n for n in NAMES if n not in everywhere]
        return self.random.choice(free) if free else f"x{len(everywhere)}"

    def declare(self, name: str) -> str:
        """Puts a name into scope."""
        self.frames[-1].append(name)
        return name

    def rule_name(self, letter: str) -> str:
        """A name for a rule."""
        self.made += 1
        return f"{letter}{self.made}"

    # --- terms

    def constant(self, depth: int = 1) -> str:
        """A value."""
        if depth <= 0 or self.often(0.6):
            return self.one(*SCALARS)
        if self.often(0.5):
            return self.one(*WHOLE)
        return self.pick(
            lambda: f"[{', '.join(self.some(lambda: self.constant(depth - 1), 1, 3))}]",
            lambda: f"{{{', '.join(self.some(lambda: self.constant(depth - 1), 1, 3))}}}",
            lambda: "{" + ", ".join(f'"{k}": {self.constant(depth - 1)}' for k in self.random.sample(KEYS, 2)) + "}",
        )

    def root(self) -> str:
        """What a reference starts with."""
        roots = ["input", "input", "input.o", "input.l", "input.n", "data.d", "data.d", "data.d.o", "data.d.l"]
        roots += self.rules * 3
        roots += self.bound()
        if self.often(0.05):
            return self.one(
                "data.t", "data.u", "data", "[1, 2, [1, 2]]", '{"a": {"b": 1}, 1: 2}', '{"a", [1, 2]}', "input[input.k]"
            )
        return self.random.choice(roots)

    def step(self, free: bool) -> str:
        """One step of a reference; with a new variable or a blank where those are allowed."""
        r = self.random.random()
        if r < 0.3:
            return f".{self.one(*KEYS)}"
        if r < 0.5:
            return f"[{self.one(*STEPS)}]"
        if r < 0.75 and self.bound():
            return f"[{self.one(*self.bound())}]"
        if not free or r < 0.82:
            return f"[{self.one('input.k', 'input.i', 'data.d.k', *self.bound())}]"
        if r < 0.92:
            return "[_]"
        return f"[{self.declare(self.fresh())}]"

    def ref(self, free: bool = True) -> str:
        """A reference."""
        root = self.root()
        return root + "".join(self.some(lambda: self.step(free), 0 if root != "input" and root != "data" else 1, 2))

    def term(self, depth: int = 2) -> str:
        """Any term without new variables."""
        choices: list[Callable[[], str]] = [
            lambda: self.one(*SCALARS),
            lambda: self.ref(False),
            lambda: self.ref(False),
        ]
        if self.bound():
            choices += [lambda: self.one(*self.bound())] * 3
        if depth > 0:
            choices += [
                lambda: f"[{', '.join(self.some(lambda: self.term(depth - 1), 0, 3))}]",
                lambda: "{" + ", ".join(self.some(lambda: self.term(depth - 1), 1, 3)) + "}",
                lambda: "{" + ", ".join(f"{k}: {self.term(depth - 1)}" for k in self._keys(depth)) + "}",
                lambda: self.comprehension(depth),
            ]
            if self.functions:
                choices += [lambda: self.call(depth)] * 2
            choices += [lambda: self.builtin(depth)]
        return self.random.choice(choices)()

    def _keys(self, depth: int) -> list[str]:
        if self.often(0.8):
            return [json.dumps(k) for k in self.random.sample(KEYS, self.random.randint(1, 2))]
        return [self.term(depth - 1)]

    def builtin(self, depth: int) -> str:
        """A call of a built-in that takes much."""
        return self.pick(
            lambda: f"type_name({self.term(depth - 1)})",
            lambda: f"count({self.ref(False)})",
            lambda: f"object.get({self.ref(False)}, {self.term(depth - 1)}, {self.term(0)})",
            lambda: f"({self.ref(False)} + {self.ref(False)})",
            lambda: f"({self.ref(False)} | {self.ref(False)})",
            lambda: f'sprintf("%v", [{self.term(depth - 1)}])',
            lambda: f"({self.term(depth - 1)} {self.one('==', '!=', '<', '>=')} {self.term(0)})",
            lambda: f"({self.term(depth - 1)} in {self.ref(False)})",
            lambda: f"lower({self.ref(False)})",
            lambda: f"(1 / {self.ref(False)})",
            lambda: f"json.marshal({self.term(depth - 1)})",
            lambda: (
                f'$"{self.one("", "m ")}{{{self.ref(False)}}}"' if self.version else f'concat(",", {self.ref(False)})'
            ),
            lambda: f"array.concat({self.ref(False)}, {self.ref(False)})",
            lambda: f"object.union({self.ref(False)}, {self.ref(False)})",
            lambda: f"max({self.ref(False)})",
        )

    def call(self, depth: int) -> str:
        """A call of a function of the case."""
        name, arity = self.random.choice(self.functions)
        return f"{name}({', '.join(self.term(depth - 1) for _ in range(arity))})"

    def comprehension(self, depth: int) -> str:
        """A comprehension."""
        self.frames.append([])
        body = "; ".join(self.body(depth - 1, 1, 2))
        head = self.term(depth - 1)
        key = self.term(0)
        self.frames.pop()
        return self.one(f"[{head} | {body}]", f"{{{head} | {body}}}", f"{{{key}: {head} | {body}}}")

    def pattern(self, depth: int = 2) -> str:
        """A pattern with old and new variables."""
        r = self.random.random()
        if depth <= 0 or r < 0.45:
            if self.bound() and self.often(0.25):
                return self.one(*self.bound())
            return self.pick(
                lambda: self.declare(self.fresh()),
                lambda: self.declare(self.fresh()),
                lambda: "_",
                lambda: self.one(*SCALARS),
            )
        if r < 0.8:
            return f"[{', '.join(self.some(lambda: self.pattern(depth - 1), 1, 3))}]"
        return (
            "{"
            + ", ".join(
                f'"{k}": {self.pattern(depth - 1)}' for k in self.random.sample(KEYS, self.random.randint(1, 2))
            )
            + "}"
        )

    # --- bodies

    def body(self, depth: int, low: int = 1, high: int = 3) -> list[str]:
        """Statements, not always in the order in which they can be evaluated."""
        made = self.some(lambda: self.statement(depth), low, high)
        if self.often(0.15):
            self.random.shuffle(made)
        return made

    def statement(self, depth: int) -> str:
        """A statement, with a modifier now and then."""
        made = self.plain(depth)
        if self.often(0.12) and not made.startswith("some ") and "print(" not in made:
            made += self.modifiers()
        return made

    def modifiers(self) -> str:
        """One or two ``with``."""
        return "".join(self.some(self.modifier, 1, 2))

    def modifier(self) -> str:
        """A ``with``."""
        value = self.term(1)
        own = [n if n.startswith("data.") else f"data.t.{n}" for n in self.rules] or ["data.d"]
        target = self.pick(
            lambda: "input",
            lambda: f"input.{self.one('n', 'o', 'l', 'k', 'o.a', 'o.b.c', 'new')}",
            lambda: f"data.d.{self.one('o', 'l', 'k', 'o.a', 'new')}",
            lambda: "data.d",
            lambda: self.one(*own),
            lambda: self.one(*own) + self.one(".a", ".a.b", ""),
            lambda: self.one("count", "lower", "type_name"),
            lambda: self.random.choice(self.functions)[0] if self.functions else "max",
            lambda: self.one("data.t", "data.u", "data.u.v", "data.t.base"),
        )
        if target in ("count", "lower", "type_name") and self.functions and self.often(0.5):
            value = self.random.choice(self.functions)[0]
        return f" with {target} as {value}"

    def plain(self, depth: int) -> str:
        """A statement without modifiers."""
        choices: list[Callable[[], str]] = [
            lambda: self.assign(depth),
            lambda: self.assign(depth),
            lambda: self.unify(depth),
            lambda: self.unify(depth),
            lambda: self.some_in(depth),
            lambda: self.some_in(depth),
            lambda: self.ref(),
            lambda: self.ref(),
            lambda: f"{self.ref()} == {self.term(depth)}",
            lambda: f"{self.term(depth)} {self.one('!=', '<', '<=', '==')} {self.term(depth)}",
            lambda: f"{self.term(depth)} in {self.ref(False)}",
            lambda: f"not {self.ref(False)}",
            lambda: self.negated(depth),
            lambda: self.every(depth),
            lambda: self.walking(),
            lambda: self.term(depth),
            lambda: self.declared(depth),
        ]
        if self.functions:
            choices += [
                lambda: self.call(depth),
                lambda: f"{self.call(depth)} = {self.pattern(1)}",
                lambda: self.with_output(depth),
            ]
        if self.often(0.03):
            return f"print({', '.join(self.some(lambda: self.term(1), 1, 2))})"
        return self.random.choice(choices)()

    def assign(self, depth: int) -> str:
        """``:=``, also with a pattern."""
        made = self.term(depth)
        if self.often(0.2):
            return f"[{self.declare(self.fresh())}, {self.declare(self.fresh())}] := {made}"
        if self.often(0.1):
            return f'{{"a": {self.declare(self.fresh())}}} := {made}'
        return f"{self.declare(self.fresh())} := {made}"

    def unify(self, depth: int) -> str:
        """``=`` with patterns on either side."""
        left = self.pattern()
        right = self.pick(*[lambda: self.ref()] * 7, lambda: self.term(depth), lambda: self.pattern())
        return f"{left} = {right}" if self.often(0.7) else f"{right} = {left}"

    def declared(self, depth: int) -> str:
        """A declaration, and a reference or a pattern with what it declares."""
        name = self.fresh()
        root = self.root()
        self.declare(name)
        return f"some {name}; {root}[{name}]" if self.often(0.6) else f"some {name}; {name} = {self.term(depth)}"

    def some_in(self, depth: int) -> str:
        """``some … in …``."""
        source = self.ref(False) if self.often(0.8) else self.term(depth)
        if self.often(0.15):
            return f"some {self.pattern(1)} in {source}"
        if self.often(0.4):
            key = self.declare(self.fresh()) if self.often(0.7) else self.one(*SCALARS, "_")
            return f"some {key}, {self.declare(self.fresh())} in {source}"
        return f"some {self.declare(self.fresh())} in {source}"

    def negated(self, depth: int) -> str:
        """``not`` with a comparison or a call."""
        made = self.pick(
            lambda: f"{self.term(depth)} == {self.term(depth)}",
            lambda: f"{self.term(depth)} in {self.ref(False)}",
            lambda: self.call(depth) if self.functions else self.ref(False),
            lambda: f"{self.ref(False)} = {self.term(0)}",
        )
        return f"not {made}"

    def every(self, depth: int) -> str:
        """``every``."""
        source = self.ref(False)
        self.frames.append([])
        names = [self.declare(self.fresh())]
        if self.often(0.3):
            names.append(self.declare(self.fresh()))
        inside = self.body(max(depth - 1, 0), 0, 2)
        inside.append(f"{names[-1]} {self.one('!=', '==', '<', '>=')} {self.term(0)}")
        self.frames.pop()
        return f"every {', '.join(names)} in {source} {{ {'; '.join(inside)} }}"

    def walking(self) -> str:
        """``walk``."""
        source = self.ref(False)
        path = self.pick(
            lambda: self.declare(self.fresh()),
            lambda: "_",
            lambda: f'["a", {self.declare(self.fresh())}]',
            lambda: '["a"]',
            lambda: "[]",
        )
        return f"walk({source}, [{path}, {self.pattern(1)}])"

    def with_output(self, depth: int) -> str:
        """A call whose last operand takes the value."""
        name, arity = self.random.choice(self.functions)
        operands = [self.term(depth - 1) for _ in range(arity)]
        return f"{name}({', '.join([*operands, self.pattern(1)])})"

    # --- rules

    def when(self, low: int = 1, high: int = 3) -> str:
        """The body of a rule."""
        lines = "\n".join(f"\t{one}" for one in self.body(2, low, high))
        return f" {'if ' if self.version else ''}{{\n{lines}\n}}"

    def rule(self) -> str:
        """A rule of any kind with its other clauses."""
        return self.pick(
            self.complete,
            self.complete,
            self.chain,
            self.members,
            self.members,
            self.keyed,
            self.keyed,
            self.shaped,
            self.shaped,
            self.function,
            self.function,
            self.patterned,
            self.truth,
        )

    def clause(self, head: Callable[[], str], *, bare: float = 0.1) -> str:
        """A head over its body; what the body binds is known to the head."""
        self.frames = [[]]
        body = "" if self.often(bare) else self.when()
        return head() + body

    def truth(self) -> str:
        """A rule without a value of its own."""
        name = self.rule_name("h")
        made = "\n\n".join(self.some(lambda: self.clause(lambda: name, bare=0), 1, 2))
        self.rules.append(name)
        return made

    def complete(self) -> str:
        """A complete rule in one or more clauses, perhaps with a default."""
        name = self.rule_name("r")
        is_ = self.one(":=", "=") if self.version else "="
        parts = [f"default {name} {is_} {self.constant(2)}"] if self.often(0.3) else []
        parts += self.some(lambda: self.clause(lambda: f"{name} {is_} {self.term(1)}"), 1, 2)
        self.rules.append(name)
        return "\n\n".join(parts)

    def chain(self) -> str:
        """A rule with ``else``."""
        name = self.rule_name("e")
        is_ = ":=" if self.version else "="
        made = self.clause(lambda: f"{name} {is_} {self.term(1)}", bare=0)
        for _ in range(self.random.randint(1, 2)):
            made += self.clause(lambda: f" else {is_} {self.term(1)}", bare=0.2)
            if not made.endswith("}"):
                break
        self.rules.append(name)
        return made

    def members(self) -> str:
        """A partial set."""
        name = self.rule_name("s")
        make = (lambda: f"{name} contains {self.term(1)}") if self.version else (lambda: f"{name}[{self.term(1)}]")
        made = "\n\n".join(self.some(lambda: self.clause(make, bare=0.1 if self.version else 0), 1, 2))
        self.rules.append(name)
        return made

    def keyed(self) -> str:
        """A partial object."""
        name = self.rule_name("o")
        is_ = ":=" if self.version else "="
        made = "\n\n".join(self.some(lambda: self.clause(lambda: f"{name}[{self.term(0)}] {is_} {self.term(1)}"), 1, 2))
        self.rules.append(name)
        return made

    def shaped(self) -> str:
        """Rules whose heads are references, of several shapes below one name."""
        name = self.rule_name("g")
        is_ = ":=" if self.version else "="
        forms: list[Callable[[], str]] = [
            lambda: f"{name}[{self.term(0)}].z {is_} {self.term(1)}",
            lambda: f"{name}[{self.term(0)}][{self.term(0)}] {is_} {self.term(1)}",
            lambda: f"{name}.a[{self.term(0)}] {is_} {self.term(1)}",
            lambda: f"{name}.a.b {is_} {self.term(1)}",
            lambda: f'{name}["b"].c[{self.term(0)}] {is_} {self.term(0)}',
            lambda: f"{name}[{self.term(0)}] {is_} {self.term(1)}",
        ]
        if self.version:
            forms += [
                lambda: f"{name}[{self.term(0)}] contains {self.term(1)}",
                lambda: f"{name}.a contains {self.term(1)}",
                lambda: f"{name}.b[{self.term(0)}] contains {self.term(1)}",
            ]
        chosen = [self.random.choice(forms)] * 2 if self.often(0.5) else self.random.sample(forms, 2)
        made = "\n\n".join(self.clause(form) for form in chosen[: self.random.randint(1, 2)])
        self.rules += [name, f"{name}.a"] if self.often(0.3) else [name]
        return made

    def function(self) -> str:
        """A function, perhaps in clauses, with ``else`` and a default."""
        name = self.rule_name("f")
        is_ = ":=" if self.version else "="
        arity = self.random.choice((1, 1, 2))
        parts = [f"default {name}({', '.join('_' * arity)}) {is_} {self.constant()}"] if self.often(0.15) else []
        for _ in range(self.random.randint(1, 2)):
            self.frames = [[]]
            operands = [self.declare(self.fresh()) for _ in range(arity)]
            head = f"{name}({', '.join(operands)})"
            body = self.when()
            made = f"{head}{body}" if self.often(0.15) else f"{head} {is_} {self.term(1)}{body}"
            if self.often(0.2):
                self.frames = [list(operands)]
                body = self.when() if self.often(0.6) else ""
                made += f" else {is_} {self.term(1)}{body}"
            parts.append(made)
        self.functions.append((name, arity))
        return "\n\n".join(parts)

    def patterned(self) -> str:
        """A function with patterns for operands."""
        name = self.rule_name("f")
        is_ = ":=" if self.version else "="
        arity = self.random.choice((1, 2))
        parts = []
        for _ in range(self.random.randint(1, 3)):
            self.frames = [[]]
            head = f"{name}({', '.join(self.pattern(2) for _ in range(arity))})"
            body = self.when() if self.often(0.4) else ""
            parts.append(f"{head} {is_} {self.term(1)}{body}")
        self.functions.append((name, arity))
        return "\n\n".join(parts)

    # --- modules and documents

    def module(self, package: str, low: int, high: int, imports: tuple[str, ...] = ()) -> str:
        """A module."""
        parts = [f"package {package}"]
        if self.version == 0 and self.often(0.6):
            parts.append("import future.keywords")
        elif self.version == 0:
            parts.append("import future.keywords.in\n\nimport future.keywords.every")
        parts += imports
        rules = self.some(self.rule, low, high)
        if self.often(0.1):
            self.random.shuffle(rules)
        return "\n\n".join([*parts, *rules]) + "\n"

    def case(self) -> Case:
        """The case: one or two modules, documents and a question."""
        modules: list[str] = []
        imports: tuple[str, ...] = ()
        if self.often(0.25):
            package = self.one("u", "u.v", "t.sub", 't["a b"]')
            modules.append(self.module(package, 1, 2))
            path = f"data.{package}"
            self.rules = [f"{path}.{n}" for n in self.rules]
            self.functions = [(f"{path}.{n}", a) for n, a in self.functions]
            if self.rules and self.often(0.3):
                imports = (f"import {self.rules[0]} as imported",)
                self.rules.append("imported")
        if self.often(0.15):
            imports = (*imports, "import input.o as io")
            self.rules.append("io")
        modules.append(self.module("t", 1, 4, imports))
        return Case(
            modules=tuple(modules),
            data=self.data(),
            input=self.input(),
            query=self.question(),
            strict=self.often(0.25),
            version=self.version,
        )

    def question(self) -> str:
        """The query."""
        if self.often(0.75) or not self.rules:
            return "data.t = x"
        own = [n if n.startswith("data.") else f"data.t.{n}" for n in self.rules if n not in ("io", "imported")] or [
            "data.t"
        ]
        rule = self.one(*own)
        return self.one(
            f"{rule} = x",
            f"{rule}[k] = x",
            "data.t[k] = x",
            f"data = x; {rule}",
            f"some i; {rule}[i][j] = x",
            f"walk({rule}, [p, x])",
            f'{rule}["a"] = x',
            f"{rule}[1] = x",
            f"x = [y | y = {rule}[_]]",
            f"{rule} with input.n as 1",
            f"not {rule}.a",
            "data.u = x",
        )

    def document(self, depth: int) -> str:
        """A JSON document of the few values."""
        r = self.random.random()
        if depth <= 0 or r < 0.25:
            return self.one("0", "1", "1", "2", "2", "1.0", '"a"', '"a"', '"b"', '"c"', "true", "false", "null")
        if r < 0.55:
            return f"[{', '.join(self.some(lambda: self.document(depth - 1), 0, 3))}]"
        return self.fields({k: self.document(depth - 1) for k in self.random.sample(KEYS, self.random.randint(0, 3))})

    def fields(self, fields: dict[str, str]) -> str:
        """A JSON object."""
        return "{" + ", ".join(f"{json.dumps(k)}: {v}" for k, v in fields.items()) + "}"

    def common(self) -> dict[str, str]:
        """What is called the same in the input and in the data."""
        made = {
            "o": self.fields({k: self.document(2) for k in self.random.sample(KEYS, 3)}),
            "l": f"[{', '.join(self.some(lambda: self.document(2), 1, 3))}]",
            "n": self.one("0", "1", "2", "1.0"),
            "k": self.one('"a"', '"b"', "0", "1"),
            "i": self.one("0", "1"),
            "a": self.document(2),
            "b": self.document(1),
        }
        return {k: v for k, v in made.items() if self.often(0.92)}

    def data(self) -> str:
        """The base documents; some stand beside the rules."""
        documents = {"d": self.fields(self.common())}
        if self.often(0.3):
            documents["t"] = self.fields({"base": self.document(2), "sub": self.fields({"a": self.document(1)})})
        if self.often(0.2):
            documents["u"] = self.fields({"base": self.document(1), "v": self.fields({"a": self.document(1)})})
        return self.fields(documents)

    def input(self) -> str | None:
        """The input."""
        return None if self.often(0.03) else self.fields(self.common())


def small(seed: int) -> Case:
    """The case of a seed."""
    return mostly_sound(lambda random: Small(random).case(), seed)
