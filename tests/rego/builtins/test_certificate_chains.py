"""Which certificates are trusted, and for what."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from image_enforcer import rego
from image_enforcer.rego.builtins.certificate_chains import Untrusted, Wanted, chain_to_root
from image_enforcer.rego.builtins.certificate_parsing import parse_certificate
from image_enforcer.rego.errors import BuiltinError
from tests.rego.builtins.certificate_makers import NOW_NS, authority, certificate, ec_key, ed_key, pem, rsa_key
from tests.rego.builtins.expressions import EMPTY

ROOT = authority(ec_key())
BETWEEN = authority(rsa_key(), ec_key(), "between")
HOST = x509.SubjectAlternativeName([x509.DNSName("*.a.example"), x509.DNSName("B.example")])
LEAF = certificate(ed_key(), rsa_key(), issuer="between", extensions=[(HOST, False)])


def length(*found: bytes, **wanted: Any) -> int:
    """How long the chain is, 0 where there is none."""
    certificates = [parse_certificate(data) for data in found]
    try:
        return len(chain_to_root(certificates, Wanted(**{"now_ns": NOW_NS, **wanted})))
    except Untrusted:
        return 0


def test_a_chain() -> None:
    assert length(ROOT, BETWEEN, LEAF) == 3
    assert length(ROOT, ROOT) == 1
    assert length(ROOT, LEAF) == 0
    assert length(ROOT) == 0
    assert length(LEAF, BETWEEN, ROOT) == 0


@pytest.mark.parametrize(
    ("host", "trusted"),
    [
        ("x.a.example", True),
        ("X.A.EXAMPLE", True),
        ("x.a.example.", True),
        ("y.x.a.example", False),
        ("a.example", False),
        ("b.example", True),
        ("10.0.0.1", False),
    ],
)
def test_names_of_hosts(host: str, trusted: bool) -> None:
    assert bool(length(ROOT, BETWEEN, LEAF, host=host)) is trusted


@pytest.mark.parametrize("year", [2019, 2041])
def test_times(year: int) -> None:
    at = int(datetime.datetime(year, 1, 1, tzinfo=datetime.UTC).timestamp()) * 10**9
    assert length(ROOT, BETWEEN, LEAF, now_ns=at) == 0


def test_who_may_certify() -> None:
    plain = certificate(rsa_key(), ec_key(), "between")
    assert length(ROOT, plain, LEAF) == 0
    forged = certificate(ed_key(), ec_key(1), issuer="between")
    assert length(ROOT, BETWEEN, forged) == 0
    short = authority(ec_key(), most=0)
    assert length(short, BETWEEN, LEAF) == 0


def test_usages() -> None:
    client = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    leaf = certificate(ed_key(), ec_key(), extensions=[(client, False)])
    assert length(ROOT, leaf) == 0
    assert length(ROOT, leaf, usages=(2,)) == 2
    assert length(ROOT, leaf, usages=(0,)) == 2


def test_critical_extensions_that_nobody_knows() -> None:
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"x")
    assert length(ROOT, certificate(ed_key(), ec_key(), extensions=[(odd, True)])) == 0
    assert length(ROOT, certificate(ed_key(), ec_key(), extensions=[(odd, False)])) == 2


def test_required_policies_are_not_judged() -> None:
    needed = authority(rsa_key(), ec_key(), "between", extensions=[(x509.PolicyConstraints(0, None), True)])
    with pytest.raises(BuiltinError, match="explicit policies"):
        length(ROOT, needed, LEAF)


@pytest.mark.parametrize(
    ("permitted", "excluded", "name", "trusted"),
    [
        ("example", None, x509.DNSName("a.example"), True),
        (".example", None, x509.DNSName("example"), False),
        ("other", None, x509.DNSName("a.example"), False),
        (None, "a.example", x509.DNSName("b.a.example"), False),
        (None, "a.example", x509.DNSName("*.example"), False),
        ("example", None, x509.UniformResourceIdentifier("https://other/"), True),
    ],
)
def test_name_constraints(permitted: str | None, excluded: str | None, name: x509.GeneralName, trusted: bool) -> None:
    constraints = x509.NameConstraints(
        None if permitted is None else [x509.DNSName(permitted)], None if excluded is None else [x509.DNSName(excluded)]
    )
    root = authority(ec_key(), extensions=[(constraints, True)])
    leaf = certificate(ed_key(), ec_key(), extensions=[(x509.SubjectAlternativeName([name]), False)])
    assert bool(length(root, leaf)) is trusted


def ask(options: str, *found: bytes) -> Any:
    text = "".join(map(pem, found))
    name = "crypto.x509.parse_and_verify_certificates" + ("_with_options" if options else "")
    query = EMPTY.prepare(f"{name}(input{options and ', '}{options})", strict_builtin_errors=True)
    return query.value(input=text, host=rego.Host(now_ns=lambda: NOW_NS))


def test_options() -> None:
    assert ask("", ROOT, BETWEEN, LEAF)[0] is True
    assert "URIStrings" in ask("", ROOT, BETWEEN, LEAF)[1][0]
    assert "URIStrings" not in ask("{}", ROOT, BETWEEN, LEAF)[1][0]
    assert ask('{"DNSName": "c.example"}', ROOT, BETWEEN, LEAF) == [False, []]
    assert ask('{"CurrentTime": 0}', ROOT, BETWEEN, LEAF) == [False, []]
    assert ask('{"KeyUsages": {"KeyUsageAny"}}', ROOT, BETWEEN, LEAF)[0] is True


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ('{"DNSName": 1}', "'DNSName' should be a string"),
        ('{"CurrentTime": "x"}', "'CurrentTime' should be a number"),
        ('{"CurrentTime": 1.5}', "'CurrentTime' should be a valid int64 number"),
        ('{"KeyUsages": 1}', "'KeyUsages' should be an Array or Set"),
        ('{"KeyUsages": ["a", "b"]}', r"invalid entries for 'KeyUsages' found: \[a b\]"),
        ('{"other": 1}', "invalid key option"),
    ],
)
def test_options_that_are_none(options: str, fault: str) -> None:
    with pytest.raises(rego.EvalError, match=fault):
        ask(options, ROOT, BETWEEN, LEAF)


def test_many_of_one_name_end_at_a_limit() -> None:
    others = [authority(ec_key(i), ec_key(i), "between", "between") for i in range(1, 40)]
    assert length(ROOT, *others, BETWEEN, LEAF) == 3
    assert length(ROOT, *others, LEAF) == 0
