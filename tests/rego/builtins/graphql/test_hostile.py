"""Hostile texts: an answer, a named fault or a limit, in bounded time."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer import rego
from image_enforcer.rego.builtins.graphql.faults import GraphqlFault
from image_enforcer.rego.builtins.graphql.query_parser import parse_query
from image_enforcer.rego.builtins.graphql.schema_parser import parse_schema
from tests.rego.builtins.expressions import EMPTY, value
from tests.rego.builtins.graphql.recorded import SCHEMA, recorded

DEEP = 100_000
LIMITED = {
    "selections": ("{a" * DEEP, SCHEMA),
    "lists": (f"{{ a(x: {'[' * DEEP}", SCHEMA),
    "objects": ("{ a(x: " + "{a:" * DEEP, SCHEMA),
    "types": ("{ any }", f"type A {{ a: {'[' * DEEP}"),
    "fields under one name": ("{" + "any " * 20_000 + "}", SCHEMA),
    "a digit more": (f"{{ users(number: 1.{'1' * 200_000}) {{ id }} }}", SCHEMA),
}


@pytest.mark.parametrize("name", LIMITED)
def test_too_much_ends_at_a_limit(name: str) -> None:
    query, schema = LIMITED[name]
    with pytest.raises(rego.LimitError):
        EMPTY.prepare("graphql.is_valid(input[0], input[1])").value(
            input=[query, schema], limits=rego.Limits(seconds=1.0)
        )


def test_fragments_that_double_are_compared_once() -> None:
    chain = " ".join(f"fragment F{i} on User {{ ...F{i + 1} friends {{ ...F{i + 1} }} }}" for i in range(30))
    text = f"{{ user(id: 1) {{ ...F0 }} }} {chain} fragment F30 on User {{ id }}"
    assert value("graphql.is_valid(input.query, input.schema)", query=text, schema=SCHEMA) is True


PIECES = [*"{}()[]:=!|&@$#,\n\r \u00e9'\x00\"\\", '"""', "...", "on", "query", "fragment", "type", "input", "extend",
          "enum", "schema", "directive", "a", "Query", "1", "-0", "1.5e3", "true", "null", "union"]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join) | st.lists(st.sampled_from(PIECES)).map("".join)


@given(TEXTS | st.text())
def test_any_text_is_a_tree_or_a_named_fault(text: str) -> None:
    for parse in (parse_query, parse_schema):
        with suppress(GraphqlFault):
            parse(text)


@given(st.sampled_from(sorted(recorded("rules.txt"))), st.integers(0, 200), st.sampled_from(PIECES))
def test_a_query_with_something_put_in_is_valid_or_not(text: str, at: int, piece: str) -> None:
    changed = f"{text[:at]}{piece}{text[at:]}"
    assert value("graphql.is_valid(input.query, input.schema)", query=changed, schema=SCHEMA) in (True, False)
