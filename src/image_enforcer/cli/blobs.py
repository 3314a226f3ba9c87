"""The server of blobs that settings ask for."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from .faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..server.blobs import BlobServer
    from ..settings.sync import Sync


@contextlib.contextmanager
def serving_blobs(found: Sync) -> Iterator[BlobServer | None]:
    """It, listening; None where none is wanted. Raises a fault and :class:`EnforcerError` for what cannot be used."""
    blobs = found.blobs
    if blobs is None:
        yield None
        return
    from ..server.blobs import BlobServer
    from ..settings import Tls
    from ..wiring.sync import secret
    from .serve import address

    listen = address(blobs.addr, "--serve-blobs-addr")
    if not listen.loopback and not blobs.cert_file and not blobs.allow_http:
        raise Fault(
            "IE2005", f"{listen} is open to other machines, and blobs would go there without TLS",
            hint="write blobs: {cert_file: …, key_file: …} in a settings file, or allow_http: true there",
        )  # fmt: skip
    if listen.everywhere and not blobs.url:
        text = f"{listen} is no address that Clair could ask"
        raise Fault("IE2003", text, hint="name one of this machine, or write blobs: {url: …} in a settings file")
    tls = Tls(cert_file=blobs.cert_file, key_file=blobs.key_file) if blobs.cert_file else None
    server = BlobServer(listen, tls, blobs.url, secret(blobs.secret_file))
    try:
        yield server
    finally:
        server.close()
