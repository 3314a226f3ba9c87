"""A Clair 2 with the manners of 2.1.0: chains of layers, 422, answers that are compressed, notifications in pages."""

import asyncio
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from tests.fakes.clair_images import Content, World
from tests.fakes.clair_wire import Reply, Request, Wire, document

JSON = "application/json;charset=utf-8"
LAYERS = "/v1/layers"
NOTIFICATIONS = "/v1/notifications/"
MAX_REQUEST = 1 << 20
ABSENT = "the resource cannot be found"
UNSUPPORTED = "worker: OS and/or package manager are not supported"


@dataclass
class Known:
    """A layer as Clair keeps it: its own content, and what it stands on."""

    name: str
    parent: str
    content: Content
    engine: int


def answer(status: int, value: Any) -> Reply:
    return document(status, value, JSON, Server="clair")


def refusal(status: int, message: str) -> Reply:
    return answer(status, {"Error": {"Message": message}})


class FakeClairV1(Wire):
    """``engine`` is what it looks with; ``gate`` holds it up while it looks at a layer.

    Before the POSTs that ``forgets`` counts, from 1, it loses all it knew; with ``failing`` all of them fail so.
    """

    def __init__(self, world: World) -> None:
        super().__init__(self._route)
        self.world = world
        self.engine = 3
        self.known: dict[str, Known] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.looking = asyncio.Event()
        self.notifications: dict[str, list[str]] = {}
        self.read: set[str] = set()
        self.looked = 0
        self.posted = 0
        self.forgets: Container[int] = ()
        self.failing = ""

    async def _route(self, request: Request) -> Reply:
        path = request.path
        match request.method, path:
            case "POST", "/v1/layers":
                return await self._post(request)
            case "GET", "/v1/namespaces":
                return answer(200, {"Namespaces": [{"Name": "debian:12", "VersionFormat": "dpkg"}]})
            case "GET", _ if path.startswith(LAYERS + "/"):
                return self._get(request, path.rpartition("/")[2])
            case "DELETE", _ if path.startswith(LAYERS + "/"):
                return self._delete(path.rpartition("/")[2])
            case "GET" | "DELETE", _ if path.startswith(NOTIFICATIONS):
                return self._notification(request, path.removeprefix(NOTIFICATIONS))
            case _:
                return Reply(404, b"404 page not found\n", {"Content-Type": "text/plain; charset=utf-8"})

    async def _post(self, request: Request) -> Reply:
        self.posted += 1
        if self.posted in self.forgets:
            self.known.clear()
        if self.failing:
            return refusal(500, self.failing)
        if len(request.body) > MAX_REQUEST:
            return refusal(400, "unexpected EOF")
        try:
            layer = request.json().get("Layer")
        except ValueError:
            return refusal(400, "unexpected EOF")
        if not layer:
            return refusal(400, "failed to provide layer")
        name, path = layer["Name"], layer["Path"]
        parent = layer.get("ParentName", "")
        if parent and parent not in self.known:
            return refusal(400, "worker: parent layer is unknown, it must be processed first")
        stored = self.known.get(name)
        if stored is None or stored.engine < self.engine:
            self.looking.set()
            await self.gate.wait()
            content = self._fetched(path, layer.get("Headers", {}))
            if content is None:
                return refusal(400, "could not find layer")
            if content.broken:
                return refusal(422, "could not extract layer: unknown format")
            if content.packages and not (content.system or self._system(parent)):
                return refusal(422, UNSUPPORTED)
            self.known[name] = Known(name, parent, content, self.engine)
            self.looked += 1
        told = {"Name": name, "Path": path, "ParentName": parent, "Format": "Docker", "IndexedByVersion": self.engine}
        return answer(201, {"Layer": {key: value for key, value in told.items() if value}})

    def _fetched(self, path: str, headers: dict[str, str]) -> Content | None:
        for digest, content in self.world.layers.items():
            if path.endswith(digest):
                return content if not content.private or "Authorization" in headers else None
        return None

    def _chain(self, name: str) -> list[Known]:
        """A layer and those below it, the base first."""
        found: list[Known] = []
        while name:
            found.append(self.known[name])
            name = found[-1].parent
        return found[::-1]

    def _system(self, name: str) -> str:
        return next((k.content.system for k in reversed(self._chain(name)) if k.content.system), "")

    def _get(self, request: Request, name: str) -> Reply:
        if name not in self.known:
            return refusal(404, ABSENT)
        known = self.known[name]
        layer: dict[str, Any] = {"Name": known.name, "IndexedByVersion": known.engine}
        system = self._system(name)
        if system:
            layer["NamespaceName"] = system
        if known.parent:
            layer["ParentName"] = known.parent
        if "features" in request.query or "vulnerabilities" in request.query:
            features = self._features(name, system, "vulnerabilities" in request.query)
            if features:
                layer["Features"] = features
        return answer(200, {"Layer": layer})

    def _features(self, name: str, system: str, flawed: bool) -> list[dict[str, Any]]:
        """Sources, each once, with the layer that was the first to bring something of it."""
        found: dict[str, dict[str, Any]] = {}
        for known in self._chain(name):
            for package in known.content.packages:
                feature: dict[str, Any] = {
                    "Name": package.source, "NamespaceName": system, "VersionFormat": "dpkg",
                    "Version": package.version, "AddedBy": known.name,
                }  # fmt: skip
                flaws = [self._flaw(flaw, system) for flaw in self.world.flaws if flaw.source == package.source]
                if flaws and flawed:
                    feature["Vulnerabilities"] = flaws
                found.setdefault(package.source, feature)
        return list(found.values())

    def _flaw(self, flaw: Any, system: str) -> dict[str, Any]:
        told = {
            "Name": flaw.name, "NamespaceName": system, "Description": f"{flaw.name} in words",
            "Link": f"https://e.invalid/{flaw.name}", "Severity": flaw.severity, "FixedBy": flaw.fixed_in,
        }  # fmt: skip
        return {key: value for key, value in told.items() if value}

    def _delete(self, name: str) -> Reply:
        if name not in self.known:
            return refusal(404, ABSENT)
        self.known = {key: known for key, known in self.known.items() if name not in [k.name for k in self._chain(key)]}
        return Reply(200)

    def _notification(self, request: Request, name: str) -> Reply:
        layers = self.notifications.get(name)
        if layers is None:
            return refusal(404, ABSENT)
        if request.method == "DELETE":
            self.read.add(name)  # and served for a while longer
            return Reply(200)
        if "limit" not in request.query:
            return refusal(400, "must provide limit query parameter")
        limit, start = int(request.query["limit"]), int(request.query.get("page", "0"))
        ordered = [{"Index": n + 1, "LayerName": layer} for n, layer in enumerate(layers)][start : start + limit]
        told: dict[str, Any] = {
            "Name": name, "Created": "1795401976", "Limit": limit,
            "New": {"Vulnerability": {"Name": "CVE-1"}, "OrderedLayersIntroducingVulnerability": ordered},
        }  # fmt: skip
        if start + limit < len(layers):
            told["NextPage"] = str(start + limit)
        return answer(200, {"Notification": told})
