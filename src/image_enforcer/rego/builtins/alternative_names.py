"""The alternative names of a certificate, and the constraints on names that one may set, as Go's parser reads them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from ..errors import BuiltinError
from ..meter import METER
from ..text import quoted
from . import der, urls
from .byte_texts import from_bytes
from .der import Reader
from .mailboxes import mailbox
from .urls import Url


@dataclass(frozen=True, slots=True)
class Network:
    """A range of addresses: an address and a mask of the same length."""

    address: bytes
    mask: bytes


@dataclass(slots=True)
class Subtrees:
    """The names that a constraint permits or excludes."""

    dns: list[str] = field(default_factory=list)
    ranges: list[Network] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    uris: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Names:
    """Alternative names."""

    dns: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    addresses: list[bytes] = field(default_factory=list)
    uris: list[Url] = field(default_factory=list)

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return bool(self.dns or self.emails or self.addresses or self.uris)


def alternative_names(value: bytes) -> Names:
    """The names in a subject alternative name extension."""
    out = Names()
    sequence = Reader(value).inner(der.SEQUENCE)
    if sequence is None:
        raise BuiltinError("x509: invalid subject alternative names")
    while not sequence.empty:
        METER.spend(20, 600)
        found = sequence.any()
        if found is None:
            raise BuiltinError("x509: invalid subject alternative name")
        _alternative_name(found[0] ^ 0x80, found[1], out)
    return out


def _alternative_name(kind: int, data: bytes, out: Names) -> None:
    match kind:
        case 1:
            if not data.isascii():
                raise BuiltinError("x509: SAN rfc822Name is malformed")
            out.emails.append(data.decode())
        case 2:
            if not data.isascii():
                raise BuiltinError("x509: SAN dNSName is malformed")
            out.dns.append(data.decode())
        case 6:
            if not data.isascii():
                raise BuiltinError("x509: SAN uniformResourceIdentifier is malformed")
            out.uris.append(_uri(data.decode()))
        case 7:
            if len(data) not in (4, 16):
                raise BuiltinError(f"x509: cannot parse IP address of length {len(data)}")
            out.addresses.append(data)
        case _:
            pass


def _uri(text: str) -> Url:
    try:
        found = urls.parse(text)
    except BuiltinError as fault:
        raise BuiltinError(f"x509: cannot parse URI {quoted(text)}: {fault}") from None
    if found.host and not valid_domain(found.host, constraint=False):
        raise BuiltinError(f"x509: cannot parse URI {quoted(text)}: invalid domain")
    return found


def valid_domain(name: str, *, constraint: bool) -> bool:
    """Whether it may be a domain's name: labels of printable ASCII; in a constraint a period may come first."""
    if not name:
        return True
    if name.endswith("."):
        return False
    if constraint:
        name = name.removeprefix(".")
    return all(name.split(".")) and all(33 <= ord(c) <= 126 for c in name)


def read_constraints(value: bytes, permitted: Subtrees, excluded: Subtrees) -> bool:
    """Read a name constraints extension into both; whether all kinds of names in it are known."""
    fault = BuiltinError("x509: invalid NameConstraints extension")
    outer = Reader(value)
    top = outer.inner(der.SEQUENCE)
    if top is None or not outer.empty:
        raise fault
    parts: list[bytes | None] = []
    for tag in (0xA0, 0xA1):
        parts.append(None)
        if top.peek(tag):
            parts[-1] = top.content(tag)
            if parts[-1] is None:
                raise fault
    if not top.empty:
        raise fault
    if not parts[0] and not parts[1]:
        raise BuiltinError("x509: empty name constraints extension")
    handled = True
    for content, subtrees in zip(parts, (permitted, excluded), strict=True):
        reader = Reader(content or b"")
        while not reader.empty:
            METER.spend(10, 300)
            base = reader.inner(der.SEQUENCE)
            found = None if base is None else base.any()
            if found is None:
                raise fault
            handled &= _subtree(found[0], found[1], subtrees)
    return handled


def _subtree(tag: int, value: bytes, out: Subtrees) -> bool:
    if tag == 0x87:
        out.ranges.append(_network(value))
        return True
    if tag not in (0x81, 0x82, 0x86):
        return False
    if not value.isascii():
        text = quoted(from_bytes(value))
        raise BuiltinError(f"x509: invalid constraint value: x509: {text} cannot be encoded as an IA5String")
    name = value.decode()
    match tag:
        case 0x82:
            if not valid_domain(name, constraint=True):
                raise BuiltinError(f"x509: failed to parse dnsName constraint {quoted(name)}")
            out.dns.append(name)
        case 0x81:
            ok = mailbox(name) is not None if "@" in name else valid_domain(name, constraint=True)
            if not ok:
                raise BuiltinError(f"x509: failed to parse rfc822Name constraint {quoted(name)}")
            out.emails.append(name)
        case _:
            if _is_address(name):
                raise BuiltinError(f"x509: failed to parse URI constraint {quoted(name)}: cannot be IP address")
            if not valid_domain(name, constraint=True):
                raise BuiltinError(f"x509: failed to parse URI constraint {quoted(name)}")
            out.uris.append(name)
    return True


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _network(value: bytes) -> Network:
    if len(value) not in (8, 32):
        raise BuiltinError(f"x509: IP constraint contained value of length {len(value)}")
    half = len(value) // 2
    mask = value[half:]
    bits = int.from_bytes(mask, "big")
    inverse = ~bits & ((1 << 8 * half) - 1)
    if inverse & (inverse + 1):
        raise BuiltinError(f"x509: IP constraint contained invalid mask {mask.hex()}")
    return Network(value[:half], mask)
