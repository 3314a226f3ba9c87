"""How a registry is asked: by which name, how often, and how many times before it is given up.

Whether what is asked for is a document or a stream is the business of who asks: he brings the way to send one request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, TypeVar
from urllib.parse import quote, urlsplit

from ...analysis.challenges import Challenge
from ...domain.reference import Repository
from ...ports.registry import NotAuthorised, RateLimited, RegistryError, Unreachable
from .credentials import Anonymous, Bearer, Credential, Identity, Keychain, Password
from .exchange import Answer
from .hosts import Host, Hosts
from .rate import Rate
from .refusals import challenge as challenge_of
from .refusals import refusal
from .retry_after import quota, seconds
from .tokens import Tokens

FIRST_PAUSE: Final = 0.5
"""Seconds before a second try; twice as many before each further one."""
MOST_KEPT: Final = 10_000
"""Hosts, and challenges, that are remembered: others choose how many there are."""
DONE: Final = frozenset({200})

Send: TypeAlias = Callable[[Host, str, str], Awaitable[Answer]]
"""Sends one request: to a host, at an address, with an ``Authorization`` (empty: none)."""


Counted: TypeAlias = Callable[[str, int], None]
"""Is told of a registry how many requests that its quota counts it has left."""


def nobody(registry: str, left: int) -> None:
    """Is told for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, apart from where."""

    repository: Repository
    kind: str
    """The part of the interface: some registries want another scope for each."""
    send: Send
    done: frozenset[int] = DONE
    """The statuses that answer it."""
    urgent: bool = False
    counted: bool = False
    """Whether a registry's quota counts it."""


@dataclass(frozen=True, slots=True)
class Granted:
    """An answer that is none of the refusals, and what was said of who asks."""

    answer: Answer
    authorization: str


