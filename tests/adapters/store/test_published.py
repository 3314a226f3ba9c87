"""What is published, as bytes."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.adapters.store import published
from image_enforcer.adapters.store.columns import clean, narrow
from image_enforcer.domain.report import Severity
from tests.contract.contents import NOON, digest_of, finding, image, part, report, trouble

texts = st.text(st.characters(exclude_categories=[]), max_size=30)
features = st.lists(st.sampled_from(["openssl", "zlib", "curl"]), min_size=0, max_size=3)
parts = st.builds(
    lambda names, flaws, severity: part(*flaws, package=names[0] if names else "bash", severity=severity),
    features, st.lists(st.sampled_from(["CVE-1", "CVE-2", "CVE-3"])), st.sampled_from(["Low", "High"]),
)  # fmt: skip


def test_the_bytes_are_compact_and_in_order() -> None:
    told = published.repository(datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC), 1, trouble())
    assert told == (
        b'{"failures":1,"looked_at":"2026-01-02T03:04:05.000600Z","trouble":{"at":"2026-03-01T12:00:00Z",'
        b'"code":"registry-unreachable","text":"no answer"}}'
    )


def test_a_scan_is_the_same_whatever_the_order_of_its_findings() -> None:
    found = [finding(f"CVE-{number}", severity) for number in range(5) for severity in Severity]
    digest = image("a").digest
    first = published.scan("clair", "1", "scanned", NOON, NOON, report(digest, *found), None)
    assert first == published.scan("clair", "1", "scanned", NOON, NOON, report(digest, *found[::-1]), None)
    read = json.loads(first)
    assert [shown["severity"] for shown in read["findings"][:6]] == ["Defcon1"] * 5 + ["Critical"]
    assert read["counts"] == {severity.word: 5 for severity in Severity} | {"total": 35, "fixable": 35}


@given(st.lists(parts, max_size=5))
def test_a_layer_is_the_union_of_its_parts(said: list[bytes]) -> None:
    told = json.loads(published.layer(digest_of("base"), said))["Layer"]
    expected: dict[str, dict[str, str]] = {}
    for text in said:
        for feature in json.loads(text)["Features"]:
            flaws = expected.setdefault(feature["Name"], {})
            flaws.update({flaw["Name"]: flaw["Severity"] for flaw in feature["Vulnerabilities"]})
    found = {
        feature["Name"]: {flaw["Name"]: flaw["Severity"] for flaw in feature.get("Vulnerabilities", [])}
        for feature in told.get("Features", [])
    }
    assert found == expected
    assert list(found) == sorted(found)
    assert published.layer(digest_of("base"), said) == published.layer(digest_of("base"), [*said, *said[-1:]])


@given(texts)
def test_cleaned_text_can_be_stored_and_is_left_alone_afterwards(text: str) -> None:
    cleaned = clean(text)
    assert "\0" not in cleaned
    assert clean(cleaned.encode().decode()) == cleaned
    assert len(narrow(text * 100)) <= 255
    if "\0" not in text and not any(0xD800 <= ord(c) < 0xE000 for c in text):
        assert cleaned == text
