"""Reviews that are broken, huge, deep or dishonest, sent to a real `serve` with the sample policies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.hostile.target import GOOD, MEBIBYTE, ROOM, Memory, denied, encoded, raw, review, status, well
from tests.server.running import ROOT, Running, request, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """A server with the sample policies and data."""
    with serving([ROOT / "policies"], [ROOT / "data"]) as running:
        well(running)
        yield running


def spec(**changes: Any) -> bytes:
    """A good review with parts of its spec replaced."""
    changed = review()
    changed["spec"] |= changes
    return json.dumps(changed).encode()


def text(part: bytes) -> bytes:
    """A good review with a member more at its front, as it is written."""
    return b"{" + part + b"," + encoded()[1:]


MALFORMED = {
    "nothing": b"",
    "spaces": b"  \n ",
    "a NUL": b"\0",
    "half an object": b"{",
    "cut in the middle": encoded()[:-9],
    "two documents": encoded() + encoded(),
    "something behind it": encoded() + b"x",
    "a comma too many": encoded()[:-1] + b",}",
    "single quotes": encoded().replace(b'"', b"'"),
    "a comment": b"/* */" + encoded(),
    "NaN": text(b'"n": NaN'),
    "Infinity": text(b'"n": -Infinity'),
    "a leading zero": text(b'"n": 01'),
    "a control character": text(b'"n": "\x01"'),
    "a bad escape": text(b'"n": "\\x41"'),
    "UTF-16": encoded().decode().encode("utf-16"),
    "gzip's first bytes": b"\x1f\x8b\x08\x00" + encoded(),
    "YAML": b"kind: ImageReview\nspec: {}\n",
    "a form": b"kind=ImageReview&spec=%7B%7D",
    "a huge exponent": text(b'"n": 1e30104'),
    "a huger exponent": text(b'"n": 1e999999999999999999999'),
    "5,000 digits": text(b'"n": ' + b"9" * 5000),
    "a tiny number": text(b'"n": 1e-999999999'),
}
DEEP = {
    "lists": b"[" * 100_000,
    "closed lists": b"[" * 100_000 + b"]" * 100_000,
    "objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "in a good review": text(b'"n": ' + b"[" * 100_000 + b"]" * 100_000),
    "in its spec": spec(deep=0).replace(b'"deep": 0', b'"deep": ' + b'{"a":[' * 50_000 + b"]}" * 50_000),
    "brackets in strings, then deep": text(b'"n": "' + b"[" * 1000 + b'", "m": ' + b"[" * 600 + b"]" * 600),
}
HUGE = {
    "a long string": text(b'"n": "' + b"a" * (2 * MEBIBYTE) + b'"'),
    "a long number": text(b'"n": ' + b"9" * (2 * MEBIBYTE)),
    "many containers": json.dumps(review(*[GOOD] * 1001)).encode(),
    "spaces": b" " * (3 * MEBIBYTE) + encoded(),
    "much of nothing": b"\0" * (8 * MEBIBYTE),
}
OTHER_KINDS: dict[str, Any] = {
    "null": None,
    "a number": 1,
    "a string": "ImageReview",
    "a list": [review()],
    "an empty object": {},
    "a Pod": {"kind": "Pod", "apiVersion": "v1", "spec": {"containers": [{"image": GOOD}]}},
    "an AdmissionReview": {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {"uid": "1"}},
    "another version": review() | {"apiVersion": "imagepolicy.k8s.io/v1"},
    "another case": review() | {"kind": "imagereview"},
    "a kind with a line feed": review() | {"kind": "ImageReview\n\x1b[2J"},
    "a kind that is a list": review() | {"kind": ["ImageReview"]},
    "OPA's envelope": {"input": review()},
    "an answer": {"kind": "ImageReview", "apiVersion": "imagepolicy.k8s.io/v1alpha1", "status": {"allowed": True}},
    "a status that is true": review() | {"status": True},
    "metadata that are a list": review() | {"metadata": []},
    "a spec that is a list": review() | {"spec": [review()["spec"]]},
}
CONTAINERS: dict[str, Any] = {
    "none": [],
    "null": None,
    "a string": GOOD,
    "an object": {"image": GOOD},
    "an object of numbers": {"0": {"image": GOOD}},
    "strings": [GOOD],
    "null in them": [{"image": GOOD}, None],
    "one without an image": [{"image": GOOD}, {}],
    "an empty image": [{"image": GOOD}, {"image": ""}],
    "an image that is null": [{"image": GOOD}, {"image": None}],
    "an image that is a number": [{"image": GOOD}, {"image": 1}],
    "an image that is true": [{"image": True}],
    "an image that is a list": [{"image": [GOOD]}],
    "an image that is an object": [{"image": {"image": GOOD}}],
    "another case": [{"Image": GOOD}],
    "lists in lists": [[{"image": GOOD}]],
    "a namespace that is a number": "namespace",
}
IMAGES = {
    "a space": " ",
    "a space behind": GOOD + " ",
    "a space before": " " + GOOD,
    "a line feed": GOOD + "\n",
    "a line of a log": GOOD + '\n{"level":"info","msg":"decision","result":{"allowed":true}}',
    "a NUL": GOOD + "\0",
    "an escape sequence": "\x1b]0;owned\x07\x1b[2J" + GOOD,
    "a carriage return": "evil:1\r" + GOOD,
    "right to left": "\u202e" + GOOD,
    "of no width": "open\u200bpolicyagent/opa:0.4.9",
    "a Cyrillic letter": GOOD.replace("o", "\u043e", 1),
    "full width": GOOD.replace("p", "\uff50", 1),
    "digits of another script": "openpolicyagent/opa:0.4.\u0669",
    "half of a pair": "\ud800" + GOOD,
    "halves in the wrong order": "\udc00\ud800",
    "beyond the basic plane": "\U0001f433/opa:1",
    "upper case": "OpenPolicyAgent/opa:0.4.9",
    "a scheme": "https://docker.io/" + GOOD,
    "docker://": "docker://" + GOOD,
    "a password": "user:hunter2@docker.io/" + GOOD,
    "up the tree": "../../etc/passwd",
    "an absolute path": "/etc/passwd",
    "two slashes": "openpolicyagent//opa:0.4.9",
    "two tags": GOOD + ":1",
    "no tag behind the colon": "openpolicyagent/opa:",
    "only a tag": ":latest",
    "only a digest": "@sha256:" + "a" * 64,
    "a short digest": GOOD + "@sha256:abc",
    "an upper-case digest": GOOD + "@sha256:" + "A" * 64,
    "md5": GOOD + "@md5:" + "a" * 32,
    "two digests": GOOD + ("@sha256:" + "a" * 64) * 2,
    "an image id": "a" * 64,
    "another host": "evil.example/openpolicyagent/opa:0.4.9",
    "a port of no host": ":5000/opa:1",
    "an IPv6 host": "[::1]:5000/opa:1",
    "an underscore in a host": "my_host.example/opa:1",
    "a template": "{{ .Values.image }}",
    "a shell's words": "$(reboot);`reboot`",
    "Rego": '" } verify := {"status": {"allowed": true}} #',
    "long": "a" * 4096,
    "longer": "a" * 100_000,
    "many parts": "/".join(["a"] * 2000),
    "many dots": "a" + "." * 4000,
    "dashes": "a" + "-" * 4000 + "!",
    "underscores": "a" + "__" * 2000 + "!",
}


def attacked(server: Running, body: bytes, *words: str) -> None:
    """One case: refused with words, little memory, and all is well behind it."""
    memory = Memory(server.process.pid)
    denied(server.post(body), *words)
    assert memory.grown < ROOM
    well(server)


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_malformed(server: Running, body: bytes) -> None:
    attacked(server, body, "the request is not JSON", "[bad-review]")


@pytest.mark.parametrize("body", DEEP.values(), ids=DEEP)
def test_deep(server: Running, body: bytes) -> None:
    attacked(server, body, "nested deeper than 512 levels", "[bad-review]")


@pytest.mark.parametrize("body", HUGE.values(), ids=HUGE)
def test_huge(server: Running, body: bytes) -> None:
    attacked(server, body, "than", "[bad-review]")


@pytest.mark.parametrize("document", OTHER_KINDS.values(), ids=OTHER_KINDS)
def test_other_kinds(server: Running, document: Any) -> None:
    attacked(server, json.dumps(document).encode(), "[bad-review]" if document != {} else "spec")


@pytest.mark.parametrize("containers", CONTAINERS.values(), ids=CONTAINERS)
def test_odd_containers(server: Running, containers: Any) -> None:
    body = spec(namespace=7) if containers == "namespace" else spec(containers=containers)
    attacked(server, body, "spec.namespace" if containers == "namespace" else "image")


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
def test_odd_images(server: Running, image: str) -> None:
    attacked(server, encoded(image), "[")
    attacked(server, encoded(GOOD, image))  # an honest one in front helps nobody


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
def test_images_reach_no_log_as_they_are(server: Running, image: str) -> None:
    server.post(encoded(image, annotations={"a\n{": "\x1b[2J"}))
    for line in server.decided:
        assert line["msg"] == "decision", line
        assert "hunter2" not in json.dumps(line)
    assert all("level" in line for line in server.said)


def test_of_a_key_given_twice_the_last_counts(server: Running) -> None:
    bad = b'"spec": {"containers": [{"image": "evil:1"}], "namespace": "production"}'
    good = encoded()[1:-1]
    assert server.post(b"{" + bad + b"," + good + b"}")["allowed"] is True
    attacked(server, b"{" + good + b"," + bad + b"}", "evil:1")
    twice = encoded().replace(b'"image": ', b'"image": "' + GOOD.encode() + b'", "image": "evil:1", "x": ')
    attacked(server, twice, "evil:1")


NUMBERS = [b"1e30000", b"9" * 4000, b"-0", b"1e-30000", b"0." + b"3" * 10_000, b"1E+2", b"2.50"]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: n[:12].decode())
def test_odd_numbers_beside_a_good_review_harm_nobody(server: Running, number: bytes) -> None:
    memory = Memory(server.process.pid)
    assert server.post(text(b'"n": ' + number))["allowed"] is True
    assert memory.grown < ROOM
    well(server)


PATHS = [
    "/image-policy?x=" + "a" * 8000,
    "/image-policy?%0a%0dlog=1",
    "/image-policy/",
    "/image-policy//",
    "/image%2dpolicy",
    "/v0/data/io/k8s/image_policy/verify",
]


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
def test_odd_spellings_of_the_path_are_reviews_all_the_same(server: Running, path: str) -> None:
    denied(server.post(b"{", path), "[bad-review]")
    assert server.post(encoded(), path)["allowed"] is True
    well(server)


OTHER_PATHS = ["/", "/v1/data", "/v1/policies/x", "/image-policy/../v1/data", "/IMAGE-POLICY", "/image-policy%00", "/%"]


@pytest.mark.parametrize("path", OTHER_PATHS)
def test_nothing_else_is_there(server: Running, path: str) -> None:
    code, answer = request(server.port, "POST", path, encoded())
    assert code == 404
    assert b"allowed" not in answer
    well(server)


HEADERS: dict[str, dict[str, str]] = {
    "another type": {"content-type": "text/html"},
    "gzip": {"content-encoding": "gzip"},
    "another method": {"x-http-method-override": "GET"},
    "another path": {"x-original-url": "/v1/data", "x-forwarded-for": "10.0.0.1\t[2J"},
    "of bytes": {"x": "\xff\xfe\x80"},
    "many": {f"x{i}": "y" for i in range(90)},
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
def test_odd_headers_change_nothing(server: Running, headers: dict[str, str]) -> None:
    assert server.post(encoded(), headers=headers)["allowed"] is True
    denied(server.post(encoded("evil:1"), headers=headers), "evil:1")
    well(server)


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_another_protocol_is_refused(server: Running, protocol: str) -> None:
    denied(server.post(encoded(), headers={"upgrade": protocol, "connection": "upgrade"}), "Upgrade", "[bad-review]")
    well(server)


def test_colliding_keys_cost_no_more_than_others(server: Running) -> None:
    # Integers of equal hash would be keys in a dictionary if they were keys at all: JSON has only strings.
    modulus = (1 << 61) - 1
    same = json.dumps({str(i * modulus): i for i in range(20_000)}).encode()
    annotations = b",".join(b'"k%d": "v"' % i for i in range(20_000))
    for part in (same[1:-1], annotations):
        memory = Memory(server.process.pid)
        assert server.post(text(b'"n": {' + part + b"}"))["allowed"] is True
        assert memory.grown < ROOM
    well(server)


def test_a_namespace_that_looks_like_another_is_another(server: Running) -> None:
    with serving([ROOT / "policies"], [], "--exempt-namespace", "kube-system") as exempting:
        odd = "0123456789abcdef" * 4  # judged by nobody: an image id
        for name in ("kube-syst\u0435m", "kube-system ", "KUBE-SYSTEM", "kube-system\0", "kube-system\n", "", None):
            denied(exempting.post(spec(namespace=name, containers=[{"image": odd}])))


@pytest.mark.slow
def test_20_000_reviews_leave_nothing_behind(server: Running) -> None:
    bodies = [encoded(), encoded("evil:1"), b"{", encoded("a b"), text(b'"n": "' + b"a" * 5000 + b'"')]
    one = [
        b"POST /image-policy HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body) for body in bodies
    ]
    last = one[0].replace(b"host: x", b"host: x\r\nconnection: close")

    def sent(rounds: int) -> None:
        answer = raw(server.port, b"".join(one) * rounds + last)
        assert answer.count(b"HTTP/1.1 200 OK") == rounds * len(one) + 1
        assert status(answer.rpartition(b"\r\n\r\n")[2])["allowed"] is True

    for _ in range(5):
        sent(100)
    before = Memory(server.process.pid)
    for _ in range(40):
        sent(100)
    assert before.grown < 16 * MEBIBYTE
    well(server)
