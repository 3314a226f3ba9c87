"""The bytes of an answer: an ImageReview with the decision as its status, whatever the decision is."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ..analysis.review import KIND, VERSION
from ..domain.review import Decision

_ENCODE: Final = msgspec.json.Encoder().encode


def status(decision: Decision) -> dict[str, Any]:
    """The ``status`` of the answer (imagepolicy.k8s.io/v1alpha1): reason and marks where there are any."""
    found: dict[str, Any] = {"allowed": decision.allowed}
    if decision.reason:
        found["reason"] = decision.reason
    if decision.audit:
        found["auditAnnotations"] = dict(decision.audit)
    return found


def image_review(found: dict[str, Any]) -> bytes:
    """The whole answer around a status."""
    return _ENCODE({"kind": KIND, "apiVersion": VERSION, "status": found})
