"""Queries and schemas under the rules: outcomes as OPA gives them, in its words and order."""

from __future__ import annotations

import pytest

from image_enforcer import rego
from tests.rego.builtins.expressions import EMPTY, value
from tests.rego.builtins.graphql.recorded import SCHEMA, recorded

RULES = recorded("rules.txt")
SCHEMAS = recorded("schemas.txt")
SYNTAX = recorded("syntax.txt")


def said(expression: str, **given: rego.Value) -> str:
    """What is wrong, or that it fits."""
    query = EMPTY.prepare(expression, strict_builtin_errors=True)
    try:
        query.value(input=given)
    except rego.EvalError as error:
        return error.message.partition(": ")[2]
    return "fits"


@pytest.mark.parametrize("query", RULES)
def test_rules(query: str) -> None:
    assert said("graphql.parse(input.query, input.schema)", query=query, schema=SCHEMA) == RULES[query]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_schemas(schema: str) -> None:
    assert said("graphql.parse(`{ a }`, input.schema)", schema=schema) == SCHEMAS[schema]
    of_query = ("Cannot query", 'Field "a"')
    valid = SCHEMAS[schema] == "fits" or SCHEMAS[schema].startswith(of_query)
    assert value("graphql.schema_is_valid(input.schema)", schema=schema) is valid


@pytest.mark.parametrize("query", SYNTAX)
def test_syntax(query: str) -> None:
    assert said("graphql.parse_query(input.query)", query=query) == SYNTAX[query]


@pytest.mark.parametrize("query", RULES)
def test_valid_is_what_fits(query: str) -> None:
    fits = RULES[query] == "fits"
    given = {"query": query, "schema": SCHEMA}
    assert value("graphql.is_valid(input.query, input.schema)", **given) is fits
    verified, tree, schema = value("graphql.parse_and_verify(input.query, input.schema)", **given)
    assert verified is fits
    assert (tree, schema) == tuple(value("graphql.parse(input.query, input.schema)", **given) if fits else ({}, {}))


def test_other_kinds_of_operands() -> None:
    assert value("graphql.is_valid(input.a, input.a)", a=1) is False
    assert value("graphql.schema_is_valid(input.a)", a=1) is False
    assert value("graphql.parse_and_verify(input.a, input.a)", a=1) == [False, {}, {}]
    wanted = "operand 0 must be one of {string, object} but got number"
    assert said("graphql.parse(input.a, input.b)", a=1, b="") == wanted
