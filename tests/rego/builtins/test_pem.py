"""PEM as Go finds it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.rego.builtins.pem import blocks, first_block

WHOLE = b"-----BEGIN A-----\nYWJj\n-----END A-----\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (WHOLE, [("A", b"abc")]),
        (WHOLE + b"x" + WHOLE, [("A", b"abc")]),
        (b"x\n" + WHOLE + WHOLE, [("A", b"abc")] * 2),
        (b"x" + WHOLE, []),
        (WHOLE.replace(b"\n", b"\r\n"), [("A", b"abc")]),
        (WHOLE.replace(b"YW", b"Y W"), [("A", b"abc")]),
        (WHOLE.replace(b"\nY", b"\nB: c\n\nY"), [("A", b"abc")]),
        (WHOLE.replace(b"END A", b"END B"), []),
        (WHOLE.replace(b"YWJj", b"Y"), []),
        (WHOLE[:-1] + b"x\n", []),
        (WHOLE[:20], []),
        (b"-----BEGIN A-----\n-----END A-----\n", [("A", b"")]),
        (b"-----BEGIN B-----\n" + WHOLE, [("A", b"abc")]),
        (b"", []),
    ],
)
def test_blocks(text: bytes, found: list[tuple[str, bytes]]) -> None:
    assert [(block.type, block.data) for block in blocks(text)] == found


def test_headers_and_what_follows() -> None:
    block, rest = first_block(WHOLE.replace(b"\nY", b"\nProc: 4,X\n\nY") + b"more")
    assert block is not None
    assert block.headers == {"Proc": "4,X"}
    assert rest == b"more"


@given(st.binary(max_size=100), st.binary(max_size=30), st.binary(max_size=30))
def test_what_is_written_is_found(data: bytes, before: bytes, after: bytes) -> None:
    text = b"-----BEGIN X Y-----\n" + base64.encodebytes(data) + b"-----END X Y-----\n"
    block, rest = first_block(text + after)
    assert block is not None
    assert (block.type, block.data, rest) == ("X Y", data, after)
    assert all(block.data is not None for block in blocks(before + b"\n" + text + after))


@given(st.text("-BEGIND \nA=:", max_size=200))
def test_any_text_ends(text: str) -> None:
    list(blocks(text.encode()))
