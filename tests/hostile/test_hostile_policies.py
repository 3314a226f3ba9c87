"""Policies that load and then never end, or eat memory: each stopped in time while others are answered."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.target import ALLOW, GOOD, ROOM, Memory, denied, encoded, well
from tests.server.running import Running, serving

LONG = 'a := concat("", ["aaaaaaaaaa" | some i in numbers.range(1, 100000)])'
MANY = "some i in numbers.range(1, 100000)"
ENDLESS = {
    "a comprehension": f"count([1 | {MANY}; some j in numbers.range(1, 100000); i < 0; j < 0]) >= 0",
    "an every": "every i in numbers.range(1, 100000) { every j in numbers.range(1, 100000) { i + j > 0 } }",
    "with, again and again": f"count([1 | {MANY}; some j in numbers.range(1, 9); data.x == 1 with data.x as i]) < 0",
    "backtracking": "".join(f"some v{i} in numbers.range(1, 50); " for i in range(12)) + "v0 + v11 < 0",
    "a sort": f"x := [format_int(i, 10) | {MANY}]; count([1 | some i in x; sort(x)]) < 0",
    "paths of a graph": "g := {i: [j | some j in numbers.range(1, 14)] | some i in numbers.range(1, 14)}; "
    "count(graph.reachable_paths(g, {1})) < 0",
    "prefixes": f"x := [format_int(i, 10) | {MANY}]; strings.any_prefix_match(x, [concat('', ['x', y]) | some y in x])",
    "networks": "count(net.cidr_merge([sprintf('10.%d.%d.%d/32', [i % 250, j % 250, i % 3]) | "
    "some i in numbers.range(1, 1000); some j in numbers.range(1, 1000)])) < 0",
}
GROWING = {
    "a range": "count(numbers.range(1, 1000000000)) < 0",
    "a range beyond all": "count(numbers.range(1, 1e300)) < 0",
    "a range in steps": "count(numbers.range_step(1, 1000000000000, 1)) < 0",
    "a list": f"count([x | {MANY}; some j in numbers.range(1, 100000); x := i * j]) < 0",
    "a set": f"count({{[i, j] | {MANY}; some j in numbers.range(1, 100000)}}) < 0",
    "an object": f"count({{sprintf('%d-%d', [i, j]): i | {MANY}; some j in numbers.range(1, 100000)}}) < 0",
    "texts": f"{LONG}; count([x | {MANY}; x := upper(sprintf('%s%d', [a, i]))]) < 0",
    "joined texts": f"{LONG}; count(concat(a, [format_int(i, 10) | {MANY}])) < 0",
    "replaced texts": f"{LONG}; count(replace(a, 'a', a)) < 0",
    "padded texts": "count([1 | some i in numbers.range(1, 100000); sprintf('%1000000d', [i])]) < 0",
    "encoded texts": f"{LONG}; b := hex.encode(a); c := hex.encode(b); d := hex.encode(c); e := hex.encode(d); "
    "f := hex.encode(e); g := hex.encode(f); count(g) < 0",
    "doubled lists": "a := [1, 1, 1, 1, 1, 1, 1, 1]; b := [a, a, a, a, a, a, a, a]; c := [b, b, b, b, b, b, b, b]; "
    "d := [c, c, c, c, c, c, c, c]; e := [d, d, d, d, d, d, d, d]; f := [e, e, e, e, e, e, e, e]; "
    "g := [f, f, f, f, f, f, f, f]; count(json.marshal([g, g])) < 0",
    "all addresses": "count(net.cidr_expand('10.0.0.0/8')) < 0",
    "all addresses of IPv6": "count(net.cidr_expand('::/0')) < 0",
    "a JSON text": f"x := sprintf('[%s]', [concat(',', ['[1]' | {MANY}])]); count([json.unmarshal(x) | {MANY}]) < 0",
    "aliases of YAML": "count(yaml.unmarshal(concat('\\n', ['a: &a [x,x,x,x,x,x,x,x,x]', "
    "'b: &b [*a,*a,*a,*a,*a,*a,*a,*a]', "
    "'c: &c [*b,*b,*b,*b,*b,*b,*b,*b]', 'd: &d [*c,*c,*c,*c,*c,*c,*c,*c]', 'e: &e [*d,*d,*d,*d,*d,*d,*d,*d]', "
    "'f: &f [*e,*e,*e,*e,*e,*e,*e,*e]', 'g: &g [*f,*f,*f,*f,*f,*f,*f,*f]']))) > 100",
    "a walk": f"x := [[i] | {MANY}]; count([p | walk(x, [p, _]); walk(x, [_, _])]) < 0",
}
NUMBERS = {
    "a shift": "bits.lsh(1, 1000000000) < 0",
    "a shift of a shift": "bits.lsh(bits.lsh(1, 200000), 200000) < 0",
    "squares": "a := bits.lsh(1, 200000); b := a * a; c := b * b; d := c * c; d < 0",
    "a product": f"product([2 | {MANY}]) < 0",
    "digits of a large number": f"x := bits.lsh(1, 200000); count([format_int(x + i, 10) | {MANY}]) < 0",
    "exponents": "x := 1e30000; y := x * x; z := y * y; z < 0",
    "a number from a long text": f"x := to_number(concat('', ['99999999999' | {MANY}])); x < 0",
    "divisions": f"x := bits.lsh(1, 200000); count([1 | {MANY}; x % (x - i) == 1]) < 0",
}
PATTERNS = {
    "nested repeats": f"{LONG}; regex.match('^(a+)+$', sprintf('%sb', [a]))",
    "alternatives": f"{LONG}; regex.match('^(a|aa)+$', sprintf('%sb', [a]))",
    "counted repeats": "regex.match('((((x{10}){10}){10}){10}){10}', 'x')",
    "a repeat too large": "regex.match('(x{1000}){1000}', 'x')",
    "many patterns": f"count([1 | {MANY}; some j in numbers.range(1, 9); "
    "regex.match(sprintf('(a|b){%d}x%d', [j, i]), 'x')]) < 0",
    "a long pattern": f"{LONG}; regex.match(concat('', ['(', a, ')*']), 'b')",
    "brackets": f"regex.match(concat('', ['(' | {MANY}]), 'b')",
    "a glob": f"{LONG}; glob.match(concat('', ['*a' | {MANY}]), [], sprintf('%sb', [a]))",
    "two globs": "regex.globs_match(concat('', ['a*' | some i in numbers.range(1, 3000)]), "
    "concat('', ['b*' | some i in numbers.range(1, 3000)]))",
    "all matches": f"{LONG}; count([1 | {MANY}; count(regex.find_all_string_submatch_n('(a)(a)', a, -1)) < 0]) > 0",
}
CASES = {
    f"{kind}: {name}": body.replace("'", '"')
    for kind, cases in (("endless", ENDLESS), ("growing", GROWING), ("numbers", NUMBERS), ("patterns", PATTERNS))
    for name, body in cases.items()
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server in which each case has a namespace of its own."""
    folder = tmp_path_factory.mktemp("policies")
    (folder / "allow.rego").write_text(ALLOW, encoding="utf-8")
    for number, body in enumerate(CASES.values()):
        rule = f'verify := yes if {{\n\tinput.spec.namespace == "case-{number}"\n\t{body}\n}}\n'
        (folder / f"{number}.rego").write_text("package io.k8s.image_policy\n\n" + rule, encoding="utf-8")
    with serving([folder], [], "--evaluation-timeout", "0.5") as running:
        well(running)
        yield running


