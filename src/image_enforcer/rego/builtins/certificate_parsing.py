"""Certificates and certificate requests: from DER to their parts, and from their parts to Go's JSON."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..errors import BuiltinError
from ..meter import METER
from ..text import quoted
from ..values import Value
from . import der
from .alternative_names import Names, Network, Subtrees, alternative_names
from .asn1_structures import Asn1Fault, Part, Raw, Structure, read
from .certificate_extensions import SUBJECT_ALT_NAME, Extension, Meaning, oid_text, small_oid, understand
from .certificate_keys import (
    IDENTIFIER,
    PUBLIC_KEY_INFO,
    PUBLIC_KEY_NUMBERS,
    Algorithm,
    Identifier,
    as_identifier,
    parse_identifier,
    parse_public_key,
    signature_algorithm,
)
from .certificate_names import Name, parse_name, shown
from .der import Moment, Reader
from .keys import PublicKey, base64_text, public_value, shown_number


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate's parts."""

    raw: bytes
    raw_tbs: bytes
    raw_key: bytes
    raw_subject: bytes
    raw_issuer: bytes
    signature: bytes
    algorithm: Algorithm | None
    key_algorithm: int
    key: PublicKey | None
    version: int
    serial: int
    issuer: Name
    subject: Name
    not_before: Moment
    not_after: Moment
    extensions: tuple[Extension, ...]
    meaning: Meaning

    def extension(self, oid: der.ObjectId) -> Extension | None:
        """The extension with an identifier."""
        return next((e for e in self.extensions if e.oid == oid), None)


def parse_certificates(data: bytes) -> list[Certificate]:
    """Certificates that stand one behind the other; raises :class:`BuiltinError`."""
    found: list[Certificate] = []
    while data:
        found.append(_parse(data))
        data = data[len(found[-1].raw) :]
    return found


def parse_certificate(data: bytes) -> Certificate:
    """The one certificate that the bytes are; raises :class:`BuiltinError`."""
    found = _parse(data)
    if len(found.raw) != len(data):
        raise BuiltinError("x509: trailing data")
    return found


def _need(value: Any, fault: str) -> Any:
    if value is None:
        raise BuiltinError(f"x509: {fault}")
    return value


def _parse(data: bytes) -> Certificate:
    raw = _need(Reader(data).element(der.SEQUENCE), "malformed certificate")
    METER.spend(1_000 + (len(raw) >> 2), 20_000 + 8 * len(raw))
    outer = _need(Reader(raw).inner(der.SEQUENCE), "malformed certificate")
    raw_tbs = _need(outer.element(der.SEQUENCE), "malformed tbs certificate")
    tbs: Reader = _need(Reader(raw_tbs).inner(der.SEQUENCE), "malformed tbs certificate")
    version = _version(tbs)
    serial = _need(tbs.integer(), "malformed serial number")
    if serial < 0:
        raise BuiltinError("x509: negative serial number")
    inner_algorithm = _need(tbs.content(der.SEQUENCE), "malformed signature algorithm identifier")
    outer_algorithm = _need(outer.content(der.SEQUENCE), "malformed algorithm identifier")
    if inner_algorithm != outer_algorithm:
        raise BuiltinError("x509: inner and outer signature algorithm identifiers don't match")
    algorithm = signature_algorithm(parse_identifier(inner_algorithm))
    raw_issuer = _need(tbs.element(der.SEQUENCE), "malformed issuer")
    issuer = parse_name(raw_issuer)
    not_before, not_after = _validity(_need(tbs.inner(der.SEQUENCE), "malformed validity"))
    raw_subject = _need(tbs.element(der.SEQUENCE), "malformed issuer")
    subject = parse_name(raw_subject)
    raw_key = _need(tbs.element(der.SEQUENCE), "malformed spki")
    key_algorithm, key = _key(raw_key)
    extensions = _extensions(tbs, version)
    meaning = understand(extensions)
    signature = _need(outer.bits(), "malformed signature").aligned()
    return Certificate(
        raw, raw_tbs, raw_key, raw_subject, raw_issuer, signature, algorithm, key_algorithm, key, version, serial,
        issuer, subject, not_before, not_after, extensions, meaning,
    )  # fmt: skip


