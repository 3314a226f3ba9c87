"""Real servers that facts come from: a registry, PostgreSQL, and Clair on it."""

import contextlib
import json
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.postgresql import Server

from .servers import free_port, running


@dataclass(frozen=True, slots=True)
class Serving:
    """How a server is started, and the address that says that it is ready."""

    command: list[str]
    log: Path
    ready: str
    address: str


def registry_serving(binary: Path, folder: Path) -> Serving:
    """A real registry without credentials in which manifests can be deleted."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "registry.yml"
    config.write_text(
        f"version: 0.1\nlog:\n  level: warn\nstorage:\n  filesystem:\n    rootdirectory: {folder / 'storage'}\n"
        f"  delete:\n    enabled: true\nhttp:\n  addr: 127.0.0.1:{port}\n",
        "utf-8",
    )
    address = f"http://127.0.0.1:{port}"
    return Serving([str(binary), "serve", str(config)], folder / "registry.log", f"{address}/v2/", address)


@contextlib.contextmanager
def registry(binary: Path, folder: Path) -> Iterator[str]:
    """Such a registry while it runs; its address."""
    serving = registry_serving(binary, folder)
    with running(serving.command, serving.log, serving.ready):
        yield serving.address


def prepare(server: Server, folder: Path) -> None:
    """Let a PostgreSQL (18 or newer) that has no uuid-ossp find the one function of it that Clair needs."""
    extensions = folder / "extension"
    extensions.mkdir(parents=True)
    (extensions / "uuid-ossp.control").write_text("default_version = '1.1'\nrelocatable = true\n", "utf-8")
    made = "CREATE FUNCTION uuid_generate_v4() RETURNS uuid LANGUAGE sql VOLATILE AS 'SELECT gen_random_uuid()';\n"
    (extensions / "uuid-ossp--1.1.sql").write_text(made, "utf-8")
    for path in (*[p for p in folder.parents if p.is_relative_to(tempfile.gettempdir())], folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))  # the server is another user
    with server.connection() as admin:
        admin.execute(f"ALTER SYSTEM SET extension_control_path = '{folder}:$system'")
        admin.execute("SELECT pg_reload_conf()")


@dataclass(frozen=True, slots=True)
class Clair:
    """A running Clair, and the database in which it keeps vulnerabilities."""

    url: str
    database: str
    importer: Path

    def know(self, vulnerabilities: Sequence[dict[str, object]], updater: str = "debian/updater") -> None:
        """Let it know exactly these vulnerabilities of one updater."""
        reference = str(uuid.uuid4())
        self.load("".join(
            json.dumps({
                "Updater": updater, "Fingerprint": reference, "Date": "2026-01-02T03:04:05Z", "Ref": reference,
                "Kind": "vulnerability", "Vuln": vulnerability,
            }) + "\n"
            for vulnerability in vulnerabilities
        ))  # fmt: skip

    def load(self, lines: str) -> None:
        """Import lines of updates, each updater's in the place of those before."""
        done = subprocess.run(
            [str(self.importer), self.database], input=lines, text=True, capture_output=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr


def offline(folder: Path) -> dict[str, object]:
    """Settings of Clair's scanners by which they take from files, of a folder, what they would fetch."""
    for name in ("cpe.json", "names.json"):
        (folder / name).write_text('{"data":{}}', "utf-8")
    repositories = {"repo2cpe_mapping_file": str(folder / "cpe.json"), "disable_api": True}
    containers = {"name2repos_mapping_file": str(folder / "names.json")}
    return {
        "repo": {"rhel-repository-scanner": repositories},
        "package": {"rhel_containerscanner": containers, "java": {"disable_api": True}},
    }


def clair_serving(binary: Path, database: str, folder: Path, webhook: str = "", token: str = "") -> Serving:
    """A real Clair with all its parts in one process, on a PostgreSQL database (a connection string).

    With a ``webhook`` it notifies that address of what becomes known, within two minutes, with a token.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port, introspection = free_port(), free_port()
    settings: dict[str, object] = {
        "http_listen_addr": f"127.0.0.1:{port}", "introspection_addr": f"127.0.0.1:{introspection}",
        "log_level": "warn",
        "indexer": {
            "connstring": database, "migrations": True, "airgap": True, "scanlock_retry": 1,
            "scanner": offline(folder),
        },
        "matcher": {"connstring": database, "migrations": True, "disable_updaters": True},
        "notifier": {"connstring": database, "migrations": True},
    }  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    if webhook:
        settings["notifier"] = {
            "connstring": database, "migrations": True, "poll_interval": "1m", "delivery_interval": "1m",
            "webhook": {
                "target": webhook, "callback": f"{address}/notifier/api/v1/notification/",
                "headers": {"Authorization": [f"Bearer {token}"]},
            },
        }  # fmt: skip
    config = folder / "clair.json"
    config.write_text(json.dumps(settings), "utf-8")
    # Its health says that all is well before it is: what it looks with is only told by a server that is ready.
    ready = f"{address}/indexer/api/v1/index_state"
    command = [str(binary), "-conf", str(config), "-mode", "combo"]
    return Serving(command, folder / "clair.log", ready, address)


@contextlib.contextmanager
def clair(
    binary: Path, importer: Path, database: str, folder: Path, webhook: str = "", token: str = ""
) -> Iterator[Clair]:
    """Such a Clair while it runs."""
    serving = clair_serving(binary, database, folder, webhook, token)
    with running(serving.command, serving.log, serving.ready):
        yield Clair(serving.address, database, importer)


def vulnerability(
    name: str, package: str, fixed_in: str, severity: str = "High", *, did: str = "debian"
) -> dict[str, object]:
    """A vulnerability of Debian 12 in a source package, as Clair's updaters write it."""
    return {
        "updater": f"{did}/updater", "name": name, "description": f"{name} in {package}",
        "issued": "2026-01-02T03:04:05Z", "links": f"https://example.com/{name}", "severity": severity.lower(),
        "normalized_severity": severity, "package": {"name": package, "kind": "source"},
        "distribution": {
            "did": did, "name": "Debian GNU/Linux", "version": "12 (bookworm)", "version_code_name": "bookworm",
            "version_id": "12", "pretty_name": "Debian GNU/Linux 12 (bookworm)",
        },
        "fixed_in_version": fixed_in,
    }  # fmt: skip
