"""Informing reviews: what goes into the document, what a client cannot say, and what is refused as unknown."""

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from image_enforcer.analysis import review as reading
from image_enforcer.domain.facts import Kind
from image_enforcer.domain.review import Cause, Review
from image_enforcer.services import gather as gathering
from image_enforcer.services.informing import Informing, Require
from tests.contract.contents import NOON, digest_of
from tests.services.test_gather import GAPS, IMAGE, Known, held, home, image, scan, tag

SECOND = NOON.timestamp()


def review(*images: str, **more: Any) -> Review:
    document = {
        "kind": "ImageReview", "apiVersion": "imagepolicy.k8s.io/v1alpha1", "metadata": {},
        "spec": {"containers": [{"image": i} for i in images], "namespace": "shop"}, **more,
    }  # fmt: skip
    read = reading.read(document)
    assert isinstance(read, Review)
    return read


def known() -> Known:
    return Known(home(), tag(IMAGE), image(), scan())


class Clock:
    def __init__(self) -> None:
        self.now = SECOND

    def __call__(self) -> float:
        return self.now


def informing(facts: Known, require: Require = Require.SCANNED, clock: Clock | None = None) -> Informing:
    return Informing(facts, clock or Clock(), require)


def test_the_document_has_what_is_known() -> None:
    found = informing(known()).inform(review("nginx", "redis"))
    assert found.document["images"]["nginx"]["known"] is True
    assert found.document["images"]["redis"]["known"] is False
    assert found.document["facts"] == {
        "epoch": "e", "revision": 1, "as_of": NOON.isoformat(), "age_seconds": 0
    }  # fmt: skip
    assert found.document["spec"]["namespace"] == "shop"
    assert found.facts == "e:1"


def test_what_a_client_says_about_images_is_overwritten() -> None:
    lie = {"redis": {"known": True, "unknown": []}, "nginx": {"counts": {"Critical": 0}}}
    sent = review("redis", images=lie, facts={"age_seconds": 0, "revision": 99})
    found = informing(known()).inform(sent)
    assert found.document["images"].keys() == {"redis"}
    assert found.document["images"]["redis"]["known"] is False
    assert found.document["facts"]["revision"] == 1
    assert found.unknown is not None
    assert sent.document["images"] == lie


def test_facts_are_looked_up_once_a_revision_and_a_second() -> None:
    facts, clock = known(), Clock()
    informer = informing(facts, clock=clock)
    informer.inform(review("nginx"))
    asked = len(facts.asked)
    informer.inform(review("nginx", "nginx"))
    clock.now += 0.5
    informer.inform(review("nginx"))
    assert len(facts.asked) == asked
    facts.put(*scan(state="failed"))
    facts.revision += 1
    found = informer.inform(review("nginx"))
    assert len(facts.asked) == 2 * asked
    assert found.document["images"]["nginx"]["known"] is False
    clock.now += 1
    found = informer.inform(review("nginx"))
    assert len(facts.asked) == 3 * asked
    assert found.document["images"]["nginx"]["age_seconds"] == 1


def test_only_what_is_not_kept_is_looked_up() -> None:
    facts = known()
    informer = informing(facts)
    informer.inform(review("nginx"))
    asked = len(facts.asked)
    found = informer.inform(review("nginx", "redis"))
    assert list(found.document["images"]) == ["nginx", "redis"]
    assert len(facts.asked) > asked


def test_spellings_of_one_image_are_looked_up_once() -> None:
    class Counting(Known):
        keys_asked = 0

        def find(self, kind: Kind, keys: Collection[str], most: int | None = None) -> Mapping[str, bytes]:
            self.keys_asked += len(keys)
            return super().find(kind, keys, most)

    facts = Counting(home(), held(), image(), scan())
    informer = informing(facts)
    informer.inform(review(f"nginx@{IMAGE}"))
    once = facts.keys_asked
    spelled = [f"nginx:{n}@{IMAGE}" for n in range(20)]
    found = informer.inform(review(*spelled, f"docker.io/library/nginx@{IMAGE}")).document["images"]
    assert facts.keys_asked == once
    assert {name: facts["image"] for name, facts in found.items()} == {name: name for name in found}
    assert all(facts["known"] for facts in found.values())


def test_many_spellings_of_one_image_show_no_more_than_a_review_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST_SHOWN", 100)
    facts = Known(home(), held(), image(layers=tuple(map(str, range(19)))), scan())
    names = [f"nginx:{number}@{IMAGE}" for number in range(20)]
    found = informing(facts).inform(review(*names))
    assert [len(each["platforms"]) for each in found.document["images"].values()] == [1] * 5 + [0] * 15
    assert found.unknown is not None
    assert "(too-much)" in found.unknown.text
    assert informing(facts).inform(review(*names[:5])).unknown is None


def test_what_was_too_much_for_one_review_is_not_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST_READ", 2000)
    monkeypatch.setattr(gathering, "_TOGETHER", 1)
    digests = [digest_of(f"image {number}") for number in range(10)]
    facts = Known(home(), *[held(d) for d in digests], *[image(d) for d in digests], *[scan(d) for d in digests])
    names = [f"nginx@{digest}" for digest in digests]
    one = informing(facts)
    found = one.inform(review(*names)).document["images"]
    assert [reason["code"] for reason in found[names[-1]]["unknown"]] == ["too-much"]
    for name in names:
        assert one.inform(review(name)).unknown is None


def test_no_more_is_kept_than_there_is_room_for() -> None:
    informer = informing(known())
    for start in range(0, 12_000, 1000):
        informer.inform(review(*(f"app:{n}" for n in range(start, start + 1000))))
    assert len(informer._kept) <= 11_000
    informer.inform(review("nginx"))
    assert len(informer._kept) <= 1001


LEVELS = {
    Require.SCANNED: set(GAPS),
    Require.RESOLVED: {c for c in GAPS if not c.startswith(("not-scanned", "unscannable", "scan-"))},
    Require.NOTHING: set(),
}


@pytest.mark.parametrize("code", GAPS)
@pytest.mark.parametrize("require", Require)
def test_what_has_to_be_known(require: Require, code: str) -> None:
    found = informing(Known(*GAPS[code]), require).inform(review("nginx"))
    if code in LEVELS[require]:
        assert found.unknown is not None
        assert found.unknown.cause is Cause.UNKNOWN
        assert f"({code})" in found.unknown.text
        assert found.unknown.remedy
    else:
        assert found.unknown is None
    assert found.document["images"]["nginx"]["known"] is False


@pytest.mark.parametrize("require", Require)
def test_what_is_known_is_never_refused(require: Require) -> None:
    assert informing(known(), require).inform(review("nginx")).unknown is None


def test_the_second_image_counts_too() -> None:
    found = informing(known()).inform(review("nginx", "redis"))
    assert found.unknown is not None
    assert found.unknown.text.startswith("redis: ")


def test_without_facts_everything_is_unknown() -> None:
    facts = known()
    facts.broken = "facts.db: nothing there"
    informer = informing(facts, Require.RESOLVED)
    assert informer.missing() == "facts.db: nothing there"
    found = informer.inform(review("nginx"))
    assert found.document["images"]["nginx"]["unknown"] == [{"code": "no-facts", "text": "facts.db: nothing there"}]
    assert found.document["facts"] == {"epoch": "", "revision": 0, "as_of": None, "age_seconds": None}
    assert found.unknown is not None
    facts.broken = ""
    assert informer.missing() == ""
    assert informer.inform(review("nginx")).unknown is None
