"""Whether a certificate is trusted: chains to a root, as Go's verifier builds and checks them."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..errors import BuiltinError
from ..meter import METER
from . import certificate_constraints, signatures
from .asn1_structures import Asn1Fault, Part, read
from .certificate_extensions import SUBJECT_ALT_NAME
from .certificate_keys import Algorithm
from .certificate_parsing import Certificate
from .keys import EcPublic, EdPublic, PublicKey, RsaPublic

MAX_CHECKS: Final = 100
"""How many signatures are checked for one answer, as in Go."""

ANY_USAGE: Final = 0
SERVER_USAGE: Final = 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a chain has to be good for: at a time, for a host's name if one is given, for one of some usages."""

    now_ns: int
    host: str = ""
    usages: tuple[int, ...] = ()


class Untrusted(Exception):
    """There is no such chain."""


def chain_to_root(certificates: Sequence[Certificate], wanted: Wanted) -> list[Certificate]:
    """The first chain from the last certificate to the first one, which is the root; raises :class:`Untrusted`.

    Those between may be used on the way.
    """
    if len(certificates) < 2:
        raise Untrusted
    root, leaf = certificates[0], certificates[-1]
    search = _Search(root, certificates[1:-1], wanted.now_ns)
    if not search.valid(leaf, (), between=False) or not _names_host(leaf, wanted.host):
        raise Untrusted
    chains = [[leaf]] if leaf.raw == root.raw else search.chains((leaf,))
    usages = wanted.usages or (SERVER_USAGE,)
    for chain in chains:
        _check_policies(chain)
        if (ANY_USAGE in usages or _good_for(chain, usages)) and certificate_constraints.permitted(chain):
            return chain
    raise Untrusted


class _Search:
    """Builds the chains of one question."""

    def __init__(self, root: Certificate, between: Sequence[Certificate], now_ns: int) -> None:
        self.root = root
        self.between = list({c.raw: c for c in between}.values())
        self.now_ns = now_ns
        self.checks = 0

    def valid(self, certificate: Certificate, chain: tuple[Certificate, ...], *, between: bool) -> bool:
        """Whether a certificate may stand at the end of a chain."""
        meaning = certificate.meaning
        if meaning.unhandled or (chain and chain[-1].raw_issuer != certificate.raw_subject):
            return False
        if not certificate.not_before.ns <= self.now_ns <= certificate.not_after.ns:
            return False
        if between and not (meaning.basic_constraints and meaning.is_ca):
            return False
        return not (meaning.basic_constraints and 0 <= meaning.max_path < len(chain) - 1)

    def chains(self, chain: tuple[Certificate, ...]) -> list[list[Certificate]]:
        """All chains that a chain can grow to."""
        found: list[list[Certificate]] = []
        child = chain[-1]
        for parent, between in [(self.root, False), *((c, True) for c in self._ordered(child))]:
            if parent.raw_subject != child.raw_issuer:
                continue
            self.checks += 1
            if self.checks > MAX_CHECKS:
                break
            if parent.key is None or _already_there(parent, chain):
                continue
            if not _signed_by(child, parent) or not self.valid(parent, chain, between=between):
                continue
            longer = (*chain, parent)
            found += self.chains(longer) if between else [list(longer)]
        return found

    def _ordered(self, child: Certificate) -> list[Certificate]:
        """Those whose key has the identifier that the child asks for first, then those that tell none."""
        asked = child.meaning.authority_key or b""

        def rank(certificate: Certificate) -> int:
            own = certificate.meaning.subject_key or b""
            if own == asked:
                return 0
            return 1 if not own or not asked else 2

        METER.spend(10 * len(self.between))
        return sorted(self.between, key=rank)


def _already_there(candidate: Certificate, chain: Sequence[Certificate]) -> bool:
    own = candidate.extension(SUBJECT_ALT_NAME)
    for certificate in chain:
        if certificate.raw_subject != candidate.raw_subject or certificate.raw_key != candidate.raw_key:
            continue
        other = certificate.extension(SUBJECT_ALT_NAME)
        if own is None or other is None:
            return own is other
        if own.value == other.value:
            return True
    return False


