"""Certificates: real handshakes over loopback, and files that change under the server."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from image_enforcer.server.certificates import BadCertificate, Certificates
from image_enforcer.settings import Tls
from tests.e2e.certificates import Authority, Pair


class Files:
    """The files that a server is told of, replaced by what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.tls = Tls(
            cert_file=str(folder / "tls.crt"),
            key_file=str(folder / "tls.key"),
            client_ca_file=str(folder / "clients.crt"),
        )

    def put(self, pair: Pair, clients: Authority) -> None:
        """A certificate with its key, and the authority of the clients."""
        shutil.copy(pair.certificate, self.tls.cert_file)
        shutil.copy(pair.key, self.tls.key_file)
        shutil.copy(clients.certificate, self.tls.client_ca_file)


def authority(folder: Path, name: str) -> Authority:
    """An authority in a folder of its own."""
    (folder / name).mkdir()
    return Authority(folder / name)


def spoil(path: str) -> None:
    """Make a file one that cannot be used."""
    Path(path).write_text("-----BEGIN CERTIFICATE-----\n", encoding="utf-8")


@contextlib.asynccontextmanager
async def listening(certificates: Certificates) -> AsyncIterator[int]:
    """A server that says hello to whoever may connect; its port."""

    async def hello(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    server = await asyncio.start_server(hello, "127.0.0.1", 0, ssl=certificates.listening)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def connect(port: int, trust: Authority, client: Pair | None) -> bytes:
    """What a client that trusts an authority is told; nothing where the server turns it away."""
    context = ssl.create_default_context(cafile=str(trust.certificate))
    if client is not None:
        context.load_cert_chain(client.certificate, client.key)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    except (ssl.SSLError, ConnectionError):
        return b""
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_clients_need_a_certificate_of_the_authority(tmp_path: Path) -> None:
    own, other = authority(tmp_path, "own"), authority(tmp_path, "other")
    files = Files(tmp_path)
    files.put(own.issue("server"), own)
    async with listening(Certificates(files.tls)) as port:
        assert await connect(port, own, own.issue("client")) == b"hello"
        assert await connect(port, own, other.issue("client")) == b""
        assert await connect(port, own, None) == b""


async def test_new_files_hold_for_new_connections(tmp_path: Path) -> None:
    old, new = authority(tmp_path, "old"), authority(tmp_path, "new")
    files = Files(tmp_path)
    files.put(old.issue("server"), old)
    certificates = Certificates(files.tls)
    async with listening(certificates) as port:
        assert await connect(port, old, old.issue("client")) == b"hello"
        files.put(new.issue("server"), new)
        assert certificates.reload() == ""
        assert await connect(port, new, new.issue("client")) == b"hello"
        assert await connect(port, new, old.issue("client")) == b""
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(port, old, new.issue("client"))


async def test_broken_files_leave_the_old_ones_in_force(tmp_path: Path) -> None:
    own = authority(tmp_path, "own")
    files = Files(tmp_path)
    files.put(own.issue("server"), own)
    certificates = Certificates(files.tls)
    async with listening(certificates) as port:
        spoil(files.tls.cert_file)
        assert files.tls.cert_file in certificates.reload()
        spoil(files.tls.client_ca_file)
        assert certificates.reload()
        assert await connect(port, own, own.issue("client")) == b"hello"


def test_the_earliest_end_counts(tmp_path: Path) -> None:
    own = authority(tmp_path, "own")
    files = Files(tmp_path)
    files.put(own.issue("server"), own)
    assert Certificates(files.tls).expires > 1e9


@pytest.mark.parametrize(
    ("break_", "said"),
    [
        (lambda t, own: Path(t.cert_file).unlink(), "tls.crt: No such file"),
        (lambda t, own: Path(t.key_file).unlink(), "No such file"),
        (lambda t, own: Path(t.client_ca_file).unlink(), "clients.crt: No such file"),
        (lambda t, own: Path(t.cert_file).write_text("x"), "tls.crt: not a PEM certificate"),
        (lambda t, own: Path(t.key_file).write_text("x"), "tls.key: not a usable PEM file"),
        (lambda t, own: Path(t.client_ca_file).write_text(""), "clients.crt: "),
        (lambda t, own: Path(t.client_ca_file).write_bytes(b"\0\1"), "clients.crt: "),
        (lambda t, own: shutil.copy(own.issue("other").key, t.key_file), "the key does not belong to the certificate"),
        (lambda t, own: Path(t.key_file).write_bytes(behind_a_password(Path(t.key_file))), "behind a password"),
    ],
    ids=["no certificate", "no key", "no authorities", "text", "key text", "empty", "binary", "mismatch", "password"],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, break_: Callable[[Tls, Authority], object], said: str) -> None:
    own = authority(tmp_path, "own")
    files = Files(tmp_path)
    files.put(own.issue("server"), own)
    break_(files.tls, own)
    with pytest.raises(BadCertificate) as caught:
        Certificates(files.tls)
    assert said in str(caught.value)


def behind_a_password(path: Path) -> bytes:
    """The key of a file, encrypted."""
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
