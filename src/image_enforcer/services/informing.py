"""Informing a review: what is known of its images goes into its document, and what is not becomes a reason.

``input.images`` and ``input.facts`` are ours: what a client sent under these names is overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from ..domain.manifest import Platform
from ..domain.review import Cause, Refusal, Review
from ..ports.facts import Facts, FactsError, State
from .gather import SCHEMA, Ages, age, gather

MOST_KEPT: Final = 10_000
"""Images of which the facts are kept, until facts change or a second has passed."""


class Require(Enum):
    """What has to be known of an image, lest the guard decide about it instead of the policy."""

    NOTHING = "nothing"
    RESOLVED = "resolved"
    """What it points to, and what it is made of."""
    SCANNED = "scanned"
    """That, and what was found in all of it."""


_SCAN_CODES: Final = ("not-scanned", "unscannable/", "scan-failed/", "scan-incomplete/", "stale-scan")


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
        self._kept_for: tuple[str, int, int] = ("", -1, 0)

    def missing(self) -> str:
        """Empty when there are facts; else why there are none."""
        try:
            self._facts.state()
        except FactsError as e:
            return str(e)
        return ""

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
        return replace(review, document=document, unknown=self._refusal(found), facts=f"{state.epoch}:{state.revision}")

    def _found(self, images: Sequence[str], state: State, second: int) -> dict[str, dict[str, Any]]:
        key = (state.epoch, state.revision, second)
        if key != self._kept_for or len(self._kept) > MOST_KEPT:
            self._kept, self._kept_for = {}, key
        missing = [image for image in images if image not in self._kept]
        if missing:
            ages = Ages(most=self._max_age, copy=_age(state, second))
            self._kept |= gather(missing, self._facts, datetime.fromtimestamp(second, UTC), ages, self._nodes)
        return {image: self._kept[image] for image in images}

    def _refusal(self, found: Mapping[str, Mapping[str, Any]]) -> Refusal | None:
        """The first reason that counts."""
        if self._require is Require.NOTHING:
            return None
        for image, facts in found.items():
            for reason in facts["unknown"]:
                if self._require is Require.SCANNED or not reason["code"].startswith(_SCAN_CODES):
                    return Refusal(
                        cause=Cause.UNKNOWN, text=f"{image}: {reason['text']} ({reason['code']})",
                        remedy="see that its repository is followed, and ask image-enforcer status what is missing",
                    )  # fmt: skip
        return None


def _described(state: State, second: int) -> dict[str, Any]:
    """Which facts these are, for policies that ask how old they are."""
    described: dict[str, Any] = {"epoch": state.epoch, "revision": state.revision, "as_of": None, "age_seconds": None}
    if state.as_of is not None:
        described["as_of"] = state.as_of.isoformat()
        described["age_seconds"] = _age(state, second)
    return described


def _age(state: State, second: int) -> int | None:
    return None if state.as_of is None else age(second - int(state.as_of.timestamp()))
