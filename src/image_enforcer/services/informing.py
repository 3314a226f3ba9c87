"""Informing a review: what is known of its images goes into its document, and what is not becomes a reason.

``input.images`` and ``input.facts`` are ours: what a client sent under these names is overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from ..analysis import reference
from ..domain.manifest import Platform
from ..domain.review import Cause, Refusal, Review
from ..ports.facts import Facts, FactsError, State
from .gather import SCHEMA, Ages, age, bounded, gather, is_too_much, weight
from .remedies import remedy

MOST_KEPT: Final = 10_000
"""Images of which the facts are kept, until facts change or a second has passed."""
MOST_WEIGHT: Final = 500_000
"""Layers and findings of them, all together."""


class Require(Enum):
    """What has to be known of an image, lest the guard decide about it instead of the policy."""

    NOTHING = "nothing"
    RESOLVED = "resolved"
    """What it points to, and what it is made of."""
    SCANNED = "scanned"
    """That, and what was found in all of it."""


_SCAN_CODES: Final = ("not-scanned", "unscannable/", "scan-failed/", "scan-incomplete/", "stale-scan")
_MAY_COME: Final = ("not-resolved", "no-manifest", "not-held", "not-scanned")
Reason = Mapping[str, str]
"""Why something is not known: a ``code`` and a ``text``."""


def counting(unknown: Sequence[Reason], require: Require) -> list[Reason]:
    """Those reasons for which the guard decides, if so much has to be known."""
    if require is Require.NOTHING:
        return []
    return [r for r in unknown if require is Require.SCANNED or not r["code"].startswith(_SCAN_CODES)]


def may_come(reason: Reason) -> bool:
    """Whether a reason may go once somebody asks for what is missing."""
    return reason["code"].partition("/")[0] in _MAY_COME


class Informing:
    """Adds facts to reviews. One event loop or one thread at a time."""

    def __init__(
        self, facts: Facts, now: Callable[[], float], require: Require, max_age: int | None = None,
        nodes: tuple[Platform, ...] = (),
    ) -> None:  # fmt: skip
        """``max_age`` are the seconds beyond which what is known counts as not known; None: as old as it likes.
        ``nodes`` are the platforms that images may run on; without any, all that an image has."""
        self._max_age = max_age
        self._nodes = nodes
        self._facts = facts
        self._now = now
        self._require = require
        self._kept: dict[str, dict[str, Any]] = {}
        self._gathered: dict[str, dict[str, Any]] = {}
        """The same by the references that they stand for."""
        self._kept_for: tuple[str, int, int] = ("", -1, 0)
        self._weight = 0

    def missing(self) -> str:
        """Empty when there are facts; else why there are none."""
        try:
            self._facts.state()
        except FactsError as e:
            return str(e)
        return ""

    @property
    def require(self) -> Require:
        """What has to be known of an image."""
        return self._require

    def state(self) -> State | None:
        """Which facts there are; None where there are none."""
        try:
            return self._facts.state()
        except FactsError:
            return None

    def is_current(self, informed: Review) -> bool:
        """Whether a review that is informed has what there is now."""
        state = self.state()
        return state is None or informed.facts == _named(state)

    def open(self, informed: Review) -> frozenset[str]:
        """The references in a review that is informed, of which what is missing may become known by asking.

        None where something else is missing too: whatever became known, the guard would decide.
        """
        if informed.unknown is None:
            return frozenset()
        found: set[str] = set()
        for facts in informed.document["images"].values():
            reasons = counting(facts["unknown"], self._require)
            if not all(may_come(reason) for reason in reasons):
                return frozenset()
            if reasons:
                found.add(facts["reference"])
        return frozenset(found)

    def inform(self, review: Review) -> Review:
        """The review with what is known of its images."""
        second = int(self._now())
        images = dict.fromkeys(use.image for use in review.uses)
        try:
            with self._facts.at_once():
                state = self._facts.state()
                found = self._found(list(images), state, second)
        except FactsError as e:
            reason = {"code": "no-facts", "text": str(e)}
            found = {i: {"schema": SCHEMA, "image": i, "known": False, "unknown": [reason]} for i in images}
            state = State(epoch="", revision=0, as_of=None)
        document = {**review.document, "images": found, "facts": _described(state, second)}
        return replace(review, document=document, unknown=self._refusal(found), facts=_named(state))

    def _found(self, images: Sequence[str], state: State, second: int) -> dict[str, dict[str, Any]]:
        key = (state.epoch, state.revision, second)
        if key != self._kept_for or len(self._kept) > MOST_KEPT or self._weight > MOST_WEIGHT:
            self._kept, self._gathered, self._kept_for, self._weight = {}, {}, key, 0
        # An image has many spellings, with another tag before each digest, say: what is known of it is gathered once.
        names = {image: _normalised(image) for image in images if image not in self._kept}
        missing = [name for name in dict.fromkeys(names.values()) if name not in self._gathered]
        fresh: dict[str, dict[str, Any]] = {}
        if missing:
            ages = Ages(most=self._max_age, copy=_age(state, second))
            fresh = gather(missing, self._facts, datetime.fromtimestamp(second, UTC), ages, self._nodes)
        # That there was too much to be read is about this review, and nothing that others are told.
        whole = {name: found for name, found in fresh.items() if not is_too_much(found)}
        self._weight += sum([weight(found.get("platforms", ())) for found in whole.values()])
        self._gathered |= whole
        told = {
            image: {**(fresh[name] if name in fresh else self._gathered[name]), "image": image}
            for image, name in names.items()
        }
        self._kept |= {image: found for image, found in told.items() if names[image] in self._gathered}
        return bounded({image: told[image] if image in told else self._kept[image] for image in images})

    def _refusal(self, found: Mapping[str, Mapping[str, Any]]) -> Refusal | None:
        """The first reason that counts."""
        for image, facts in found.items():
            for reason in counting(facts["unknown"], self._require):
                return Refusal(
                    cause=Cause.UNKNOWN, text=f"{image}: {reason['text']} ({reason['code']})",
                    remedy=remedy(reason["code"]),
                )  # fmt: skip
        return None


def _described(state: State, second: int) -> dict[str, Any]:
    """Which facts these are, for policies that ask how old they are."""
    described: dict[str, Any] = {"epoch": state.epoch, "revision": state.revision, "as_of": None, "age_seconds": None}
    if state.as_of is not None:
        described["as_of"] = state.as_of.isoformat()
        described["age_seconds"] = _age(state, second)
    return described


def _named(state: State) -> str:
    """How a review says by which facts it was informed."""
    return f"{state.epoch}:{state.revision}"


def _normalised(image: str) -> str:
    """The reference that an image string stands for; itself where it is none."""
    try:
        return str(reference.parse(image))
    except reference.BadReference:
        return image


def _age(state: State, second: int) -> int | None:
    return None if state.as_of is None else age(second - int(state.as_of.timestamp()))
