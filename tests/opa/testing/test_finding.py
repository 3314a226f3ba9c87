"""Which rules are tests, under which names."""

import pytest

from image_enforcer.opa.testing.finding import BadPattern, find_tests
from tests.opa.testing.projects import compiled

TEXT = """package a
test_x if true
test_x if false
todo_test_y if true
helper if true
test_cases[n] if some n in [1]
q.test_z if true
q.r.test_w[k].more := 1 if some k in [1]
test_set contains 1
"""


def test_names_in_order() -> None:
    found = [(t.name, t.query, t.skipped, t.cases) for t in find_tests(compiled(TEXT))]
    assert found == [
        ("test_x", "data.a.test_x", False, False),
        ("test_x#01", 'data.a["test_x#01"]', False, False),
        ("todo_test_y", "data.a.todo_test_y", True, False),
        ("test_cases", "data.a.test_cases", False, True),
        ("q.test_z", "data.a.q.test_z", False, False),
        ("q.r.test_w", "data.a.q.r.test_w", False, True),
        ("test_set", "data.a.test_set", False, False),
    ]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [("_x$", ["test_x"]), ("a.test_(x|set)", ["test_x", "test_set"]), ("^data.b", []), ("#01", ["test_x#01"])],
)
def test_patterns_look_at_the_whole_name(pattern: str, names: list[str]) -> None:
    assert [t.name for t in find_tests(compiled(TEXT), pattern)] == names


def test_a_pattern_that_is_none() -> None:
    with pytest.raises(BadPattern, match="error parsing regexp: missing closing ]: `\\[`"):
        find_tests(compiled(TEXT), "[")


def test_a_policy_without_tests() -> None:
    assert find_tests(compiled("package a\np := 1")) == []
