"""Answers over HTTP that are kept from one query to the next: as many as there is room for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Final

from ..rego.outside import HttpResponse

MOST_BYTES: Final = 64 << 20
MOST_ANSWERS: Final = 10_000


class HttpCache:
    """Answers by what was asked; those that were not asked for longest go first. Safe to share between threads."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[Any, tuple[HttpResponse, int, int]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, k: Any) -> tuple[HttpResponse, int] | None:
        """An answer with the time until which it is fresh."""
        with self._lock:
            found = self._kept.get(k)
            if found is None:
                return None
            self._kept.move_to_end(k)
            return found[0], found[1]

    def put(self, k: Any, response: HttpResponse, until_ns: int) -> None:
        """Keep an answer, if it fits."""
        size = 1_000 + len(response.body) + sum(len(n) + sum(map(len, v)) for n, v in response.headers.items())
        with self._lock:
            self._drop(k)
            if size > self._most:
                return
            self._kept[k] = (response, until_ns, size)
            self._size += size
            while self._size > self._most or len(self._kept) > MOST_ANSWERS:
                _, (_, _, freed) = self._kept.popitem(last=False)
                self._size -= freed

    def drop(self, k: Any) -> None:
        """Forget an answer."""
        with self._lock:
            self._drop(k)

    def _drop(self, k: Any) -> None:
        found = self._kept.pop(k, None)
        if found is not None:
            self._size -= found[2]
