"""Decision log lines: no secret in them, however it is written, and nothing else changed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer import rego
from image_enforcer.analysis import review as reading
from image_enforcer.domain.review import Cause, Decision, Review
from image_enforcer.ports.policy import Revision
from image_enforcer.server.decision_log import MAX_INPUT, DecisionLog, Entry, masked, may_hold_secrets
from image_enforcer.server.logs import Sink
from tests.server.asgi import encoded


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a.image-policy.k8s.io/password", "hunter2"),
        ("a.image-policy.k8s.io/registry-token", "hunter2"),
        ("a.image-policy.k8s.io/API_KEY", "hunter2"),
        ("a.image-policy.k8s.io/registry-pwd", "hunter2"),
        ("a.image-policy.k8s.io/aws-access-key", "hunter2"),
        ("clientSecret", "hunter2"),
        ("Authorization", "Basic hunter2"),
        ("note", "see https://kim:hunter2@example.com/x"),
        ("note", "Bearer hunter2"),
        ("note", "use bearer hunter2 there"),
    ],
)
def test_secrets_are_masked(name: str, value: str) -> None:
    found = masked({"spec": {"annotations": {name: value}}, "list": [{name: value}]})
    assert "hunter2" not in json.dumps(found)
    assert "***" in found["spec"]["annotations"][name]


def test_images_with_a_password_are_masked() -> None:
    for scheme in ("https://", ""):
        document = {"spec": {"containers": [{"image": scheme + "kim:hunter2@example.com/x:1"}]}}
        assert masked(document) == {"spec": {"containers": [{"image": scheme + "kim:***@example.com/x:1"}]}}


def test_a_tag_in_front_of_a_digest_is_no_password() -> None:
    document = {"image": "example.com:5000/a/b:1.2@sha256:" + "a" * 64}
    assert masked(document) == document
    assert not may_hold_secrets(json.dumps(document).encode())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text("abc:/@.-1"),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("bcdf"), inner),
    )
)
def test_what_holds_no_secret_stays_as_it_is(document: object) -> None:
    if "@" not in json.dumps(document):
        assert masked(document) == document


def entry(review: Review | None, reason: str = "no") -> Entry:
    decision = Decision(allowed=False, reason=reason, cause=Cause.POLICY_ERROR, audit=(("undecided", "policy-error"),))
    return Entry(
        path="/image-policy", client="", review=review, decision=decision, revision=Revision("p", "d"), evaluated=0.001,
        total=0.002,
    )  # fmt: skip


def written(review: Review | None, folder: Path, reason: str = "no") -> str:
    """The line for a review."""
    fd = os.open(folder / "log", os.O_WRONLY | os.O_CREAT)
    DecisionLog(Sink(fd), lambda: 0.0, lambda: "id").write(entry(review, reason))
    os.close(fd)
    return (folder / "log").read_text(encoding="utf-8")


def read(text: str) -> Review:
    """A review from its JSON."""
    found = reading.read(rego.from_json(text))
    assert isinstance(found, Review)
    return found


def test_a_reason_that_repeats_a_password_is_masked(tmp_path: Path) -> None:
    line = json.loads(written(None, tmp_path, "kim:hunter2@example.com/x: no reference"))
    assert line["result"]["reason"] == "kim:***@example.com/x: no reference"


def test_numbers_are_logged_as_they_came(tmp_path: Path) -> None:
    text = '{"spec":{"containers":[{"image":"a:1"}],"n":[1.50,1e3,12345678901234567890]}}'
    line = written(read(text), tmp_path)
    assert f'"input":{text}' in line
    assert line.count("\n") == 1


def test_a_line_without_a_review(tmp_path: Path) -> None:
    line = json.loads(written(None, tmp_path))
    assert "input" not in line
    assert (line["cause"], line["audit"]) == ("policy-error", {"undecided": "policy-error"})
    assert line["metrics"] == {"evaluation_us": 1000, "total_us": 2000}


def test_a_large_input_is_left_out_and_said_so(tmp_path: Path) -> None:
    filler = "x" * MAX_INPUT
    line = json.loads(written(read(json.dumps({"spec": {"containers": [{"image": "a:1"}]}, "f": filler})), tmp_path))
    assert line["input"].startswith("left out: ")
    assert line["images"] == ["a:1"]


def test_without_a_sink_nothing_happens() -> None:
    DecisionLog(None, lambda: 0.0, lambda: "id").write(entry(None))


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "a.io/password",
                "apiVersion",
                "passwd",
                "API-Key",
                "apikey",
                "AccessKey",
                "pwd",
                "private_key",
                "x",
                "ſecret",
            ]
        ),
        st.sampled_from(["v", "https://a:b@c", "Bearer x", "basic\tx", "tok", "BASIC x", "\x00"]),
    )
)
def test_whatever_is_masked_was_suspicious(document: dict[str, str]) -> None:
    if masked(document) != document:
        assert may_hold_secrets(json.dumps(document).encode())
        assert may_hold_secrets(json.dumps(document, ensure_ascii=False).encode())


def test_a_plain_review_is_not_suspicious() -> None:
    assert not may_hold_secrets(encoded("registry.example/shop/web:1", namespace="production"))
    assert may_hold_secrets(encoded("registry.example/secret/web:1"))
