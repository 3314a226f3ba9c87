"""Writes the sample data (data/docker/docker.json, data/clair/clair.json) from the short description below.

The images, layers and digests are made up; the packages, versions and vulnerabilities named are real ones of their
time, so that a policy's answer reads as it would in earnest. `python tools/sample_data.py --check` only compares.
"""

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "data"


@dataclass(frozen=True, slots=True)
class Flaw:
    """A known vulnerability; `score` and `vector` are CVSS version 2."""

    name: str
    severity: str
    text: str
    fixed_by: str = ""
    score: float = 0.0
    vector: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """A package that a layer brings, with what is known against that version."""

    name: str
    version: str
    flaws: tuple[Flaw, ...] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of an image; `scanned` is false for one that no scanner has seen."""

    label: str
    size: int
    packages: tuple[Package, ...] = ()
    scanned: bool = True

    @property
    def digest(self) -> str:
        """The digest that the layer goes by."""
        return "sha256:" + hashlib.sha256(f"sample layer {self.label}".encode()).hexdigest()


SHELLSHOCK = Flaw(
    "CVE-2014-6271",
    "High",
    "bash runs commands that follow a function definition in an environment variable.",
    "4.2+dfsg-0.1+deb7u1",
    10.0,
    "AV:N/AC:L/Au:N/C:C/I:C/A:C",
)
SHELLSHOCK_AGAIN = Flaw(
    "CVE-2014-7169",
    "High",
    "The first mending of CVE-2014-6271 left a way to run commands.",
    "4.2+dfsg-0.1+deb7u3",
    10.0,
    "AV:N/AC:L/Au:N/C:C/I:C/A:C",
)
HEARTBLEED = Flaw(
    "CVE-2014-0160",
    "High",
    "A heartbeat request reads memory beyond its own payload.",
    "1.0.1e-2+deb7u5",
    5.0,
    "AV:N/AC:L/Au:N/C:P/I:N/A:N",
)
GHOST = Flaw(
    "CVE-2015-0235",
    "High",
    "gethostbyname writes past its buffer for a long host name.",
    "2.13-38+deb7u7",
    10.0,
    "AV:N/AC:L/Au:N/C:C/I:C/A:C",
)
TAR = Flaw(
    "CVE-2005-2541",
    "Negligible",
    "tar keeps the set-user-id bit of what it extracts without warning.",
    "",
    10.0,
    "AV:N/AC:L/Au:N/C:C/I:C/A:C",
)
LOGIN = Flaw(
    "CVE-2007-5686", "Negligible", "The log of failed logins may be read by all.", "", 4.9, "AV:L/AC:L/Au:N/C:C/I:N/A:N"
)
NGINX_LOGS = Flaw(
    "CVE-2016-1247",
    "High",
    "The log folder lets the web server's user become root.",
    "1.6.2-5+deb8u3",
    7.2,
    "AV:L/AC:L/Au:N/C:C/I:C/A:C",
)
PHP_MAIL = Flaw(
    "CVE-2016-10033",
    "High",
    "PHPMailer passes a crafted sender on to the shell.",
    "5.2.18",
    7.5,
    "AV:N/AC:L/Au:N/C:P/I:P/A:P",
)
REDIS_LUA = Flaw(
    "CVE-2022-0543",
    "High",
    "The packaging lets a Lua script out of its sandbox.",
    "5:6.0.16-1+deb11u2",
    10.0,
    "AV:N/AC:L/Au:N/C:C/I:C/A:C",
)
PILLOW = Flaw(
    "CVE-2023-4863", "High", "libwebp writes past its buffer for a crafted picture.", "1.2.4-0.2+deb12u1", 0.0, ""
)

WHEEZY = Layer("debian 7 base", 51_361_144, (
    Package("base-files", "7.1wheezy5"),
    Package("bash", "4.2+dfsg-0.1", (SHELLSHOCK, SHELLSHOCK_AGAIN)),
    Package("eglibc", "2.13-38+deb7u1", (GHOST,)),
    Package("shadow", "1:4.1.5.1-1", (LOGIN,)),
    Package("tar", "1.26+dfsg-0.1", (TAR,)),
))  # fmt: skip
BOOKWORM = Layer("debian 12 base", 48_484_600, (
    Package("base-files", "12.4+deb12u11"),
    Package("bash", "5.2.15-2"),
    Package("glibc", "2.36-9+deb12u10"),
))  # fmt: skip
ALPINE = Layer("alpine 3.20 base", 3_623_844, (Package("musl", "1.2.5-r0"), Package("busybox", "1.36.1-r29")))

# What each image is made of, from the bottom up; None: the registry knows the tag and lists no layers.
IMAGES: dict[str, tuple[Layer, ...] | None] = {
    "openpolicyagent/opa:0.4.9": (Layer("opa 0.4.9", 6_513_017),),
    "openpolicyagent/opa:0.5.0": (Layer("opa 0.5.0", 6_644_281),),
    "openpolicyagent/opa:latest": (Layer("opa 0.5.0", 6_644_281),),
    "library/alpine:3.20": (ALPINE,),
    "library/nginx:1.9": (
        WHEEZY,
        Layer("nginx 1.9 packages", 21_937_101, (
            Package("nginx", "1.6.2-5", (NGINX_LOGS,)), Package("openssl", "1.0.1e-2", (HEARTBLEED,)),
        )),
        Layer("nginx 1.9 logs", 193),
    ),
    "library/nginx:1.27-alpine": (
        ALPINE,
        Layer("nginx 1.27 packages", 1_894_022, (Package("nginx", "1.27.5-r1"), Package("pcre2", "10.43-r0"))),
        Layer("nginx 1.27 entry point", 626),
        Layer("nginx 1.27 configuration", 954),
    ),
    "library/redis:5": (
        Layer("debian 11 base", 31_417_900, (Package("bash", "5.1-2+deb11u1"),)),
        Layer("redis 5 user", 1_732),
        Layer("redis 5 packages", 9_318_402, (Package("redis", "5:6.0.16-1", (REDIS_LUA,)),)),
        Layer("redis 5 data folder", 98),
    ),
    "library/redis:7": (
        BOOKWORM,
        Layer("redis 7 user", 1_102),
        Layer("redis 7 packages", 17_000_412, (Package("redis", "5:7.0.15-1~deb12u5"),)),
        Layer("redis 7 data folder", 98),
    ),
    "library/wordpress:3": None,
    "library/wordpress:4-apache": (
        WHEEZY,
        Layer("apache 2.2", 8_281_300, (Package("apache2", "2.2.22-13+deb7u13"),)),
        Layer("php 5.6", 12_581_700, (Package("php5", "5.6.30+dfsg-0+deb8u1"),)),
        Layer("wordpress 4 files", 7_914_305, (Package("phpmailer", "5.2.9", (PHP_MAIL,)),)),
        Layer("wordpress 4 entry point", 2_471),
    ),
    "library/wordpress:4-fpm": (
        WHEEZY,
        Layer("php 5.6", 12_581_700, (Package("php5", "5.6.30+dfsg-0+deb8u1"),)),
        Layer("wordpress 4 files", 7_914_305, (Package("phpmailer", "5.2.9", (PHP_MAIL,)),)),
        Layer("wordpress 4 fpm entry point", 2_469),
    ),
    "library/wordpress:6-apache": (
        BOOKWORM,
        Layer("apache 2.4", 19_274_882, (Package("apache2", "2.4.65-1~deb12u1"),)),
        Layer("php 8.3", 14_112_902, (Package("php8.3", "8.3.23"),)),
        Layer("wordpress 6 files", 25_001_174),
        Layer("wordpress 6 entry point", 2_902),
    ),
    "shop/web:1.4.2": (
        BOOKWORM,
        Layer("python 3.11", 14_922_610, (Package("python3.11", "3.11.2-6+deb12u6"),)),
        Layer("shop web libraries", 22_180_954),
        Layer("shop web 1.4.2", 318_402),
    ),
    "shop/worker:1.4.2": (
        BOOKWORM,
        Layer("python 3.11", 14_922_610, (Package("python3.11", "3.11.2-6+deb12u6"),)),
        Layer("shop worker libraries", 30_901_338, (Package("libwebp", "1.2.4-0.2", (PILLOW,)),)),
        Layer("shop worker 1.4.2", 201_377),
    ),
    "shop/web:1.5.0": (
        BOOKWORM,
        Layer("python 3.11", 14_922_610, (Package("python3.11", "3.11.2-6+deb12u6"),)),
        Layer("shop web libraries", 22_180_954),
        Layer("shop web 1.5.0", 320_118, scanned=False),
    ),
}  # fmt: skip


def manifests() -> dict[str, object]:
    """The document data.docker: layers.<owner>.<name>.<tag> is a manifest."""
    layers: dict[str, dict[str, dict[str, object]]] = {}
    for image, parts in IMAGES.items():
        repository, _, tag = image.partition(":")
        owner, _, name = repository.partition("/")
        manifest: dict[str, object] = {"config": {"digest": "", "size": 0}}
        if parts is not None:
            digest = "sha256:" + hashlib.sha256(f"sample configuration {image}".encode()).hexdigest()
            manifest = {
                "config": {"digest": digest, "size": 1_500 + 700 * len(parts)},
                "layers": [{"digest": layer.digest, "size": layer.size} for layer in parts],
            }
        layers.setdefault(owner, {}).setdefault(name, {})[tag] = manifest
    return {"layers": layers}


def documents() -> dict[str, object]:
    """The document data.clair: layers.<digest> is what Clair's first API said of a layer."""
    layers: dict[str, object] = {}
    for parts in IMAGES.values():
        parent = ""
        system = ""
        for layer in parts or ():
            system = _system(layer) or system
            if layer.scanned:
                layers.setdefault(layer.digest, {"Layer": _layer(layer, parent, system)})
            parent = layer.digest
    return {"layers": layers}


