"""``worker``: follows and scans as ``sync`` does, and gives the facts out to those who decide."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from .faults import Fault
from .following import FOLLOWING, Following
from .sync import Flag


def worker(
    *,
    following: Following = FOLLOWING,
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
    addr
        where facts are given out, HOST:PORT
    token_file
        bearer tokens that may read them, one a line
    hint_token_file
        tokens, one a line, of registries that may say at POST /v1/hints/REGISTRY that something was pushed, and of
        Clair, for POST /v1/clair/notifications
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
    from ..wiring.facts import bundle, snapshot
    from ..wiring.sync import ended, now, opened, syncing
    from .blobs import serving_blobs
    from .serve import address
    from .telling import telling

    found = following.gathered()
    if bool(tls_cert_file) != bool(tls_private_key_file):
        raise Fault("IE2003", "--tls-cert-file and --tls-private-key-file must be given together")
    listen = address(addr, "--addr", 8383)
    if not listen.loopback and not allow_http and not (tls_cert_file and token_file):
        raise Fault(
            "IE2005", f"{listen} is open to other machines, which need TLS and a token to read facts",
            hint="give --tls-cert-file, --tls-private-key-file and --token-file, or --allow-http",
        )  # fmt: skip
    tls = Tls(cert_file=tls_cert_file, key_file=tls_private_key_file or "") if tls_cert_file else None
    try:
        with (
            serving_blobs(found) as blobs, opened(found, os.environ, Path.home()) as kept,
            telling(sys.stdout, output, kept, following.admin_addr) as telling_of,
        ):  # fmt: skip
            publish = Publish(addr=listen, tls=tls, token_file=token_file or "", hint_token_file=hint_token_file or "")
            running = Worker(publish, kept, snapshot, bundle(found), telling_of.lines.said, now)
            made = syncing(found, telling_of.told, kept, os.environ, Path.home(), blobs)
            running.run(made, telling_of.beside())
    except BadSettings as e:
        raise Fault("IE2003", str(e)) from None
    except EnforcerError as e:
        raise Fault("IE3001", str(e), exit_code=ended(e)) from None
    return 0
