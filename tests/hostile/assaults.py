"""Generated policies and queries that ask too much: every built-in with operands that are large, odd or both.

An assault is known by its number: which built-in, what it is given and how its call is driven (once, in a loop, in a
chain whose every link feeds the next, under ``every``, under ``with``, in a function) follow from it alone.

python -m tests.hostile.assaults FROM TO    runs them one after the other in this process, a line of JSON for each
"""

from __future__ import annotations

import gc
import json
import random
import signal
import sys
from pathlib import Path
from typing import Any, Final

from image_enforcer import rego
from image_enforcer.memory import give_back
from image_enforcer.rego.builtins import catalog
from image_enforcer.rego.signatures import Signature, signatures
from image_enforcer.rego.types import AnyOf, ArrayType, Basic, ObjectType, SetType, Type

LIMITS: Final = rego.Limits(seconds=0.3)
HANGS_AFTER: Final = 60
"""Seconds after which an assault counts as endless; many times the limit, for machines that are busy."""

LONG_TEXTS: Final = (
    'concat("", ["aaaaaaaaaa" | some i in numbers.range(1, 50000)])',
    'concat("", ["([{<\\"" | some i in numbers.range(1, 50000)])',
    'concat("", ["[" | some i in numbers.range(1, 90000)])',
    'concat("", ["{\\"a\\":" | some i in numbers.range(1, 50000)])',
    'concat("", ["{a" | some i in numbers.range(1, 50000)])',
    'concat("", ["9" | some i in numbers.range(1, 200000)])',
    'concat("", ["é\\u0000\\ud83d\\ude00" | some i in numbers.range(1, 50000)])',
    'concat("", ["%s%d%v%99999d" | some i in numbers.range(1, 9000)])',
    'concat("", ["*?[a-z]{a,b}" | some i in numbers.range(1, 5000)])',
    'concat("", ["(a|b)*" | some i in numbers.range(1, 9000)])',
    'concat("", ["{{range $i, $e := .}}" | some i in numbers.range(1, 9000)])',
    'concat("", ["a: &a [*a]\\n" | some i in numbers.range(1, 20000)])',
    'concat(".", ["10" | some i in numbers.range(1, 90000)])',
    'concat("\\n", ["-----BEGIN X-----\\nMIIB\\n-----END X-----" | some i in numbers.range(1, 999)])',
    'base64.encode(concat("", ["aaaaaaaaaa" | some i in numbers.range(1, 50000)]))',
    'json.marshal(numbers.range(1, 50000))',
    'concat("", ["type T { f: T } ", concat("", ["type A { a: A } " | some i in numbers.range(1, 4000)])])',
    'concat("&", ["a=b" | some i in numbers.range(1, 50000)])',
    'concat(" ", ["query { a { b } } fragment f on T { ...f }" | some i in numbers.range(1, 4000)])',
)  # fmt: skip
SHORT_TEXTS: Final = (
    '""', '"a"', '"\\u0000"', '"%1000000d"', '"((((x{9}){9}){9}){9}){9}"', '"0.0.0.0/0"', '"::/0"', '"1e999999999"',
    '"{\\"a\\":1}"', '"a.b.c"', '"2006-01-02T15:04:05Z"', '"99999999999h"', '"http://localhost:1/"', '"1.2.3"',
    '"$ref"',
)  # fmt: skip
NUMBERS: Final = (
    "bits.lsh(1, 200000)", "bits.lsh(1, 200000) + 0.5", "0", "-1", "1000000000000", "1e30000", "1e-30000", "0.1", "64",
    "9223372036854775807", "-9223372036854775808",
)  # fmt: skip
WHOLES: Final = (
    "numbers.range(1, 90000)",
    '["aaaaaaaa" | some i in numbers.range(1, 90000)]',
    "[[i, [i]] | some i in numbers.range(1, 30000)]",
    "{i | some i in numbers.range(1, 30000)}",
    '{sprintf("%d", [i]) | some i in numbers.range(1, 20000)}',
    '{sprintf("%d", [i]): [i, {"a": i}] | some i in numbers.range(1, 20000)}',
    '{sprintf("%d", [i]): [sprintf("%d", [j]) | some j in numbers.range(1, 14)] | some i in numbers.range(1, 14)}',
    "doubled",
    '{"a": doubled, "b": {"c": doubled}}',
    '{"type": "object", "properties": {"a": {"$ref": "#"}}, "allOf": [{"$ref": "#/allOf/0"}]}',
    '[{"op": "add", "path": "/a", "value": i} | some i in numbers.range(1, 20000)]',
)  # fmt: skip
DOUBLED: Final = "".join(f"d{i} := [d{i - 1}, d{i - 1}]\n" for i in range(1, 30)) + "d0 := [1]\ndoubled := d29\n"
"""A small value that is half a thousand million values long when it is written out."""

