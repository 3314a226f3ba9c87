"""Reviews over HTTP: every POST on a review path is answered 200 with an ImageReview, however broken it is.

Any other status than 200 is taken by an API server for a webhook that does not work, after which one that fails open
admits the Pod. So whatever goes wrong from the first byte of the body on ends in ``allowed: false`` and a reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from ..analysis import review as reading
from ..asgi import Receive, Scope, Send
from ..domain.review import Cause, Decision, Refusal, Review
from ..ports.policy import Outcome, Revision
from ..rego.builtins import durations
from ..rego.errors import BuiltinError
from ..services import decide
from ..services.asking import Asking
from ..services.decide import Guard
from ..settings import Bounds
from . import replies
from .decision_log import DecisionLog, Entry, may_hold_secrets
from .metrics import Metrics
from .pace import Pace
from .protocol import TRIED, Client, Headers
from .tokens import Tokens

MAX_DURATION: Final = 40
"""Characters of a length of time."""
PATHS: Final = ("/image-policy", "/v0/data/io/k8s/image_policy/verify")
_JSON: Final = (b"content-type", b"application/json")
_CLOSE: Final = (b"connection", b"close")
_INTERNAL: Final = Refusal(
    cause=Cause.INTERNAL, text="the enforcer failed on this review", remedy="see its log, and report the fault"
)
_INTERNAL_REFUSED: Final = decide.refuse(_INTERNAL)
_OVERLOAD: Final = Refusal(
    cause=Cause.OVERLOAD, text="too many reviews wait for an answer", remedy="try again; run more replicas"
)
_UNAUTHENTICATED: Final = Refusal(
    cause=Cause.UNAUTHENTICATED, text="the request carries no valid token",
    remedy="put a token of --token-file into the API server's kubeconfig",
)  # fmt: skip


class Gone(Exception):
    """The client went away before its request had arrived."""


@dataclass(slots=True)
class _Answer:
    """What one request came to, filled in as far as it got; refused until something better is known."""

    decision: Decision
    review: Review | None = None
    evaluated: float = 0.0
    suspicious: bool = True
    """Whether the body may hold secrets that its log line must not show."""
    whole: bool = False
    """Whether the request was read to its end, so that the connection can be used again."""


def refusal(fault: str) -> bytes:
    """The answer to a POST that was cut off before it became a review."""
    found = reading.bad(f"the request cannot be read: {fault}", "send the whole review at once")
    return replies.image_review(replies.status(decide.refuse(found)))


class Reviews:
    """The ASGI application. ``parse`` reads JSON exactly and raises :class:`ValueError` with what is wrong."""

    def __init__(
        self,
        pace: Pace,
        parse: Callable[[bytes], Any],
        guard: Guard,
        bounds: Bounds,
        log: DecisionLog,
        metrics: Metrics,
        clock: Callable[[], float],
        tokens: Tokens | None = None,
        inform: Callable[[Review], Review] | None = None,
        asking: Asking | None = None,
    ) -> None:
        """``inform`` adds what is known of a review's images, ``asking`` asks about what is not."""
        self._inform = inform
        self._asking = asking
        self._pace = pace
        self._parse = parse
        self._guard = guard
        self._bounds = bounds
        self._log = log
        self._metrics = metrics
        self._clock = clock
        self._tokens = tokens
        self._buffered = 0
        self.draining = False
        """Whether the server is about to stop: connections are not kept any longer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            return
        path = scope["path"].rstrip("/")
        if path not in PATHS:
            await _plain(send, 404, f"reviews are answered at {' and '.join(PATHS)}")
        elif scope["method"] != "POST":
            await _plain(send, 405, "reviews are sent by POST", (b"allow", b"POST"))
        else:
            await self._review(scope, receive, send)

    def at_once(self, path: str, headers: Headers, client: Client, body: bytes, say: Callable[[bytes], None]) -> bool:
        """Answer a whole review that needs nothing but a policy's quick word; False, and nothing said, where it needs
        more, for which the application is to be asked.

        The protocol asks here first: most reviews are answered without a task of their own. Where something fails that
        nobody foresaw, a refusal is said before the fault is raised.
        """
        began = self._clock()
        answer = _Answer(_INTERNAL_REFUSED, whole=True)
        revision = self._pace.revision()
        left = False
        try:
            review = self._read(headers, body, answer)
            if review is not None and self._asking is not None and self._asking.may_help(review):
                left = True
            elif review is not None:
                asked = self._clock()
                found = self._pace.at_once(review.document)
                answer.evaluated = self._clock() - asked
                left = found is None
                if found is not None:
                    revision = self._conclude(review, found, answer)
        finally:
            if not left:
                try:
                    self._note(path, client, answer, revision, self._clock() - began)
                finally:
                    say(replies.image_review(replies.status(answer.decision)))
        return not left

    async def _review(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrived = began = self._clock()
        revision = self._pace.revision()
        answer = _Answer(_INTERNAL_REFUSED)
        gone = False
        try:
            body = await self._body(receive, answer)
            began = self._clock()
            if isinstance(body, bytes):
                revision = await self._decide(scope, body, answer, arrived) or revision
            else:
                answer.decision = decide.refuse(body)
        except Gone:
            gone = True
        finally:
            # Also where something failed that nobody foresaw: the fault is logged further up, the answer is a refusal.
            if not gone:
                try:
                    self._note(scope["path"], scope.get("client"), answer, revision, self._clock() - began)
                finally:
                    await self._send(send, answer)

    def _note(self, path: str, client: Client, answer: _Answer, revision: Revision, total: float) -> None:
        self._metrics.reviewed(answer.decision, total)
        self._log.write(Entry(
            path=path, client=f"{client[0]}:{client[1]}" if client else "", review=answer.review,
            decision=answer.decision, revision=revision, evaluated=answer.evaluated, total=total,
            suspicious=answer.suspicious,
        ))  # fmt: skip

    async def _send(self, send: Send, answer: _Answer) -> None:
        body = replies.image_review(replies.status(answer.decision))
        headers = [_JSON, (b"content-length", b"%d" % len(body))]
        if self.draining or not answer.whole:
            headers.append(_CLOSE)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _body(self, receive: Receive, answer: _Answer) -> bytes | Refusal:
        """The whole body. One that is too large is read to its end all the same, and thrown away."""
        message = await receive()
        first = message.get("body", b"")
        if message["type"] == "http.request" and not message.get("more_body") and len(first) <= self._bounds.body:
            answer.whole = True
            return bytes(first)
        parts: list[bytes] = []
        size = held = 0
        refused: Refusal | None = None
        try:
            while True:
                if message["type"] != "http.request":
                    raise Gone
                part = message.get("body", b"")
                size += len(part)
                if refused is None:
                    refused = self._too_much(size, len(part))
                if refused is None:
                    held += len(part)
                    self._buffered += len(part)
                    parts.append(part)
                else:
                    parts.clear()
                if not message.get("more_body"):
                    answer.whole = True
                    return refused or b"".join(parts)
                message = await receive()
        finally:
            self._buffered -= held

    def _too_much(self, size: int, more: int) -> Refusal | None:
        if size > self._bounds.body:
            limit = self._bounds.body >> 10
            return reading.bad(f"the request is larger than {limit} KiB", "review fewer images at a time")
        return _OVERLOAD if self._buffered + more > self._bounds.buffered else None

    async def _decide(self, scope: Scope, body: bytes, answer: _Answer, arrived: float) -> Revision | None:
        """Decide on a body and note what is found; gives the revision that it rests on, where the policy was asked."""
        tried = TRIED in scope.get("extensions", ())
        review = self._read(scope["headers"], body, answer)
        if review is None:
            return None
        if self._asking is not None and self._asking.may_help(review):
            tried = False  # there was no word on it, since it was to be asked about
            seconds = self._asking.time.left(_deadline(scope), self._clock() - arrived)
            review = await self._asking.ask(review, len(body), seconds)
            answer.review = answer.review and replace(answer.review, facts=review.facts)
            self._metrics.asked(known=review.unknown is None)
        asked = self._clock()
        found = None if tried else self._pace.at_once(review.document)
        if found is None:
            found = await self._pace.beside(review.document, len(body))
        answer.evaluated = self._clock() - asked
        if found is None:
            answer.decision = self._guard.undecided(_OVERLOAD, review.namespace)
            return None
        return self._conclude(review, found, answer)

    def _read(self, headers: Headers, body: bytes, answer: _Answer) -> Review | None:
        """The review in a body; None where there is none, which the answer then says."""
        if self._tokens is not None and not self._tokens.accept(_header(headers, b"authorization")):
            answer.decision = decide.refuse(_UNAUTHENTICATED)
            return None
        try:
            document = self._parse(body)
        except ValueError as e:
            answer.decision = decide.refuse(reading.bad(f"the request is not JSON: {e}"))
            return None
        subject = reading.read(document)
        if isinstance(subject, Refusal):
            answer.decision = decide.refuse(subject)
            return None
        answer.suspicious = may_hold_secrets(body)
        informed = subject if self._inform is None else self._inform(subject)
        answer.review = replace(subject, facts=informed.facts)
        return informed

    def _conclude(self, review: Review, found: tuple[Outcome, Revision], answer: _Answer) -> Revision:
        outcome, revision = found
        answer.decision = decide.conclude(review, outcome, self._guard)
        return revision


def _deadline(scope: Scope) -> float | None:
    """The seconds that the API server waits, as it says itself (``?timeout=30s``); None where nobody says."""
    told = parse_qs(scope.get("query_string", b"").decode("ascii", "replace")).get("timeout", [])
    if len(told) != 1 or len(told[0]) > MAX_DURATION:
        return None
    try:
        return durations.parse(told[0]) / 1e9
    except BuiltinError:
        return None


def _header(headers: Headers, name: bytes) -> bytes | None:
    found = [value for key, value in headers if key == name]
    return found[0] if len(found) == 1 else None


async def _plain(send: Send, status: int, text: str, *headers: tuple[bytes, bytes]) -> None:
    body = (
        msgspec.json.encode({"code": "not_found" if status == 404 else "method_not_allowed", "message": text}) + b"\n"
    )
    all_headers = [_JSON, (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    await send({"type": "http.response.body", "body": body})
