"""Moments in texts, read under a layout of Go's as ``time.Parse`` does it: byte by byte."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Final, NoReturn

from .byte_texts import to_bytes
from .time_layouts import DAYS, MONTHS, pieces

_BEFORE: Final = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365)
"""Days of a common year before each month."""
_ERA: Final = 719_162
"""Days from the first of year 1 to 1970."""


class LayoutError(ValueError):
    """A text that a layout does not fit; the message is Go's."""


class _Misfit(Exception):
    """The text does not go on as a field does."""


class _OutOfRange(Exception):
    """A field has a number that it cannot have; the text is the field's name."""


def scan(layout: str, text: str) -> int:
    """The moment in a text, in nanoseconds since 1970; raises :class:`LayoutError`."""
    return _Scan(_as_bytes(layout), _as_bytes(text)).read()


def _as_bytes(text: str) -> str:
    """A text with a character for each of its bytes."""
    return to_bytes(text).decode("latin-1")


def _shown(text: str) -> str:
    """Bytes in the quotes that Go has for times."""
    made = [
        f"\\{c}" if c in '"\\' else c if " " <= c < "\x80" else f"\\x{ord(c):02x}" for c in text
    ]  # fmt: skip
    return f'"{"".join(made)}"'


class _Scan:
    """A text being read: what is left of it, and what was read. -1 stands for what no field has said."""

    def __init__(self, layout: str, text: str) -> None:
        self.layout = layout
        self.text = text
        self.rest = text
        self.year = self.hour = self.minute = self.second = self.nanos = 0
        self.month = self.day = self.day_of_year = self.offset = -1
        self.pm: bool | None = None
        self.utc = False

    def read(self) -> int:
        parts = pieces(self.layout)
        fields = [token for token, is_field in parts if is_field]
        at = 0
        for token, is_field in parts:
            if not is_field:
                self._literal(token)
                continue
            at += 1
            held = self.rest
            try:
                self._field(token, fields[at] if at < len(fields) else "")
            except _OutOfRange as e:
                self._refuse(f"{e} out of range")
            except _Misfit:
                self._misfit(held, token)
        if self.rest:
            self._refuse(f"extra text: {_shown(self.rest)}")
        return self._moment()

    def _refuse(self, why: str) -> NoReturn:
        raise LayoutError(f"parsing time {_shown(self.text)}: {why}")

    def _misfit(self, rest: str, element: str) -> NoReturn:
        what = f"parsing time {_shown(self.text)} as {_shown(self.layout)}"
        raise LayoutError(f"{what}: cannot parse {_shown(rest)} as {_shown(element)}")

    def _literal(self, token: str) -> None:
        """What stands in both; spaces are as many as one likes, but some, unless the text ends there."""
        wanted = token
        while wanted:
            if wanted[0] == " " and (not self.rest or self.rest[0] == " "):
                wanted, self.rest = wanted.lstrip(" "), self.rest.lstrip(" ")
            elif self.rest[:1] == wanted[0]:
                wanted, self.rest = wanted[1:], self.rest[1:]
            else:
                self._misfit(self.rest, token)

    # --- fields

    def _field(self, token: str, following: str) -> None:
        match token:
            case "2006":
                if not _is_digits(self.rest[:1]):
                    raise _Misfit
                self.year = _number(self._take(4))
            case "06":
                short = _number(self._take(2))
                self.year = short + (1900 if short >= 69 else 2000)
            case "January" | "Jan":
                self.month = self._word(MONTHS, short=token == "Jan") + 1
            case "Monday" | "Mon":
                self._word(DAYS, short=token == "Mon")
            case "01" | "1":
                self.month = self._digits(token)
                _within("month", self.month, 1, 12)
            case "02" | "2" | "_2":
                if token == "_2":
                    self.rest = self.rest.removeprefix(" ")
                self.day = self._digits(token)
            case "002" | "__2":
                self._year_day(token)
            case "15" | "03" | "3":
                self.hour = self._digits("" if token == "15" else token)
                _within("hour", self.hour, 0, 23 if token == "15" else 12)
            case "04" | "4":
                self.minute = self._digits(token)
                _within("minute", self.minute, 0, 59)
            case "05" | "5":
                self.second = self._digits(token)
                _within("second", self.second, 0, 59)
                if following[:1] not in (".", ","):
                    self._fraction(_length_of_fraction(self.rest))
            case "PM" | "pm":
                mark = self._take(2)
                if mark not in (token, token.replace("P", "A").replace("p", "a")):
                    raise _Misfit
                self.pm = mark == token
            case "MST":
                self._zone_name()
            case _ if token[0] in ".,":
                self._fraction(_length_of_fraction(self.rest) if token[1] == "9" else len(token))
            case _ if token[0] == "Z" and self.rest.startswith("Z"):
                self.utc, self.rest = True, self.rest[1:]
            case _:
                self._offset(token)

    def _take(self, count: int) -> str:
        if len(self.rest) < count:
            raise _Misfit
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def _digits(self, token: str) -> int:
        """One digit or two; two where the field has two."""
        count = 2 if _is_digits(self.rest[:2]) and len(self.rest) > 1 else 1
        if not _is_digits(self.rest[:count]) or (count == 1 and token[:1] == "0"):
            raise _Misfit
        return int(self._take(count))

    def _word(self, names: tuple[str, ...], *, short: bool) -> int:
        for i, name in enumerate(names):
            shown = name[:3] if short else name
            if self.rest[: len(shown)].lower() == shown.lower():
                self.rest = self.rest[len(shown) :]
                return i
        raise _Misfit

    def _year_day(self, token: str) -> None:
        if token == "__2":
            self.rest = self.rest.removeprefix(" ").removeprefix(" ")
        found = re.match("[0-9]{1,3}", self.rest)
        if found is None or (token == "002" and found.end() != 3):
            raise _Misfit
        self.day_of_year = int(self._take(found.end()))

    def _fraction(self, length: int) -> None:
        """A fraction of a second in so many bytes, its point among them; digits beyond the ninth say nothing."""
        if not length:
            return
        digits = self._take(length)[:10]
        if digits[0] not in ".,":
            raise _Misfit
        nanos = _number(digits[1:])
        if nanos < 0:
            raise _OutOfRange("fractional second")
        self.nanos = nanos * 10 ** (10 - len(digits))

    def _offset(self, token: str) -> None:
        """How far a zone is ahead. An hour out of range is told before a minute that is no number."""
        taken = self._take(len(token))
        colons = (3, 6) if ":" in token else ()
        if any(taken[at] != ":" for at in colons if at < len(taken)):
            raise _Misfit
        numbers = [taken[at : at + 2] for at in ((1, 4, 7) if colons else (1, 3, 5)) if at < len(taken)]
        good = list(takewhile(_is_digits, numbers))
        hours, minutes, seconds = [*map(int, good), 0, 0, 0][:3]
        for what, value, most in (("second", seconds, 60), ("minute", minutes, 60), ("hour", hours, 24)):
            if value > most:
                raise _OutOfRange(f"time zone offset {what}")
        if len(good) < len(numbers) or taken[0] not in "+-":
            raise _Misfit
        self.offset = (hours * 3600 + minutes * 60 + seconds) * (-1 if taken[0] == "-" else 1)

    def _zone_name(self) -> None:
        """A zone's abbreviation: of three letters, or four or five that end in ``T``; or a number of hours up to 23.

        It says nothing about the moment, not even as ``GMT+3``.
        """
        if self.rest.startswith("UTC"):
            self.utc, self.rest = True, self.rest[3:]
            return
        behind = 3 if self.rest.startswith("GMT") else 0
        if len(self.rest) < _SHORTEST:
            raise _Misfit
        signed = _SIGNED.match(self.rest, behind)
        if signed is not None and int(signed.group(1).lstrip("0")[:3] or "0") <= _MAX_HOURS:
            self.rest = self.rest[signed.end() :]
            return
        named = _NAMED.match(self.rest)
        found = "GMT" if behind else named.group() if named is not None else ""
        if not found or (len(found) > 3 and not (found.endswith("T") or found == "WITA")):
            raise _Misfit
        self.rest = self.rest[len(found) :]

    # --- the moment

    def _moment(self) -> int:
        hour = self.hour
        if self.pm and hour < 12:
            hour += 12
        elif self.pm is False and hour == 12:
            hour = 0
        leap = self.year % 4 == 0 and (self.year % 100 != 0 or self.year % 400 == 0)
        if self.day_of_year >= 0:
            self._by_day_of_year(leap)
        month, day = 1 if self.month < 0 else self.month, 1 if self.day < 0 else self.day
        if not 1 <= day <= _BEFORE[month] - _BEFORE[month - 1] + (leap and month == 2):
            self._refuse("day out of range")
        years = self.year - 1
        days = years * 365 + years // 4 - years // 100 + years // 400 + _BEFORE[month - 1] + (leap and month > 2)
        seconds = (days + day - 1 - _ERA) * 86400 + hour * 3600 + self.minute * 60 + self.second
        if not self.utc and self.offset != -1:  # a zone a second behind is none to Go
            seconds -= self.offset
        return seconds * 1_000_000_000 + self.nanos

    def _by_day_of_year(self, leap: bool) -> None:
        of_year = self.day_of_year
        if leap and of_year == 60:
            month, day = 2, 29
        else:
            of_year -= leap and of_year > 60
            if not 1 <= of_year <= 365:
                self._refuse("day-of-year out of range")
            month = next(m for m in range(1, 13) if of_year <= _BEFORE[m])
            day = of_year - _BEFORE[month - 1]
        if self.month >= 0 and self.month != month:
            self._refuse("day-of-year does not match month")
        if self.day >= 0 and self.day != day:
            self._refuse("day-of-year does not match day")
        self.month, self.day = month, day


_NAMED: Final = re.compile(r"ChST|MeST|[A-Z]{3,5}(?![A-Z])")
_SIGNED: Final = re.compile(r"[+-]([0-9]+)")
_SHORTEST: Final = 3
"""Characters from the zone on that there must be."""
_MAX_HOURS: Final = 23


def _is_digits(text: str) -> bool:
    return bool(text) and text.isascii() and text.isdigit()


def _number(text: str) -> int:
    """A number with a sign or without; a text without digits is none, not even a sign."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if digits and not _is_digits(digits):
        raise _Misfit
    value = int(digits or "0")
    return -value if text[:1] == "-" else value


def _length_of_fraction(text: str) -> int:
    found = re.match("[.,][0-9]+", text)
    return found.end() if found is not None else 0


def _within(what: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise _OutOfRange(what)
