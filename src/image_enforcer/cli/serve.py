"""``serve``: answers image reviews over HTTP."""

from __future__ import annotations

import os
import re
import sys
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from ..settings import Address
from .facts import check_registry, longest_age, seconds_to_ask, told_facts
from .faults import Fault
from .platforms import platforms

Flag = Annotated[bool, Parameter(negative=())]
Many = Annotated[tuple[str, ...], Parameter(consume_multiple=False)]
LONGEST_STOP: Final = 3600
"""Seconds that stopping may take."""
_NAMESPACE: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""What Kubernetes takes as the name of a namespace (RFC 1123 label)."""


def serve(
    *,
    policy: Annotated[tuple[str, ...], Parameter(consume_multiple=False, required=True)],
    data: Many = (),
    addr: Annotated[str, Parameter(name=["--addr", "-a"])] = "127.0.0.1:8181",
    admin_addr: str = "127.0.0.1:8282",
    tls_cert_file: str | None = None,
    tls_private_key_file: str | None = None,
    client_ca_file: str | None = None,
    token_file: str | None = None,
    allow_http: Flag = False,
    exempt_namespace: Many = (),
    audit_namespace: Many = (),
    watch: Annotated[bool, Parameter(name=["--watch", "-w"], negative=())] = False,
    evaluation_timeout: float = 2.0,
    shutdown_wait_period: float = 0.5,
    shutdown_grace_period: float = 10.0,
    log_level: Annotated[str, Parameter(name=["--log-level", "-l"])] = "info",
    no_decision_log: Flag = False,
    check: Flag = False,
    facts: str | None = None,
    facts_token_file: str | None = None,
    facts_ca_file: str | None = None,
    facts_copy: str | None = None,
    facts_require: Literal["scanned", "resolved", "nothing"] = "scanned",
    facts_max_age: str = "24h",
    facts_registry: str = "docker.io",
    platform: Many = (),
    facts_ask: float | None = None,
) -> int:
    """Answer the API server's image reviews: POST /image-policy, or /v0/data/io/k8s/image_policy/verify.

    Every POST there is answered with an ImageReview, `allowed: false` and a reason whatever goes wrong. Decisions are
    logged on standard output, everything else on standard error.

    Parameters
    ----------
    policy
        policy files and directories, or the one address of an OPA server; may be given several times
    data
        data files and directories; may be given several times
    addr
        where reviews are answered, HOST:PORT
    admin_addr
        where /healthz, /readyz and /metrics are, HOST:PORT
    tls_cert_file
        the server's certificate (PEM); read again when it changes
    tls_private_key_file
        its key (PEM)
    client_ca_file
        authorities whose client certificates may ask (PEM); without, clients need none
    token_file
        bearer tokens that may ask, one a line; read again when it changes
    allow_http
        allow plain HTTP beyond loopback
    exempt_namespace
        a namespace in which what nobody can judge is allowed, with a mark; denials hold there too
    audit_namespace
        like --exempt-namespace, marked "audit"
    watch
        load changed policies and data while running
    evaluation_timeout
        seconds that one evaluation may take
    shutdown_wait_period
        seconds between the signal to stop and refusing connections
    shutdown_grace_period
        seconds that accepted requests have after that
    log_level
        debug, info, warning or error
    no_decision_log
        write no line for each review
    check
        load everything, say whether it can be used, and exit; a file with facts must be there
    facts
        what is known of images, as input.images: a worker's address, or a file that image-enforcer pull keeps
    facts_token_file
        a file with the token that the worker wants
    facts_ca_file
        authorities to trust for the worker beside the system's (PEM)
    facts_copy
        where the copy of the worker's facts is kept; by default a file for each worker's address, below
        ~/.local/state/image-enforcer
    facts_require
        what has to be known of an image, lest it is refused as unknown: scanned, resolved or nothing
    facts_max_age
        how long ago a registry may have been asked, a scan confirmed and the copy of the facts brought up to date,
        lest an image is refused as unknown; 0 is any time
    facts_registry
        the one registry that data.docker.layers is about, for policies that read it
    platform
        a platform that there are nodes of, linux/amd64, say; repeatable. What an image has for others is left out of
        the facts; without, everything that it has must be known
    facts_ask
        seconds that a review may wait while the worker finds out about an image that is not known; by default 5, and
        0 is not at all
    """
    from .. import wiring
    from ..domain.errors import EnforcerError
    from ..opa.watch import now
    from ..opa.watch import watch as watch_files
    from ..ports.policy import UnusablePolicy
    from ..rego import from_json
    from ..server.listening import CannotListen
    from ..server.logs import LEVELS
    from ..server.run import Service, check_credentials
    from ..settings import PolicySource, Serve, Tls

    if log_level not in LEVELS:
        raise Fault("IE2003", f"--log-level {log_level!r} is not one of {', '.join(LEVELS)}")
    named = {
        "--tls-cert-file": tls_cert_file, "--tls-private-key-file": tls_private_key_file,
        "--client-ca-file": client_ca_file, "--token-file": token_file,
    }  # fmt: skip
    for flag, file in named.items():
        if file == "":  # a variable without a value must not mean that anybody may ask
            raise Fault("IE2003", f"{flag} names no file", hint=f"name one, or leave {flag} out")
    if bool(tls_cert_file) != bool(tls_private_key_file):
        raise Fault("IE2003", "--tls-cert-file and --tls-private-key-file must be given together")
    if client_ca_file and not tls_cert_file:
        raise Fault("IE2003", "--client-ca-file needs --tls-cert-file: client certificates travel over TLS only")
    if not 0 < evaluation_timeout <= 20:
        raise Fault("IE2003", "--evaluation-timeout is more than 0 and at most 20 seconds: the API server waits for 30")
    if not (0 <= shutdown_wait_period <= LONGEST_STOP and 0 <= shutdown_grace_period <= LONGEST_STOP):
        text = (
            f"--shutdown-wait-period and --shutdown-grace-period are not negative, and at most {LONGEST_STOP} seconds"
        )
        raise Fault("IE2003", text)
    for flag, names in (("--exempt-namespace", exempt_namespace), ("--audit-namespace", audit_namespace)):
        _check_namespaces(names, flag)
    listen, admin = address(addr, "--addr"), address(admin_addr, "--admin-addr", 8282)
    if not tls_cert_file and not listen.loopback and not allow_http:
        raise Fault(
            "IE2005", f"{listen} is open to other machines, and plain HTTP lets them see and change what is asked",
            hint="give --tls-cert-file and --tls-private-key-file, or --allow-http where something else protects it",
        )  # fmt: skip
    nodes = platforms(platform)
    known = told_facts(facts, facts_token_file, facts_ca_file, facts_copy)
    max_age = longest_age(facts_max_age)
    check_registry(facts_registry)
    ask = seconds_to_ask(facts_ask, known is not None and bool(known.pull))
    settings = Serve(
        source=PolicySource(policies=policy, data=data, seconds=evaluation_timeout),
        addr=listen,
        admin_addr=admin,
        tls=Tls(cert_file=tls_cert_file, key_file=tls_private_key_file, client_ca_file=client_ca_file or "")
        if tls_cert_file and tls_private_key_file
        else None,
        token_file=token_file or "",
        exempt=frozenset(exempt_namespace),
        audit=frozenset(audit_namespace),
        watch=watch,
        log_level=log_level,
        decision_log=not no_decision_log,
        lame_duck=shutdown_wait_period,
        grace=shutdown_grace_period,
        pull=known.pull if known is not None else (),
        ask=ask,
        facts=known.shown if known is not None else "",
    )
    if facts_ask and not settings.authenticated:
        raise Fault(
            "IE2005", f"{listen} is open to others, and --facts-ask lets whoever reaches it have registries asked",
            hint="give --client-ca-file or --token-file",
        )  # fmt: skip
    paths = [] if settings.source.remote else [*policy, *data]
    since = now(paths) if watch else None  # what changes while it is loaded is loaded again
    try:
        mounted = None
        if known is not None:
            from ..wiring.facts import legacy_documents

            mounted = legacy_documents(known.place, facts_registry, nodes)
        engine = wiring.policy_engine(settings.source, mounted)
    except UnusablePolicy as e:
        raise Fault("IE2006", str(e), hint="mend the files, or see what image-enforcer serve --help wants") from None
    if check:
        missing = engine.ready()
        if missing:
            raise Fault("IE2007", missing, hint="load a policy that defines the entry point, or start the OPA server")
        try:
            check_credentials(settings)
        except EnforcerError as e:
            raise Fault("IE2009", str(e)) from None
        if known is not None:
            known.check_there()
        revision = engine.revision()
        print(f"ok: policy {revision.policy}, data {revision.data}")
        return 0
    informed = worker = None
    try:
        if known is not None:
            from ..services.informing import Require
            from ..wiring.facts import asked_worker, informing

            informed = informing(known.place, Require(facts_require), max_age, nodes)
            if facts is not None and ask and settings.authenticated:
                worker = asked_worker(facts, facts_token_file or "", facts_ca_file or "")
        service = Service(
            settings, engine, from_json, out=sys.stdout.fileno(), err=_standard_error(), informing=informed,
            worker=worker,
        )  # fmt: skip
    except CannotListen as e:
        raise Fault("IE2008", str(e)) from None
    except EnforcerError as e:
        raise Fault("IE2009", str(e)) from None
    for notice in wiring.notices(engine):
        service.log("info", notice)
    if not (token_file or client_ca_file) and not listen.loopback:
        service.log("warning", "anybody who reaches this address may ask; give --client-ca-file or --token-file")
        if ask:
            service.log("warning", "so the worker is not asked about images that are not known")
    watching = (lambda changed, stop: watch_files(paths, changed, stop, since=since)) if watch and paths else None
    return service.run(watching)


def _standard_error() -> int:
    """Its file descriptor; where it is closed, one that nobody reads, so that nothing else gets its number."""
    return sys.stderr.fileno() if sys.stderr is not None else os.open(os.devnull, os.O_WRONLY)


def _check_namespaces(names: tuple[str, ...], flag: str) -> None:
    """No review names a namespace that cannot exist, so such a setting would silently not hold."""
    for name in names:
        if not _NAMESPACE.fullmatch(name):
            hint = f"give {flag} once for each namespace, by its whole name; there are no patterns"
            raise Fault("IE2003", f"{flag} {name!r} is not the name of a namespace", hint=hint)


def address(text: str, flag: str, port: int = 8181) -> Address:
    """``HOST:PORT`` as an address; an IPv6 host stands in brackets, an empty one means every address.

    Raises a fault, which shows an address with ``port``.
    """
    host, colon, told = text.rpartition(":")
    if not colon or not told.isascii() or not told.isdigit() or len(told) > 5 or int(told) > 65535:
        raise Fault("IE2003", f"{flag} {text!r} is not HOST:PORT", hint=f"{flag} 127.0.0.1:{port}")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise Fault("IE2003", f"{flag} {text!r} is not HOST:PORT", hint=f"{flag} [::1]:{port}")
    return Address(host=host, port=int(told))