def _signed_by(child: Certificate, parent: Certificate) -> bool:
    meaning = parent.meaning
    if (parent.version == 3 and not meaning.basic_constraints) or (meaning.basic_constraints and not meaning.is_ca):
        return False
    if meaning.key_usage and not meaning.key_usage & 1 << 5:
        return False
    if parent.key is None or child.algorithm is None:
        return False
    return check_signature(child.algorithm, child.raw_tbs, child.signature, parent.key)


_ECDSA: Final = Part("struct", "", (Part("big"), Part("big")))


def check_signature(algorithm: Algorithm, signed: bytes, signature: bytes, key: PublicKey) -> bool:
    """Whether a certificate's signature is right; those over MD5 and SHA-1 never are."""
    if algorithm.digest in ("md5", "sha1"):
        return False
    digest = signatures.digest_of(algorithm.digest, signed)
    match key:
        case RsaPublic() if algorithm.family in ("rsa", "pss"):
            salt = len(digest) if algorithm.family == "pss" else None
            return signatures.verify_rsa(key, algorithm.digest, digest, signature, salt=salt)
        case EcPublic() if algorithm.family == "ecdsa":
            try:
                found, rest = read(signature, _ECDSA)
            except Asn1Fault:
                return False
            return not rest and signatures.verify_ecdsa(key, algorithm.digest, digest, *found.parts)
        case EdPublic() if algorithm.family == "ed25519":
            return signatures.verify_ed25519(key, digest, signature)
        case _:
            return False


def _good_for(chain: Sequence[Certificate], usages: Sequence[int]) -> bool:
    """Whether one usage is allowed by every certificate that says which it is for."""
    left = set(usages)
    for certificate in reversed(chain):
        meaning = certificate.meaning
        if (meaning.usages or meaning.unknown_usages) and ANY_USAGE not in meaning.usages:
            left &= set(meaning.usages)
            if not left:
                return False
    return True


def _check_policies(chain: Sequence[Certificate]) -> None:
    """Refuse to judge chains that ask for policies: what that would mean is not worked out here."""
    if any(c.meaning.explicit_policy is not None for c in chain[:-1]):
        raise BuiltinError("x509: certificates that require explicit policies are not verified by image-enforcer")


def _names_host(certificate: Certificate, host: str) -> bool:
    if not host:
        return True
    names = certificate.meaning.names
    METER.spend(10 * len(names.dns) + 10 * len(names.addresses) + len(host))
    plain = host[1:-1] if len(host) >= 3 and host.startswith("[") and host.endswith("]") else host
    address = _address(plain)
    if address is not None:
        return address in [_mapped(raw) for raw in names.addresses]
    wanted = _lower(host)
    parts = wanted.removesuffix(".").split(".")
    ordinary = _host_name(wanted.removesuffix("."), pattern=False)
    for name in names.dns:
        if ordinary and _host_name(name, pattern=True):
            pattern = _lower(name).split(".")
            if (
                len(pattern) == len(parts)
                and (pattern[0] == "*" or pattern[0] == parts[0])
                and pattern[1:] == parts[1:]
            ):
                return True
        elif name not in ("", ".") and wanted not in ("", ".") and _lower(name) == wanted:
            return True
    return False


def _address(text: str) -> bytes | None:
    try:
        return _mapped(ipaddress.ip_address(text).packed) if "%" not in text else None
    except ValueError:
        return None


def _mapped(raw: bytes) -> bytes:
    return b"\x00" * 10 + b"\xff\xff" + raw if len(raw) == 4 else raw


def _lower(text: str) -> str:
    return text.translate(_LOWER)


_LOWER: Final = {c: c + 32 for c in range(ord("A"), ord("Z") + 1)}
_HOST_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def _host_name(name: str, *, pattern: bool) -> bool:
    """Whether it is a name that wildcards may match, or a pattern with one for its whole first label."""
    if not name or name == "*":
        return False
    for i, part in enumerate(name.split(".")):
        if pattern and not i and part == "*":
            continue
        if not part or part.startswith("-") or not set(part) <= _HOST_CHARACTERS:
            return False
    return True
