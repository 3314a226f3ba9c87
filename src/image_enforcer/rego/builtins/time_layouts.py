"""Go's time layouts: patterns written as the moment ``Mon Jan 2 15:04:05 MST 2006`` would look."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from ..meter import LARGE, METER
from .durations import in_ascii

LAYOUTS: Final = {
    "ANSIC": "Mon Jan _2 15:04:05 2006",
    "UnixDate": "Mon Jan _2 15:04:05 MST 2006",
    "RubyDate": "Mon Jan 02 15:04:05 -0700 2006",
    "RFC822": "02 Jan 06 15:04 MST",
    "RFC822Z": "02 Jan 06 15:04 -0700",
    "RFC850": "Monday, 02-Jan-06 15:04:05 MST",
    "RFC1123": "Mon, 02 Jan 2006 15:04:05 MST",
    "RFC1123Z": "Mon, 02 Jan 2006 15:04:05 -0700",
    "RFC3339": "2006-01-02T15:04:05Z07:00",
    "RFC3339Nano": "2006-01-02T15:04:05.999999999Z07:00",
}
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_PIECE: Final = re.compile(
    r"January|Jan|Monday|Mon|MST|2006|Z070000|Z07:00:00|Z0700|Z07:00|Z07|-070000|-07:00:00|-0700|-07:00|-07"
    r"|__2|002|_2006|_2|01|02|03|04|05|06|15|PM|pm|[.,]0+(?![0-9])|[.,]9+(?![0-9])|1|2|3|4|5"
)
EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001


class LayoutError(ValueError):
    """A text that a layout does not fit; the message is Go's."""


def pieces(layout: str) -> list[tuple[str, bool]]:
    """A layout cut into literal text and fields."""
    if len(layout) > LARGE:
        METER.spend(len(layout), 60 * len(layout))
    out: list[tuple[str, bool]] = []
    at = 0
    while True:
        m = _PIECE.search(layout, at)
        if m is None:
            break
        token = m.group()
        if token == "_2006":
            out.append((layout[at : m.start()] + "_", False))
            out.append(("2006", True))
            at = m.end()
            continue
        if (token == "Jan" and layout[m.start() : m.start() + 3] == "Jan") or token != "Jan":
            out.append((layout[at : m.start()], False))
            out.append((token, True))
        at = m.end()
    out.append((layout[at:], False))
    return [p for p in out if p[0]]


def render(local: datetime, nanos: int, layout: str) -> str:
    """A moment under a layout."""
    offset = int((local.utcoffset() or timedelta()).total_seconds())
    out: list[str] = []
    for token, is_field in pieces(layout):
        out.append(_field(token, local, nanos, offset) if is_field else token)
    return "".join(out)


def _field(token: str, t: datetime, nanos: int, offset: int) -> str:
    simple = {
        "January": MONTHS[t.month - 1], "Jan": MONTHS[t.month - 1][:3], "Monday": DAYS[t.weekday()],
        "Mon": DAYS[t.weekday()][:3],
        "2006": f"{t.year:04d}", "06": f"{t.year % 100:02d}", "01": f"{t.month:02d}", "1": str(t.month),
        "02": f"{t.day:02d}",
        "_2": f"{t.day:2d}", "2": str(t.day), "002": f"{t.timetuple().tm_yday:03d}",
        "__2": f"{t.timetuple().tm_yday:3d}",
        "15": f"{t.hour:02d}", "03": f"{(t.hour % 12) or 12:02d}", "3": str((t.hour % 12) or 12),
        "04": f"{t.minute:02d}",
        "4": str(t.minute), "05": f"{t.second:02d}", "5": str(t.second), "PM": "PM" if t.hour >= 12 else "AM",
        "pm": "pm" if t.hour >= 12 else "am", "MST": _abbreviation(t, offset),
    }  # fmt: skip
    if token in simple:
        return simple[token]
    if token[0] in ".,":
        digits = f"{nanos:09d}"[: len(token) - 1]
        if token[1] == "9":
            digits = digits.rstrip("0")
            return token[0] + digits if digits else ""
        return token[0] + digits
    if token[0] == "Z" and offset == 0:
        return "Z"
    sign, hours, minutes, seconds = _offset(offset)
    colon = ":" if ":" in token else ""
    body = token[1:].replace(":", "")
    text = f"{sign}{hours:02d}" + (f"{colon}{minutes:02d}" if len(body) > 2 else "")
    return text + (f"{colon}{seconds:02d}" if len(body) == 6 else "")


