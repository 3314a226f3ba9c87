"""The contract of registries, on the client against the fake registry in each of its manners."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

import pytest

from image_enforcer.adapters.registry.credentials import Password
from tests.adapters.registry.asking import asking
from tests.contract.registry import Asked, RegistryContract
from tests.fakes.registry.server import FakeRegistry


@dataclass(frozen=True, slots=True)
class Pushing:
    """The fake's own way to get content."""

    fake: FakeRegistry

    def blob(self, path: str, content: bytes) -> None:
        self.fake.blob(path, content)

    def manifest(self, path: str, content: bytes, media_type: str, reference: str) -> None:
        self.fake.manifest(path, content, media_type, "" if ":" in reference else reference)


MANNERS: Final[dict[str, Callable[[], FakeRegistry]]] = {
    "open": FakeRegistry,
    "basic": lambda: FakeRegistry(auth="basic", private=frozenset({"*"})),
    "bearer": lambda: FakeRegistry(auth="bearer", private=frozenset({"*"})),
    "laconic": lambda: FakeRegistry(says_digest=False, referrers=False, ranges=False),
    "paged": lambda: FakeRegistry(page=1, absolute=True),
    "ipv6": lambda: FakeRegistry(host="::1"),
}


class TestContract(RegistryContract):
    @pytest.fixture(params=MANNERS)
    async def asked(self, request: pytest.FixtureRequest) -> AsyncIterator[Asked]:
        with MANNERS[request.param]() as fake:
            fake.tokens.users["alice"] = "secret"
            async with asking(fake, Password("alice", "secret")) as client:
                yield Asked(client=client, place=fake.place, push=Pushing(fake))
