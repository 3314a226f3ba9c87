"""The decision and its guard: what cannot be judged is never allowed by accident, and a denial stands."""

import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from image_enforcer.analysis import review as reading
from image_enforcer.analysis.text import MAX_REASON
from image_enforcer.domain.review import Cause, Decision, Refusal, Review
from image_enforcer.ports.policy import Answered, Exceeded, Failed, Outcome, Undefined, Unreachable, Unreadable
from image_enforcer.services import decide
from image_enforcer.services.decide import Guard
from tests.fakes.policy_engine import ScriptedEngine

GUARD = Guard(exempt=frozenset({"kube-system"}), audit=frozenset({"sandbox"}))
NAMESPACES = {"": "enforced", "production": "enforced", "kube-system": "exempt", "sandbox": "audit"}


def review(*images: str, namespace: str = "production") -> Review:
    found = reading.read(
        {"spec": {"containers": [{"image": i} for i in images or ("nginx:1",)], "namespace": namespace}}
    )
    assert isinstance(found, Review)
    return found


def answer(allowed: Any, **status: Any) -> Answered:
    return Answered({"kind": reading.KIND, "apiVersion": reading.VERSION, "status": {"allowed": allowed, **status}})


ALLOW, DENY = answer(True), answer(False, reason="nginx:1: too old; use 2 [age]")
UNJUDGED: list[tuple[Outcome, Cause]] = [
    (Undefined("nothing there"), Cause.POLICY_UNDEFINED),
    (Undefined("nothing there", no_policy=True), Cause.NO_POLICY),
    (Failed("two values"), Cause.POLICY_ERROR),
    (Unreadable("gone"), Cause.FACTS_UNREADABLE),
    (Exceeded("2 s"), Cause.POLICY_LIMIT),
    (Exceeded("2 s", time=True), Cause.POLICY_LIMIT),
    (Unreachable("refused"), Cause.POLICY_UNREACHABLE),
    (Answered(None), Cause.POLICY_ANSWER),
    (Answered(True), Cause.POLICY_ANSWER),
    (Answered({"result": {"status": {"allowed": True}}}), Cause.POLICY_ANSWER),
    (answer("true"), Cause.POLICY_ANSWER),
]


def well_told(decision: Decision) -> bool:
    """Whether a reason is there, and safe, and short."""
    reason = decision.reason
    return (
        bool(reason.strip())
        and len(reason) <= MAX_REASON
        and not any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in reason)
    )


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("image", ["nginx:1", "no reference"])
@pytest.mark.parametrize(("outcome", "cause"), UNJUDGED, ids=lambda value: str(value)[:40])
def test_what_no_policy_judged(namespace: str, image: str, outcome: Outcome, cause: Cause) -> None:
    found = decide.conclude(review(image, namespace=namespace), outcome, GUARD)
    treated = NAMESPACES[namespace]
    assert found.allowed is (treated != "enforced")
    assert found.undecided
    assert found.cause is cause
    assert dict(found.audit)["undecided"] == cause.value
    assert dict(found.audit).get("guard") == (None if treated == "enforced" else treated)
    assert f"[{cause.value}]" in found.reason
    assert "; " in found.reason, "a cause and a remedy"
    assert well_told(found)


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("image", ["nginx:1", "no reference"])
def test_a_denial_stands_everywhere(namespace: str, image: str) -> None:
    found = decide.conclude(review(image, namespace=namespace), DENY, GUARD)
    assert found == Decision(allowed=False, reason="nginx:1: too old; use 2 [age]")


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_allowed(namespace: str) -> None:
    assert decide.conclude(review(namespace=namespace), ALLOW, GUARD) == Decision(allowed=True)


@pytest.mark.parametrize(("namespace", "treated"), NAMESPACES.items())
def test_an_image_that_is_no_reference(namespace: str, treated: str) -> None:
    found = decide.conclude(review("nginx:1", "no reference\n\u202e", namespace=namespace), ALLOW, GUARD)
    assert found.allowed is (treated != "enforced")
    assert found.cause is Cause.UNPARSABLE
    assert found.undecided
    assert r"no reference\u000a\u202e: not an image reference" in found.reason
    assert "write it as" in found.reason
    assert well_told(found)


