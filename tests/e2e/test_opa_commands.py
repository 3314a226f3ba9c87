"""OPA's commands beside a real OPA's, over projects with tests that fail, err, print, have cases, data and faults."""

import difflib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import image_enforcer

FILES = {
    "a/x.rego": """package x
f(a, b) := a + b
g := {"a": 1, "b": [1, 2, 3]}
p if { input.a > 1; not input.b }
q contains x if some x in [1, 2, 3]
e := 1 if { input.z == 1 } else := 2 if { input.z == 2 } else := 3
h(x) := "pos" if x > 0
h(x) := "neg" if x < 0
default d := false
d if count(q) > 5
""",
    "a/x_test.rego": """package x_test
import data.x
test_ok if x.f(1, 2) == 3
test_fails if x.f(1, 2) == 4
test_set if {
	x.q == {1, 2}
}
test_in if 5 in x.q
test_some if { some v in x.q; v > 5 }
test_every if {
	every v in x.q { v < 3 }
}
test_with if x.p with input as {"a": 2, "b": true}
test_else if { x.e == 2 with input.z as 1 }
test_not if not x.p with input as {"a": 2}
test_print if { print("hello", input, x.g); print(1 / 0); false }
test_undefined if x.h(0) == "zero"
test_null := null
test_trace if { trace("note me"); false }
test_twice if true
test_twice if false
test_c.sub if true
a.test_b if true
a.test_c[y] if some y in ["u", "v"]
test_f(y) if y
test_cont contains 1
test_cases[name] if {
	some name, c in {"one": [1, 1], "two": [1, 2], "": [0, 0], "3": [1, 4]}
	c[0] == c[1]
}
test_values[name] := v if {
	some name, v in {"t": true, "f": false, "n": 1, "z": null, "o": {"in": true, "out": false}}
}
test_numbers[n] if { some n in [1, 2, 3]; n != 2 }
test_objects[{"k": n}] if { some n in [1, 2]; n > 1 }
test_notes[c.note] if { some c in [{"note": "aa", "v": 1}, {"note": "bb", "v": 2}]; r := c.v * 2; r == 2 }
todo_test_later if false
""",
    "b/c.rego": "package c\np := 1 if true\np := 2 if true\n",
    "b/c_test.rego": """package c_test
test_conflict if data.c.p == 1
test_conflict_in_cases[n] if { some n in ["a"]; data.c.p == 1 }
test_fine if true
""",
    "c/deep.rego": 'package deep\ntest_data if data.foo.bar.k == "v"\ntest_list if data.foo.l[1] == 2\n',
    "c/foo/data.json": '{"l": [1, 2]}',
    "c/foo/bar/data.json": '{"k": "v"}',
    "d/v0.rego": "package v0\ntest_a { 1 == 1 }\ntest_b { input.x }\np[x] { x = 1 }\ntest_c { p[1]; not p[2] }\n",
    "e/bad.rego": "package e\ntest_a if {",
    "e/unused.rego": "package e.unused\nimport data.x\np if { y := 1 }\n",
    "f/policy.rego": "package f\nallow if input.a == 1\nall contains x if some x in input.s\n",
    "in/a.json": '{"a": 1, "s": [1]}',
    "in/b/c.yaml": "a: 2",
}

COMMANDS = [
    "test a", "test -v a", "test --var-values -v -r (set|every|else|notes|print|cases)$ a",
    "test -v --explain full a",
    "test -v --explain debug -r twice a", "test --explain notes a", "test -b -v a", "test a -r [", "test b",
    "test -v b",
    "test -f json b", "test -c b", "test -c c", "test c", "test --v0-compatible -v d", "test d", "test e", "test nope",
    "test -c -r ok a", "test -c --threshold 99 c", "test -z -r later a",
    "check a", "check -S e/unused.rego", "check -S -f json e/unused.rego", "check e", "check --v0-v1 d a", "check nope",
    "check -b a", "check -m 1 d", "inspect a", "inspect -f json f", "inspect nope", "inspect c",
    "deps -d a data.x", "deps -d a -f json data.x_test.test_with", "deps -d f data.f.allow", "deps [",
    "deps -d e data.e",
    "exec -b f --decision f/allow in", "exec -b f --decision f/all --fail-non-empty in",
    "exec -b f --decision f/allow --fail-defined in", "exec -b f in/nope.json",
]  # fmt: skip

TIMES = re.compile(
    r'\((?:\d[\d.]*(?:ns|µs|ms|s))+\)|(?<="duration": )\d+|(?<="time":")[^"]*|(?<="decision_id": ")[^"]*'
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def told(command: list[str], folder: Path) -> tuple[int, list[str], str]:
    """Exit code, the lines of the output in one order without times, and what was said besides."""
    assert image_enforcer.__file__ is not None
    environment = {**os.environ, "PYTHONPATH": str(Path(image_enforcer.__file__).parents[1])}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=100
    )
    lines = sorted(line for line in TIMES.sub("T", done.stdout).split("\n") if line)
    return done.returncode, lines, TIMES.sub("T", done.stderr).strip()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_same_is_told(opa: Path, project: Path, command: str) -> None:
    words = command.split()
    theirs = told([str(opa), *words], project)
    ours = told([sys.executable, "-P", "-m", "image_enforcer.cli.main", *words], project)
    assert "\n".join(difflib.unified_diff(theirs[1], ours[1], "OPA", "ours", lineterm="", n=0)) == ""
    assert theirs[2] in ours[2]
    assert ours[0] == theirs[0]


def test_the_samples_are_covered_as_opa_says(opa: Path, root: Path) -> None:
    theirs = told([str(opa), "test", "--coverage", "policies"], root)
    ours = told([sys.executable, "-P", "-m", "image_enforcer.cli.main", "test", "--coverage", "policies"], root)
    assert ours == theirs
    assert '  "coverage": 100' in ours[1]
