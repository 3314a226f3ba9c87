"""The contract of registry clients with Debian's registry."""

import asyncio
import random
import time
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from image_enforcer.adapters.registry.client import RegistryClient
from image_enforcer.adapters.registry.credentials import Keychain
from image_enforcer.adapters.registry.hosts import Host, Hosts
from tests.contract.registry import Asked, RegistryContract

from . import images


@dataclass(frozen=True, slots=True)
class Pushing:
    """Content for a server, over HTTP."""

    address: str

    def blob(self, path: str, content: bytes) -> None:
        images.put_blob(self.address, path, content)

    def manifest(self, path: str, content: bytes, media_type: str, reference: str) -> None:
        images.put_manifest(self.address, path, reference, content, media_type)


class TestContract(RegistryContract):
    @pytest.fixture
    async def asked(self, docker_registry: str) -> AsyncIterator[Asked]:
        place = docker_registry.partition("://")[2]
        client = RegistryClient(
            Hosts(named={place: Host(name=place)}), Keychain(clock=time.monotonic), clock=time.monotonic,
            sleep=asyncio.sleep, chance=random.random,
        )  # fmt: skip
        yield Asked(client=client, place=place, push=Pushing(docker_registry))
        await client.close()


def test_it_is_a_real_one(docker_registry: str) -> None:
    with urllib.request.urlopen(f"{docker_registry}/v2/") as answer:
        assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
