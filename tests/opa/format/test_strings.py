"""Strings are written so that they are read again as what they are."""

import pytest

from image_enforcer.opa.format.strings import as_written, spelled


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", '"a"'),
        ('a"b\\', '"a\\"b\\\\"'),
        ("a\nb", '"a\\nb"'),
        ("\u00a0", '"\\u00a0"'),  # Go's escapes, where Rego has the same
        ("\x01", '"\\u0001"'),
        ("\x7f", '"\x7f"'),
        ("\a", '"\\u0007"'),
        ("\U000e0001", '"\U000e0001"'),
    ],
)
def test_strings_in_quotes(value: str, text: str) -> None:
    assert spelled(value) == text


def test_strings_as_they_were_written() -> None:
    assert as_written('"\\u0061"', "a") == '"\\u0061"'
    assert as_written("`a`", "a") == "`a`"
    assert as_written("name", "name") == '"name"'
    branch = 'else := 2 if x == "a\\u002f"'
    assert as_written(branch, "a/") == '"a\\u002f"'
    assert as_written(f'{branch}\n\nelse := 3 if x == "b"', "a/") == '"a/"'
    assert as_written("else := 2 if x == `b`", "b") == "`b`"
    assert as_written("else := 2 if `a` == `b`", "b") == '"b"'
