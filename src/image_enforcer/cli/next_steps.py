"""What to do about trouble with registries, scanners and sinks, by its code."""

from __future__ import annotations

from typing import Final

OTHERWISE: Final = "see the log of sync"
_REGISTRY: Final = {
    "not-authorised": "give credentials that may pull: docker login, or username and password_file in the settings",
    "not-found": "see that the repository's name is right, or follow it no longer",
    "rate-limited": "follow fewer tags, look less often, or log in where that allows more",
    "unreachable": "see that the registry runs, and that this machine reaches it",
    "lying": "tell who runs the registry; what it sends is not what it promises",
    "unsupported": "it holds something that cannot be judged; leave its tags out with --exclude",
    "forbidden": "name the registry in the settings if its address is meant",
    "repository-full": "follow fewer tags there, with include and exclude",
    "too-many-bytes": "wait: the next looks go on with what is missing; or follow fewer tags",
    "too-slow": "wait: the next look begins with what this one did not reach; or raise look_timeout in the settings",
    "look-died": "see how the worker died, whether it had too little memory, say; or follow fewer tags there",
    "registry-error": OTHERWISE,
}
_SCAN: Final = {
    "scanner-unreachable": "see that the scanner runs, and that this machine reaches it",
    "scanner-refused": "give the key that it accepts: scanner.key_file in the settings",
    "scanner-lying": "see that the address is the scanner's, and its version one that is spoken here",
    "scanner-busy": "wait, or have it do more side by side",
    "scanner-error": OTHERWISE,
    "scan-lost": "it is tried again; see that nobody clears the scanner's database, and that its processes share one",
    "scan-pending": "wait; what stays so for hours is in the scanner's log",
    "index-failed": "see that the scanner reaches the registry; the scanner's log says more",
    "unsupported": "it holds something that the scanner cannot read; leave it out, or exempt it by a policy",
    "layer-refused": "the registry refuses the scanner: have it fetch layers from here, with --serve-blobs-addr",
    "parent-unknown": "it is tried again; what stays so: see that nobody else deletes layers from the scanner",
    "unsupported-digest": "push it with digests of sha256, or exempt it by a policy",
    "request-too-large": "the links to its layers are longer than it reads; --serve-blobs-addr makes short ones",
    "no-layers": "there is nothing in it that could be scanned; leave it out, or exempt it by a policy",
}
_SINK: Final = {
    "sink": "see that the OPA runs, that this machine reaches it, and that its token in the settings may write data",
}


def of_registry(code: str) -> str:
    """What to do about a repository or a tag; never empty."""
    return _REGISTRY.get(code, OTHERWISE)


def of_scan(code: str) -> str:
    """What to do about the scanner, or about an image that it has no report on; never empty."""
    return _SCAN.get(code) or of_registry(code)


def of_sink(code: str) -> str:
    """What to do about a running OPA that did not get everything; never empty."""
    return _SINK.get(code, OTHERWISE)
