"""Builds the real servers that the end-to-end tests drive, and says where they are.

    python tools/peers.py build [NAME…]  builds what is missing; without names, all servers
    python tools/peers.py where                                  lists what there is and why the rest is missing

OPA, kube-apiserver and Clair are built by Go from their published modules; etcd and docker-registry are packages of
Debian, unpacked. They are kept outside the tree (${XDG_CACHE_HOME:-~/.cache}/image-enforcer), by version and Go
version. A machine that cannot build one is no error: the tests that need it are skipped with the reason. Needs nothing
but Python's standard library.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OPA = "1.22.2"
KUBERNETES = "1.37.2"
CLAIR = "4.9.0"
SERVERS = ("etcd", "docker-registry", "opa", "opa-driver", "clair", "clair-import", "kube-apiserver")
BUILD_SECONDS = 40 * 60
# Kubernetes' own go.mod replaces these by folders of its repository; outside it they are modules of the same release.
STAGING = [
    "api", "apiextensions-apiserver", "apimachinery", "apiserver", "cli-runtime", "client-go", "cloud-provider",
    "cluster-bootstrap", "code-generator", "component-base", "component-helpers", "controller-manager", "cri-api",
    "cri-client", "cri-streaming", "csi-translation-lib", "dynamic-resource-allocation", "endpointslice",
    "externaljwt", "kms", "kube-aggregator", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl",
    "kubelet", "metrics", "mount-utils", "pod-security-admission", "sample-apiserver", "streaming",
]  # fmt: skip


class Unavailable(Exception):
    """This machine cannot have a peer; the text says why."""


@dataclass(frozen=True, slots=True)
class GoPeer:
    """A program that is one Go package of a published module, or a source file of ours that uses it."""

    name: str
    version: str
    package: str
    module: str
    link: str = ""
    source: Path | None = None

    def key(self) -> str:
        """The name of the folder that holds this version, built by this Go."""
        text = b"" if self.source is None else self.source.read_bytes()
        mark = f"-{hashlib.sha256(text).hexdigest()[:12]}" if text else ""
        return f"{self.name}-{self.version}{mark}-{_go_version()}"

    def build(self, folder: Path, binary: Path) -> None:
        """Builds the binary; raises Unavailable with the compiler's last words."""
        (folder / "go.mod").write_text(self.module, encoding="utf-8")
        if self.source is not None:
            shutil.copy2(self.source, folder)
        environment = {
            **os.environ,
            "CGO_ENABLED": "0",
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "-mod=mod -buildvcs=false",
        }
        command = ["go", "build", "-trimpath", "-ldflags", f"-s -w {self.link}", "-o", str(binary), self.package]
        _run(command, folder, environment)


@dataclass(frozen=True, slots=True)
class DebianPeer:
    """A program of a Debian package: the one on PATH, else the package unpacked, not installed."""

    name: str
    package: str
    path: str

    def key(self) -> str:
        """The name of the folder that holds it."""
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            raise Unavailable(f"neither {self.name} nor apt-get and dpkg-deb are installed")
        return f"{self.name}-debian"

    def build(self, folder: Path, binary: Path) -> None:
        """Downloads and unpacks the package."""
        try:
            _run(["apt-get", "download", self.package], folder, dict(os.environ))
        except Unavailable:
            _run(["apt-get", "-qq", "update"], folder, dict(os.environ))
            _run(["apt-get", "download", self.package], folder, dict(os.environ))
        package = next(folder.glob(f"{self.package}_*.deb"))
        _run(["dpkg-deb", "-x", str(package), str(folder / "unpacked")], folder, dict(os.environ))
        shutil.copy2(folder / "unpacked" / self.path, binary)


def _kubernetes_module() -> str:
    minor = KUBERNETES.partition(".")[2]
    replaced = "".join(f"\tk8s.io/{name} => k8s.io/{name} v0.{minor}\n" for name in STAGING)
    return (
        f"module peers\n\ngo 1.26.0\n\ngodebug default=go1.26\n\n"
        f"require k8s.io/kubernetes v{KUBERNETES}\n\nreplace (\n{replaced})\n"
    )


def _kubernetes_link() -> str:
    major, minor, _ = KUBERNETES.split(".")
    values = {
        "gitVersion": f"v{KUBERNETES}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "gitCommit": "module",
    }
    return " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in values.items())