def test_namespaces_are_compared_exactly() -> None:
    for namespace in ("Kube-System", "kube-system ", "kube-syste", "*", "kube-system\x00"):
        assert not decide.conclude(review(namespace=namespace), Failed("x"), GUARD).allowed
    listed = Guard(exempt=frozenset({""}), audit=frozenset({""}))
    assert not decide.conclude(review(namespace=""), Failed("x"), listed).allowed


def test_exempt_comes_before_audit() -> None:
    both = Guard(exempt=frozenset({"a"}), audit=frozenset({"a"}))
    assert ("guard", "exempt") in decide.conclude(review(namespace="a"), Failed("x"), both).audit


@pytest.mark.parametrize("cause", Cause)
def test_a_refused_request_is_denied_whatever_namespace_it_names(cause: Cause) -> None:
    refusal = Refusal(cause=cause, text="not so", remedy="do thus")
    asked: list[Any] = []

    def ask(document: Any) -> Outcome:
        asked.append(document)
        return ALLOW

    found = decide.decide(refusal, ask, GUARD)
    assert found == decide.refuse(refusal)
    assert not found.allowed
    assert found.undecided
    assert found.reason == f"not so; do thus [{cause.value}]"
    assert asked == []


def test_the_engine_is_asked_about_all_that_was_sent() -> None:
    engine = ScriptedEngine([ALLOW, DENY, Failed("x")])
    subject = review(namespace="kube-system")
    ask = decide.asking(engine)
    assert [decide.decide(subject, ask, GUARD).allowed for _ in range(3)] == [True, False, True]
    assert engine.asked == [subject.document] * 3
    assert not decide.decide(subject, decide.asking(ScriptedEngine([Failed("x")]))).allowed, (
        "nobody is exempt by default"
    )


@pytest.mark.parametrize(
    "value",
    [
        None, True, 1, "ImageReview", [], {},
        {"status": None}, {"status": True}, {"status": []}, {"status": {}}, {"status": {"allowed": None}},
        {"status": {"allowed": 1}}, {"status": {"allowed": "true"}}, {"status": {"allowed": [True]}},
        {"status": {"Allowed": True}}, {"allowed": True}, {"result": {"status": {"allowed": True}}},
        {"kind": "AdmissionReview", "status": {"allowed": True}}, {"kind": None, "status": {"allowed": True}},
        {"apiVersion": "imagepolicy.k8s.io/v1", "status": {"allowed": True}},
        {"apiVersion": None, "status": {"allowed": True}}, {"kind": ["ImageReview"], "status": {"allowed": True}},
        {"kind": "ImageReview", "apiVersion": "", "status": {"allowed": True}},
        {"status": {"allowed": True, "reason": 7}}, {"status": {"allowed": True, "reason": ["x"]}},
        {"status": {"allowed": True, "auditAnnotations": ["x"]}},
        {"status": {"allowed": True, "auditAnnotations": {"x": 1}}},
    ],
)  # fmt: skip
def test_no_answer_to_go_by(value: Any) -> None:
    found = decide.conclude(review(), Answered(value), GUARD)
    assert not found.allowed
    assert found.cause is Cause.POLICY_ANSWER
    assert well_told(found)


@pytest.mark.parametrize(
    "status",
    [
        {"allowed": True}, {"allowed": True, "reason": None}, {"allowed": True, "reason": ""},
        {"allowed": True, "auditAnnotations": None}, {"allowed": True, "unheard": 7},
    ],
)  # fmt: skip
def test_kind_and_version_may_be_left_out(status: Any) -> None:
    assert decide.conclude(review(), Answered({"status": status}), GUARD) == Decision(allowed=True)


@pytest.mark.parametrize("reason", [None, "", " \n", 7, ["x"], {"x": "y"}])
def test_a_denial_without_a_reason_is_one_all_the_same(reason: Any) -> None:
    found = decide.conclude(review(), answer(False, reason=reason, auditAnnotations=7), GUARD)
    assert found == Decision(allowed=False, reason=decide.NO_REASON)
    assert well_told(found)


