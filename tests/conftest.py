"""What every test may use: the shared cases, and hypothesis profiles that do not depend on the machine's speed."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from image_enforcer.rego.meter import make_room

ROOT = Path(__file__).resolve().parents[1]

os.environ["IMAGE_ENFORCER_CACHE"] = "off"  # what one test compiles is not the next one's

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As where a shell runs this in the background. Programs under test would ignore it as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)

make_room()  # before hypothesis looks at how deep Python may nest

settings.register_profile(
    "house", deadline=None, derandomize=bool(os.environ.get("CI")), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("house")


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_cases() -> Path:
    """The folder of shared cases and recordings (IMAGE_ENFORCER_CASES, else ../shared); skips where there is none."""
    folder = Path(os.environ.get("IMAGE_ENFORCER_CASES") or ROOT / ".." / "shared").resolve()
    if not folder.is_dir():
        pytest.skip("no shared cases: neither IMAGE_ENFORCER_CASES nor ../shared names a folder")
    return folder
