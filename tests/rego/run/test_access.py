"""Look-ups of running code; what is found is what OPA 1.22.2 finds."""

import pytest

from image_enforcer import rego


@pytest.mark.parametrize(
    ("index", "found"), [("0", 1), ("-0", 1), ("-0.0", 1), ("1.0", 2), ("-1", None), ("1e0", None)]
)
def test_numbers_that_are_an_index(index: str, found: int | None) -> None:
    query = rego.compile_modules({"t.rego": "package t\np := [1, 2][input]"}).prepare("data.t.p")
    value = query.value(input=rego.from_json(index))
    assert value == found if found is not None else value is rego.UNDEFINED
