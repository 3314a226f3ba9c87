"""`sync`, `worker` and `pull` on the command line: what is understood, what is refused, and how they end."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from image_enforcer.cli import main as cli
from image_enforcer.cli.following import Following
from image_enforcer.settings.sync import Sync
from image_enforcer.wiring.sync import entries, layout
from tests.fakes.opa_data import FakeOpaData
from tests.fakes.registry.faults import FAULTS
from tests.fakes.registry.server import FakeRegistry
from tests.server.running import command, environment

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command; its exit code and what it said."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "DOCKER_USER", "DOCKER_PASSWORD"):
        monkeypatch.delenv(name, raising=False)

    def go(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return go


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as fake:
        fake.image("team/app", "v1")
        fake.image("team/app", "v2", (b"2",))
        yield fake


def test_the_original_flags(run: Run) -> None:
    code, out, err = run(
        "sync", "-repository", "nginx,library/redis", "-repository=team/app", "-poll-delay", "5m",
        "-registry-url", "https://registry.corp:5000", "-clair-url", "http://clair:6060/v1", "-opa-url",
        "http://opa:8181/v1", "-opa-layer-root", "/data/docker/layers", "-opa-clair-root=/data/clair/layers",
        "-dry-run",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "would follow registry.corp:5000/nginx (*) every 300 s",
        "would follow registry.corp:5000/library/redis (*) every 300 s",
        "would follow registry.corp:5000/team/app (*) every 300 s",
        "would have images scanned by clair-v1 at http://clair:6060/v1",
        "would put documents into http://opa:8181",
    ]


def test_two_dashes_are_as_good(run: Run) -> None:
    one = run("sync", "-repository", "nginx", "-clair-url=http://clair:6060", "-dry-run")
    two = run("sync", "--repository", "nginx", "--clair-url=http://clair:6060", "--dry-run")
    assert one == two
    assert "docker.io/library/nginx" in one[1]
    assert "clair-v4 at http://clair:6060" in one[1]


def test_the_last_of_one_value_counts(run: Run) -> None:
    _, out, _ = run("sync", "-repository", "a", "-poll-delay", "1s", "-poll-delay", "2m", "-dry-run")
    assert "every 120 s" in out
    _, out, _ = run(
        "sync", "-repository", "a", "-registry-url", "https://one.example", "--registry-url=https://two.example",
        "-dry-run",
    )  # fmt: skip
    assert out.startswith("would follow two.example/a ")


def test_a_copy_of_another_registry_may_be_called_like_it(run: Run) -> None:
    _, out, _ = run("sync", "-repository", "ghcr.io/foo/bar", "-registry-url", "https://proxy.corp", "-dry-run")
    assert out.startswith("would follow proxy.corp/ghcr.io/foo/bar ")


def test_tags_are_chosen(run: Run) -> None:
    _, out, _ = run("sync", "-repository", "a", "--include", "1.*", "--include=2.*", "--exclude", "*-rc", "--dry-run")
    assert out.splitlines() == [
        "would follow docker.io/library/a (1.*, 2.*, not *-rc) every 60 s",
        "nothing is scanned: no --clair-url", "nothing is pushed to an OPA: no --opa-url",
    ]  # fmt: skip


def test_the_environment_says_the_same(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_ENFORCER_SYNC_POLL_DELAY", "7s")
    _, out, _ = run("sync", "-repository", "a", "-dry-run")
    assert "every 7 s" in out
    _, out, _ = run("sync", "-repository", "a", "-poll-delay", "8s", "-dry-run")
    assert "every 8 s" in out


@pytest.mark.parametrize("command", ["sync", "worker"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no repository is to be followed"),
        (("-repository", "nginx:1.27"), "names an image"),
        (("-repository", "nginx:latest"), "names an image"),
        (("-repository", "nginx@sha256:" + "0" * 64), "names an image"),
        (("-repository", "UPPER"), "repository 'UPPER'"),
        (("-repository", "a b"), "repository 'a b'"),
        (("-repository", "a", "-poll-delay", "soon"), "is no length of time"),
        (("-repository", "a", "-poll-delay", "0s"), "at least one second"),
        (("-repository", "a", "-poll-delay", "9" * 400), "longer than a year"),
        (("-repository", "a", "-registry-url", "registry.corp"), "is no address"),
        (("-repository", "a", "-registry-url", "http://[::1"), "is no address"),
        (("-repository", "a", "-registry-url", f"https://{'a' * 64}"), "is no address"),
        (("-repository", "a", "-clair-url", "http://clair..corp:6060"), "is no address"),
        (("-repository", "a", "-registry-url", "reg.corp:5000"), "--registry-url https://reg.corp:5000"),
        (("-repository", "ghcr.io/foo/bar"), "--registry-url https://ghcr.io --repository foo/bar"),
        (("-repository", "localhost/foo"), "--registry-url https://localhost --repository foo"),
        (("-repository", "reg.corp:5000/a/b"), "--registry-url https://reg.corp:5000 --repository a/b"),
        (("-repository", "docker.io/library/nginx"), "hint: --repository library/nginx"),
        (("-repository", "reg.corp/a", "-registry-url", "https://reg.corp"), "hint: --repository a"),
        (("-repository", "a", "--admin-addr", "8282"), "--admin-addr 127.0.0.1:8282"),
        (("-repository", "a", "-clair-url", "clair:6060"), "is no address"),
        (("-repository", "a", "-opa-url", "ftp://opa"), "is no address"),
        (("-repository", "a", "-opa-layer-root", "/data"), "is no path below data"),
        (("-repository", "a", "-opa-layer-root", "/data/../x"), "is no path below data"),
        (("-repository", "a", "-opa-clair-root", ""), "is no path below data"),
        (("-repository", "a", "-opa-layer-root", "/data/clair/layers"), "clair/layers are not apart"),
        (("-repository", "a", "-opa-layer-root", "/data/clair/layers/x"), "are not apart"),
        (("-repository", "a", "-opa-clair-root", "/data/docker"), "are not apart"),
        (("-repository", "a", "-opa-layer-root", "/data/docker/registries"), "are not apart"),
        (("-repository", "a", "-opa-layer-root", "/data/image_enforcer"), "are not apart"),
        (("-repository", "a", "-nosuch"), "unknown option: -nosuch\n  hint: image-enforcer {command} --help"),
        (("-repositry", "a"), 'unknown option: -repositry\n  hint: did you mean "-repository"?'),
        (("-repositry=a.b. c",), 'did you mean "-repository"?'),
        (("--repositry", "a"), "did you mean --repository?"),
        (("-repository", "a", "-pol-delay=5s"), 'did you mean "-poll-delay"?'),
        (("-repository",), "--repository"),
        (("-settings", "absent.yaml"), "absent.yaml: No such file"),
        (("-repository", "a", "-o", "xml"), "xml"),
        (("-repository", "a", "--store"), "store"),
        (("-repository", "a", "stray"), "stray"),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, command: str, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = run(command, *arguments)
    assert (code, out) == (2, ""), err
    assert err.startswith("error[IE2")
    assert said.replace("{command}", command) in err
    assert "hint: " in err
    assert "Traceback" not in err


# --- settings files -------------------------------------------------------------------------------


def file(tmp_path: Path, text: str) -> str:
    path = tmp_path / "sync.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


ONE = "registries: [{name: a.example, repositories: [b]}]\n"
SERVED = """
registries: [{name: a.example, serve_blobs: true, repositories: [b]}]
scanner: {kind: clair-v4, url: "http://clair"}
"""
GOOD = """
every: 90
layer_root: /data/images
registries:
  - name: docker.io
    repositories: [{name: nginx, include: ["1.*"]}]
  - name: registry.corp:5000
    url: http://registry.corp:5000
    repositories: [{name: team/app}]
