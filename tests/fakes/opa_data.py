"""The data interface of an OPA: PUT, GET and DELETE /v1/data/…, in memory and in a thread of its own."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from tests.fakes.registry.http import Connection, Reply, Request, Server


class FakeOpaData(Server):
    """``documents`` is what it holds. ``refuse`` says which requests are answered with what status instead."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.documents: dict[str, Any] = {}
        self.seen: list[tuple[str, str]] = []
        self.refuse: Callable[[str, str], int] = lambda method, path: 0

    def at(self, *steps: str) -> Any:
        """The document at a path; None where there is none."""
        found: Any = self.documents
        for step in steps:
            if not isinstance(found, dict) or step not in found:
                return None
            found = found[step]
        return found

    def count(self) -> Counter[str]:
        """How many requests of each method there were."""
        return Counter(method for method, _ in self.seen)

    def sent(self, method: str = "PUT") -> list[str]:
        """The paths of documents that were put or deleted, without the mark."""
        return [path for m, path in self.seen if m == method and not path.startswith("image_enforcer/")]

    async def _answer(self, request: Request, connection: Connection) -> Reply | None:
        steps = [unquote(step) for step in request.target.removeprefix("/v1/data/").split("/")]
        path = "/".join(steps)
        self.seen.append((request.method, path))
        await asyncio.sleep(0)
        status = self.refuse(request.method, path)
        if status == -1:
            connection.reset()
            return None
        if status:
            return Reply(status=status, body=b'{"code":"invalid_parameter","message":"not here"}')
        match request.method:
            case "GET":
                found = self.at(*steps)
                return Reply(body=json.dumps({} if found is None else {"result": found}).encode())
            case "PUT":
                parent = self.documents
                for step in steps[:-1]:
                    parent = parent.setdefault(step, {})
                parent[steps[-1]] = json.loads(request.body)
                return Reply(status=204)
            case "DELETE":
                if self.at(*steps) is None:
                    return Reply(status=404, body=b'{"code":"resource_not_found","message":"storage_not_found_error"}')
                self.at(*steps[:-1]).pop(steps[-1])
                return Reply(status=204)
            case _:
                return Reply(status=405)
