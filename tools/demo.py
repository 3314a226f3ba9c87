"""Plays the README's tour on the sample data, then sends the two mock reviews to `serve` over HTTP.

Prints what it asks and what is answered; exits 0 only if every verdict is the expected one.
"""

import contextlib
import json
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COMMAND = Path(sys.executable).with_name("image-enforcer")
SECONDS = 60.0
"""The longest that any one step may take."""


class Failed(Exception):
    """A step did not come out as it must; the text says how."""


def tour() -> tuple[str, list[str]]:
    """The command and the lines of the README's first code block."""
    block = (ROOT / "README.md").read_text(encoding="utf-8").split("```text\n", 1)[1].split("```", 1)[0]
    command, *lines = block.strip().splitlines()
    return command, [line.removeprefix("> ").partition("  #")[0].rstrip() for line in lines]


class Prompt:
    """The REPL as a process whose input is no terminal. A mark asked for after each line ends its answer."""

    def __init__(self, command: str) -> None:
        self._process = subprocess.Popen(
            ["bash", "-c", command.replace("image-enforcer", f"exec '{COMMAND}'", 1)], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1,
        )  # fmt: skip
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._asked = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)
        self._process.stdout.close()

    def ask(self, line: str) -> str:
        """What the prompt answers to a line."""
        assert self._process.stdin is not None
        self._asked += 1
        mark = f'"answered {self._asked}"'
        try:
            self._process.stdin.write(f"{line}\n{mark}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Failed("the prompt ended early") from None
        answer: list[str] = []
        until = time.monotonic() + SECONDS
        while True:
            try:
                found = self._lines.get(timeout=max(0.01, until - time.monotonic()))
            except queue.Empty:
                raise Failed(f"no answer to {line!r} within {SECONDS:.0f} s") from None
            if found is None:
                raise Failed("the prompt ended early: " + "\n".join(answer))
            if found == mark:
                return "\n".join(answer).strip()
            answer.append(found)

    def close(self) -> None:
        """Ends the session as the end of its input does."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise Failed("the prompt did not end with its input") from None
        finally:
            self._reader.join(SECONDS)


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def fetch(url: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Status and body of one request."""
    headers = {"Content-Type": "application/json"} if body is not None else {}
    request = urllib.request.Request(url, data=body, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=SECONDS) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """`serve` with the sample policies and data; its address. Stopped by SIGTERM, which must end it with 0."""
    port, admin = free_port(), free_port()
    arguments = ["serve", "--policy", "policies", "--data", "data", "--addr", f"127.0.0.1:{port}"]
    arguments += ["--admin-addr", f"127.0.0.1:{admin}"]
    print(f"$ image-enforcer {' '.join(arguments)}")
    process = subprocess.Popen(
        [str(COMMAND), *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    said: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=said.extend, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        until = time.monotonic() + SECONDS
        while True:
            with contextlib.suppress(OSError):
                if fetch(f"http://127.0.0.1:{admin}/readyz")[0] == 200:
                    break
            if process.poll() is not None or time.monotonic() > until:
                raise Failed("serve did not become ready:\n" + "".join(said[-20:]))
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGTERM)
        if process.wait(SECONDS) != 0:
            raise Failed(f"serve ended with {process.returncode}:\n" + "".join(said[-20:]))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        reader.join(SECONDS)
        process.stdout.close()


def expect(name: str, answer: Any, allowed: bool) -> None:
    """Shows a verdict and raises Failed where it is not the expected one."""
    status = answer.get("status", {}) if isinstance(answer, dict) else {}
    if status.get("allowed") is not allowed or (not allowed and not status.get("reason")):
        raise Failed(f"{name}: expected allowed={str(allowed).lower()}, got {json.dumps(answer)}")
    print(f"  → {name}: {'allowed' if allowed else 'denied: ' + status['reason']}")


def at_the_prompt(data: str = "./data/*") -> dict[str, Any]:
    """Plays the tour, on other data where a pattern is given; the mock reviews that it shows."""
    command, lines = tour()
    command = command.replace("./data/*", data)
    print(f"$ {command}")
    prompt = Prompt(command)
    mocks: dict[str, Any] = {}
    current = ""
    try:
        for line in lines:
            print(f"> {line}")
            answer = prompt.ask(line)
            if answer:
                print(answer)
            if line == "data.mock":
                mocks = json.loads(answer)
            elif line.startswith("input = "):
                current = line.rpartition(".")[2]
            elif line.endswith(".verify"):
                expect(f"data.mock.{current}", json.loads(answer), allowed=current == "allowed")
    except json.JSONDecodeError as error:
        raise Failed(f"the prompt answered with something that is no JSON: {error.doc[:500]}") from None
    finally:
        prompt.close()
    if set(mocks) != {"allowed", "denied"} or not lines:
        raise Failed("the tour did not show the mock reviews")
    return mocks


def over_http(mocks: dict[str, Any]) -> None:
    """Sends the mock reviews to `serve` as the API server does."""
    with serving() as address:
        for name in ("allowed", "denied"):
            url = f"{address}/v0/data/io/k8s/image_policy/verify"
            print(f"$ curl {url} --data '{json.dumps(mocks[name])}'")
            status, body = fetch(url, json.dumps(mocks[name]).encode())
            print(body.decode())
            if status != 200:
                raise Failed(f"data.mock.{name} was answered with status {status}")
            expect(f"data.mock.{name}", json.loads(body), allowed=name == "allowed")


def main() -> int:
    """Plays everything; 1 with a message where something is not as expected."""
    try:
        print("At the prompt, the README's tour:\n")
        mocks = at_the_prompt()
        print("\nOver HTTP, as Kubernetes asks:\n")
        over_http(mocks)
    except Failed as failure:
        print(f"demo: {failure}", file=sys.stderr)
        return 1
    print("\nEverything answered as expected, and everything is stopped again.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
