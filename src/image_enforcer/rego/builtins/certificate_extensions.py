"""What a certificate's extensions say, as Go's parser reads them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Final

from ..errors import BuiltinError
from ..meter import METER
from ..text import quoted
from . import der, urls
from .byte_texts import as_utf8, from_bytes
from .der import ObjectId, Reader
from .urls import Url

SUBJECT_ALT_NAME: Final = (2, 5, 29, 17)
_AUTHORITY_INFO: Final = (1, 3, 6, 1, 5, 5, 7, 1, 1)
_OCSP: Final = (1, 3, 6, 1, 5, 5, 7, 48, 1)
_ISSUERS: Final = (1, 3, 6, 1, 5, 5, 7, 48, 2)
_PKIX_USAGE: Final = (1, 3, 6, 1, 5, 5, 7, 3)
EXTENDED_USAGES: Final = {
    (2, 5, 29, 37, 0): 0,
    **{(*_PKIX_USAGE, i): i for i in range(1, 10)},
    (1, 3, 6, 1, 4, 1, 311, 10, 3, 3): 10,
    (2, 16, 840, 1, 113730, 4, 1): 11,
    (1, 3, 6, 1, 4, 1, 311, 2, 1, 22): 12,
    (1, 3, 6, 1, 4, 1, 311, 61, 1, 1): 13,
}
"""Extended key usages by Go's numbers."""


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension, unread."""

    oid: ObjectId
    critical: bool
    value: bytes


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


@dataclass(slots=True)
class Meaning:
    """What all extensions of a certificate together say."""

    key_usage: int = 0
    basic_constraints: bool = False
    is_ca: bool = False
    max_path: int = 0
    names: Names = field(default_factory=Names)
    permitted: Subtrees = field(default_factory=Subtrees)
    excluded: Subtrees = field(default_factory=Subtrees)
    constraints_critical: bool = False
    crl_points: list[str] = field(default_factory=list)
    authority_key: bytes | None = None
    subject_key: bytes | None = None
    explicit_policy: int | None = None
    inhibit_mapping: int | None = None
    inhibit_any: int | None = None
    usages: list[int] = field(default_factory=list)
    unknown_usages: list[ObjectId] = field(default_factory=list)
    policies: list[bytes] | None = None
    mappings: list[tuple[bytes, bytes]] = field(default_factory=list)
    ocsp: list[str] = field(default_factory=list)
    issuers: list[str] = field(default_factory=list)
    unhandled: list[ObjectId] = field(default_factory=list)


def understand(extensions: tuple[Extension, ...]) -> Meaning:
    """Read all of them; raises :class:`BuiltinError` at the first that is not well formed."""
    out = Meaning()
    for extension in extensions:
        METER.spend(20 + len(extension.value), 8 * len(extension.value) + 500)
        handled = _understand(extension, out)
        if extension.critical and not handled:
            out.unhandled.append(extension.oid)
    return out


def _understand(extension: Extension, out: Meaning) -> bool:
    oid, reader = extension.oid, Reader(extension.value)
    if oid == _AUTHORITY_INFO:
        if extension.critical:
            raise BuiltinError("x509: authority info access incorrectly marked critical")
        _authority_info(reader, out)
        return True
    if len(oid) != 4 or oid[:3] != (2, 5, 29):
        return False
    match oid[3]:
        case 15:
            bits = reader.bits()
            if bits is None:
                raise BuiltinError("x509: invalid key usage")
            out.key_usage = sum(1 << i for i in range(9) if bits.at(i))
        case 19:
            out.is_ca, out.max_path = _basic_constraints(reader)
            out.basic_constraints = True
        case 17:
            out.names = alternative_names(extension.value)
            return out.names.any
        case 30:
            return _name_constraints(extension, out)
        case 31:
            _crl_points(reader, out)
        case 35:
            out.authority_key = _authority_key(extension, reader)
        case 36:
            _policy_constraints(reader, out)
        case 37:
            _usages(reader, out)
        case 14:
            if extension.critical:
                raise BuiltinError("x509: subject key identifier incorrectly marked critical")
            out.subject_key = reader.content(der.OCTET_STRING)
            if out.subject_key is None:
                raise BuiltinError("x509: invalid subject key identifier")
        case 32:
            out.policies = _policies(reader)
        case 33:
            _mappings(reader, out)
        case 54:
            out.inhibit_any = reader.small_integer()
            if out.inhibit_any is None:
                raise BuiltinError("x509: invalid inhibit any policy extension")
        case _:
            return False
    return True


def _basic_constraints(reader: Reader) -> tuple[bool, int]:
    fault = BuiltinError("x509: invalid basic constraints")
    inner = reader.inner(der.SEQUENCE)
    if inner is None:
        raise fault
    ca: bool | None = False
    if inner.peek(der.BOOLEAN):
        ca = inner.boolean()
        if ca is None:
            raise fault
    most = -1
    if inner.peek(der.INTEGER):
        found = inner.small_integer()
        if found is None or found < 0:
            raise fault
        most = found
    return ca, most


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


def _name_constraints(extension: Extension, out: Meaning) -> bool:
    fault = BuiltinError("x509: invalid NameConstraints extension")
    outer = Reader(extension.value)
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
    for content, subtrees in zip(parts, (out.permitted, out.excluded), strict=True):
        reader = Reader(content or b"")
        while not reader.empty:
            METER.spend(10, 300)
            base = reader.inner(der.SEQUENCE)
            found = None if base is None else base.any()
            if found is None:
                raise fault
            handled &= _subtree(found[0], found[1], subtrees)
    out.constraints_critical = extension.critical
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


def _crl_points(reader: Reader, out: Meaning) -> None:
    points = reader.inner(der.SEQUENCE)
    if points is None:
        raise BuiltinError("x509: invalid CRL distribution points")
    fault = BuiltinError("x509: invalid CRL distribution point")
    while not points.empty:
        METER.spend(10, 300)
        point = points.inner(der.SEQUENCE)
        if point is None:
            raise fault
        if not point.peek(0xA0):
            continue
        name = point.inner(0xA0)
        full = None if name is None else name.inner(0xA0)
        if full is None:
            raise fault
        while full.peek(0x86):
            uri = full.content(0x86)
            if uri is None:
                raise fault
            out.crl_points.append(as_utf8(from_bytes(uri)))


def _authority_key(extension: Extension, reader: Reader) -> bytes | None:
    if extension.critical:
        raise BuiltinError("x509: authority key identifier incorrectly marked critical")
    fault = BuiltinError("x509: invalid authority key identifier")
    inner = reader.inner(der.SEQUENCE)
    if inner is None:
        raise fault
    if not inner.peek(0x80):
        return None
    found = inner.content(0x80)
    if found is None:
        raise fault
    return found


def _policy_constraints(reader: Reader, out: Meaning) -> None:
    fault = BuiltinError("x509: invalid policy constraints extension")
    inner = reader.inner(der.SEQUENCE)
    if inner is None:
        raise fault
    if inner.peek(0x80):
        out.explicit_policy = inner.small_integer(0x80)
        if out.explicit_policy is None:
            raise fault
    if inner.peek(0x81):
        out.inhibit_mapping = inner.small_integer(0x81)
        if out.inhibit_mapping is None:
            raise fault


def _usages(reader: Reader, out: Meaning) -> None:
    fault = BuiltinError("x509: invalid extended key usages")
    inner = reader.inner(der.SEQUENCE)
    if inner is None:
        raise fault
    while not inner.empty:
        oid = inner.object_id()
        if oid is None:
            raise fault
        number = EXTENDED_USAGES.get(oid)
        if number is None:
            out.unknown_usages.append(oid)
        else:
            out.usages.append(number)


def _policies(reader: Reader) -> list[bytes]:
    fault = BuiltinError("x509: invalid certificate policies")
    inner = reader.inner(der.SEQUENCE)
    if inner is None:
        raise fault
    found: dict[bytes, None] = {}
    while not inner.empty:
        policy = inner.inner(der.SEQUENCE)
        raw = None if policy is None else policy.content(der.OID)
        if raw is None or raw in found or not _well_formed_oid(raw):
            raise fault
        found[raw] = None
    return list(found)


def _well_formed_oid(raw: bytes) -> bool:
    if not raw or raw[-1] & 0x80:
        return False
    starts = True
    for byte in raw:
        if starts and byte == 0x80:
            return False
        starts = byte < 0x80
    return True


def _mappings(reader: Reader, out: Meaning) -> None:
    fault = BuiltinError("x509: invalid policy mappings extension")
    inner = reader.inner(der.SEQUENCE)
    if inner is None:
        raise fault
    while not inner.empty:
        pair = inner.inner(der.SEQUENCE)
        issuer = None if pair is None else pair.content(der.OID)
        subject = None if pair is None or issuer is None else pair.content(der.OID)
        if issuer is None or subject is None:
            raise fault
        out.mappings.append((issuer, subject))


def _authority_info(reader: Reader, out: Meaning) -> None:
    fault = BuiltinError("x509: invalid authority info access")
    inner = reader.inner(der.SEQUENCE)
    if inner is None:
        raise fault
    while not inner.empty:
        access = inner.inner(der.SEQUENCE)
        method = None if access is None else access.object_id()
        if access is None or method is None:
            raise fault
        if not access.peek(0x86):
            continue
        uri = access.content(0x86)
        if uri is None:
            raise fault
        if method == _OCSP:
            out.ocsp.append(as_utf8(from_bytes(uri)))
        elif method == _ISSUERS:
            out.issuers.append(as_utf8(from_bytes(uri)))


def oid_text(raw: bytes) -> str:
    """An object identifier of any size, dotted."""
    METER.spend(len(raw), 4 * len(raw))
    if len(raw) > 10_000:
        raise BuiltinError("x509: object identifier too long")
    parts: list[int] = []
    value = 0
    for byte in raw:
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            parts += (divmod(value, 40) if value < 80 else (2, value - 80)) if not parts else (value,)
            value = 0
    return ".".join(map(str, parts))


def small_oid(raw: bytes) -> list[int] | None:
    """An object identifier's parts where they fit 31 bits."""
    found = der.object_id(raw)
    return None if found is None else list(found)


