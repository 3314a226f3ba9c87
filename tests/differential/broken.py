"""Modules with something wrong: texts with a token too many, too few or another one, and faults of every kind by rule.

What is compared is all that is said of them: codes, places, words, and their order. A few come out right by chance.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Final

from image_enforcer.rego.signatures import signatures

from .cases import Case

TOKEN: Final = re.compile(
    r'"(?:[^"\\\n]|\\.)*"|`[^`]*`|[A-Za-z_][A-Za-z0-9_]*|\d+(?:\.\d+)?|:=|==|!=|<=|>=|[^\sA-Za-z0-9_]|\s+'
)
STRAY: Final = (
    "{", "}", "[", "]", "(", ")", ",", ":", ";", ".", ":=", "=", "==", "!=", "|", "&", "+", "-", "*", "/", "%", "if",
    "else", "not", "some", "every", "in", "with", "as", "default", "import", "package", "contains", "null", "true", "_",
    "x", "input", "data", '"s"', "1", "1.5", "set()", "[]", "{}", "count", "print", "f(x)", "`r`", "#c", "\n", "p",
    '$"{x}"', "input.x", "data.a", "upper", "!", "@", '"', "`", "\\", "0x1", "01", "1e", "é", "1e40000", "\x00",
    "# METADATA\n# scope: rule\n", "# METADATA\n# title: [\n",
)  # fmt: skip
"""What is put into texts."""

SOUND: Final = (
    """package a

import data.lib.f
import data.lib.limits as lim
import rego.v1

default allow := false

allow if {
	some user in input.users
	user.name == "kim"
	not lim.closed[user.id]
	f(user.age, 18)
}

deny contains msg if {
	some i, c in input.containers
	startswith(c.image, "x/")
	msg := sprintf("%d: %s", [i, c.image])
}
""",
    """package a.b["c d"]

f(x, _) := x + 1 if x > 0 else := 0 if { x == 0 } else := -1

sizes[k] := count(v) if some k, v in input.sets

p.q[r].s := [r, 1] if r := input.names[_]

t := {x: y | x := ["a", "b"][y]; y > 0}

u := {z | z := input[_]; every w in z { w != null }}
""",
    """package k

import future.keywords.not
import future.keywords.and
import future.keywords.or

g if { not { x := input.x; x > 1 } }
h if { input.a and { input.b or input.c } }
i := $"{input.name} has {count(input.xs)} of\\n {{}}"
j if { input.x with input as {"x": 1} with data.k.g as true }
""",
    """# METADATA
# scope: package
# title: notes
# authors: ["Kim <k@example.org>"]
package notes

# METADATA
# scope: document
# custom: {level: 3}
v contains 1
v contains 2 if input.two

# METADATA
# schemas: [{input: {type: object, properties: {two: {type: boolean}}}}]
w := rego.metadata.rule().custom if input.two
""",
    """package z

n := -1.5e3 * (2 - 3) % 4
o := {"a": [1, {2, 3}, set()], `b`: {"c": null}, "\\u00e9": true}
m := o.a[1][_] | {1} & {2}
l if { [x, {"k": y}] = [1, {"k": input.y}]; x < y }
k(a, [b, _], {"c": c}) if { a == b; c != a }
""",
)
"""What they are put into."""

OLD: Final = """package old

import input.request as req
import data.base

default p = false

p { req.x == 1; not q[req.y] }

q[x] { x := base[_] } { x = req.z }

r[k] = v { v := req.map[k] }

