"""Good reviews, policies and data, broken at random: a model says when a review is still a good one.

As many cases as SOAK_CASES says; a few hundred in `make test`.
"""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from image_enforcer.opa.errors import OpaError
from image_enforcer.opa.loader import load
from image_enforcer.rego import CompileError, EvalError, LimitError, Limits, compile_modules
from tests.hostile.target import ALLOW, GOOD, denied, encoded, review, well
from tests.server.running import ROOT, Running, serving

CASES: Final = int(os.environ.get("SOAK_CASES", "20000"))
SEED: Final = 20_26
EVIL: Final = "EVIL IMAGE"
"""What is allowed in no namespace."""
ODD: Final[list[Any]] = [
    None, True, False, 0, -1, 1.5, 10**30, "", " ", GOOD, EVIL, "\0", "\ud800", "\u202e", [], {}, [None], [GOOD],
    {"image": GOOD}, [{"image": GOOD}], "production", "ImageReview", "imagepolicy.k8s.io/v1alpha1",
]  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every member of a document, as what holds it and its key."""
    if isinstance(value, dict | list):
        for k in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, k
            yield from places(value[k])


def mutated(chance: random.Random) -> Any:
    """A review with a few members replaced, removed or added."""
    document: Any = review(*[chance.choice([GOOD, GOOD, EVIL]) for _ in range(chance.randint(1, 3))])
    document["metadata"] = {}
    for _ in range(chance.randint(0, 3)):
        found = list(places(document))
        if not found:
            break
        holder, k = chance.choice(found)
        match chance.randrange(3):
            case 0:
                holder[k] = copy.deepcopy(chance.choice(ODD))
            case 1:
                del holder[k]
            case _ if isinstance(holder, dict):
                holder[chance.choice(["image", "images", "Image", "allowed", "status", "", "kind"])] = chance.choice(
                    ODD
                )
            case _:
                holder.append(copy.deepcopy(chance.choice(ODD)))
    return document


def good(document: Any) -> bool:
    """Whether a review names good images only, and is one."""
    if not isinstance(document, dict):
        return False
    spec = document.get("spec")
    if document.get("kind", "ImageReview") != "ImageReview":
        return False
    if document.get("apiVersion", "imagepolicy.k8s.io/v1alpha1") != "imagepolicy.k8s.io/v1alpha1":
        return False
    if not all(isinstance(document.get(part), dict | None) for part in ("metadata", "status")):
        return False
    if not isinstance(spec, dict) or not isinstance(spec.get("namespace"), str | None):
        return False
    containers = spec.get("containers")
    if not isinstance(containers, list) or not containers:
        return False
    return all(isinstance(c, dict) and c.get("image") == GOOD for c in containers)


def spoilt(text: bytes, chance: random.Random) -> bytes:
    """Bytes with some of them changed, doubled or left out."""
    found = bytearray(text)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(found) + 1)
        match chance.randrange(4):
            case 0:
                found[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del found[at : at + chance.randint(1, 20)]
            case 2:
                found[at:at] = found[at : at + chance.randint(1, 40)] * chance.randint(1, 3)
            case _:
                found[at:at] = chance.choice(
                    [b"[", b"{", b"}", b'"', b"\\", b"\0", b"not ", b"with ", b"some x in ", b"\n"]
                )
    return bytes(found)


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with serving([ROOT / "policies"], [ROOT / "data"]) as running:
        yield running


def reviews(server: Running, count: int) -> None:
    chance = random.Random(SEED)
    for _ in range(count):
        document = mutated(chance)
        body = json.dumps(document).encode()
        answer = server.post(body)
        assert answer["allowed"] is good(document), (document, answer)
        if not answer["allowed"]:
            denied(answer)
        body = spoilt(encoded(EVIL), chance)
        assert server.post(body)["allowed"] is False or EVIL.encode() not in body, body
    well(server)


def policies(count: int) -> None:
    chance = random.Random(SEED)
    texts = [p.read_bytes() for p in sorted((ROOT / "policies").glob("*.rego"))] + [ALLOW.encode()]
    for _ in range(count):
        text = spoilt(chance.choice(texts), chance).decode("utf-8", "replace")
        try:
            policy = compile_modules({"a.rego": text})
            query = policy.prepare("data.io.k8s.image_policy.verify")
            query.value(input=review(EVIL), data={}, limits=Limits(seconds=1.0))
        except (CompileError, EvalError, LimitError):
            continue  # refused; anything else that is raised is a fault


def data(folder: Path, count: int) -> None:
    chance = random.Random(SEED)
    original = (ROOT / "data" / "docker" / "docker.json").read_bytes()[:4000]
    for i in range(count):
        path = folder / chance.choice(["a.json", "a.yaml"])
        path.write_bytes(spoilt(b'{"a": ["b", 1, {"c": null}]}' if i % 2 else original, chance))
        try:
            load([str(path)])
        except OpaError:
            continue


def test_broken_reviews(server: Running) -> None:
    reviews(server, 400)


def test_broken_policies() -> None:
    policies(60)


def test_broken_data(tmp_path: Path) -> None:
    data(tmp_path, 200)


@pytest.mark.soak
def test_many_broken_reviews(server: Running) -> None:
    reviews(server, CASES)


@pytest.mark.soak
def test_many_broken_policies() -> None:
    policies(CASES // 20)


@pytest.mark.soak
def test_much_broken_data(tmp_path: Path) -> None:
    data(tmp_path, CASES)
