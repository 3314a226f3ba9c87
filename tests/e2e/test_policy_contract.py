"""A real OPA keeps the contract of policy engines, asked by the adapter that `serve` uses."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from image_enforcer.adapters.policy.embedded import EmbeddedEngine
from image_enforcer.adapters.policy.opa import OpaEngine
from image_enforcer.ports.policy import Answered, Unreachable
from image_enforcer.rego import from_json, to_json
from tests.contract.policy_engine import PACKAGE, POLICY, Engines, PolicyEngineContract, ask, closing, encode
from tests.e2e.reviews import ODD_DOCUMENTS, ODD_IMAGES, review
from tests.e2e.servers import free_port, running


@dataclass(frozen=True, slots=True)
class Running:
    """A real OPA with the contract's policy, which stands in a file."""

    url: str
    policy: Path


@pytest.fixture(scope="module")
def server(opa: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("contract")
    (folder / "contract.rego").write_text(POLICY, encoding="utf-8")
    url = f"http://127.0.0.1:{free_port()}"
    command = [str(opa), "run", "--server", "--addr", url.removeprefix("http://"), "--log-level", "error"]
    with running([*command, "contract.rego"], folder / "opa.log", f"{url}/health", cwd=folder):
        yield Running(url, folder / "contract.rego")


class TestContract(PolicyEngineContract):
    @pytest.fixture
    def engines(self, server: Running) -> Iterator[Engines]:
        with closing() as made:

            def start(rule: str, seconds: float = 30.0) -> OpaEngine:
                found = OpaEngine(server.url, encode, from_json, entry_point=(PACKAGE, rule), seconds=seconds)
                made.append(found)
                return found

            yield start


@pytest.mark.parametrize("rule", ["echo", "collection", "keys", "text", "two", "never", "nowhere"])
def test_the_embedded_engine_gives_the_same_outcomes(server: Running, rule: str) -> None:
    """The same kind of outcome, and the same value to the letter, for reviews of every kind."""
    ours = EmbeddedEngine.from_paths([str(server.policy)], [], entry_point=(PACKAGE, rule))
    with closing() as made:
        theirs = OpaEngine(server.url, encode, from_json, entry_point=(PACKAGE, rule))
        made.append(theirs)
        for document in (*(review(image) for image in ODD_IMAGES), *ODD_DOCUMENTS):
            sent = from_json(json.dumps(document))
            wanted, found = ask(theirs, sent), ask(ours, sent)
            assert type(found) is type(wanted)
            if isinstance(wanted, Answered) and isinstance(found, Answered):
                assert to_json(found.value) == to_json(wanted.value)


def test_it_is_unreachable_when_it_has_gone_and_answers_when_it_is_back(opa: Path, tmp_path: Path) -> None:
    (tmp_path / "contract.rego").write_text(POLICY, encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [str(opa), "run", "--server", "--addr", address, "--log-level", "error", "contract.rego"]
    with closing() as made:
        engine = OpaEngine(f"http://{address}", encode, from_json, entry_point=(PACKAGE, "echo"))
        made.append(engine)
        assert engine.ready()
        for turn in range(2):
            with running(command, tmp_path / f"{turn}.log", f"http://{address}/health", cwd=tmp_path):
                assert engine.ready() == ""
                assert ask(engine, turn) == Answered(turn)
            assert isinstance(ask(engine, turn), Unreachable)
            assert engine.ready()
