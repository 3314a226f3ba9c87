"""Tokens for registries: got where a registry sends us, kept for as long as they last, one request for all who wait.

Source: distribution, spec/auth/{token,oauth}. A token lasts 60 seconds where its server does not say; it is used for
four fifths of that.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from ...analysis.challenges import Challenge
from ...ports.registry import Forbidden, Lying, NotAuthorised, RateLimited, Unreachable, Unsupported
from .credentials import Anonymous, Bearer, Credential, Identity, Password
from .exchange import AGENT, Answer, Exchange, shown
from .hosts import Host, host_of
from .retry_after import seconds

MAX_TOKEN: Final = 256 << 10
DEFAULT_LIFETIME: Final = 60.0
LONGEST_LIFETIME: Final = 24 * 3600.0
USED: Final = 0.8
MOST_KEPT: Final = 10_000
_TOKEN: Final = re.compile(r"[!-~]+")
CLIENT: Final = AGENT.partition("/")[0]


class _Token(msgspec.Struct, frozen=True):
    token: str | None = None
    access_token: str | None = None
    expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which token: for which registry, of which server, for whom and for what."""

    base: str
    realm: str
    service: str
    scope: str
    credential: Credential


class Tokens:
    """All tokens there are. A failure is kept for nobody: who asks next, asks anew."""

    def __init__(self, exchange: Exchange, clock: Callable[[], float]) -> None:
        self._exchange = exchange
        self._clock = clock
        self._kept: dict[Wanted, tuple[float, str]] = {}
        self._asked: dict[Wanted, asyncio.Task[str]] = {}

    async def get(self, host: Host, challenge: Challenge, scope: str, credential: Credential) -> str:
        """A token for a challenge; raises a :class:`RegistryError`."""
        if isinstance(credential, Bearer):
            return credential.token
        wanted = Wanted(host.base, challenge["realm"], challenge["service"], scope, credential)
        until, token = self._kept.get(wanted, (0.0, ""))
        if self._clock() < until:
            return token
        task = self._asked.get(wanted)
        if task is None:
            task = asyncio.create_task(self._fetch(host, wanted))
            self._asked[wanted] = task
            task.add_done_callback(lambda done: self._over(wanted, done))
        # Whoever gives up waiting leaves the others their answer.
        return await asyncio.shield(task)

    def _over(self, wanted: Wanted, done: asyncio.Task[str]) -> None:
        self._asked.pop(wanted, None)
        if not done.cancelled():
            done.exception()  # seen, though everybody may have given up waiting

    def forget(self, token: str) -> None:
        """A registry does not take a token, so that it is of no use any more. One that came since is kept."""
        self._kept = {wanted: kept for wanted, kept in self._kept.items() if kept[1] != token}

    async def close(self) -> None:
        """Ask for nothing any more."""
        asked = list(self._asked.values())
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)

    async def _fetch(self, host: Host, wanted: Wanted) -> str:
        self._check(host, wanted.realm)
        credential = wanted.credential
        if isinstance(credential, Identity):
            form = {
                "grant_type": "refresh_token", "refresh_token": credential.token, "service": wanted.service,
                "client_id": CLIENT, "scope": wanted.scope,
            }  # fmt: skip
            answer = await self._exchange.send(host, "POST", wanted.realm, most=MAX_TOKEN, form=form)
        else:
            user, header = (credential.user, credential.header) if isinstance(credential, Password) else ("", "")
            asked = _asked(wanted, account=user)
            answer = await self._exchange.send(host, "GET", asked, most=MAX_TOKEN, authorization=header)
            if answer.status in (404, 405) and isinstance(credential, Password):
                # A server of OAuth2 alone, which takes questions by POST.
                form = {
                    "grant_type": "password", "username": credential.user, "password": credential.password,
                    "service": wanted.service, "client_id": CLIENT, "scope": wanted.scope,
                }  # fmt: skip
                answer = await self._exchange.send(host, "POST", wanted.realm, most=MAX_TOKEN, form=form)
        token, lifetime = _read(answer, host, credential)
        now = self._clock()
        if len(self._kept) >= MOST_KEPT:
            self._kept = {w: kept for w, kept in self._kept.items() if kept[0] > now}
            while len(self._kept) >= MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
        self._kept[wanted] = (now + lifetime * USED, token)
        return token

    def _check(self, host: Host, realm: str) -> None:
        """A registry names the server that gets its users' passwords: over TLS, or they go no further than it."""
        self._exchange.guard(host).check(realm)
        if urlsplit(realm).scheme != "https":
            plain = urlsplit(host.base).scheme == "http"
            if not plain or host_of(realm) not in host.vouched:
                raise Forbidden(f"{host.name} wants tokens to be got at {shown(realm)}, without TLS")


def _asked(wanted: Wanted, account: str = "") -> str:
    parts = urlsplit(wanted.realm)
    named = [("service", wanted.service), *(("scope", scope) for scope in wanted.scope.split()), ("account", account)]
    query = parse_qsl(parts.query, keep_blank_values=True) + [(name, value) for name, value in named if value]
    return urlunsplit(parts._replace(query=urlencode(query), fragment=""))


def _read(answer: Answer, host: Host, credential: Credential) -> tuple[str, float]:
    at = f"{host.name}: the token server {shown(answer.url)}"
    if answer.status in (400, 401, 403):
        if isinstance(credential, Anonymous):
            raise NotAuthorised(f"{at} gives no token to strangers; give credentials for {host.name}")
        raise NotAuthorised(f"{at} does not take these credentials; see that they are right, or log in again")
    if answer.status == 429:
        pause = seconds(answer.headers) or DEFAULT_LIFETIME
        raise RateLimited(f"{at} wants to be left alone for {pause:.0f} s", pause)
    if answer.status >= 500:
        raise Unreachable(f"{at} answers {answer.status}")
    if answer.status in (404, 405):
        raise Unsupported(f"{at} answers {answer.status}: it does not know this way to get a token")
    if answer.status != 200:
        raise Lying(f"{at} answers {answer.status}")
    try:
        read = msgspec.json.decode(answer.body, type=_Token)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise Lying(f"{at} answers with what is no token") from None
    token = read.token or read.access_token
    if not token or not _TOKEN.fullmatch(token):
        raise Lying(f"{at} answers with what is no token")
    lifetime = read.expires_in if read.expires_in is not None else DEFAULT_LIFETIME
    return token, min(LONGEST_LIFETIME, max(0.0, lifetime))
