"""Policies that are wrong: with every class of error when they are loaded, or without a usable answer to a review."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.target import ALLOW, GOOD, denied, encoded, ran, refused, well
from tests.server.running import Running, serving

HEAD = "package io.k8s.image_policy\n\n"
BROKEN = {
    "no package": ("verify := 1", "rego_parse_error"),
    "half a rule": (HEAD + "verify := {", "rego_parse_error"),
    "half a string": (HEAD + 'verify := "a', "rego_parse_error"),
    "a stray brace": (HEAD + "verify := 1 }", "rego_parse_error"),
    "a NUL": (HEAD + "verify := 1\0", "rego_parse_error"),
    "a comment that never ends": (HEAD + "verify := `", "rego_parse_error"),
    "an escape sequence": (HEAD + "verify := \x1b[2J", "rego_parse_error"),
    "brackets without end": (HEAD + "verify := " + "[" * 100_000, "rego_parse_error"),
    "braces without end": (HEAD + "verify := " + '{"a":' * 100_000, "rego_parse_error"),
    "a chain of operators": (HEAD + "verify := 1" + " + 1" * 20_000, "more than 5000 operators in one chain"),
    "dots without end": (HEAD + "verify := data" + ".a" * 100_000, "deeper than"),
    "a rule without if": (HEAD + "verify { true }", "rego_parse_error"),
    "an import of nothing": (HEAD + "import other.thing\nverify := 1", "rego_parse_error"),
    "a number too large": (HEAD + "verify := 1e999999999999", "rego_parse_error"),
    "an assignment to input": (HEAD + "input := 1\nverify := 1", "error"),
    "an unsafe variable": (HEAD + "verify := x if { not x }", "rego_unsafe_var_error"),
    "a variable that nothing binds": (HEAD + "verify := x", "rego_unsafe_var_error"),
    "an unknown function": (HEAD + "verify := f(1)", "rego_type_error"),
    "an unknown rule": (HEAD + "verify := data.io.k8s.image_policy.f(1)", "rego_type_error"),
    "a wrong operand": (HEAD + 'verify := 1 + "a"', "rego_type_error"),
    "too many operands": (HEAD + "verify := count([], [])", "rego_type_error"),
    "types that never match": (HEAD + 'verify if { x := 1; x == "a" }', "rego_type_error"),
    "two types of rules": (HEAD + "verify := 1\nverify contains 1", "rego_type_error"),
    "two defaults": (HEAD + "default verify := 1\ndefault verify := 2", "rego_type_error"),
    "a rule in a rule's place": (HEAD + "verify := 1\nverify.a.b := 2", "rego_type_error"),
    "a rule that needs itself": (HEAD + "verify if verify", "rego_recursion_error"),
    "rules that need each other": (HEAD + "verify if p\np if q\nq if verify", "rego_recursion_error"),
    "a function that calls itself": (HEAD + "verify := f(1)\nf(x) := f(x)", "rego_recursion_error"),
    "an unused import's name taken": (HEAD + "import data.a\nimport data.b as a\nverify := 1 if { a := 2 }", "error"),
    "with on no document": (HEAD + "verify if true with p.q as 1", "error"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "code"), BROKEN.values(), ids=BROKEN)
def test_serve_refuses_to_start(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "policy.rego").write_text(text, encoding="utf-8")
    done = ran("serve", "--policy", str(tmp_path), "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0")
    refused(done, "error[IE2006]", code, "rego_compile_error" if code == "deeper than" else "policy.rego")
    assert b"\x1b" not in done.stderr
    assert len(done.stderr) < 20_000


CLASSES = ["half a rule", "an unsafe variable", "a wrong operand", "a rule that needs itself", "brackets without end"]


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize(
    "command",
    [["eval", "-d", "POLICY", "data"], ["run", "POLICY"], ["run", "--server", "POLICY"],
     ["verify", "--policy", "POLICY", GOOD]],
    ids=lambda c: " ".join(c[:2]),
)  # fmt: skip
def test_the_other_commands_refuse_them_too(tmp_path: Path, name: str, command: list[str]) -> None:
    text, error = BROKEN[name]
    (tmp_path / "policy.rego").write_text(text, encoding="utf-8")
    done = ran(*[str(tmp_path) if word == "POLICY" else word for word in command])
    refused(done, error, code=1 if command[0] == "run" else 2)  # as OPA's own command of that name


def answer(value: str) -> str:
    """The body of a rule that answers with a value."""
    return f"verify := {value} if input.spec.namespace == "


ALLOWED = '"kind": "ImageReview", "apiVersion": "imagepolicy.k8s.io/v1alpha1"'
ANSWERS = {
    "true": ("true", "[policy-answer]"),
    "null": ("null", "[policy-answer]"),
    "a string": ('"allowed"', "[policy-answer]"),
    "a set": ('{"allowed"}', "[policy-answer]"),
    "a list": ('[{"status": {"allowed": true}}]', "[policy-answer]"),
    "an empty object": ("{}", "[policy-answer]"),
    "allowed outside": ('{"allowed": true}', "[policy-answer]"),
    "no status": (f"{{{ALLOWED}}}", "[policy-answer]"),
    "a status that is true": (f'{{{ALLOWED}, "status": true}}', "[policy-answer]"),
    "an empty status": (f'{{{ALLOWED}, "status": {{}}}}', "[policy-answer]"),
    "allowed as text": (f'{{{ALLOWED}, "status": {{"allowed": "true"}}}}', "[policy-answer]"),
    "allowed as a number": (f'{{{ALLOWED}, "status": {{"allowed": 1}}}}', "[policy-answer]"),
    "allowed as a set": (f'{{{ALLOWED}, "status": {{"allowed": {{true}}}}}}', "[policy-answer]"),
    "allowed as null": (f'{{{ALLOWED}, "status": {{"allowed": null}}}}', "[policy-answer]"),
    "another kind": ('{"kind": "Pod", "status": {"allowed": true}}', "[policy-answer]"),
    "a reason that is none": ('{"status": {"allowed": true, "reason": ["fine"]}}', "[policy-answer]"),
    "marks that are none": ('{"status": {"allowed": true, "auditAnnotations": {"a": 1}}}', "[policy-answer]"),
    "a denial without a reason": ('{"status": {"allowed": false}}', "[no-reason]"),
    "a denial with an empty one": ('{"status": {"allowed": false, "reason": " \\n"}}', "[no-reason]"),
    "a denial with odd letters": ('{"status": {"allowed": false, "reason": "\\u001b[2J\\u0000\\u202eno"}}', "no"),
    "a denial too long": ('{"status": {"allowed": false, "reason": sprintf("%v", [numbers.range(1, 9999)])}}', "…"),
}  # fmt: skip
FAILING = {
    "two values": ('verify := yes if NAME\nverify := {"status": {"allowed": false}} if NAME', "[policy-error]"),
    "two values of a function": ("f1(x) := 1\nf1(x) := 2\nverify := yes if { NAME; f1(1) }", "[policy-error]"),
    "two values of a key": (
        'o1[k] := v if { some v in [1, 2]; k := "a" }\nverify := yes if { NAME; o1.a }',
        "[policy-error]",
    ),
    "an object of two values": (
        'verify := yes if { NAME; o := {"a": v | some v in [1, 2]}; o.a }',
        "[policy-error]",
    ),
    "a division by zero": ("verify := yes if { NAME; 1 / (count(input.spec.containers) - 1) }", "[policy-undefined]"),
    "a number that is none": ('verify := yes if { NAME; to_number(concat("", ["x"])) }', "[policy-undefined]"),
    "a pattern that is none": ('verify := yes if { NAME; regex.match(concat("", ["("]), "x") }', "[policy-undefined]"),
    "a value that is no number": ("verify := yes if { NAME; abs(input.spec.namespace) }", "[policy-undefined]"),
    "a document that is not there": ("verify := yes if { NAME; data.not.there }", "[policy-undefined]"),
    "a member that is not there": ("verify := yes if { NAME; input.spec.containers[7].image }", "[policy-undefined]"),
    "false": ("verify := yes if { NAME; false }", "[policy-undefined]"),
    "a chain of 3,000 rules": (
        "verify := yes if { NAME; c0 == 1 }\n" + "".join(f"c{i} := c{i + 1} + input.x\n" for i in range(3000))
        + "c3000 := 1",
        "[policy-",
    ),
}  # fmt: skip
CASES = {k: (answer(v) + "NAME", word) for k, (v, word) in ANSWERS.items()} | FAILING


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server in which each case has a namespace of its own."""
    folder = tmp_path_factory.mktemp("policies")
    (folder / "allow.rego").write_text(ALLOW, encoding="utf-8")
    for number, (text, _) in enumerate(CASES.values()):
        named = text.replace("== NAME", f'== "case-{number}"').replace(
            "NAME", f'input.spec.namespace == "case-{number}"'
        )
        (folder / f"{number}.rego").write_text(HEAD + named + "\n", encoding="utf-8")
    with serving([folder]) as running:
        yield running


