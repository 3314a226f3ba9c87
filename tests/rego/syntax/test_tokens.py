"""Tokens in columns."""

from __future__ import annotations

import pytest

from image_enforcer.rego.syntax.tokens import Token, Tokens


def made() -> Tokens:
    tokens = Tokens('a "b" x')
    tokens.add("identifier", "a", 0, 1, space=False, newline=False)
    tokens.add("string", None, 2, 5, space=True, newline=False)
    tokens.add("illegal", "x", 6, 7, space=True, newline=True, faults=("wrong",))
    return tokens


def test_a_token_is_what_was_added() -> None:
    assert list(made()) == [
        Token("identifier", "a", 0, 1, False, False),
        Token("string", '"b"', 2, 5, True, False),
        Token("illegal", "x", 6, 7, True, True, ("wrong",)),
    ]
    assert made()[-1].faults == ("wrong",)
    assert [made().word(1), made().start(1), made().end(1)] == ['"b"', 2, 5]


def test_there_is_none_behind_the_last() -> None:
    with pytest.raises(IndexError):
        made()[3]


def test_what_is_put_in_between_moves_the_rest() -> None:
    tokens = made()
    tokens.insert(1, "whitespace", 1, 2)
    assert len(tokens) == 4
    assert tokens[1] == Token("whitespace", "", 1, 2, False, False)
    assert [tokens.faults(at) for at in range(4)] == [(), (), (), ("wrong",)]
    assert tokens[2].text == '"b"'
