"""Time: nanoseconds since 1970, Go's layouts, zones from the system or ``tzdata``."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from ..errors import BuiltinError
from ..meter import METER
from ..values import Num, Value
from . import bigfloat, durations, operands
from .byte_texts import as_utf8
from .contract import Builtin, Context
from .remembered import of_text, of_texts
from .time_layouts import LAYOUTS, render
from .time_texts import LayoutError, scan

SECOND: Final = 1_000_000_000
LOW, HIGH = -(1 << 63), (1 << 63) - 1
EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - days are counted from here, without a zone
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def now_ns(context: Context) -> Value:
    """The evaluation's time, the same throughout."""
    return context.now_ns


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """A time zone by name; raises :class:`BuiltinError` where there is none."""
    if name in ("", "UTC", "Local"):
        return UTC
    name = as_utf8(name)
    if name.startswith(("/", "\\")) or ".." in name:
        raise BuiltinError("time: invalid location name")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    found = _stored("/".join(parts)) if parts else IsADirectoryError()
    if isinstance(found, ZoneInfo):
        if name.endswith(("/", "/.")):
            raise BuiltinError("not a directory")
        return found
    match found:
        case IsADirectoryError():
            raise BuiltinError("is a directory")
        case ValueError():
            raise BuiltinError("invalid argument" if "\0" in name else "malformed time zone information")
    if any(len(part.encode()) > _LONGEST_NAME for part in parts):
        raise BuiltinError("file name too long")
    if any(isinstance(_stored("/".join(parts[:i])), ZoneInfo) for i in range(1, len(parts))):
        raise BuiltinError("not a directory")
    raise BuiltinError(f"unknown time zone {name}")


_LONGEST_NAME: Final = 255
"""Bytes of a name between slashes."""


def _stored(name: str) -> ZoneInfo | Exception:
    """The zone that is stored under a name, or why there is none."""
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError) as e:
        return e


class Moment:
    """Nanoseconds and the zone they are to be shown in."""

    __slots__ = ("layout", "ns", "tz")

    def __init__(self, ns: int, tz: tzinfo, layout: str = "") -> None:
        self.ns = ns
        self.tz = tz
        self.layout = layout

    def parts(self) -> tuple[datetime, int]:
        """The local date and time, and the nanoseconds within the second."""
        seconds, nanos = divmod(self.ns, SECOND)
        at = EPOCH + timedelta(seconds=seconds)
        local = at.replace(tzinfo=UTC).astimezone(self.tz)
        return local, nanos


def _moment(value: Value) -> Moment:
    """The time, zone and layout that the operand says, in the order in which OPA finds faults in it."""
    if type(value) is not list:
        if type(value) not in (int, Num):
            raise operands.wrong(value, 1, _EXPECTED)
        return Moment(_ns(value), UTC)
    if not value:
        raise operands.wrong(value, 1, _EXPECTED)
    number = operands.number(value[0], 1)
    tz = zone(operands.string(value[1], 1)) if len(value) > 1 else UTC
    layout = operands.string(value[2], 1) if len(value) > 2 else ""
    return Moment(_ns(number), tz, layout)


_EXPECTED: Final = "either number (ns) or [number (ns), string (tz)]"


def _ns(number: int | Num) -> int:
    """Nanoseconds; what a float of 64 bits takes for an integer is one."""
    if type(number) is Num and number.adjusted() > 30:
        raise BuiltinError("timestamp too big")
    exact = bigfloat.load(number)
    ns = int(exact)
    if ns != exact or not LOW <= ns <= HIGH:
        raise BuiltinError("timestamp too big")
    return ns


def date(value: Value) -> Value:
    """Year, month and day."""
    local, _ = _moment(value).parts()
    return [local.year, local.month, local.day]


def clock(value: Value) -> Value:
    """Hour, minute and second."""
    local, _ = _moment(value).parts()
    return [local.hour, local.minute, local.second]


def weekday(value: Value) -> Value:
    """The English name of the day."""
    local, _ = _moment(value).parts()
    return WEEKDAYS[local.weekday()]


def format_(value: Value) -> Value:
    """Text by a layout, RFC 3339 with nanoseconds where there is none."""
    moment = _moment(value)
    local, nanos = moment.parts()
    layout = moment.layout or "2006-01-02T15:04:05.999999999Z07:00"
    return render(local, nanos, LAYOUTS.get(layout, layout))


def parse_ns(layout: Value, value: Value) -> Value:
    """The time that a text says by a layout, or by the name of one."""
    form, text = operands.string(layout, 1), operands.string(value, 2)
    return _parsed(LAYOUTS.get(form, form), text)


