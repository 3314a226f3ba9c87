"""A policy engine that answers what it was told to."""

from collections.abc import Sequence
from typing import Any

from image_enforcer.ports.policy import Outcome, Revision


class ScriptedEngine:
    """Gives its outcomes in turn and remembers what it was asked."""

    blocking = False

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self._outcomes = list(outcomes)
        self.asked: list[Any] = []

    def decide(self, document: Any, seconds: float | None = None) -> tuple[Outcome, Revision]:
        self.asked.append(document)
        return self._outcomes.pop(0), self.revision()

    def revision(self) -> Revision:
        return Revision("scripted", "scripted")

    def reload(self) -> str:
        return ""

    def ready(self) -> str:
        return ""
