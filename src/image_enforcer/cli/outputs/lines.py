"""The forms of lines: GitHub's workflow commands, TAP, a table, and bare names."""

from __future__ import annotations

from .report import Report, Verdict


def github(report: Report) -> str:
    """Workflow commands, which mark the lines of a change. Nothing from outside can begin a command of its own."""
    out: list[str] = []
    for result in report.results:
        if result.verdict is Verdict.ALLOW:
            continue
        title = f"image {'denied' if result.verdict is Verdict.DENY else 'undecided'}"
        texts = [f"{r.text} [{r.rule}]" if r.rule else r.text for r in result.reasons]
        place = " ".join(p for p in (result.place.resource, result.place.part) if p)
        head = f"{place}: {result.image}" if place else result.image
        out.append(_command(result.place.file, result.place.line, title, "\n".join((head, *texts))))
    for trouble in report.troubles:
        title = f"not checked ({trouble.code})"
        out.append(_command(trouble.place.file, trouble.place.line, title, trouble.text))
    out.append(report.summary)
    return "".join(f"{text}\n" for text in out)


def _command(file: str, line: int, title: str, message: str) -> str:
    properties = [f"file={_property(file)}"] if file else []
    if file and line:
        properties.append(f"line={line}")
    properties.append(f"title={_property(title)}")
    return f"::error {','.join(properties)}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def tap(report: Report) -> str:
    """Test Anything Protocol 13; reasons are comments below their line."""
    out = ["TAP version 13", f"1..{len(report.results) + len(report.troubles)}"]
    for number, result in enumerate(report.results, 1):
        place = "  ".join(p for p in (result.place.point, result.place.resource, result.place.part) if p)
        shown = _description(f"{result.image}  {place}".rstrip())
        out.append(f"{'ok' if result.verdict is Verdict.ALLOW else 'not ok'} {number} - {shown}")
        if result.note:
            out.append(f"# {result.note}")
        if result.verdict is Verdict.UNDECIDED:
            out.append("# undecided")
        out += [f"# {r.text}{f' [{r.rule}]' if r.rule else ''}" for r in result.reasons]
    for number, trouble in enumerate(report.troubles, len(report.results) + 1):
        shown = _description("  ".join(p for p in (trouble.place.point, trouble.place.resource, trouble.code) if p))
        out += [f"not ok {number} - {shown}", *(f"# {text}" for text in trouble.text.split("\n"))]
    return "".join(f"{text}\n" for text in out)


def _description(text: str) -> str:
    return text.replace("\\", "\\\\").replace("#", "\\#")


def table(report: Report) -> str:
    """A row for each use of an image, columns as wide as they must be."""
    rows = [("VERDICT", "IMAGE", "WHERE", "RESOURCE", "PART", "RULES")]
    for r in report.results:
        rules = (
            ",".join(dict.fromkeys(x.rule for x in r.reasons if x.rule)) or r.cause or ("workload" if r.held else "")
        )
        verdict = f"{r.verdict.value}*" if r.held else r.verdict.value
        rows.append(
            (verdict, r.image, r.place.point or "-", r.place.resource or "-", r.place.part or "-", rules or "-")
        )
    rows += [("error", "-", t.place.point or "-", t.place.resource or "-", "-", t.code) for t in report.troubles]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    out = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if any(r.held for r in report.results):
        out.append("* its workload is not allowed, for another image")
    return "".join(f"{text}\n" for text in out)


def name(report: Report) -> str:
    """The images that are not allowed, each once, a line each: for other commands."""
    images = dict.fromkeys(r.image for r in report.results if r.verdict is not Verdict.ALLOW)
    return "".join(f"{image}\n" for image in images)
