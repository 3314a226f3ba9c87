"""Types in messages that would be too wide; what is expected is what OPA prints."""

import pytest

from image_enforcer import rego

COUNT = """count: invalid argument(s)
\thave: (number)
\twant: (collection: any<...>, n: number)"""
GRAPH = """graph.reachable: invalid argument(s)
\thave: (number, number)
\twant: (graph: object[...], initial: any<array[any], set[any]>, output: set[any])"""
ARRAYS = """match error
\tleft  : array<number, number, number, number, number, number, number, number, number, number, number, number>
\tright : array<number, number, number, number, number, string, number, number, number, number, number, number>"""


def message(query: str) -> str:
    with pytest.raises(rego.CompileError) as caught:
        rego.compile_modules({}).prepare(query)
    return str(caught.value).partition("rego_type_error: ")[2].partition("\n\thint")[0]


@pytest.mark.parametrize(("query", "want"), [("count(1)", COUNT), ("graph.reachable(1, 2)", GRAPH)])
def test_operands(query: str, want: str) -> None:
    assert message(query) == want


def test_short_types_are_whole() -> None:
    assert message("max(1)").endswith("want: (collection: any<array[any], set[any]>, n: any)")


def test_equations_show_where_they_differ() -> None:
    assert message('[1,2,3,4,5,6,7,8,9,0,1,2] = [1,2,3,4,5,"a",7,8,9,0,1,2]') == ARRAYS
    same = '"aaaaaaaaaaaa": 1, "cccccccccccccccccccccc": true'
    left, right = message(f'{{{same}, "bbbbbbbb": [1, "a"]}} = {{{same}, "bbbbbbbb": [1, 2]}}').splitlines()[1:]
    assert left == "\tleft  : object<bbbbbbbb: array<number, string>, ...>"
    assert right == "\tright : object<bbbbbbbb: array<number, number>, ...>"


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("[][0]", "[][0]"),
        ('{"a": 1}.b', '{"a": 1}.b'),
        ('split(lower("a"), "b").foo', 'split(lower("a"), "b").foo'),
        ('f := 1; {"a": f}.b', '{"a": f}.b'),
        ('{"a": 1}[split("a", ".")[0]].c', '{"a": 1}[split("a", ".")[0]].c'),
    ],
)
def test_references_as_written(query: str, shown: str) -> None:
    first, second = message(query).splitlines()[:2]
    assert first == f"undefined ref: {shown}"
    assert second == f"\t{shown}"
