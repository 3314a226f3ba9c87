"""Credentials: files of Docker and Podman, pull secrets, helpers, and whom each entry is meant for."""

import base64
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from image_enforcer.adapters.registry import credentials
from image_enforcer.adapters.registry.credentials import (
    ANONYMOUS,
    REMEMBERED,
    BadCredentials,
    Bearer,
    Credential,
    Entry,
    Helper,
    Identity,
    Key,
    Keychain,
    Password,
    key,
)
from image_enforcer.domain.reference import Repository
from tests.adapters.registry.asking import Clock


def home(text: str) -> Repository:
    registry, _, path = text.partition("/")
    return Repository(registry=registry, path=path)


def config(**said: Any) -> bytes:
    return json.dumps(said).encode()


def auth(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


async def of(content: bytes, repository: str, **more: Any) -> tuple[Credential, ...]:
    return await Keychain(credentials.parse(content, "here"), clock=Clock(), **more).of(home(repository))


@pytest.mark.parametrize(
    ("said", "credential"),
    [
        (auth("a", "b:c"), Password("a", "b:c")),
        (auth("a", ""), Password("a", "")),
        ({"username": "a", "password": "b"}, Password("a", "b")),
        ({**auth("a", "b"), "identitytoken": "t"}, Identity("t")),
        ({"registrytoken": "t"}, Bearer("t")),
        ({}, ANONYMOUS),
        (None, ANONYMOUS),
        ({"auth": base64.b64encode(b"a:b\0\0").decode()}, Password("a", "b")),
    ],
)
async def test_forms_of_an_entry(said: Any, credential: Credential) -> None:
    assert await of(config(auths={"reg.example": said}), "reg.example/a") == (credential,)


@pytest.mark.parametrize(
    ("text", "repository", "fits"),
    [
        ("reg.example", "reg.example/a", True),
        ("https://reg.example", "reg.example/a", True),
        ("https://reg.example/v2/", "reg.example/a", True),
        ("REG.example", "reg.Example/a", True),
        ("reg.example", "reg.example:5000/a", False),
        ("reg.example:5000", "reg.example:5000/a", True),
        ("reg.example:5000", "reg.example/a", False),
        ("reg.example", "sub.reg.example/a", False),
        ("reg.example", "reg.example.evil/a", False),
        # Docker Hub by all its names.
        ("https://index.docker.io/v1/", "docker.io/library/a", True),
        ("docker.io", "docker.io/library/a", True),
        ("registry-1.docker.io", "docker.io/library/a", True),
        ("docker.io", "registry-1.docker.io/library/a", True),
        ("docker.io", "evil.example/docker.io/a", False),
        # Parts of a registry, at whole names.
        ("quay.io/team", "quay.io/team/app", True),
        ("quay.io/team", "quay.io/team", True),
        ("quay.io/team/", "quay.io/team/app", True),
        ("quay.io/team", "quay.io/teams/app", False),
        ("quay.io/team/app", "quay.io/team", False),
        ("docker.io/library", "docker.io/library/nginx", True),
        # Globs, within one part of a host.
        ("*.corp.example", "reg.corp.example/a", True),
        ("*.corp.example", "a.b.corp.example/a", False),
        ("*.corp.example", "corp.example/a", False),
        ("reg*.corp.example", "reg1.corp.example/a", True),
        ("reg?.corp.example", "reg12.corp.example/a", False),
        ("reg[0-9].corp.example", "reg1.corp.example/a", True),
        ("reg[^0-9].corp.example", "reg1.corp.example/a", False),
        ("reg.*", "reg.example:5000/a", False),
        ("reg.*:5000", "reg.example:5000/a", True),
        ("*", "localhost/a", True),
        ("*", "reg.example/a", False),
        ("*.*", "evil.example/a", True),
        # Addresses.
        ("[::1]:5000", "[::1]:5000/a", True),
        ("[::1]:5000", "1:5000/a", False),
        ("[::1]", "[::1]:5000/a", False),
        ("127.0.0.1:5000", "127.0.0.1:5000/a", True),
    ],
)
def test_whom_a_key_is_meant_for(text: str, repository: str, fits: bool) -> None:
    assert key(text).fits(home(repository)) is fits


async def test_the_most_specific_comes_first() -> None:
    said = {
        "*.example": auth("glob", "p"), "reg.example": auth("host", "p"), "reg.example/team/app": auth("app", "p"),
        "reg.example/team": auth("team", "p"), "other.example": auth("other", "p"),
    }  # fmt: skip
    found = await of(config(auths=said), "reg.example/team/app")
    assert [c.user for c in found if isinstance(c, Password)] == ["app", "team", "host", "glob"]
    assert await of(config(auths=said), "quay.io/a") == (ANONYMOUS,)
    twice = {"reg.example": auth("a", "b"), "https://reg.example/v1/": auth("a", "b")}
    assert len(await of(config(auths=twice), "reg.example/a")) == 1


class Helped:
    """What helpers would answer."""

    def __init__(self, *answers: tuple[int, bytes] | OSError | TimeoutError) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, program: str, host: str) -> tuple[int, bytes]:
        self.asked.append((program, host))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def told(user: str, secret: str) -> tuple[int, bytes]:
    return 0, json.dumps({"ServerURL": "x", "Username": user, "Secret": secret}).encode()


