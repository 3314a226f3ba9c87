"""What a server asks of those who want in: the ``WWW-Authenticate`` header, read as a whole.

Source: RFC 9110 §11.6.1 (several challenges in one header, quoted commas); the token protocol of registries
(distribution, spec/auth/token) for what the parameters mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SPACE: Final = re.compile(r"[ \t]*")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_TOKEN68: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))")
MAX_HEADER: Final = 16 << 10
MAX_CHALLENGES: Final = 20


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way in: its scheme and its parameters, names in lower case."""

    scheme: str
    parameters: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.parameters.get(name, "")


class BadChallenge(ValueError):
    """A header that is no list of challenges."""


def parse(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges of all ``WWW-Authenticate`` headers of an answer; raises :class:`BadChallenge`."""
    found: list[Challenge] = []
    for header in headers:
        if len(header) > MAX_HEADER:
            raise BadChallenge(f"the challenge is longer than {MAX_HEADER} characters")
        found += _Reader(header).challenges()
        if len(found) > MAX_CHALLENGES:
            raise BadChallenge(f"there are more than {MAX_CHALLENGES} challenges")
    return tuple(found)


class _Reader:
    """Reads one header from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def challenges(self) -> list[Challenge]:
        found: list[Challenge] = []
        self._commas()
        while self._at < len(self._text):
            scheme = self._token()
            before = self._at
            self._space()
            if self._at == before and self._at < len(self._text) and self._text[self._at] != ",":
                raise BadChallenge(f"a scheme ends in {self._text[self._at]!r}")
            found.append(Challenge(scheme.lower(), self._parameters()))
            self._commas()
        return found

    def _parameters(self) -> dict[str, str]:
        parameters: dict[str, str] = {}
        if self._match(_TOKEN68) is not None:
            return parameters  # a value without a name: no scheme that is known here has one
        while self._at < len(self._text):
            start = self._at
            name = self._match(_TOKEN)
            self._space()
            if name is None or not self._text.startswith("=", self._at):
                self._at = start  # the next scheme
                break
            self._at += 1
            self._space()
            # Said twice, it may be read either way by others: the first stands.
            parameters.setdefault(name.lower(), self._value())
            self._space()
            if self._at < len(self._text) and self._text[self._at] != ",":
                raise BadChallenge("there is no comma between two parameters")
            self._commas()
        return parameters

    def _value(self) -> str:
        quoted = _QUOTED.match(self._text, self._at)
        if quoted is not None:
            self._at = quoted.end()
            return re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL)
        return self._token()

    def _token(self) -> str:
        found = self._match(_TOKEN)
        if found is None:
            raise BadChallenge("it is not a list of challenges")
        return found

    def _match(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self._text, self._at)
        if found is None:
            return None
        self._at = found.end()
        return found[0]

    def _space(self) -> None:
        self._match(_SPACE)

    def _commas(self) -> None:
        while True:
            self._space()
            if not self._text.startswith(",", self._at):
                return
            self._at += 1
