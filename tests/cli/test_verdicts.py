"""Judging, with engines that answer as they are told."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.cli.outputs.report import Place, Result, Trouble, Verdict
from image_enforcer.cli.verdicts import PATIENCE, Judge, Subject, reasons, review_of
from image_enforcer.ports.policy import Answered, Exceeded, Failed, Outcome, Undefined, Unreachable, Unreadable

ALLOW, DENY, UNDECIDED = Verdict.ALLOW, Verdict.DENY, Verdict.UNDECIDED


class Engine:
    """Answers by the set of images, and counts."""

    def __init__(self, answers: dict[frozenset[str], Outcome], otherwise: Outcome) -> None:
        self.answers, self.otherwise, self.asked = answers, otherwise, 0

    def __call__(self, document: Any) -> Outcome:
        self.asked += 1
        images = frozenset(c["image"] for c in document["spec"]["containers"])
        return self.answers.get(images, self.otherwise)


def allowed() -> Outcome:
    return Answered({"status": {"allowed": True}})


def denied(reason: str = "no [x]") -> Outcome:
    return Answered({"status": {"allowed": False, "reason": reason}})


def judged(engine: Engine, *images: str) -> list[Result]:
    place = Place(resource="Pod/a")
    subject = Subject(document=review_of(images, "shop"), places=(place,) * len(images), whole=place)
    found = Judge(engine, lambda: 0.0).judge(subject)
    assert isinstance(found, list)
    return found


def verdicts(results: list[Result]) -> list[Verdict]:
    return [r.verdict for r in results]


@pytest.mark.parametrize(
    ("outcome", "verdict", "cause"),
    [
        (allowed(), ALLOW, ""),
        (denied(), DENY, ""),
        (Undefined("x"), UNDECIDED, "policy-undefined"),
        (Undefined("x", no_policy=True), UNDECIDED, "no-policy"),
        (Failed("x"), UNDECIDED, "policy-error"),
        (Unreadable("x"), UNDECIDED, "facts-unreadable"),
        (Exceeded("x"), UNDECIDED, "policy-limit"),
        (Unreachable("x"), UNDECIDED, "policy-unreachable"),
        (Answered(None), UNDECIDED, "policy-answer"),
    ],
)
def test_one_image(outcome: Outcome, verdict: Verdict, cause: str) -> None:
    engine = Engine({}, outcome)
    (result,) = judged(engine, "a")
    assert (result.verdict, result.workload, result.cause) == (verdict, verdict, cause)
    assert engine.asked == 1
    assert bool(result.reasons) is (verdict is not ALLOW)


def test_an_image_that_is_no_reference_is_denied_whatever_the_policy_says() -> None:
    assert verdicts(judged(Engine({}, allowed()), "good", "NOT one")) == [ALLOW, DENY]


def test_what_is_allowed_together_is_asked_once() -> None:
    engine = Engine({frozenset({"a"}): denied()}, allowed())
    assert verdicts(judged(engine, "a", "b", "c")) == [ALLOW] * 3
    assert engine.asked == 1


def test_the_image_to_blame_is_found_and_each_is_asked_once() -> None:
    engine = Engine({frozenset("a"): allowed(), frozenset("c"): allowed()}, denied())
    results = judged(engine, "a", "b", "a", "c")
    assert verdicts(results) == [ALLOW, DENY, ALLOW, ALLOW]
    assert [r.held for r in results] == [True, False, True, True]
    assert engine.asked == 1 + 3


def test_where_none_is_to_blame_all_are_denied() -> None:
    assert verdicts(judged(Engine({frozenset("ab"): denied()}, allowed()), "a", "b")) == [DENY, DENY]
    assert verdicts(judged(Engine({frozenset("ab"): denied()}, Failed("x")), "a", "b")) == [DENY, DENY]
    assert verdicts(judged(Engine({frozenset("ab"): Failed("x")}, allowed()), "a", "b")) == [UNDECIDED, UNDECIDED]


@pytest.mark.parametrize("outcome", [Exceeded("slow"), Unreachable("gone")])
def test_what_took_long_is_not_asked_again_for_each_image(outcome: Outcome) -> None:
    engine = Engine({}, outcome)
    assert verdicts(judged(engine, "a", "b", "c")) == [UNDECIDED] * 3
    assert engine.asked == 1


def test_an_engine_that_is_silent_is_not_asked_for_ever() -> None:
    engine = Engine({}, Unreachable("gone"))
    judge = Judge(engine, lambda: 0.0)
    for _ in range(PATIENCE + 5):
        subject = Subject(document=review_of(["a", "b"], ""), places=(Place(), Place()), whole=Place())
        found = judge.judge(subject)
        assert isinstance(found, list)
        assert verdicts(found) == [UNDECIDED, UNDECIDED]
    assert engine.asked == PATIENCE


@pytest.mark.parametrize("document", [None, [], {}, {"spec": {}}, review_of([], ""), review_of(["a" * 5000], "")])
def test_what_is_no_review_is_trouble(document: Any) -> None:
    engine = Engine({}, allowed())
    assert isinstance(Judge(engine, lambda: 0.0).judge(Subject(document=document, places=(), whole=Place())), Trouble)
    assert engine.asked == 0


outcomes = st.sampled_from(
    [
        allowed(),
        denied("a: x [y]"),
        denied("z"),
        Undefined("u"),
        Failed("f"),
        Exceeded("e"),
        Unreachable("n"),
        Answered(1),
    ]
)


images_asked = st.lists(st.sampled_from(["a", "b", "c", "Not One"]), min_size=1, max_size=5)


@given(images_asked, st.lists(outcomes, min_size=5, max_size=5))
def test_a_workload_that_is_not_allowed_always_has_an_image_that_is_not(images: list[str], said: list[Outcome]) -> None:
    singles = {frozenset([image]): outcome for image, outcome in zip(["a", "b", "c", "Not One"], said, strict=False)}
    results = judged(Engine(singles, said[4]), *images)
    assert [r.image for r in results] == images
    whole = results[0].workload
    assert {r.workload for r in results} == {whole}
    if whole is ALLOW:
        assert set(verdicts(results)) == {ALLOW}
    elif whole is DENY:
        assert DENY in verdicts(results)
    else:
        assert set(verdicts(results)) & {DENY, UNDECIDED}
    assert all(r.reasons for r in results if r.verdict is not ALLOW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("plain", [("", "plain")]),
        ("a: m; r [c]", [("c", "m; r")]),
        ("a: m; r [c]; b: n; s [d-2]", [("c", "m; r"), ("d-2", "b: n; s")]),
        ("m [c]; rest", [("c", "m"), ("", "rest")]),
        ("m [Not A Code]", [("", "m [Not A Code]")]),
        ("list[0] is wrong [c]", [("c", "list[0] is wrong")]),
        ("x\ny [c]", [("c", "x\\u000ay")]),
    ],
)
def test_reasons(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(r.rule, r.text) for r in reasons(text, "a")] == expected
