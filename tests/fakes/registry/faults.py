"""What goes wrong with registries, by name: broken connections, false content, wrong ways, and hostile documents."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any, Final

from .http import Connection, Reply, Request
from .server import FakeRegistry, Fault, challenged, described, error, image_of, index_of

Change = Callable[[Request, Reply], Reply]
FAULTS: Final[dict[str, Fault]] = {}
"""All faults."""
TEXTS: Final[dict[str, str]] = {}
"""What each of them is."""

SCHEMA_1: Final = "application/vnd.docker.distribution.manifest.v1+json"
SIGNED_SCHEMA_1: Final = "application/vnd.docker.distribution.manifest.v1+prettyjws"
PRIVATE_PLACES: Final = {
    "metadata": "169.254.169.254", "other-loopback": "127.0.0.2", "ten": "10.0.0.1", "ipv6-loopback": "[::1]",
    "decimal": "2130706434", "hexadecimal": "0x7f000002", "octal": "0177.0.0.2", "short": "127.2",
    "mapped": "[::ffff:127.0.0.2]", "nat64": "[64:ff9b::a00:1]", "unique-local": "[fd00::1]", "unspecified": "0.0.0.0",
    "name": "inside.example",
}  # fmt: skip
"""Where nobody may be led. The last is a name; whoever tests says that it leads to 10.0.0.1."""


def fault(name: str, text: str) -> Callable[[Fault], Fault]:
    """Gives a fault its name."""

    def named(act: Fault) -> Fault:
        FAULTS[name], TEXTS[name] = act, text
        return act

    return named


def changed(name: str, text: str, change: Change) -> None:
    """A fault that changes what would have been answered."""

    async def act(request: Request, reply: Reply, connection: Connection, registry: FakeRegistry) -> Reply:
        return change(request, reply)

    fault(name, text)(act)


def answered(name: str, text: str, status: int, body: bytes = b"", **headers: str) -> None:
    """A fault that answers something else."""
    lines = {header.replace("_", "-"): value for header, value in headers.items()}
    changed(name, text, lambda *_: Reply(status=status, headers=dict(lines), body=body))


def document(name: str, text: str, value: Any, media_type: str = "") -> None:
    """A fault that answers a document: bytes as they are, all else as JSON, under its own digest."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()

    def change(request: Request, reply: Reply) -> Reply:
        headers = {**reply.headers, "Content-Length": str(len(body))}
        headers.pop("Docker-Content-Digest", None)
        if media_type:
            headers["Content-Type"] = media_type
        return Reply(headers=headers, body=body)

    changed(name, text, change)


def said(name: str, text: str, **headers: str) -> None:
    """A fault that says something else in the headers of what would have been a good answer."""
    lines = {header.replace("_", "-"): value for header, value in headers.items()}

    def change(_: Request, reply: Reply) -> Reply:
        if reply.status >= 300:
            return reply
        return Reply(status=reply.status, headers={**reply.headers, **lines}, body=reply.body)

    changed(name, text, change)


def _date(seconds: float) -> str:
    return formatdate(time.time() + seconds, usegmt=True)


# --- refusals ------------------------------------------------------------------------------------

answered("429-seconds", "429 with Retry-After in seconds", 429, Retry_After="30")
answered("429-at-once", "429 that wants to be asked again at once", 429, Retry_After="0")
answered("429-nonsense", "429 with a Retry-After that means nothing", 429, Retry_After="soon")
answered("429-silent", "429 without a word on when to come back", 429)
answered("429-forever", "429 with a Retry-After of thirty years", 429, Retry_After="999999999")
answered(
    "429-quota", "429 as Docker Hub's, with the quota used up", 429, RateLimit_Limit="100;w=21600",
    RateLimit_Remaining="0;w=21600",
)  # fmt: skip
changed(
    "429-date", "429 with Retry-After as a date",
    lambda *_: Reply(status=429, headers={"Date": _date(0), "Retry-After": _date(40)}),
)  # fmt: skip
for _status in (500, 502, 503, 504):
    answered(f"{_status}", f"{_status}, always", _status, b"<html>out of order</html>")