@pytest.mark.parametrize("number", range(len(CASES)), ids=list(CASES))
def test_what_is_no_verdict_denies(server: Running, number: int) -> None:
    word = list(CASES.values())[number][1]
    denied(server.post(encoded(namespace=f"case-{number}")), word)
    well(server)


def test_a_policy_of_nothing_is_no_policy(tmp_path: Path) -> None:
    for name, text in [("empty.rego", HEAD), ("other.rego", "package other\n\nverify := true\n")]:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with serving([tmp_path]) as running:
        denied(running.post(encoded()), "[no-policy]")
        assert running.get("/readyz")[0] == 503
        assert running.get("/healthz")[0] == 200


def test_a_broken_change_leaves_the_old_policy_in_force(tmp_path: Path) -> None:
    (tmp_path / "allow.rego").write_text(ALLOW, encoding="utf-8")
    kept = "policies and data were not reloaded; the old ones stay in force"
    with serving([tmp_path], [], "--watch") as running:
        for number, (text, _) in enumerate(list(BROKEN.values())[:8], 1):
            (tmp_path / "allow.rego").write_text(text, encoding="utf-8")
            running.until(lambda number=number: running.messages().count(kept) >= number)  # type: ignore[misc] # mypy does not infer a default's type here
            assert running.post(encoded())["allowed"] is True
        assert not any("Traceback" in str(line) for line in running.said)
