"""Deciding: a review goes to the policy, its answer through the guard.

The guard is the one place that turns *cannot tell* into a verdict. A policy's deny stands in every namespace. What no
policy could judge is denied in enforced namespaces (all that are not listed), and allowed with a mark in exempt ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, assert_never

from ..analysis import reference, text
from ..analysis.review import KIND, VERSION
from ..domain.review import Cause, Decision, Refusal, Review
from ..ports.policy import Answered, Exceeded, Failed, Outcome, PolicyEngine, Undefined, Unreachable, Unreadable

MAX_TEXT: Final = 4000
"""Characters of what another part says about a fault, so that the remedy behind it is never cut off."""
MAX_MARKS: Final = 64
"""Audit annotations of a policy's answer; more are left out."""
MAX_MARK: Final = 1024
"""Characters of one of them."""
NO_REASON: Final = "denied by the policy, which gives no reason; let its answer say why in status.reason [no-reason]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """How each namespace is treated where no policy could judge: ``exempt`` and ``audit`` allow, with a mark."""

    exempt: frozenset[str] = frozenset()
    audit: frozenset[str] = field(default_factory=frozenset)

    def undecided(self, refusal: Refusal, namespace: str) -> Decision:
        """The verdict on what cannot be judged."""
        shown = replace(refusal, text=text.safe(refusal.text, MAX_TEXT), remedy=text.safe(refusal.remedy, MAX_TEXT))
        reason = text.safe(str(shown))
        marks = (("undecided", refusal.cause.value),)
        if namespace and namespace in self.exempt:
            return Decision(
                allowed=True, reason=reason, cause=refusal.cause, undecided=True, audit=(*marks, ("guard", "exempt"))
            )
        if namespace and namespace in self.audit:
            return Decision(
                allowed=True, reason=reason, cause=refusal.cause, undecided=True, audit=(*marks, ("guard", "audit"))
            )
        return Decision(allowed=False, reason=reason, cause=refusal.cause, undecided=True, audit=marks)


DENY_ALL = Guard()


def decide(subject: Review | Refusal, ask: Callable[[Any], Outcome], guard: Guard = DENY_ALL) -> Decision:
    """The decision on a review, or on what could not be read as one, which no namespace excuses."""
    if isinstance(subject, Refusal):
        return refuse(subject)
    return conclude(subject, ask(subject.document), guard)


def refuse(refusal: Refusal) -> Decision:
    """The decision on what is no review: denied, whatever namespace it claims."""
    return DENY_ALL.undecided(refusal, "")


def conclude(review: Review, outcome: Outcome, guard: Guard) -> Decision:
    """The decision once the engine has been asked."""
    found = judge(outcome)
    if isinstance(found, Refusal):
        return guard.undecided(found, review.namespace)
    if not found.allowed:
        return found
    unknown = unparsable(review) or review.unknown
    return found if unknown is None else guard.undecided(unknown, review.namespace)


def unparsable(review: Review) -> Refusal | None:
    """The first image that is no reference: whatever the policy says of it, nobody knows what would run."""
    for use in review.uses:
        try:
            reference.parse(use.image)
        except reference.BadReference as e:
            shown = text.name(use.image, 255)
            return Refusal(
                cause=Cause.UNPARSABLE, text=f"{shown}: not an image reference: {e}",
                remedy="write it as [registry/]repository[:tag][@digest]",
            )  # fmt: skip
    return None


def judge(outcome: Outcome) -> Decision | Refusal:
    """What an engine's outcome says, or why it says nothing."""
    match outcome:
        case Answered(value):
            return _answer(value)
        case Undefined(why, no_policy):
            cause = Cause.NO_POLICY if no_policy else Cause.POLICY_UNDEFINED
            return Refusal(
                cause=cause,
                text=f"the policy gives no answer: {why}",
                remedy="load a policy that defines the entry point",
            )
        case Failed(why):
            return Refusal(cause=Cause.POLICY_ERROR, text=f"the policy failed: {why}", remedy="mend the policy")
        case Unreadable(why):
            return Refusal(
                cause=Cause.FACTS_UNREADABLE,
                text=f"the policy needs facts that cannot be read: {why}",
                remedy="see that the worker runs, and that the copy of its facts can be read",
            )
        case Exceeded(why):
            return Refusal(
                cause=Cause.POLICY_LIMIT,
                text=f"the policy was stopped: {why}",
                remedy="make it cheaper, or raise the limit",
            )
        case Unreachable(why):
            return Refusal(
                cause=Cause.POLICY_UNREACHABLE,
                text=f"the policy engine cannot be asked: {why}",
                remedy="see that it runs",
            )
    assert_never(outcome)


def _answer(value: Any) -> Decision | Refusal:
    """An ImageReview with a status; anything else says nothing, unless it denies."""
    wrong = Refusal(
        cause=Cause.POLICY_ANSWER, text="the policy's answer is not an ImageReview with a boolean status.allowed",
        remedy="answer with one",
    )  # fmt: skip
    if not isinstance(value, dict):
        return wrong
    if value.get("kind", KIND) != KIND or value.get("apiVersion", VERSION) != VERSION:
        return wrong
    status = value.get("status")
    if not isinstance(status, dict) or type(status.get("allowed")) is not bool:
        return wrong
    reason, marks = status.get("reason"), status.get("auditAnnotations")
    audit = _marks(marks)
    if status["allowed"]:
        if not isinstance(reason, str | None) or audit is None:
            return replace(wrong, text="the policy allows, with a reason or audit annotations that are not text")
        return Decision(allowed=True, reason=text.safe(reason or ""), audit=audit)
    shown = text.safe(reason) if isinstance(reason, str) else ""
    return Decision(allowed=False, reason=shown if shown.strip() else NO_REASON, audit=audit or ())


def _marks(value: Any) -> tuple[tuple[str, str], ...] | None:
    """The policy's audit annotations; None where they are not an object of strings."""
    if value is None:
        return ()
    if not isinstance(value, dict) or not all(type(k) is str and type(v) is str for k, v in value.items()):
        return None
    shown = {text.name(k, 253): text.safe(v, MAX_MARK) for k, v in list(value.items())[:MAX_MARKS]}
    return tuple(shown.items())


def asking(engine: PolicyEngine) -> Callable[[Any], Outcome]:
    """The engine's question as a function, for whoever need not know what an answer rests on."""
    return lambda document: engine.decide(document)[0]
