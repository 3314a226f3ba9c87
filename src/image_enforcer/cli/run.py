"""``run``: the REPL over policies and data, or OPA's REST API with them."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from .faults import Fault

Flag = Annotated[bool, Parameter(negative=())]


def run(
    *paths: str,
    server: Annotated[bool, Parameter(name=["--server", "-s"], negative=())] = False,
    addr: Annotated[tuple[str, ...], Parameter(name=["--addr", "-a"], consume_multiple=False)] = ("localhost:8181",),
    watch: Annotated[bool, Parameter(name=["--watch", "-w"], negative=())] = False,
    format_: Annotated[str, Parameter(name=["--format", "-f"])] = "pretty",
    history: Annotated[str, Parameter(name=["--history", "-H"])] = "",
    ignore: tuple[str, ...] = (),
    log_level: Annotated[str, Parameter(name=["--log-level", "-l"])] = "info",
    log_format: str = "json",
    authentication: str = "off",
    authorization: str = "off",
    tls_cert_file: str = "",
    tls_private_key_file: str = "",
    tls_ca_cert_file: str = "",
    v0_compatible: Flag = False,
    max_errors: Annotated[int, Parameter(name=["--max-errors", "-m"])] = 10,
    shutdown_grace_period: int = 10,
    no_mount: Flag = False,
) -> int:
    """Start the REPL, or with --server OPA's REST API.

    Paths are policy files, data files and directories; prefix:path puts documents below data.prefix.

    Parameters
    ----------
    paths
        files and directories to load
    server
        serve the REST API instead of the REPL
    addr
        where the server listens
    watch
        load changed files while running
    format_
        how the REPL shows results: pretty or json
    history
        where the REPL keeps its history (default: ~/.image_enforcer_history)
    ignore
        names of files and directories to leave out, as globs
    log_level
        debug, info or error
    log_format
        json or text
    authentication
        token, tls or off
    authorization
        basic asks data.system.authz.allow about each request; off does not
    v0_compatible
        read policies as Rego v0
    no_mount
        do not mount ./data/* directories under their own names
    """
    del max_errors
    from ..opa.documents import Documents
    from ..opa.errors import LoadError
    from ..opa.loader import load
    from ..rego import CompileError

    if format_ not in ("pretty", "json"):
        raise Fault("IE2003", f"--format {format_!r} is not one of pretty, json")
    if bool(tls_cert_file) != bool(tls_private_key_file):
        raise Fault("IE2003", "--tls-cert-file and --tls-private-key-file must be specified together")
    version = 0 if v0_compatible else 1
    try:
        loaded = load(list(paths), version=version, ignore=ignore, mount=not no_mount)
        documents = Documents(loaded, version=version)
    except (LoadError, CompileError) as e:
        print(e, file=sys.stderr)
        return 2
    for notice in loaded.notices:
        print(notice, file=sys.stderr)

    def reload() -> None:
        documents.replace_files(load(list(paths), version=version, ignore=ignore, mount=not no_mount))

    if server:
        from ..opa.rest.run import Options, serve

        options = Options(
            addresses=addr, log_level=log_level, log_format=log_format, authentication=authentication, authorization=authorization,
            cert_file=tls_cert_file, key_file=tls_private_key_file, ca_file=tls_ca_cert_file, grace=shutdown_grace_period,
        )  # fmt: skip
        return serve(documents, options, list(paths) if watch else [], reload)
    from ..opa.repl.console import Console

    return Console(
        documents,
        form="json" if format_ == "json" else "pretty",
        history=history,
        watched=paths if watch else (),
        ignore=ignore,
        reload=reload,
    ).run()
