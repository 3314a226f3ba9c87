"""Reviews, refusals and decisions as values."""

import dataclasses
import re

import pytest

from image_enforcer.domain.review import Cause, Decision, Refusal, Review


def test_a_refusal_says_what_is_wrong_what_to_do_and_its_cause() -> None:
    assert str(Refusal(cause=Cause.NO_POLICY, text="nothing", remedy="load it")) == "nothing; load it [no-policy]"


@pytest.mark.parametrize("cause", Cause)
def test_causes_can_be_names_of_marks_and_codes_of_reasons(cause: Cause) -> None:
    assert re.fullmatch(r"[a-z][a-z-]{0,63}", cause.value)


def test_a_decision_that_nobody_made_is_no_decision() -> None:
    with pytest.raises(TypeError):
        Decision()  # type: ignore[call-arg]  # that this is refused is what is tested
    assert not Decision(allowed=False).undecided


def test_a_decision_cannot_be_changed() -> None:
    decision = Decision(allowed=False)
    with pytest.raises(dataclasses.FrozenInstanceError):
        decision.allowed = True  # type: ignore[misc]  # that this is refused is what is tested


def test_a_document_is_not_shown_with_the_review() -> None:
    assert "secret" not in repr(Review(namespace="a", uses=(), document={"x": "secret"}))
