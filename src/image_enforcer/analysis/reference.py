"""Image references, parsed and normalised exactly as container runtimes do.

Source: the grammar and the normalisation of distribution/reference (``ParseDockerRef``, which runtimes call), with the
sha384 and sha512 digests that Kubernetes registers. The path of a repository is at most 255 characters, a tag 128; a
host has no limit of its own.

In one point it is stricter: ``my_host.example/a``, whose first part can only be meant as a host but is none. There the
source gives a name without a host, and runtimes differ about where they would pull it from.
"""

from __future__ import annotations

import re
from typing import Final

from ..domain.reference import ImageReference
from . import addresses
from .digest import PATTERN

_COMPONENT: Final = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST_PART: Final = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST: Final = re.compile(rf"({_HOST_PART}(?:\.{_HOST_PART})*|\[[a-fA-F0-9:]+\])(?::([0-9]+))?", re.ASCII)
_PATH: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_DIGEST: Final = re.compile(PATTERN, re.ASCII)
_IDENTIFIER: Final = re.compile(r"[a-f0-9]{64}", re.ASCII)
MAX_PATH: Final = 255
DEFAULT_REGISTRY: Final = "docker.io"


class BadReference(ValueError):
    """An image string that no runtime would take; the text says what is wrong with it."""


def parse(text: str) -> ImageReference:
    """Parse and normalise; raises :class:`BadReference`. A tag is given up where there is a digest, as runtimes do."""
    if not text:
        raise BadReference("it is empty")
    if _IDENTIFIER.fullmatch(text):
        raise BadReference("64 hexadecimal digits are an image id, not a name")
    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise BadReference("its digest is not sha256, sha384 or sha512 in lower-case hexadecimal digits")
    host, path = _split(rest)
    name, colon, tag = path.rpartition(":") if ":" in path else (path, "", "")
    if colon and not _TAG.fullmatch(tag):
        raise BadReference("its tag is not letters, digits, '_', '.' or '-', at most 128 of them")
    if name != name.lower():
        raise BadReference("its repository has upper-case letters")
    if len(name) > MAX_PATH:
        raise BadReference(f"its repository is longer than {MAX_PATH} characters")
    if not _PATH.fullmatch(name):
        raise BadReference("its repository is not lower-case names separated by '/'")
    return ImageReference(
        registry=host, repository=name, tag=None if at else (tag or "latest"), digest=digest if at else None
    )


def is_registry(text: str) -> bool:
    """Whether a text can be the name of a registry: a host with an optional port."""
    found = _HOST.fullmatch(text)
    return found is not None and len(found[2] or "") <= 5 and addresses.is_host(found[1].strip("[]"))


def is_tag(text: str) -> bool:
    """Whether a text can be a tag."""
    return _TAG.fullmatch(text) is not None


def _split(text: str) -> tuple[str, str]:
    """The registry and the rest: a first part is a host when it could be nothing else."""
    first, slash, rest = text.partition("/")
    if slash and (any(c in first for c in ".:") or first == "localhost" or first != first.lower()):
        if not _HOST.fullmatch(first):
            raise BadReference("its registry is not a host with an optional port")
        host = DEFAULT_REGISTRY if first == "index.docker.io" else first
        return host, _official(host, rest)
    return DEFAULT_REGISTRY, _official(DEFAULT_REGISTRY, text)


def _official(host: str, path: str) -> str:
    return f"library/{path}" if host == DEFAULT_REGISTRY and "/" not in path else path