def _version(tbs: Reader) -> int:
    if not tbs.peek(0xA0):
        return 1
    inner = tbs.inner(0xA0)
    found = None if inner is None else inner.small_integer()
    if inner is None or found is None or not inner.empty or found < 0:
        raise BuiltinError("x509: malformed version")
    if found > 2:
        raise BuiltinError("x509: invalid version")
    return found + 1


def _validity(reader: Reader) -> tuple[Moment, Moment]:
    return _time(reader), _time(reader)


def _time(reader: Reader) -> Moment:
    if reader.peek(der.UTC_TIME):
        kind = "UTCTime"
    elif reader.peek(der.GENERALIZED_TIME):
        kind = "GeneralizedTime"
    else:
        raise BuiltinError("x509: unsupported time format")
    found: Moment = _need(reader.time(), f"malformed {kind}")
    return found


def _key(raw: bytes) -> tuple[int, PublicKey | None]:
    info = _need(Reader(raw).inner(der.SEQUENCE), "malformed spki")
    content = _need(info.content(der.SEQUENCE), "malformed public key algorithm identifier")
    algorithm = parse_identifier(content)
    bits = _need(info.bits(), "malformed subjectPublicKey")
    number = PUBLIC_KEY_NUMBERS.get(algorithm.oid, 0)
    return number, parse_public_key(algorithm, bits) if number else None


def _extensions(tbs: Reader, version: int) -> tuple[Extension, ...]:
    if version > 1:
        for tag, name in ((0x81, "issuerUniqueID"), (0x82, "subjectUniqueID")):
            if tbs.peek(tag):
                _need(tbs.any(), f"malformed {name}")
    if version < 3 or not tbs.peek(0xA3):
        return ()
    wrapped = _need(tbs.inner(0xA3), "malformed extensions")
    reader: Reader = _need(wrapped.inner(der.SEQUENCE), "malformed extensions")
    found: dict[der.ObjectId, Extension] = {}
    while not reader.empty:
        METER.spend(10, 500)
        extension = _extension(_need(reader.inner(der.SEQUENCE), "malformed extension"))
        if extension.oid in found:
            text = quoted(".".join(map(str, extension.oid)))
            raise BuiltinError(f"x509: certificate contains duplicate extension with OID {text}")
        found[extension.oid] = extension
    return tuple(found.values())


def _extension(reader: Reader) -> Extension:
    oid = _need(reader.object_id(), "malformed extension OID field")
    critical = False
    if reader.peek(der.BOOLEAN):
        critical = _need(reader.boolean(), "malformed extension critical field")
    value = _need(reader.content(der.OCTET_STRING), "malformed extension value field")
    return Extension(oid, critical, value)


# --- requests ------------------------------------------------------------------------------------

_REQUEST_INFO: Final = Part(
    "struct",
    "tbsCertificateRequest",
    (Part("int"), Part("raw"), PUBLIC_KEY_INFO, Part("sequence", parts=(Part("raw"),), tag=0)),
)
_REQUEST: Final = Part("struct", "certificateRequest", (_REQUEST_INFO, IDENTIFIER, Part("bits")))
_ATTRIBUTE: Final = Part("struct", "AttributeTypeAndValue", (Part("oid"), Part("any")))
_RDN: Final = Part("sequence", "RDNSequence", (Part("set", "RelativeDistinguishedNameSET", (_ATTRIBUTE,)),))
_ATTRIBUTE_SET: Final = Part(
    "struct",
    "AttributeTypeAndValueSET",
    (Part("oid"), Part("sequence", parts=(Part("sequence", parts=(_ATTRIBUTE,)),), as_set=True)),
)
_REQUESTED: Final = Part(
    "struct", "pkcs10Attribute", (Part("oid"), Part("sequence", parts=(Part("raw"),), as_set=True))
)
_EXTENSIONS: Final = Part(
    "sequence", parts=(Part("struct", "Extension", (Part("oid"), Part("bool", optional=True), Part("octets"))),)
)
_EXTENSION_REQUEST: Final = (1, 2, 840, 113549, 1, 9, 14)


