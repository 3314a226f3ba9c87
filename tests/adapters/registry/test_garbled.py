"""Answers in which bytes were changed, dropped, doubled or cut: each is an answer still, or a named error."""

import random
import re

import pytest

from image_enforcer.adapters.registry.client import RegistryClient
from image_enforcer.domain.digest import Digest
from image_enforcer.domain.manifest import Descriptor
from image_enforcer.ports.registry import RegistryError
from tests.adapters.registry.asking import IMPATIENT, asking, at
from tests.fakes.registry.http import Connection, Reply, Request
from tests.fakes.registry.server import FakeRegistry, challenged, digest_of

LAYER = b"the bytes of a layer"
LAYER_OF = Descriptor(media_type="x", digest=Digest(digest_of(LAYER)), size=len(LAYER))
PIECES = [
    b"\r\n",
    b"\n",
    b"\0",
    b"\xff",
    b": ",
    b'"',
    b",",
    b"{",
    b"[",
    b"-1",
    b"chunked",
    b"HTTP/1.1 ",
    b"9" * 30,
    b"%00",
]


def garbled(data: bytes, chance: random.Random) -> bytes:
    """The data with a few things wrong."""
    for _ in range(chance.randint(1, 3)):
        at_byte = chance.randrange(len(data))
        match chance.randrange(5):
            case 0:
                data = data[:at_byte] + bytes([chance.randrange(256)]) + data[at_byte + 1 :]
            case 1:
                data = data[:at_byte] + data[at_byte + chance.randint(1, 9) :]
            case 2:
                data = data[:at_byte] + chance.choice(PIECES) + data[at_byte:]
            case 3:
                data = data[: at_byte + 1]
            case _:
                lines = data.split(b"\r\n")
                lines.insert(chance.randrange(len(lines)), chance.choice(lines))
                data = b"\r\n".join(lines)
        data = data or b"x"
    return data


@pytest.mark.parametrize("seed", range(12))
async def test_a_garbled_answer_is_no_other_exception(seed: int) -> None:
    chance = random.Random(seed)

    async def spoil(request: Request, reply: Reply, connection: Connection, fake: FakeRegistry) -> None:
        if chance.random() < 0.2:
            reply = challenged(f'Bearer realm="{fake.url}/token",service="a b",scope="c:d:e"')
        await connection.send(garbled(reply.written(request.method), chance))
        connection.hang_up()

    with FakeRegistry(page=2) as fake:
        digest = Digest(fake.image("app", "v1", (LAYER,)))
        for i in range(4):
            fake.image("app", f"t{i}", (LAYER,))
        fake.switch(spoil)
        home = at(fake, "app")

        async def ask(client: RegistryClient, what: int) -> None:
            match what % 5:
                case 0:
                    assert (await client.manifest(home, digest)).digest == digest
                case 1:
                    assert b"".join([piece async for piece in client.blob(home, LAYER_OF)]) == LAYER
                case 2:
                    tags = [tag async for page in client.tags(home) for tag in page]
                    assert all(re.fullmatch(r"[\w][\w.-]{0,127}", tag) for tag in tags)
                case 3:
                    await client.head(home, "v1")
                case _:
                    await client.referrers(home, digest)

        refused = 0
        async with asking(fake, limits=IMPATIENT) as client:
            for what in range(40):
                try:
                    await ask(client, what)
                except RegistryError as e:
                    refused += 1
                    told = str(e)
                    if not told.isprintable():
                        pytest.fail(repr(told))
        assert refused > 10
