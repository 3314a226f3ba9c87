"""Trees: their JSON, and what is made of JSON that is given for one."""

from __future__ import annotations

from typing import Any

import pytest

from image_enforcer import rego
from image_enforcer.rego.values import Num
from tests.rego.builtins.expressions import EMPTY, value


def parsed(query: str) -> Any:
    return value("graphql.parse_query(input.query)", query=query)


def test_query() -> None:
    tree = parsed("# first\nquery Q($a: [Int!] = 1 @d) @e(x: {y: [$a, null]}) { # in\n b: a ...F ... on T @g { c } }")
    default = {"ExpectedTypeHasDefault": False, "Kind": 1, "Raw": "1"}
    variable = {"ExpectedTypeHasDefault": False, "Kind": 0, "Raw": "a"}
    null = {"ExpectedTypeHasDefault": False, "Kind": 6, "Raw": "null"}
    listed = {
        "Children": [{"Name": "", "Value": variable}, {"Name": "", "Value": null}],
        "ExpectedTypeHasDefault": False,
        "Kind": 8,
        "Raw": "",
    }
    given = {"Children": [{"Name": "y", "Value": listed}], "ExpectedTypeHasDefault": False, "Kind": 9, "Raw": ""}
    assert tree["Operations"] == [
        {
            "Comment": {"List": [{"Value": "# first"}]},
            "Directives": [{"Arguments": [{"Name": "x", "Value": given}], "Location": "", "Name": "e"}],
            "Name": "Q",
            "Operation": "query",
            "SelectionSet": [
                {"Alias": "b", "Comment": {"List": [{"Value": "# in"}]}, "Name": "a"},
                {"Name": "F"},
                {
                    "Directives": [{"Location": "", "Name": "g"}],
                    "SelectionSet": [{"Alias": "c", "Name": "c"}],
                    "TypeCondition": "T",
                },
            ],
            "VariableDefinitions": [
                {
                    "DefaultValue": default,
                    "Directives": [{"Location": "", "Name": "d"}],
                    "Type": {
                        "Elem": {"NamedType": "Int", "NonNull": True},
                        "NamedType": "",
                        "NonNull": False,
                    },
                    "Used": False,
                    "Variable": "a",
                }
            ],
        }
    ]


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        (r'"a\n\u00e9\ud800\/"', "a\né\ufffd/"),
        ('"""\n    a\n      b\n\n    c\n  """', "a\n  b\n\nc"),
        (r'"""a\"""b"""', 'a"""b'),
        ('"""a"""""', 'a""'),
        ('"""\n\t\n"""', ""),
        ('"""a\r\n b\r c"""', "a\n b\n c"),
    ],
)
def test_strings(text: str, raw: str) -> None:
    assert parsed(f"{{ a(b: {text}) }}")["Operations"][0]["SelectionSet"][0]["Arguments"][0]["Value"]["Raw"] == raw


def test_schema() -> None:
    text = '# c\n"d" type A implements & I @x { "e" a(b: Int = 1): [A] } union U = | A extend enum E { B } # end'
    assert value("graphql.parse_schema(input.schema)", schema=text) == {
        "Comment": {"List": [{"Value": "# end"}]},
        "Definitions": [
            {
                "BeforeDescriptionComment": {"List": [{"Value": "# c"}]},
                "BuiltIn": False,
                "Description": "d",
                "Directives": [{"Location": "", "Name": "x"}],
                "Fields": [
                    {
                        "Arguments": [
                            {
                                "DefaultValue": {"ExpectedTypeHasDefault": False, "Kind": 1, "Raw": "1"},
                                "Description": "",
                                "Name": "b",
                                "Type": {"NamedType": "Int", "NonNull": False},
                            }
                        ],
                        "Description": "e",
                        "Name": "a",
                        "Type": {"Elem": {"NamedType": "A", "NonNull": False}, "NamedType": "", "NonNull": False},
                    }
                ],
                "Interfaces": ["I"],
                "Kind": "OBJECT",
                "Name": "A",
            },
            {"BuiltIn": False, "Description": "", "Kind": "UNION", "Name": "U", "Types": ["A"]},
        ],
        "Extensions": [
            {
                "BuiltIn": False,
                "Description": "",
                "EnumValues": [{"Description": "", "Name": "B"}],
                "Kind": "ENUM",
                "Name": "E",
            }
        ],
    }


