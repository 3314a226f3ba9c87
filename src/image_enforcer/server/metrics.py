"""What is counted and measured, in the form that Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from .. import __version__
from ..domain.review import Decision

_SECONDS = (
    0.00005,
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
)


class Metrics:
    """One set of metrics, of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        r = self._registry
        self._reviews = Counter(
            "image_enforcer_reviews",
            "Reviews answered, by verdict and by why nobody could judge.",
            ["allowed", "cause"],
            registry=r,
        )
        self._seconds = Histogram(
            "image_enforcer_review_seconds",
            "From the whole request to the answer, in seconds.",
            buckets=_SECONDS,
            registry=r,
        )
        self._reloads = Counter(
            "image_enforcer_reloads", "Files read again, by what and whether it worked.", ["what", "ok"], registry=r
        )
        self._loaded = Gauge(
            "image_enforcer_loaded_timestamp_seconds", "When the policies and data in force were loaded.", registry=r
        )
        self._expiry = Gauge(
            "image_enforcer_certificate_expiry_timestamp_seconds", "When the server's certificate ends.", registry=r
        )
        self._threads = Gauge("image_enforcer_slow_reviews", "Reviews being evaluated beside the others.", registry=r)
        info = Gauge("image_enforcer_build_info", "The version that runs; always 1.", ["version"], registry=r)
        info.labels(__version__).set(1)
        self._asked = Counter(
            "image_enforcer_asked",
            "Reviews about which the worker was asked, by whether it helped.",
            ["known"],
            registry=r,
        )
        self._verdicts: dict[tuple[bool, str], Counter] = {}

    def reviewed(self, decision: Decision, seconds: float) -> None:
        """One review answered."""
        key = (decision.allowed, decision.cause.value if decision.cause is not None else "")
        child = self._verdicts.get(key)
        if child is None:
            child = self._verdicts[key] = self._reviews.labels(str(key[0]).lower(), key[1])
        child.inc()
        self._seconds.observe(seconds)

    def asked(self, *, known: bool) -> None:
        """The worker was asked about a review; whether all is known of it now that has to be."""
        self._asked.labels(str(known).lower()).inc()

    def reloaded(self, what: str, ok: bool, now: float) -> None:
        """Files were read again: ``what`` is ``policies``, ``certificates`` or ``tokens``."""
        self._reloads.labels(what, str(ok).lower()).inc()
        if ok and what == "policies":
            self._loaded.set(now)

    def loaded(self, now: float) -> None:
        """Policies and data came into force for the first time."""
        self._loaded.set(now)

    def certificate(self, expires: float) -> None:
        """A certificate came into force; when it ends, in seconds since 1970."""
        self._expiry.set(expires)

    def watch_lines(self, dropped: Callable[[], float], slow: Callable[[], float]) -> None:
        """Figures that are asked for when they are read."""
        lost = Gauge("image_enforcer_log_lines_dropped", "Log lines that nobody took.", registry=self._registry)
        lost.set_function(dropped)
        self._threads.set_function(slow)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self._registry)
