"""Who asks (``--authentication``) and whether they may (``--authorization=basic``: ``data.system.authz.allow``).

Fails closed: only ``true``, or an object whose ``allowed`` is true, lets a request through.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...rego import UNDEFINED, RegoError, Value
from .bodies import BodyLimits, any_body
from .evaluate import Evaluator
from .paths import DataPath, all_segments
from .replies import Refused, error, evaluation_error, internal
from .requests import ABSENT, Request

DECISION: Final[DataPath] = ("system", "authz", "allow")

_BEARER: Final = re.compile(r"Bearer\s+(\S+)\s*")
_REJECTED: Final = "request rejected by administrative policy"
_NO_ALLOWED: Final = "document missing or undefined"
_MISSING: Final = "authorization policy missing or undefined"


def bearer_token(headers: Mapping[str, Sequence[str]]) -> str | None:
    """The token of an ``Authorization: Bearer …`` header."""
    values = headers.get("authorization")
    found = _BEARER.fullmatch(values[0].strip()) if values else None
    return found.group(1) if found else None


def client_certificate(der: bytes) -> tuple[str, list[dict[str, Any]]]:
    """The subject of a client's certificate, and what policies see of it."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    made = x509.load_der_x509_certificate(der)
    try:
        alternatives = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        dns = [str(n) for n in alternatives.get_values_for_type(x509.DNSName)]
        mails = [str(n) for n in alternatives.get_values_for_type(x509.RFC822Name)]
        uris = [str(n) for n in alternatives.get_values_for_type(x509.UniformResourceIdentifier)]
    except x509.ExtensionNotFound:
        dns, mails, uris = [], [], []

    def name(of: x509.Name) -> dict[str, Any]:
        def texts(oid: x509.ObjectIdentifier) -> list[str]:
            return [str(a.value) for a in of.get_attributes_for_oid(oid)]

        common = texts(NameOID.COMMON_NAME)
        return {
            "CommonName": common[0] if common else "",
            "Organization": texts(NameOID.ORGANIZATION_NAME),
            "OrganizationalUnit": texts(NameOID.ORGANIZATIONAL_UNIT_NAME),
        }

    described = {
        "Subject": name(made.subject),
        "Issuer": name(made.issuer),
        "SerialNumber": made.serial_number,
        "NotBefore": made.not_valid_before_utc.isoformat().replace("+00:00", "Z"),
        "NotAfter": made.not_valid_after_utc.isoformat().replace("+00:00", "Z"),
        "DNSNames": dns,
        "EmailAddresses": mails,
        "URIs": uris,
        "Raw": base64.b64encode(der).decode(),
    }
    return made.subject.rfc4514_string(), [described]


class Authorizer:
    """Asks the policy about each request."""

    def __init__(self, evaluator: Evaluator, limits: BodyLimits) -> None:
        self._evaluator = evaluator
        self._limits = limits

    async def check(self, request: Request) -> None:
        """Raises :class:`Refused` unless the policy lets the request through."""
        path = all_segments(request.path)
        input_ = authorization_input(request, path)
        if expects_body(request.method, path):
            body = await self._evaluator.on_thread(lambda: any_body(request, self._limits))
            if body is not ABSENT:
                request.parsed = input_["body"] = body
        try:
            answer = await self._evaluator.reference(DECISION, input_)
        except RegoError as e:
            raise Refused(evaluation_error(e)) from None
        _judge(answer.value)


def authorization_input(request: Request, path: Sequence[str]) -> dict[str, Value]:
    """What the policy is asked about."""
    input_: dict[str, Value] = {
        "path": list(path),
        "method": request.method.upper(),
        "params": {k: list(v) for k, v in request.params.items()},
        "headers": {_canonical(k): list(v) for k, v in request.headers.items() if k != "host"},
    }
    if request.identity is not None:
        input_["identity"] = request.identity
    if request.certificates is not None:
        input_["client_certificates"] = list(request.certificates)
    return input_


def expects_body(method: str, path: Sequence[str]) -> bool:
    """Whether policies see the body: it is a question about data."""
    if method != "POST":
        return False
    return list(path) == [""] or (len(path) >= 2 and path[0] in ("v0", "v1") and path[1] == "data")


def _judge(value: Value) -> None:
    if value is UNDEFINED:
        raise Refused(internal(_MISSING))
    if value is True:
        return
    message = _REJECTED
    if isinstance(value, dict):
        if "allowed" not in value:
            raise Refused(internal(_NO_ALLOWED))
        if value["allowed"] is True:
            return
        if isinstance(value.get("reason"), str):
            message = value["reason"]
    raise Refused(error(401, "unauthorized", message))


def _canonical(name: str) -> str:
    """A header's name as Go writes it."""
    return "-".join(part[:1].upper() + part[1:] for part in name.split("-"))
