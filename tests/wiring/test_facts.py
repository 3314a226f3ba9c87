"""What copies and bundles are put together from."""

import io
import json
import tarfile
from datetime import UTC, datetime

import pytest

from image_enforcer.domain.facts import Changes, Entry, Kind
from image_enforcer.settings import sync as told
from image_enforcer.settings.sync import BadSettings
from image_enforcer.wiring.facts import bundle

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
DIGEST = "sha256:" + "1" * 64
LAYER = {"Layer": {"Name": DIGEST}}


def documents(settings: told.Sync) -> object:
    """What a bundle by these settings holds of one image in two registries, and of a layer."""
    facts = {
        (Kind.MANIFEST, DIGEST): {"kind": "legacy", "media_type": "m"}, (Kind.LAYER, DIGEST): LAYER,
        (Kind.TAG, "docker.io/a:b"): {"digest": DIGEST}, (Kind.TAG, "registry.corp:5000/a:b"): {"digest": DIGEST},
    }  # fmt: skip
    entries = tuple(
        Entry(kind=kind, key=key, value=json.dumps(value).encode(), revision=1) for (kind, key), value in facts.items()
    )
    file = io.BytesIO()
    batch = Changes(epoch="e", since=0, began=0, revision=1, newest=1, entries=entries)
    bundle(settings)(file, iter([batch]), NOON)
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r:gz") as tar:
        data = tar.extractfile("data.json")
        assert data is not None
        found: object = json.loads(data.read())
        return found


def test_a_bundle_is_laid_out_as_the_settings_say() -> None:
    manifest = {"schemaVersion": 1, "mediaType": "m"}
    assert documents(told.Sync()) == {
        "docker": {
            "layers": {"a": {"b": manifest}}, "registries": {"registry.corp:5000": {"a": {"b": manifest}}},
        },
        "clair": {"layers": {DIGEST: LAYER}},
    }  # fmt: skip
    repositories = (told.Repository(name="a"), told.Repository(name="a/b/c"))
    settings = told.Sync(
        registries=(told.Registry(name="registry.corp:5000", repositories=repositories),),
        legacy_registry="registry.corp:5000", layer_root="/data/images", clair_root="scans",
    )  # fmt: skip
    assert documents(settings) == {
        "docker": {"registries": {
            "docker.io": {"a": {"b": manifest}}, "registry.corp:5000": {"a": {"b": manifest}},
        }},
        "scans": {DIGEST: LAYER},
    }  # fmt: skip


def test_roots_that_are_no_paths_are_refused_before_anything_runs() -> None:
    with pytest.raises(BadSettings, match="no path below data"):
        bundle(told.Sync(layer_root="/data/.."))
