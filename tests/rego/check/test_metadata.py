"""What ``rego.metadata`` says of rules: the blocks that apply to them, the nearest first. Values are OPA's."""

from __future__ import annotations

from typing import Any

import pytest

from image_enforcer import rego

ABOVE = "# METADATA\n# scope: subpackages\n# title: all below a\npackage a\n"
MODULE = """# METADATA
# title: package
# authors: ["Kim Doe <kim@example.org>", {email: lee@example.org}]
# related_resources: ["http://x/ y", {ref: "http://z", description: d}]
# schemas: [{input: schema.foo}, {data.x: {type: object}}]
package a.b

# METADATA
# scope: document
# title: document

# METADATA
# title: far
# METADATA
# title: near
p := rego.metadata.chain()

# METADATA
# title: of f
f(x) := rego.metadata.rule() if { x == 1 } else := rego.metadata.rule()

# METADATA
# entrypoint: true
m["x"].y[k] := rego.metadata.chain() if k := 3

bare := [y | y := rego.metadata.rule()]
"""


def ask(query: str) -> Any:
    policy = rego.compile_modules({"a.rego": ABOVE, "b.rego": MODULE})
    return policy.prepare(query).run()[0].expressions[0].value


def test_the_chain_of_a_rule() -> None:
    chain = ask("data.a.b.p")
    assert [(link["path"], link["annotations"]["title"]) for link in chain] == [
        (["a", "b", "p"], "near"), (["a", "b", "p"], "far"), (["a", "b", "p"], "document"), (["a", "b"], "package"),
        (["a"], "all below a"),
    ]  # fmt: skip
    assert chain[3]["annotations"] == {
        "authors": [{"email": "kim@example.org", "name": "Kim Doe"}, {"email": "lee@example.org"}],
        "related_resources": [{"ref": "http://x/%20y"}, {"description": "d", "ref": "http://z"}],
        "schemas": [
            {"path": ["input"], "schema": ["schema", "foo"]}, {"definition": {"type": "object"}, "path": ["data", "x"]},
        ],
        "scope": "package", "title": "package",
    }  # fmt: skip


def test_a_rule_without_a_block_begins_the_chain_all_the_same() -> None:
    assert ask("data.a.b.bare") == [{}]
    assert ask("data.a.b.m.x.y[3]")[0] == {"path": ["a", "b", "m", "x", "y"]}


def test_an_entrypoint_is_a_documents() -> None:
    assert ask("data.a.b.m.x.y[3]")[1]["annotations"] == {"entrypoint": True, "scope": "document"}


def test_branches_have_no_blocks() -> None:
    assert ask("data.a.b.f(1)") == {"scope": "rule", "title": "of f"}
    assert ask("data.a.b.f(2)") == {}


@pytest.mark.parametrize("name", ["rule", "chain"])
def test_outside_of_rules_there_is_nothing_to_say(name: str) -> None:
    query = rego.compile_modules({}).prepare(f"rego.metadata.{name}()", strict_builtin_errors=True)
    with pytest.raises(rego.EvalError, match=f"{name} function must only be called within the scope of a rule"):
        query.run()


@pytest.mark.parametrize("scope", ["package", "subpackages"])
def test_a_scope_has_one_block(scope: str) -> None:
    text = f"# METADATA\n# scope: {scope}\npackage a\n"
    with pytest.raises(rego.CompileError) as caught:
        rego.compile_modules({"a.rego": text, "b.rego": text})
    (problem,) = caught.value.problems
    assert problem.code == "rego_type_error"
    assert problem.message == f"{scope} annotation redeclared: a.rego:1"


def test_long_blocks_and_many_calls_are_refused() -> None:
    block = "# METADATA\n# custom: {x: [" + "1, " * 2000 + "1]}\npackage a\n"
    calls = "".join(f"p{i} := rego.metadata.chain()\n" for i in range(600))
    with pytest.raises(rego.CompileError, match="too much metadata"):
        rego.compile_modules({"a.rego": block + calls})