f(x) = y { y := x * 2 } else = 0 { x }
"""

VALUES: Final = (
    "1", "1.5", '"a"', "null", "true", "[1]", '["a"]', "[]", "{}", '{"a": 1}', '{"a": "b"}', "set()", "{1}", '{"a"}',
    "input.x", "data.y", "[input.x]", '{"a": input.x}', "{input.x}", "[x | x := input[_]]", "{x | x := 1}", "s", "n",
    "o", '{null: "x"}', "[[1], [2]]",
)  # fmt: skip
"""Operands; those that are letters are rules of known types."""

FAULTS: Final = (
    "p if {0} == x{1}", "p := x{1} if {0}", "p contains x{1} if {0}", "f{1}(x{1}) := y if x{1} == {0}",
    "p if { some x{1}; {0} }", "p if { x{1} := {0}; x{1} := 1 }", "p if { x{1} := y{1}; y{1} := {0}; x{1} }",
    "p if not x{1}", "p if { every x{1} in {0} { y{1} } }", "p if { every x{1} in {0} { x{1} == 1 } }",
    "p if q{1}\nq{1} if p", "p{1}(x) := p{1}(x)", "p := 1\np contains {0}", "p := 1\np(x) := {0}",
    "f{1}(x) := x\nf{1}(x, y) := {0}", "default p := {0}\ndefault p := 1", "default p{1}(x) := {0}",
    "p := nope{1}({0})", "p := data.a.nope{1}({0})", "p if { nope{1}.x == {0} }", "p if {0}.x", "p if { {0}[_].x.y }",
    "p if {0} with input as x{1}", "p if true with {0} as 1", "p if true with count as {0}", "p if true with data as 1",
    "p if true with nope{1} as {0}", "p if f(1) with data.broken.f as {0}\nf(x) := x", "p if { {0} = {2} }",
    "p if { {0} == {2} }", "p if { {0} < {2} }", "p := {0} + {2}", "p := {0} | {2}", "p if {0} in {2}",
    "p if { some k, v in {0}; k == {2}; v == {2} }", "p[{0}] := 1\np[{2}] := 2", "p[x{1}] := {0} if x{1} := {2}",
    "p.q := {0}\np := {2}", "p.q := {0}\np.q.r := {2}", "p[x] contains {0} if x := {2}\np := 1", "input := {0}",
    "p if { input := {0} }", "f(data) := {0}", "import data.x{1}\nimport data.y.x{1}\np := x{1}", "import data.x{1}",
    "p := x if { x := {0} } else := y", "p := {0} if { false } else := x{1} if { true }", "p if { x{1} := {0} }",
    "f(x{1}, y) := y", "p := [x{1} | x{1} := {0}; y{1}]", "p if print({0})", "p := print({0})", "p if print(x{1})",
    "p := $\"{{0}} {x{1}}\"", "p if { [x{1}, y{1}] := {0}; x{1} == y{1} }", "p if { {0} := {2} }",
    "p if { not y := {0} }", "p := any([{0}])", "p if re_match({0}, {2})", "p := o.nope{1}", "p := o[{0}]", "p := n.x",
    "p := data.broken.s[{0}]", "p := {{0}: x{1}}", "p := f(f({0}))\nf(x) := g(x)\ng(x) := f(x)", "p if walk({0}, x{1})",
    "# METADATA\n# scope: rule\np := rego.metadata.rule()[{0}]",
)  # fmt: skip
"""Statements with a fault: ``{0}`` and ``{2}`` are values, ``{1}`` makes names differ."""


def broken(seed: int) -> Case:
    """One case; the query does not matter."""
    rng = Random(seed)
    make: Callable[[Random], Case] = rng.choice((_spoiled, _spoiled, _operands, _faulty, _faulty))
    return make(rng)


def _case(rng: Random, *modules: str, version: int = 1) -> Case:
    return Case(modules=modules, query="true", strict_compile=rng.random() < 0.2, version=version)


def _spoiled(rng: Random) -> Case:
    old = rng.random() < 0.15
    tokens = TOKEN.findall(OLD if old else rng.choice(SOUND))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(tokens))
        match rng.randrange(6):
            case 0:
                del tokens[at]
            case 1:
                tokens.insert(at, rng.choice(tokens))
            case 2:
                tokens[at] = rng.choice(STRAY)
            case 3:
                tokens.insert(at, rng.choice(STRAY))
            case 4:
                other = rng.randrange(len(tokens))
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case _:
                tokens[at] = rng.choice([t for t in tokens if t[0].isalpha()])
    return _case(rng, "".join(tokens), version=0 if old else 1)


RULES: Final = 's := "a"\nn := 1\no := {"a": 1}\n'


def _operands(rng: Random) -> Case:
    """Calls of built-ins with operands of any type, and with one too many or too few."""
    calls: list[str] = []
    for i in range(rng.randint(1, 3)):
        name = rng.choice(sorted(signatures()))
        size = len(signatures()[name].args) + rng.choice((-1, 0, 0, 0, 0, 1))
        given = ", ".join(rng.choice(VALUES) for _ in range(max(0, size)))
        form = rng.choice(("p{} if {}({})", "p{} := {}({})", "p{} if {{ x := {}({}); x == 1 }}", "p{} if not {}({})"))
        calls.append(form.format(i, name, given))
    return _case(rng, "package broken\n\n" + RULES + "\n".join(calls) + "\n")


def _faulty(rng: Random) -> Case:
    """One fault, some, or more of them than are told."""
    texts: list[str] = []
    for i in range(rng.choice((1, 1, 1, 2, 4, 14))):
        text = rng.choice(FAULTS)
        for slot, value in (("{0}", rng.choice(VALUES)), ("{2}", rng.choice(VALUES)), ("{1}", str(i))):
            text = text.replace(slot, value)
        texts.append(text)
    imports = [t for t in texts if t.startswith("import")]
    lines = "\n".join([*imports, RULES, *(t for t in texts if t not in imports)])
    if rng.random() < 0.15:
        return _case(rng, f"package broken\n\n{RULES}", f"package broken\n\n{lines.replace(RULES, '')}\n")
    return _case(rng, f"package broken\n\n{lines}\n")
