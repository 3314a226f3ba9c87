"""``run``: the REPL over policies and data, or OPA's REST API with them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from .faults import Fault
from .network import Hosts, Private, network, runtime

if TYPE_CHECKING:
    from ..opa.documents import Documents
    from ..opa.watch import Look

Flag = Annotated[bool, Parameter(negative=())]
_OtherFlag = Annotated[bool, Parameter(negative=(), show=False)]
_Other = Annotated[tuple[str, ...], Parameter(negative=(), show=False)]

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "--log-level": ("debug", "info", "error"),
    "--log-format": ("json", "json-pretty", "text"),
    "--authentication": ("off", "token", "tls"),
    "--authorization": ("off", "basic"),
    "--min-tls-version": ("1.2", "1.3"),
}
_FILES: Final = "give policies and data as files or directories"
_INSTEAD: Final[Mapping[str, str]] = {
    "--bundle": _FILES,
    "--config-file": "what can be set is an option: image-enforcer run --help",
    "--set": "what can be set is an option: image-enforcer run --help",
    "--set-file": "what can be set is an option: image-enforcer run --help",
    "--verification-key": _FILES,
    "--pprof": "leave it out",
    "--h2c": "HTTP/1.1 is spoken",
    "--tls-cipher-suites": "the choice of OpenSSL is taken; --min-tls-version narrows it",
    "--tls-cert-refresh-period": "restart the server after the certificate has changed",
    "--log-timestamp-format": "times are UTC, as in 2026-01-31T12:00:00Z",
    "--optimize-store-for-read-speed": "leave it out: data is always kept that way",
}


def run(
    *paths: str,
    server: Annotated[bool, Parameter(name=["--server", "-s"], negative=())] = False,
    addr: Annotated[tuple[str, ...], Parameter(name=["--addr", "-a"], consume_multiple=False)] = ("localhost:8181",),
    diagnostic_addr: Annotated[tuple[str, ...], Parameter(consume_multiple=False)] = (),
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
    min_tls_version: str = "1.2",
    unix_socket_perm: str = "755",
    v0_compatible: Flag = False,
    max_errors: Annotated[int, Parameter(name=["--max-errors", "-m"])] = 10,
    shutdown_grace_period: int = 10,
    no_mount: Flag = False,
    allow_net: Hosts = (),
    allow_net_private: Private = False,
    bundle: Annotated[tuple[str, ...], Parameter(name=["--bundle", "-b"], negative=(), show=False)] = (),
    config_file: Annotated[tuple[str, ...], Parameter(name=["--config-file", "-c"], negative=(), show=False)] = (),
    set_: Annotated[tuple[str, ...], Parameter(name="--set", negative=(), show=False)] = (),
    set_file: _Other = (),
    verification_key: _Other = (),
    tls_cipher_suites: _Other = (),
    tls_cert_refresh_period: _Other = (),
    log_timestamp_format: _Other = (),
    pprof: _OtherFlag = False,
    h2c: _OtherFlag = False,
    optimize_store_for_read_speed: _OtherFlag = False,
    skip_version_check: _OtherFlag = False,
    disable_telemetry: _OtherFlag = False,
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
        where the server listens: host:port, http://, https:// or unix://; may be given several times
    diagnostic_addr
        where /health and /metrics are served alone; may be given several times
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
        json, json-pretty or text
    authentication
        token, tls or off
    authorization
        basic asks data.system.authz.allow about each request; off does not
    tls_cert_file
        the server's certificate with its chain, PEM
    tls_private_key_file
        the certificate's key, PEM
    tls_ca_cert_file
        who signs clients' certificates, PEM; for --authentication=tls
    min_tls_version
        1.2 or 1.3
    unix_socket_perm
        who may use a unix:// address, as for chmod
    v0_compatible
        read policies as Rego v0
    max_errors
        how many errors of policies are shown
    shutdown_grace_period
        seconds that running requests have to finish after SIGTERM
    no_mount
        do not mount ./data/* directories under their own names
    allow_net
        a host that http.send may reach, a name or an address, perhaps with a port; may be given several times
    allow_net_private
        let these names lead to private and local addresses, too
    """
    del skip_version_check, disable_telemetry  # nothing is ever asked for or sent
    _refuse({
        "--bundle": bundle, "--config-file": config_file, "--set": set_, "--set-file": set_file,
        "--verification-key": verification_key, "--pprof": pprof, "--h2c": h2c,
        "--tls-cipher-suites": tls_cipher_suites, "--tls-cert-refresh-period": tls_cert_refresh_period,
        "--log-timestamp-format": log_timestamp_format,
        "--optimize-store-for-read-speed": optimize_store_for_read_speed,
    })  # fmt: skip
    _check({
        "--log-level": log_level, "--log-format": log_format, "--authentication": authentication,
        "--authorization": authorization, "--min-tls-version": min_tls_version,
    })  # fmt: skip
    if bool(tls_cert_file) != bool(tls_private_key_file):
        raise Fault("IE2003", "--tls-cert-file and --tls-private-key-file must be specified together")
    if shutdown_grace_period < 0 or max_errors < 0:
        raise Fault("IE2003", "--shutdown-grace-period and --max-errors are not negative")
    reached = network(allow_net, allow_net_private)
    from ..opa.documents import Documents
    from ..opa.errors import LoadError, OpaError
    from ..opa.loader import Loaded, load
    from ..opa.version import VERSION, version_document
    from ..opa.watch import at_one_moment, now
    from ..rego import CompileError

    version = 0 if v0_compatible else 1

    def read() -> Loaded:
        what = list(paths)
        return at_one_moment(what, lambda: load(what, version=version, ignore=ignore, mount=not no_mount), ignore)

    watched = list(paths) if watch else []
    since = now(watched, ignore) if watched else None  # what changes while it is loaded is loaded again
    try:
        loaded = read()
        mounted = None if server else {VERSION: version_document()}
        documents = Documents(loaded, version=version, max_errors=max_errors, mounted=mounted)
    except LoadError as e:
        return _failed(f"load error: {e.plain()}", e.hints)
    except (OpaError, CompileError) as e:
        return _failed(f"initialization error: {e}")
    for notice in loaded.notices:
        print(notice, file=sys.stderr)

    def reload() -> None:
        documents.replace_files(read())

    if server:
        options = {
            "addresses": addr, "diagnostic": diagnostic_addr, "log_level": log_level,
            "log_format": log_format, "authentication": authentication,
            "authorization": authorization, "cert_file": tls_cert_file, "key_file": tls_private_key_file,
            "ca_file": tls_ca_cert_file, "min_tls": min_tls_version, "grace": shutdown_grace_period,
            "unix_mode": _mode(unix_socket_perm), "ignore": ignore, "network": reached, "runtime": runtime({}),
        }  # fmt: skip
        return _serve(documents, options, watched, reload, since)
    from ..opa.repl.console import Console

    if format_ not in ("pretty", "json"):
        print(f"--format {format_!r} is neither pretty nor json; results are shown as pretty", file=sys.stderr)
    return Console(
        documents,
        form="json" if format_ == "json" else "pretty",
        history=history,
        watched=watched,
        ignore=ignore,
        since=since,
        reload=reload,
        network=reached,
        runtime=runtime(os.environ),
    ).run()


