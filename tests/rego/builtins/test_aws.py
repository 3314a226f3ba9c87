"""Signed requests for AWS; the signatures are those of OPA."""

from __future__ import annotations

import pytest

from tests.rego.builtins.expressions import outcome, value

CONFIG = {"aws_service": "s3", "aws_access_key": "A", "aws_secret_access_key": "S", "aws_region": "us-east-1"}
REQUEST = {"method": "get", "url": "http://x.com/"}
TIME = 1_700_000_000_000_000_000
SIGN = "providers.aws.sign_req(input.r, input.c, input.t)"


def test_a_signature() -> None:
    found = value(SIGN, r=REQUEST, c=CONFIG, t=TIME)
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert found["headers"] == {
        "Authorization": (
            "AWS4-HMAC-SHA256 Credential=A/20231114/us-east-1/s3/aws4_request,"
            "SignedHeaders=host;x-amz-content-sha256;x-amz-date,"
            "Signature=398660daae0998f27cf15d6258a51689de5ef1dedf123045167664296cb48a2d"
        ),
        "host": "x.com",
        "x-amz-content-sha256": empty,
        "x-amz-date": "20231114T221320Z",
    }
    assert found["url"] == REQUEST["url"]


def test_what_else_is_signed() -> None:
    config = CONFIG | {"aws_service": "sts", "aws_session_token": "T", "disable_payload_signing": True}
    request = REQUEST | {"headers": {"X-Foo": "bar", "User-Agent": "me"}, "body": {"a": 1}}
    headers = value(SIGN, r=request, c=config, t=TIME)["headers"]
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token;x-foo," in headers["Authorization"]
    assert headers["x-amz-security-token"] == "T"
    assert (headers["User-Agent"], headers["X-Foo"]) == ("me", "bar")
    assert "x-amz-content-sha256" not in headers
    bodies = [REQUEST | {"body": {"a": 1}}, REQUEST | {"raw_body": '{"a":1}'}]
    first, second = (value(SIGN, r=r, c=CONFIG, t=TIME)["headers"] for r in bodies)
    assert first == second


@pytest.mark.parametrize(
    ("request_", "config", "time", "fault"),
    [
        (1, CONFIG, 0, "operand 1 must be object but got number"),
        (REQUEST, {}, 0, "operand 2 missing required AWS config parameters(s): {"),
        (
            REQUEST,
            CONFIG | {"aws_region": 1},
            0,
            'operand 2 invalid values for required AWS config parameters(s): {"aws',
        ),
        (REQUEST, CONFIG, "x", "operand 1 must be number but got string"),
        (REQUEST, CONFIG, 1 << 63, "operand 3 could not convert time_ns value into a unix timestamp"),
        ({"method": "get"}, CONFIG, 0, 'operand 1 missing required request parameters(s): {"url"}'),
        (REQUEST | {"x": 1}, CONFIG, 0, 'operand 1 invalid request parameters(s): {"x"}'),
        (REQUEST | {"url": 1}, CONFIG, 0, 'operand 1 invalid values for required request parameters(s): {"url"}'),
        (REQUEST | {"headers": 1}, CONFIG, 0, "operand 0 must be object but got number"),
        (REQUEST, CONFIG | {"disable_payload_signing": 1}, 0, "operand 2 invalid value for 'disable_payload_signing'"),
    ],
)
def test_faults(request_: object, config: object, time: object, fault: str) -> None:
    assert outcome(SIGN, r=request_, c=config, t=time).startswith(f"fault: providers.aws.sign_req: {fault}")
