"""A registry in memory that speaks HTTP: repositories with tags, manifests, blobs and referrers, who may read them,
and faults that are switched on for parts of it."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from .http import Connection, Reply, Request, Server
from .tokens import TokenServer

INDEX: Final = "application/vnd.oci.image.index.v1+json"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
CONFIG: Final = "application/vnd.oci.image.config.v1+json"
LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
_ROUTE: Final = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|tags|referrers)/(?P<last>[^/]+)")


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """The digest of content."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


@dataclass(slots=True)
class Stored:
    """A repository's content. Tags stand in the order in which they were made."""

    tags: dict[str, str] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)


Fault: TypeAlias = Callable[[Request, Reply, Connection, "FakeRegistry"], Awaitable[Reply | None]]
"""Something that goes wrong, from what would have been answered. Gives the answer, or None where it has seen to the
connection itself."""


@dataclass(slots=True)
class Switched:
    """A fault that is on: for which paths, and how many times more (None: always)."""

    fault: Fault
    part: str
    times: int | None = None


class FakeRegistry(Server):
    """See the module. ``auth`` is "", "basic" or "bearer"; what is ``private`` is for users only, and "*" is all."""

    def __init__(
        self, *, auth: str = "", private: frozenset[str] = frozenset(), page: int = 100, absolute: bool = False,
        says_digest: bool = True, referrers: bool = True, ranges: bool = True, elsewhere: str = "",
        tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        super().__init__(self._answer, tls, host)
        self.auth = auth
        self.private = private
        self.page = page
        self.absolute = absolute
        self.says_digest = says_digest
        self.referrers = referrers
        self.ranges = ranges
        self.elsewhere = elsewhere
        """Where blobs are: they are redirected there, with a signature behind the question mark."""
        self.repositories: dict[str, Stored] = {}
        self.tokens = TokenServer(clock=clock)
        self.seen: list[Request] = []
        self.filters = False
        """Whether it sifts referrers by their type, and says so."""
        self.headers: dict[str, str] = {}
        """What every answer says besides."""
        self._cursors: dict[str, int] = {}
        self._switched: list[Switched] = []

    # --- what it holds ---------------------------------------------------------------------------

    def blob(self, name: str, content: bytes, algorithm: str = "sha256") -> str:
        """Keep content; its digest."""
        digest = digest_of(content, algorithm)
        self._stored(name).blobs[digest] = content
        return digest

    def manifest(
        self, name: str, content: bytes, media_type: str = MANIFEST, tag: str = "", algorithm: str = "sha256"
    ) -> str:
        """Keep a manifest as it is; its digest."""
        digest = digest_of(content, algorithm)
        stored = self._stored(name)
        stored.manifests[digest] = media_type, content
        if tag:
            stored.tags[tag] = digest
        return digest

    def image(self, name: str, tag: str = "", layers: tuple[bytes, ...] = (b"layer",), **more: Any) -> str:
        """Keep an image with its layers; its digest."""
        content = json.dumps(image_of(layers, **more)).encode()
        for blob in (b"{}", *layers):
            self.blob(name, blob)
        return self.manifest(name, content, MANIFEST, tag)

    def _stored(self, name: str) -> Stored:
        return self.repositories.setdefault(name, Stored())

    # --- what happened ---------------------------------------------------------------------------

    def switch(self, fault: Fault, part: str = "/", times: int | None = None) -> None:
        """A fault for all paths in which a part stands."""
        self._switched.append(Switched(fault, part, times))

    def counts(self) -> Counter[tuple[str, str]]:
        """How often each path was asked for, by method."""
        return Counter((request.method, request.path) for request in self.seen)

    def count(self, method: str, part: str) -> int:
        """How often something was asked for in whose path a part stands."""
        return sum(1 for request in self.seen if request.method == method and part in request.path)

    @property
    def credentials(self) -> set[str]:
        """All that came here as ``Authorization``."""
        return {request.authorization for request in self.seen if request.authorization}

    # --- answering -------------------------------------------------------------------------------

    async def _answer(self, request: Request, connection: Connection) -> Reply | None:
        self.seen.append(request)
        reply: Reply | None = self._reply(request)
        assert reply is not None
        reply.headers = {**self.headers, **reply.headers}
        for switched in self._switched:
            if switched.part in request.path and switched.times != 0:
                if switched.times is not None:
                    switched.times -= 1
                return await switched.fault(request, reply, connection, self)
        return reply

    def _reply(self, request: Request) -> Reply:
        if request.path == "/token":
            return self.tokens.answer(request)
        if request.path.startswith("/cdn/"):
            return self._blob(request, request.path.removeprefix("/cdn/"), self._all_blobs())
        route = _ROUTE.fullmatch(request.path)
        name = route["name"] if route else ""
        refused = self._refused(request, name)
        if refused is not None:
            return refused
        if route is None:
            return Reply(body=b"{}") if request.path == "/v2/" else error(404, "NOT_FOUND")
        stored = self.repositories.get(name)
        if stored is None:
            return error(404, "NAME_UNKNOWN")
        match route["kind"]:
            case "manifests":
                return self._manifest(request, route["last"], stored)
            case "blobs" if self.elsewhere:
                return Reply(status=307, headers={"Location": f"{self.elsewhere}/cdn/{route['last']}?signature=s3cret"})
            case "blobs":
                return self._blob(request, route["last"], stored.blobs)
            case "tags":
                return self._tags(request, name, stored)
            case _:
                return self._referrers(request, route["last"], stored)

    def _all_blobs(self) -> dict[str, bytes]:
        return {digest: blob for stored in self.repositories.values() for digest, blob in stored.blobs.items()}

    def _refused(self, request: Request, name: str) -> Reply | None:
        needs_user = name in self.private or "*" in self.private
        if self.auth == "basic":
            user = self.tokens.user(request.authorization)
            if user is None or (not user and needs_user):
                return challenged('Basic realm="basic-realm"')
        if self.auth == "bearer":
            scope = f"repository:{name}:pull"
            wanted = f'Bearer realm="{self.url}/token",service="fake"' + (f',scope="{scope}"' if name else "")
            kind, _, token = request.authorization.partition(" ")
            if kind != "Bearer":
                return challenged(wanted)
            until, user, scopes = self.tokens.issued.get(token, (0.0, "", frozenset()))
            if self.tokens.clock() >= until:
                return challenged(f'{wanted},error="invalid_token"')
            if name and scope not in scopes:
                return challenged(f'{wanted},error="insufficient_scope"')
            if needs_user and not user:
                return error(403, "DENIED")
        return None

    def _manifest(self, request: Request, reference: str, stored: Stored) -> Reply:
        digest = stored.tags.get(reference, reference)
        found = stored.manifests.get(digest)
        if found is None:
            return error(404, "MANIFEST_UNKNOWN")
        media_type, content = found
        if media_type not in request.headers.get("accept", ""):
            # As distribution: what the client does not say it takes is not there for it.
            return error(404, "MANIFEST_UNKNOWN", "manifest found, but accept header does not support it")
        headers = {"Content-Type": media_type}
        if self.says_digest:
            headers |= {"Docker-Content-Digest": digest, "Etag": f'"{digest}"'}
        if request.method == "HEAD":
            headers["Content-Length"] = str(len(content))
        return Reply(headers=headers, body=content)

    def _blob(self, request: Request, digest: str, blobs: dict[str, bytes]) -> Reply:
        content = blobs.get(digest)
        if content is None:
            return error(404, "BLOB_UNKNOWN")
        headers = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest}
        part = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", ""))
        if part is None or not self.ranges:
            return Reply(headers=headers, body=content)
        first = int(part[1]) if part[1] else len(content) - int(part[2])
        last = min(int(part[2]), len(content) - 1) if part[1] and part[2] else len(content) - 1
        if first > last:
            return Reply(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return Reply(status=206, headers=headers, body=content[first : last + 1])

    def _tags(self, request: Request, name: str, stored: Stored) -> Reply:
        query = dict(request.query)
        if "last" in query or ("cursor" in query and query["cursor"] not in self._cursors):
            return error(405, "UNSUPPORTED", "Invalid next token")
        begin = self._cursors.get(query.get("cursor", ""), 0)
        end = begin + min(self.page, int(query.get("n", self.page)))
        names = list(stored.tags)
        return self._paged(request, json.dumps({"name": name, "tags": names[begin:end]}), end, len(names))

    def _referrers(self, request: Request, subject: str, stored: Stored) -> Reply:
        if not self.referrers:
            return Reply(status=404, headers={"Content-Type": "text/plain"}, body=b"404 page not found\n")
        found: list[dict[str, Any]] = []
        for digest, (media_type, content) in stored.manifests.items():
            read = json.loads(content)
            if read.get("subject", {}).get("digest") == subject:
                kind = read.get("artifactType") or read.get("config", {}).get("mediaType", "")
                found.append({"mediaType": media_type, "digest": digest, "size": len(content), "artifactType": kind})
        query = dict(request.query)
        wanted = query.get("artifactType", "") if self.filters else ""
        found = [one for one in found if not wanted or one["artifactType"] == wanted]
        begin = self._cursors.get(query.get("cursor", ""), 0)
        end = begin + self.page
        reply = self._paged(request, json.dumps(index_of(found[begin:end])), end, len(found))
        reply.headers["Content-Type"] = INDEX
        if wanted:
            reply.headers["OCI-Filters-Applied"] = "artifactType"
        return reply

    def _paged(self, request: Request, body: str, end: int, of: int) -> Reply:
        headers = {"Content-Type": "application/json"}
        if end < of:
            cursor = secrets.token_urlsafe(6)
            self._cursors[cursor] = end
            base = self.url if self.absolute else ""
            headers["Link"] = f'<{base}{request.path}?cursor={cursor}>; rel="next"'
        return Reply(headers=headers, body=body.encode())


def challenged(how: str) -> Reply:
    """A 401."""
    reply = error(401, "UNAUTHORIZED")
    reply.headers["WWW-Authenticate"] = how
    return reply


def error(status: int, code: str, message: str = "") -> Reply:
    """An error in the specification's form."""
    said = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return Reply(status=status, headers={"Content-Type": "application/json"}, body=said)


def described(content: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    """A descriptor."""
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content), **more}


def image_of(layers: tuple[bytes, ...] = (b"layer",), **more: Any) -> dict[str, Any]:
    """A manifest."""
    return {
        "schemaVersion": 2, "mediaType": MANIFEST, "config": described(b"{}", CONFIG),
        "layers": [described(layer, LAYER) for layer in layers], **more,
    }  # fmt: skip


def index_of(manifests: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """An index."""
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests, **more}