def _offset(offset: int) -> tuple[str, int, int, int]:
    """Sign, hours, minutes and seconds; less than a minute behind has the sign of those ahead, as in Go."""
    minutes, seconds = divmod(abs(offset), 60)
    return "-" if offset <= -60 else "+", *divmod(minutes, 60), seconds


def _abbreviation(t: datetime, offset: int) -> str:
    name = t.tzname() or "UTC"
    if name.startswith("UTC") and name != "UTC":
        sign, hours, minutes, _ = _offset(offset)
        return f"{sign}{hours:02d}{minutes:02d}"
    return name


class _Scan:
    """A text being read under a layout."""

    def __init__(self, layout: str, text: str) -> None:
        self.layout = layout
        self.text = text
        self.rest = text
        self.year, self.month, self.day = 0, 1, 1
        self.hour = self.minute = self.second = self.nanos = 0
        self.day_of_year: int | None = None
        self.pm: bool | None = None
        self.utc = False
        self.numeric = 0

    @property
    def offset(self) -> int:
        """Seconds that the text is ahead: none where it says UTC, else what a number says."""
        return 0 if self.utc else self.numeric

    def fail(self, element: str) -> LayoutError:
        what = f"parsing time {in_ascii(self.text)} as {in_ascii(self.layout)}"
        return LayoutError(f"{what}: cannot parse {in_ascii(self.rest)} as {in_ascii(element)}")

    def range(self, what: str) -> LayoutError:
        return LayoutError(f"parsing time {in_ascii(self.text)}: {what} out of range")

    def digits(self, token: str, low: int, high: int) -> int:
        m = re.match(rf"[0-9]{{{low},{high}}}", self.rest)
        if m is None:
            raise self.fail(token)
        self.rest = self.rest[m.end() :]
        return int(m.group())

    def word(self, token: str, names: tuple[str, ...], short: bool) -> int:
        for i, name in enumerate(names):
            shown = name[:3] if short else name
            if self.rest[: len(shown)].lower() == shown.lower():
                self.rest = self.rest[len(shown) :]
                return i
        raise self.fail(token)


def scan(layout: str, text: str) -> int:
    """The moment in a text, in nanoseconds since 1970; raises :class:`LayoutError`."""
    s = _Scan(layout, text)
    parts = pieces(layout)
    for i, (token, is_field) in enumerate(parts):
        if not is_field:
            _literal(s, token)
            continue
        following = parts[i + 1][0] if i + 1 < len(parts) and parts[i + 1][1] else ""
        _read(s, token, following)
    if s.rest:
        raise LayoutError(f"parsing time {in_ascii(text)}: extra text: {in_ascii(s.rest)}")
    return _assemble(s)


def _literal(s: _Scan, token: str) -> None:
    """What stands in both; spaces are as many as one likes, but some, unless the text ends there."""
    wanted = token
    while wanted:
        if wanted[0] == " " and (not s.rest or s.rest[0] == " "):
            wanted, s.rest = wanted.lstrip(" "), s.rest.lstrip(" ")
        elif s.rest[:1] == wanted[0]:
            wanted, s.rest = wanted[1:], s.rest[1:]
        else:
            raise s.fail(token)


def _read(s: _Scan, token: str, following: str) -> None:
    match token:
        case "2006":
            s.year = s.digits(token, 4, 4)
        case "06":
            short = s.digits(token, 2, 2)
            s.year = short + (1900 if short >= 69 else 2000)
        case "01" | "1":
            s.month = s.digits(token, 2 if token == "01" else 1, 2)
            if not 1 <= s.month <= 12:
                raise s.range("month")
        case "January" | "Jan":
            s.month = s.word(token, MONTHS, token == "Jan") + 1
        case "Monday" | "Mon":
            s.word(token, DAYS, token == "Mon")
        case "02" | "2" | "_2":
            if token == "_2" and s.rest.startswith(" "):
                s.rest = s.rest[1:]
            s.day = s.digits(token, 2 if token == "02" else 1, 2)
        case "002" | "__2":
            s.rest = s.rest.lstrip(" ") if token == "__2" else s.rest
            s.day_of_year = s.digits(token, 1 if token == "__2" else 3, 3)
        case "15":
            s.hour = s.digits(token, 1, 2)
            if s.hour > 23:
                raise s.range("hour")
        case "03" | "3":
            s.hour = s.digits(token, 2 if token == "03" else 1, 2)
            if s.hour > 12:
                raise s.range("hour")
        case "04" | "4":
            s.minute = s.digits(token, 2 if token == "04" else 1, 2)
            if s.minute > 59:
                raise s.range("minute")
        case "05" | "5":
            s.second = s.digits(token, 2 if token == "05" else 1, 2)
            if s.second > 59:
                raise s.range("second")
            if following[:1] not in (".", ","):
                m = re.match(r"[.,]([0-9]+)", s.rest)
                if m is not None:
                    s.nanos = int(m.group(1)[:9].ljust(9, "0"))
                    s.rest = s.rest[m.end() :]
        case "PM" | "pm":
            mark = s.rest[:2]
            if mark not in (("PM", "AM") if token == "PM" else ("pm", "am")):
                raise s.fail(token)
            s.pm = mark.lower() == "pm"
            s.rest = s.rest[2:]
        case "MST":
            _zone_name(s)
        case _:
            _fraction_or_offset(s, token)


