"""``sync``: follows repositories, has their images scanned, and keeps policy data like them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import Parameter

from .faults import Fault
from .following import FOLLOWING, Following

if TYPE_CHECKING:
    from ..settings.sync import Sync

Flag = Annotated[bool, Parameter(negative=())]
MANY: Final = frozenset({"repository", "include", "exclude", "opa-url", "platform"})
"""Options that may be given several times, each time for one more."""
FLAGS: Final = frozenset({"once", "dry-run", "allow-http"})
"""Options without a value."""
PLACES: Final = ("repository or image", "repositories and images")


def sync(
    *,
    following: Following = FOLLOWING,
    once: Flag = False,
    dry_run: Flag = False,
    output: Annotated[Literal["text", "json"], Parameter(name=["--output", "-o"])] = "text",
) -> int:
    """Follow repositories: tags and manifests into the store, images to Clair, findings to policies.

    Nothing is lost when it is stopped or killed: what is to be done follows from the store. One dash is as good as two.
    DOCKER_USER and DOCKER_PASSWORD are used at the registry of --registry-url; others' credentials are read where
    docker and podman keep them.

    Exits with 0; with --once also with 3 where something is in trouble at the end, which is said.

    Parameters
    ----------
    once
        look at everything, due or not, scan what is due or failed, and exit
    dry_run
        say what would be looked at, and ask nobody
    output
        text or json: how what happens is told, a line each, on standard output
    """
    from ..domain.errors import EnforcerError
    from ..settings.sync import BadSettings

    found = following.gathered()
    if dry_run:
        return _dry(found)
    from ..wiring.sync import ended, opened, run_sync, syncing
    from .blobs import serving_blobs
    from .sync_lines import many
    from .telling import telling

    environment, home = dict(os.environ), Path.home()
    try:
        with (
            serving_blobs(found) as blobs, opened(found, environment, home) as store,
            telling(sys.stdout, output, store, following.admin_addr) as telling_of,
        ):  # fmt: skip
            if not once and (left := _left_out(found)):
                telling_of.lines.said("note", "; ".join(left))
            made = syncing(found, telling_of.told, store, environment, home, blobs)
            summary = run_sync(made, once=once, beside=telling_of.beside())
            if summary.elsewhere:
                text = f"{many(summary.elsewhere, *PLACES)}, which another worker is at: it is not waited for"
                telling_of.lines.said("elsewhere", text)
            for sink in summary.sinks_elsewhere:
                telling_of.lines.said("elsewhere", f"{sink}, which another worker is at: it is not waited for")
            if summary.in_trouble and not summary.troubles:
                text = f"{many(summary.in_trouble, *PLACES)}, since before: image-enforcer status says why"
                telling_of.lines.said("troubled", text)
    except BadSettings as e:
        raise Fault("IE2003", str(e)) from None
    except EnforcerError as e:
        raise Fault("IE3001", str(e), exit_code=ended(e)) from None
    return 3 if once and (summary.troubles or summary.in_trouble) else 0


def _dry(found: Sync) -> int:
    from ..domain.errors import EnforcerError
    from ..settings.sync import BadSettings
    from ..wiring.checking import check

    try:
        check(found, os.environ, Path.home())
    except EnforcerError as e:
        code = "IE2003" if isinstance(e, BadSettings) else "IE3001"
        raise Fault(code, str(e), hint="mend the settings, or the file that they name") from None
    for registry in found.registries:
        for repository in registry.repositories:
            chosen = ", ".join(repository.include) + "".join(f", not {e}" for e in repository.exclude)
            print(f"would follow {registry.name}/{repository.name} ({chosen}) every {found.every:g} s")
    for glob in found.allow:
        print(f"would follow what is asked about in {glob}")
    if found.platforms:
        print(f"would fetch what is for {', '.join(found.platforms)}")
    if found.scanner is not None:
        print(f"would have images scanned by {found.scanner.kind} at {found.scanner.url}")
    if found.blobs is not None:
        served = ", ".join(registry.name for registry in found.registries if registry.serve_blobs)
        print(f"would serve blobs of {served} to it at {found.blobs.addr}")
    for sink in found.sinks:
        print(f"would put documents into {sink.url}")
    for left in _left_out(found):
        print(left)
    return 0


def _left_out(found: Sync) -> list[str]:
    """What is not done that clair-layer-sync does by default, at addresses of this machine."""
    left = []
    if found.scanner is None:
        left.append("nothing is scanned: no --clair-url")
    if not found.sinks:
        left.append("nothing is pushed to an OPA: no --opa-url")
    return left
