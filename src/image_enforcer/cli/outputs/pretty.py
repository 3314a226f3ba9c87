"""The form for people: a verdict a line, reasons below it, and a line that counts."""

from __future__ import annotations

from typing import Final

from . import Style
from .report import Report, Result, Verdict

_WORDS: Final = {Verdict.ALLOW: "allow", Verdict.DENY: "DENY ", Verdict.UNDECIDED: "UNDECIDED"}
_COLOURS: Final = {Verdict.ALLOW: "32", Verdict.DENY: "1;31", Verdict.UNDECIDED: "1;33"}


def pretty(report: Report, style: Style) -> str:
    """Quiet leaves out what is allowed and the counts, never a reason; verbose adds what was decided by."""
    out: list[str] = []
    for result in report.results:
        if not (style.quiet and result.verdict is Verdict.ALLOW):
            out += _result(result, style)
    if not style.quiet:
        out.append(report.summary)
        if style.verbose:
            out.append(f"policy {report.policy or 'none'}, data {report.data or 'none'}")
            if report.others:
                kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(report.others.items()))
                out.append(f"no images in: {kinds}")
    return "".join(f"{text}\n" for text in out)


def _result(result: Result, style: Style) -> list[str]:
    word = _WORDS[result.verdict]
    if style.colour:
        word = f"\x1b[{_COLOURS[result.verdict]}m{word}\x1b[0m"
    place = result.place
    where = "  ".join(part for part in (place.point, place.resource, place.part) if part)
    note = f"  ({result.note})" if result.note else ""
    if result.verdict is Verdict.ALLOW:
        return [f"{word} {where}{'  ' if where else ''}{result.image}{note}"]
    head = [f"{word} {where}", f"      {result.image}"] if where else [f"{word} {result.image}"]
    return [*head, *(f"      {r.text}{f' [{r.rule}]' if r.rule else ''}" for r in result.reasons)]