def _system(layer: Layer) -> str:
    """The operating system that a base layer brings, as Clair names it."""
    words = layer.label.split()
    return f"{words[0]}:{'v' if words[0] == 'alpine' else ''}{words[1]}" if words[-1] == "base" else ""


def _layer(layer: Layer, parent: str, system: str) -> dict[str, object]:
    document: dict[str, object] = {"IndexedByVersion": 3, "Name": layer.digest}
    if system:
        document["NamespaceName"] = system
    if parent:
        document["ParentName"] = parent
    if layer.packages:
        document["Features"] = [_feature(package, layer, system) for package in layer.packages]
    return document


def _feature(package: Package, layer: Layer, system: str) -> dict[str, object]:
    feature: dict[str, object] = {
        "AddedBy": layer.digest,
        "Name": package.name,
        "NamespaceName": system,
        "Version": package.version,
    }
    if package.flaws:
        feature["Vulnerabilities"] = [_vulnerability(flaw, system) for flaw in package.flaws]
    return feature


def _vulnerability(flaw: Flaw, system: str) -> dict[str, object]:
    document: dict[str, object] = {
        "Description": flaw.text,
        "Link": f"https://security-tracker.debian.org/tracker/{flaw.name}",
        "Name": flaw.name,
        "NamespaceName": system,
        "Severity": flaw.severity,
    }
    if flaw.fixed_by:
        document["FixedBy"] = flaw.fixed_by
    if flaw.vector:
        document["Metadata"] = {"NVD": {"CVSSv2": {"Score": flaw.score, "Vectors": flaw.vector}}}
    return document


def main(arguments: list[str]) -> int:
    """Writes the files, or with --check says which differ; returns the exit code."""
    stale = False
    for name, document in {"docker": manifests(), "clair": documents()}.items():
        path = DATA / name / f"{name}.json"
        text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        if "--check" in arguments:
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                print(f"{path} differs from what tools/sample_data.py writes", file=sys.stderr)
                stale = True
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return int(stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