def request_value(data: bytes) -> Value:
    """A certificate request as Go's JSON has it; raises :class:`BuiltinError`."""
    request, rest = read(data, _REQUEST)
    if rest:
        raise Asn1Fault("asn1: syntax error: trailing data")
    info, algorithm, signature = request.parts
    version, subject, key_info, attributes = info.parts
    assert isinstance(subject, Raw)
    number, key = _request_key(key_info)
    names, after = read(subject.whole, _RDN)
    if after:
        raise BuiltinError("x509: trailing data after X.509 Subject")
    known = signature_algorithm(as_identifier(algorithm))
    extensions = _requested_extensions(attributes)
    alternative = Names()
    for extension in extensions:
        if extension.oid == SUBJECT_ALT_NAME:
            alternative = alternative_names(extension.value)
    name = Name(tuple([attribute.parts for names_set in names for attribute in names_set]))
    return {
        "Raw": base64_text(request.whole),
        "RawTBSCertificateRequest": base64_text(info.whole),
        "RawSubjectPublicKeyInfo": base64_text(key_info.whole),
        "RawSubject": base64_text(subject.whole),
        "Version": version,
        "Signature": base64_text(signature.aligned()),
        "SignatureAlgorithm": 0 if known is None else known.number,
        "PublicKeyAlgorithm": number,
        "PublicKey": public_value(key),
        "Subject": name.value(),
        "Attributes": _attributes(attributes),
        "Extensions": [_extension_value(e) for e in extensions] or None,
        "ExtraExtensions": None,
        **_names_value(alternative),
    }


def _request_key(info: Structure) -> tuple[int, PublicKey | None]:
    algorithm: Identifier = as_identifier(info.parts[0])
    number = PUBLIC_KEY_NUMBERS.get(algorithm.oid, 0)
    return number, parse_public_key(algorithm, info.parts[1]) if number else None


def _attributes(found: Sequence[Raw]) -> Value:
    """The attributes that are lists of attributes; others are left out."""
    out: list[Value] = []
    for raw in found:
        try:
            attribute, rest = read(raw.whole, _ATTRIBUTE_SET)
        except Asn1Fault:
            continue
        if not rest:
            oid, values = attribute.parts
            out.append(
                {
                    "Type": list(oid),
                    "Value": [[{"Type": list(a.parts[0]), "Value": shown(a.parts[1])} for a in v] for v in values],
                }
            )
    return out or None


def _requested_extensions(found: Sequence[Raw]) -> list[Extension]:
    out: list[Extension] = []
    seen: set[der.ObjectId] = set()
    for raw in found:
        try:
            attribute, rest = read(raw.whole, _REQUESTED)
        except Asn1Fault:
            continue
        oid, values = attribute.parts
        if rest or not values or oid != _EXTENSION_REQUEST:
            continue
        extensions, _ = read(values[0].whole, _EXTENSIONS)
        for extension in extensions:
            key, critical, value = extension.parts
            if key in seen:
                raise BuiltinError("x509: certificate request contains duplicate requested extensions")
            seen.add(key)
            out.append(Extension(key, bool(critical), value))
    return out


# --- as values -----------------------------------------------------------------------------------


