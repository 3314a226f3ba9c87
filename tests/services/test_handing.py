"""Links to blobs: whoever has one may read that one blob for a while, and nobody can make or change one."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.analysis import digest
from image_enforcer.domain.manifest import Descriptor
from image_enforcer.domain.reference import Repository
from image_enforcer.ports.registry import Location
from image_enforcer.services.handing import LASTS, MEDIA_TYPE, Expired, Handing, Links

URL = "https://worker.example:8484"
HOME = Repository(registry="registry.corp:5000", path="team/app")
KEY = b"k" * 32
LAYER, OTHER = (
    Descriptor(media_type="application/x", digest=digest.of(content), size=len(content)) for content in (b"a", b"bb")
)


class Time:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def links(key: bytes = KEY, time: Time | None = None) -> Links:
    return Links(URL, key, time or Time())


def path(link: str) -> str:
    assert link.startswith(f"{URL}/v1/blobs/")
    return link.removeprefix(URL)


def test_a_link_leads_to_what_it_was_made_for() -> None:
    found = links().read(path(links().make(HOME, LAYER)))
    assert found is not None
    assert found.repository == HOME
    assert found.content == Descriptor(media_type=MEDIA_TYPE, digest=LAYER.digest, size=1)


def test_a_link_expires() -> None:
    time = Time()
    made = links(time=time)
    link = path(made.make(HOME, LAYER))
    time.now += LASTS - 1
    assert made.read(link) is not None
    time.now += 1
    with pytest.raises(Expired):
        made.read(link)


def test_a_link_is_for_one_digest_and_one_key() -> None:
    link = path(links().make(HOME, LAYER))
    assert links().read(link.replace(LAYER.digest, OTHER.digest)) is None
    assert links(b"o" * 32).read(link) is None


@pytest.mark.parametrize(
    "said",
    [[2_000_000_000, 1, "evil.example", "x"], [1e99, 1, HOME.registry, HOME.path], [], "x", {"a": 1}],
)  # fmt: skip
def test_what_a_link_says_cannot_be_changed(said: object) -> None:
    _, _, rest = links().make(HOME, LAYER).rpartition("/v1/blobs/")
    words = base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()
    assert links().read(f"/v1/blobs/{words}.{rest.partition('.')[2]}") is None


@given(st.data())
def test_any_change_makes_it_none(data: st.DataObject) -> None:
    link = path(links().make(HOME, LAYER))
    at = data.draw(st.integers(0, len(link) - 1))
    sign = data.draw(st.characters(max_codepoint=126))
    changed = link[:at] + sign + link[at + 1 :]
    found = links().read(changed)
    # The last sign of a seal stands for four bits, and can be written in several ways.
    assert found is None or found == links().read(link)


@given(st.text(max_size=200))
def test_any_path(text: str) -> None:
    assert links().read(text) is None
    assert links().read(f"/v1/blobs/{text}") is None


class Registry:
    def __init__(self) -> None:
        self.asked: list[Repository] = []

    async def location(self, repository: Repository, content: Descriptor) -> Location:
        self.asked.append(repository)
        return Location(url="https://there", headers=(("Authorization", "Bearer x"),))


async def test_others_are_fetched_from_their_registry() -> None:
    registry = Registry()
    handing = Handing(registry, links(), ["registry.corp:5000"])
    own = await handing.location(HOME, LAYER)
    assert (own.headers, registry.asked) == ((), [])
    assert links().read(path(own.url)) is not None
    other = Repository(registry="docker.io", path="library/nginx")
    assert (await handing.location(other, LAYER)).url == "https://there"
    assert registry.asked == [other]
