"""Name constraints: which names a certificate authority may certify."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from ..meter import METER
from .alternative_names import Names, Network, Subtrees, valid_domain
from .certificate_parsing import Certificate
from .mailboxes import mailbox
from .urls import Url


def _constrained(certificate: Certificate) -> bool:
    return certificate.extension((2, 5, 29, 30)) is not None


def permitted(chain: Sequence[Certificate]) -> bool:
    """Whether every name in a chain is allowed by the certificates above it; the leaf comes first."""
    for place, certificate in enumerate(chain):
        names = certificate.meaning.names
        above = [c for c in chain[place + 1 :] if _constrained(c)]
        if not above or certificate.extension((2, 5, 29, 17)) is None:
            continue
        wanted = _wanted(names)
        if wanted is None or not all(_allowed(c, wanted) for c in above):
            return False
    return True


class _Wanted:
    """Alternative names in the form in which constraints are looked at."""

    def __init__(self, names: Names, hosts: list[str], mailboxes: list[tuple[str, str]]) -> None:
        self.dns = names.dns
        self.addresses = names.addresses
        self.hosts = hosts
        self.mailboxes = mailboxes


def _wanted(names: Names) -> _Wanted | None:
    """None where a name is written so that no constraint can be applied to it."""
    hosts: list[str] = []
    for uri in names.uris:
        host = _uri_host(uri)
        if host is None:
            return None
        hosts.append(host)
    mailboxes: list[tuple[str, str]] = []
    for email in names.emails:
        found = mailbox(email)
        if found is None:
            return None
        mailboxes.append((found[0], found[1].lower()))
    return _Wanted(names, hosts, mailboxes)


def _uri_host(uri: Url) -> str | None:
    host = uri.host.lower()
    if not host:
        return None
    if ":" in host and not host.endswith("]"):
        host, _, _port = uri.host.rpartition(":")
        if ":" in host and not host.startswith("["):
            return None
        host = host[1:-1] if host.startswith("[") else host
    if host.startswith("[") and host.endswith("]"):
        return None
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    return None


def _allowed(certificate: Certificate, wanted: _Wanted) -> bool:
    yes, no = certificate.meaning.permitted, certificate.meaning.excluded
    constraints = sum(len(s.dns) + len(s.ranges) + len(s.emails) + len(s.uris) for s in (yes, no))
    names = len(wanted.dns) + len(wanted.addresses) + len(wanted.hosts) + len(wanted.mailboxes)
    METER.spend(10 * constraints * names)
    return (
        all(_address_allowed(a, yes.ranges, no.ranges) for a in wanted.addresses)
        and all(valid_domain(d, constraint=False) and _domain_allowed(d, yes.dns, no.dns) for d in wanted.dns)
        and all(valid_domain(h, constraint=False) and _domain_allowed(h, yes.uris, no.uris) for h in wanted.hosts)
        and all(valid_domain(m[1], constraint=False) and _mailbox_allowed(m, yes, no) for m in wanted.mailboxes)
    )


def _address_allowed(address: bytes, yes: list[Network], no: list[Network]) -> bool:
    if yes and not any(_in(address, n) for n in yes):
        return False
    return not any(_in(address, n) for n in no)


def _in(address: bytes, network: Network) -> bool:
    if len(address) != len(network.address):
        return False
    return all(a & m == n & m for a, n, m in zip(address, network.address, network.mask, strict=True))


def _domain_allowed(name: str, yes: list[str], no: list[str]) -> bool:
    if yes and not any(_below(name, c) for c in yes):
        return False
    return not any(_below(name, c) or _covers(name, c) for c in no)


def _below(name: str, constraint: str) -> bool:
    """Whether a name is a constraint's domain or lies below it; one with a leading period is only for those below."""
    if not constraint:
        return True
    name, constraint = name.lower(), constraint.lower()
    if not name.endswith(constraint):
        return False
    return constraint.startswith(".") or len(name) == len(constraint) or name[-len(constraint) - 1] == "."


def _covers(name: str, constraint: str) -> bool:
    """Whether a wildcard stands for an excluded name too."""
    if not name.startswith("*"):
        return False
    tail, above = name.lower().partition(".")[2], constraint.lower().partition(".")[2]
    return bool(above) and tail == above


def _mailbox_allowed(box: tuple[str, str], yes: Subtrees, no: Subtrees) -> bool:
    if yes.emails and not any(_mailbox_below(box, c) for c in yes.emails):
        return False
    return not any(_mailbox_below(box, c) or ("@" not in c and _covers(box[1], c)) for c in no.emails)


def _mailbox_below(box: tuple[str, str], constraint: str) -> bool:
    if "@" not in constraint:
        return _below(box[1], constraint)
    found = mailbox(constraint)
    return found is not None and (found[0], found[1].lower()) == box
