"""What passes cost, counted in requests: a second one costs a list a repository and a HEAD a tag, and nothing else."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.registry.server import FakeRegistry
from tests.services.synced import syncing

REPOSITORIES: Final = 100
TAGS: Final = 20


def asked(registry: FakeRegistry) -> dict[str, int]:
    """What has been asked since the last time."""
    kinds = Counter(
        "list" if request.path.endswith("/tags/list") else f"{request.method} {request.path.split('/')[-2]}"
        for request in registry.seen
    )
    registry.seen.clear()
    return dict(kinds)


@pytest.mark.slow
async def test_a_second_pass_costs_a_list_a_repository_and_a_head_a_tag(tmp_path: Path) -> None:
    paths = [f"org/r{number}" for number in range(REPOSITORIES)]
    with FakeRegistry() as registry:
        for path in paths:
            for tag in range(TAGS):
                registry.image(path, f"t{tag}", (f"{path} {tag}".encode(),))
        async with syncing(registry, tmp_path, *paths) as synced:
            first = await synced.sync.once()
            assert (first.looks, first.troubles) == (REPOSITORIES, [])
            every = REPOSITORIES * TAGS
            assert asked(registry) == {"list": REPOSITORIES, "HEAD manifests": every, "GET manifests": every}
            assert (await synced.again()).looks == REPOSITORIES
            assert asked(registry) == {"list": REPOSITORIES, "HEAD manifests": every}
            # One that moved costs its manifest besides.
            registry.image(paths[0], "t0", (b"newer",))
            await synced.again()
            assert asked(registry) == {"list": REPOSITORIES, "HEAD manifests": every, "GET manifests": 1}
            known = await asyncio.to_thread(synced.store.tags, synced.home(paths[0]))
            assert len(known) == TAGS
