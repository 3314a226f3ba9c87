"""Sets that are only looked through once are not made, and nobody can tell but by the time it takes."""

import json
from typing import Any

import pytest

from image_enforcer import rego
from image_enforcer.rego.plan.program import ProgramPlanner
from image_enforcer.rego.plan.purity import Purity
from image_enforcer.rego.plan.raising import Raising
from image_enforcer.rego.plan.streams import MOST_USES, Streams

SEARCH = """package a
denied if {
	some [name, tag] in parts
	tag in {"latest", "edge"}
	name != "trusted"
}
parts contains [name, tag] if {
	some image in input.images
	[name, tag] := split(image, ":")
}
"""


def streamed(*texts: str) -> bool:
    """Whether the routine of ``data.a.denied`` goes without a set."""
    policy = rego.compile_modules({f"{i}.rego": text for i, text in enumerate(texts)})
    modules = policy.compiled
    planner = ProgramPlanner(modules)
    node = planner.world.find(("a", "denied"))
    assert node is not None
    routine = planner.routine(node.doc, "")
    return Streams(planner, modules, Raising(planner)).applied(routine, Purity(planner).static) is not None


def ask(text: str, given: Any, **options: Any) -> Any:
    """The value of ``data.a.denied``."""
    return rego.compile_modules({"a.rego": text}).prepare("data.a.denied", **options).value(input=given)


@pytest.mark.parametrize(
    ("images", "denied"),
    [
        ([], False),
        (["a:1", "b:latest"], True),
        (["trusted:latest"], False),
        (["trusted:latest", "c:edge"], True),
        (["no-tag", "x:y:latest", 1, None], False),
        ({"k": "b:latest"}, True),
        ("b:latest", False),
    ],
)
def test_the_search_finds_what_the_set_holds(images: Any, denied: bool) -> None:
    assert streamed(SEARCH)
    assert (ask(SEARCH, {"images": images}) is True) == denied
    made = ask(SEARCH, {"images": images}, strict_builtin_errors=False)
    assert (made is True) == denied


def test_several_rules_of_a_set_are_searched_in_turn() -> None:
    text = SEARCH + 'parts contains ["spare", "edge"] if input.spare\nparts contains [input.whole, input.tag]\n'
    assert streamed(text)
    assert ask(text, {"images": [], "spare": True}) is True
    assert ask(text, {"images": [], "spare": False, "whole": "b", "tag": "latest"}) is True
    assert ask(text, {"images": ["a:1"], "spare": False, "whole": "trusted", "tag": "latest"}) is rego.UNDEFINED


def test_members_of_another_shape_are_passed_over() -> None:
    text = SEARCH + "parts contains input.more[_]\n"
    assert streamed(text)
    for other in (["b"], ["b", "latest", 1], "b:latest", {"b": "latest"}, None):
        assert ask(text, {"images": [], "more": [other]}) is rego.UNDEFINED
    assert ask(text, {"images": [], "more": [1, ["b", "latest"]]}) is True


def test_a_default_and_an_else_stand() -> None:
    text = "default denied := false\n" + SEARCH.split("\n", 1)[1]
    assert ask("package a\n" + text, {"images": ["a:1"]}) is False
    assert ask("package a\n" + text, {"images": ["a:edge"]}) is True


@pytest.mark.parametrize(
    "text",
    [
        # a value that depends on which member comes first
        SEARCH.replace("denied if {", "denied := name if {"),
        # the set may conflict, or its members may be looked at by what may raise
        SEARCH.replace('name != "trusted"', "x[name]") + "x := {k: v | some k; v := input.images[k]}\n",
        SEARCH.replace('name != "trusted"', "print(name)"),
        # used by too many
        SEARCH + "".join(f"r{i} := parts\n" for i in range(MOST_USES)),
        # replaced by somebody
        SEARCH + "other if denied with data.a.parts as set()\n",
    ],
    ids=["value", "conflict", "print", "uses", "replaced"],
)
def test_what_could_be_told_apart_is_left_alone(text: str) -> None:
    assert not streamed(text)


def test_a_set_that_may_be_asked_for_by_a_step_that_nobody_knows_before_is_made() -> None:
    assert streamed(SEARCH, "package b\nr := data.a.parts\n")
    assert not streamed(SEARCH, "package b\nr := data.a[input.which]\n")


def test_replaced_documents_are_seen() -> None:
    text = SEARCH + 'other if denied with input.images as ["b:latest"]\nmore if other with data.z as 1\n'
    policy = rego.compile_modules({"a.rego": text})
    assert policy.prepare("data.a.more").value(input={"images": []}) is True
    mocked = policy.prepare('data.a.denied with split as ["b", "latest"]')
    assert mocked.run(input={"images": ["c"]})[0].expressions[0].value is True


def test_strict_errors_end_the_evaluation_wherever_they_are() -> None:
    with pytest.raises(rego.EvalError, match="split: operand 1 must be string but got number"):
        ask(SEARCH, {"images": ["b:latest", 1]}, strict_builtin_errors=True)
    assert ask(SEARCH, {"images": ["b:latest", 1]}) is True


def test_a_failing_document_is_an_error_wherever_it_is() -> None:
    from collections.abc import Iterator, Mapping

    class Failing(Mapping[str, Any]):
        """Gives one key, then fails."""

        def __getitem__(self, k: str) -> Any:
            if k == "bad":
                raise OSError("cannot be read")
            return ["b:latest"]

        def __iter__(self) -> Iterator[str]:
            return iter(["good", "bad"])

        def __len__(self) -> int:
            return 2

    text = SEARCH.replace("input.images", "data.images[input.which]")
    query = rego.compile_modules({"a.rego": text}).prepare("data.a.denied")
    snapshot = rego.Snapshot({"images": Failing()})
    assert query.value(input={"which": "good"}, data=snapshot) is True
    with pytest.raises(rego.DocumentError):
        query.value(input={"which": "bad"}, data=snapshot)


def test_limits_hold() -> None:
    text = """package a
denied if {
	some [x, y] in pairs
	x == y
	x == "never"
}
pairs contains [x, y] if {
	some x in input.items
	some y in input.items
}
"""
    assert streamed(text)
    query = rego.compile_modules({"a.rego": text}).prepare("data.a.denied")
    items = json.loads(json.dumps([str(i) for i in range(3000)]))
    with pytest.raises(rego.LimitError) as crossed:
        query.value(input={"items": items}, limits=rego.Limits(seconds=None, units=100_000))
    assert crossed.value.kind == "units"
