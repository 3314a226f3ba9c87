"""The lint as a whole: what is chosen, what is silenced, order, and the samples, which are clean."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.opa.lint import RULES, lint
from image_enforcer.rego import CompileError, parse_module

POLICY = """\
package a

default allow := true

allow if startswith(input.image, "registry.example")

deny contains "x" if print("here")
"""

ORIGINAL = """\
package io.k8s.image_policy

image_layers contains [org, name, tag, layer] if {
	some container in input.spec.containers
	[repo, tag] := split(container.image, ":")
	[org, name] := split(repo, "/")
	some layer in data.docker.layers[org][name][tag]
}

deny contains layer if {
	some tuple in image_layers
	some [org, name, tag, layer] in tuple
	data.clair.layers[layer].vulnerable
}
"""


def found(text: str, **options: object) -> list[tuple[str, int]]:
    module = parse_module("a.rego", text)
    return [(f.rule.code, f.location.row) for f in lint({"a.rego": module}, **options)]  # type: ignore[arg-type] # as given


def test_findings_are_in_the_order_of_the_text() -> None:
    assert found(POLICY) == [("IL201", 3), ("IL103", 5), ("IL206", 7), ("IL402", 7)]


def test_rules_are_chosen_by_what_their_codes_begin_with() -> None:
    assert found(POLICY, select=["IL1", "il4"]) == [("IL103", 5), ("IL402", 7)]
    assert found(POLICY, ignore=["IL2"]) == [("IL103", 5), ("IL402", 7)]
    assert found(POLICY, select=["IL2"], ignore=["IL201"]) == [("IL206", 7)]


def test_the_policy_that_scanned_nothing() -> None:
    assert found(ORIGINAL) == [("IL101", 5), ("IL101", 6), ("IL303", 12)]


def test_the_samples_are_clean(root: Path) -> None:
    modules = {
        str(p): parse_module(str(p), p.read_text(encoding="utf-8")) for p in sorted((root / "policies").rglob("*.rego"))
    }
    assert modules
    assert lint(modules) == []


def test_comments_silence_what_they_name() -> None:
    line = 'trusted if startswith(input.image, "registry.example")'
    assert found(f"package a\n\n{line}\n") == [("IL103", 3)]
    assert found(f"package a\n\n{line} # lint:ignore IL103 the mirror is ours\n") == []
    assert found(f"package a\n\n# lint:ignore IL103 the mirror is ours\n{line}\n") == []
    assert found(f"package a\n\n# lint:ignore IL103 ours\n# and more of it\n{line}\n") == []
    assert found(f"package a\n\n# lint:ignore IL103, IL104 ours\n\n{line}\n") == [("IL103", 5)]
    assert found(f"package a\n\n{line} # lint:ignore IL104 ours\n") == [("IL103", 3)]


def test_comments_that_silence_say_why() -> None:
    assert found("package a\n# lint:ignore IL103\n") == [("IL001", 2)]
    assert found("package a\n# lint:ignore\n") == [("IL001", 2)]
    assert found("package a\n# lint:ignore IL999 ours\n") == [("IL001", 2)]
    assert found("package a\n# to lint:ignore something\n") == []


def test_modules_are_looked_at_together() -> None:
    lib = parse_module("lib.rego", 'package lib\n\nours(image) if contains(image, "registry.example/")\n')
    asked = parse_module(
        "a.rego", "package a\n\nimport data.lib\n\ndeny contains i if {\n\tsome i in input.images\n\tlib.ours(i)\n}\n"
    )
    turned = parse_module(
        "a.rego",
        "package a\n\nimport data.lib\n\ndeny contains i if {\n\tsome i in input.images\n\tnot lib.ours(i)\n}\n",
    )
    assert [f.rule.code for f in lint({"lib.rego": lib, "a.rego": asked})] == []
    assert [f.rule.code for f in lint({"lib.rego": lib, "a.rego": turned})] == ["IL104"]


PIECES = (
    "package a\n",
    "import data.lib\n",
    "default allow := true\n",
    "allow if not deny\n",
    "deny contains x if some x in input.images\n",
    'f(image) := split(image, "/")[0]\n',
    "allow if { every c in input.spec.containers { c.image } }\n",
    "allow if allow\n",
    'p if regex.match("(", input.image)\n',
    "q contains [a, b] if { some [a, b] in q }\n",
    "r[x] := y if { some x, y in r }\n",
    'verify := {"kind": "ImageReview", "status": status}\n',
    "status := status\n",
    "# lint:ignore IL1\n",
    "deny if not data[x][y]\n",
    "s := {x | some x in {y | some y in data.z}}\n",
    "allow if { not { deny } }\n",
    "t if input.image in [i | some i in data.all]\n",
)


@given(st.lists(st.sampled_from(PIECES), max_size=8), st.sampled_from([0, 1]))
def test_anything_that_parses_is_looked_at(pieces: list[str], version: int) -> None:
    try:
        module = parse_module("a.rego", "".join(["package a\n", *pieces]), version=version)
    except CompileError:
        return
    assert {f.rule.code for f in lint({"a.rego": module})} <= {r.code for r in RULES}
