"""Places in policy texts."""

from __future__ import annotations

from image_enforcer.rego.places import NO_LOCATION, Location, Text

TEXT = Text("a.rego", "ab\ncdé f\n")


def test_rows_and_columns_count_from_one() -> None:
    place = TEXT.location(7, 8)
    assert (place.file, place.row, place.col, place.offset, place.text) == ("a.rego", 2, 5, 7, "f")
    assert str(place) == "a.rego:2"
    assert (TEXT.location(0, 2).row, TEXT.location(0, 2).col, TEXT.location(0, 2).text) == (1, 1, "ab")


def test_a_place_may_show_another_stretch() -> None:
    place = TEXT.location(3, 6).showing(0, 2)
    assert (place.row, place.col, place.offset, place.begin, place.end, place.text) == (2, 1, 3, 0, 2, "ab")


def test_equal_places_are_equal_however_they_were_made() -> None:
    assert TEXT.location(3, 6) == Text("a.rego", "ab\ncd").location(3, 6)
    assert len({TEXT.location(3, 6), TEXT.location(3, 6), TEXT.location(3, 5)}) == 2
    assert TEXT.location(3, 6) != Text("b.rego", TEXT.text).location(3, 6)
    assert Location.named("a", 1, 2) == Location.named("a", 1, 2) != "a:1"


def test_no_place() -> None:
    assert Location() == NO_LOCATION
    assert (NO_LOCATION.row, NO_LOCATION.col, NO_LOCATION.text, str(NO_LOCATION)) == (0, 0, "", "0:0")
    assert str(Location.named("a.rego", 3, 1)) == "a.rego:3"
    assert TEXT.apart(3, 0, 9).text == ""
