"""The adapter against what a real Clair v4 answered, and the fake beside it: both have the same manners."""

import json
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.adapters.scanners.clair_v4 import ClairV4
from image_enforcer.domain.digest import Digest
from image_enforcer.ports.scanner import Failed, Layer, Outcome, Pending, Scanned, Subject, Unknown, Unscannable
from tests.adapters.scanners.clair_pairs import LIMITS, chance, clock, images
from tests.analysis.recorded_clair import MARK, folder, whole
from tests.fakes.clair_images import World
from tests.fakes.clair_v4 import FakeClairV4
from tests.fakes.clair_wire import Reply, Request, Wire


def reply(recorded: dict[str, Any]) -> Reply:
    """What was answered, as it was sent."""
    answer = recorded["response"]
    dropped = {"transfer-encoding", "content-length", "date", "trailer"}
    headers = {name: value for name, value in answer["headers"] if name.lower() not in dropped}
    body = answer["body"]
    if isinstance(body, dict) and "manifest_hash" in body:
        body = whole(body)
    content = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return Reply(answer["status"], content, headers, cut=bool(answer.get("transport_error")))


def subject_of(recorded: dict[str, Any]) -> Subject:
    """The image that was asked about."""
    told = recorded["request"]["body"]
    return Subject(
        digest=Digest(told["hash"]),
        layers=tuple(
            [
                Layer(digest=Digest(layer["hash"]), size=1, media_type="x", url=layer.get("uri", ""))
                for layer in told["layers"]
            ]
        ),
    )


async def played(shared_cases: Path, name: str) -> tuple[Outcome, Outcome]:
    """What comes of a scan, and of asking for the report afterwards, when Clair answers as it did."""
    at = folder(shared_cases)

    def of(kind: str) -> dict[str, Any] | None:
        path = at / f"{kind}-{name}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

    posted, stored, matched = of("20-index"), of("21-get"), of("22-vuln")
    assert posted is not None

    async def answer(request: Request) -> Reply:
        if request.method == "POST":
            assert request.json()["hash"] == posted["request"]["body"]["hash"]
            return reply(posted)
        found = matched if request.path.startswith("/matcher") else stored
        assert found is not None
        return reply(found)

    async with Wire(answer) as wire:
        scanner = ClairV4(wire.url, clock=clock, chance=chance, limits=LIMITS)
        outcomes = await scanner.scan(subject_of(posted)), await scanner.report(subject_of(posted))
        await scanner.close()
    return outcomes


async def test_recorded_scans(shared_cases: Path) -> None:
    count = 0
    for path in sorted(folder(shared_cases).glob("20-index-*.json")):
        name = path.stem.removeprefix("20-index-")
        if MARK in path.read_text(encoding="utf-8").partition('"response"')[0]:
            continue  # not all of its layers were kept
        scanned, asked = await played(shared_cases, name)
        if name == "fmt_nottar@1":
            assert isinstance(scanned, Unscannable), name
            assert isinstance(asked, Unscannable), name
            assert asked.code == scanned.code, name
        elif name in ("fmt_foreign@1", "fmt_missingblob@1", "fmt_truncated@1"):
            assert isinstance(scanned, Failed), name
            assert asked == scanned, name
        else:
            assert isinstance(scanned, Scanned), name
            assert asked == scanned, name
            assert scanned.report.scanner_version == "cb31df8269833698891b35a63251a81a"
            count += len(scanned.report.findings)
    assert count > 250


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("", Unknown()), ("FetchLayers", Pending("its layers are being looked at (FetchLayers)")),
        ("Coalesce", Pending("its layers are being looked at (Coalesce)")),
        ("IndexFinished", Failed("index-failed", "Clair could not look at a layer of it: no reason is given")),
    ],
)  # fmt: skip
async def test_recorded_states(shared_cases: Path, state: str, outcome: Outcome) -> None:
    at = folder(shared_cases)
    busy = json.loads((at / "51-get-while-busy.json").read_text())
    absent = json.loads((at / "32-vuln_report-404.json").read_text())
    busy["response"]["body"]["state"] = state
    image = Subject(digest=Digest(busy["response"]["body"]["manifest_hash"]), layers=())

    async def answer(request: Request) -> Reply:
        return reply(absent if request.path.startswith("/matcher") else busy)

    async with Wire(answer) as wire:
        scanner = ClairV4(wire.url, clock=clock, chance=chance, limits=LIMITS)
        assert await scanner.report(image) == outcome
        await scanner.close()


async def test_the_fake_has_the_real_ones_manners(shared_cases: Path) -> None:
    """Status, media type, and the names of what an answer holds."""
    at = folder(shared_cases)
    world = World()
    known = images(world)
    async with FakeClairV4(world) as fake:
        scanner = ClairV4(fake.url, clock=clock, chance=chance, limits=LIMITS)
        for image in (known.clean, known.vulnerable, known.unfetchable, known.unreadable):
            await scanner.scan(image)
        digest, failed = known.vulnerable.digest, known.unfetchable.digest
        pairs = {
            "01-index_state-200": ("GET", "/indexer/api/v1/index_state", b""),
            "03-index_report-404": ("GET", f"/indexer/api/v1/index_report/{'sha256:' + '0' * 64}", b""),
            "10-index_report-get-200": ("GET", f"/indexer/api/v1/index_report/{digest}", b""),
            "21-get-fmt_truncated@1": ("GET", f"/indexer/api/v1/index_report/{failed}", b""),
            "22-vuln-pub_tiny@1": ("GET", f"/matcher/api/v1/vulnerability_report/{digest}", b""),
            "22-vuln-fmt_foreign@1": ("GET", f"/matcher/api/v1/vulnerability_report/{failed}", b""),
            "36-delete-unknown": ("DELETE", f"/indexer/api/v1/index_report/{'sha256:' + '0' * 64}", b""),
            "30-bad-json": ("POST", "/indexer/api/v1/index_report", b'{"hash":'),
            "31-unknown-path": ("GET", "/indexer/api/v1/nope", b""),
            "43-notification-unknown": (
                "GET", "/notifier/api/v1/notification/11111111-1111-1111-1111-111111111111", b"",
            ),
            "44-notification-delete-unknown": (
                "DELETE", "/notifier/api/v1/notification/11111111-1111-1111-1111-111111111111", b"",
            ),
        }  # fmt: skip
        for name, (method, path, body) in pairs.items():
            real = json.loads((at / f"{name}.json").read_text())["response"]
            ours = await scanner.exchange.send(method, path, seconds=10, most=1 << 20, body=body or None)
            assert ours.status == real["status"], name
            types = dict(real["headers"])
            assert ours.headers.get("Content-Type") == types.get("Content-Type"), name
            assert bool(ours.headers.get("Etag")) == bool(types.get("Etag")), name
            if isinstance(real["body"], dict):
                assert set(json.loads(ours.body)) == set(real["body"]), name
        await scanner.close()
