"""What ``sync`` can be told: registries with the repositories to follow, a scanner, sinks and a store.

A settings file is YAML with these names; unknown ones are errors. Secrets stand in files of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args
from urllib.parse import urlsplit

import msgspec
import yaml

from ..analysis import addresses, documents
from ..analysis.reference import DEFAULT_REGISTRY
from ..domain.errors import EnforcerError
from .durations import seconds

MAX_FILE: Final = 4 << 20
OWN_ROOT: Final = ("image_enforcer",)
"""Where it is said how far documents have come."""


class BadSettings(EnforcerError):
    """A settings file that cannot be used; the text says where and why."""


_LENGTHS: Final = ("every", "recheck", "lease", "look_timeout", "keep")
"""Settings that are lengths of time."""

Seconds = Annotated[float, msgspec.Meta(ge=1, le=366 * 86400)]
Long = Annotated[float, msgspec.Meta(ge=3600, le=366 * 86400)]
Few = Annotated[int, msgspec.Meta(ge=1, le=100)]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the settings. An unknown name in it is a mistake, not a wish for later."""


class Repository(Part, frozen=True, kw_only=True):
    """A repository to follow."""

    name: str
    """Its path in the registry: ``library/nginx``."""
    include: tuple[str, ...] = ("*",)
    """Globs of the tags to follow."""
    exclude: tuple[str, ...] = ()
    """Globs of the tags to leave out of them."""
    immutable: tuple[str, ...] = ()
    """Globs of the tags that never move, so that they are asked about once."""


class Mirror(Part, frozen=True, kw_only=True):
    """A place that has copies of a registry's content."""

    url: str
    proxy: bool = False
    """Whether it stands before several registries, and is told by ``ns=`` which one is meant."""


