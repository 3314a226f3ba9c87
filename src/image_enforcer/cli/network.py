"""What ``eval`` and ``run`` let policies know of the world: hosts that were named, this program, its environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, TypeAlias

from cyclopts import Parameter

from .faults import Fault

if TYPE_CHECKING:
    from ..rego import Value
    from ..rego.outside import Network

Hosts: TypeAlias = Annotated[tuple[str, ...], Parameter(name="--allow-net", consume_multiple=False)]
Private: TypeAlias = Annotated[bool, Parameter(name="--allow-net-private", negative=())]


def network(hosts: Sequence[str], private: bool) -> Network | None:
    """The network of ``http.send`` and ``net.lookup_ip_addr``; None where no host was named."""
    if not hosts:
        if private:
            raise Fault(
                "IE2002", "--allow-net-private is for hosts that --allow-net names", hint="--allow-net a.example"
            )
        return None
    from ..opa.allowed_hosts import Allowed, HostError
    from ..opa.http_cache import HttpCache
    from ..opa.http_sender import HttpNetwork

    try:
        return HttpNetwork(Allowed.of(hosts, private=private), HttpCache())
    except HostError as e:
        raise Fault("IE2003", f"--allow-net {e}", hint="--allow-net api.example, --allow-net 10.0.0.1:8080") from None


def runtime(environment: Mapping[str, str]) -> Value:
    """What ``opa.runtime()`` tells, as in OPA: the version, and variables of the environment."""
    from ..opa.version import runtime_document

    return runtime_document(environment)
