"""A real OPA server, asked over its REST API: ``POST /v0/data/<entry point>``, the review as the body."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import quote, urlsplit

from ...ports.policy import Answered, Exceeded, Failed, Outcome, Revision, Undefined, Unreachable, UnusablePolicy

MAX_ANSWER: Final = 8 << 20
"""Bytes of an answer beyond which it is not read."""
_REVISION: Final = Revision("opa", "opa")
_GONE: Final = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, http.client.CannotSendRequest)


class OpaEngine:
    """Asks one OPA; each thread keeps a connection of its own."""

    blocking: Final = True

    def __init__(
        self,
        url: str,
        encode: Callable[[Any], bytes],
        *,
        entry_point: Sequence[str],
        seconds: float = 2.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``url`` is ``http://host:port`` or ``https://host:port``, a path before ``/v0`` allowed; raises
        :class:`UnusablePolicy` on anything else. ``encode`` writes a review as JSON, numbers as they came."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise UnusablePolicy(f"{url}: not the URL of an OPA server; write http://host:port") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise UnusablePolicy(f"{url}: not the URL of an OPA server; write http://host:port")
        if parts.username or parts.password:
            raise UnusablePolicy("the URL of an OPA server may not hold a password; leave the part before '@' out")
        self._tls = tls if tls is not None or parts.scheme == "http" else ssl.create_default_context()
        self._host = parts.hostname
        self._port = port or (443 if self._tls is not None else 8181)
        self._base = parts.path.rstrip("/")
        self._path = f"{self._base}/v0/data/" + "/".join(quote(p, safe="") for p in entry_point)
        self._encode = encode
        self._seconds = seconds
        self._kept = threading.local()
        self.url = url

    def _open(self, seconds: float) -> http.client.HTTPConnection:
        if self._tls is not None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=seconds, context=self._tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=seconds)

    def decide(self, document: Any, seconds: float | None = None) -> tuple[Outcome, Revision]:
        """See the port. A kept connection that OPA has closed meanwhile is replaced once."""
        limit = self._seconds if seconds is None else min(seconds, self._seconds)
        body = self._encode(document)
        kept: http.client.HTTPConnection | None = getattr(self._kept, "connection", None)
        if kept is not None:
            outcome = self._ask(kept, body, limit)
            if outcome is not None:
                return outcome, _REVISION
        outcome = self._ask(self._open(limit), body, limit)
        return outcome or Unreachable(f"{self.url} closes its connections"), _REVISION

    def _ask(self, connection: http.client.HTTPConnection, body: bytes, seconds: float) -> Outcome | None:
        """One exchange; None where the connection was closed before an answer began."""
        self._kept.connection = None
        keep = False
        try:
            if connection.sock is not None:
                connection.sock.settimeout(seconds)
            connection.request("POST", self._path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read(MAX_ANSWER + 1)
            keep = not response.will_close and response.isclosed()
        except _GONE:
            return None
        except TimeoutError:
            return Exceeded(f"{self.url} did not answer within {seconds:g} s")
        except (OSError, http.client.HTTPException) as e:
            return Unreachable(f"{self.url}: {str(e) or type(e).__name__}")
        finally:
            if keep:
                self._kept.connection = connection
            else:
                connection.close()
        return self._outcome(response.status, answer)

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
        return _REVISION

    def reload(self) -> str:
        """Nothing to do: OPA loads its policies and data itself."""
        return ""

    def ready(self) -> str:
        """Empty when OPA's health check answers."""
        connection = self._open(self._seconds)
        try:
            connection.request("GET", f"{self._base}/health")
            return "" if connection.getresponse().status == 200 else f"{self.url} is not healthy"
        except (OSError, http.client.HTTPException) as e:
            return f"{self.url} cannot be reached: {e}"
        finally:
            connection.close()
