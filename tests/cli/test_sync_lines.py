"""The lines of `sync`: what is worth one, in both forms."""

import io
import json

import pytest

from image_enforcer.cli.sync_lines import Lines
from image_enforcer.domain.reference import Repository
from tests.contract.contents import repository, trouble


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


def test_a_look_that_finds_nothing_new_is_not_worth_a_line(out: io.StringIO) -> None:
    lines = Lines(out, "text")
    lines.looked(repository(), 5, 0, 0, 1)
    assert out.getvalue() == ""
    lines.looked(repository(), 5, 1, 0, 2)
    assert out.getvalue().endswith("looked docker.io/library/nginx: 5 tags, 1 new manifest, 0 in trouble\n")


def test_the_same_trouble_is_told_once_until_it_is_over(out: io.StringIO) -> None:
    lines = Lines(out, "json")
    about = str(repository())
    for _ in range(3):
        lines.failed(about, trouble())
    lines.failed(about, trouble(code="lying"))
    lines.looked(repository(), 5, 0, 0, 1)
    lines.failed(about, trouble())
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["event"], line.get("code")) for line in found] == [
        ("failed", "registry-unreachable"), ("failed", "lying"), ("looked", None), ("failed", "registry-unreachable")
    ]  # fmt: skip


def test_a_text_from_elsewhere_stays_in_its_line(out: io.StringIO) -> None:
    Lines(out, "text").failed("a", trouble(text="one\n2026-01-01T00:00:00Z looked \x1b[2Jall is well"))
    assert out.getvalue().count("\n") == 1
    assert "\x1b" not in out.getvalue()


def test_one_thing_is_said_of_one(out: io.StringIO) -> None:
    lines = Lines(out, "text")
    lines.looked(repository(), 1, 1, 0, 7)
    lines.delivered("opa", 1, 1, False)
    lines.noticed(1, 1)
    said = out.getvalue()
    assert "1 tag, 1 new manifest, 0 in trouble\n" in said
    assert "1 document put, 1 deleted\n" in said
    assert "1 notification about 1 image, whose" in said


def test_what_is_forgotten_has_a_line_each_up_to_twenty(out: io.StringIO) -> None:
    places = [Repository(registry="docker.io", path=f"team/app{n:02}") for n in range(23)]
    Lines(out, "text").forgotten(places)
    lines = out.getvalue().splitlines()
    assert len(lines) == 21
    assert lines[0].endswith(
        " forgotten docker.io/team/app00: it was followed in this store, and is named no more; give another list a "
        "store of its own with --store"
    )
    assert "3 more repositories" in lines[-1]


def test_what_somebody_asked_about(out: io.StringIO) -> None:
    lines = Lines(out, "text")
    lines.asked("docker.io/library/nginx:1", "")
    lines.asked("docker.io/library/nginx:2", "not-found")
    first, second = out.getvalue().splitlines()
    assert first.endswith("asked docker.io/library/nginx:1: looked up, since somebody asked")
    assert second.endswith("asked docker.io/library/nginx:2: looked up, since somebody asked [not-found]")


def test_what_the_scanner_notifies_of(out: io.StringIO) -> None:
    Lines(out, "text").noticed(2, 30)
    assert out.getvalue().endswith("noticed 2 notifications about 30 images, whose reports are asked for now\n")


def test_what_was_forgotten_since_nothing_points_to_it(out: io.StringIO) -> None:
    Lines(out, "text").pruned(7)
    shown = "pruned 7 rows of manifests, reports and facts that nothing has pointed to for long\n"
    assert out.getvalue().endswith(shown)


def test_one_of_a_thing_is_one(out: io.StringIO) -> None:
    lines = Lines(out, "text")
    lines.looked(repository(), 1, 2, 0, 1)
    lines.noticed(1, 1)
    lines.delivered("http://opa:8181", 1, 1, False)
    looked, noticed, delivered = out.getvalue().splitlines()
    assert looked.endswith(": 1 tag, 2 new manifests, 0 in trouble")
    assert noticed.endswith("noticed 1 notification about 1 image, whose reports are asked for now")
    assert delivered.endswith(": 1 document put, 1 deleted")
