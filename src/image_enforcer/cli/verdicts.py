"""Judging images and workloads as ``serve`` would, and telling which image of a denied workload is to blame."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from ..analysis import review as reviews
from ..analysis.text import MAX_REASON
from ..domain.review import Cause, Decision, Refusal, Review
from ..ports.policy import Outcome
from ..services.decide import decide
from .outputs.report import Place, Reason, Result, Trouble, Verdict
from .shown import line

BAD_INPUT: Final = (Cause.BAD_REVIEW, Cause.NO_IMAGES)
COSTLY: Final = (Cause.POLICY_LIMIT, Cause.POLICY_UNREACHABLE)
"""What would take as long again for each image that is asked about alone."""
PATIENCE: Final = 3
"""How often in a row an engine may be unreachable before the rest is undecided without asking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is reviewed at once: the review, and the place of each of its images."""

    document: Any
    places: tuple[Place, ...]
    whole: Place

    @property
    def images(self) -> tuple[str, ...]:
        """Its images, as they are written."""
        review = reviews.read(self.document)
        return () if isinstance(review, Refusal) else tuple(use.image for use in review.uses)


def review_of(images: Iterable[str], namespace: str, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    """The review that the API server would send for these images."""
    spec: dict[str, Any] = {"containers": [{"image": image} for image in images], "namespace": namespace}
    if annotations:
        spec["annotations"] = annotations
    return {"apiVersion": reviews.VERSION, "kind": reviews.KIND, "spec": spec}


class Judge:
    """Asks the engine. ``clock`` gives seconds, ``inform`` adds what is known of a review's images."""

    def __init__(
        self, ask: Callable[[Any], Outcome], clock: Callable[[], float],
        inform: Callable[[Review], Review] | None = None,
    ) -> None:  # fmt: skip
        self._ask = ask
        self._inform = inform
        self._clock = clock
        self._silent: list[Decision] = []

    def judge(self, subject: Subject) -> list[Result] | Trouble:
        """A result for each image of a subject.

        The verdict on all images together is the one that counts, for it is what the API server would be told. Only
        where it is not *allowed* is each image asked about alone, to say which of them it is.
        """
        review = reviews.read(subject.document)
        begin = self._clock()
        whole = self._decide(review)
        seconds = self._clock() - begin
        if whole.cause in BAD_INPUT:
            return Trouble(code="IE2022", text=whole.reason, place=subject.whole, hint="see the place that it names")
        uses = () if isinstance(review, Refusal) else review.uses
        images = [use.image for use in uses]
        verdict = verdict_on(whole)
        alone: dict[str, tuple[Decision, float]] = {}
        if len(set(images)) > 1 and verdict is not Verdict.ALLOW and whole.cause not in COSTLY:
            for image in dict.fromkeys(images):
                begin = self._clock()
                alone[image] = self._decide(reviews.read(_only(subject.document, image))), self._clock() - begin
        blamed = [d for d, _ in alone.values() if verdict_on(d) is verdict or verdict_on(d) is Verdict.DENY]
        if not blamed:
            alone = {}
        unexplained = _unexplained(whole, blamed)
        results: list[Result] = []
        for image, place in zip(images, subject.places, strict=True):
            decision, took = alone.get(image, (whole, seconds))
            found = reasons(decision.reason, image) if not decision.allowed else ()
            if verdict_on(decision) is Verdict.DENY and unexplained:
                found, unexplained = (*found, *unexplained), ()
            results.append(
                Result(
                    image=line(image), verdict=verdict_on(decision), workload=verdict, place=place, reasons=found,
                    cause=decision.cause.value if decision.cause else "", seconds=took,
                )
            )  # fmt: skip
        return results

    def _decide(self, review: Review | Refusal) -> Decision:
        if len(self._silent) >= PATIENCE:
            return self._silent[-1]
        if self._inform is not None and isinstance(review, Review):
            review = self._inform(review)
        decision = decide(review, self._ask)
        if decision.cause is Cause.POLICY_UNREACHABLE:
            self._silent.append(decision)
        else:
            self._silent.clear()
        return decision


def _only(document: Any, image: str) -> Any:
    """The same review of one image."""
    spec = document["spec"]
    kept = [c for c in spec["containers"] if c["image"] == image][:1]
    return {**document, "spec": {**spec, "containers": kept}}


def verdict_on(decision: Decision) -> Verdict:
    """What a decision is for whoever waits for an exit code: an image that is no reference will not become one."""
    if decision.allowed:
        return Verdict.ALLOW
    if decision.undecided and decision.cause is not Cause.UNPARSABLE:
        return Verdict.UNDECIDED
    return Verdict.DENY


def _unexplained(whole: Decision, blamed: list[Decision]) -> tuple[Reason, ...]:
    """What is said against all images together and against none alone. A reason that was cut short says nothing."""
    if not blamed or verdict_on(whole) is not Verdict.DENY or len(whole.reason) >= MAX_REASON:
        return ()
    known = {reason.text for d in blamed for reason in reasons(d.reason, "")}
    return tuple(r for r in reasons(whole.reason, "") if r.text not in known)


_CODE: Final = re.compile(r" \[([a-z0-9][a-z0-9-]{0,63})\](?:; |\Z)")


def reasons(text: str, image: str) -> tuple[Reason, ...]:
    """The reasons in a policy's text: each ends in its code, ``[code]``; without codes, the text is one reason."""
    found: list[Reason] = []
    begin = 0
    for m in _CODE.finditer(text):
        found.append(Reason(m[1], line(text[begin : m.start()].removeprefix(f"{image}: "))))
        begin = m.end()
    if begin < len(text):
        found.append(Reason("", line(text[begin:].removeprefix(f"{image}: "))))
    return tuple(found)