def parse_rfc3339_ns(value: Value) -> Value:
    """The time that an RFC 3339 text says."""
    return _parsed(LAYOUTS["RFC3339"], operands.string(value, 1))


def _parsed(layout: str, text: str) -> int:
    try:
        ns = scan(layout, text)
    except LayoutError as e:
        raise BuiltinError(str(e)) from None
    if not LOW <= ns <= HIGH:
        raise BuiltinError("time outside of valid range")
    return ns


def parse_duration_ns(value: Value) -> Value:
    """A duration: Go's units, and ``d``, ``w`` and ``y``."""
    text = operands.string(value, 1)
    METER.spend(len(text))
    return durations.parse(text)


def add_date(value: Value, years: Value, months: Value, days: Value) -> Value:
    """The time some years, months and days later; days beyond the end of a month go on into the next."""
    moment = _moment(value)
    by_years, by_months, by_days = operands.integer(years, 2), operands.integer(months, 3), operands.integer(days, 4)
    local, nanos = moment.parts()
    days_since, second = _days(local.year, by_years, local.month, by_months, local.day + by_days), _second_of_day(local)
    seconds = _wrapped(days_since * 86400 + second)
    if abs(seconds) < _ALMOST_ALL:  # by the calendar: the hour stays over a change of the clock
        offset = _offset(seconds, moment.tz)
        if offset:
            seconds -= _offset(seconds - offset, moment.tz)
    ns = seconds * SECOND + nanos
    if not LOW <= ns <= HIGH:
        raise BuiltinError("time outside of valid range")
    return ns


_ALMOST_ALL: Final = 1 << 35
"""More seconds than nanoseconds that fit 64 bits make."""
_SHIFT: Final = 292_277_022_400
"""Years that Go's calendar begins before the year 0: all that 64 bits of seconds can reach are behind it."""
_BEFORE_1970: Final = _SHIFT * 3_652_425 // 10_000 + 306 + 719_162


def _wrapped(number: int) -> int:
    """What 64 bits keep of a number, as Go's arithmetic overflows."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


def _days(year: int, by_years: int, month: int, by_months: int, day: int) -> int:
    """Days since 1970 of a day that need not be in its month, in Go's arithmetic of 64 bits."""
    more_years, month = divmod(_wrapped(month + by_months - 1), 12)
    year = _wrapped(year + by_years + more_years)
    early = month < 2
    years = (year - early + _SHIFT) % (1 << 64)
    century, in_century = divmod(years, 100)
    in_year = (979 * (month + 1 + 12 * early) - 2919) >> 5
    all_days = (146_097 * century % (1 << 64)) // 4 + 1461 * in_century // 4 + in_year + _wrapped(day) - 1
    return _wrapped(all_days) - _BEFORE_1970


def _second_of_day(at: datetime) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second


def _offset(seconds: int, tz: tzinfo) -> int:
    """How many seconds a zone is ahead at a time."""
    there = (EPOCH + timedelta(seconds=seconds)).replace(tzinfo=UTC).astimezone(tz).utcoffset()
    return int(there.total_seconds()) if there is not None else 0


def diff(a: Value, b: Value) -> Value:
    """Years, months, days, hours, minutes and seconds between two times, in the zone of the first."""
    first, second = _moment(a), _moment(b)
    second.tz = first.tz
    x, xn = first.parts()
    y, yn = second.parts()
    if (first.ns) > second.ns:
        x, y, xn, yn = y, x, yn, xn
    year, month, day = y.year - x.year, y.month - x.month, y.day - x.day
    hour, minute, second_ = y.hour - x.hour, y.minute - x.minute, y.second - x.second
    if second_ < 0:
        second_ += 60
        minute -= 1
    if minute < 0:
        minute += 60
        hour -= 1
    if hour < 0:
        hour += 24
        day -= 1
    if day < 0:
        day += monthrange(x.year, x.month)[1]
        month -= 1
    if month < 0:
        month += 12
        year -= 1
    return [year, month, day, hour, minute, second_]


BUILTINS: Final[Mapping[str, Builtin]] = {
    "time.now_ns": Builtin(now_ns, context=True),
    "time.date": Builtin(date),
    "time.clock": Builtin(clock),
    "time.weekday": Builtin(weekday),
    "time.format": Builtin(format_),
    "time.parse_ns": Builtin(of_texts(parse_ns)),
    "time.parse_rfc3339_ns": Builtin(of_text(parse_rfc3339_ns)),
    "time.parse_duration_ns": Builtin(of_text(parse_duration_ns)),
    "time.add_date": Builtin(add_date),
    "time.diff": Builtin(diff),
}
