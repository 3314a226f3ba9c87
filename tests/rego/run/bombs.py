"""Policies that would run for ever or fill the memory, each run in a process of its own that reports how it ended.

python -m tests.rego.run.bombs NAME...    prints a line of JSON for each
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from typing import Any

from image_enforcer import rego

LIMITS = rego.Limits(seconds=0.5)
HANGS_AFTER = 25
"""Seconds after which a run counts as endless; many times the limit, for machines that are busy with other things."""


def _chain(first: str, step: str, length: int = 60) -> str:
    """Rules, each made of the one before, and the last of them as ``p``."""
    lines = ["package t", f"r0 := {first}"]
    lines += [f"r{i} := {step.replace('@', f'r{i - 1}')}" for i in range(1, length)]
    return "\n".join([*lines, f"p := r{length - 1}"])


def _rule(value: str) -> str:
    return f"package t\np := {value}"


def _aliases() -> str:
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40)]
    return json.dumps("\n".join(lines))


BOMBS: dict[str, str] = {
    "shift": _rule("bits.lsh(1, 1000000000)"),
    "shift again and again": _chain("bits.lsh(1, 200000)", "bits.lsh(@, 200000)"),
    "multiplication": _chain("12345678901234567890", "@ * @"),
    "product": _rule("product(numbers.range(1, 200000))"),
    "large integers into text": _rule(
        'count([t | some i in numbers.range(1, 1000000); t := sprintf("%d", [bits.lsh(i, 200000)])])'
    ),
    "short texts in small letters": _rule(
        "count([t | some i in numbers.range(1, 1000000); t := lower(substring(input.text, 0, 1000))])"
    ),
    "short texts without a beginning": _rule(
        'count([t | some i in numbers.range(1, 300000); t := trim_prefix(r, "b")])\nr := substring(input.text, 0, 1000)'
    ),
    "sums of large integers": _rule(
        "count([t | some i in numbers.range(1, 1000000); t := r + i])\nr := bits.lsh(1, 200000)"
    ),
    "large integers, bit by bit": _rule(
        "count([t | some i in numbers.range(1, 1000000); t := bits.xor(r, i)])\nr := bits.lsh(1, 200000)"
    ),
    "range": _rule("count(numbers.range(1, 1000000000))"),
    "range downwards": _rule("count(numbers.range(1e18, 1))"),
    "range by steps": _rule("count(numbers.range_step(1, 100000000000, 2))"),
    "exponent to integer": _rule("floor(input.huge)"),
    "exponent plus": _rule("input.huge + 1"),
    "exponent into text": _rule('sprintf("%d %v %s %x %.9f", [input.huge, input.huge, input.huge, input.huge, 1e308])'),
    "exponent compared": _rule("[x | some x in [input.huge, 1e400, 3]; x < input.huge; format_int(x, 10)]"),
    "exponents added": _rule("count([s | some i in numbers.range(1, 10000000); s := (1e15000 + i) / 1e-15000])"),
    "concat": _chain('"xxxxxxxxxxxxxxxx"', 'concat("", [@, @])'),
    "concat, wide glue": _rule('count(concat(concat("", [input.text, input.text]), split(input.text, "")))'),
    "replace": _chain('"aaaaaaaa"', 'replace(@, "a", "aaaaaaaa")'),
    "replace nothing": _chain('"aaaaaaaa"', 'replace(@, "", "aaaaaaaa")'),
    "replace many": _chain('"aaaaaaaa"', 'strings.replace_n({"a": "aaaaaaaa"}, @)'),
    "replace by pattern": _chain('"aaaaaaaa"', 'regex.replace(@, "a*", "$0$0$0$0$0$0$0$0")'),
    "format, wide": _rule('count(sprintf("%1000000000d", [1]))'),
    "format, many wide": _rule('count(concat("", [sprintf("%999999d", [i]) | some i in numbers.range(1, 100000)]))'),
    "format, given width": _rule('count(sprintf("%*d %.*f", [999999999, 1, 999999999, 1.5]))'),
    "format doubles": _chain('"xxxxxxxx"', 'sprintf("%s%s", [@, @])'),
    "template doubles": _chain('"xxxxxxxx"', '$"{@}{@}"'),
    "base64 doubles": _chain("input.text", "base64.encode(@)", 90),
    "hex doubles": _chain("input.text", "hex.encode(@)"),
    "escape grows": _chain('"\\"\\\\"', "json.marshal(@)"),
    "query escape grows": _chain('"%"', "urlquery.encode(concat(@, [@, @]))"),
    "split": _rule('count([p | some i in numbers.range(1, 10000); p := split(input.text, "")])'),
    "arrays double": _chain("[1]", "array.concat(@, @)"),
    "arrays in arrays": _chain("[1]", "array.concat([@], [@])"),
    ("arrays in arrays, written"): _rule("count(json.marshal(r59))")
    + "\n"
    + _chain("[1]", "array.concat([@], [@])").partition("\n")[2].rpartition("\n")[0],
    "arrays in arrays, compared": _chain("[1]", "array.concat([@], [@])").rpartition("\n")[0]
    + "\n"
    + _chain("[1]", ("array.concat([@], [@])"))
    .partition("\n")[2]
    .rpartition("\n")[0]
    .replace("r", "q")
    .replace("aqqay", "array")
    + "\np if r59 == q59",
    "arrays in sets": _chain("[1]", "array.concat([@], [@])").rpartition("\n")[0] + "\np := count({r59, 1})",
    "arrays in arrays, walked": _chain("[1]", "array.concat([@], [@])").rpartition("\n")[0]
    + ("\np := count([1 | walk(r59)])"),
    "arrays in arrays, printed": _chain("[1]", "array.concat([@], [@])").rpartition("\n")[0]
    + ('\np := count(sprintf("%v", [r59]))'),
    "arrays in arrays, sorted": _chain("[1]", "array.concat([@], [@])").rpartition("\n")[0]
    + ("\np := sort([r59, [r58, r58], r58])"),
    "objects in objects": _chain(
        '{"k": 1}', ('object.union({"a": @}, json.patch({}, [{"op": "add", "path": "b", "value": @}]))')
    ).rpartition("\n")[0]
    + "\np := count(yaml.marshal(r59))",
    "objects united": _chain('{"k": 1}', 'object.union({"a": @}, {"b": @})').rpartition("\n")[0] + "\np := {r59: 1}",
    "sets double": _chain("{1}", "@ | {[x, 1] | some x in @} | {[x, 2] | some x in @}"),
    "sets of sets": _chain("{1}", "{x | some x in [@, {@}]}"),
    "comprehensions": _rule(
        "[1 | some a in r; some b in r; some c in r; some d in r; some e in r]\nr := numbers.range(1, 2000)"
    ),
    "comprehension that keeps": _rule("[[a, b] | some a in r; some b in r]\nr := numbers.range(1, 20000)"),
    "set comprehension": _rule("{[a, b] | some a in r; some b in r}\nr := numbers.range(1, 20000)"),
    "object comprehension": _rule(
        '{sprintf("%d %d", [a, b]): a | some a in r; some b in r}\nr := numbers.range(1, 20000)'
    ),
    "comprehension of ranges": _rule("[numbers.range(1, 900) | some i in numbers.range(1, 100000)]"),
    "comprehension of literals": _rule("[[" + ", ".join(["i"] * 400) + "] | some i in numbers.range(1, 1000000)]"),
    "partial set": "package t\np contains [a, b] if { some a in r; some b in r }\nr := numbers.range(1, 20000)",
    "partial object": "package t\np[a][b] := 1 if { some a in r; some b in r }\nr := numbers.range(1, 20000)",
    "demands": "package t\np := count([1 | some a in r; some b in r; q[[a, b]]])\n"
    "q[k] := input.x if { some i, j in r; k := [j, i] }\nr := numbers.range(1, 20000)",
    "nested every": _rule(
        "true if { every a in r { every b in r { every c in r { a + b + c > 0 } } } }\nr := numbers.range(1, 20000)"
    ),
    "nested negation": _rule(
        "true if { not q }\nq if { some a in r; some b in r; some c in r; a + b + c < 0 }\nr := numbers.range(1, 20000)"
    ),
    "functions": "package t\np := f(1)\n"
    + "\n".join(f"f{i or ''}(x) := f{i + 1}(x) + f{i + 1}(x + 1)" for i in range(60))
    + "\nf60(x) := x",
    "with": "package t\n"
    + "\n".join(
        f"q{i} := x + y if {{ x := q{i + 1} with input.a as 1; y := q{i + 1} with input.a as 2 }}" for i in range(60)
    )
    + "\nq60 := 1\np := q0",
    "rules, very deep": "package t\n" + "\n".join(f"q{i} := q{i + 1}" for i in range(2500)) + "\nq2500 := 1\np := q0",
    "values, very deep": "package t\np if {\n"
    + "\n".join(f"q{i}" for i in range(1500))
    + ("\ncount({q1499}) > 0\n}\nq0 := [1]\n")
    + "\n".join(f"q{i + 1} := [q{i}]" for i in range(1500)),
    "contains in a loop": _rule(
        'count([1 | some i in numbers.range(1, 900000); contains(big, "zz")])\nbig :='
        ' concat("", [input.text | some j in numbers.range(1, 10)])'
    ),
    "lower in a loop": _rule(
        'count([1 | some i in numbers.range(1, 900000); lower(big)])\nbig := concat("é",'
        " [input.text | some j in numbers.range(1, 10)])"
    ),
    "pattern with repeats": _rule('regex.match("((a{0,100}){0,100}){0,100}", "aaaa")'),
    "patterns, one after the other": _rule(
        "count([1 | some i in numbers.range(1, 900000);"
        ' regex.match(sprintf("(x{1,%d}y){1,9}z*", [i % 900]), "xxxxxyz")])'
    ),
    "pattern over long text": _rule(
        'count([1 | some i in numbers.range(1, 900000); regex.match("(a+)+$", input.text)])'
    ),
    "pattern, all matches": _rule(
        'count([m | some i in numbers.range(1, 900000); m := regex.find_n("", input.text, -1)])'
    ),
    "globs": _rule('count([1 | some i in numbers.range(1, 900000); glob.match("*a*a*a*a*b", [], input.text)])'),
    "globs that meet": _rule(
        'regex.globs_match(concat("", ["[a-z]*" | some i in numbers.range(1, 9000)]),'
        ' concat("", ["[a-z]+" | some i in numbers.range(1, 20000)]))'
    ),
    "globs that nearly meet": _rule(
        'regex.globs_match(concat("", ["[a-y]*[b-z]*" | some i in numbers.range(1, 37)]),'
        ' concat("", array.concat(["[b-z]*[a-y]*" | some i in numbers.range(1, 37)], ["1"])))'
    ),
    "YAML aliases": _rule(f"yaml.unmarshal({_aliases()})"),
    "YAML, deep": _rule('yaml.unmarshal(concat("", ["[" | some i in numbers.range(1, 100000)]))'),
    "JSON, deep": _rule('json.unmarshal(concat("", ["[" | some i in numbers.range(1, 100000)]))'),
    "JSON, deep and whole": _rule(
        'json.unmarshal(concat("", array.concat(["[" | some i in r], ["]" | some i in r])))\nr'
        " := numbers.range(1, 100000)"
    ),
    "JSON, many arrays": _rule(
        'json.unmarshal(concat("", ["[", concat(",", ["[]" | some i in numbers.range(1, 700000)]), "]"]))'
    ),
    "JSON, long number": _rule('json.unmarshal(concat("", ["9" | some i in numbers.range(1, 300000)]))'),
    "JSON, indented": _rule('count(json.marshal_with_options(numbers.range(1, 100000), {"indent": input.text}))'),
    "number from text": _rule('to_number(concat("", ["9" | some i in numbers.range(1, 300000)]))'),
    "walk": _rule("count([1 | walk(w)])\nw := [numbers.range(1, 1000) | some i in numbers.range(1, 500)]"),
    "graph": _rule(
        'count(graph.reachable_paths({sprintf("%d", [i]): [sprintf("%d", [j]) | some j in r] |'
        ' some i in r}, {"1"}))\nr := numbers.range(1, 30)'
    ),
    "addresses": _rule('count(net.cidr_expand("0.0.0.0/0"))'),
    "addresses of version 6": _rule('count(net.cidr_expand("::/0"))'),
    "pairs of networks": _rule(
        'count(net.cidr_contains_matches(n, n))\nn := [sprintf("10.%d.%d.0/24", [i, j]) | some'
        " i in numbers.range(1, 250); some j in numbers.range(1, 250)]"
    ),
    "quantity, long": _rule('units.parse(concat("", ["9" | some i in numbers.range(1, 300000)]))'),
    "quantity, exponent": _rule('units.parse("1e400000000")'),
    "quantity of bytes, exponent": _rule('units.parse_bytes("1e400000000000000000000")'),
    "version, long": _rule(
        'semver.is_valid(concat(".", [concat("", ["9" | some i in numbers.range(1, 100000)]), "0", "0"]))'
    ),
    "duration, long": _rule('time.parse_duration_ns(concat("", ["9" | some i in numbers.range(1, 300000)]))'),
    "years": _rule("time.add_date(0, 1000000000000, 0, 0)"),
    "time in the far future": _rule("time.date(input.huge)"),
    "layout, long": _rule(
        'count(time.format([0, "UTC", concat("", ["January " | some i in numbers.range(1, 400000)])]))'
    ),
    "print": (
        "package t\np if { print(r, [x | some x in r], {x | some x in r}); some y in r;"
        " print(y); false }\nr := numbers.range(1, 1000000)"
    ),
    "patch": _rule(
        'json.patch(numbers.range(1, 1000), [{"op": "add", "path": "/0", "value": i} | some i'
        " in numbers.range(1, 500000)])"
    ),
    "paths": _rule(
        'json.remove({"a": numbers.range(1, 1000)}, [["a", i, j] | some i in r; some j in'
        " r])\nr := numbers.range(1, 3000)"
    ),
    "subsets": _rule("object.subset(numbers.range(1, 100000), numbers.range(1, 99999))"),
    "unions": _rule("union({s | some i in numbers.range(1, 3000); s := {x | some x in numbers.range(i, i + 3000)}})"),
}


def run(name: str) -> dict[str, Any]:
    """Run one bomb in a child process: its outcome, and by how many MB the process grew."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(HANGS_AFTER)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        ended = _outcome(BOMBS[name])
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
        os.write(writing, json.dumps({"name": name, "outcome": ended, "grown": grown}).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if status or not said:
        return {"name": name, "outcome": f"ended by status {status}", "grown": 0}
    read: dict[str, Any] = json.loads(said)
    return read


def _outcome(policy: str) -> str:
    given = {"huge": rego.from_json("1e30000"), "text": "a" * 20_000, "x": 1}
    heard: list[str] = []
    host = rego.Host(print=lambda text, _: heard.append(text[:10]))
    try:
        query = rego.compile_modules({"bomb.rego": policy}).prepare("data.t.p")
    except rego.CompileError as e:
        return f"compile: {e}"[:200]
    try:
        value = query.value(input=given, limits=LIMITS, host=host)
        if value is rego.UNDEFINED:
            return "undefined"
        rego.to_json(value, most=4 << 20)
    except rego.LimitError as e:
        return f"limit: {e.kind}"
    except rego.EvalError as e:
        return f"error: {e}"[:200]
    return "answer"


if __name__ == "__main__":
    _outcome("package t\np := 1")  # modules are imported when they are first needed, which is no growth
    for asked in sys.argv[1:] or BOMBS:
        print(json.dumps(run(asked)), flush=True)
