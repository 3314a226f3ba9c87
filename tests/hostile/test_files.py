"""Files that nobody can use, and places that a program does not expect: told in a line, never waited for."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.hostile.target import ALLOW, GOOD, ROOM, encoded, ran, refused, resident, well
from tests.server.running import ROOT, command, environment, serving


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    # The name of a socket may not be long.
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _nowhere(path: Path) -> None:
    path.symlink_to("missing")


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _endless(path: Path) -> None:
    path.symlink_to("/proc/self/mem")


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(600 << 20)


def _text(content: str | bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return write


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{n}: &{n} [{','.join([f'*{before}'] * 10)}]\n" for before, n in zip("abcdefgh", "bcdefghi", strict=True)
)
FILES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "a pipe": ("data.json", _pipe),
    "a socket": ("data.json", _socket),
    "a link to itself": ("data.json", _loop),
    "a link to nowhere": ("data.json", _nowhere),
    "a device": ("data.json", _device),
    "memory": ("data.yaml", _endless),
    "a giant": ("data.json", _sparse),
    "binary": ("data.json", _text(bytes(range(256)))),
    "binary YAML": ("data.yaml", _text(bytes(range(256)))),
    "UTF-16": ("data.json", _text('{"a": 1}'.encode("utf-16"))),
    "half a pair": ("data.yaml", _text(b'a: "\xed\xa0\x80"')),
    "nothing": ("data.json", _text("")),
    "half": ("data.json", _text('{"a": [1, 2')),
    "two documents": ("data.yaml", _text("a: 1\n---\nb: 2\n")),
    "a list": ("data.json", _text("[1, 2]")),
    "a number": ("data.yaml", _text("7")),
    "NaN": ("data.json", _text('{"a": NaN}')),
    "a huge exponent": ("data.json", _text('{"a": 1e999999999}')),
    "deep": ("data.json", _text('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}")),
    "deep YAML": ("data.yaml", _text("a: " + "[" * 100_000 + "]" * 100_000)),
    "YAML by indentation": ("data.yaml", _text("".join(" " * i + "a:\n" for i in range(1500)))),
    "aliases": ("data.yaml", _text(BOMB)),
    "an alias of itself": ("data.yaml", _text("a: &a [*a]\n")),
    "an alias of nothing": ("data.yaml", _text("a: *b\n")),
    "tabs": ("data.yaml", _text("a:\n\t- b\n")),
    "a policy that is binary": ("policy.rego", _text(bytes(range(256)))),
    "a policy that is a pipe": ("policy.rego", _pipe),
    "a policy of nothing": ("policy.rego", _text("")),
    "a name of odd letters": ("da\x1b[2Jta\n.json", _text("{")),
}


@pytest.mark.parametrize(("name", "make"), FILES.values(), ids=FILES)
def test_serve_does_not_start(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    (tmp_path / "allow.rego").write_text(ALLOW, encoding="utf-8")
    make(tmp_path / name)
    done = ran("serve", "--policy", str(tmp_path), "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0")
    refused(done, "error[IE2006]", name.partition("\x1b")[0])
    assert b"\x1b" not in done.stderr
    assert len(done.stderr) < 20_000


KINDS = ["a pipe", "a link to itself", "a device", "binary", "deep", "aliases", "a giant"]
COMMANDS = {
    "eval": ["eval", "-d", "FILE", "data"],
    "eval's input": ["eval", "-i", "FILE", "input"],
    "run": ["run", "FILE"],
    "run --server": ["run", "--server", "FILE"],
    "verify": ["verify", "--policy", "FILE", GOOD],
    "verify's data": ["verify", "--policy", str(ROOT / "policies"), "--data", "FILE", GOOD],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_the_other_commands_refuse_them_too(tmp_path: Path, kind: str, words: list[str]) -> None:
    name, make = FILES[kind]
    make(tmp_path / name)
    done = ran(*[str(tmp_path / name) if word == "FILE" else word for word in words])
    refused(done, name, code=1 if words[0] == "run" else 2)  # as OPA's own command of that name


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "a pipe"])  # -f <(command) is one
def test_manifests_that_cannot_be_read_fail(tmp_path: Path, kind: str) -> None:
    name, make = FILES[kind]
    make(tmp_path / name)
    done = ran("verify", "--policy", str(ROOT / "policies"), "--data", str(ROOT / "data"), "-f", str(tmp_path / name))
    assert done.returncode in (2, 3), done
    assert b"Traceback" not in done.stderr
    assert b"error[IE2" in done.stderr


def test_a_broken_change_of_data_leaves_the_old_in_force(tmp_path: Path) -> None:
    (tmp_path / "allow.rego").write_text(ALLOW, encoding="utf-8")
    kept = "policies and data were not reloaded; the old ones stay in force"
    with serving([tmp_path], [], "--watch") as running:
        before = resident(running.process.pid)

        def once_more(message: str, change: Callable[[], object]) -> None:
            """Make a change and wait until a message of it is there."""
            so_often = running.messages().count(message)
            change()
            running.until(lambda: running.messages().count(message) > so_often)

        for kind in ("binary", "deep", "aliases", "half", "a link to itself"):
            name, make = FILES[kind]
            once_more(kept, partial(make, tmp_path / name))
            once_more("reloaded", (tmp_path / name).unlink)
            assert running.post(encoded())["allowed"] is True
        assert not any("Traceback" in str(line) for line in running.said)
        assert resident(running.process.pid) - before < ROOM


BARE = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT / "src")}
PLACES: dict[str, dict[str, str]] = {
    "nothing set": {},
    "C": {"LANG": "C", "LC_ALL": "C"},
    "no such language": {"LANG": "xx_YY.nonsense", "LC_ALL": "xx_YY.nonsense"},
    "a home that is none": {"HOME": "/nonexistent"},
    "a terminal that is none": {"TERM": "nonsense"},
    "a time zone that is none": {"TZ": "Nowhere/None"},
    "ASCII": {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    "a proxy": {"HTTP_PROXY": "http://192.0.2.1:1", "https_proxy": "http://192.0.2.1:1"},
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("words", [["verify", "--policy", "P", "--data", "D", GOOD], ["eval", "1 + 1"], ["run"]],
                         ids=lambda w: w[0])  # fmt: skip
def test_odd_environments(tmp_path: Path, place: dict[str, str], words: list[str]) -> None:
    there = {"P": str(ROOT / "policies"), "D": str(ROOT / "data")}
    done = subprocess.run(
        command(*[there.get(w, w) for w in words]), input=b"1 + 1\nexit\n", capture_output=True, cwd=tmp_path,
        env={**BARE, **place}, timeout=60,
    )  # fmt: skip
    assert (done.returncode, b"Traceback" in done.stdout + done.stderr) == (0, False), done


CLOSED = ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full"]


@pytest.mark.parametrize("streams", CLOSED)
@pytest.mark.parametrize(
    "words", ["verify --policy policies --data data evil:1", "eval 1+1", "run", "serve --policy x"]
)
def test_closed_and_full_streams(streams: str, words: str) -> None:
    shell = f'exec "$0" -m image_enforcer {words} {streams}'
    done = subprocess.run(
        ["sh", "-c", shell, command()[0]], input=b"", capture_output=True, cwd=ROOT, env=environment(), timeout=60
    )
    assert b"Traceback" not in done.stdout + done.stderr
    assert done.returncode >= 0
    assert done.returncode != 0 or not words.startswith(("verify", "serve"))  # no verdict is lost in silence


@pytest.mark.parametrize("streams", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full 2>/dev/full"])
def test_serve_without_streams_says_so_or_answers(tmp_path: Path, streams: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"--policy policies --data data --addr 127.0.0.1:{port} --admin-addr 127.0.0.1:0"
    shell = f'exec "$0" -m image_enforcer serve {options} {streams}'
    process = subprocess.Popen(["sh", "-c", shell, command()[0]], cwd=ROOT, env=environment(), stderr=subprocess.PIPE)
    try:
        answered = False
        for _ in range(600):
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                    body = encoded()
                    connection.sendall(
                        b"POST /image-policy HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
                        % len(body)
                    )
                    connection.sendall(body)
                    got = b"".join(iter(lambda: connection.recv(65536), b""))
                    assert json.loads(got.partition(b"\r\n\r\n")[2])["status"]["allowed"] is True
                    answered = True
                    break
            except ConnectionRefusedError:
                if process.poll() is not None:
                    break
                time.sleep(0.05)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)
        said = process.stderr.read() if process.stderr else b""
        if process.stderr:
            process.stderr.close()
    assert b"Traceback" not in said
    assert answered or process.returncode == 2, (process.returncode, said)


def test_a_tag_of_python_runs_nothing(tmp_path: Path) -> None:
    made = tmp_path / "made"
    (tmp_path / "data.yaml").write_text(f"a: !!python/object/apply:os.mkdir [{made}]\n", encoding="utf-8")
    ran("eval", "-d", str(tmp_path / "data.yaml"), "data")
    assert not made.exists()


def test_a_folder_where_nothing_may_be_written_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "allow.rego").write_text(ALLOW, encoding="utf-8")
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(0o500)
    (tmp_path / "history").mkdir()
    done = ran("run", "--history", str(tmp_path / "history"), sent=b"1 + 1\nexit\n", HOME=str(tmp_path / "home"))
    assert (done.returncode, b"Traceback" in done.stderr, b"2" in done.stdout) == (0, False, True)
    with serving([tmp_path]) as running:
        well(running)
