"""Whether what settings name can be used, as far as that can be told without asking anybody."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

from ..adapters.store.opening import check_address
from ..settings.sync import BadSettings, Blobs, Sync
from .sync import authorities, entries, pre_shared_key, secret


def check(settings: Sync, environment: Mapping[str, str], home: Path) -> None:
    """Raises an :class:`~image_enforcer.domain.errors.EnforcerError` for files that are missing or hold something else,
    and for an address that is no store's. Nothing is made and nobody is asked."""
    if settings.store:
        check_address(settings.store)
    entries(settings, environment, home)
    if settings.scanner is not None:
        pre_shared_key(settings.scanner)
    for sink in settings.sinks:
        secret(sink.token_file)
    scanners = () if settings.scanner is None else (settings.scanner,)
    for told in (*settings.registries, *scanners, *settings.sinks):
        authorities(told.ca_file)
    if settings.blobs is not None:
        _check_blobs(settings.blobs)


def _check_blobs(blobs: Blobs) -> None:
    secret(blobs.secret_file)
    if not blobs.cert_file:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(blobs.cert_file, blobs.key_file)
    except (OSError, ssl.SSLError) as e:
        text = f"{blobs.cert_file} and {blobs.key_file} cannot be used: {e}"
        raise BadSettings(f"{text}; give a certificate and its key as PEM") from None