answered("503-later", "503 with Retry-After", 503, Retry_After="30")
answered("403", "403", 403, b'{"errors":[{"code":"DENIED"}]}')
answered("404", "404 in the place of an error document", 404, b"not here", Content_Type="text/plain")
answered("204", "204: nothing, and all is well", 204, Content_Length="0")
answered("418", "a status that no registry has", 418)
answered("304", "304 though nothing was asked conditionally", 304)
answered(
    "error-control", "an error with control characters", 500, b'{"errors":[{"code":"A\\u001b[2J","message":null}]}'
)

# --- connections ---------------------------------------------------------------------------------


@fault("reset", "the connection is reset instead of an answer")
async def _reset(_: Request, __: Reply, connection: Connection, ___: FakeRegistry) -> None:
    connection.reset()


@fault("closed", "the connection is closed instead of an answer")
async def _closed(_: Request, __: Reply, connection: Connection, ___: FakeRegistry) -> None:
    connection.hang_up()


@fault("silent", "nothing is ever answered")
async def _silent(_: Request, __: Reply, connection: Connection, ___: FakeRegistry) -> None:
    await connection.wait(60)
    connection.hang_up()


@fault("silent-after-headers", "headers come, the body does not")
async def _silent_body(request: Request, reply: Reply, connection: Connection, _: FakeRegistry) -> None:
    await connection.send(reply.written("HEAD").replace(b"Content-Length: 0", b"Content-Length: 9"))
    await connection.wait(60)
    connection.hang_up()


@fault("slow-headers", "headers come a byte at a time")
async def _slow_headers(request: Request, reply: Reply, connection: Connection, _: FakeRegistry) -> None:
    await connection.drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000, 0.05)
    connection.hang_up()


@fault("slow-body", "the body comes a byte at a time")
async def _slow_body(request: Request, reply: Reply, connection: Connection, _: FakeRegistry) -> None:
    await connection.send(reply.written("HEAD"))
    await connection.drip(reply.body, 0.05)
    connection.hang_up()


@fault("cut-headers", "the connection ends in the middle of the headers")
async def _cut_headers(request: Request, reply: Reply, connection: Connection, _: FakeRegistry) -> None:
    await connection.send(reply.written("HEAD")[:30])
    connection.hang_up()


