"""Durations of requests as Prometheus metrics, with OPA's name, labels and buckets."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest

BUCKETS: Final = (1e-06, 5e-06, 1e-05, 5e-05, 0.0001, 0.0005, 0.001, 0.01, 0.1, 1.0)
METHODS: Final = frozenset(("get", "put", "post", "delete", "patch", "head", "options", "connect", "trace"))

_NAME: Final = "http_request_duration_seconds"


class RequestMetrics:
    """Counts requests by status, handler and method. Used from one thread."""

    def __init__(self) -> None:
        self._counts: dict[tuple[int, str, str], list[int]] = {}
        self._sums: dict[tuple[int, str, str], float] = {}
        self._process = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)

    def observe(self, status: int, handler: str, method: str, seconds: float) -> None:
        """Count one request."""
        name = method.lower()
        key = (status, handler, name if name in METHODS else "unknown")
        counts = self._counts.get(key)
        if counts is None:
            counts = self._counts[key] = [0] * (len(BUCKETS) + 1)
            self._sums[key] = 0.0
        counts[bisect_left(BUCKETS, seconds)] += 1
        self._sums[key] += seconds

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        lines = [f"# HELP {_NAME} A histogram of duration for requests.", f"# TYPE {_NAME} histogram"]
        for key in sorted(self._counts):
            status, handler, method = key
            labels = f'code="{status}",handler="{handler}",method="{method}"'
            total = 0
            for bound, count in zip((*map(_number, BUCKETS), "+Inf"), self._counts[key], strict=True):
                total += count
                lines.append(f'{_NAME}_bucket{{{labels},le="{bound}"}} {total}')
            lines.append(f"{_NAME}_sum{{{labels}}} {self._sums[key]!r}")
            lines.append(f"{_NAME}_count{{{labels}}} {total}")
        return "\n".join(lines).encode() + b"\n" + generate_latest(self._process)


def _number(bound: float) -> str:
    return f"{bound:.0f}" if bound == int(bound) else repr(bound)
