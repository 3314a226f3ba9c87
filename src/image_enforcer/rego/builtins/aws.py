"""Signing requests for AWS (Signature Version 4)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..json_text import to_json
from ..meter import METER
from ..text import term
from ..values import Num, RegoSet, Value
from . import operands, urls
from .byte_texts import to_bytes
from .contract import Builtin
from .http_requests import checked
from .urls import Url

_NEEDED: Final = ("aws_access_key", "aws_region", "aws_secret_access_key", "aws_service")
_UNSIGNED: Final = frozenset({"authorization", "user-agent", "x-amzn-trace-id"})
"""Headers that change on the way and are left out of the signature."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who signs, for which service where; ``token`` goes with keys that are lent."""

    service: str
    region: str
    access: str
    secret: str
    token: str


def _account(given: dict[Any, Value]) -> Account:
    missing = [k for k in _NEEDED if k not in given]
    if missing:
        raise operands.bad(2, f"missing required AWS config parameters(s): {term(RegoSet.of(missing))}")
    wrong = [k for k in _NEEDED if type(given[k]) is not str]
    if wrong:
        raise operands.bad(2, f"invalid values for required AWS config parameters(s): {term(RegoSet.of(wrong))}")
    token = given.get("aws_session_token")
    access, region, secret, service = (given[k] for k in _NEEDED)
    return Account(service, region, access, secret, token if type(token) is str else "")


def sign_request(request: Value, config: Value, time_ns: Value) -> Value:
    """The request with the headers that a signature needs."""
    operands.obj(request, 1)
    given = operands.obj(config, 1)
    account = _account(given)
    if type(operands.number(time_ns, 1)) is Num or not -(1 << 63) <= time_ns < 1 << 63:
        raise operands.bad(3, "could not convert time_ns value into a unix timestamp")
    wanted = checked(request, 1)
    headers = wanted.get("headers", {})
    if type(headers) is not dict:
        raise operands.wrong(headers, 0, "object")
    wrong = [k for k in ("method", "url") if type(wanted[k]) is not str]
    if wrong:
        raise operands.bad(1, f"invalid values for required request parameters(s): {term(RegoSet.of(wrong))}")
    url = urls.parse(wanted["url"])
    body = _body(wanted)
    plain = {k if type(k) is str else "": v if type(v) is str else "" for k, v in headers.items()}
    unsigned = given.get("disable_payload_signing", False)
    if type(unsigned) is not bool:
        raise operands.bad(2, "invalid value for 'disable_payload_signing' in AWS config")
    digest = "UNSIGNED-PAYLOAD" if unsigned else _sha256(body)
    made = _signature(plain, wanted["method"], url, digest, account, time_ns)
    return {**wanted, "headers": {**plain, **made}}


def _body(request: dict[Any, Value]) -> bytes:
    if "raw_body" in request:
        raw = request["raw_body"]
        return to_bytes(raw) if type(raw) is str else b""
    return to_bytes(to_json(request["body"])) if "body" in request else b""


def _sha256(data: bytes) -> str:
    METER.spend(10 + (len(data) >> 5))
    return hashlib.sha256(data).hexdigest()


def _mac(key: bytes, text: str) -> bytes:
    data = to_bytes(text)
    METER.spend(10 + (len(data) >> 5))
    return hmac.new(key, data, hashlib.sha256).digest()


def _signature(
    headers: Mapping[str, str], method: str, url: Url, digest: str, account: Account, time_ns: int
) -> dict[str, str]:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time_ns // 1_000_000_000)
    day = f"{moment.year:04}{moment:%m%d}"
    stamp = f"{day}T{moment:%H%M%S}Z"
    added = {"host": url.host, "x-amz-date": stamp}
    if account.service in ("s3", "glacier"):
        added["x-amz-content-sha256"] = digest
    if account.token:
        added["x-amz-security-token"] = account.token
    signed = dict(added)
    METER.spend(20 * len(headers))
    for name in sorted(headers):
        if name.lower() not in _UNSIGNED:
            signed[name.lower()] = headers[name]
    names = sorted(signed, key=to_bytes)
    listed = ";".join(names)
    lines = "".join(f"{name}:{signed[name]}\n" for name in names)
    canonical = f"{method}\n{url.escaped_path}\n{url.raw_query}\n{lines}\n{listed}\n{digest}"
    scope = f"{day}/{account.region}/{account.service}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{_sha256(to_bytes(canonical))}"
    key = _mac(to_bytes(f"AWS4{account.secret}"), day)
    for part in (account.region, account.service, "aws4_request"):
        key = _mac(key, part)
    credential = f"AWS4-HMAC-SHA256 Credential={account.access}/{scope}"
    signature = _mac(key, to_sign).hex()
    return {"Authorization": f"{credential},SignedHeaders={listed},Signature={signature}", **added}


BUILTINS: Final[Mapping[str, Builtin]] = {"providers.aws.sign_req": Builtin(sign_request)}
