"""The server's certificate and its clients' authorities, read again when their files change.

New connections get the newest context: the listening context hands each handshake over to it. Sessions are not
resumed, so that a client whose authority was taken away cannot come back with an old one.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from cryptography import x509

from ..domain.errors import EnforcerError
from ..settings import Tls


class BadCertificate(EnforcerError):
    """Certificate files that cannot be used; the text names the file and what is wrong."""


class Certificates:
    """The context to listen with, and the one in force behind it."""

    def __init__(self, tls: Tls) -> None:
        """Raises :class:`BadCertificate`."""
        self._tls = tls
        self._current, self.expires = self._load()
        self.listening, _ = self._load()
        self.listening.sni_callback = self._hand_over

    def _hand_over(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext) -> None:
        del name, context
        connection.context = self._current

    @property
    def files(self) -> tuple[str, ...]:
        """The files to look at for changes."""
        found = (self._tls.cert_file, self._tls.key_file, self._tls.client_ca_file)
        return tuple(f for f in found if f)

    def reload(self) -> str:
        """Read the files again; empty when they are in force, else why the old ones stay."""
        try:
            self._current, self.expires = self._load()
        except BadCertificate as e:
            return str(e)
        return ""

    def _load(self) -> tuple[ssl.SSLContext, float]:
        """A context, and when its certificate ends, in seconds since 1970."""
        tls = self._tls
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION
        context.num_tickets = 0
        expires = self._expiry(tls.cert_file)
        try:
            # A key behind a password must not make the server ask for it on a terminal.
            context.load_cert_chain(tls.cert_file, tls.key_file, password=lambda: "")
        except OSError as e:
            raise BadCertificate(f"{tls.cert_file}, {tls.key_file}: {_why(e)}") from None
        if tls.client_ca_file:
            context.verify_mode = ssl.CERT_REQUIRED
            try:
                context.load_verify_locations(tls.client_ca_file)
            except OSError as e:
                raise BadCertificate(f"{tls.client_ca_file}: {_why(e)}") from None
            if not context.cert_store_stats()["x509"]:
                raise BadCertificate(f"{tls.client_ca_file}: holds no certificate")
        return context, expires

    @staticmethod
    def _expiry(path: str) -> float:
        try:
            certificates = x509.load_pem_x509_certificates(Path(path).read_bytes())
        except OSError as e:
            raise BadCertificate(f"{path}: {_why(e)}") from None
        except ValueError:
            raise BadCertificate(f"{path}: not a PEM certificate") from None
        return min(c.not_valid_after_utc.timestamp() for c in certificates)


def _why(error: OSError) -> str:
    """What is wrong with certificate files, in words: OpenSSL's own are for those who know its sources."""
    if not isinstance(error, ssl.SSLError):
        return error.strerror or str(error)
    reason: Any = getattr(error, "reason", None)
    if reason == "KEY_VALUES_MISMATCH":
        return "the key does not belong to the certificate"
    return f"not a usable PEM file ({reason or 'unreadable, or behind a password'})"
