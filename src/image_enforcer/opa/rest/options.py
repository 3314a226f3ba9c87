"""How the server is asked to serve, and the TLS that follows from it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Final

from ...rego import Limits, Value
from ...rego.outside import Network
from .bodies import BodyLimits

_TLS_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to serve.

    ``diagnostic`` are addresses for health and metrics only, ``grace`` the seconds for running requests after a signal.
    """

    addresses: tuple[str, ...] = ("localhost:8181",)
    diagnostic: tuple[str, ...] = ()
    log_level: str = "info"
    log_format: str = "json"
    authentication: str = "off"
    authorization: str = "off"
    cert_file: str = ""
    key_file: str = ""
    ca_file: str = ""
    min_tls: str = "1.2"
    grace: int = 10
    unix_mode: int = 0o755
    ignore: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    bodies: BodyLimits = field(default_factory=BodyLimits)
    network: Network | None = None
    runtime: Value = None


class SetupError(Exception):
    """The server cannot be started as asked; nothing has been served."""


def tls_context(options: Options) -> ssl.SSLContext | None:
    """What TLS needs, None without a certificate; raises :class:`SetupError`."""
    if options.authentication == "tls" and not (options.cert_file and options.ca_file):
        raise SetupError("--authentication=tls needs --tls-cert-file, --tls-private-key-file and --tls-ca-cert-file")
    if not options.cert_file:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _TLS_VERSIONS[options.min_tls]
    try:
        context.load_cert_chain(options.cert_file, options.key_file)
    except (OSError, ssl.SSLError) as e:
        raise SetupError(f"{options.cert_file}, {options.key_file}: {e.strerror or e}") from None
    if options.ca_file:
        try:
            context.load_verify_locations(options.ca_file)
        except (OSError, ssl.SSLError) as e:
            raise SetupError(f"{options.ca_file}: {e.strerror or e}") from None
    if options.authentication == "tls":
        context.verify_mode = ssl.CERT_REQUIRED
    return context