@pytest.mark.parametrize(
    ("answer", "credential"),
    [
        (told("a", "b"), Password("a", "b")),
        (told("<token>", "t"), Identity("t")),
        (told("a", ""), ANONYMOUS),
        ((1, b"credentials not found in native keychain\n"), ANONYMOUS),
    ],
)
async def test_helpers(answer: tuple[int, bytes], credential: Credential) -> None:
    helped = Helped(answer)
    content = config(credHelpers={"reg.example": "ecr-login"})
    assert await of(content, "reg.example/a", ask=helped) == (credential,)
    assert helped.asked == [("docker-credential-ecr-login", "reg.example")]


@pytest.mark.parametrize(
    "answer",
    [
        (1, b"secret reason"), (0, b""), (0, b"[]"), (0, b'{"Username": 1, "Secret": "x"}'), (0, b'{"Username": "a"}'),
        (0, b"\xff"), (0, b"[" * 100_000), FileNotFoundError(2, "No such file"), TimeoutError(),
        told("<token>", "a\nb"),
    ],
)  # fmt: skip
async def test_helpers_that_fail(answer: Any) -> None:
    content = config(credHelpers={"reg.example": "x"})
    with pytest.raises(BadCredentials, match="docker-credential-x") as caught:
        await of(content, "reg.example/a", ask=Helped(answer))
    assert "secret" not in str(caught.value)
    # Another entry that fits is not given up for it.
    content = config(credHelpers={"reg.example": "x"}, auths={"*.example": auth("a", "b")})
    assert await of(content, "reg.example/a", ask=Helped(answer)) == (Password("a", "b"),)


async def test_the_store_of_credentials_is_asked_about_everything_by_docker_hubs_old_name() -> None:
    helped = Helped(told("a", "b"), (1, b"credentials not found"))
    content = config(credsStore="desktop", auths={"https://index.docker.io/v1/": {}})
    keychain = Keychain(credentials.parse(content, "here"), clock=Clock(), ask=helped)
    assert await keychain.of(home("docker.io/library/a")) == (Password("a", "b"),)
    assert await keychain.of(home("reg.example/a")) == (ANONYMOUS,)
    assert [host for _, host in helped.asked] == ["https://index.docker.io/v1/", "reg.example"]


async def test_what_a_helper_said_is_kept_for_a_while() -> None:
    clock, helped = Clock(), Helped(told("a", "1"), told("a", "2"))
    entries = credentials.parse(config(credHelpers={"reg.example": "x"}), "here")
    keychain = Keychain(entries, clock=clock, ask=helped)
    for expected in ("1", "1", "2"):
        assert await keychain.of(home("reg.example/a")) == (Password("a", expected),)
        clock.skipped += REMEMBERED * 0.6


async def test_a_helper_that_is_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "docker-credential-test"
    program.write_text('#!/bin/sh\nread host\necho "{\\"Username\\": \\"$1\\", \\"Secret\\": \\"$host\\"}"\n')
    program.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    content = config(credHelpers={"reg.example:5000": "test"})
    assert await of(content, "reg.example:5000/a") == (Password("get", "reg.example:5000"),)


