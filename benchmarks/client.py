"""Sends reviews over kept connections as fast as a server answers them, and prints the figures as JSON.

    python -m benchmarks.client HOST:PORT PATH REVIEWS CONNECTIONS SECONDS

Raw sockets, one request at a time a connection; the requests are put together before the clock starts.
"""

import json
import select
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Connection:
    """A kept connection with one request under way."""

    channel: socket.socket
    sent_at: float = 0.0
    received: bytes = b""


def complete(received: bytes) -> bytes | None:
    """The body of a whole answer with a Content-Length, else None."""
    head, gap, body = received.partition(b"\r\n\r\n")
    if not gap:
        return None
    lower = head.lower()
    start = lower.index(b"content-length:") + len(b"content-length:")
    length = int(lower[start:].split(b"\r\n", 1)[0])
    return body if len(body) >= length else None


def main(arguments: Sequence[str]) -> int:
    """Runs the load; see the module's text."""
    address, path, reviews, connections, seconds = arguments
    host, _, port = address.rpartition(":")
    requests = [
        f"POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
        for body in Path(reviews).read_bytes().splitlines()
    ]
    # epoll by hand: what the client needs for itself must not hide what the server can do.
    waiting = select.epoll()
    open_connections: dict[int, Connection] = {}
    for number in range(int(connections)):
        channel = socket.create_connection((host, int(port)), timeout=30)
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(channel, time.perf_counter())
        channel.sendall(requests[number % len(requests)])
        waiting.register(channel.fileno(), select.EPOLLIN)
        open_connections[channel.fileno()] = connection
    times: list[float] = []
    allowed = failed = 0
    number = int(connections)
    began = time.perf_counter()
    until = began + float(seconds)
    now = began
    while now < until:
        for number_of, _ in waiting.poll(30):
            connection = open_connections[number_of]
            chunk = connection.channel.recv(65536)
            if not chunk:
                print("a connection was closed", file=sys.stderr)
                return 1
            connection.received += chunk
            body = complete(connection.received)
            if body is None:
                continue
            now = time.perf_counter()
            times.append(now - connection.sent_at)
            failed += not connection.received.startswith(b"HTTP/1.1 200")
            allowed += b'"allowed":true' in body.replace(b" ", b"")
            connection.received = b""
            connection.sent_at = now
            connection.channel.sendall(requests[number % len(requests)])
            number += 1
        now = time.perf_counter()
    spent = now - began
    times.sort()
    figures = {
        "requests": len(times),
        "per_second": len(times) / spent,
        "p50_ms": times[len(times) // 2] * 1e3,
        "p99_ms": times[len(times) * 99 // 100] * 1e3,
        "allowed": allowed,
        "failed": failed,
    }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