def certificate_value(certificate: Certificate, *, uri_texts: bool) -> Value:
    """A certificate as Go's JSON has it; with the URIs among its names as texts too, where they are asked for."""
    c, meaning = certificate, certificate.meaning
    METER.spend(500 + (len(c.raw) >> 3), 10_000 + 10 * len(c.raw))
    out: dict[str, Any] = {
        "Raw": base64_text(c.raw),
        "RawTBSCertificate": base64_text(c.raw_tbs),
        "RawSubjectPublicKeyInfo": base64_text(c.raw_key),
        "RawSubject": base64_text(c.raw_subject),
        "RawIssuer": base64_text(c.raw_issuer),
        "Signature": base64_text(c.signature),
        "SignatureAlgorithm": 0 if c.algorithm is None else c.algorithm.number,
        "PublicKeyAlgorithm": c.key_algorithm,
        "PublicKey": public_value(c.key),
        "Version": c.version,
        "SerialNumber": shown_number(c.serial),
        "Issuer": c.issuer.value(),
        "Subject": c.subject.value(),
        "NotBefore": c.not_before.text,
        "NotAfter": c.not_after.text,
        "Extensions": [_extension_value(e) for e in c.extensions] or None,
        "ExtraExtensions": None,
        **_meaning_value(meaning),
    }
    if uri_texts:
        out["URIStrings"] = [str(u) for u in meaning.names.uris] or None
    return out


def _meaning_value(m: Meaning) -> dict[str, Any]:
    policies = m.policies or []
    small = [oid for oid in map(small_oid, policies) if oid is not None]
    return {
        "KeyUsage": m.key_usage,
        "UnhandledCriticalExtensions": [list(oid) for oid in m.unhandled] or None,
        "ExtKeyUsage": m.usages or None,
        "UnknownExtKeyUsage": [list(oid) for oid in m.unknown_usages] or None,
        "BasicConstraintsValid": m.basic_constraints,
        "IsCA": m.is_ca,
        "MaxPathLen": m.max_path,
        "MaxPathLenZero": m.basic_constraints and m.max_path == 0,
        "SubjectKeyId": None if m.subject_key is None else base64_text(m.subject_key),
        "AuthorityKeyId": None if m.authority_key is None else base64_text(m.authority_key),
        "OCSPServer": m.ocsp or None,
        "IssuingCertificateURL": m.issuers or None,
        **_names_value(m.names),
        "PermittedDNSDomainsCritical": m.constraints_critical,
        **_subtrees_value("Permitted", m.permitted),
        **_subtrees_value("Excluded", m.excluded),
        "CRLDistributionPoints": m.crl_points or None,
        "PolicyIdentifiers": None if m.policies is None else small,
        "Policies": [oid_text(raw) for raw in policies] or None,
        "InhibitAnyPolicy": m.inhibit_any or 0,
        "InhibitAnyPolicyZero": m.inhibit_any == 0,
        "InhibitPolicyMapping": m.inhibit_mapping or 0,
        "InhibitPolicyMappingZero": m.inhibit_mapping == 0,
        "RequireExplicitPolicy": m.explicit_policy or 0,
        "RequireExplicitPolicyZero": m.explicit_policy == 0,
        "PolicyMappings": [
            {"IssuerDomainPolicy": oid_text(i), "SubjectDomainPolicy": oid_text(s)} for i, s in m.mappings
        ]
        or None,
    }


def _extension_value(extension: Extension) -> Value:
    return {
        "Id": list(extension.oid),
        "Critical": extension.critical,
        "Value": base64_text(extension.value),
    }


def _names_value(names: Names) -> dict[str, Any]:
    return {
        "DNSNames": names.dns or None,
        "EmailAddresses": names.emails or None,
        "IPAddresses": [address_text(a) for a in names.addresses] or None,
        "URIs": [u.value() for u in names.uris] or None,
    }


def _subtrees_value(prefix: str, subtrees: Subtrees) -> dict[str, Any]:
    return {
        f"{prefix}DNSDomains": subtrees.dns or None,
        f"{prefix}IPRanges": [_network_value(n) for n in subtrees.ranges] or None,
        f"{prefix}EmailAddresses": subtrees.emails or None,
        f"{prefix}URIDomains": subtrees.uris or None,
    }


def _network_value(network: Network) -> Value:
    return {"IP": address_text(network.address), "Mask": base64_text(network.mask)}


def address_text(raw: bytes) -> str:
    """An address as Go writes it: one of IPv6 that holds one of IPv4 looks like the latter."""
    address = ipaddress.ip_address(raw)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(address if mapped is None else mapped)
