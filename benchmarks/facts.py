"""The data and the reviews that every engine is given: as files, so that each reads the same bytes."""

import hashlib
import itertools
import json
import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
REVIEWS = 5000


@dataclass(frozen=True, slots=True)
class Facts:
    """The files of one size: the data, and reviews one a line; and how many layers the data knows."""

    name: str
    data: Path
    reviews: Path
    layers: int


def shared(name: str) -> Path:
    """Where a folder of the shared cases would be."""
    return Path(os.environ.get("IMAGE_ENFORCER_CASES") or ROOT / ".." / "shared") / name


def base() -> tuple[str, Any]:
    """The original project's data where the shared cases are there, else the samples; with its name."""
    seed = shared("seed-data")
    name, folder = ("seed", seed) if seed.is_dir() else ("sample", ROOT / "data")
    return name, {
        key: json.loads((folder / key / f"{key}.json").read_text(encoding="utf-8")) for key in ("docker", "clair")
    }


def digest(number: int) -> str:
    """The digest of a made-up layer."""
    return "sha256:" + hashlib.sha256(f"benchmark layer {number}".encode()).hexdigest()


def enlarge(data: Any, layers: int) -> None:
    """Adds so many made-up layers, three packages each, half of them vulnerable, and images made of four of them."""
    for number in range(layers):
        name = digest(number)
        features: list[dict[str, Any]] = [
            {"Name": f"package-{place}", "Version": f"1.{number}-{place}", "NamespaceName": "debian:8", "AddedBy": name}
            for place in range(3)
        ]
        if number % 2:
            features[1]["Vulnerabilities"] = [
                {
                    "Name": f"CVE-2016-{number}",
                    "NamespaceName": "debian:8",
                    "Severity": "Medium",
                    "Link": f"https://security-tracker.debian.org/tracker/CVE-2016-{number}",
                }
            ]
        data["clair"]["layers"][name] = {"Layer": {"Name": name, "IndexedByVersion": 3, "Features": features}}
    for image in range(min(layers // 4, 2000)):
        # every second image of clean layers only, as in the data it is added to
        chosen = [(8 * image + 2 * place + image % 2) % layers for place in range(4)]
        manifest = {"config": {"digest": "", "size": 0}, "layers": [{"digest": digest(n), "size": n} for n in chosen]}
        data["docker"]["layers"].setdefault("bench", {}).setdefault(f"image-{image // 50}", {})[f"1.{image % 50}"] = (
            manifest
        )


def layer(size: int) -> bytes:
    """A layer's document of about so many bytes, as a scanner sends it."""
    feature = {"Name": "package", "Version": "1.2.3-4", "NamespaceName": "debian:8", "AddedBy": digest(0)}
    features = [{**feature, "Name": f"package-{place}"} for place in range(size // 160)]
    return json.dumps({"Layer": {"Name": digest(0), "IndexedByVersion": 3, "Features": features}}).encode()


def reviews(data: Any, count: int) -> list[bytes]:
    """So many different reviews of one to three of the data's images, as the API server writes them."""
    images = sorted(
        f"{owner}/{name}:{tag}"
        for owner, names in data["docker"]["layers"].items()
        for name, tags in names.items()
        for tag in tags
    )
    chance = random.Random(20)
    seen: set[bytes] = set()
    for number in itertools.count():
        spec = {
            "containers": [{"image": image} for image in chance.sample(images, 1 + number % 3)],
            "annotations": {"bench.image-policy.k8s.io/number": str(number)},
            "namespace": "production" if number % 8 else "staging",
        }
        document = {
            "kind": "ImageReview",
            "apiVersion": "imagepolicy.k8s.io/v1alpha1",
            "metadata": {},
            "spec": spec,
            "status": {"allowed": False},
        }
        seen.add(json.dumps(document, separators=(",", ":")).encode())
        if len(seen) == count:
            break
    return sorted(seen, key=lambda text: hashlib.sha256(text).digest())


def write(folder: Path, added: int) -> Facts:
    """Writes the files of one size into a folder."""
    name, data = base()
    enlarge(data, added)
    label = name if not added else f"+{added // 1000}k"
    facts = Facts(label, folder / f"data-{added}.json", folder / f"reviews-{added}.jsonl", len(data["clair"]["layers"]))
    facts.data.write_text(json.dumps(data), encoding="utf-8")
    facts.reviews.write_bytes(b"\n".join(reviews(data, REVIEWS)) + b"\n")
    return facts
