"""Puts the product together: the one place that knows services and adapters both."""

from __future__ import annotations

from typing import Any

from ..ports.policy import Mounted, PolicyEngine, UnusablePolicy
from ..settings import ENTRY_POINT, PolicySource


def policy_engine(source: PolicySource, mounted: Mounted | None = None) -> PolicyEngine:
    """The engine for a source: a real OPA where it is an address, else the embedded one, which also has ``mounted``
    documents.

    Raises :class:`UnusablePolicy` where policies or data cannot be loaded.
    """
    if not source.policies:
        raise UnusablePolicy("no policy is given; name files or directories, or the address of an OPA server")
    if any("://" in p for p in source.policies):
        if len(source.policies) > 1 or source.data:
            raise UnusablePolicy("an OPA server loads its policies and data itself; give its address alone")
        from ..adapters.policy.opa import OpaEngine
        from ..rego import from_json

        return OpaEngine(source.remote, _encode, from_json, entry_point=ENTRY_POINT, seconds=source.seconds)
    from ..adapters.policy.embedded import EmbeddedEngine

    return EmbeddedEngine.from_paths(
        source.policies, source.data, entry_point=ENTRY_POINT, seconds=source.seconds, mounted=mounted
    )


def _encode(document: Any) -> bytes:
    """A review as JSON text for another server, numbers as they came; raises :class:`ValueError`."""
    from ..rego import RegoError, to_json

    try:
        return to_json(document).encode()
    except RegoError as e:
        raise ValueError(str(e)) from None


def notices(engine: PolicyEngine) -> tuple[str, ...]:
    """What loading had to say that is no fault."""
    from ..adapters.policy.embedded import EmbeddedEngine

    return engine.notices if isinstance(engine, EmbeddedEngine) else ()