@fault("cut-body", "the connection ends in the middle of the body")
async def _cut_body(request: Request, reply: Reply, connection: Connection, _: FakeRegistry) -> None:
    whole = reply.written("GET")
    await connection.send(whole[: len(whole) - len(reply.body) + len(reply.body) // 2])
    connection.hang_up()


@fault("reset-body", "the connection is reset in the middle of the body")
async def _reset_body(request: Request, reply: Reply, connection: Connection, _: FakeRegistry) -> None:
    whole = reply.written("GET")
    await connection.send(whole[: len(whole) - len(reply.body) + len(reply.body) // 2])
    connection.reset()


@fault("cut-chunks", "a chunked body that ends without its last chunk")
async def _cut_chunks(request: Request, reply: Reply, connection: Connection, _: FakeRegistry) -> None:
    lines = {**reply.headers, "Transfer-Encoding": "chunked"}
    head = Reply(status=reply.status, headers=lines).written("HEAD")
    await connection.send(head + b"%x\r\n%s\r\n" % (len(reply.body), reply.body))
    connection.hang_up()


@fault("endless-chunks", "a chunked body that does not end")
async def _endless_chunks(request: Request, reply: Reply, connection: Connection, _: FakeRegistry) -> None:
    lines = {**reply.headers, "Transfer-Encoding": "chunked"}
    chunk = b"%x\r\n%s\r\n" % (1 << 20, b" " * (1 << 20))
    # At once, so that whoever asked for headers alone always meets what nobody asked for.
    await connection.send(Reply(headers=lines).written("HEAD") + chunk)
    for _piece in range(19):
        await connection.send(chunk)
    connection.hang_up()


@fault("bad-chunks", "chunks whose sizes are no numbers")
async def _bad_chunks(request: Request, reply: Reply, connection: Connection, _: FakeRegistry) -> None:
    lines = {**reply.headers, "Transfer-Encoding": "chunked"}
    await connection.send(Reply(headers=lines).written("HEAD") + b"zz\r\nabc\r\n0\r\n\r\n")
    connection.hang_up()


@fault("no-http", "what is answered is no HTTP")
async def _no_http(request: Request, reply: Reply, connection: Connection, _: FakeRegistry) -> None:
    await connection.send(b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n")
    connection.hang_up()


@fault("endless-headers", "headers that never end")
async def _endless_headers(request: Request, reply: Reply, connection: Connection, _: FakeRegistry) -> None:
    await connection.send(b"HTTP/1.1 200 OK\r\n")
    for i in range(5_000):
        await connection.send(b"X-Header-%d: value\r\n" % i)
    connection.hang_up()


said("huge-header", "a header of a megabyte", X_Huge="x" * (1 << 20))
said("header-utf-8", "headers that are no UTF-8", Docker_Content_Digest="sha256:\udcff\udcfe")
said("lying-length-more", "Content-Length promises more than comes", Content_Length="999999", Connection="close")
said("length-negative", "a negative Content-Length", Content_Length="-5")
said("length-huge", "a Content-Length of a petabyte", Content_Length=str(1 << 50))
said("cookie", "an answer that wants a cookie to be kept", Set_Cookie="session=1; Path=/")


@fault("closes-after-length-more", "Content-Length promises more than comes, and the connection ends")
async def _length_more(request: Request, reply: Reply, connection: Connection, _: FakeRegistry) -> None:
    lines = {**reply.headers, "Content-Length": str(len(reply.body) + 100)}
    await connection.send(Reply(status=reply.status, headers=lines, body=reply.body).written("GET"))
    connection.hang_up()


changed(
    "length-less", "Content-Length promises less than comes",
    lambda _, r: Reply(status=r.status, headers={**r.headers, "Content-Length": str(len(r.body) // 2)}, body=r.body),
)  # fmt: skip
changed(
    "gzip", "the answer is compressed, which nobody asked for",
    lambda _, r: Reply(headers={**r.headers, "Content-Encoding": "gzip"}, body=gzip.compress(r.body)),
)  # fmt: skip

# --- content -------------------------------------------------------------------------------------

changed(
    "other-bytes", "other bytes of the same number",
    lambda _, r: Reply(status=r.status, headers=r.headers, body=bytes(b ^ 1 for b in r.body)),
)  # fmt: skip
changed("short", "less than there should be", lambda _, r: Reply(status=r.status, headers=r.headers, body=r.body[:-1]))
changed(
    "long", "more than there should be", lambda _, r: Reply(status=r.status, headers=r.headers, body=r.body + b"more")
)
changed("empty", "nothing at all", lambda _, r: Reply(status=r.status, headers=_without_length(r)))
changed(
    "other-part", "another part than was asked for",
    lambda _, r: Reply(status=206, headers={**r.headers, "Content-Range": f"bytes 0-1/{len(r.body)}"}, body=r.body[:2]),
)  # fmt: skip
answered("416", "no such part", 416)
said("lying-digest", "a Docker-Content-Digest of something else", Docker_Content_Digest="sha256:" + "0" * 64)
said("bad-digest", "a Docker-Content-Digest that is none", Docker_Content_Digest="sha256:abc\x0bdef")
said(
    "wrong-type", "a Content-Type that contradicts the document", Content_Type="application/vnd.oci.image.index.v1+json"
)
said("html-type", "a Content-Type that is no manifest's", Content_Type="text/html; charset=utf-8")


def _without_length(reply: Reply) -> dict[str, str]:
    return {name: value for name, value in reply.headers.items() if name != "Content-Length"}


document("not-json", "a manifest that is no JSON", b"<html></html>")
document("not-an-object", "a manifest that is a list", [])
document("no-utf-8", "a manifest that is no UTF-8", b'{"schemaVersion": 2, "mediaType": "\xff\xfe"}')
document("huge", "a manifest of five megabytes", b" " * (5 << 20))
document("deep", "a manifest that is nested a million times", b'{"a":' * (1 << 19))
document("deep-unread", "depth where nobody looks", b'{"schemaVersion":2,"extra":' + b"[" * (1 << 20))
document("two-kinds", "an index and an image at once", {**image_of(), "manifests": []})
document("twice", "the layers twice", json.dumps(image_of())[:-1].encode() + b', "layers": []}')
document("other-case", "layers in a spelling that Go reads", {**image_of(), "Layers": []})
document("no-version", "no schemaVersion", {k: v for k, v in image_of().items() if k != "schemaVersion"})
document("negative-size", "a layer of negative size", {**image_of(), "layers": [{**described(b"", "x"), "size": -1}]})
document("huge-size", "a layer of an exabyte", {**image_of(), "layers": [{**described(b"", "x"), "size": 1 << 60}]})
document(
    "bad-inner-digest", "a layer without a digest", {**image_of(), "layers": [{**described(b"", "x"), "digest": "x"}]}
)
document(
    "upper-inner-digest", "a layer with a digest in upper case",
    {**image_of(), "layers": [{**described(b"", "x"), "digest": "sha256:" + "A" * 64}]},
)  # fmt: skip
document("many-layers", "more layers than an image has", image_of((b"",) * 2000))
document(
    "many-children", "an index of too many", index_of([described(b"", "x")] * 2000),
    "application/vnd.oci.image.index.v1+json",
)  # fmt: skip
document("unknown-type", "a manifest of a type that no image has", image_of(mediaType="application/x"), "application/x")
document("no-type", "no type, neither outside nor inside", {"schemaVersion": 2}, "text/plain")

# --- ways ----------------------------------------------------------------------------------------


def redirect(location: str, status: int = 307) -> Reply:
    return Reply(status=status, headers={"Location": location})


for _name, _place in PRIVATE_PLACES.items():
    changed(
        f"redirect-{_name}", f"a redirect to {_place}",
        lambda request, _, place=_place: redirect(f"http://{place}:1{request.path}"),  # type: ignore[misc]
    )  # fmt: skip
changed("redirect-loop", "a redirect to itself", lambda request, _: redirect(request.target))
changed("redirect-longer", "redirects without end", lambda request, _: redirect(request.path + "/x"))
changed("redirect-nowhere", "a redirect that does not say where to", lambda *_: Reply(status=302))
changed("redirect-file", "a redirect to a file", lambda *_: redirect("file:///etc/passwd"))
changed("redirect-garbage", "a redirect to what is no address", lambda *_: redirect("http://[::1"))
for _name, _host in {"label": f"{'a' * 64}.example", "no-label": "a..example", "dot": ".example"}.items():
    changed(
        f"redirect-host-{_name}", f"a redirect to {_host}, which is no host name",
        lambda request, _, host=_host: redirect(f"https://{host}{request.path}"),  # type: ignore[misc]
    )  # fmt: skip
    changed(
        f"realm-host-{_name}", f"tokens at {_host}, which is no host name",
        lambda *_, host=_host: challenged(f'Bearer realm="https://{host}/token",service="x"'),
    )  # fmt: skip
changed("redirect-port", "a redirect to a port that is none", lambda *_: redirect("http://127.0.0.1:99999/"))
changed("redirect-user", "a redirect with credentials in it", lambda *_: redirect("http://user:pw@127.0.0.1/"))
changed("redirect-backslash", "what some read as another host", lambda *_: redirect("http://a.example\\@127.0.0.1/"))


@fault("redirect-plain", "a redirect to the same place without TLS")
async def _plain(request: Request, _: Reply, __: Connection, registry: FakeRegistry) -> Reply:
    return redirect(f"http://{registry.place}{request.target}")


@fault("redirect-elsewhere", "a redirect to another registry, which wants to be told who asks")
async def _elsewhere(request: Request, _: Reply, __: Connection, registry: FakeRegistry) -> Reply:
    return redirect(f"{registry.elsewhere}{request.target}")


# --- who asks ------------------------------------------------------------------------------------

changed("401-malformed", "401 with a challenge that is none", lambda *_: challenged('Bearer realm="http://x'))
changed("401-silent", "401 without a challenge", lambda *_: error(401, "UNAUTHORIZED"))
changed("401-unknown", "401 with a scheme that nobody knows", lambda *_: challenged('Negotiate abc=, OAuth a="b"'))
changed("401-no-realm", "401 that does not say where tokens are", lambda *_: challenged('Bearer service="x"'))
changed("401-huge", "401 with a challenge of many kilobytes", lambda *_: challenged(f'Bearer realm="{"x" * 15000}"'))
changed("401-many", "401 with a hundred challenges", lambda *_: challenged(", ".join(["A b=c"] * 100)))
changed(
    "401-utf-8",
    "401 with a service that is no UTF-8",
    lambda *_: challenged('Bearer realm="http://x",service="\udcff"'),
)
changed("realm-garbage", "tokens at what is no address", lambda *_: challenged('Bearer realm="https://[::1"'))
changed(
    "realm-private", "tokens at a private address", lambda *_: challenged('Bearer realm="http://169.254.169.254/token"')
)
changed(
    "realm-plain", "tokens elsewhere, without TLS", lambda *_: challenged('Bearer realm="http://elsewhere.example/"')
)
changed(
    "realm-user",
    "tokens at an address with credentials",
    lambda *_: challenged('Bearer realm="https://a:b@c.example/"'),
)
changed("realm-file", "tokens in a file", lambda *_: challenged('Bearer realm="file:///etc/passwd"'))
changed(
    "realm-name", "tokens at a name that leads inside", lambda *_: challenged('Bearer realm="https://inside.example/"')
)


@fault("401-forever", "401 whatever is said")
async def _forever(_: Request, __: Reply, ___: Connection, registry: FakeRegistry) -> Reply:
    return challenged(f'Bearer realm="{registry.url}/token",service="fake",error="invalid_token"')


for _status in (401, 403, 404, 429, 500):
    answered(f"token-{_status}", f"the token server answers {_status}", _status)
answered("token-garbage", "the token server answers with garbage", 200, b"\x00\xff")
answered("token-huge", "the token server answers with a megabyte", 200, b'{"token":"' + b"x" * (1 << 20) + b'"}')
answered("token-empty", "the token server gives an empty token", 200, b'{"token":""}')
answered("token-none", "the token server gives no token", 200, b"{}")
answered("token-control", "a token with a line feed", 200, b'{"token":"a\\r\\nX-Evil: 1"}')
answered("token-number", "a token that is a number", 200, b'{"token":1}')
answered("token-redirect", "the token server redirects inside", 302, Location="http://10.0.0.1/token")

# --- pages ---------------------------------------------------------------------------------------


@fault("pages-endless", "always one more page")
async def _endless(_: Request, reply: Reply, __: Connection, registry: FakeRegistry) -> Reply:
    reply.headers["Link"] = f'</v2/app/tags/list?page={len(registry.seen)}>; rel="next"'
    reply.body = b'{"tags":["a"]}'
    return reply


said("pages-circle", "a page that continues with itself", Link='</v2/app/tags/list?page=1>; rel="next"')
said("pages-astray", "pages that continue elsewhere", Link='<http://127.0.0.2/v2/app/tags/list>; rel="next"')
said("pages-bad-link", "pages that continue at what is no address", Link='<http://[::1/>; rel="next"')
said("pages-inside", "pages that continue at a metadata service", Link='<//169.254.169.254/x>; rel="next"')
document("pages-huge", "a page of nine megabytes", b'{"tags":["' + b"a" * (9 << 20) + b'"]}')
document("tags-missing", "a page without tags", {"name": "app"})
document("tags-path", "a tag that is a path", {"tags": ["../x"]})
document("tags-line-feed", "a tag with a line feed", {"tags": ["a\n"]})
document("tags-long", "a tag of 129 letters", {"tags": ["a" * 129]})
document("tags-numbers", "tags that are numbers", {"tags": [1]})
document("tags-many", "more tags than a repository has", {"tags": ["a"] * 1001})
document("tags-null", "null for tags, as distribution answers for none", {"tags": None})
