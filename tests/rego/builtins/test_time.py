"""Time: outcomes as OPA gives them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rego.builtins.expressions import outcome, value

OUTCOMES = {
    'time.format([-9000000000000000000, "Europe/London", "RFC3339Nano"])': '"1684-10-19T07:58:45-00:01"',
    'time.format([-3589298728526954337, "Asia/Kathmandu", "Z070000"])': '"+054116"',
    'time.parse_ns("ANSIC", "Fri Dec 31 0:59:59 1999")': "946601999000000000",
    'time.parse_ns("RFC822", "01 Jan 70 05:30 +0530")': (
        'fault: time.parse_ns: parsing time "01 Jan 70 05:30 +0530" as "02 Jan 06 15:04 MST": '
        'cannot parse "+0530" as "MST"'
    ),
    'time.parse_ns("RFC822", "01 Jan 70 05:30 GMT+3")': "19800000000000",
    'time.parse_ns("2006 __2", "19597")': (
        'fault: time.parse_ns: parsing time "19597" as "2006 __2": cannot parse "7" as " "'
    ),
    'time.parse_ns("RFC822", "01 Jan 70 05:30 ABCD")': (
        'fault: time.parse_ns: parsing time "01 Jan 70 05:30 ABCD" as "02 Jan 06 15:04 MST": '
        'cannot parse "ABCD" as "MST"'
    ),
    'time.parse_ns("15:04 -0700 MST 2006", "05:30 +0100 +01 1970")': "16200000000000",
    'time.parse_ns("15:04 -0700 MST 2006", "05:30 +0100 UTC 1970")': "19800000000000",
    'time.parse_ns("-070000", "9999-12-00")': (
        'fault: time.parse_ns: parsing time "9999-12-00": time zone offset hour out of range'
    ),
    'time.parse_ns("Z07:00:00", "+01:02:61")': (
        'fault: time.parse_ns: parsing time "+01:02:61": time zone offset second out of range'
    ),
    'time.parse_ns("-07:00", "*01:00")': (
        'fault: time.parse_ns: parsing time "*01:00" as "-07:00": cannot parse "*01:00" as "-07:00"'
    ),
    'time.parse_ns("2006 -070000", "1970 -000001")': "0",
    'time.parse_ns("2006 002 02", "1972 060 28")': (
        'fault: time.parse_ns: parsing time "1972 060 28": day-of-year does not match day'
    ),
    'time.parse_ns("2006 002", "1972 060")': "68169600000000000",
    'time.parse_ns("2006 002", "1971 366")': (
        'fault: time.parse_ns: parsing time "1971 366": day-of-year out of range'
    ),
    'time.parse_ns("06", "+5")': "1104537600000000000",
    'time.parse_ns("06 .00", "70 .-5")': (
        'fault: time.parse_ns: parsing time "70 .-5": fractional second out of range'
    ),
    'time.parse_ns("2006 05 .000", "1970 01.5 .123")': (
        'fault: time.parse_ns: parsing time "1970 01.5 .123" as "2006 05 .000": cannot parse ".5 .123" as " "'
    ),
    'time.parse_ns("2006é", "1970\u00c3")': (
        'fault: time.parse_ns: parsing time "1970\\xc3\\x83" as "2006\\xc3\\xa9": cannot parse "\\x83" as "\\xc3\\xa9"'
    ),
    'time.format([0, "UTC", "Mona Janx Mon Jan.0"])': '"Mona Janx Thu Jan.0"',
    'time.parse_rfc3339_ns("ß")': (
        'fault: time.parse_rfc3339_ns: parsing time "\\xc3\\x9f" as "2006-01-02T15:04:05Z07:00": '
        'cannot parse "\\xc3\\x9f" as "2006"'
    ),
    'time.parse_duration_ns("1.5y2w3d4h5m6s7ms8us9ns")': "48787506007008009",
    'time.parse_duration_ns("0.1d")': "8640000000000",
    'time.parse_duration_ns("0.123456789012345678901234h")': "444444440444",
    'time.parse_duration_ns("1d1μs")': 'fault: time.parse_duration_ns: time: invalid duration "1d1μs"',
    'time.parse_duration_ns("1d1x")': 'fault: time.parse_duration_ns: time: unknown unit "x" in duration "1d1x"',
    'time.parse_duration_ns("1é")': (
        'fault: time.parse_duration_ns: time: unknown unit "\\xc3\\xa9" in duration "1\\xc3\\xa9"'
    ),
    'time.parse_duration_ns("-9223372036854775808ns")': "-9223372036854775808",
    'time.parse_duration_ns("200000000h")': 'fault: time.parse_duration_ns: time: invalid duration "200000000h"',
    "time.add_date(1, 7, 1, 9223372036854775807)": "223516800000000001",
    "time.add_date(1, 7, -9223372036854775808, 1)": "220859136000000001",
    "time.add_date(1, 9223372036854775807, 9223372036854775807, 9223372036854775807)": "-34349183999999999",
    "time.add_date(1, 0, 12000, -365250)": "-604799999999999",
    "time.add_date(1, 300, 0, 0)": "fault: time.add_date: time outside of valid range",
    "time.clock(1.000000000000000000000000001)": "[0, 0, 0]",
    'time.clock([1, "US"])': "fault: time.clock: is a directory",
    'time.clock([1, "US/"])': "fault: time.clock: is a directory",
    'time.clock([1, "."])': "fault: time.clock: is a directory",
    'time.clock([0, "Asia//./Kolkata"])': "[5, 30, 0]",
    'time.clock([0, "UTC/x"])': "fault: time.clock: not a directory",
    'time.clock([0, "Europe/Berlin/"])': "fault: time.clock: not a directory",
    'time.clock([0, "nowhere/"])': "fault: time.clock: unknown time zone nowhere/",
    f'time.clock([0, "a/{"b" * 256}"])': "fault: time.clock: file name too long",
    'time.clock([0.1, "nowhere"])': "fault: time.clock: unknown time zone nowhere",
    'time.parse_rfc3339_ns("2024-02-29T12:34:56.789+02:00")': "1709202896789000000",
    'time.parse_ns("2006-01-02", "2024-02-30")': 'fault: time.parse_ns: parsing time "2024-02-30": day out of range',
    'time.parse_ns("02 Jan 06 15:04 MST", "29 Feb 24 12:00 UTC")': "1709208000000000000",
    'time.parse_ns("RFC1123Z", "Thu, 29 Feb 2024 12:00:00 +0100")': "1709204400000000000",
    (
        'time.format([1709210096789000000, "Europe/Berlin", "Mon Jan _2 15:04:05.000 2006 MST -0700"])'
    ): '"Thu Feb 29 13:34:56.789 2024 CET +0100"',
    "time.format(0)": '"1970-01-01T00:00:00Z"',
    'time.date([1709251200000000000, "America/New_York"])': "[2024, 2, 29]",
    'time.clock([1709251200000000000, "Asia/Kolkata"])': "[5, 30, 0]",
    "time.weekday(0)": '"Thursday"',
    "time.add_date(1709164800000000000, 1, 0, 0)": "1740787200000000000",
    "time.add_date(1706659200000000000, 0, 1, 0)": "1709337600000000000",
    "time.diff(1709251199999999999, 0)": "[54, 1, 28, 23, 59, 59]",
    'time.parse_duration_ns("1h2m3.5s")': "3723500000000",
    'time.parse_duration_ns("1d")': "86400000000000",
    'time.parse_duration_ns("-1.5us")': "-1500",
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


MOMENTS = st.integers(-(1 << 62), (1 << 62))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(MOMENTS)
def test_dates_and_clocks_as_python_has_them(ns: int) -> None:
    at = EPOCH + timedelta(seconds=ns // 10**9)
    got = value("[time.date(input.t), time.clock(input.t), time.weekday(input.t)]", t=ns)
    assert got == [[at.year, at.month, at.day], [at.hour, at.minute, at.second], at.strftime("%A")]


@given(MOMENTS)
def test_formatting_and_reading_back(ns: int) -> None:
    text = value("time.format(input.t)", t=ns)
    assert value("time.parse_rfc3339_ns(input.x)", x=text) == ns
    modern = abs(ns)  # older zones are some seconds off, which the layout cannot say
    zoned = value('time.format([input.t, "Asia/Kolkata", "2006-01-02T15:04:05.999999999Z07:00"])', t=modern)
    assert value("time.parse_rfc3339_ns(input.x)", x=zoned) == modern


@given(st.text(st.sampled_from("2006-01T15:4Z7.9JanMoPM_ "), max_size=20), st.text(max_size=10))
def test_any_layout_has_an_outcome(layout: str, text: str) -> None:
    assert type(value("time.format([0, input.z, input.l])", z="UTC", l=layout)) is str
    value("time.parse_ns(input.l, input.t)", l=layout, t=text)


@pytest.mark.parametrize("shape", [[], True, {"a": 1}])
def test_what_is_no_time_is_said_so(shape: object) -> None:
    kind = {list: "array", bool: "boolean", dict: "object"}[type(shape)]
    fault = f"operand 1 must be either number (ns) or [number (ns), string (tz)] but got {kind}"
    assert outcome("time.clock(input.t)", t=shape) == f"fault: time.clock: {fault}"


@pytest.mark.parametrize(("hours", "days", "there"), [(6, 0, 6), (6, 1, 30), (7, 1, 30), (30, -1, 6), (31, -1, 8)])
def test_the_hour_stays_where_the_clock_is_changed(hours: int, days: int, there: int) -> None:
    midnight = 1709942400 * 10**9  # a day before clocks are put forward in New York
    moment = [midnight + hours * 3600 * 10**9, "America/New_York"]
    got = value("time.add_date(input.t, 0, 0, input.d)", t=moment, d=days)
    assert got == midnight + there * 3600 * 10**9
