"""What ``sync``, ``worker`` and ``up`` are told to follow: their options, and the settings that come of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from ..settings.durations import seconds
from .faults import Fault
from .platforms import platforms

if TYPE_CHECKING:
    from ..settings import sync as told_settings
    from ..settings.sync import Sync

Many = Annotated[tuple[str, ...], Parameter(consume_multiple=False)]
HUB: Final = "https://registry-1.docker.io"
LAYER_ROOT: Final = "/data/docker/layers"
CLAIR_ROOT: Final = "/data/clair/layers"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """The repositories of one registry, and who scans their images.

    Parameters
    ----------
    repository
        a repository to follow, or several with commas between; repeatable
    registry_url
        the registry that they are in
    poll_delay
        the time between two looks at a repository
    platform
        a platform that there are nodes of, linux/amd64, say; repeatable. What images have for others is neither fetched
        nor scanned; without, all is
    clair_url
        Clair: an address that ends in /v1 is its first interface, any other the fourth; without, nothing is scanned
    serve_blobs_addr
        HOST:PORT where Clair fetches layers, for registries that it cannot reach or may not pull from
    """

    repository: Many = ()
    registry_url: str = HUB
    poll_delay: str = "60s"
    platform: Many = ()
    clair_url: str | None = None
    serve_blobs_addr: str | None = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True, slots=True)
class Following(Source):
    """All of what ``sync`` and ``worker`` do alike.

    Parameters
    ----------
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
    admin_addr
        where /healthz, /readyz and /metrics are, HOST:PORT; nowhere by default
    """

    opa_url: Many = ()
    opa_layer_root: str = LAYER_ROOT
    opa_clair_root: str = CLAIR_ROOT
    settings: str | None = None
    include: Many = ()
    exclude: Many = ()
    store: str | None = None
    recheck: str = "15m"
    admin_addr: str | None = None

    def gathered(self) -> Sync:
        """The settings of the file with what the options add to them; raises a fault for what cannot be used."""
        from ..settings.sync import BadSettings

        try:
            found = self._settings()
        except BadSettings as e:
            mistaken = self.settings is not None and str(e).startswith(self.settings)
            raise Fault("IE2003", str(e), hint="mend the settings file" if mistaken else _HELP) from None
        if not any(r.repositories for r in found.registries) and not found.allow:
            raise Fault(
                "IE2004", "no repository is to be followed", hint="--repository library/nginx, or --settings FILE"
            )
        return found

    def _settings(self) -> Sync:
        """Raises :class:`BadSettings` and a fault."""
        import msgspec

        from ..settings import sync as told
        from ..wiring.nodes import nodes

        found = told.Sync()
        if self.settings is not None:
            found = told.read(Path(self.settings))
            named = tuple(_named(r, self.settings) for r in found.registries)
            found = msgspec.structs.replace(found, registries=named)
        changes: dict[str, Any] = self._times() | self._roots()
        registry = told.Registry(name=registry_name(self.registry_url), url=self.registry_url)
        if followed := self._followed(registry.name):
            registry = next((r for r in found.registries if r.name == registry.name), registry)
            others = tuple(r for r in found.registries if r.name != registry.name)
            names = {r.name for r in followed}
            kept = tuple(r for r in registry.repositories if r.name not in names)
            merged = msgspec.structs.replace(registry, repositories=(*kept, *followed))
            changes |= {"registries": (*others, merged), "legacy_registry": registry.name}
        if self.clair_url is not None:
            url = told.address(self.clair_url, "--clair-url")
            changes["scanner"] = told.Scanner(kind="clair-v1" if url.endswith("/v1") else "clair-v4", url=url)
        if self.opa_url:
            urls = [told.address(url, "--opa-url").removesuffix("/v1") for url in self.opa_url]
            changes["sinks"] = (*found.sinks, *(told.Sink(url=url) for url in urls))
        if self.platform:
            changes["platforms"] = tuple(map(str, platforms(self.platform)))
        if self.store is not None:
            changes["store"] = self.store
        if self.serve_blobs_addr is not None:
            blobs = found.blobs or told.Blobs(addr=self.serve_blobs_addr)
            changes["blobs"] = msgspec.structs.replace(blobs, addr=self.serve_blobs_addr)
        found = msgspec.structs.replace(found, **changes)
        if self.serve_blobs_addr is not None:
            served = tuple(msgspec.structs.replace(r, serve_blobs=True) for r in found.registries)
            found = msgspec.structs.replace(found, registries=served)
        told.check_blobs(found)
        nodes(found)
        told.check_roots(found)
        return found

    def _times(self) -> dict[str, float]:
        """What the options say of lengths of time: against a file those alone that were given."""
        changes: dict[str, float] = {}
        for option, text, default, name in (
            ("--poll-delay", self.poll_delay, "60s", "every"), ("--recheck", self.recheck, "15m", "recheck"),
        ):  # fmt: skip
            try:
                length = seconds(text)
            except ValueError as e:
                raise Fault("IE2003", f"{option} {e}", hint=f"{option} {default}") from None
            if length < 1:
                raise Fault("IE2003", f"{option} is at least one second", hint=f"{option} {default}")
            if text != default or self.settings is None:
                changes[name] = length
        return changes

    def _roots(self) -> dict[str, str]:
        """The same of where documents are put."""
        told = (("layer_root", self.opa_layer_root, LAYER_ROOT), ("clair_root", self.opa_clair_root, CLAIR_ROOT))
        return {name: root for name, root, default in told if root != default or self.settings is None}

    def _followed(self, registry: str) -> tuple[told_settings.Repository, ...]:
        from ..settings.sync import Repository

        told = [name.strip() for text in self.repository for name in text.split(",") if name.strip()]
        names = [_full(name, registry) for name in told]
        include = self.include or ("*",)
        return tuple(Repository(name=name, include=include, exclude=self.exclude) for name in dict.fromkeys(names))


SOURCE: Final = Source()
FOLLOWING: Final = Following()
_HELP: Final = "image-enforcer sync --help"


def _named(registry: told_settings.Registry, path: str) -> told_settings.Registry:
    """A registry of a file whose repositories are called as references call them; raises a fault for what is none."""
    import msgspec

    named = tuple(msgspec.structs.replace(r, name=_full(r.name, registry.name, path)) for r in registry.repositories)
    if twice := next((name for name, times in Counter(r.name for r in named).items() if times > 1), None):
        text = f"{path}: repository {twice!r} of {registry.name} is there twice"
        raise Fault("IE2003", text, hint="name it once, with all its globs")
    return msgspec.structs.replace(registry, repositories=named)


def registry_name(url: str) -> str:
    """The name that references have for the registry at an address."""
    from urllib.parse import urlsplit

    from ..settings.sync import BadSettings, address

    try:
        host = urlsplit(address(url, "--registry-url")).netloc.rpartition("@")[2]
    except BadSettings as e:
        meant = f"https://{url}" if url and "://" not in url else HUB
        raise Fault("IE2003", str(e), hint=f"--registry-url {meant}") from None
    return "docker.io" if url.rstrip("/") == HUB or host in ("docker.io", "index.docker.io") else host.lower()


def _full(name: str, registry: str, path: str = "") -> str:
    """A repository's path in its registry; raises a fault for what is none. ``path`` is the file that names it."""
    from ..analysis import reference

    where = f"{path}: " if path else ""
    hint = "mend the settings file" if path else "--repository library/nginx"
    first, slash, rest = name.partition("/")
    # Only Docker Hub has no namespaces that look like hosts; elsewhere, ghcr.io/team/app may be a copy of that.
    hosts = registry == "docker.io" and ("." in first or first == "localhost")
    if slash and (":" in first or hosts or first == registry):
        if path:
            hint = f"write {rest} among the repositories of the registry with the name {first}"
        else:
            hint = f"--registry-url https://{first} --repository {rest}"
        if first in (registry, "docker.io", "index.docker.io"):
            hint = f"write {rest}" if path else f"--repository {rest}"
        text = f"{where}repository {name!r} names a registry, and is looked for in {registry}"
        raise Fault("IE2003", text, hint=hint)
    try:
        found = reference.parse(f"{registry}/{name}")
    except reference.BadReference as e:
        raise Fault("IE2003", f"{where}repository {name!r}: {e}", hint=hint) from None
    if found.registry != registry:
        text = f"{where}the registry {registry!r} of repository {name!r} is called {found.registry!r} in references"
        raise Fault("IE2003", text, hint=f"call it {found.registry}")
    if found.digest is not None or found.tag != "latest" or name.endswith(":latest"):
        hint = "name the repository, without a tag"
        raise Fault("IE2003", f"{where}repository {name!r} names an image", hint=hint)
    return found.repository
