"""Settings that say something about themselves."""

import pytest

from image_enforcer.settings import ENTRY_POINT, Address, Bounds, PolicySource, Serve, Tls


@pytest.mark.parametrize(
    ("policies", "remote"),
    [
        ((), ""),
        (("policies",), ""),
        (("policies", "more.rego"), ""),
        (("http://opa:8181",), "http://opa:8181"),
        (("https://opa/x",), "https://opa/x"),
    ],
)
def test_where_policies_are(policies: tuple[str, ...], remote: str) -> None:
    assert PolicySource(policies=policies).remote == remote


@pytest.mark.parametrize(
    ("host", "shown", "loopback"),
    [
        ("127.0.0.1", "127.0.0.1:80", True),
        ("127.1.2.3", "127.1.2.3:80", True),
        ("::1", "[::1]:80", True),
        ("localhost", "localhost:80", True),
        ("", ":80", False),
        ("0.0.0.0", "0.0.0.0:80", False),
        ("::", "[::]:80", False),
        ("10.0.0.1", "10.0.0.1:80", False),
        ("enforcer.example", "enforcer.example:80", False),
        ("localhost.example", "localhost.example:80", False),
        ("127.example", "127.example:80", False),
        ("1270.0.0.1", "1270.0.0.1:80", False),
    ],
)
def test_addresses(host: str, shown: str, loopback: bool) -> None:
    address = Address(host=host, port=80)
    assert str(address) == shown
    assert address.loopback is loopback


def test_nobody_is_exempt_and_everything_is_bounded_unless_told_otherwise() -> None:
    source = PolicySource(policies=("policies",))
    serve = Serve(source=source, addr=Address(host="::1", port=0), admin_addr=Address(host="::1", port=0))
    assert not serve.exempt
    assert not serve.audit
    assert serve.decision_log
    assert serve.bounds == Bounds()
    assert 0 < source.seconds < 30, "the API server waits for thirty seconds"
    assert all(getattr(serve.bounds, name) > 0 for name in Bounds.__slots__)


def test_the_entry_point_is_the_one_that_policies_document() -> None:
    assert ".".join(ENTRY_POINT) == "io.k8s.image_policy.verify"


@pytest.mark.parametrize(
    ("host", "token_file", "client_ca", "known"),
    [
        ("127.0.0.1", "", "", True), ("::1", "", "", True), ("0.0.0.0", "", "", False), ("", "", "", False),
        ("0.0.0.0", "tokens", "", True), ("0.0.0.0", "", "ca.pem", True),
    ],
)  # fmt: skip
def test_who_counts_as_known(host: str, token_file: str, client_ca: str, known: bool) -> None:
    settings = Serve(
        source=PolicySource(policies=("p",)), addr=Address(host=host, port=1), token_file=token_file,
        admin_addr=Address(host="127.0.0.1", port=2), tls=Tls(cert_file="c", key_file="k", client_ca_file=client_ca),
    )  # fmt: skip
    assert settings.authenticated is known
