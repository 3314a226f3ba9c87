"""The product put together: which engine a source means, and what its decisions say."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from image_enforcer import wiring
from image_enforcer.adapters.policy.embedded import EmbeddedEngine
from image_enforcer.adapters.policy.opa import OpaEngine
from image_enforcer.analysis import review as reading
from image_enforcer.domain.review import Review
from image_enforcer.ports.policy import Answered, Exceeded, Failed, UnusablePolicy
from image_enforcer.rego import from_json, to_json
from image_enforcer.services import decide
from image_enforcer.settings import PolicySource
from tests.fakes.opa_server import OpaServer

PATH = "/v0/data/io/k8s/image_policy/verify"


def review(*images: str, namespace: str = "production") -> dict[str, Any]:
    return {"spec": {"containers": [{"image": image} for image in images], "namespace": namespace}}


@pytest.fixture
def server() -> Iterator[OpaServer]:
    with OpaServer({}) as running:
        yield running


def remote(server: OpaServer, seconds: float = 30.0) -> OpaEngine:
    engine = wiring.policy_engine(PolicySource(policies=(server.url,), seconds=seconds))
    assert isinstance(engine, OpaEngine)
    return engine


def test_files_are_for_the_embedded_engine(root: Path) -> None:
    engine = wiring.policy_engine(PolicySource(policies=(str(root / "policies"),), data=(str(root / "data"),)))
    assert isinstance(engine, EmbeddedEngine)
    assert engine.ready() == ""
    assert wiring.notices(engine) == engine.notices


def test_what_loading_says_is_handed_on(tmp_path: Path) -> None:
    (tmp_path / "a.rego").write_text("package a\n")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.json").write_text('{"n": 1}')
    data = tuple(str(tmp_path / name) for name in ("one", "two"))
    engine = wiring.policy_engine(PolicySource(policies=(str(tmp_path / "a.rego"),), data=data))
    assert len(wiring.notices(engine)) == 2
    assert "data.one" in wiring.notices(engine)[0]


def test_an_address_is_for_opa(server: OpaServer) -> None:
    engine = remote(server)
    assert wiring.notices(engine) == ()
    server.scripts[PATH] = lambda exchange: exchange.answer(exchange.body)
    document = from_json('{"n": [1.10, 1e3, 12345678901234567890123, -0], "t": "<ü\\u2028>"}')
    found = engine.decide(document)[0]
    engine.close()
    assert isinstance(found, Answered)
    assert to_json(found.value) == to_json(document)


def test_the_time_of_a_source_is_the_engine_s(server: OpaServer, tmp_path: Path) -> None:
    server.scripts[PATH] = lambda exchange: exchange.hang_up() if exchange.wait(60) else None
    assert isinstance(remote(server, seconds=0.2).decide({})[0], Exceeded)
    (tmp_path / "slow.rego").write_text(
        "package io.k8s.image_policy\n\n"
        "verify := count([1 | r := numbers.range(1, 20000); some a in r; some b in r; a * b == -1])\n"
    )
    found = wiring.policy_engine(PolicySource(policies=(str(tmp_path),), seconds=0.2)).decide({})[0]
    assert isinstance(found, Exceeded)
    assert found.time


def test_documents_too_deep_to_be_written_for_opa(server: OpaServer) -> None:
    document: Any = {}
    for _ in range(100_000):
        document = {"a": document}
    assert isinstance(remote(server).decide(document)[0], Failed)
    assert server.asked == []


@pytest.mark.parametrize(
    ("policies", "data", "said"),
    [
        ((), (), "no policy is given"),
        ((), ("data",), "no policy is given"),
        (("http://opa", "policies"), (), "give its address alone"),
        (("policies", "http://opa"), (), "give its address alone"),
        (("http://opa", "http://opa"), (), "give its address alone"),
        (("http://opa",), ("data",), "give its address alone"),
        (("ftp://opa",), (), "not the URL of an OPA server"),
        (("http://",), (), "not the URL of an OPA server"),
        (("http://kim:secret@opa",), (), "password"),
        (("no/such/file.rego",), (), "no/such/file.rego"),
    ],
)
def test_sources_that_cannot_be_used(policies: tuple[str, ...], data: tuple[str, ...], said: str) -> None:
    with pytest.raises(UnusablePolicy, match=said):
        wiring.policy_engine(PolicySource(policies=policies, data=data))


def test_every_line_of_a_denial_names_image_rule_and_remedy(root: Path) -> None:
    """With the sample policies and data: several images, several rules, and the image that is to blame in each line."""
    engine = wiring.policy_engine(PolicySource(policies=(str(root / "policies"),), data=(str(root / "data"),)))
    images = ("nobody/knows:1", "registry.example/other:latest", "no reference")
    subject = reading.read(review(*images))
    decision = decide.decide(subject, decide.asking(engine))
    assert not decision.allowed
    assert not decision.undecided
    lines = decision.reason.split("]; ")
    assert len(lines) >= len(images)
    for line in lines:
        assert any(line.startswith((f"{image}: ", f'"{image}": ')) for image in images), line
        cause, remedy = line.split("; ", 1)
        assert cause
        assert " [" in remedy
    assert all(image in decision.reason for image in images)


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=12)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
IMAGES = JSON | st.sampled_from(["nginx", "openpolicyagent/opa:0.4.9", "openpolicyagent/opa:0.4.9 ", "a_b.c/d"])
SPECS = st.fixed_dictionaries(
    {"containers": JSON | st.lists(st.fixed_dictionaries({"image": IMAGES}), max_size=3)},
    optional={"namespace": JSON | st.sampled_from(["production", "kube-system"]), "annotations": JSON},
)
GUARD = decide.Guard(exempt=frozenset({"kube-system"}))


@pytest.fixture(scope="module")
def sample(root: Path) -> EmbeddedEngine:
    engine = wiring.policy_engine(PolicySource(policies=(str(root / "policies"),), data=(str(root / "data"),)))
    assert isinstance(engine, EmbeddedEngine)
    return engine


@given(document=JSON | st.fixed_dictionaries({"spec": JSON | SPECS}, optional={"kind": JSON, "metadata": JSON}))
@example(document={"spec": {"containers": [{"image": "openpolicyagent/opa:0.4.9"}], "namespace": "production"}})
def test_no_document_is_let_in_by_accident(sample: EmbeddedEngine, document: Any) -> None:
    """Whatever is sent: a decision, with a reason where it denies; allowed only what parses and the policy knows."""
    subject = reading.read(from_json(json.dumps(document)))
    found = decide.decide(subject, decide.asking(sample), GUARD)
    assert found.allowed or found.reason
    if found.allowed:
        assert isinstance(subject, Review)
        assert {use.image for use in subject.uses} <= {"nginx", "openpolicyagent/opa:0.4.9"}
        assert not found.undecided
