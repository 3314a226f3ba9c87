"""A real OPA server, asked over its REST API: ``POST /v0/data/io/k8s/image_policy/verify``."""

from __future__ import annotations

import http.client
import json
from typing import Any, Final
from urllib.parse import urlsplit

from ...ports.policy import Answered, Exceeded, Failed, Outcome, Revision, Undefined, Unreachable

MAX_ANSWER: Final = 8 << 20
PATH: Final = "/v0/data/io/k8s/image_policy/verify"


class OpaEngine:
    """Asks one OPA. Connections are not kept: the server decides for a few reviews a second at most."""

    def __init__(self, url: str, *, timeout: float = 2.0, path: str = PATH) -> None:
        """``url`` is ``http://host:port``; raises :class:`ValueError` on anything else."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not the URL of an OPA server: {url}")
        self._https = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port or (443 if self._https else 8181)
        self._path = parts.path.rstrip("/") + path
        self._timeout = timeout
        self.url = url

    def decide(self, document: Any) -> Outcome:
        """See the port."""
        from ...rego import to_json

        kind = http.client.HTTPSConnection if self._https else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout)
        try:
            connection.request("POST", self._path, to_json(document).encode(), {"Content-Type": "application/json"})
            response = connection.getresponse()
            body = response.read(MAX_ANSWER + 1)
        except TimeoutError:
            return Exceeded(f"{self.url} did not answer within {self._timeout:g} s")
        except (OSError, http.client.HTTPException) as e:
            return Unreachable(f"{self.url}: {e or type(e).__name__}")
        finally:
            connection.close()
        return self._outcome(response.status, body)

    def _outcome(self, status: int, body: bytes) -> Outcome:
        if len(body) > MAX_ANSWER:
            return Failed(f"{self.url} answered with more than {MAX_ANSWER >> 20} MiB")
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            return Failed(f"{self.url} answered {status} with something that is not JSON")
        if status == 200:
            return Answered(found)
        text = str(found.get("message", ""))[:500] if isinstance(found, dict) else ""
        if status == 404:
            return Undefined(text or "the document is undefined")
        return Failed(f"{self.url} answered {status}: {text}")

    def revision(self) -> Revision:
        """Unknown: the server does not say."""
        return Revision("opa", "opa")

    def ready(self) -> str:
        """Empty when OPA's health check answers."""
        kind = http.client.HTTPSConnection if self._https else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout)
        try:
            connection.request("GET", "/health")
            return "" if connection.getresponse().status == 200 else f"{self.url} is not healthy"
        except (OSError, http.client.HTTPException) as e:
            return f"{self.url} cannot be reached: {e}"
        finally:
            connection.close()