SCHEMA = "type Query { a(x: Int): Query b: Int }"

SAID: dict[str, tuple[Any, str]] = {
    "a field": ({"Operations": [{"SelectionSet": [{"Name": "b"}]}]}, "fits"),
    "names in any case": ({"operations": [{"SelectionSet": [{"Name": "b"}]}]}, "fits"),
    "names that are exact": ({"Operations": [{"selectionset": [{"Name": "b"}]}]}, "fits"),
    "null where there may be one": ({"Operations": [{"Name": None, "SelectionSet": None}]}, "fits"),
    "a field that is not there": (
        {"Operations": [{"SelectionSet": [{"Name": "c"}]}]},
        'GraphQL parse error: input: Cannot query field "c" on type "Query". Did you mean "a" or "b"?\n',
    ),
    "a place": (
        {"Operations": [{"SelectionSet": [{"Name": "c", "Position": {"Line": 2, "Column": 3, "Src": {}}}]}]},
        'Cannot query field "c" on type "Query". Did you mean "a" or "b"?\n in GraphQL string at location 2:3',
    ),
    "a place without source": (
        {"Operations": [{"SelectionSet": [{"Name": "c", "Position": {"Line": 2, "Column": 3}}]}]},
        "the tree has a position without its source",
    ),
    "no list": (
        {"Operations": 1},
        "json: cannot unmarshal number into Go struct field QueryDocument.Operations of type ast.OperationList",
    ),
    "no text": (
        {"Operations": [{"Name": 1}]},
        "json: cannot unmarshal number into Go struct field QueryDocument.Operations of type string",
    ),
    "deeper": (
        {"Operations": [{"VariableDefinitions": [{"Type": {"NonNull": "x"}}]}]},
        "json: cannot unmarshal string into Go struct field QueryDocument.Operations.Type.NonNull of type bool",
    ),
    "no kind": (
        {"Operations": [{"VariableDefinitions": [{"DefaultValue": {"Kind": Num("1.5")}}]}]},
        (
            "json: cannot unmarshal number 1.5 into Go struct field QueryDocument.Operations.DefaultValue.Kind of type"
            " ast.ValueKind"
        ),
    ),
    "selections that are none": ({"Operations": [{"SelectionSet": [1, "x"]}]}, "fits"),
    "no operation": ({"Operations": [{"Operation": "x"}]}, 'got unknown operation type "x"'),
    "no type": ({"Operations": [{"VariableDefinitions": [{}]}]}, "the tree has no Type in its VariableDefinition"),
    "null in a list": ({"Operations": [None]}, "the tree has a null in its Operations"),
}


@pytest.mark.parametrize("name", SAID)
def test_trees_that_are_given(name: str) -> None:
    tree, wanted = SAID[name]
    query = EMPTY.prepare("graphql.parse(input.tree, input.schema)", strict_builtin_errors=True)
    given = {"tree": tree, "schema": SCHEMA}
    if wanted == "fits":
        assert query.value(input=given)
    else:
        with pytest.raises(rego.EvalError) as caught:
            query.value(input=given)
        assert caught.value.message == f"graphql.parse: {wanted}"


def test_a_schema_stays_what_it_is_when_it_is_read_and_written() -> None:
    tree = value("graphql.parse_schema(input.schema)", schema=SCHEMA)
    query = {"Operations": [{"Name": "", "Operation": "query", "SelectionSet": [{"Alias": "", "Name": "b"}]}]}
    assert value("graphql.parse(input.query, input.schema)", query=query, schema=tree) == [query, tree]
