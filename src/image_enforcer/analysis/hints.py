"""What registries say when something was pushed: which repositories may have changed, and nothing else.

A hint is no fact: it may be late, lost, doubled or made up. It names a repository, which is then looked at.

Sources: distribution, notifications.md (``events``); Harbor, "Configure Webhook Notifications" (``event_data``, and
CloudEvents); Quay, "Repository notifications" (``updated_tags``); Docker Hub, "Webhooks" (``push_data``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

MAX_BODY: Final = 1 << 20
MAX_REPOSITORIES: Final = 1000
_MANIFEST: Final = re.compile(r"application/vnd\.(?:oci\.image|docker\.distribution)\.(?:manifest|index)\b")
_PATH: Final = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*", re.ASCII)
OURSELVES: Final = "image-enforcer/"


class BadHint(ValueError):
    """A body that no registry sends that is known here."""


def repositories(body: bytes) -> tuple[str, ...]:
    """The paths of the repositories that a notification is about, each once; raises :class:`BadHint`.

    A notification about something else than a push is about none.
    """
    if len(body) > MAX_BODY:
        raise BadHint(f"the notification is larger than {MAX_BODY} bytes")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise BadHint("the notification is not JSON") from None
    if not isinstance(document, dict):
        raise BadHint("the notification is not an object")
    found: dict[str, None] = {}
    for path in _named(document):
        if isinstance(path, str) and len(path) <= 255 and _PATH.fullmatch(path):
            found[path] = None
            if len(found) >= MAX_REPOSITORIES:
                break
    return tuple(found)


def _named(document: dict[str, Any]) -> Iterator[Any]:
    match document:
        case {"events": [*events]}:
            for event in events:
                yield from _event(event)
        case {"type": str(kind), "event_data": {"repository": {"repo_full_name": path}}}:
            if kind in ("PUSH_ARTIFACT", "DELETE_ARTIFACT", "TAG_RETENTION", "REPLICATION"):
                yield path
        case {"specversion": str(), "type": str(kind), "data": {"repository": {"repo_full_name": path}}}:
            if kind.startswith("harbor.artifact."):
                yield path
        case {"updated_tags": list(), "repository": path}:
            yield path
        case {"push_data": dict(), "repository": {"repo_name": path}}:
            yield path
        case _:
            raise BadHint("it is of no registry that is known here: Distribution, Harbor, Quay or Docker Hub")


def _event(event: Any) -> Iterator[Any]:
    """Distribution tells of every pull and every layer too, our own HEAD requests among them."""
    match event:
        case {"request": {"useragent": str(agent)}} if agent.startswith(OURSELVES):
            return
        case {"action": "push", "target": {"repository": path, "mediaType": str(kind)}}:
            if _MANIFEST.match(kind):
                yield path
        case {"action": "delete", "target": {"repository": path}}:
            yield path
        case _:
            return
