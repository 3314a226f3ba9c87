"""Bearer tokens from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_enforcer.server.tokens import BadTokens, Tokens


def test_any_token_of_the_file_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("first\n\n  second \r\n", encoding="utf-8")
    tokens = Tokens(str(file))
    for good in (b"Bearer first", b"Bearer second", b"bearer  second "):
        assert tokens.accept(good)
    for bad in (None, b"", b"first", b"Bearer", b"Bearer ", b"Bearer firs", b"Bearer first second", b"Basic first"):
        assert not tokens.accept(bad)


def test_a_changed_file_comes_into_force_and_a_broken_one_does_not(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("old", encoding="utf-8")
    tokens = Tokens(str(file))
    file.write_text("new", encoding="utf-8")
    assert tokens.reload() == ""
    assert (tokens.accept(b"Bearer new"), tokens.accept(b"Bearer old")) == (True, False)
    file.write_text(" \n", encoding="utf-8")
    assert "holds no token" in tokens.reload()
    file.unlink()
    assert "No such file" in tokens.reload()
    assert tokens.accept(b"Bearer new")


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_a_file_without_a_token_cannot_be_used(tmp_path: Path, text: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadTokens, match="holds no token"):
        Tokens(str(file))
