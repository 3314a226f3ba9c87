"""Equal numbers are spelt in several ways, and of a set only the first is there: also of one that is not made."""

import dataclasses
from typing import Any

import pytest

from image_enforcer import rego
from image_enforcer.rego.json_text import from_json
from image_enforcer.rego.plan.savings import ALL, Savings
from image_enforcer.rego.values import RegoSet

NONE = Savings(**{f.name: False for f in dataclasses.fields(Savings)})

SEARCH = """package a
seen contains sprintf("%v", [[y]]) if {
	some x in numbers
	y := LOOK
}
numbers contains x if some x in input.numbers
"""


def answer(text: str, given: str, savings: Savings) -> Any:
    """The texts in ``data.a.seen``."""
    found = rego.compile_modules({"a.rego": text}).saving(savings).prepare("data.a.seen").value(input=from_json(given))
    return found.sorted() if isinstance(found, RegoSet) else found


def streamed(text: str) -> bool:
    """Whether some rule goes without a set."""
    query = rego.compile_modules({"a.rego": text}).prepare("data.a.seen")
    return any(line.startswith("def d") and "_w(s)" in line for line in "\n".join(query.linked.source).splitlines())


@pytest.mark.parametrize(
    ("look", "numbers", "seen"),
    [
        ("x", "[1, 1.0, 1e0]", ["[1]"]),
        ("[x]", "[1e0, 1]", ["[[1e0]]"]),
        ("{x}", "[1.0, 1]", ["[{1.0}]"]),
        ('sprintf("%d", [x])', "[1, 1.0]", ['["1"]']),
        ('sprintf("%v", [{"k": x}])', "[1.0, 1]", ['["{\\"k\\": 1.0}"]']),
        ('["a", "b"][x]', "[1e0, 1]", []),
        ('substring("abc", x, 1)', "[1e0, 1]", []),
        ("max([x])", "[2.0, 2]", ["[2.0]"]),
        ("[x | x > 0]", "[2.0, 2]", ["[[2.0]]"]),
        ("x + 0", "[2.0, 2]", ["[2]"]),
    ],
)
def test_what_is_made_of_a_number_is_made_of_its_first_spelling(look: str, numbers: str, seen: list[str]) -> None:
    text = SEARCH.replace("LOOK", look)
    given = f'{{"numbers": {numbers}}}'
    assert answer(text, given, ALL) == answer(text, given, NONE) == seen


def test_numbers_within_members_count_as_well() -> None:
    text = SEARCH.replace("some x in numbers", "some z in numbers\n\tsome x in z").replace("LOOK", "x")
    assert answer(text, '{"numbers": [[1], [1.0]]}', ALL) == ["[1]"]
    text = SEARCH.replace("some x in numbers", 'some z in numbers\n\tx := z["k"]').replace("LOOK", "x")
    assert answer(text, '{"numbers": [{"k": 1.0}, {"k": 1}]}', ALL) == ["[1.0]"]


def test_two_rules_that_write_a_number_each_their_way() -> None:
    text = SEARCH.replace("LOOK", "x").replace("x if some x in input.numbers", "1 if input.numbers[0]")
    text += "numbers contains 1.0 if input.numbers[1]\n"
    assert answer(text, '{"numbers": [5, 6]}', ALL) == ["[1]"]
    assert answer(text, '{"numbers": [false, 6]}', ALL) == ["[1.0]"]


@pytest.mark.parametrize(
    "test", ["x == 1", "x > 2", "x in {3, 4}", 'not startswith(x, "a")', "type_name(x) == input.t"]
)
def test_who_only_compares_cannot_tell(test: str) -> None:
    text = f"package a\nseen if {{\n\tsome x in numbers\n\t{test}\n}}\nnumbers contains x if some x in input.numbers\n"
    assert streamed(text)


@pytest.mark.parametrize(
    "test", ['sprintf("%v", [[x]]) == input.t', "input.list[x]", "f(x)", "[y | y := x] == input.t"]
)
def test_who_could_tell_looks_at_the_set(test: str) -> None:
    text = f"package a\nseen if {{\n\tsome x in numbers\n\t{test}\n}}\nnumbers contains x if some x in input.numbers\n"
    assert streamed(text + "f(_) if input.t\n") == test.startswith("[")


def test_texts_by_construction_are_all_alike() -> None:
    text = 'package a\nseen if {\n\tsome x in names\n\tsprintf("%v", [[x]]) == "[a]"\n}\n'
    assert streamed(text + "names contains lower(x) if some x in input.numbers\n")
    assert not streamed(text + "names contains x if some x in input.numbers\n")


def test_arrays_that_share_their_parts_are_looked_at_once() -> None:
    lines = [f"x{i} := [x{i - 1}, x{i - 1}]" for i in range(1, 60)]
    body = "\n\t".join(["some x in input.numbers", "x0 := lower(x)", *lines])
    text = f"package a\nseen if {{\n\tsome y in nested\n\ty != 1\n}}\nnested contains x59 if {{\n\t{body}\n}}\n"
    assert streamed(text)
