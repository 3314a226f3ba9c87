"""What ``verify`` found out, before it is given a form: a result for each image, and what could not be checked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum


class Verdict(Enum):
    """On an image or a workload; ``ERROR`` only on the whole, where something could not be checked."""

    ALLOW = "allow"
    DENY = "deny"
    UNDECIDED = "undecided"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an image or a fault stands. Empty, or 0, is what does not apply; lines and documents count from 1."""

    file: str = ""
    document: int = 0
    line: int = 0
    path: str = ""
    resource: str = ""
    role: str = ""
    name: str = ""
    namespace: str = ""

    @property
    def point(self) -> str:
        """``file:line``, as editors and terminals understand it."""
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def part(self) -> str:
        """Which part of the resource, such as ``container web``."""
        return f"{self.role} {self.name}".strip()


@dataclass(frozen=True, slots=True)
class Reason:
    """Something against an image. ``rule`` is the finding's code where the policy names one."""

    rule: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The verdict on one use of an image. ``workload`` is the verdict on all images of its object together."""

    image: str
    verdict: Verdict
    workload: Verdict
    place: Place
    reasons: tuple[Reason, ...] = ()
    cause: str = ""
    """Why it could not be decided, or was by the guard: the name of a cause."""
    seconds: float = 0.0

    @property
    def held(self) -> bool:
        """Allowed itself, but it will not run: its workload is not allowed."""
        return self.verdict is Verdict.ALLOW and self.workload is not Verdict.ALLOW

    @property
    def note(self) -> str:
        """What a reader must know of an image that is held; else empty."""
        if not self.held:
            return ""
        what = "denied" if self.workload is Verdict.DENY else "undecided"
        return f"{self.place.resource or 'its review'} is {what} for another image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What could not be checked, and why: one error."""

    code: str
    text: str
    place: Place = field(default_factory=Place)
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All of a run, in the order of the arguments."""

    results: tuple[Result, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    others: Counter[str] = field(default_factory=Counter)
    """How many objects of kinds that carry no Pods were passed over."""
    policy: str = ""
    data: str = ""
    fail_on_deny: bool = True

    def count(self, verdict: Verdict) -> int:
        """How many images have this verdict."""
        return sum(r.verdict is verdict for r in self.results)

    @property
    def verdict(self) -> Verdict:
        """On the whole: what could not be checked weighs most, then what was denied."""
        if self.troubles:
            return Verdict.ERROR
        for verdict in (Verdict.DENY, Verdict.UNDECIDED):
            if any(verdict in (r.verdict, r.workload) for r in self.results):
                return verdict
        return Verdict.ALLOW

    @property
    def exit_code(self) -> int:
        """0 allowed, 1 denied, 2 not all could be checked, 3 undecided. Letting denials pass hides neither 2 nor 3."""
        verdict = self.verdict
        if verdict is Verdict.DENY and not self.fail_on_deny:
            undecided = any(Verdict.UNDECIDED in (r.verdict, r.workload) for r in self.results)
            return 3 if undecided else 0
        return {Verdict.ALLOW: 0, Verdict.DENY: 1, Verdict.ERROR: 2, Verdict.UNDECIDED: 3}[verdict]

    @property
    def summary(self) -> str:
        """One line that counts."""
        images = len(self.results)
        shown = (
            f"{images} image{'' if images == 1 else 's'}: {self.count(Verdict.ALLOW)} allowed, "
            f"{self.count(Verdict.DENY)} denied, {self.count(Verdict.UNDECIDED)} undecided"
        )
        if self.troubles:
            shown += f"; {len(self.troubles)} could not be checked"
        return shown
