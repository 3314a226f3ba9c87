"""Facts with tags as registries have them: side by side, within the time that there is, and for older documents too."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from image_enforcer.adapters.facts.legacy import DockerLayers
from image_enforcer.domain.digest import Digest
from image_enforcer.domain.facts import Kind
from image_enforcer.domain.manifest import Descriptor
from image_enforcer.domain.reference import Repository
from image_enforcer.ports.facts import FactsError
from image_enforcer.ports.registry import NotFound, Unreachable
from image_enforcer.services.resolving import AT_ONCE_EACH, Resolving
from tests.contract.contents import NOON, digest_of
from tests.services.test_gather import IMAGE, Known, home, image, tag

BAD = digest_of("bad")


class Registries:
    """What tags point to now. Those of ``silent`` registries are never told; ``refusing`` ones cannot be reached."""

    def __init__(self, **tags: Digest) -> None:
        self.tags = tags
        self.silent: set[str] = set()
        self.refusing: set[str] = set()
        self.asked: list[str] = []

    async def head(self, repository: Repository, reference: str, *, urgent: bool = False) -> Any:
        assert urgent
        self.asked.append(f"{repository}:{reference}")
        if repository.registry in self.silent:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        if repository.registry in self.refusing:
            raise Unreachable(f"{repository.registry} hangs up")
        if reference not in self.tags:
            raise NotFound(f"there is no {reference}")
        return Descriptor(media_type="m", digest=self.tags[reference], size=1)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


def resolving(facts: Known, registries: Registries, runner: asyncio.Runner, seconds: float = 30.0) -> Resolving:
    return Resolving(facts, registries, lambda: NOON, runner.run, seconds=seconds)  # type: ignore[arg-type]


def told(facts: Resolving, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(facts.find(Kind.TAG, [name])[name])
    return found


def known() -> Known:
    return Known(home(), tag(IMAGE), tag(IMAGE, "other"), image(), image(BAD, ("evil",)))


def layers(document: Any, *path: str) -> list[str]:
    for step in path:
        document = document[step]
    return [layer["digest"] for layer in document["layers"]]


def test_a_tag_that_moved_is_what_it_is_now_for_older_documents_too(runner: asyncio.Runner) -> None:
    facts = resolving(known(), Registries(latest=BAD), runner)
    documents = DockerLayers(facts.resolved, "docker.io")
    before = layers(documents, "library", "nginx", "latest")
    facts.ask(["nginx"])
    now = layers(documents, "library", "nginx", "latest")
    assert (before, now) == ([digest_of("base")], [digest_of("evil")])
    assert layers(documents.to_value(), "library", "nginx", "latest") == now
    assert layers(documents, "library", "nginx", "other") == before


def test_a_repository_that_nobody_follows_has_the_tags_that_were_resolved_in_it(runner: asyncio.Runner) -> None:
    facts = resolving(known(), Registries(new=BAD), runner)
    documents = DockerLayers(facts.resolved, "docker.io")
    assert "team" not in documents
    facts.ask(["team/app:new", "team/none:gone", "elsewhere.example/x/y:new", f"team/pinned@{BAD}", "no reference"])
    assert layers(documents, "team", "app", "new") == [digest_of("evil")]
    assert set(documents) == {"library", "team"}
    assert set(documents["team"]) == {"app"}
    assert "none" not in documents["team"]


def test_the_documents_ask_nobody(runner: asyncio.Runner) -> None:
    registries = Registries(latest=BAD)
    facts = resolving(known(), registries, runner)
    DockerLayers(facts.resolved, "docker.io").to_value()
    assert registries.asked == []


def test_a_registry_that_does_not_answer_keeps_nobody_waiting_and_is_not_asked_again(runner: asyncio.Runner) -> None:
    registries = Registries(latest=BAD)
    registries.silent = {"silent.example"}
    facts = resolving(known(), registries, runner, seconds=0.3)
    silent = [f"silent.example/app:{n}" for n in range(50)]
    facts.ask([*silent, *(f"good.example/app{n}" for n in range(50))])
    for n in range(50):
        assert told(facts, f"good.example/app{n}:latest")["digest"] == BAD
    for name in silent:
        assert told(facts, name)["trouble"]["code"] == "unreachable"
    assert "were over" in told(facts, silent[0])["trouble"]["text"]
    assert len([name for name in registries.asked if name in silent]) == AT_ONCE_EACH
    # No time is left for others: they are in trouble at once, and not what the facts say of them.
    assert told(facts, "docker.io/library/nginx:latest")["trouble"]["code"] == "unreachable"


def test_a_registry_that_cannot_be_reached_is_given_up(runner: asyncio.Runner) -> None:
    registries = Registries(latest=BAD)
    registries.refusing = {"down.example"}
    facts = resolving(known(), registries, runner)
    facts.ask([f"down.example/app:{n}" for n in range(50)])
    assert len(registries.asked) == AT_ONCE_EACH
    assert told(facts, "down.example/app:49")["trouble"]["code"] == "unreachable"
    assert told(facts, "down.example/other:1")["trouble"]["code"] == "unreachable"
    assert len(registries.asked) == AT_ONCE_EACH


def test_a_registry_that_answers_is_asked_again_after_a_fault(runner: asyncio.Runner) -> None:
    registries = Registries(latest=BAD)
    facts = resolving(known(), registries, runner)
    assert told(facts, "down.example/app:latest")["digest"] == BAD
    registries.refusing = {"down.example"}
    assert told(facts, "down.example/app:1")["trouble"]["code"] == "unreachable"
    registries.refusing.clear()
    assert told(facts, "down.example/other:latest")["digest"] == BAD


def test_what_is_in_trouble_keeps_what_was_known_beside_it(runner: asyncio.Runner) -> None:
    registries = Registries()
    registries.refusing = {"docker.io"}
    facts = resolving(known(), registries, runner)
    assert told(facts, "docker.io/library/nginx:latest")["digest"] == IMAGE
    assert told(facts, "docker.io/library/nginx:latest")["trouble"]["code"] == "unreachable"


def test_a_tag_that_is_not_there_any_more_points_to_nothing(runner: asyncio.Runner) -> None:
    facts = resolving(known(), Registries(), runner)
    documents = DockerLayers(facts.resolved, "docker.io")
    assert "latest" in documents["library"]["nginx"]
    found = told(facts, "docker.io/library/nginx:latest")
    assert (found["digest"], found["trouble"]["code"]) == (None, "not-found")
    assert set(documents["library"]["nginx"]) == {"other"}
    assert set(documents.to_value()["library"]["nginx"]) == {"other"}


def test_a_copy_that_cannot_be_read_is_not_said_ahead(runner: asyncio.Runner) -> None:
    class Broken(Known):
        def find(self, *_: Any) -> Any:
            raise FactsError("gone")

    registries = Registries(latest=BAD)
    resolving(Broken(), registries, runner).ask(["nginx"])
    assert registries.asked == []
