"""``worker``: follows and scans as ``sync`` does, and gives the facts out to those who decide."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from .faults import Fault
from .sync import CLAIR_ROOT, HUB, LAYER_ROOT, Flag, Many, gathered


def worker(
    *,
    repository: Many = (),
    registry_url: str = HUB,
    poll_delay: str = "60s",
    clair_url: str | None = None,
    opa_url: Many = (),
    opa_layer_root: str = LAYER_ROOT,
    opa_clair_root: str = CLAIR_ROOT,
    settings: str | None = None,
    include: Many = (),
    exclude: Many = (),
    store: str | None = None,
    recheck: str = "15m",
    addr: Annotated[str, Parameter(name=["--addr", "-a"])] = "127.0.0.1:8383",
    token_file: str | None = None,
    hint_token_file: str | None = None,
    tls_cert_file: str | None = None,
    tls_private_key_file: str | None = None,
    allow_http: Flag = False,
    output: Annotated[Literal["text", "json"], Parameter(name=["--output", "-o"])] = "text",
) -> int:
    """Follow repositories and have images scanned, as sync does, and give the facts out to serve --facts.

    Parameters
    ----------
    repository
        a repository to follow, or several with commas between; repeatable
    registry_url
        the registry that they are in
    poll_delay
        the time between two looks at a repository
    clair_url
        Clair: an address that ends in /v1 is its first interface, any other the fourth; without, nothing is scanned
    opa_url
        a running OPA, or "run -s", that gets the documents which policies read; repeatable
    opa_layer_root
        where the manifests are put there
    opa_clair_root
        where the layers' findings are put there
    settings
        a YAML file with registries, repositories, a scanner and sinks; what it says is added to the options
    include
        a glob of the tags to follow; repeatable
    exclude
        a glob of the tags to leave out of them; repeatable
    store
        sqlite:///PATH or postgresql://…; by default a file below ~/.local/state/image-enforcer
    recheck
        how long a scanner's report is taken for current
    addr
        where facts are given out, HOST:PORT
    token_file
        bearer tokens that may read them, one a line
    hint_token_file
        tokens of registries that may say, at POST /v1/hints/REGISTRY, that something was pushed, one a line
    tls_cert_file
        the certificate for that address (PEM)
    tls_private_key_file
        its key (PEM)
    allow_http
        allow plain HTTP, and readers without a token, beyond loopback
    output
        text or json: how what happens is told, a line each, on standard output
    """
    from ..domain.errors import EnforcerError
    from ..server.worker import Publish, Worker
    from ..settings import Tls
    from ..settings.sync import BadSettings
    from ..wiring.facts import snapshot
    from ..wiring.sync import ended, now, opened, syncing
    from .serve import address
    from .sync_lines import Lines

    found = gathered(
        repository, registry_url, poll_delay, clair_url, opa_url, opa_layer_root, opa_clair_root, settings, include,
        exclude, store, recheck,
    )  # fmt: skip
    if bool(tls_cert_file) != bool(tls_private_key_file):
        raise Fault("IE2003", "--tls-cert-file and --tls-private-key-file must be given together")
    listen = address(addr, "--addr")
    if not listen.loopback and not allow_http and not (tls_cert_file and token_file):
        raise Fault(
            "IE2005", f"{listen} is open to other machines, which need TLS and a token to read facts",
            hint="give --tls-cert-file, --tls-private-key-file and --token-file, or --allow-http",
        )  # fmt: skip
    tls = Tls(cert_file=tls_cert_file, key_file=tls_private_key_file or "") if tls_cert_file else None
    lines = Lines(sys.stdout, output)
    try:
        with opened(found, os.environ, Path.home()) as kept:
            publish = Publish(addr=listen, tls=tls, token_file=token_file or "", hint_token_file=hint_token_file or "")
            running = Worker(publish, kept, snapshot, lines.said, now)
            running.run(syncing(found, lines, kept, os.environ, Path.home()))
    except BadSettings as e:
        raise Fault("IE2003", str(e)) from None
    except EnforcerError as e:
        raise Fault("IE3001", str(e), exit_code=ended(e)) from None
    return 0
