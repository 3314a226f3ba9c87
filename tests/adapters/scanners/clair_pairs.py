"""A world for the fakes of Clair, and the images that the contract wants of it."""

from image_enforcer.adapters.scanners.exchange import Limits
from image_enforcer.analysis import digest
from image_enforcer.domain.report import Severity
from tests.contract.scanner import Images
from tests.fakes.clair_images import BASE, CURL, FLAWS, Content, Installed, World, subject

LIMITS = Limits(connect=5, document=10, scan=10, report=1 << 20)
QUICK = Limits(connect=5, document=2, scan=2, report=1 << 20)
"""For answers that never come. What does come, comes in far less, on a busy machine too."""
NOW = 1_795_416_023.0


def clock() -> float:
    return NOW


def chance() -> float:
    return 0.5


def images(world: World) -> Images:
    """Fill a world, and say what is in it."""
    base = world.add("base", BASE)
    curl = world.add("curl", CURL)
    sound = world.add("sound", Content("debian:12", (Installed("zlib1g", "1:1.2.13", "zlib"),)))
    nothing = world.add("nothing", Content())
    broken = world.add("broken", Content(broken=True))
    private = world.add("private", Content("debian:12", (Installed("hello", "1", "hello"),), private=True))
    absent = digest.of(b"absent")
    world.flaws += FLAWS
    return Images(
        vulnerable=subject("vulnerable", [base, nothing, curl]), vulnerability="CVE-2026-0001", severity=Severity.HIGH,
        clean=subject("clean", [sound, nothing]), empty=subject("empty", [nothing]),
        unreadable=subject("unreadable", [sound, broken]), unfetchable=subject("unfetchable", [sound, absent]),
        refused=subject("refused", [private]), allowed=subject("allowed", [private], token="t"),
        foreign=subject("foreign", [sound, absent], foreign=[absent]),
    )  # fmt: skip
