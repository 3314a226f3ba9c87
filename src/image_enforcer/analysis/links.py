"""Where the next page is: the ``Link`` header.

Source: RFC 8288 §3; OCI distribution specification, "listing tags": the address is opaque, relative or absolute.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urljoin, urlsplit

from . import text

_NAME: Final = r"[\w!#$&+.^`|~*-]+"
_VALUE: Final = r"""(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+))"""
_LINK: Final = re.compile(r'\s*<([^<>"\s]*)>')
_PARAMETER: Final = re.compile(rf"\s*;\s*({_NAME})\s*(?:=\s*{_VALUE})?", re.DOTALL)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
MAX_HEADER: Final = 16 << 10


class BadLink(ValueError):
    """What should be an address, and is none."""


def following(headers: Iterable[str], url: str) -> str:
    """The address with the relation ``next``, as seen from the page's own; empty where there is none.

    Raises :class:`BadLink`.
    """
    for header in headers:
        line = header[:MAX_HEADER]
        at = 0
        while (link := _LINK.match(line, at)) is not None:
            at = link.end()
            relation: str | None = None
            while (parameter := _PARAMETER.match(line, at)) is not None:
                at = parameter.end()
                if parameter[1].lower() == "rel" and relation is None:
                    relation = parameter[2] or parameter[3] or ""
            if relation is not None and "next" in relation.lower().split():
                return resolved(url, link[1])
            comma = line.find(",", at)
            if comma < 0:
                break
            at = comma + 1
    return ""


def resolved(url: str, link: str) -> str:
    """Where a link leads that stands in the answer from an address; raises :class:`BadLink`.

    Whatever can be taken as it is, is: a cursor or a signature may not survive being spelled otherwise.
    """
    try:
        whole, parts = urljoin(url, link), urlsplit(url)
        urlsplit(whole)
    except ValueError:
        raise BadLink(f"{text.name(link, 200)} is no address") from None
    if _SCHEME.match(link):
        return link
    if link.startswith("//"):
        return f"{parts.scheme}:{link}"
    if link.startswith("/"):
        return f"{parts.scheme}://{parts.netloc}{link}"
    return str(whole)