@pytest.mark.parametrize("name", ["../x", "a/b", "", "a b", "-x", "a;b"])
def test_names_of_helpers_are_names(name: str) -> None:
    with pytest.raises(BadCredentials):
        credentials.parse(config(credHelpers={"reg.example": name}), "here")


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"\xff", b'{"auths": []}', b"[" * 100_000, config(auths={"a.b": {"auth": "%%%"}}),
        config(auths={"a.b": {"auth": base64.b64encode(b"no colon").decode()}}),
        config(auths={"a.b": {"auth": base64.b64encode(b"\xff\xfe:x").decode()}}),
        config(auths={"a.b": {"identitytoken": "a\r\nX: y"}}), config(auths={"a.b": {"registrytoken": "é"}}),
    ],
)  # fmt: skip
def test_files_that_are_none(content: bytes) -> None:
    with pytest.raises(BadCredentials, match=r"^here"):
        credentials.parse(content, "here")


@given(st.binary(max_size=200))
@example(b'{"auths": {"": {"username": "a", "password": "b"}}}')
def test_any_bytes_are_entries_or_a_named_error(content: bytes) -> None:
    try:
        found = credentials.parse(content, "here")
    except BadCredentials:
        return
    assert all(isinstance(entry, Entry) for entry in found)


@given(st.text(max_size=60), st.sampled_from(["docker.io/library/a", "reg.example:5000/a/b", "[::1]:5000/a"]))
def test_any_text_is_a_key(text: str, repository: str) -> None:
    assert key(text).fits(home(repository)) in (True, False)


def test_an_empty_key_is_for_nobody() -> None:
    """Else a slip in a file hands credentials to every registry that a Pod may name."""
    [entry] = credentials.parse(config(auths={"": auth("a", "b")}), "here")
    assert not entry.key.fits(home("evil.example/a"))
    assert not Key(host="").fits(home("docker.io/library/a"))
    assert Key(host="", everywhere=True).fits(home("evil.example/a"))


def test_files_are_bounded_and_their_errors_told(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    with pytest.raises(BadCredentials, match="No such file"):
        credentials.read(file)
    file.write_bytes(b" " * ((1 << 20) + 1))
    with pytest.raises(BadCredentials, match="larger"):
        credentials.read(file)
    file.write_bytes(config(auths={"reg.example": auth("a", "b")}))
    assert credentials.read(file) == (Entry(Key(host="reg.example"), Password("a", "b")),)


def test_where_files_are() -> None:
    user = Path("/home/u")
    assert credentials.places({}, user) == (user / ".docker/config.json",)
    every = {"REGISTRY_AUTH_FILE": "/a", "DOCKER_CONFIG": "/b", "XDG_RUNTIME_DIR": "/c"}
    assert [str(p) for p in credentials.places(every, user)] == [
        "/a", "/b/config.json", "/c/containers/auth.json", "/home/u/.docker/config.json"
    ]  # fmt: skip


def test_user_and_password_of_the_environment_are_for_one_registry() -> None:
    [entry] = credentials.of_environment({"DOCKER_USER": "a", "DOCKER_PASSWORD": "b"}, "https://reg.example:5000/")
    assert entry == Entry(Key(host="reg.example:5000"), Password("a", "b"))
    assert credentials.of_environment({"DOCKER_USER": "a"}, "reg.example") == ()


@pytest.mark.parametrize("host", ["reg.example", "https://reg.example/v1/", "reg.example:5000", "localhost"])
def test_a_pull_secret_in_the_old_form(host: str) -> None:
    found = credentials.parse(config(**{host: {**auth("a", "b"), "email": "x@y"}}), "here")
    assert found == (Entry(key(host), Password("a", "b")),)


def test_what_stands_beside_auths_is_no_host() -> None:
    assert credentials.parse(config(HttpHeaders={"a": "b"}, proxies={"default": {}}), "here") == ()
    assert credentials.parse(config(**{"auths": {}, "reg.example": auth("a", "b")}), "here") == ()
    with pytest.raises(BadCredentials, match="here: this is no Docker configuration"):
        credentials.parse(config(**{"reg.example": ["a"]}), "here")


def test_helpers_are_entries_like_others() -> None:
    assert credentials.parse(config(credHelpers={"a.b": "x"}), "here") == (Entry(Key(host="a.b"), Helper("x")),)
