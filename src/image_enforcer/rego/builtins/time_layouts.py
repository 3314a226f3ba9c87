"""Go's time layouts: patterns written as the moment ``Mon Jan 2 15:04:05 MST 2006`` would look."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from ..meter import LARGE, METER

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
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|Z070000|Z07:00:00|Z0700|Z07:00|Z07|-070000|-07:00:00|-0700|-07:00|-07"
    r"|__2|002|_2006|_2|01|02|03|04|05|06|15|PM|pm|[.,]0+(?![0-9])|[.,]9+(?![0-9])|1|2|3|4|5"
)


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
