"""What a worker has done and has left to do, in the form that Prometheus reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from .. import __version__
from ..domain.reference import Repository
from ..domain.watched import Trouble
from ..ports.store import Backlog, ScanWork
from ..services.told import Told

_CODE: Final = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)

MOST_REGISTRIES: Final = 100
"""Registries whose quotas are told: who may ask for images may choose how many there are."""


class WorkMetrics:
    """Counts what is told, and passes it on. See :class:`~image_enforcer.services.syncing.Told`."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._counting: set[str] = set()
        self._registry = r = CollectorRegistry()
        self._looks = Counter("image_enforcer_looks", "Looks at repositories that came to their end.", registry=r)
        self._scans = Counter("image_enforcer_scans", "Reports that scanners made.", registry=r)
        self._troubles = Counter(
            "image_enforcer_troubles", "What could not be had, by why: each try counts.", ["code"], registry=r
        )
        self._documents = Counter(
            "image_enforcer_documents", "Documents that sinks were sent, by what was done.", ["done"], registry=r
        )
        self._notifications = Counter(
            "image_enforcer_notifications", "Notifications of the scanner that were heeded.", registry=r
        )
        self._asked = Counter(
            "image_enforcer_look_ups", "Images that were looked up since somebody asked, by why they were not found.",
            ["code"], registry=r,
        )  # fmt: skip
        self._pruned = Counter(
            "image_enforcer_pruned", "Rows forgotten of what nothing had pointed to for long.", registry=r
        )
        self._quota = Gauge(
            "image_enforcer_registry_quota_remaining",
            "What a registry said last of how much may still be fetched from it.", ["registry"], registry=r,
        )  # fmt: skip
        self._repositories = Gauge(
            "image_enforcer_repositories", "Repositories that are followed, by how the last look went.", ["state"],
            registry=r,
        )  # fmt: skip
        self._tags_troubled = Gauge(
            "image_enforcer_tags_troubled", "Tags at which the last look failed, by why.", ["code"], registry=r
        )
        self._looks_due = Gauge("image_enforcer_looks_due", "Repositories that are due to be looked at.", registry=r)
        self._oldest = Gauge(
            "image_enforcer_oldest_look_timestamp_seconds",
            "When the repository was looked at that has waited longest; 0 until each has been.", registry=r,
        )  # fmt: skip
        self._images = Gauge(
            "image_enforcer_images", "Images that could run, by whether the scanner has a report without gaps.",
            ["state"], registry=r,
        )  # fmt: skip
        self._scans_due = Gauge("image_enforcer_scans_due", "Images that are due to be scanned.", registry=r)
        self._images_troubled = Gauge(
            "image_enforcer_images_troubled", "Images whose last scan failed, by why.", ["code"], registry=r
        )
        self._revision = Gauge("image_enforcer_facts_revision", "The newest revision of the facts.", registry=r)
        info = Gauge("image_enforcer_build_info", "The version that runs; always 1.", ["version"], registry=r)
        info.labels(__version__).set(1)

    def looked(self, repository: Repository, tags: int, fetched: int, troubles: int, revision: int) -> None:
        """A look came to its end."""
        self._looks.inc()
        self._told.looked(repository, tags, fetched, troubles, revision)

    def forgotten(self, repositories: Sequence[Repository]) -> None:
        """These are not followed any more."""
        self._told.forgotten(repositories)

    def failed(self, about: str, trouble: Trouble) -> None:
        """Something could not be had."""
        self._troubles.labels(_code(trouble.code)).inc()
        self._told.failed(about, trouble)

    def recovered(self, about: str) -> None:
        """What may have failed before is there."""
        self._told.recovered(about)

    def scanned(self, work: ScanWork, findings: int, gaps: int) -> None:
        """An image was scanned."""
        self._scans.inc()
        self._told.scanned(work, findings, gaps)

    def delivered(self, sink: str, put: int, deleted: int, whole: bool) -> None:
        """A sink got what had changed."""
        self._documents.labels("put").inc(put)
        self._documents.labels("deleted").inc(deleted)
        self._told.delivered(sink, put, deleted, whole)

    def noticed(self, notifications: int, images: int) -> None:
        """The scanner notified of something."""
        self._notifications.inc(notifications)
        self._told.noticed(notifications, images)

    def counted(self, registry: str, left: int) -> None:
        """A registry said how much may be fetched."""
        if registry in self._counting or len(self._counting) < MOST_REGISTRIES:
            self._counting.add(registry)
            self._quota.labels(registry).set(left)
        self._told.counted(registry, left)

    def asked(self, reference: str, code: str) -> None:
        """Somebody asked about an image, which was looked up."""
        self._asked.labels(_code(code) if code else "").inc()
        self._told.asked(reference, code)

    def pruned(self, count: int) -> None:
        """What nothing had pointed to for long was forgotten."""
        self._pruned.inc(count)
        self._told.pruned(count)

    def text(self, backlog: Backlog | None) -> bytes:
        """All of it, in Prometheus' text format; without what is left to do where the store cannot say."""
        for gauge in (self._repositories, self._tags_troubled, self._images, self._images_troubled):
            gauge.clear()
        if backlog is not None:
            self._repositories.labels("failing").set(backlog.failing)
            self._repositories.labels("well").set(backlog.repositories - backlog.failing)
            for tags in backlog.tag_troubles:
                self._tags_troubled.labels(_code(tags.code)).inc(tags.count)
            self._looks_due.set(backlog.looks_due)
            self._oldest.set(0 if backlog.oldest_look is None else backlog.oldest_look.timestamp())
            self._images.labels("scanned").set(backlog.scanned - backlog.incomplete)
            self._images.labels("incomplete").set(backlog.incomplete)
            self._images.labels("unscanned").set(backlog.images - backlog.scanned)
            self._scans_due.set(backlog.scans_due)
            for found in backlog.scan_troubles:
                self._images_troubled.labels(_code(found.code)).inc(found.count)
            self._revision.set(backlog.revision)
        return generate_latest(self._registry)


def _code(code: str) -> str:
    """A code as a label: a kind of trouble that nobody here knows is one among others."""
    return code if _CODE.fullmatch(code) else "other"