@pytest.mark.parametrize("number", range(len(CASES)), ids=list(CASES))
def test_it_is_stopped_and_others_are_answered(server: Running, number: int) -> None:
    memory = Memory(server.process.pid)
    got: list[dict[str, object]] = []
    asking = threading.Thread(target=lambda: got.append(server.post(encoded(namespace=f"case-{number}"))))
    asking.start()
    while asking.is_alive():  # not at all where it is refused at once
        assert server.post(encoded())["allowed"] is True
    asking.join()
    denied(got[0], "[policy-")
    assert memory.grown < ROOM
    well(server)


@pytest.mark.slow
def test_many_of_them_at_once_are_refused_as_too_many(server: Running) -> None:
    memory = Memory(server.process.pid)
    got: list[dict[str, object]] = []
    hostile = [encoded(namespace=f"case-{number}") for number in range(len(CASES))]
    asking = [threading.Thread(target=lambda body=body: got.append(server.post(body))) for body in hostile]
    for thread in asking:
        thread.start()
    while any(thread.is_alive() for thread in asking):
        assert server.post(encoded())["allowed"] is True
    for thread in asking:
        thread.join()
    assert len(got) == len(hostile)
    for answer in got:
        denied(answer, "[")
    assert memory.grown < ROOM
    well(server)


def generated(size: int = 1 << 20) -> dict[str, str]:
    """Modules of a mebibyte, of one kind of text each."""
    return {
        "rules": "".join(f'r{i} := {i} if input.spec.namespace == "n{i}"\n' for i in range(size // 48)),
        "one list": "r := [" + ", ".join(f'"image-{i}"' for i in range(size // 15)) + "]\n",
        "one object": "r := {" + ", ".join(f'"i{i}": {{"a{i}": {i}}}' for i in range(size // 32)) + "}\n",
        "one set": "r := {" + ", ".join(f'"image-{i}"' for i in range(size // 15)) + "}\n",
        "one body": "r if {\n" + "".join(f"\tinput.a{i} == {i}\n" for i in range(size // 80)) + "}\n",
        "comments": "# a comment\n" * (size // 12),
        "a long name": "r" * size + " := 1\n",
        "a long text": 'r := "' + "a" * size + '"\n',
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(generated(100)))
def test_a_generated_module_comes_into_force_or_is_refused_within_bounds(kind: str, tmp_path: Path) -> None:
    (tmp_path / "allow.rego").write_text(ALLOW, encoding="utf-8")
    (tmp_path / "next").write_text("package large\n\n" + generated()[kind], encoding="utf-8")
    with serving([tmp_path], [], "--watch") as running:
        well(running)
        memory = Memory(running.process.pid)
        (tmp_path / "next").replace(tmp_path / "large.rego")
        running.until(lambda: len(running.said) > 1)
        last = running.said[-1]
        if kind == "rules":  # two times as many as a module may have
            assert "rules in one module" in last["error"]
        else:
            assert last["msg"] == "reloaded"
        assert memory.grown < ROOM
        assert running.post(encoded())["allowed"] is True
        denied(running.post(encoded(GOOD, namespace="other")), "[policy-undefined]")
