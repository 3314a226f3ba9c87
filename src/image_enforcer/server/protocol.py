"""HTTP on one connection: uvicorn's protocol with bounds on time and size, and refusals where it would answer 4xx.

An API server that fails open takes any other status than 200 for "allowed", so a POST that is cut off, takes too long
or is no HTTP any more gets a refusal, written here, once its method is known. The rest is uvicorn's.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ..asgi import Application, unheard

MAX_HEAD: Final = 64 << 10
"""Bytes of request line and headers."""
Headers = Sequence[tuple[bytes, bytes]]
Client = tuple[str, int] | None

TRIED: Final = "image_enforcer.tried"
"""The extension in the scope of a request that :class:`Quick` has left to the application."""
CUT: Final = "image_enforcer.cut"
"""The extension in whose entry ``cut`` is a function that breaks the connection off, in the middle of an answer."""

LINGER: Final = 1.0
"""Seconds for which what a refused client still sends is read."""
PARTING: Final = 0.25
"""Seconds that an idle connection stays when the server stops, for a request that is on its way."""
_KEPT: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How connections are treated. Times are in seconds."""

    receive: float
    """For a request to arrive whole."""
    idle: float
    """For a connection on which nothing is under way."""
    connections: int
    """Open at a time."""
    refuse: Callable[[str], bytes] | None = None
    """The answer to a POST that never became a review, from what is wrong with it."""
    quick: Quick | None = None
    """Answers at once what can be; the rest goes to the application."""
    cuts: bool = False
    """Whether the application may break connections off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quick:
    """A way around the application for whole POSTs of ``most`` bytes or less to one of ``paths``.

    ``answer`` takes path, headers, client, body, and a function that sends the body of a 200 answer in JSON. It calls
    this once, also where it raises, and gives True; or it gives False, and the application answers. ``closing`` says
    whether connections are no longer kept.
    """

    paths: frozenset[bytes]
    most: int
    answer: Callable[[str, Headers, Client, bytes, Callable[[bytes], None]], bool]
    closing: Callable[[], bool]


class Bounded(HttpToolsProtocol):
    """One connection."""

    def __init__(self, manners: Manners, **given: Any) -> None:
        super().__init__(**given)
        self._manners = manners
        self._deadline: asyncio.TimerHandle | None = None
        self._head = 0
        self._arriving = False
        self._over = False
        self._failed = self._owing = False
        self._collected: list[bytes] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """A client has connected; so far it has asked nothing."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self._manners.idle, self.timeout_keep_alive_handler)
        if len(self.connections) > self._manners.connections:
            self._make_room()

    def _make_room(self) -> None:
        """Close a connection on which nothing is under way, so that a flood of idle ones shuts nobody out."""
        for other in self.connections:
            if other is not self and isinstance(other, Bounded) and not other.busy:
                other.transport.close()
                return
        self.transport.close()

    def shutdown(self) -> None:
        """The server stops. What a client has sent may not have been read yet, so an idle connection stays a moment."""
        if self.busy:
            self._let_go()
        else:
            self.loop.call_later(PARTING, self._let_go)

    def _let_go(self) -> None:
        cycle = self._cycle()
        if self.busy and cycle is not None:
            cycle.keep_alive = False
        elif not self.busy:
            self.transport.close()

    def _cycle(self) -> RequestResponseCycle | None:
        return self.cycle

    @property
    def busy(self) -> bool:
        """Whether a request is arriving or being answered."""
        cycle = self._cycle()
        return self._arriving or (cycle is not None and not cycle.response_complete)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._stop_clock()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Part of a request, or of several."""
        if self._over:
            return
        self._begin()
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._begin()
        self._head = 0
        super().on_message_begin()
        if self._manners.cuts:
            self.scope["extensions"] = {CUT: {"cut": self.transport.abort}}

    def _begin(self) -> None:
        if not self._arriving:
            self._arriving = True
            self._deadline = self.loop.call_later(self._manners.receive, self._too_slow)

    def on_url(self, url: bytes) -> None:
        """Part of the request line."""
        self._measure(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or trailer."""
        self._measure(len(name) + len(value))
        super().on_header(name, value)

    def _measure(self, more: int) -> None:
        self._head += more
        if self._head > MAX_HEAD:
            self._end(f"its headers are larger than {MAX_HEAD >> 10} KiB")
            raise ValueError("headers too large")  # ends the parse; the connection is closed already

    def on_headers_complete(self) -> None:
        """The head of a request is there. One that may be answered at once waits for its body here."""
        if self.parser.should_upgrade():
            # The parser takes what follows for another protocol and never gives the body.
            self._end("it asks for another protocol than HTTP/1.1 (Upgrade)")
            raise ValueError("upgrade")  # ends the parse; the connection is closed already
        quick = self._manners.quick
        if quick is not None and self._is_quick(quick):
            self._collected = []
        else:
            super().on_headers_complete()

    def _is_quick(self, quick: Quick) -> bool:
        cycle = self._cycle()
        if self.parser.get_method() != b"POST" or self.expect_100_continue:
            return False
        if self.pipeline or (cycle is not None and not cycle.response_complete) or self.flow.write_paused:
            return False
        if self.url.partition(b"?")[0] not in quick.paths:
            return False
        lengths = [value for name, value in self.headers if name == b"content-length"]
        return len(lengths) == 1 and lengths[0].isdigit() and int(lengths[0]) <= quick.most

    def on_body(self, body: bytes) -> None:
        """Part of a body."""
        if self._collected is not None:
            self._collected.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is there whole."""
        self._stop_clock()
        self._arriving = False
        if self._collected is not None:
            body, self._collected = b"".join(self._collected), None
            if self._answered_at_once(body):
                return
            self.scope["extensions"] = {TRIED: {}}
            super().on_headers_complete()
            super().on_body(body)
        super().on_message_complete()

    def _answered_at_once(self, body: bytes) -> bool:
        quick = self._manners.quick
        assert quick is not None
        self._failed = self._owing = True  # until it is known not to have
        answered = quick.answer(self.url.partition(b"?")[0].decode(), self.headers, self.client, body, self._say)
        self._failed = False
        return answered

    def _say(self, body: bytes) -> None:
        self._owing = False
        quick = self._manners.quick
        assert quick is not None
        keep = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0" and not quick.closing()
        self.transport.write((_KEPT if keep else _HEAD) % len(body) + body)
        if not keep:
            self.transport.close()
        self.on_response_complete()

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._end(f"it did not arrive within {self._manners.receive:g} s")

    def send_400_response(self, msg: str) -> None:
        """What arrives is no HTTP; or answering it failed, in a way that nobody foresaw."""
        self._stop_clock()
        if self._failed:
            self.logger.error("Exception in the answer to a review", exc_info=sys.exception())
            if self._owing and self._manners.refuse is not None:
                body = self._manners.refuse("the enforcer failed on it")
                self.transport.write(_HEAD % len(body) + body)
            self._over = True
            self.transport.close()
        elif not self._refused("it is not HTTP"):
            super().send_400_response(msg)

    def _end(self, fault: str) -> None:
        self._stop_clock()
        if not self._refused(fault):
            self.transport.close()

    def _refused(self, fault: str) -> bool:
        """Whether the connection is ended: with a refusal, where a POST is arriving that has no answer yet.

        What still arrives is thrown away for a while: closing at once would reset the connection, and the client might
        never read the answer.
        """
        if self._over or self.transport.is_closing():
            return True
        cycle = self._cycle()
        begun = cycle is not None and cycle.response_started and not cycle.response_complete
        refuse = self._manners.refuse
        if refuse is None or begun or not self._arriving or self.parser.get_method() != b"POST":
            return False
        body = refuse(fault)
        self.transport.write(_HEAD % len(body) + body)
        self._over = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self._deadline = self.loop.call_later(LINGER, self.transport.close)
        else:
            self.transport.close()
        return True


def configuration(
    app: Application, manners: Manners, *, tls: ssl.SSLContext | None = None, grace: float = 10.0
) -> Config:
    """uvicorn's settings for an application: nothing logged per request, no extra headers, our manners."""
    http = cast("type[asyncio.Protocol]", partial(Bounded, manners))
    return Config(
        unheard(app), http=http, ws="none", loop="none", lifespan="off", interface="asgi3", log_config=None,
        access_log=False, server_header=False, date_header=False, proxy_headers=False,
        timeout_keep_alive=int(manners.idle), timeout_graceful_shutdown=max(1, round(grace)),
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
    )  # fmt: skip
