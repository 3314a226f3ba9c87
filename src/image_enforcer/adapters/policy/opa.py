"""A real OPA server, asked over its REST API: ``POST /v0/data/<entry point>``, the review as the body."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import quote, urlsplit

from ...ports.policy import Answered, Exceeded, Failed, Outcome, Revision, Undefined, Unreachable, UnusablePolicy
from .connections import Connection, Idle, TooMuch

MAX_ANSWER: Final = 8 << 20
"""Bytes of an answer beyond which it is not read."""
MAX_IDLE: Final = 32
"""Connections that are kept between questions."""
_MAX_MESSAGE: Final = 500
_REVISION: Final = Revision("opa", "opa")
_GONE: Final = (
    http.client.RemoteDisconnected,
    BrokenPipeError,
    ConnectionResetError,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
)


class OpaEngine:
    """Asks one OPA. Connections are kept and shared between threads; no proxy is used, no redirect followed."""

    blocking: Final = True

    def __init__(
        self,
        url: str,
        encode: Callable[[Any], bytes],
        decode: Callable[[bytes], Any] = json.loads,
        *,
        entry_point: Sequence[str],
        seconds: float = 2.0,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``url`` is ``http://host:port`` or ``https://host:port``, a path before ``/v0`` allowed; raises
        :class:`UnusablePolicy` on anything else. ``encode`` writes a review as JSON and ``decode`` reads an answer,
        numbers as they came; both raise :class:`ValueError`. Without ``tls`` the system's authorities are trusted."""
        secure, self._host, port, self._base = _parts(url)
        self._tls = (tls if tls is not None else ssl.create_default_context()) if secure else None
        self._port = port
        self._path = f"{self._base}/v0/data/" + "/".join(quote(p, safe="") for p in entry_point)
        self._encode = encode
        self._decode = decode
        self._seconds = seconds
        self._clock = clock
        self._idle = Idle(MAX_IDLE)
        self.url = url

    def decide(self, document: Any, seconds: float | None = None) -> tuple[Outcome, Revision]:
        """See the port. A kept connection that OPA closes meanwhile is replaced once."""
        limit = self._seconds if seconds is None else min(seconds, self._seconds)
        until = self._clock() + limit
        try:
            body = self._encode(document)
        except (ValueError, RecursionError) as e:
            return Failed(f"the review cannot be written as JSON: {e}"), _REVISION
        try:
            kept = self._idle.take()
            answer = None if kept is None else self._exchange(kept, "POST", self._path, body, until)
            answer = answer or self._exchange(self._open(), "POST", self._path, body, until)
        except TimeoutError:
            return Exceeded(f"{self.url} did not answer within {limit:g} s", time=True), _REVISION
        except TooMuch:
            return self._too_much(), _REVISION
        except http.client.IncompleteRead:
            return Unreachable(f"{self.url} cut its answer short"), _REVISION
        except (OSError, http.client.HTTPException, ValueError) as e:
            return Unreachable(f"{self.url}: {_why(e)}"), _REVISION
        if answer is None:
            return Unreachable(f"{self.url} closes its connections without an answer"), _REVISION
        return self._outcome(*answer), _REVISION

    def _open(self) -> Connection:
        return Connection(self._host, self._port, tls=self._tls, clock=self._clock, most=MAX_ANSWER)

    def _exchange(
        self, connection: Connection, method: str, path: str, body: bytes | None, until: float
    ) -> tuple[int, bytes] | None:
        """Status and body of one answer; None where the connection was closed before an answer began."""
        keep = False
        connection.until = until
        try:
            try:
                connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
                response = connection.getresponse()
            except _GONE:
                return None
            with response:
                answer = response.read(MAX_ANSWER + 1)
                if len(answer) <= MAX_ANSWER:
                    answer += response.read()  # raises where the answer ends before its announced length
                # After an interim status (1xx) the real answer may follow, and would be taken for the next one.
                keep = not response.will_close and response.isclosed() and response.status >= 200
                return response.status, answer
        finally:
            if keep:
                self._idle.keep(connection)
            else:
                connection.close()

    def _too_much(self) -> Failed:
        return Failed(f"{self.url} answered with more than {MAX_ANSWER >> 20} MiB")

    def _outcome(self, status: int, body: bytes) -> Outcome:
        if len(body) > MAX_ANSWER:
            return self._too_much()
        if 300 <= status < 400:
            return Failed(f"{self.url} answered {status}, a redirect, which is not followed: give the final address")
        try:
            found = self._decode(body)
        except (ValueError, RecursionError):
            return Failed(f"{self.url} answered {status} with something that is not JSON")
        if status == 200:
            return Answered(found)
        code, text = _fault(found)
        if status == 404 and code == "undefined_document":
            return Undefined(text, no_policy=text.startswith("document missing"))
        return Failed(f"{self.url} answered {status}: {text}")

    def revision(self) -> Revision:
        """Unknown: the server does not say."""
        return _REVISION

    def reload(self) -> str:
        """Nothing to do: OPA loads its policies and data itself."""
        return ""

    def ready(self) -> str:
        """Empty when OPA's health check answers."""
        try:
            answer = self._exchange(self._open(), "GET", f"{self._base}/health", None, self._clock() + self._seconds)
        except TimeoutError:
            return f"{self.url} did not answer within {self._seconds:g} s"
        except (OSError, http.client.HTTPException, ValueError) as e:
            return f"{self.url} cannot be reached: {_why(e)}"
        if answer is None:
            return f"{self.url} cannot be reached: it closes its connections"
        return "" if answer[0] == 200 else f"{self.url} is not healthy: its health check answered {answer[0]}"

    def close(self) -> None:
        """Close the kept connections; the engine can be asked all the same."""
        self._idle.close()


def _parts(url: str) -> tuple[bool, str, int, str]:
    """Whether over TLS, the host, the port and the path before ``/v0``; raises :class:`UnusablePolicy`."""
    if "@" in url:
        raise UnusablePolicy("the URL of an OPA server may not hold a password; leave the part before '@' out")
    wrong = UnusablePolicy(f"{url}: not the URL of an OPA server; write http://host:port")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
        host.encode("idna")
    except ValueError:
        raise wrong from None
    secure = parts.scheme == "https"
    visible = all("!" <= c <= "~" for c in parts.path)
    if not (secure or parts.scheme == "http") or not host or parts.query or parts.fragment or port == 0 or not visible:
        raise wrong
    return secure, host, port or (443 if secure else 8181), parts.path.rstrip("/")


def _fault(found: Any) -> tuple[str, str]:
    """The code and the text of OPA's error document; the first single error says more than the message above it."""
    if not isinstance(found, dict):
        return "", "no error document"
    texts = [str(found.get("message", ""))]
    errors = found.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        texts.append(f"{errors[0].get('code', '')}: {errors[0].get('message', '')}")
    return str(found.get("code", "")), ": ".join(texts)[:_MAX_MESSAGE]


def _why(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else None
    return (reason or str(error) or type(error).__name__)[:_MAX_MESSAGE]
