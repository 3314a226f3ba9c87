"""Changes between two texts: they lead from one to the other, and are shown as OPA shows them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.opa.format.changes import DELETED, INSERTED, KEPT, changes, coloured

TEXTS = st.text(alphabet="ab\n", max_size=60)


def never() -> bool:
    return False


@given(TEXTS, TEXTS)
def test_changes_lead_from_one_text_to_the_other(old: str, new: str) -> None:
    found = changes(old, new, never)
    assert "".join(text for kind, text in found if kind != INSERTED) == old
    assert "".join(text for kind, text in found if kind != DELETED) == new


@given(TEXTS, TEXTS)
def test_what_takes_too_long_is_replaced(old: str, new: str) -> None:
    found = changes(old, new, lambda: True)
    assert "".join(text for kind, text in found if kind != INSERTED) == old
    assert "".join(text for kind, text in found if kind != DELETED) == new


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("", "", []),
        ("a", "a", [(KEPT, "a")]),
        ("", "a", [(INSERTED, "a")]),
        ("a", "", [(DELETED, "a")]),
        ("ab", "aXb", [(KEPT, "a"), (INSERTED, "X"), (KEPT, "b")]),
        ("x", "y", [(DELETED, "x"), (INSERTED, "y")]),
        ("p:=1\n", "p := 1\n", [(KEPT, "p"), (INSERTED, " "), (KEPT, ":="), (INSERTED, " "), (KEPT, "1\n")]),
    ],
)
def test_changes(old: str, new: str, wanted: list[tuple[int, str]]) -> None:
    assert changes(old, new, never) == wanted


def test_every_line_has_its_own_colours() -> None:
    shown = coloured([(KEPT, "a\n"), (DELETED, "b"), (INSERTED, "c\nd")])
    assert shown == "a\n\x1b[31mb\x1b[0m\x1b[32mc\x1b[0m\n\x1b[32md\x1b[0m"