def _failed(text: str, hints: Sequence[str] = ()) -> int:
    """Say that files cannot be used, where and as OPA does; what to do about it goes to standard error. Gives 1."""
    print(f"error: {text}")
    for hint in hints:
        print(f"hint: {hint}", file=sys.stderr)
    return 1


def _serve(
    documents: Documents,
    options: Mapping[str, Any],
    watched: list[str],
    reload: Callable[[], None],
    since: Look | None,
) -> int:
    from ..opa.rest.addresses import AddressError
    from ..opa.rest.run import Options, SetupError, serve

    try:
        return serve(documents, Options(**options), watched, reload, since)
    except AddressError as e:
        if e.in_use:
            raise Fault("IE2008", str(e), hint="stop that program, or choose another port with --addr") from None
        raise Fault("IE2008", str(e), hint="--addr localhost:8181") from None
    except SetupError as e:
        raise Fault("IE2003", str(e)) from None


def _refuse(given: Mapping[str, object]) -> None:
    for flag, value in given.items():
        if value:
            raise Fault("IE2003", f"{flag} is not supported yet", hint=_INSTEAD[flag])


def _check(given: Mapping[str, str]) -> None:
    for flag, value in given.items():
        if value not in _CHOICES[flag]:
            raise Fault("IE2003", f"{flag} {value!r} is not one of {', '.join(_CHOICES[flag])}")


def _mode(text: str) -> int:
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise Fault("IE2003", f"--unix-socket-perm {text!r} is no mode", hint="--unix-socket-perm 660")
    return mode
