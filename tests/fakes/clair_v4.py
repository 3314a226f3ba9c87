"""A Clair v4 with the manners of 4.9.0: its statuses, media types, cut-off refusals, stored failures and 202."""

import asyncio
import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable
from typing import Any

import aiohttp

from tests.fakes.clair_images import Content, Flaw, Installed, World
from tests.fakes.clair_wire import Reply, Request, Wire, document

INDEXER = "/indexer/api/v1/index_report"
NOTIFIER = "/notifier/api/v1/notification/"
STATE = "application/vnd.clair.index_state.v1+json"
REPORT = "application/vnd.clair.index_report.v1+json"
TEXT = "text/plain; charset=utf-8"
LEEWAY = 15


def refusal(status: int, code: str, message: str) -> Reply:
    return document(status, {"code": code, "message": message})


class FakeClairV4(Wire):
    """``state`` is what it looks with; ``updated`` whether it knows vulnerabilities; ``gate`` holds indexing up.

    It takes its world's word for what layers hold. With ``cannot_reach`` it fetches them, from elsewhere than there.
    """

    def __init__(
        self, world: World, *, at_once: int = 8, key: str = "", issuers: tuple[str, ...] = (),
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:  # fmt: skip
        super().__init__(self._route)
        self.world = world
        self.state = "cb31df8269833698891b35a63251a81a"
        self.updated = True
        self.gate = asyncio.Event()
        self.gate.set()
        self.indexing = asyncio.Event()
        self.cannot_reach = ""
        self.notifications: dict[str, list[tuple[str, str]]] = {}
        self.read: set[str] = set()
        self.pulled: list[tuple[str, int]] = []
        self._key = key
        self._issuers = ("clair-intraservice", *issuers)
        self._clock = clock
        self._slots = at_once
        self._reports: dict[str, dict[str, Any]] = {}
        self._under: dict[str, str] = {}
        self._fetched: dict[str, Content] = {}

    def confuse(self, digest: str, other: str) -> None:
        """From now on, what it says of one image is about another."""
        self._reports[digest] = self._reports[other]

    def abandon(self, digest: str) -> None:
        """What is left behind where a client went away while its image was indexed."""
        self._reports[digest] = _report(digest, "")

    async def _route(self, request: Request) -> Reply:
        if self._key and not self._authorised(request):
            return Reply(401)
        path = request.path
        match request.method, path:
            case "GET", "/indexer/api/v1/index_state":
                return document(200, {"state": self.state}, STATE, Etag=f'"{self.state}"')
            case "POST", "/indexer/api/v1/index_report":
                return await self._post(request)
            case "POST", "/indexer/api/v1/internal/affected_manifest":
                return Reply(307, headers={"Location": path + "/"})
            case "POST", "/indexer/api/v1/internal/affected_manifest/":
                return self._affected(request)
            case "GET", _ if path.startswith(INDEXER + "/"):
                return self._get(request, path.rpartition("/")[2])
            case "DELETE", _ if path.startswith(INDEXER + "/"):
                self._reports.pop(path.rpartition("/")[2], None)
                return Reply(204)
            case "GET", _ if path.startswith("/matcher/api/v1/vulnerability_report/"):
                return self._match(path.rpartition("/")[2])
            case "GET" | "DELETE", _ if path.startswith(NOTIFIER):
                return self._notification(request, path.removeprefix(NOTIFIER))
            case _:
                return Reply(404, b"404 page not found\n", {"Content-Type": TEXT})

    # --- the indexer -----------------------------------------------------------------------------

    async def _post(self, request: Request) -> Reply:
        if self._slots <= 0:
            reply = refusal(429, "too-many-requests", "server handling too many requests")
            return Reply(429, reply.body, reply.headers, plain=True, cut=True)
        try:
            manifest = request.json()
            digest, layers = manifest["hash"], manifest["layers"]
        except (ValueError, KeyError, TypeError):
            return refusal(400, "bad-request", "failed to deserialize manifest: EOF")
        if not layers or any(not isinstance(v, list) for layer in layers for v in layer["headers"].values()):
            return refusal(400, "bad-request", "failed to deserialize manifest: json")
        if request.headers.get("if-none-match") == f'"{self.state}"':
            return Reply(412)
        self._slots -= 1
        try:
            return await self._index(digest, layers)
        finally:
            self._slots += 1

    async def _index(self, digest: str, layers: list[dict[str, Any]]) -> Reply:
        stored = self._reports.get(digest)
        if stored is None or not stored["success"] or self._under.get(digest) != self.state:
            self._reports[digest] = _report(digest, "FetchLayers")
            self.indexing.set()
            await self.gate.wait()
            status, error = self._fetch(layers)
            if not error and self.cannot_reach:
                status, error = await self._pull(layers)
            if error:
                self._reports[digest] = _report(digest, "IndexError", err=error)
                code = "bad-request" if status == 400 else "internal-error"
                return refusal(status, code, f"failed to start scan: {error}")
            self._reports[digest] = self._looked(digest, [layer["hash"] for layer in layers])
            self._under[digest] = self.state
        # JSON, and said to be text: so the real one.
        return document(201, self._reports[digest], TEXT, Etag=f'"{self.state}"', Location=f"{INDEXER}/{digest}")

    def _fetch(self, layers: list[dict[str, Any]]) -> tuple[int, str]:
        """Fetch what was never fetched; gives a status and an error."""
        failed = "failed to fetch layers: fetcher: encountered errors: "
        for layer in layers:
            content = self.world.layers.get(layer["hash"])
            if layer["hash"] in self._fetched:
                continue
            if content is None or not layer["uri"].startswith("http"):
                return 500, failed + 'unexpected status code: 404 Not Found (body starts: "{}")'
            if content.private and "Authorization" not in layer["headers"]:
                return 500, failed + 'unexpected status code: 401 Unauthorized (body starts: "{}")'
            if content.broken:
                return 400, failed + "unable to create fs.FS: tarfs: error finding segments: unexpected EOF at 0: EOF"
            self._fetched[layer["hash"]] = content
        return 0, ""

    async def _pull(self, layers: list[dict[str, Any]]) -> tuple[int, str]:
        """Fetch them in earnest; gives a status and an error."""
        failed = "failed to fetch layers: fetcher: encountered errors: "
        async with aiohttp.ClientSession() as session:
            for layer in layers:
                if layer["uri"].startswith(self.cannot_reach):
                    return 500, failed + "dial tcp: no route to host"
                async with session.get(layer["uri"]) as answer:
                    body = await answer.read()
                    self.pulled.append((layer["uri"], answer.status))
                    if answer.status != 200:
                        return 500, f'{failed}unexpected status code: {answer.status} (body starts: "{body[:200]!r}")'
                    if f"sha256:{hashlib.sha256(body).hexdigest()}" != layer["hash"]:
                        return 500, failed + "validation failed"
        return 0, ""

    def _looked(self, digest: str, layers: list[str]) -> dict[str, Any]:
        systems = [self._fetched[layer].system for layer in layers if self._fetched[layer].system]
        report = _report(digest, "IndexFinished", success=True)
        if systems:
            report["distributions"]["1"] = _distribution(systems[-1])
        for layer in layers:
            for package in self._fetched[layer].packages:
                report["packages"][package.key] = _package(package)
                report["environments"].setdefault(
                    package.key,
                    [
                        {
                            "package_db": "var/lib/dpkg/status", "introduced_in": layer,
                            "distribution_id": "1" if systems else "", "repository_ids": None,
                        }
                    ],
                )  # fmt: skip
        return report

    def _get(self, request: Request, digest: str) -> Reply:
        if request.headers.get("if-none-match") == f'"{self.state}"':
            return Reply(304)
        if digest not in self._reports:
            return refusal(404, "not-found", f"index report for manifest {digest!r} not found")
        return document(200, self._reports[digest], REPORT, Etag=f'"{self.state}"')

    def _affected(self, request: Request) -> Reply:
        wanted = {v["package"]["name"]: v["id"] for v in request.json()["vulnerabilities"]}
        found = {
            digest: sorted(wanted[p["source"]["name"]] for p in report["packages"].values()
                           if p["source"]["name"] in wanted)
            for digest, report in self._reports.items()
        }  # fmt: skip
        found = {digest: names for digest, names in found.items() if names}
        kind = "application/vnd.clair.affected_manifests.v1+json"
        return document(200, {"vulnerabilities": {}, "vulnerable_manifests": found}, kind)

    # --- the matcher and the notifier ------------------------------------------------------------

    def _match(self, digest: str) -> Reply:
        if not self.updated:
            return Reply(202)
        index = self._reports.get(digest)
        if index is None or index["state"] != "IndexFinished":
            return refusal(404, "not-found", f"index report for manifest {digest!r} not found")
        report = {name: index[name] for name in _PARTS}
        report.update(vulnerabilities={}, package_vulnerabilities={}, enrichments={})
        for number, flaw in enumerate(self.world.flaws, 1):
            for key, package in index["packages"].items():
                if package["source"]["name"] == flaw.source:
                    report["vulnerabilities"][str(number)] = _vulnerability(str(number), flaw)
                    report["package_vulnerabilities"].setdefault(key, []).append(str(number))
        return document(200, report, REPORT, Cache_Control="max-age=21600")

    def _notification(self, request: Request, identifier: str) -> Reply:
        entries = self.notifications.get(identifier)
        if request.method == "DELETE":
            if entries is None:
                reason = f"could not delete notification: no receipt exists for notification id {identifier}"
                return refusal(500, "internal-error", reason)
            self.read.add(identifier)  # and served for a while longer
            return Reply(200)
        size = int(request.query.get("page_size", "500"))
        start = int(request.query.get("next", "0"))
        shown = (entries or [])[start : start + size]
        where: dict[str, Any] = {"size": size}
        if start + size < len(entries or []):
            where["next"] = str(start + size)
        listed = [
            {"id": str(uuid.uuid4()), "manifest": manifest, "reason": reason, "vulnerability": {"name": "CVE-1"}}
            for manifest, reason in shown
        ]
        kind = "application/vnd.clair.notification_page.v1+json"
        return document(200, {"page": where, "notifications": listed}, kind)

    def _authorised(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        parts = token.split(".")
        if scheme != "Bearer" or len(parts) != 3:
            return False
        key = base64.b64decode(self._key)
        expected = hmac.digest(key, f"{parts[0]}.{parts[1]}".encode(), hashlib.sha256)
        padded = [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts]
        claims = json.loads(padded[1])
        now = self._clock()
        timely = claims["iat"] <= now + LEEWAY and claims.get("exp", now) >= now - LEEWAY
        return (
            json.loads(padded[0])["alg"] == "HS256" and hmac.compare_digest(padded[2], expected)
            and claims.get("iss") in self._issuers and timely
        )  # fmt: skip


_PARTS = ("manifest_hash", "packages", "distributions", "repository", "environments")


def _report(digest: str, state: str, success: bool = False, err: str = "") -> dict[str, Any]:
    return {
        "manifest_hash": digest, "state": state, "packages": {}, "distributions": {}, "repository": {},
        "environments": {}, "success": success, "err": err,
    }  # fmt: skip


def _package(package: Installed) -> dict[str, Any]:
    source = {"id": "1", "name": package.source, "version": package.version, "kind": "source"}
    return {
        "id": package.key, "name": package.name, "version": package.version, "kind": "binary",
        "source": {**source, "normalized_version": "", "cpe": ""}, "normalized_version": "", "arch": "amd64", "cpe": "",
    }  # fmt: skip


def _distribution(system: str) -> dict[str, Any]:
    name, _, version = system.partition(":")
    return {"id": "1", "did": name, "name": name, "version": f"{version} (name)", "version_id": version, "cpe": ""}


def _vulnerability(key: str, flaw: Flaw) -> dict[str, Any]:
    return {
        "id": key, "updater": "debian/updater", "name": flaw.name, "description": f"{flaw.name} in words",
        "links": f"https://e.invalid/{flaw.name} https://f.invalid/", "severity": flaw.severity.lower(),
        "normalized_severity": flaw.severity, "package": {"name": flaw.source, "kind": "source"},
        "repository": {"cpe": ""}, "fixed_in_version": flaw.fixed_in,
    }  # fmt: skip