class Registry(Part, frozen=True, kw_only=True):
    """A registry, and what to follow in it."""

    name: str
    """As in references: ``docker.io``, ``registry.corp:5000``."""
    url: str = ""
    """Where its interface is, if elsewhere than its name says. ``http://`` allows plain HTTP."""
    repositories: tuple[Repository, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
    ca_file: str = ""
    """Authorities to trust beside the system's (PEM)."""
    skip_verify: bool = False
    """Take any certificate."""
    private_hosts: tuple[str, ...] = ()
    """Hosts at private addresses that it may redirect to, or get tokens from."""
    username: str = ""
    password_file: str = ""
    """A file with the password of ``username``."""
    requests_per_second: Annotated[float, msgspec.Meta(gt=0, le=10_000)] = 100.0
    serve_blobs: bool = False
    """Whether the scanner fetches its blobs here, since it cannot reach the registry or may not pull there."""


Kind = Literal["clair-v4", "clair-v1"]
KINDS: Final = get_args(Kind)


class Scanner(Part, frozen=True, kw_only=True):
    """Who scans images."""

    kind: Kind
    url: str
    key_file: str = ""
    """Clair v4's pre-shared key, base64."""
    issuer: str = "clair-intraservice"
    ca_file: str = ""


class Blobs(Part, frozen=True, kw_only=True):
    """Where the scanner fetches blobs of registries with ``serve_blobs``."""

    addr: str
    """``HOST:PORT``."""
    url: str = ""
    """What the scanner calls it, if otherwise."""
    cert_file: str = ""
    key_file: str = ""
    allow_http: bool = False
    """Whether blobs may go beyond loopback without TLS."""
    secret_file: str = ""
    """What links are sealed with, where several processes are reached at one ``url``; else chosen at the start."""


class Sink(Part, frozen=True, kw_only=True):
    """A running OPA that gets the documents older policies read."""

    url: str
    token_file: str = ""
    ca_file: str = ""


class Sync(Part, frozen=True, kw_only=True):
    """All of ``sync``."""

    registries: tuple[Registry, ...] = ()
    allow: tuple[str, ...] = ()
    """Globs of repositories, ``registry.corp/*``, that are followed from when somebody asks about an image in them."""
    store: str = ""
    """``sqlite:///path`` or ``postgresql://…``."""
    every: Seconds = 60.0
    """Seconds between two looks at a repository."""
    platforms: tuple[str, ...] = ()
    """The platforms that there are nodes of: what images have for others is not fetched. Without any, all are."""
    scanner: Scanner | None = None
    recheck: Seconds = 900.0
    """Seconds for which a report is taken for current."""
    blobs: Blobs | None = None
    sinks: tuple[Sink, ...] = ()
    legacy_registry: str = ""
    """The one registry that ``data.docker.layers`` is about; see :func:`legacy_registry`."""
    layer_root: str = "/data/docker/layers"
    clair_root: str = "/data/clair/layers"
    docker_config: str | tuple[str, ...] = ""
    """Docker configuration files with credentials, or mounted pull secrets, instead of those that docker and podman
    read."""
    looks_at_once: Few = 4
    scans_at_once: Few = 4
    look_timeout: Seconds = 600.0
    """Seconds that one look at a repository takes at most."""
    lease: Seconds = 120.0
    """Seconds after which what a worker had begun that died is anybody's. One that lives keeps what it has."""
    keep: Long = 30 * 86400.0
    """Seconds for which what nothing points to any more is kept: who reads facts and was away for longer reads all of
    them anew."""

    @property
    def credential_files(self) -> tuple[str, ...]:
        """The files of ``docker_config``; none where those count that docker and podman read."""
        told = (self.docker_config,) if isinstance(self.docker_config, str) else self.docker_config
        return tuple(file for file in told if file)


def legacy_registry(found: Sync) -> str:
    """The one registry that ``data.docker.layers`` is about: where none is named the only one, else Docker Hub."""
    only = found.registries[0].name if len(found.registries) == 1 else "docker.io"
    return found.legacy_registry or only


def steps(path: str) -> tuple[str, ...]:
    """The steps of a path below ``/data``, which the original's flags write in front; raises :class:`BadSettings`."""
    found = [step for step in path.split("/") if step]
    if found[:1] == ["data"]:
        found = found[1:]
    if not found or {".", ".."} & set(found):
        raise BadSettings(f"{path!r} is no path below data; write /data/docker/layers, say")
    return tuple(found)


def check_roots(found: Sync) -> None:
    """Raises :class:`BadSettings` where documents would lie among others: where the ones go, so would the others."""
    roots = [steps(found.layer_root), steps(found.clair_root), documents.OTHER_ROOT, OWN_ROOT]
    if (clash := documents.entangled(roots)) is not None:
        one, other = (f"/data/{root}" for root in clash)
        raise BadSettings(
            f"{one} and {other} are not apart: layer_root (--opa-layer-root) and clair_root (--opa-clair-root) lie "
            "neither in one another nor among other documents; by default they are /data/docker/layers and "
            "/data/clair/layers"
        )


def address(url: str, what: str) -> str:
    """An address of HTTP or HTTPS without the slash at its end; raises :class:`BadSettings`."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and addresses.is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        good = False
    if not good:
        before, _, shown = url.rpartition("@")  # a password may stand before the last of them
        shown = f"{before.partition('://')[0]}://{shown}" if "://" in before else shown
        raise BadSettings(f"{what} {shown!r} is no address; write https://host:port")
    return url.rstrip("/")


def check_blobs(found: Sync) -> None:
    """Raises :class:`BadSettings` where what is said of blobs does not fit together."""
    served = any(registry.serve_blobs for registry in found.registries)
    if served and found.blobs is None:
        raise BadSettings("a registry has serve_blobs, and there is no blobs.addr: write blobs: {addr: 'HOST:PORT'}")
    if found.blobs is None:
        return
    if not served:
        raise BadSettings("blobs are of no registry: write serve_blobs: true at those that are meant")
    if found.scanner is None:
        raise BadSettings("blobs are for a scanner, and there is none: give --clair-url, or scanner")
    if bool(found.blobs.cert_file) != bool(found.blobs.key_file):
        raise BadSettings("blobs.cert_file and blobs.key_file must be given together")
    if found.blobs.url:
        address(found.blobs.url, "blobs.url")


def read(path: Path) -> Sync:
    """The settings in a file; raises :class:`BadSettings`."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as e:
        raise BadSettings(f"{path}: {e.strerror or e}") from None
    if len(content) > MAX_FILE:
        raise BadSettings(f"{path}: larger than {MAX_FILE} bytes")
    try:
        document: Any = yaml.safe_load(content)
    except (yaml.YAMLError, RecursionError, ValueError) as e:
        mark = getattr(e, "problem_mark", None)
        at = f":{mark.line + 1}" if mark is not None else ""
        raise BadSettings(f"{path}{at}: {getattr(e, 'problem', None) or 'this is no YAML'}") from None
    try:
        found = msgspec.convert(_in_full(document) if document is not None else {}, Sync)
        _check(found)
    except (msgspec.ValidationError, RecursionError) as e:
        raise BadSettings(f"{path}: {_plain(str(e))}") from None
    except BadSettings as e:
        raise BadSettings(f"{path}: {e}") from None
    return found


def _in_full(document: Any) -> Any:
    """A document with lengths of time as seconds, and with repositories that are written as a name alone as objects."""
    if not isinstance(document, dict):
        return document
    found = dict(document)
    for name in _LENGTHS:
        if isinstance(found.get(name), str):
            try:
                found[name] = seconds(found[name])
            except ValueError as e:
                raise BadSettings(f"{name}: {e}") from None
    if isinstance(found.get("registries"), list):
        found["registries"] = [_registry_in_full(registry) for registry in found["registries"]]
    return found


def _registry_in_full(document: Any) -> Any:
    if not isinstance(document, dict) or not isinstance(document.get("repositories"), list):
        return document
    return {**document, "repositories": [{"name": r} if isinstance(r, str) else r for r in document["repositories"]]}


def _check(found: Sync) -> None:
    """Raises :class:`BadSettings` for what can be read and cannot be meant."""
    for glob in found.allow:
        if not all(glob.partition("/")):
            raise BadSettings(f"allow: {glob!r} names no registry; write registry.corp/*, say")
    names: set[str] = set()
    for number, registry in enumerate(found.registries):
        where = f"registries[{number}]"
        scheme, there, rest = registry.name.rpartition("://")
        if "/" in rest or there:
            host = rest.partition("/")[0] or "registry.corp:5000"
            url = f"{scheme or 'https'}://{host}"
            raise BadSettings(f"{where}.name: {registry.name!r} is an address; write name: {host}, and url: {url}")
        if registry.name.lower() in names:
            raise BadSettings(f"{where}.name: {registry.name!r} is there twice; write its repositories in one place")
        names.add(registry.name.lower())
        if bool(registry.username) != bool(registry.password_file):
            raise BadSettings(f"{where}: username and password_file must be given together")
    for place, url in _addresses(found):
        address(url, place)
    _check_legacy(found)


def _check_legacy(found: Sync) -> None:
    """Raises :class:`BadSettings` for a legacy registry of which nothing is ever known."""
    name, names = found.legacy_registry, [registry.name for registry in found.registries]
    allowed = any(fnmatchcase(name, glob.partition("/")[0].lower()) for glob in found.allow)
    if name and name not in names and name != DEFAULT_REGISTRY and not allowed:
        meant = f"write {' or '.join(names[:3])}" if names else "name it among registries"
        raise BadSettings(f"legacy_registry: {name!r} is none of the registries; {meant}")


def _addresses(found: Sync) -> Iterator[tuple[str, str]]:
    """The addresses that are asked, with their places; those that may be left out, where they are not."""
    for i, registry in enumerate(found.registries):
        if registry.url:
            yield f"registries[{i}].url", registry.url
        for j, mirror in enumerate(registry.mirrors):
            yield f"registries[{i}].mirrors[{j}].url", mirror.url
    if found.scanner is not None:
        yield "scanner.url", found.scanner.url
    for i, sink in enumerate(found.sinks):
        yield f"sinks[{i}].url", sink.url


def _plain(message: str) -> str:
    """``Object contains unknown field `x` - at `$.registries[0]``` as somebody who wrote YAML reads it."""
    what, at, where = message.partition(" - at `")
    what = what.replace("Object contains unknown field", "there is no setting")
    if where.startswith("$.scanner.kind"):
        what = f"{what}; write {' or '.join(KINDS)}"
    return f"{where.rstrip('`').removeprefix('$.')}: {what}" if at else what
