"""What is known of images, from facts as the store publishes them: each gap by its code, and none too few."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from image_enforcer.domain.facts import Kind
from image_enforcer.domain.manifest import Platform
from image_enforcer.domain.report import Severity
from image_enforcer.ports.facts import FactsError, State
from image_enforcer.services import gather as gathering
from image_enforcer.services.gather import Ages, gather
from tests.contract.contents import NOON, digest_of

IMAGE, OTHER, INDEX = digest_of("image"), digest_of("other"), digest_of("index")
AT = NOON.isoformat().replace("+00:00", "Z")


class Known:
    """Facts in memory; ``asked`` counts the look-ups."""

    def __init__(self, *facts: tuple[Kind, str, Any]) -> None:
        self.facts = {(kind, key): json.dumps(value).encode() for kind, key, value in facts}
        self.asked: list[Kind] = []
        self.revision = 1
        self.broken = ""

    def put(self, kind: Kind, key: str, value: Any) -> None:
        self.facts[kind, key] = json.dumps(value).encode()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        yield

    def state(self) -> State:
        if self.broken:
            raise FactsError(self.broken)
        return State(epoch="e", revision=self.revision, as_of=NOON)

    def find(self, kind: Kind, keys: Collection[str], most: int | None = None) -> Mapping[str, bytes]:
        self.asked.append(kind)
        found: dict[str, bytes] = {}
        for key in keys:
            if (kind, key) in self.facts:
                found[key] = self.facts[kind, key]
                if most is not None and sum(map(len, found.values())) > most:
                    break
        return found

    def keys(self, kind: Kind, start: str, most: int | None = None) -> Sequence[str]:
        return sorted(key for of, key in self.facts if of is kind and key.startswith(start))[:most]


def tag(digest: str | None, name: str = "latest", **more: Any) -> tuple[Kind, str, Any]:
    value = {"digest": digest, "since": AT, **more} if digest else {"digest": None, **more}
    return Kind.TAG, f"docker.io/library/nginx:{name}", value


def home(**more: Any) -> tuple[Kind, str, Any]:
    return Kind.REPOSITORY, "docker.io/library/nginx", {"looked_at": AT, "failures": 0, **more}


def image(digest: str = IMAGE, layers: tuple[str, ...] = ("base",), **more: Any) -> tuple[Kind, str, Any]:
    listed = [{"digest": digest_of(layer), "size": 10, "media_type": "m"} for layer in layers]
    config = {"digest": digest_of("config"), "size": 1, "media_type": "m"}
    value = {"kind": "image", "media_type": "m", "size": 11, "config": config, "layers": listed, "runnable": True}
    return Kind.MANIFEST, digest, value | more


def index(*children: tuple[str, str]) -> tuple[Kind, str, Any]:
    listed = []
    for architecture, digest in children:
        platform = {"os": "unknown" if architecture == "unknown" else "linux", "architecture": architecture}
        listed.append({"digest": digest, "media_type": "m", "platform": platform})
    return Kind.MANIFEST, INDEX, {"kind": "index", "media_type": "m", "children": listed}


NONE = {severity.word: 0 for severity in Severity} | {"total": 0, "fixable": 0}


def scan(digest: str = IMAGE, counts: dict[str, int] | None = None, **more: Any) -> tuple[Kind, str, Any]:
    value = {
        "scanner": "s", "version": "1", "state": "scanned", "at": AT, "confirmed_at": AT, "packages": 7, "gaps": [],
        "counts": NONE | (counts or {}), "findings": [], "findings_total": 0,
    }  # fmt: skip
    return Kind.SCAN, digest, value | more


def held(digest: str = IMAGE, where: str = "docker.io/library/nginx") -> tuple[Kind, str, Any]:
    return Kind.HELD, f"{where}@{digest}", {"digest": digest}


def look(*facts: tuple[Kind, str, Any], of: str = "nginx", later: int = 0) -> dict[str, Any]:
    return gather([of], Known(*facts), NOON + timedelta(seconds=later))[of]


def trouble(code: str) -> dict[str, str]:
    return {"code": code, "text": f"{code} in words", "at": AT}


def codes(found: Mapping[str, Any]) -> list[str]:
    return [reason["code"] for reason in found["unknown"]]


def test_what_is_known_is_known() -> None:
    found = look(home(), tag(IMAGE), image(), scan(counts={"High": 2, "total": 2}), later=90)
    assert found["known"] is True
    assert found["unknown"] == []
    assert (found["reference"], found["tag"]) == ("docker.io/library/nginx:latest", "latest")
    assert (found["digest"], found["counts"]) == (IMAGE, NONE | {"High": 2, "total": 2})
    assert (found["age_seconds"], found["looked_at"], found["since"]) == (90, AT, AT)
    (platform,) = found["platforms"]
    assert (platform["layers"], platform["size"], platform["scan"]["age_seconds"]) == ([digest_of("base")], 10, 90)


def test_ages_are_from_the_time_that_is_given_and_never_negative() -> None:
    confirmed = (NOON + timedelta(seconds=60)).isoformat()
    facts = (home(), tag(IMAGE), image(), scan(confirmed_at=confirmed))
    assert look(*facts, later=100)["platforms"][0]["scan"]["age_seconds"] == 40
    assert look(*facts, later=0)["platforms"][0]["scan"]["age_seconds"] == 0


GAPS: dict[str, tuple[tuple[Kind, str, Any], ...]] = {
    "not-resolved": (home(),),
    "not-resolved/unreachable": (home(), tag(IMAGE, trouble=trouble("unreachable")), image(), scan()),
    "no-manifest": (home(), tag(IMAGE), scan()),
    "legacy-manifest": (home(), tag(IMAGE), (Kind.MANIFEST, IMAGE, {"kind": "legacy", "media_type": "m"})),
    "no-platform": (home(), tag(INDEX), index()),
    "not-an-image": (home(), tag(IMAGE), image(runnable=False), scan()),
    "no-layers": (home(), tag(IMAGE), image(layers=()), scan()),
    "not-scanned": (home(), tag(IMAGE), image()),
    "unscannable/layer-unreadable": (
        home(), tag(IMAGE), image(), scan(state="unscannable", trouble=trouble("layer-unreadable"))
    ),
    "scan-failed/scan-pending": (home(), tag(IMAGE), image(), scan(state="failed", trouble=trouble("scan-pending"))),
    "scan-incomplete/foreign-layer": (
        home(), tag(IMAGE), image(), scan(gaps=[{"code": "foreign-layer", "text": "t"}])
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", GAPS)
def test_each_gap_has_its_code(code: str) -> None:
    found = look(*GAPS[code])
    assert (codes(found), found["known"]) == ([code], False)
    assert found["unknown"][0]["text"]


def test_a_tag_without_a_digest_has_its_trouble_alone() -> None:
    assert codes(look(home(), tag(None, trouble=trouble("rate-limited")))) == ["not-resolved/rate-limited"]
    assert codes(look(home(), tag(None))) == ["not-resolved"]


def test_an_index_of_statements_alone_has_no_platform() -> None:
    assert codes(look(home(), tag(INDEX), index(("unknown", OTHER)), image(OTHER))) == ["no-platform"]


def test_the_worst_platform_counts() -> None:
    found = look(
        home(), tag(INDEX), index(("amd64", IMAGE), ("arm64", OTHER), ("unknown", digest_of("statement"))), image(),
        image(OTHER, ("base", "more")), scan(counts={"High": 5, "Low": 0}), scan(OTHER, {"High": 1, "Low": 7}),
    )  # fmt: skip
    assert (found["known"], found["counts"]) == (True, NONE | {"High": 5, "Low": 7})
    assert [p["platform"] for p in found["platforms"]] == ["linux/amd64", "linux/arm64"]


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ((image(),), "no-manifest"),
        ((image(), image(OTHER)), "not-scanned"),
        ((image(), (Kind.MANIFEST, OTHER, {"kind": "index", "media_type": "m", "children": []})), "no-manifest"),
        ((image(), image(OTHER, runnable=False)), "not-an-image"),
    ],
)
def test_one_platform_that_is_not_known_makes_the_image_unknown(
    facts: tuple[tuple[Kind, str, Any], ...], code: str
) -> None:
    found = look(home(), tag(INDEX), index(("amd64", IMAGE), ("arm64", OTHER)), scan(), *facts)
    assert (codes(found), found["known"]) == ([code], False)


@pytest.mark.parametrize("text", ["", "library/UPPER", "a b", "nginx@sha256:short", "x" * 5000, "nginx:" + "t" * 200])
def test_what_is_no_reference_is_unparsable(text: str) -> None:
    found = look(of=text)
    assert (codes(found), found["known"], found["image"]) == (["unparsable"], False, text)
    assert len(found["unknown"][0]["text"]) < 600


def test_a_digest_is_what_it_is_whatever_the_tag_says() -> None:
    found = look(home(), tag(OTHER), held(), image(), scan(), of=f"nginx:latest@{IMAGE}")
    assert (found["known"], found["digest"]) == (True, IMAGE)
    assert codes(look(held(), of=f"nginx@{IMAGE}")) == ["no-manifest"]


def test_a_digest_counts_only_in_a_repository_that_was_seen_to_hold_it() -> None:
    known = (home(), image(), scan(), held(where="docker.io/library/redis"))
    assert codes(look(*known, of=f"nginx@{IMAGE}")) == ["not-held"]
    assert codes(look(*known, held(), of=f"evil.example/library/nginx@{IMAGE}")) == ["not-held"]
    assert look(*known, held(), of=f"nginx@{IMAGE}")["known"] is True


def test_another_registry_is_another_image() -> None:
    assert codes(look(home(), tag(IMAGE), image(), scan(), of="evil.example/library/nginx")) == ["not-resolved"]


def test_all_images_are_looked_up_together() -> None:
    facts = Known(home(), tag(IMAGE), tag(INDEX, "multi"), image(), index(("amd64", IMAGE), ("arm64", OTHER)), scan())
    found = gather(["nginx", "nginx:multi", "nginx:none", f"nginx@{IMAGE}", "not a reference"], facts, NOON)
    assert facts.asked == [Kind.TAG, Kind.HELD, Kind.REPOSITORY, Kind.MANIFEST, Kind.MANIFEST, Kind.SCAN]
    assert [f["known"] for f in found.values()] == [True, False, False, False, False]


def changed(fact: tuple[Kind, str, Any], *path: str | int, to: Any = ...) -> tuple[Kind, str, Any]:
    """A fact with one part of it replaced, or left out."""
    kind, key, value = fact
    copy = json.loads(json.dumps(value))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    if to is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return kind, key, copy


FINDING = {"vulnerability": "CVE-1", "severity": "High", "package": "p", "version": "1", "fixed_in": ""}
BAD: dict[str, tuple[Kind, str, Any]] = {
    "a tag that does not say": changed(tag(IMAGE), "digest"),
    "a tag of no digest": changed(tag(IMAGE), "digest", to="sha256:ab"),
    "a tag's trouble of another type": changed(tag(IMAGE), "trouble", to="unreachable"),
    "a tag that is a list": (Kind.TAG, tag(IMAGE)[1], []),
    "a repository without a time": changed(home(), "looked_at"),
    "a time without a zone": changed(home(), "looked_at", to="2026-11-20T10:00:00"),
    "a manifest of no kind": changed(image(), "kind"),
    "a manifest of another kind": changed(image(), "kind", to="chart"),
    "an image without layers": changed(image(), "layers"),
    "an image that does not say whether it can run": changed(image(), "runnable"),
    "an image that says so in words": changed(image(), "runnable", to="false"),
    "a layer of negative size": changed(image(), "layers", 0, "size", to=-1),
    "a scan without gaps": changed(scan(), "gaps"),
    "a gap without a code": changed(scan(gaps=[{"code": "c", "text": "t"}]), "gaps", 0, "code"),
    "a scan without counts": changed(scan(), "counts"),
    "a scan that counts not every severity": changed(scan(), "counts", "Critical"),
    "a negative count": changed(scan(), "counts", "Critical", to=-1),
    "a count in words": changed(scan(), "counts", "High", to="0"),
    "a scan in no state": changed(scan(), "state"),
    "a scan in another state": changed(scan(), "state", to="clean"),
    "a failure without a trouble": scan(state="failed"),
    "a scan without findings": changed(scan(), "findings"),
    "a finding of no severity": changed(scan(findings=[FINDING]), "findings", 0, "severity"),
    "a scan that nobody confirmed": changed(scan(), "confirmed_at"),
    "a scan confirmed at no time": changed(scan(), "confirmed_at", to="yesterday"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_fact_of_another_shape_makes_its_image_unknown_and_no_other(what: str) -> None:
    facts = Known(home(), tag(IMAGE), image(), scan(), BAD[what])
    other = {"docker.io/library/nginx": "docker.io/library/redis"}
    for fact in (home(), tag(OTHER), image(OTHER), scan(OTHER)):
        facts.put(fact[0], fact[1].replace(*next(iter(other.items()))), fact[2])
    found = gather(["nginx", "redis"], facts, NOON)
    assert codes(found["nginx"]) == ["bad-facts"]
    assert found["nginx"]["known"] is False
    assert BAD[what][1] in found["nginx"]["unknown"][0]["text"]
    assert found["redis"]["known"] is True


@pytest.mark.parametrize("text", [b"{", b"", b"\xff", b"[" * 100_000, b'{"digest": "\xff"}', b"null"])
@pytest.mark.parametrize("fact", [tag(IMAGE), home(), image(), scan()])
def test_a_fact_that_is_no_json_makes_its_image_unknown(text: bytes, fact: tuple[Kind, str, Any]) -> None:
    facts = Known(home(), tag(IMAGE), image(), scan())
    facts.facts[fact[0], fact[1]] = text
    assert codes(gather(["nginx"], facts, NOON)["nginx"]) == ["bad-facts"]


def test_a_bad_fact_about_a_digest_in_a_repository_is_said() -> None:
    found = look(home(), image(), scan(), (*held()[:2], {"digest": 1}), of=f"nginx@{IMAGE}")
    assert codes(found) == ["bad-facts"]


def test_a_bad_child_makes_its_index_unknown() -> None:
    found = look(
        home(), tag(INDEX), index(("amd64", IMAGE), ("arm64", OTHER)), image(), scan(), changed(image(OTHER), "kind")
    )
    assert codes(found) == ["bad-facts"]
    assert [p["digest"] for p in found["platforms"]] == [IMAGE]


def test_fields_that_nobody_here_knows_are_kept() -> None:
    found = look(home(), tag(IMAGE), image(later=1), scan(later=[2]), later=1)
    assert found["known"] is True
    assert found["platforms"][0]["scan"]["later"] == [2]


NODES = (Platform(os="linux", architecture="amd64"),)


def on_nodes(*facts: tuple[Kind, str, Any], nodes: tuple[Platform, ...] = NODES) -> dict[str, Any]:
    return gather(["nginx"], Known(home(), tag(INDEX), *facts), NOON, nodes=nodes)["nginx"]


def test_what_no_node_runs_does_not_count() -> None:
    listed = index(("amd64", IMAGE), ("s390x", OTHER))
    found = on_nodes(listed, image(), scan())
    assert (found["known"], found["left_out"]) == (True, ["linux/s390x"])
    assert [p["platform"] for p in found["platforms"]] == ["linux/amd64"]
    assert codes(on_nodes(listed, image(), scan(), nodes=())) == ["no-manifest"]
    assert "left_out" not in on_nodes(index(("amd64", IMAGE)), image(), scan())


def test_an_index_for_other_nodes_alone_has_no_platform() -> None:
    assert codes(on_nodes(index(("s390x", OTHER)), image(OTHER), scan(OTHER))) == ["no-platform"]


def test_what_does_not_say_what_it_is_for_counts_everywhere() -> None:
    silent = (
        Kind.MANIFEST,
        INDEX,
        {"kind": "index", "media_type": "m", "children": [{"digest": OTHER, "media_type": "m"}]},
    )
    assert codes(on_nodes(silent)) == ["no-manifest"]


@pytest.mark.parametrize(
    ("later", "copy", "codes"),
    [
        (0, 0, set()),
        (100, 100, set()),
        (101, 0, {"stale-look", "stale-scan"}),
        (0, 101, {"stale-facts"}),
        (0, None, {"stale-facts"}),
    ],
)
def test_what_is_too_old_is_not_known(later: int, copy: int | None, codes: set[str]) -> None:
    facts = Known(home(), tag(IMAGE), image(), scan())
    at = NOON + timedelta(seconds=later)
    found = gather(["nginx"], facts, at, Ages(most=100, copy=copy))["nginx"]
    assert {reason["code"] for reason in found["unknown"]} == codes
    assert found["known"] is not bool(codes)
    digest = f"nginx@{IMAGE}"
    facts.put(*held())
    pinned = gather([digest], facts, at, Ages(most=100, copy=copy))[digest]
    assert {reason["code"] for reason in pinned["unknown"]} == codes - {"stale-look"}
    assert gather(["nginx"], facts, at, Ages(copy=copy))["nginx"]["known"]
    nobody = gather(["nginx"], Known(tag(IMAGE), image(), scan()), NOON, Ages(most=100, copy=0))["nginx"]
    assert [reason["code"] for reason in nobody["unknown"]] == ["stale-look"]


@pytest.mark.parametrize(("earlier", "codes"), [(300, set()), (301, {"stale-look", "stale-scan"})])
def test_what_was_seen_in_the_future_was_seen_nobody_knows_when(earlier: int, codes: set[str]) -> None:
    facts = Known(home(), tag(IMAGE), image(), scan())
    found = gather(["nginx"], facts, NOON - timedelta(seconds=earlier), Ages(most=100, copy=0))["nginx"]
    assert {reason["code"] for reason in found["unknown"]} == codes
    assert found["age_seconds"] == (None if codes else 0)


def test_only_what_says_nothing_at_all_of_its_platform_is_a_statement() -> None:
    odd = {"digest": IMAGE, "media_type": "m", "platform": {"os": "unknown", "architecture": "amd64"}}
    listed = (Kind.MANIFEST, INDEX, {"kind": "index", "media_type": "m", "children": [odd]})
    found = look(home(), tag(INDEX), listed)
    assert codes(found) == ["no-manifest"]


@pytest.mark.parametrize(("asked", "age"), [("2026-03-01T12:00:50Z", 10), ("2026-03-01T11:00:00Z", 60)])
def test_a_tag_that_was_asked_about_alone_is_as_old_as_the_last_of_both(asked: str, age: int) -> None:
    facts = Known(home(), tag(IMAGE, looked_at=asked), image(), scan())
    found = gather(["nginx"], facts, NOON + timedelta(seconds=60), Ages(most=30, copy=0))["nginx"]
    assert (found["age_seconds"], "stale-look" in codes(found)) == (age, age > 30)


def test_a_tag_that_was_asked_about_before_its_repository_is_known() -> None:
    found = look(home(looked_at=None), tag(IMAGE, looked_at=AT), image(), scan(), later=5)
    assert (found["known"], found["looked_at"], found["age_seconds"]) == (True, AT, 5)


def wide(children: int, layers: int = 1) -> Known:
    """An index of so many images, each of so many layers, with scans of all of them."""
    digests = [digest_of(f"child {number}") for number in range(children)]
    facts = Known(home(), tag(INDEX), index(*[(f"arch{n}", digest) for n, digest in enumerate(digests)]), held(INDEX))
    for digest in digests:
        facts.put(*image(digest, tuple(str(n) for n in range(layers))))
        facts.put(*scan(digest))
    return facts


def test_an_index_of_more_images_than_anybody_builds_is_not_known() -> None:
    assert gather(["nginx"], wide(gathering.MOST_PLATFORMS), NOON)["nginx"]["known"] is True
    facts = wide(gathering.MOST_PLATFORMS + 1)
    found = gather(["nginx"], facts, NOON)["nginx"]
    assert (codes(found), found["platforms"]) == (["too-many-platforms"], [])
    assert Kind.SCAN not in facts.asked
    assert gather(["nginx"], facts, NOON, nodes=(Platform(os="linux", architecture="arch1"),))["nginx"]["known"] is True


def test_an_image_that_is_listed_again_is_one() -> None:
    listed = index(*[("amd64", IMAGE)] * 1000)
    found = look(home(), tag(INDEX), listed, image(), scan())
    assert (found["known"], len(found["platforms"])) == (True, 1)


def test_what_many_names_stand_for_is_made_once() -> None:
    names = [f"nginx:{number}@{INDEX}" for number in range(100)]
    found = gather(names, wide(10, 10), NOON)
    assert all(each["known"] for each in found.values())
    assert len({id(each["platforms"]) for each in found.values()}) == 1


def test_what_a_review_shows_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"nginx:{number}@{INDEX}" for number in range(10)]
    monkeypatch.setattr(gathering, "MOST_SHOWN", 2 * 110 + 50)
    found = gathering.bounded(gather(names, wide(10, 10), NOON))
    assert [codes(each) for each in found.values()] == [[], [], *[["too-much"]] * 8]
    assert [each["known"] for each in found.values()] == [True, True, *[False] * 8]


def test_what_a_review_reads_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST_READ", 10_000)
    monkeypatch.setattr(gathering, "_TOGETHER", 5)
    found = gather(["nginx", "redis"], wide(40), NOON)
    assert set(codes(found["nginx"])) == {"too-much"}
    assert found["nginx"]["known"] is False
    assert codes(found["redis"]) == ["not-resolved"]


def test_not_even_what_is_looked_up_together_is_read_past_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST_READ", 10_000)
    facts = wide(40)
    read = 0

    class Counting(Known):
        def find(self, kind: Kind, keys: Collection[str], most: int | None = None) -> Mapping[str, bytes]:
            nonlocal read
            found = super().find(kind, keys, most)
            read += sum(map(len, found.values()))
            return found

    counting = Counting()
    counting.facts = facts.facts
    largest = max(map(len, facts.facts.values()))
    found = gather(["nginx"], counting, NOON)["nginx"]
    assert (set(codes(found)), found["known"]) == ({"too-much"}, False)
    assert 10_000 < read <= 10_000 + largest


def test_a_time_with_small_letters_is_one() -> None:
    small = AT.lower()
    assert look(home(looked_at=small), tag(IMAGE), image(), scan(confirmed_at=small), later=5)["age_seconds"] == 5
