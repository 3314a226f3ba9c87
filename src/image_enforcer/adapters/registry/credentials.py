"""Who we are to registries: Docker's configuration files, their helpers, and the pull secrets of Kubernetes.

Sources: docker/cli config file (``auths``, or hosts at the top as it was first, ``credsStore``, ``credHelpers``);
containers-auth.json(5), whose keys may name a part of a registry, the most specific first; Kubernetes, "Using private
registries", whose keys may have globs.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from ...analysis.reference import DEFAULT_REGISTRY
from ...domain.reference import Repository
from ...ports.registry import NotAuthorised

MAX_FILE: Final = 1 << 20
HELPER_SECONDS: Final = 30.0
HELPER_OUTPUT: Final = 256 << 10
REMEMBERED: Final = 300.0
"""Seconds for which a helper's answer is kept."""
_HUB: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_HUB_KEY: Final = "https://index.docker.io/v1/"
_TOKEN: Final = re.compile(r"[!-~]+")
_HELPER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Nobody in particular."""


@dataclass(frozen=True, slots=True)
class Password:
    """A user with a password."""

    user: str
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        """As a header says it (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Identity:
    """A token that stands for a user, good for getting other tokens (``identitytoken``)."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that registries take as it is (``registrytoken``)."""

    token: str = field(repr=False)


Credential: TypeAlias = Anonymous | Password | Identity | Bearer
ANONYMOUS: Final = Anonymous()


class BadCredentials(NotAuthorised):
    """A file of credentials that cannot be read, or a helper that fails. Never holds what was in it."""


@dataclass(frozen=True, slots=True)
class Helper:
    """A program that knows credentials: ``docker-credential-NAME``."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Whom something is meant for: a host with an optional port, perhaps with globs, and a part of its paths."""

    host: str
    path: str = ""
    everywhere: bool = False
    """Whether it is meant for every registry; an empty host alone is a slip, and means none."""

    def fits(self, repository: Repository) -> bool:
        """Whether a repository is among them."""
        if self.path and not (repository.path == self.path or repository.path.startswith(f"{self.path}/")):
            if not ("*" in self.path and fnmatchcase(repository.path, self.path)):
                return False
        registry = repository.registry.lower()
        if self.everywhere or self.host == (DEFAULT_REGISTRY if registry in _HUB else registry):
            return True
        if registry.startswith("[") or self.host.startswith("["):
            return False
        # As Kubernetes: a glob stands within one part of a name, never for several, and never for a port.
        (ours, our_port), (theirs, their_port) = self.host.rpartition(":")[::2], registry.rpartition(":")[::2]
        if ":" not in self.host:
            ours, our_port = self.host, ""
        if ":" not in registry:
            theirs, their_port = registry, ""
        our_parts, their_parts = ours.replace("[^", "[!").split("."), theirs.split(".")
        return (
            our_port == their_port
            and len(our_parts) == len(their_parts)
            and all(fnmatchcase(t, o) for o, t in zip(our_parts, their_parts, strict=True))
        )

    @property
    def rank(self) -> tuple[int, int, int]:
        """What comes first: longer paths, then hosts with fewer globs, then longer ones."""
        return -len(self.path), sum(map(self.host.count, "*?[")), -len(self.host)


@dataclass(frozen=True, slots=True)
class Entry:
    """A credential, or who knows it, and whom it is meant for."""

    key: Key
    credential: Credential | Helper


def key(text: str) -> Key:
    """A key from the text in a configuration file: ``quay.io/team``, ``https://index.docker.io/v1/``."""
    rest = text.partition("://")[2] or text
    host, _, path = rest.partition("/")
    host = host.lower()
    path = path.strip("/")
    if path in ("v1", "v2") or (path.startswith(("v1/", "v2/")) and "://" in text):
        path = ""
    return Key(host=DEFAULT_REGISTRY if host in _HUB else host, path=path)


class _Auth(msgspec.Struct, frozen=True):
    auth: str | None = None
    username: str | None = None
    password: str | None = None
    identitytoken: str | None = None
    registrytoken: str | None = None


class _Config(msgspec.Struct, frozen=True, rename="camel"):
    auths: dict[str, _Auth | None] | None = None
    creds_store: str | None = None
    cred_helpers: dict[str, str] | None = None


def parse(content: bytes, place: str) -> tuple[Entry, ...]:
    """The entries of a configuration file, a ``.dockerconfigjson`` or a ``.dockercfg``; raises :class:`BadCredentials`.

    ``credsStore`` is asked about every registry, whether or not ``auths`` has a word on it, as docker does.
    """
    try:
        read = msgspec.json.decode(content, type=_Config)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise BadCredentials(f"{place}: this is no Docker configuration; write it with docker login") from None
    entries = [Entry(key(host), Helper(_named(name, place))) for host, name in (read.cred_helpers or {}).items()]
    auths = _old_form(content, place) if read.auths is None and not entries and not read.creds_store else read.auths
    for host, auth in (auths or {}).items():
        credential = _credential(auth, f"{place}, {host}") if auth is not None else None
        if credential is not None:
            entries.append(Entry(key(host), credential))
    if read.creds_store:
        entries.append(Entry(Key(host="", everywhere=True), Helper(_named(read.creds_store, place))))
    return tuple(entries)


def _old_form(content: bytes, place: str) -> dict[str, _Auth]:
    """The entries of a file without ``auths``: in the first form of it, and in pull secrets of the type
    kubernetes.io/dockercfg, hosts stand at the top. Nothing else that may stand there is called like a host."""
    fields: dict[str, msgspec.Raw] = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    try:
        return {
            name: msgspec.json.decode(told, type=_Auth)
            for name, told in fields.items()
            if any(c in name for c in ".:") or name == "localhost"
        }
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise BadCredentials(f"{place}: this is no Docker configuration; write it with docker login") from None


def _named(helper: str, place: str) -> str:
    if not _HELPER.fullmatch(helper):
        raise BadCredentials(f"{place}: {helper[:80]!r} cannot be the name of a credential helper")
    return helper


def _credential(auth: _Auth, place: str) -> Credential | None:
    for token in (auth.identitytoken, auth.registrytoken):
        if token and not _TOKEN.fullmatch(token):
            raise BadCredentials(f"{place}: a token with spaces or control characters; write it with docker login")
    if auth.identitytoken:
        return Identity(auth.identitytoken)
    if auth.registrytoken:
        return Bearer(auth.registrytoken)
    if auth.username and auth.password is not None:
        return Password(auth.username, auth.password)
    if not auth.auth:
        return None
    try:
        user, colon, password = base64.b64decode(auth.auth, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise BadCredentials(f"{place}: auth is not base64 of user:password; write it with docker login") from None
    if not colon:
        raise BadCredentials(f"{place}: auth is not user:password; write it with docker login")
    return Password(user, password.rstrip("\0"))


def read(path: Path) -> tuple[Entry, ...]:
    """The entries of a file; raises :class:`BadCredentials`."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as e:
        raise BadCredentials(f"{path}: {e.strerror or e}") from None
    if len(content) > MAX_FILE:
        raise BadCredentials(f"{path}: larger than {MAX_FILE} bytes")
    return parse(content, str(path))


def places(environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """Where configuration files are looked for, as docker and podman do; the first that exists is read."""
    found: list[Path] = []
    if environment.get("REGISTRY_AUTH_FILE"):
        found.append(Path(environment["REGISTRY_AUTH_FILE"]))
    if environment.get("DOCKER_CONFIG"):
        found.append(Path(environment["DOCKER_CONFIG"]) / "config.json")
    if environment.get("XDG_RUNTIME_DIR"):
        found.append(Path(environment["XDG_RUNTIME_DIR"]) / "containers/auth.json")
    return (*found, home / ".docker/config.json")


def of_environment(environment: Mapping[str, str], registry: str) -> tuple[Entry, ...]:
    """``DOCKER_USER`` and ``DOCKER_PASSWORD``, which are meant for one registry."""
    user, password = environment.get("DOCKER_USER"), environment.get("DOCKER_PASSWORD")
    return (Entry(key(registry), Password(user, password)),) if user and password else ()


Ask: TypeAlias = Callable[[str, str], Awaitable[tuple[int, bytes]]]
"""Runs a helper with a host on its standard input; its exit code and output."""


async def ask_helper(program: str, host: str) -> tuple[int, bytes]:
    """Run a helper; raises :class:`OSError` and :class:`TimeoutError`."""
    process = await asyncio.create_subprocess_exec(
        program, "get", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, env=dict(os.environ),
    )  # fmt: skip
    try:
        output, _ = await asyncio.wait_for(process.communicate(host.encode()), HELPER_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, output[:HELPER_OUTPUT]


class Keychain:
    """All credentials there are, the most specific first."""

    def __init__(self, entries: Sequence[Entry] = (), *, clock: Callable[[], float], ask: Ask = ask_helper) -> None:
        self._entries = sorted(entries, key=lambda e: e.key.rank)
        self._clock = clock
        self._ask = ask
        self._kept: dict[tuple[str, str], tuple[float, Credential | None]] = {}

    async def of(self, repository: Repository) -> tuple[Credential, ...]:
        """What to try for a repository, in this order; raises :class:`BadCredentials`."""
        found: list[Credential] = []
        failed: BadCredentials | None = None
        for entry in self._entries:
            if not entry.key.fits(repository):
                continue
            credential: Credential | None
            match entry.credential:
                case Helper(name):
                    try:
                        credential = await self._helped(name, repository.registry)
                    except BadCredentials as e:
                        credential, failed = None, failed or e
                case credential:
                    pass
            if credential is not None and credential not in found:
                found.append(credential)
        if not found and failed is not None:
            raise failed
        return tuple(found) or (ANONYMOUS,)

    async def _helped(self, name: str, registry: str) -> Credential | None:
        now = self._clock()
        until, credential = self._kept.get((name, registry), (0.0, None))
        if now < until:
            return credential
        program = f"docker-credential-{name}"
        try:
            code, output = await self._ask(program, _HUB_KEY if registry == DEFAULT_REGISTRY else registry)
        except (OSError, TimeoutError) as e:
            raise BadCredentials(f"{program} cannot be run: {str(e) or 'it does not end'}") from None
        if code != 0:
            if b"credentials not found" not in output:
                raise BadCredentials(f"{program} failed with exit code {code} for {registry}")
            credential = None
        else:
            credential = _told(output, program)
        self._kept[name, registry] = (now + REMEMBERED, credential)
        return credential


def _told(output: bytes, program: str) -> Credential | None:
    try:
        told: dict[str, Any] = msgspec.json.decode(output, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise BadCredentials(f"{program} answers with what is no JSON object") from None
    user, secret = told.get("Username"), told.get("Secret")
    if not isinstance(user, str) or not isinstance(secret, str):
        raise BadCredentials(f"{program} answers without Username and Secret")
    if not secret:
        return None
    if user == "<token>" and not _TOKEN.fullmatch(secret):
        raise BadCredentials(f"{program} answers with a token that has spaces or control characters")
    return Identity(secret) if user == "<token>" else Password(user, secret)
