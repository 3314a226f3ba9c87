"""Lists that come in pages: tags and referrers. Where the next page is, is taken as it comes, but in the same place."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable

import msgspec

from ...analysis import links, reference, text
from ...analysis import manifest as manifests
from ...domain.manifest import OCI_INDEX, ImageIndex
from ...ports.registry import Lying
from .exchange import Answer, shown
from .hosts import place_of


class _Tags(msgspec.Struct, frozen=True):
    tags: tuple[str, ...] | None


async def pages(first: str, most: int, ask: Callable[[str], Awaitable[Answer]]) -> AsyncGenerator[Answer]:
    """The answers from the first address on; raises :class:`Lying` where they go in circles, astray, or never end."""
    seen: set[str] = set()
    url = first
    while url:
        if url in seen or len(seen) >= most:
            raise Lying(f"{shown(first)}: its pages never end")
        seen.add(url)
        answer = await ask(url)
        yield answer
        url = _onward(answer, first)


def tags(answer: Answer) -> tuple[str, ...]:
    """The tags of a page; raises :class:`Lying`."""
    try:
        read = msgspec.json.decode(answer.body, type=_Tags)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
        raise Lying(f"{shown(answer.url)} is no list of tags: {text.name(str(e), 200)}") from None
    for tag in read.tags or ():
        if not reference.is_tag(tag):
            raise Lying(f"{shown(answer.url)} lists {text.name(tag, 140)}, which is no tag")
    return read.tags or ()


def index(answer: Answer) -> ImageIndex:
    """The index in a page of referrers; raises :class:`Lying`."""
    try:
        found = manifests.parse(answer.body, OCI_INDEX)
    except (manifests.BadManifest, manifests.UnsupportedManifest) as e:
        raise Lying(f"{shown(answer.url)}: {e}") from None
    assert isinstance(found, ImageIndex)
    return found


def _onward(answer: Answer, first: str) -> str:
    """The address of the next page, in the same place; empty where there is none."""
    try:
        url = links.following(answer.links, answer.url)
        same = not url or place_of(url) == place_of(first)
    except ValueError as e:  # BadLink is one, a port that is no number another
        raise Lying(f"{shown(answer.url)} does not say where its next page is: {text.name(str(e), 200)}") from None
    if not same:
        raise Lying(f"{shown(answer.url)} continues somewhere else, at {shown(url)}")
    return url.partition("#")[0]