class Access:
    """What is known of all registries: their rates, and how they want to be told who asks.

    ``chance`` gives numbers from 0 to 1, so that many who wait do not come back at once.
    """

    def __init__(
        self, hosts: Hosts, keychain: Keychain, tokens: Tokens, *, clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]], chance: Callable[[], float], counted: Counted = nobody,
    ) -> None:  # fmt: skip
        self._hosts = hosts
        self._counted = counted
        self._keychain = keychain
        self._tokens = tokens
        self._clock = clock
        self._sleep = sleep
        self._chance = chance
        self._rates: dict[str, Rate] = {}
        self._challenges: dict[tuple[str, str, str], Challenge] = {}

    async def somewhere(self, question: Question, path: str) -> Granted:
        """The answer of a mirror that has one, else of the registry; raises a :class:`RegistryError`."""
        host = self._hosts.of(question.repository.registry)
        for mirror in host.mirrors:
            # It gets one try, as runtimes do: whatever ails it, the registry itself decides.
            limits = replace(host.limits, tries=1)
            stand_in = replace(host, name=f"{host.name} (mirror)", url=mirror.url, mirrors=(), limits=limits)
            url = stand_in.base + path
            if mirror.proxy:
                url += f"{'&' if '?' in path else '?'}ns={quote(host.name)}"
            own = replace(question.repository, registry=urlsplit(mirror.url).netloc)
            try:
                return await self.at(stand_in, replace(question, repository=own), url)
            except RegistryError:
                continue
        return await self.at(host, question, host.base + path)

    async def at(self, host: Host, question: Question, url: str) -> Granted:
        """The answer of one host; what may pass is tried again, for as long as patience lasts."""
        rate, limits = self.rate(host), host.limits
        until = self._clock() + limits.patience
        tries = 0
        while True:
            tries += 1
            pause = FIRST_PAUSE * 2 ** (tries - 1) * (0.5 + self._chance())
            failure: RateLimited | Unreachable
            try:
                async with rate.turn(question.urgent, max(0.0, until - self._clock()), counted=question.counted):
                    return await self._authorised(host, question, url)
            except RateLimited as e:
                failure, pause = e, max(pause, e.retry_after)
            except Unreachable as e:
                failure = e
            if tries >= limits.tries or self._clock() + pause > until:
                raise failure
            await self._sleep(pause)

    def rate(self, host: Host) -> Rate:
        """The rate of a host."""
        found = self._rates.get(host.base)
        if found is None:
            limits = host.limits
            found = Rate(host.name, limits.rate, limits.at_once, limits.reserve, self._clock, self._sleep)
            _keep(self._rates, host.base, found)
        return found

    # --- who asks --------------------------------------------------------------------------------

    async def _authorised(self, host: Host, question: Question, url: str) -> Granted:
        """The answer to the first of our names that gets one."""
        first: NotAuthorised | None = None
        for credential in await self._keychain.of(question.repository):
            try:
                return await self._as(credential, host, question, url)
            except NotAuthorised as e:
                first = first or e
        assert first is not None
        raise first

    async def _as(self, credential: Credential, host: Host, question: Question, url: str) -> Granted:
        """One request, and one more where the registry says that it wants to be told who asks, or told anew."""
        known = self._known(host, question)
        scope = _scope(question.repository)
        authorization = "" if known is None else await self._guessed(host, question, known, credential)
        answer = await question.send(host, url, authorization)
        # What another place wants, to which we were sent, is no question of ours: it gets no credentials.
        if answer.status == 401 and not answer.foreign:
            wanted = challenge_of(answer, host)
            self._remember(host, question, wanted)
            if authorization and wanted["error"] != "insufficient_scope":
                self._tokens.forget(authorization.removeprefix("Bearer "))
            again = await self._header(host, wanted, scope, credential)
            if again and again != authorization:
                authorization = again
                answer = await question.send(host, url, authorization)
        return Granted(self._accepted(host, question, answer), authorization)

    def _accepted(self, host: Host, question: Question, answer: Answer) -> Answer:
        rate = self.rate(host)
        counted = quota(answer.headers)
        if counted is not None and not answer.foreign:
            rate.remaining(*counted)
            self._counted(host.name, counted[0])
        if answer.status in question.done:
            rate.went_well()
            return answer
        refused = refusal(answer, host)
        if isinstance(refused, RateLimited):
            pause = rate.complained(seconds(answer.headers))
            raise RateLimited(f"{refused}; wait {pause:.0f} s", pause)
        raise refused

    def _known(self, host: Host, question: Question) -> Challenge | None:
        """What this registry wanted the last time, for the same or for anything."""
        own = self._challenges.get((host.base, question.repository.path, question.kind))
        return own or self._challenges.get((host.base, "", ""))

    def _remember(self, host: Host, question: Question, wanted: Challenge) -> None:
        """So that the next request says it at once. The scope is of this repository alone."""
        _keep(self._challenges, (host.base, question.repository.path, question.kind), wanted)
        parameters = {name: value for name, value in wanted.parameters.items() if name in ("realm", "service")}
        _keep(self._challenges, (host.base, "", ""), Challenge(wanted.scheme, parameters))

    async def _guessed(self, host: Host, question: Question, known: Challenge, credential: Credential) -> str:
        """What to say as long as a registry wants what it wanted; where that does not work, it is asked anew."""
        try:
            return await self._header(host, known, _scope(question.repository), credential)
        except RegistryError:
            self._challenges.pop((host.base, question.repository.path, question.kind), None)
            self._challenges.pop((host.base, "", ""), None)
            raise

    async def _header(self, host: Host, wanted: Challenge, scope: str, credential: Credential) -> str:
        """What to say of who asks; empty where there is nothing to say."""
        if wanted.scheme == "basic":
            match credential:
                case Password() as password:
                    return password.header
                case Bearer(token):
                    return f"Bearer {token}"
                case Anonymous() | Identity():
                    return ""
        return f"Bearer {await self._tokens.get(host, wanted, wanted['scope'] or scope, credential)}"


_K = TypeVar("_K")
_V = TypeVar("_V")


def _keep(kept: dict[_K, _V], key: _K, value: _V) -> None:
    kept.pop(key, None)
    while len(kept) >= MOST_KEPT:
        kept.pop(next(iter(kept)))
    kept[key] = value


def _scope(repository: Repository) -> str:
    return f"repository:{repository.path}:pull"