def test_audit_annotations_of_the_policy() -> None:
    marks = {"rule": "age\x00", "ticket": "T-1"}
    assert decide.conclude(review(), answer(True, auditAnnotations=marks), GUARD).audit == (
        ("rule", r"age\u0000"),
        ("ticket", "T-1"),
    )
    assert decide.conclude(review(), answer(False, auditAnnotations={"a": "b"}), GUARD).audit == (("a", "b"),)
    many = {f"{i}": "x" * 100_000 for i in range(10_000)}
    kept = decide.conclude(review(), answer(True, auditAnnotations=many), GUARD).audit
    assert len(kept) == decide.MAX_MARKS
    assert all(len(value) == decide.MAX_MARK for _, value in kept)


@pytest.mark.parametrize("outcome", [Failed, Undefined, Exceeded, Unreachable])
def test_a_long_fault_leaves_room_for_the_remedy(outcome: Any) -> None:
    found = decide.conclude(review(), outcome("\x00x" * 1_000_000), GUARD)
    assert well_told(found)
    assert found.cause is not None
    assert found.reason.endswith(f" [{found.cause.value}]")
    assert "…; " in found.reason


def test_a_long_image_leaves_room_for_what_is_wrong_with_it() -> None:
    found = decide.conclude(review("\x00" * 4096), ALLOW, GUARD)
    assert well_told(found)
    assert "not an image reference" in found.reason
    assert len(found.reason) < 500


def test_every_image_is_looked_at() -> None:
    for place in range(3):
        images = ["nginx"] * 3
        images[place] = "NGINX"
        assert decide.conclude(review(*images), ALLOW, GUARD).cause is Cause.UNPARSABLE


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.sampled_from([reading.KIND, reading.VERSION])
)
KEYS = st.sampled_from(["kind", "apiVersion", "status", "allowed", "reason", "auditAnnotations", "x"])
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=12
)
STATUS = st.fixed_dictionaries({"allowed": SCALARS}, optional={"reason": JSON, "auditAnnotations": JSON})
ANSWERS = JSON | st.fixed_dictionaries({"status": STATUS}, optional={"kind": SCALARS, "apiVersion": SCALARS})


@given(value=ANSWERS, namespace=st.sampled_from(list(NAMESPACES)), image=st.sampled_from(["nginx:1", "NGINX"]))
@example(value={"status": {"allowed": True}}, namespace="production", image="nginx:1")
@example(value={"kind": "ImageReview", "status": {"allowed": True}}, namespace="production", image="nginx:1")
def test_only_an_image_review_with_a_boolean_true_allows(value: Any, namespace: str, image: str) -> None:
    found = decide.conclude(review(image, namespace=namespace), Answered(value), GUARD)
    says = isinstance(value, dict) and isinstance(value.get("status"), dict)
    fits = (
        says
        and value.get("kind", reading.KIND) == reading.KIND
        and value.get("apiVersion", reading.VERSION) == reading.VERSION
    )
    if found.allowed and not found.undecided:
        assert fits
        assert value["status"]["allowed"] is True
        assert image == "nginx:1"
    if found.allowed and found.undecided:
        assert NAMESPACES[namespace] != "enforced"
        assert dict(found.audit)["guard"] == NAMESPACES[namespace]
    if fits and value["status"].get("allowed") is False:
        assert not found.allowed
        assert not found.undecided
    assert found.allowed or well_told(found)
    assert all(type(k) is str and type(v) is str for k, v in found.audit)


@given(
    outcome=st.sampled_from([o for o, _ in UNJUDGED]) | st.sampled_from([ALLOW, DENY]),
    image=st.sampled_from(["nginx:1", "NGINX"]),
    namespace=st.text(max_size=8) | st.sampled_from(list(NAMESPACES)),
)
def test_the_guard_only_tightens_where_nobody_is_exempt(outcome: Outcome, image: str, namespace: str) -> None:
    found = decide.conclude(review(image, namespace=namespace), outcome, decide.DENY_ALL)
    assert not found.allowed or (outcome is ALLOW and image == "nginx:1")