_QUOTED_TEXT: Final = frozenset({11, 12, 32, 33, 127, *range(1, 9), *range(14, 32), *range(35, 92), *range(93, 127)})
_ATOM: Final = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-/=?^_`{|}~.")


def mailbox(text: str) -> tuple[str, str] | None:
    """The parts of an e-mail address before and after ``@``, None where it is none (RFC 2821)."""
    found = _quoted_local(text) if text.startswith('"') else _atom_local(text)
    if found is None:
        return None
    local, rest = found
    if not rest.startswith("@"):
        return None
    domain = rest[1:]
    labels = domain.split(".") if domain else []
    if any(not label or any(not 33 <= ord(c) <= 126 for c in label) for label in labels):
        return None
    return local, domain


def _quoted_local(text: str) -> tuple[str, str] | None:
    local: list[str] = []
    at = 1
    while at < len(text):
        c = text[at]
        at += 1
        if c == '"':
            return "".join(local), text[at:]
        if c == "\\":
            if at == len(text) or not (
                1 <= ord(text[at]) <= 9 or ord(text[at]) in (11, 12) or 14 <= ord(text[at]) <= 127
            ):
                return None
            local.append(text[at])
            at += 1
        elif ord(c) in _QUOTED_TEXT:
            local.append(c)
        else:
            return None
    return None


def _atom_local(text: str) -> tuple[str, str] | None:
    local: list[str] = []
    at = 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
            if at == len(text):
                return None
        elif text[at] not in _ATOM:
            break
        local.append(text[at])
        at += 1
    name = "".join(local)
    if not name or name.startswith(".") or name.endswith(".") or ".." in name:
        return None
    return name, text[at:]