_NAMED: Final = re.compile(r"ChST|MeST|[A-Z]{3,5}(?![A-Z])")
_SIGNED: Final = re.compile(r"[+-]([0-9]+)")


def _zone_name(s: _Scan) -> None:
    """A zone's abbreviation: of three letters, or four or five that end in ``T``; or a number of hours up to 23.

    It says nothing about the moment, not even as ``GMT+3``.
    """
    if s.rest.startswith("UTC"):
        s.utc = True
        s.rest = s.rest[3:]
        return
    behind = 3 if s.rest.startswith("GMT") else 0
    if len(s.rest) < SHORTEST:
        raise s.fail("MST")
    signed = _SIGNED.match(s.rest, behind)
    if signed is not None and int(signed.group(1)[:20]) <= MAX_HOURS:
        s.rest = s.rest[signed.end() :]
        return
    named = _NAMED.match(s.rest)
    found = "GMT" if behind else named.group() if named is not None else ""
    if not found or (len(found) > 3 and not (found.endswith("T") or found == "WITA")):
        raise s.fail("MST")
    s.rest = s.rest[len(found) :]


SHORTEST: Final = 3
"""Characters from the zone on that there must be."""
MAX_HOURS: Final = 23


def _fraction_or_offset(s: _Scan, token: str) -> None:
    if token[0] in ".,":
        want = len(token) - 1
        m = re.match(r"[.,]([0-9]+)", s.rest)
        if token[1] == "9":
            if m is not None:
                s.nanos = int(m.group(1)[:9].ljust(9, "0"))
                s.rest = s.rest[m.end() :]
            return
        if m is None or len(m.group(1)) < want:
            raise s.fail(token)
        s.nanos = int(m.group(1)[:want].ljust(9, "0"))
        s.rest = s.rest[want + 1 :]
        return
    if token[0] == "Z" and s.rest.startswith("Z"):
        s.utc = True
        s.rest = s.rest[1:]
        return
    colon = ":" if ":" in token else ""
    body = token[1:].replace(":", "")
    pattern = (
        r"([+-])([0-9]{2})"
        + (rf"{colon}([0-9]{{2}})" if len(body) >= 4 else "")
        + (rf"{colon}([0-9]{{2}})" if len(body) == 6 else "")
    )
    m = re.match(pattern, s.rest)
    if m is None:
        raise s.fail(token)
    groups = [int(g) for g in m.groups()[1:]]
    hours, minutes, seconds = [*groups, 0, 0][:3]
    if hours > 24 or minutes > 60 or seconds > 60:
        raise s.range("time zone offset hour" if hours > 24 else "time zone offset minute")
    s.numeric = (hours * 3600 + minutes * 60 + seconds) * (-1 if m.group(1) == "-" else 1)
    s.rest = s.rest[m.end() :]


def _assemble(s: _Scan) -> int:
    hour = s.hour
    if s.pm is not None:
        hour = hour % 12 + (12 if s.pm else 0)
    year = s.year
    shift = 0
    if year < 1:  # Python's calendar begins in year 1
        year, shift = year + 400, -146_097
    try:
        if s.day_of_year is not None:
            day = datetime(year, 1, 1) + timedelta(days=s.day_of_year - 1)  # noqa: DTZ001
        else:
            day = datetime(year, s.month, s.day)  # noqa: DTZ001
    except ValueError:
        raise s.range("day") from None
    days = (day - EPOCH).days + shift
    seconds = days * 86400 + hour * 3600 + s.minute * 60 + s.second - s.offset
    return seconds * 1_000_000_000 + s.nanos
