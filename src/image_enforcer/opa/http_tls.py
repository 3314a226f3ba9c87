"""How a server is believed over TLS, and what is shown to it, as a request of a policy asks for it."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..rego.builtins.certificates import check_pem_pair
from ..rego.errors import BuiltinError
from ..rego.outside import SendFault, Tls

MOST_BYTES = 1 << 20


def context(tls: Tls) -> ssl.SSLContext:
    """The settings of a connection. Raises :class:`SendFault` for certificates and keys that cannot be used."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    roots = [text for text in (tls.roots, _file(tls.roots_file), _variable(tls.roots_variable)) if text]
    if tls.system_roots or not roots:
        made.load_default_certs()
    for text in roots:
        try:
            made.load_verify_locations(cadata=text)
        except (ssl.SSLError, ValueError):
            raise SendFault("could not append certificates", network=False) from None
    if tls.insecure:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    pairs = [tls.certificate, _both(tls.certificate_files, _file), _both(tls.certificate_variables, _variable)]
    for certificate, key in pairs:
        if certificate and key:
            _show(made, certificate, key)
    return made


def _both(names: tuple[str, str], read: object) -> tuple[str, str]:
    assert callable(read)
    return (read(names[0]), read(names[1])) if names[0] and names[1] else ("", "")


def _file(name: str) -> str:
    if not name:
        return ""
    try:
        with Path(name).open("rb") as file:
            return file.read(MOST_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise SendFault(f"open {name}: {(error.strerror or 'cannot be read').lower()}", network=False) from None


def _variable(name: str) -> str:
    return os.environ.get(name, "") if name else ""


def _show(made: ssl.SSLContext, certificate: str, key: str) -> None:
    """OpenSSL takes a certificate with its key from files only; this one has no name that others could open."""
    try:
        check_pem_pair(certificate.encode(), key.encode())
    except BuiltinError as fault:
        raise SendFault(str(fault), network=False) from None
    with _unnamed(f"{certificate}\n{key}\n".encode()) as name:
        try:
            made.load_cert_chain(name, password=lambda: "")
        except (ssl.SSLError, OSError, ValueError):
            raise SendFault("tls: failed to find a certificate and its key in PEM data", network=False) from None


@contextmanager
def _unnamed(data: bytes) -> Iterator[str]:
    handle = os.memfd_create("certificate")
    try:
        os.write(handle, data)
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)
