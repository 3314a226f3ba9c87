"""The client of registries: the port's adapter.

Sources: OCI distribution specification (pull, list tags, referrers); what real registries do beside it stands in the
comments.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Final
from urllib.parse import quote, urlencode

from ...analysis import digest as digests
from ...analysis import manifest as manifests
from ...analysis import reference as references
from ...analysis import text
from ...domain.digest import Digest
from ...domain.manifest import OCI_INDEX, Descriptor, ImageIndex, ImageManifest, Manifest
from ...domain.reference import Repository
from ...ports.registry import Location, Lying, NotFound, Unreachable, Unsupported
from . import pages
from .access import Access, Counted, Question, Send, nobody
from .credentials import Keychain
from .exchange import Answer, Exchange, shown
from .guard import Lookup, system_lookup
from .hosts import Host, Hosts
from .tokens import Tokens

PAGE: Final = 1000
"""Tags that are asked for at a time; registries give fewer, or all."""
MOST_REFERRERS: Final = 10_000
ACCEPT: Final = ", ".join(manifests.ACCEPTED)
_SIZE: Final = re.compile(r"[0-9]{1,15}")
_RANGE: Final = re.compile(r"bytes ([0-9]{1,15})-[0-9]{1,15}/(?:[0-9]{1,15}|\*)")


class RegistryClient:
    """See :class:`image_enforcer.ports.registry.Registry`.

    ``clock`` gives seconds that only grow; ``chance`` gives numbers from 0 to 1; ``counted`` is told of registries, by
    name, how much they say may still be fetched.
    """

    def __init__(
        self, hosts: Hosts, keychain: Keychain, *, clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]], chance: Callable[[], float], lookup: Lookup = system_lookup,
        counted: Counted = nobody,
    ) -> None:  # fmt: skip
        self._hosts = hosts
        self._clock = clock
        self._exchange = Exchange(lookup)
        self._tokens = Tokens(self._exchange, clock)
        self._access = Access(
            hosts, keychain, self._tokens, clock=clock, sleep=sleep, chance=chance, counted=counted
        )  # fmt: skip

    async def close(self) -> None:
        """See the port."""
        await self._tokens.close()
        await self._exchange.close()

    async def head(self, repository: Repository, reference: str, *, urgent: bool = False) -> Descriptor:
        """See the port. A registry that does not say the digest is asked for the manifest itself."""
        path = _path(repository, "manifests", reference)
        send = self._document("HEAD", 0, {"Accept": ACCEPT})
        question = Question(repository=repository, kind="pull", send=send, urgent=urgent)
        answer = (await self._access.somewhere(question, path)).answer
        told = answer.headers.get("Docker-Content-Digest", "")
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        size = answer.headers.get("Content-Length", "")
        if not told or media_type not in manifests.ACCEPTED or not _SIZE.fullmatch(size):
            found = await self.manifest(repository, reference, urgent=urgent)
            return Descriptor(media_type=found.media_type, digest=found.digest, size=len(found.content))
        named = _digest(told, answer.url)
        if ":" in reference and named != reference:
            raise Lying(f"{shown(answer.url)} says that it is {named}")
        if int(size) > manifests.MAX_SIZE:
            raise Lying(f"{shown(answer.url)} has {size} bytes, where {manifests.MAX_SIZE} are enough")
        return Descriptor(media_type=media_type, digest=named, size=int(size))

    async def manifest(self, repository: Repository, reference: str, *, urgent: bool = False) -> Manifest:
        """See the port."""
        path = _path(repository, "manifests", reference)
        send = self._document("GET", manifests.MAX_SIZE, {"Accept": ACCEPT})
        question = Question(repository=repository, kind="pull", send=send, urgent=urgent, counted=True)
        answer = (await self._access.somewhere(question, path)).answer
        told = answer.headers.get("Docker-Content-Digest", "")
        expected = Digest(reference) if ":" in reference else _digest(told, answer.url) if told else None
        try:
            return manifests.parse(answer.body, answer.headers.get("Content-Type", ""), expected)
        except manifests.UnsupportedManifest as e:
            raise Unsupported(f"{shown(answer.url)}: {e}") from None
        except manifests.BadManifest as e:
            raise Lying(f"{shown(answer.url)}: {e}") from None

    async def tags(self, repository: Repository) -> AsyncIterator[tuple[str, ...]]:
        """See the port. No mirror is asked: it knows the tags that were pulled through it, and no others."""
        host = self._hosts.of(_checked(repository).registry)
        first = f"{host.base}{_place(repository)}/tags/list?n={PAGE}"
        send = self._document("GET", host.limits.page, {})
        count = 0
        async with aclosing(self._pages(host, repository, "tags", first, send)) as answers:
            async for answer in answers:
                page = pages.tags(answer)
                count += len(page)
                if count > host.limits.tags:
                    raise Lying(f"{repository} has more than {host.limits.tags} tags")
                yield page

    async def blob(self, repository: Repository, content: Descriptor, start: int = 0) -> AsyncGenerator[bytes]:
        """See the port. A registry that knows no parts of content sends all of it, and what is known is skipped."""
        path = _path(repository, "blobs", content.digest)
        if start == content.size and start > 0:
            return
        host = self._hosts.of(repository.registry)
        headers = {"Range": f"bytes={start}-"} if start else {}
        async with AsyncExitStack() as until:
            await until.enter_async_context(self._access.rate(host).downloads)

            async def send(at: Host, url: str, authorization: str) -> Answer:
                return await self._exchange.open(until, at, url, headers, authorization)

            question = Question(repository=repository, kind="pull", send=send, done=frozenset({200, 206}))
            answer = (await self._access.somewhere(question, path)).answer
            at = _begins(answer, start)
            check = digests.Check(content.digest) if at == 0 else None
            async with aclosing(self._pieces(host, content, answer, at)) as pieces:
                async for piece in pieces:
                    if check is not None:
                        check.add(piece)
                    known, at = max(0, start - at), at + len(piece)
                    if known < len(piece):
                        yield piece[known:] if known else piece
        if at != content.size:
            raise Lying(f"{host.name}: {content.digest} ends after {at} of {content.size} bytes")
        if check is not None and not check.holds:
            raise Lying(f"{host.name}: what was sent as {content.digest} is {check.found}")

    async def _pieces(self, host: Host, content: Descriptor, answer: Answer, at: int) -> AsyncGenerator[bytes]:
        """What comes, as long as it is neither too much nor too slow. What the reader takes its time for, is his."""
        assert answer.content is not None
        size, waited = at, 0.0
        while True:
            asked = self._clock()
            piece = await answer.content.readany()
            waited += self._clock() - asked
            if not piece:
                return
            size += len(piece)
            if size > content.size:
                raise Lying(f"{shown(answer.url)} sends more than the {content.size} bytes it should")
            if waited > host.limits.idle and size - at < waited * host.limits.slowest:
                raise Unreachable(f"{shown(answer.url)} sends too slowly")
            yield piece

    async def referrers(
        self, repository: Repository, digest: Digest, artifact_type: str = ""
    ) -> tuple[Descriptor, ...]:
        """See the port. Where a registry knows no referrers, they stand under a tag made from the digest.

        No mirror is asked: it need not know what was signed since. A tag holds no more than the first 64 digits, so
        what is found there for a longer digest is taken only if it names the subject.
        """
        path = _path(repository, "referrers", digest)
        host = self._hosts.of(repository.registry)
        query = f"?{urlencode({'artifactType': artifact_type})}" if artifact_type else ""
        send = self._document("GET", manifests.MAX_SIZE, {"Accept": OCI_INDEX})
        found: list[Descriptor] = []
        begun = False
        try:
            async with aclosing(self._pages(host, repository, "referrers", host.base + path + query, send)) as answers:
                async for answer in answers:
                    begun = True
                    found += pages.index(answer).children
                    if len(found) > MOST_REFERRERS:
                        raise Lying(f"{repository}: more than {MOST_REFERRERS} referrers of {digest}")
        except (NotFound, Unsupported):
            if begun:
                raise Lying(f"{repository}: the referrers of {digest} break off after {len(found)}") from None
            found = await self._tagged(repository, digest)
        return tuple([d for d in found if not artifact_type or d.artifact_type == artifact_type])

    async def _tagged(self, repository: Repository, digest: Digest) -> list[Descriptor]:
        algorithm, _, encoded = digest.partition(":")
        try:
            index = await self.manifest(repository, f"{algorithm[:32]}-{encoded[:64]}")
        except NotFound:
            return []
        if not isinstance(index, ImageIndex):
            raise Lying(f"{repository}: what stands where the referrers of {digest} should be is no index")
        found: list[Descriptor] = []
        for child in index.children:
            if len(encoded) <= 64:
                found.append(child)
                continue
            manifest = await self.manifest(repository, child.digest)
            subject = manifest.subject if isinstance(manifest, ImageManifest | ImageIndex) else None
            if subject is not None and subject.digest == digest:
                found.append(child)
        return found

    async def location(self, repository: Repository, content: Descriptor) -> Location:
        """See the port. The registry is asked for a redirect at most, which is not followed."""
        path = _path(repository, "blobs", content.digest)
        host = self._hosts.of(repository.registry)
        send = self._document("HEAD", 0, {}, follow=False)
        done = frozenset({200, 301, 302, 303, 307, 308})
        question = Question(repository=repository, kind="pull", send=send, done=done)
        granted = await self._access.at(host, question, host.base + path)
        headers = (("Authorization", granted.authorization),) if granted.authorization else ()
        return Location(url=host.base + path, headers=headers)

    def _document(self, method: str, most: int, headers: Mapping[str, str], *, follow: bool = True) -> Send:
        async def send(host: Host, url: str, authorization: str) -> Answer:
            return await self._exchange.send(
                host, method, url, most=most, headers=headers, authorization=authorization, follow=follow
            )

        return send

    def _pages(self, host: Host, repository: Repository, kind: str, first: str, send: Send) -> AsyncGenerator[Answer]:
        async def ask(url: str) -> Answer:
            question = Question(repository=repository, kind=kind, send=send)
            return (await self._access.at(host, question, url)).answer

        return pages.pages(first, host.limits.pages, ask)


def _checked(repository: Repository) -> Repository:
    """A repository that an image could name; others cannot exist, and must not become part of an address."""
    try:
        home = references.parse(str(repository)).home
    except references.BadReference:
        home = None
    if home != repository:
        raise NotFound(f"{text.name(str(repository), 300)} cannot be the name of a repository")
    return repository


def _place(repository: Repository) -> str:
    return f"/v2/{quote(repository.path, safe='/')}"


def _path(repository: Repository, kind: str, name: str) -> str:
    place = _place(_checked(repository))
    if ":" in name:
        try:
            digests.parse(name)
        except digests.BadDigest as e:
            raise NotFound(f"{repository}: {text.name(str(e), 300)}") from None
    elif not references.is_tag(name):
        raise NotFound(f"{repository}: {text.name(name, 140)} cannot be a tag")
    return f"{place}/{kind}/{name}"


def _digest(told: str, url: str) -> Digest:
    try:
        return digests.parse(told)
    except digests.BadDigest as e:
        raise Lying(f"{shown(url)}: {e}") from None


def _begins(answer: Answer, start: int) -> int:
    """The byte with which an answer begins: the one that was asked for, or the first."""
    if answer.status == 200:
        return 0
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
    if found is None or int(found[1]) != start:
        raise Lying(f"{shown(answer.url)} sends another part than that from byte {start} on")
    return start
