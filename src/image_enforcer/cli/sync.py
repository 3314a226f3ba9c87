"""``sync``: follows repositories, has their images scanned, and keeps policy data like them."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import Parameter

from .durations import seconds
from .faults import Fault

if TYPE_CHECKING:
    from ..settings import sync as told_settings
    from ..settings.sync import Sync

Flag = Annotated[bool, Parameter(negative=())]
Many = Annotated[tuple[str, ...], Parameter(consume_multiple=False)]
HUB: Final = "https://registry-1.docker.io"
MANY: Final = frozenset({"repository", "include", "exclude", "opa-url"})
"""Options that may be given several times, each time for one more."""
FLAGS: Final = frozenset({"once", "dry-run", "allow-http"})
"""Options without a value."""
LAYER_ROOT: Final = "/data/docker/layers"
CLAIR_ROOT: Final = "/data/clair/layers"


def sync(
    *,
    repository: Many = (),
    registry_url: str = HUB,
    poll_delay: str = "60s",
    clair_url: str | None = None,
    opa_url: Many = (),
    opa_layer_root: str = LAYER_ROOT,
    opa_clair_root: str = CLAIR_ROOT,
    settings: str | None = None,
    include: Many = (),
    exclude: Many = (),
    store: str | None = None,
    recheck: str = "15m",
    once: Flag = False,
    dry_run: Flag = False,
    output: Annotated[Literal["text", "json"], Parameter(name=["--output", "-o"])] = "text",
) -> int:
    """Follow repositories: tags and manifests into the store, images to Clair, findings to policies.

    Nothing is lost when it is stopped or killed: what is to be done follows from the store. One dash is as good as two.
    DOCKER_USER and DOCKER_PASSWORD are used at the registry of --registry-url; others' credentials are read where
    docker and podman keep them.

    Exits with 0; with --once also with 3 where something could not be had, which is said.

    Parameters
    ----------
    repository
        a repository to follow, or several with commas between; repeatable
    registry_url
        the registry that they are in
    poll_delay
        the time between two looks at a repository
    clair_url
        Clair: an address that ends in /v1 is its first interface, any other the fourth; without, nothing is scanned
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
    once
        do everything that is due, and exit
    dry_run
        say what would be looked at, and ask nobody
    output
        text or json: how what happens is told, a line each, on standard output
    """
    from ..domain.errors import EnforcerError
    from ..settings.sync import BadSettings

    found = gathered(
        repository, registry_url, poll_delay, clair_url, opa_url, opa_layer_root, opa_clair_root, settings, include,
        exclude, store, recheck,
    )  # fmt: skip
    if dry_run:
        return _dry(found)
    from ..wiring.sync import ended, run_sync
    from .sync_lines import Lines

    lines = Lines(sys.stdout, output)
    try:
        summary = run_sync(found, lines, once=once, environment=dict(os.environ), home=Path.home())
    except BadSettings as e:
        raise Fault("IE2003", str(e)) from None
    except EnforcerError as e:
        raise Fault("IE3001", str(e), exit_code=ended(e)) from None
    return 3 if once and summary.troubles else 0


def gathered(
    repository: tuple[str, ...], registry_url: str, poll_delay: str, clair_url: str | None, opa_url: tuple[str, ...],
    layer_root: str, clair_root: str, file: str | None, include: tuple[str, ...], exclude: tuple[str, ...],
    store: str | None, recheck: str,
) -> Sync:  # fmt: skip
    """The settings of a file with what the options add to them; raises a fault for what cannot be used."""
    from ..settings.sync import BadSettings

    try:
        found = _settings(
            repository, registry_url, poll_delay, clair_url, opa_url, layer_root, clair_root, file, include, exclude,
            store, recheck,
        )  # fmt: skip
    except BadSettings as e:
        hint = "mend the settings file" if file is not None and str(e).startswith(file) else _HELP
        raise Fault("IE2003", str(e), hint=hint) from None
    if not any(r.repositories for r in found.registries):
        raise Fault("IE2004", "no repository is to be followed", hint="--repository library/nginx, or --settings FILE")
    return found


_HELP: Final = "image-enforcer sync --help"


def _settings(
    repository: tuple[str, ...], registry_url: str, poll_delay: str, clair_url: str | None, opa_url: tuple[str, ...],
    layer_root: str, clair_root: str, file: str | None, include: tuple[str, ...], exclude: tuple[str, ...],
    store: str | None, recheck: str,
) -> Sync:  # fmt: skip
    """The settings of a file, and what the options add to them. Raises :class:`BadSettings` and a fault."""
    import msgspec

    from ..settings import sync as told

    found = told.read(Path(file)) if file is not None else told.Sync()
    changes: dict[str, object] = {}
    for option, text, default, name in (
        ("--poll-delay", poll_delay, "60s", "every"), ("--recheck", recheck, "15m", "recheck"),
    ):  # fmt: skip
        try:
            length = seconds(text)
        except ValueError as e:
            raise Fault("IE2003", f"{option} {e}", hint=f"{option} {default}") from None
        if length < 1:
            raise Fault("IE2003", f"{option} is at least one second", hint=f"{option} {default}")
        if text != default or file is None:
            changes[name] = length
    if layer_root != LAYER_ROOT or file is None:
        changes["layer_root"] = layer_root
    if clair_root != CLAIR_ROOT or file is None:
        changes["clair_root"] = clair_root
    registry = told.Registry(name=_registry_name(registry_url), url=registry_url)
    names = [name.strip() for text in repository for name in text.split(",") if name.strip()]
    if names:
        chosen = tuple(
            told.Repository(name=name, include=include or ("*",), exclude=exclude) for name in dict.fromkeys(names)
        )
        same = [r for r in found.registries if r.name == registry.name]
        others = tuple(r for r in found.registries if r.name != registry.name)
        merged = msgspec.structs.replace(same[0] if same else registry, repositories=chosen)
        if same:
            merged = msgspec.structs.replace(merged, repositories=(*same[0].repositories, *chosen))
        changes["registries"] = (*others, merged)
        changes["legacy_registry"] = registry.name
    if clair_url is not None:
        url = told.address(clair_url, "--clair-url")
        changes["scanner"] = told.Scanner(kind="clair-v1" if url.endswith("/v1") else "clair-v4", url=url)
    if opa_url:
        urls = [told.address(url, "--opa-url").removesuffix("/v1") for url in opa_url]
        changes["sinks"] = (*found.sinks, *(told.Sink(url=url) for url in urls))
    if store is not None:
        changes["store"] = store
    found = msgspec.structs.replace(found, **changes)
    for root in (found.layer_root, found.clair_root):
        told.steps(root)
    return msgspec.structs.replace(found, registries=tuple(_named(r) for r in found.registries))


def _named(registry: told_settings.Registry) -> told_settings.Registry:
    """A registry whose repositories are called as references call them; raises a fault for what is none."""
    import msgspec

    named = tuple(msgspec.structs.replace(r, name=_full(r.name, registry.name)) for r in registry.repositories)
    return msgspec.structs.replace(registry, repositories=named)


def _registry_name(url: str) -> str:
    """The name that references have for the registry at an address."""
    from urllib.parse import urlsplit

    scheme = host = ""
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        scheme, host = parts.scheme, parts.netloc.rpartition("@")[2]
    if not host or scheme not in ("http", "https"):
        raise Fault("IE2003", f"--registry-url {url!r} is no address", hint=f"--registry-url {HUB}")
    return "docker.io" if url.rstrip("/") == HUB or host in ("docker.io", "index.docker.io") else host.lower()


def _full(name: str, registry: str) -> str:
    """A repository's path in its registry; raises a fault for what is none."""
    from ..analysis import reference

    try:
        found = reference.parse(f"{registry}/{name}")
    except reference.BadReference as e:
        raise Fault("IE2003", f"repository {name!r}: {e}", hint="--repository library/nginx") from None
    if found.registry != registry:
        text = f"the registry {registry!r} of repository {name!r} is called {found.registry!r} in references"
        raise Fault("IE2003", text, hint=f"call it {found.registry}")
    if found.digest is not None or found.tag != "latest" or name.endswith(":latest"):
        raise Fault("IE2003", f"repository {name!r} names an image", hint="name the repository, without a tag")
    return found.repository


def _dry(found: Sync) -> int:
    for registry in found.registries:
        for repository in registry.repositories:
            chosen = ", ".join(repository.include) + "".join(f", not {e}" for e in repository.exclude)
            print(f"would follow {registry.name}/{repository.name} ({chosen}) every {found.every:g} s")
    if found.scanner is not None:
        print(f"would have images scanned by {found.scanner.kind} at {found.scanner.url}")
    for sink in found.sinks:
        print(f"would put documents into {sink.url}")
    return 0