scanner: {kind: clair-v4, url: "http://clair:6060"}
sinks: [{url: "http://opa:8181"}]
"""


def settings(
    path: str, *repositories: str, layer_root: str = "/data/docker/layers", platform: tuple[str, ...] = ()
) -> Sync:
    return Following(repository=repositories, opa_layer_root=layer_root, settings=path, platform=platform).gathered()


def test_a_settings_file(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("sync", "--settings", file(tmp_path, GOOD), "-dry-run")
    assert code == 0
    assert out.splitlines()[:2] == [
        "would follow docker.io/library/nginx (1.*) every 90 s",
        "would follow registry.corp:5000/team/app (*) every 90 s",
    ]
    more = "platforms: [linux/amd64]\nallow: [registry.corp/team/*]\n"
    code, out, _ = run("sync", "--settings", file(tmp_path, GOOD + more), "-dry-run")
    assert out.splitlines()[2:4] == [
        "would follow what is asked about in registry.corp/team/*", "would fetch what is for linux/amd64"
    ]  # fmt: skip


def test_lengths_of_time_and_repositories_may_be_written_short(tmp_path: Path) -> None:
    text = (
        "every: 5m\nrecheck: 1h30m\nlease: 90\nkeep: 7d\n"
        "registries: [{name: a.example, repositories: [team/app, {name: b}]}]"
    )
    found = settings(file(tmp_path, text))
    assert (found.every, found.recheck, found.lease, found.keep) == (300, 5400, 90, 7 * 86400)
    assert [r.name for r in found.registries[0].repositories] == ["team/app", "b"]
    assert found.registries[0].repositories[0].include == ("*",)


def test_a_repository_of_the_settings_is_followed_as_the_options_say(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("sync", "--settings", file(tmp_path, GOOD), "-repository", "nginx", "-dry-run")
    assert (code, out.count("library/nginx")) == (0, 1)
    assert "would follow docker.io/library/nginx (*) every 90 s\n" in out


@pytest.mark.parametrize("store", ["mysql://x", "sqlite:///:memory:", "nonsense", "postgresql://x/y?z=1"])
def test_a_dry_run_looks_at_the_stores_address(run: Run, store: str) -> None:
    code, out, err = run("sync", "-repository", "a", "--store", store, "-dry-run")
    assert (code, out, err.startswith("error[IE3001]: ")) == (2, "", True)
    assert "write sqlite:///path/to/file or postgresql://" in err or "write postgresql://" in err


def test_a_dry_run_makes_no_store(run: Run, tmp_path: Path) -> None:
    assert run("sync", "-repository", "a", "--store", f"sqlite:///{tmp_path / 'new.db'}", "-dry-run")[0] == 0
    assert list(tmp_path.iterdir()) == []


def test_options_are_added_to_a_settings_file(tmp_path: Path) -> None:
    found = settings(file(tmp_path, GOOD), "redis")
    followed = {(r.name, p.name) for r in found.registries for p in r.repositories}
    assert followed == {
        ("docker.io", "library/nginx"), ("docker.io", "library/redis"), ("registry.corp:5000", "team/app")
    }  # fmt: skip
    assert (found.every, found.layer_root) == (90, "/data/images")
    assert settings(file(tmp_path, GOOD), layer_root="/data/x").layer_root == "/data/x"
    assert settings(file(tmp_path, GOOD)).platforms == ()
    nodes = settings(file(tmp_path, GOOD), platform=("linux/amd64,linux/arm/v7", "linux/amd64")).platforms
    assert nodes == ("linux/amd64", "linux/arm/v7")


@pytest.mark.parametrize(
    ("text", "registry"),
    [
        ("registries: [{name: 'a.example', repositories: [{name: b}]}]", "a.example"),
        ("registries: [{name: a.example, repositories: [{name: b}]}, {name: c.example}]", "docker.io"),
        (
            "registries: [{name: a.example, repositories: [b]}, {name: c.example}]\nlegacy_registry: c.example",
            "c.example",
        ),
        ("allow: ['*.example/*']\nlegacy_registry: c.example", "c.example"),
        ("registries: [{name: a.example, repositories: [b]}]\nlegacy_registry: docker.io", "docker.io"),
        ("allow: ['a.example/*']", "docker.io"),
    ],
)
def test_the_legacy_registry_of_a_settings_file(tmp_path: Path, text: str, registry: str) -> None:
    found = Following(settings=file(tmp_path, text)).gathered()
    assert layout(found).registry == registry
    (entry,) = entries(found, {"DOCKER_USER": "me", "DOCKER_PASSWORD": "hush"}, tmp_path)
    assert entry.key.host == (
        "c.example" if "legacy_registry: c" in text else "docker.io"
    )  # nobody else gets the password


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nosuch: 1", "there is no setting `nosuch`"),
        ("registries: [{name: a.example, repository: []}]", "registries[0]: there is no setting `repository`"),
        ("registries: [{name: a.example, repositories: [{}]}]", "registries[0].repositories[0]: "),
        ("every: soon", "every: 'soon' is no length of time; write 60s, 5m or 1h30m"),
        ("recheck: 0s", "recheck: "),
        ("keep: 59m", "keep: "),
        ("lease: 400d", "lease: '400d' is longer than a year"),
        ("scanner: {kind: clair, url: x}", "write clair-v4 or clair-v1"),
        ("registries: [{name: a.example, username: kim}]", "registries[0]: username and password_file must be given"),
        ("registries: [{name: a.example, password_file: x}]", "must be given together"),
        ("registries: [{name: a.example}, {name: b.example}, {name: A.example}]", "registries[2].name: 'A.example' is"),
        ("registries: [{name: 'https://reg.corp:5000'}]", "write name: reg.corp:5000, and url: https://reg.corp:5000"),
        ("registries: [{name: 'http://reg.corp/'}]", "sync.yaml: registries[0].name: 'http://reg.corp/' is an address"),
        ("registries: [{name: docker.io, repositories: [ghcr.io/a/b]}]", "of the registry with the name ghcr.io"),
        ("registries: [{name: docker.io, repositories: ['a:1']}]", "sync.yaml: repository 'a:1' names an image"),
        ("registries: [{name: a.example, repositories: [5]}]", "registries[0].repositories[0]: "),
        (
            "platforms: [amd64]\nregistries: [{name: a.example, repositories: [{name: b}]}]",
            "platforms: 'amd64' is no platform",
        ),
        ("every: 0", "every: "),
        ("every: .inf", "every: "),
        ("every: .nan", "every: "),
        ("looks_at_once: 0", "looks_at_once: "),
        ("scanner: {kind: trivy, url: x}", "scanner.kind: "),
        ("a: [", ".yaml:1: "),
        ("[]", "Expected `object`"),
        ("a: 1\n  b: 2", ".yaml:2: "),
        ("registries: [{name: docker.io, repositories: [{name: 'nginx:1'}]}]", "names an image"),
        ("registries: [{name: docker.io, repositories: [{name: 'NGINX'}]}]", "repository 'NGINX'"),
        ("registries: [{name: index.docker.io, repositories: [{name: nginx}]}]", "is called 'docker.io'"),
        ("registries: [{name: a.example, url: 'http://[x'}]", ".yaml: registries[0].url 'http://[x' is no address"),
        ("registries: [{name: a.example, mirrors: [{url: x}]}]", "registries[0].mirrors[0].url 'x' is no address"),
        ("scanner: {kind: clair-v4, url: 'http://a:99999'}", "scanner.url 'http://a:99999' is no address"),
        ("scanner: {kind: clair-v1, url: ''}", "scanner.url '' is no address"),
        ("sinks: [{url: 'http://opa'}, {url: 'ftp://y'}]", "sinks[1].url 'ftp://y' is no address"),
        ("sinks: [{url: 'http://kim:hunter2@opa:99999'}]", "sinks[0].url 'http://opa:99999' is no address"),
        ("sinks: [{url: 'kim:hunter2@opa'}]", "sinks[0].url 'opa' is no address"),
        (ONE + "legacy_registry: https://a.example", "'https://a.example' is none of the registries; write a.example"),
        (ONE + "legacy_registry: A.example", "legacy_registry: 'A.example' is none of the registries; write a.example"),
        (ONE + "legacy_registry: b.example", "is none of the registries"),
        ("allow: ['*.example/*']\nlegacy_registry: other", "is none of the registries; name it among registries"),
        ("registries: [{name: docker.io, repositories: [nginx, redis, library/nginx]}]", "docker.io is there twice"),
        (ONE + "store: mysql://kim:hush@x", "'x' is no address of a store: write sqlite:///"),
        (ONE + "scanner: {kind: clair-v4, url: 'http://clair', key_file: absent.key}", "absent.key: No such file"),
        (ONE + "scanner: {kind: clair-v1, url: 'http://clair', ca_file: absent.pem}", "absent.pem cannot be read"),
        (ONE + "sinks: [{url: 'http://opa', token_file: absent.token}]", "absent.token: No such file"),
        (ONE + "sinks: [{url: 'http://opa', ca_file: absent.pem}]", "absent.pem cannot be read"),
        (ONE + "docker_config: absent.json", "absent.json: No such file"),
        ("registries: [{name: a.example, ca_file: absent.pem, repositories: [b]}]", "absent.pem cannot be read"),
        (
            "registries: [{name: a.example, username: kim, password_file: absent.password, repositories: [b]}]",
            "absent.password: No such file",
        ),
        (
            SERVED + "blobs: {addr: '127.0.0.1:0', cert_file: absent.crt, key_file: absent.key}",
            "absent.crt and absent.key cannot be used",
        ),
        ("{}", "no repository is to be followed"),
        ("", "no repository is to be followed"),
        ("\x00", ".yaml"),
        ("&a [*a]", "Expected `object`"),
    ],
)
def test_a_settings_file_that_cannot_be_used_is_shown_with_its_place(
    run: Run, tmp_path: Path, text: str, said: str
) -> None:
    code, out, err = run("sync", "--settings", file(tmp_path, text), "--dry-run")
    assert (code, out) == (2, ""), err
    assert said in err
    assert "hint: " in err
    assert "Traceback" not in err


# --- passes ---------------------------------------------------------------------------------------


def test_once_does_what_is_due_and_says_so(run: Run, registry: FakeRegistry, tmp_path: Path) -> None:
    with FakeOpaData() as opa:
        arguments = ("sync", "-repository", "team/app", "-registry-url", registry.url, "-opa-url", opa.url, "-once")
        code, out, err = run(*arguments)
        assert (code, err) == (0, "")
        assert f"looked {registry.place}/team/app: 2 tags, 2 new manifests, 0 in trouble" in out
        assert f"delivered {opa.url}: 4 documents put, 0 deleted, everything anew" in out
        assert {"v1", "v2"} < opa.at("docker", "layers", "team", "app").keys()
    assert (tmp_path / "state/image-enforcer/store.db").is_file()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "note nothing is scanned: no --clair-url; nothing is pushed to an OPA: no --opa-url"),
        (("-opa-url", "http://127.0.0.1:1"), "note nothing is scanned: no --clair-url"),
    ],
)
def test_what_the_original_would_have_done_by_default_is_said_at_the_start(
    registry: FakeRegistry, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    arguments = ("sync", "-repository", "team/app", "-registry-url", registry.url, *options)
    with subprocess.Popen(
        command(*arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        env={**environment(), "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")},
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stdout.readline().partition(" ")[2] == f"{said}\n"
        finally:
            process.terminate()


def test_once_after_a_failure_tries_again(run: Run, registry: FakeRegistry, tmp_path: Path) -> None:
    arguments = ("sync", "-repository", "team/late", "-registry-url", registry.url, "-once")
    assert run(*arguments)[0] == 3
    code, out, _ = run(*arguments)
    assert (code, "[not-found]" in out) == (3, True)
    registry.image("team/late", "v1")
    code, out, _ = run(*arguments)
    assert (code, "looked" in out) == (0, True)


def test_another_list_in_the_same_store_says_what_is_forgotten(run: Run, registry: FakeRegistry) -> None:
    registry.image("shop/web", "v1")
    assert run("sync", "-repository", "team/app", "-registry-url", registry.url, "-once")[0] == 0
    code, out, err = run("sync", "-repository", "shop/web", "-registry-url", registry.url, "-once")
    assert (code, err) == (0, "")
    assert f"forgotten {registry.place}/team/app: it was followed in this store, and is named no more" in out


def test_once_with_trouble_is_3(run: Run, registry: FakeRegistry) -> None:
    code, out, err = run(
        "sync", "-repository", "team/app,team/absent", "-registry-url", registry.url, "-once", "-o", "json"
    )
    lines = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (3, "")
    assert {line["event"]: line.get("code") for line in lines} == {"looked": None, "failed": "not-found"}


def test_what_once_could_not_have_is_in_the_status(run: Run, registry: FakeRegistry) -> None:
    registry.switch(FAULTS["418"], "/manifests/v2", times=1)
    with FakeOpaData() as opa:
        arguments = ("sync", "-repository", "team/app", "-registry-url", registry.url, "-opa-url", opa.url, "-once")
        opa.refuse = lambda method, path: 500
        code, out, _ = run(*arguments)
        assert (code, f"failed {registry.place}/team/app:v2: " in out) == (3, True)
        code, out, _ = run("status")
        assert code == 1
        assert f"troubled 1 tag: {registry.place}/team/app:v2\n" in out
        assert f"failing  {opa.url}, since " in out
        opa.refuse = lambda method, path: 0
        assert run(*arguments)[0] == 0
        code, out, _ = run("status")
        assert (code, "troubled" in out, "failing" in out) == (0, False, False)


def test_credentials_of_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeRegistry(auth="basic", private=frozenset({"*"})) as registry:
        registry.tokens.users["alice"] = "s3cret-word"
        registry.image("team/app", "v1")
        arguments = ("sync", "-repository", "team/app", "-registry-url", registry.url, "-once")
        assert run(*arguments, "--store", "sqlite:///:memory:")[0] in (2, 3)
        monkeypatch.setenv("DOCKER_USER", "alice")
        monkeypatch.setenv("DOCKER_PASSWORD", "s3cret-word")
        code, out, err = run(*arguments)
        assert (code, err) == (0, "")
        assert "s3cret-word" not in out


def test_a_store_that_cannot_be_opened(run: Run, tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"garbage" * 1000)
    code, _, err = run("sync", "-repository", "a", "-once", "--store", f"sqlite:///{tmp_path / 'store.db'}")
    assert code == 2
    assert err.startswith("error[IE3001]: ")
    code, _, err = run("sync", "-repository", "a", "-once", "--store", "mysql://x")
    assert (code, "IE3001" in err) == (2, True)


def test_a_worker_is_not_open_to_others_by_mistake(run: Run) -> None:
    code, _, err = run("worker", "-repository", "a", "--addr", "0.0.0.0:0")
    assert (code, err.startswith("error[IE2005]")) == (2, True)
    code, _, err = run("worker", "-repository", "a", "--tls-cert-file", "x")
    assert (code, err.startswith("error[IE2003]")) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("worker:8383", "--to", "x"), 2, "IE2003"),
        ((f"https://{'a' * 64}", "--to", "x"), 2, "IE2003"),
        (("worker:8383", "--to", "x"), 2, "hint: image-enforcer pull http://worker:8383"),
        (("http://a:b@worker:8383", "--to", "x"), 2, "may not hold a password"),
        (("http://127.0.0.1:1", "--to", "x", "--ca-file", "{folder}/absent"), 2, "give authorities as PEM"),
        (("http://127.0.0.1:1", "--to", "{folder}/facts.db", "--once"), 3, "IE3002"),
        (("http://127.0.0.1:1",), 2, "--to"),
        (("http://127.0.0.1:1", "--to", "x", "--once", "--token-file", "{folder}/absent"), 2, "IE2003"),
    ],
)
def test_pull(run: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    found, out, err = run("pull", *(a.replace("{folder}", str(tmp_path)) for a in arguments))
    assert (found, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["sync", "worker", "pull"])
def test_help_says_what_there_is(run: Run, command: str) -> None:
    code, out, err = run(command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: image-enforcer {command} [OPTION…]")
    assert "Exit codes:" in out
    wanted = {"pull": ["--to", "--once"]}.get(command, ["--repository", "--poll-delay", "--opa-layer-root"])
    assert all(option in out for option in wanted)
