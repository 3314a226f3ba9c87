"""Time: nanoseconds since 1970, Go's layouts, zones from the system or ``tzdata``."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from ..errors import BuiltinError
from ..values import Num, Value
from . import operands
from .contract import Builtin, Context
from .time_layouts import LAYOUTS, LayoutError, render, scan

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
    if name in ("", "UTC"):
        return UTC
    if name == "Local":
        return UTC
    if name.startswith(("/", ".")) or ".." in name or "\\" in name:
        raise BuiltinError("time: invalid location name")
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BuiltinError(f"unknown time zone {name}") from None


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
    match value:
        case list():
            return _from_array(value)
        case bool() | None | str() | dict():
            raise operands.wrong(value, 1, "either number (ns) or [number (ns), string (tz)]")
    ns = operands.number(value, 1)
    return Moment(_ns(ns), UTC)


def _ns(value: Any) -> int:
    if type(value) is Num and (value.adjusted() > 30 or value != value.to_integral_value()):
        raise BuiltinError("timestamp too big")
    ns = int(value)
    if not LOW <= ns <= HIGH:
        raise BuiltinError("timestamp too big")
    return ns


def _from_array(value: list[Value]) -> Moment:
    if not value:
        raise operands.bad(1, "array must contain number (ns) and optional string (tz)")
    ns = _ns(operands.number(value[0], 1))
    tz: tzinfo = UTC
    layout = ""
    if len(value) > 1:
        name = value[1]
        if type(name) is not str:
            raise operands.wrong(name, 1, "string")
        tz = zone(name)
    if len(value) > 2:
        form = value[2]
        if type(form) is not str:
            raise operands.wrong(form, 1, "string")
        layout = form
    return Moment(ns, tz, layout)


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


_UNITS: Final = {
    "ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 1_000_000, "s": SECOND,
    "m": 60 * SECOND, "h": 3600 * SECOND, "d": 86400 * SECOND, "w": 7 * 86400 * SECOND,
}  # fmt: skip


def parse_duration_ns(value: Value) -> Value:
    """A duration: Go's units, and ``d`` and ``w``."""
    text = operands.string(value, 1)
    original = text
    invalid = BuiltinError(f'time: invalid duration "{original}"')
    negative = text.startswith("-")
    if text[:1] in ("+", "-"):
        text = text[1:]
    if text == "0":
        return 0
    if not text:
        raise invalid
    total = 0
    while text:
        end = 0
        while end < len(text) and ((text[end].isascii() and text[end].isdigit()) or text[end] == "."):
            end += 1
        number, text = text[:end], text[end:]
        if not number or number == "." or number.count(".") > 1:
            raise invalid
        end = 0
        while end < len(text) and text[end] != "." and not (text[end].isascii() and text[end].isdigit()):
            end += 1
        unit, text = text[:end], text[end:]
        if not unit:
            raise BuiltinError(f'time: missing unit in duration "{original}"')
        if unit not in _UNITS:
            raise BuiltinError(f'time: unknown unit "{unit}" in duration "{original}"')
        whole, _, part = number.partition(".")
        if len(whole) > 30:
            raise invalid
        part = part[:30]
        scale = _UNITS[unit]
        total += int(whole or "0") * scale
        if part:
            total += int(part) * scale // 10 ** len(part)
        if total > HIGH + 1:
            raise invalid
    if negative:
        total = -total
    if not LOW <= total <= HIGH:
        raise invalid
    return total


def add_date(value: Value, years: Value, months: Value, days: Value) -> Value:
    """The time some years, months and days later; days beyond the end of a month go on into the next."""
    moment = _moment(value)
    by_years, by_months, by_days = operands.integer(years, 2), operands.integer(months, 3), operands.integer(days, 4)
    local, nanos = moment.parts()
    if max(abs(by_years), abs(by_months)) > 200_000:
        raise BuiltinError("time outside of valid range")
    months_all = local.year * 12 + local.month - 1 + by_years * 12 + by_months
    year, month = divmod(months_all, 12)
    if not 1 <= year <= 9998 or abs(by_days) > 4_000_000:
        raise BuiltinError("time outside of valid range")
    first = datetime(year, month + 1, 1, local.hour, local.minute, local.second, tzinfo=moment.tz)
    there = first + timedelta(
        days=local.day - 1 + by_days
    )  # by the calendar: the hour stays over a change of the clock
    seconds = int((there.astimezone(UTC).replace(tzinfo=None) - EPOCH).total_seconds())
    ns = seconds * SECOND + nanos
    if not LOW <= ns <= HIGH:
        raise BuiltinError("time outside of valid range")
    return ns


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
    "time.parse_ns": Builtin(parse_ns),
    "time.parse_rfc3339_ns": Builtin(parse_rfc3339_ns),
    "time.parse_duration_ns": Builtin(parse_duration_ns),
    "time.add_date": Builtin(add_date),
    "time.diff": Builtin(diff),
}