def peers() -> dict[str, GoPeer | DebianPeer]:
    """Every peer by its name, the quickest to build first."""
    needs_opa = f"module peers\n\ngo 1.26.0\n\nrequire github.com/open-policy-agent/opa v{OPA}\n"
    opa = GoPeer("opa", OPA, "github.com/open-policy-agent/opa", needs_opa)
    bench = GoPeer("opa-bench", OPA, ".", needs_opa, source=ROOT / "benchmarks" / "opa" / "main.go")
    driver = GoPeer("opa-driver", OPA, ".", needs_opa, source=ROOT / "tests" / "differential" / "driver" / "main.go")
    kube = GoPeer(
        "kube-apiserver", KUBERNETES, "k8s.io/kubernetes/cmd/kube-apiserver", _kubernetes_module(), _kubernetes_link()
    )
    needs_clair = f"module peers\n\ngo 1.25.0\n\nrequire github.com/quay/clair/v4 v{CLAIR}\n"
    clair = GoPeer("clair", CLAIR, "github.com/quay/clair/v4/cmd/clair", needs_clair)
    vulnerabilities = GoPeer(
        "clair-import", CLAIR, ".", needs_clair, source=ROOT / "tests" / "e2e" / "clair_import" / "main.go"
    )
    return {
        "etcd": DebianPeer("etcd", "etcd-server", "usr/bin/etcd"),
        "docker-registry": DebianPeer("docker-registry", "docker-registry", "usr/bin/docker-registry"),
        "opa": opa, "opa-driver": driver, "clair": clair, "clair-import": vulnerabilities, "kube-apiserver": kube,
        "opa-bench": bench,
    }  # fmt: skip


def cache() -> Path:
    """The folder outside the tree that keeps what was built."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "image-enforcer" / "peers"


def find(name: str) -> Path:
    """The binary of a peer; raises Unavailable, with the reason, where there is none."""
    peer = peers()[name]
    installed = shutil.which(name) if isinstance(peer, DebianPeer) else None
    if installed:
        return Path(installed)
    folder = cache() / peer.key()
    binary = folder / name
    if binary.is_file():
        return binary
    failure = folder / "failure.txt"
    if failure.is_file():
        raise Unavailable(failure.read_text(encoding="utf-8").strip())
    raise Unavailable(f"{name} is not built (python tools/peers.py build {name})")


def build(name: str) -> Path:
    """The binary of a peer, built if it is missing; another process that builds the same one is waited for."""
    with contextlib.suppress(Unavailable):
        return find(name)
    peer = peers()[name]
    folder = cache() / peer.key()
    folder.mkdir(parents=True, exist_ok=True)
    binary = folder / name
    failure = folder / "failure.txt"
    with _locked(folder / "lock"):
        if binary.is_file():
            return binary
        failure.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(prefix="build-", dir=folder) as work:
            fresh = Path(work) / f"{name}.new"
            try:
                peer.build(Path(work), fresh)
            except Unavailable as reason:
                failure.write_text(f"{reason}\n", encoding="utf-8")
                raise
            fresh.replace(binary)
    return binary


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _go_version() -> str:
    if shutil.which("go") is None:
        raise Unavailable("Go is not installed")
    asked = subprocess.run(
        ["go", "env", "GOVERSION"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GOTOOLCHAIN": "local"},
    )
    version = asked.stdout.strip()
    numbers = version.removeprefix("go").split(".")
    if len(numbers) < 2 or not all(part.isdigit() for part in numbers[:2]):
        raise Unavailable(f"Go's version {version!r} is not understood")
    if (int(numbers[0]), int(numbers[1])) < (1, 26):
        raise Unavailable(f"{version} is installed, Go 1.26 or newer is needed")
    return version


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False, timeout=BUILD_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} {command[1]} took longer than {BUILD_SECONDS} s") from None
    except OSError as error:
        raise Unavailable(f"{command[0]} could not be run: {error.strerror}") from error
    if done.returncode:
        last = [line for line in done.stdout.splitlines() if line.strip()][-1:] or ["no output"]
        raise Unavailable(f"{command[0]} {command[1]} failed: {last[0][:300]}")


def main(arguments: list[str]) -> int:
    """The command line; 0 even where a peer cannot be had, 2 on wrong use."""
    known = peers()
    action, names = (arguments[0], arguments[1:]) if arguments else ("", [])
    if action not in {"build", "where"} or not set(names) <= set(known):
        print(__doc__, file=sys.stderr)
        return 2
    for name in names or SERVERS:
        try:
            path = build(name) if action == "build" else find(name)
        except Unavailable as reason:
            print(f"{name}: not available: {reason}", flush=True)
        else:
            print(f"{name}: {path}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
