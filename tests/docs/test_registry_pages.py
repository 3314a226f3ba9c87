"""The pages about registries: their settings can be read, their notifications are understood."""

import json
import re
from pathlib import Path

import pytest
import yaml

from image_enforcer.adapters.registry.hosts import Limits
from image_enforcer.analysis import hints
from image_enforcer.settings import sync as settings


@pytest.fixture(scope="module")
def watching(root: Path) -> str:
    return (root / "docs/how-to/watch-registries.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def webhooks(root: Path) -> str:
    return (root / "docs/how-to/registry-webhooks.md").read_text(encoding="utf-8")


def blocks(page: str) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)


def test_settings_files_are_settings(watching: str, tmp_path: Path) -> None:
    files = [text for text in blocks(watching) if text.startswith("registries:")]
    assert len(files) >= 2
    for number, text in enumerate(files):
        place = tmp_path / f"{number}.yaml"
        place.write_text(text, encoding="utf-8")
        assert settings.read(place).registries


def test_the_rate_is_the_one_that_there_is(watching: str) -> None:
    assert "at most a hundred times a second" in watching
    assert Limits().rate == settings.Registry(name="docker.io").requests_per_second == 100


def test_the_notification_that_is_tried_is_a_hint(webhooks: str) -> None:
    (body,) = re.findall(r"-d '(.*)'", webhooks)
    assert hints.repositories(body.encode()) == ("team/app",)
    (registry,) = blocks(webhooks)
    (endpoint,) = yaml.safe_load(registry)["notifications"]["endpoints"]
    assert endpoint["url"].endswith("/v1/hints/registry.corp:5000")
    assert endpoint["headers"] == {"Authorization": ["Bearer TOKEN"]}
    assert json.loads(re.findall(r"^(\{.*\})$", webhooks, re.MULTILINE)[0]) == {"named": 1, "followed": 1}