NEVER: Final = frozenset(
    {"print", "internal.print", "internal.test_case", "eq", "assign", "http.send", "net.lookup_ip_addr"}
)
DRIVES: Final = ("once", "loop", "chain", "every", "with", "function", "written")


def _names() -> list[str]:
    """The built-ins that are met, in order."""
    table = signatures()
    return sorted(n for n in catalog.names() - NEVER if not table[n].deprecated and not n.startswith("internal."))


def assault(number: int) -> str:
    """The policy of an assault; what is asked for is ``data.t.p``."""
    chance = random.Random(number)
    names = _names()
    signature = signatures()[names[number % len(names)]]
    operands = [_operand(t, chance) for t in signature.args]
    drive = DRIVES[number // len(names) % len(DRIVES)] if number < len(names) * len(DRIVES) else chance.choice(DRIVES)
    return "package t\n\n" + _driven(drive, signature, operands, chance) + DOUBLED


def query(number: int) -> str:
    """The same as one query, which has no rules."""
    chance = random.Random(number)
    names = _names()
    signature = signatures()[names[number % len(names)]]
    operands = [_operand(t, chance).replace("doubled", "numbers.range(1, 50000)") for t in signature.args]
    return f"some i in numbers.range(1, 100000); {_call(signature, operands)}; i < 0"


def _driven(drive: str, signature: Signature, operands: list[str], chance: random.Random) -> str:
    given = "".join(f"v{i} := {text}\n" for i, text in enumerate(operands))
    names = [f"v{i}" for i in range(len(operands))]
    call = _call(signature, names)
    match drive:
        case "loop":
            return f"{given}p := count([1 | some i in numbers.range(1, 1000000); {call}; i < 0])\n"
        case "every":
            body = f"x := {_valued(signature, names)}; i > 0; x == x"
            return f"{given}p if every i in numbers.range(1, 1000000) {{ {body} }}\n"
        case "with":
            body = f"x := {_valued(signature, names)} with data.a as i"
            return f"{given}p := count([x | some i in numbers.range(1, 1000000); {body}])\n"
        case "function":
            made = f"{given}f(_) := {_valued(signature, names)}\n"
            return f"{made}p := count([1 | some i in numbers.range(1, 1000000); f(i)])\n"
        case "chain" if names:
            at = chance.randrange(len(names))
            lines = [f"c0 := {names[at]}"]
            for i in range(1, 40):
                inner = [*names[:at], f"c{i - 1}", *names[at + 1 :]]
                lines.append(f"c{i} := {_valued(signature, inner)}")
            return given + "\n".join(lines) + "\np := c39\n"
        case "written":
            return f"{given}p := count(json.marshal([{_valued(signature, names)}, {_valued(signature, names)}]))\n"
        case _:
            return f"{given}p := {_valued(signature, names)}\n"


def _call(signature: Signature, operands: list[str]) -> str:
    return f"{signature.name}({', '.join(operands)})"


def _valued(signature: Signature, operands: list[str]) -> str:
    """The call as a value: a relation answers many times, and its answers are gathered."""
    if signature.relation:
        return f"[x | {_call(signature, [*operands, 'x'])}]"
    return _call(signature, operands)


def _operand(wanted: Type, chance: random.Random) -> str:
    """Mostly what the built-in asks for, in large; now and then anything."""
    if chance.random() < 0.1:  # of a type that nobody knows before
        return f'object.get({{}}, "none", {chance.choice((*WHOLES, *SHORT_TEXTS, *NUMBERS))})'
    match wanted:
        case Basic("string"):
            return chance.choice(LONG_TEXTS if chance.random() < 0.7 else SHORT_TEXTS)
        case Basic("number"):
            return chance.choice(NUMBERS)
        case Basic("boolean"):
            return chance.choice(("true", "false"))
        case ArrayType() | SetType() | ObjectType():
            opening = {
                ArrayType: ("numbers", "["),
                SetType: ("{i", '{sprintf("%d", [i]) |'),
                ObjectType: ('{"', '{sprintf("%d", [i]):'),
            }
            fitting = [w for w in WHOLES if w.startswith(opening[type(wanted)]) or w == "doubled"]
            return f'object.get({{}}, "none", {chance.choice(fitting)})'  # its members' types are nobody's business
        case AnyOf(options) if options:
            return _operand(chance.choice(list(options)), chance)
        case _:
            return f'object.get({{}}, "none", {chance.choice((*WHOLES, *LONG_TEXTS, *NUMBERS))})'


# --- inputs --------------------------------------------------------------------------------------

READS: Final = """package t

p := {
	"paths": count([1 | walk(input)]),
	"text": count(json.marshal(input)),
	"names": count({k | some k, _ in input}),
	"kinds": {type_name(v) | some v in input},
	"largest": max([v | some v in input]),
	"same": input == object.get({}, "none", input),
}
"""
"""A policy that looks at all of its input, in several ways."""


def document(number: int) -> bytes:
    """The text of a hostile input: large, deep, torn or odd."""
    chance = random.Random(number)
    size = chance.choice((1, 100, 511, 513, 10_000, 200_000))
    forms: list[bytes] = [
        b"[" * size + b"]" * size,
        b'{"a":' * size + b"1" + b"}" * size,
        b"[" * size,
        b"[" + b",".join([b"1"] * size) + b"]",
        b"[" + b",".join([b'"' + b"x" * chance.randrange(50) + b'"'] * size) + b"]",
        b"{" + b",".join(b'"k%d":%d' % (i, i) for i in range(size)) + b"}",
        b"{" + b",".join([b'"same":1'] * size) + b"}",
        b'{"n":' + b"9" * size + b"}",
        b'{"n":1e' + b"9" * min(size, 400) + b"}",
        b'{"n":-0.' + b"0" * size + b"1}",
        b'{"t":"' + b"\\ud800" * size + b'"}',
        b'{"t":"' + b"\xff\xfe" * size + b'"}',
        b'{"t":"' + b"\\u0000" * size + b'"}',
        b'{"t":"' + "\u202e\U0001f600".encode() * size + b'"}',
        b'{"t":"' + b"x" * size,
        b"\xef\xbb\xbf{}",
        b'{"a":1}' + b" " * size + b"}",
        b"\x00" * size,
        b"true" * size,
        b'{"a":' + b"-" * size + b"1}",
        b'[{"a":[{"b":' * (size // 4 + 1) + b"null" + b"}]}]" * (size // 4 + 1),
    ]
    text = forms[number % len(forms)]
    if number >= 4 * len(forms):  # torn in the middle, or a byte changed
        at = chance.randrange(len(text))
        text = text[:at] if chance.random() < 0.5 else text[:at] + bytes([chance.randrange(256)]) + text[at + 1 :]
    return text


def reading(text: bytes) -> str:
    """How a policy that looks at all of an input ends."""
    try:
        given = rego.from_json(text)
    except ValueError as e:
        return f"refused: {e}"[:200]
    return outcome(READS, "data.t.p", given)


# --- running -------------------------------------------------------------------------------------


def outcome(policy: str, asked: str, given: rego.Value | None = None) -> str:
    """How an evaluation ends, by name."""
    try:
        prepared = rego.compile_modules({"t.rego": policy} if policy else {}).prepare(asked)
    except rego.CompileError as e:
        return f"compile: {e.problems[0].code}"
    try:
        solutions = prepared.run(input={"text": "a" * 20_000} if given is None else given, limits=LIMITS)
        for value in [e.value for s in solutions for e in s.expressions]:
            rego.to_json(value, most=4 << 20)
    except rego.LimitError as e:
        return f"limit: {e.kind}"
    except rego.EvalError as e:
        return f"error: {e.code}: {e.message}"[:200]
    return "answer" if solutions else "undefined"


def _resident(what: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) >> 10
    raise AssertionError(what)


def main(first: int, last: int) -> None:
    """Run some of them; each line has the megabytes held before, at most, and after."""
    give_back()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    outcome("package t\np := json.marshal([1])\n", "data.t.p")
    for number in range(first, last):
        for kind in ("policy", "query", "input"):
            gc.collect()
            before = _resident("VmRSS")
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts anew
            signal.alarm(HANGS_AFTER)
            match kind:
                case "policy":
                    ended = outcome(assault(number), "data.t.p")
                case "query":
                    ended = outcome("", query(number))
                case _:
                    ended = reading(document(number))
            signal.alarm(0)
            most = _resident("VmHWM")
            gc.collect()
            told: dict[str, Any] = {"number": number, "kind": kind, "outcome": ended, "before": before, "most": most}
            print(json.dumps({**told, "after": _resident("VmRSS")}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
