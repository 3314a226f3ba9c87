"""The adapter to an OPA server, against one that answers what scripts say: the contract, then all that breaks."""

import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.adapters.policy.opa import MAX_ANSWER, OpaEngine
from image_enforcer.ports.policy import Answered, Exceeded, Failed, Outcome, Undefined, Unreachable, UnusablePolicy
from image_enforcer.rego import from_json
from tests.contract.policy_engine import KEYS, REVIEW, TEXT, Engines, PolicyEngineContract, ask, closing, encode
from tests.e2e.certificates import Authority
from tests.fakes.opa_server import Exchange, OpaServer, Script, error, value

PATH = "/v0/data/contract/rule"
ALLOWED = {"status": {"allowed": True}}


def never_answer(exchange: Exchange) -> None:
    exchange.wait(60)
    exchange.hang_up()


SCRIPTS: dict[str, Script] = {
    "verify": value({"kind": "ImageReview", "apiVersion": "imagepolicy.k8s.io/v1alpha1", "status": {"allowed": True}}),
    "echo": lambda exchange: exchange.answer(exchange.body),
    "no": value(False),
    "nothing": value(None),
    "never": error(404, "undefined_document", "document undefined: data.contract.never"),
    "two": error(
        500, "internal_error", "error(s) occurred while evaluating query",
        errors=[{"code": "eval_conflict_error", "message": "rule data.contract.two produced conflicting values"}],
    ),
    "collection": value([None, 1, 3, "b", [2]]),
    "keys": value(KEYS),
    "text": value(TEXT),
    "large": value(list(range(1, 100_001))),
    "endless": never_answer,
    "sometimes": lambda exchange: never_answer(exchange) if b"true" in exchange.body else exchange.answer(1),
}  # fmt: skip


def engine_at(url: str, rule: str = "rule", seconds: float = 30.0, **more: Any) -> OpaEngine:
    return OpaEngine(url, encode, from_json, entry_point=("contract", rule), seconds=seconds, **more)


@pytest.fixture
def server() -> Iterator[OpaServer]:
    with OpaServer({"/health": value({})}) as running:
        yield running


@pytest.fixture
def engine(server: OpaServer) -> Iterator[OpaEngine]:
    found = engine_at(server.url)
    yield found
    found.close()


class TestContract(PolicyEngineContract):
    @pytest.fixture
    def engines(self, server: OpaServer) -> Iterator[Engines]:
        server.scripts.update({f"/v0/data/contract/{rule}": script for rule, script in SCRIPTS.items()})
        with closing() as made:

            def start(rule: str, seconds: float = 30.0) -> OpaEngine:
                made.append(engine_at(server.url, rule, seconds))
                found: OpaEngine = made[-1]
                return found

            yield start


def outcome(server: OpaServer, engine: OpaEngine, script: Script) -> Outcome:
    """What the engine makes of a script."""
    server.scripts[PATH] = script
    return ask(engine)


def raw(data: bytes, *, cut: bool = True) -> Script:
    """A script that sends bytes, and closes the connection after them."""

    def script(exchange: Exchange) -> None:
        exchange.send(data)
        if cut:
            exchange.hang_up()

    return script


def test_what_is_asked(server: OpaServer, engine: OpaEngine) -> None:
    server.scripts[PATH] = value(ALLOWED)
    assert ask(engine) == Answered(ALLOWED)
    asked = server.asked[0]
    assert (asked.method, asked.path, asked.body) == ("POST", PATH, encode(REVIEW))
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["Host"] == f"127.0.0.1:{server.port}"


def test_a_path_before_the_api_and_names_that_need_escapes(server: OpaServer) -> None:
    server.scripts["/opa/x/v0/data/a%2Fb/%C3%BC%3F"] = value(1)
    server.scripts["/opa/x/health"] = value({})
    with closing() as made:
        made.append(OpaEngine(f"{server.url}/opa/x/", encode, entry_point=("a/b", "ü?")))
        assert ask(made[0]) == Answered(1)
        assert made[0].ready() == ""


def test_proxies_of_the_environment_are_not_used(
    server: OpaServer, engine: OpaEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert outcome(server, engine, value(1)) == Answered(1)


# --- time --------------------------------------------------------------------------------------------


def drip(exchange: Exchange) -> None:
    exchange.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b" " * 1000, 0.02)


def drip_body(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    exchange.drip(b" " * 1000, 0.02)


def drip_chunks(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not exchange.wait(0.02):
        exchange.send(b"1\r\n \r\n")


def drip_headers(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\n")
    while not exchange.wait(0.02):
        exchange.send(b"X: y\r\n")


def drip_interim(exchange: Exchange) -> None:
    while not exchange.wait(0.02):
        exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize("script", [drip, drip_body, drip_chunks, drip_interim])
def test_a_slow_server_cannot_hold_it(server: OpaServer, script: Script) -> None:
    """Each byte is in time, all of them are not: the whole answer has one limit, in the clock's seconds."""
    with closing() as made:
        made.append(engine_at(server.url))
        server.scripts[PATH] = script
        found = ask(made[0], seconds=0.4)
        assert isinstance(found, Exceeded)
        assert "0.4 s" in found.text
        assert found.time
        server.scripts[PATH] = value(1)
        assert ask(made[0]) == Answered(1), "and the next question has a connection of its own"


def test_endless_headers_end(server: OpaServer) -> None:
    with closing() as made:
        made.append(engine_at(server.url, seconds=0.4))
        assert isinstance(outcome(server, made[0], drip_headers), Exceeded | Unreachable)


def test_both_tries_share_one_limit(server: OpaServer) -> None:
    """The clock jumps when the kept connection turns out to be closed: no time is left for another."""
    now = [0.0]
    with closing() as made:
        made.append(engine_at(server.url, seconds=5.0, clock=lambda: now[0]))
        assert outcome(server, made[0], value(1)) == Answered(1)

        def late(exchange: Exchange) -> None:
            now[0] += 10.0
            exchange.hang_up()

        assert isinstance(outcome(server, made[0], late), Exceeded)
        assert len(server.asked) == 2


def test_no_time_at_all(engine: OpaEngine) -> None:
    assert isinstance(ask(engine, seconds=0.0), Exceeded)
    assert isinstance(ask(engine, seconds=-1.0), Exceeded)


def test_a_health_check_that_drips(server: OpaServer) -> None:
    server.scripts["/health"] = drip
    assert "0.3 s" in engine_at(server.url, seconds=0.3).ready()


# --- connections -------------------------------------------------------------------------------------


def test_connections_are_kept(server: OpaServer, engine: OpaEngine) -> None:
    server.scripts[PATH] = value(1)
    for _ in range(5):
        assert ask(engine) == Answered(1)
    assert len({exchange.client for exchange in server.asked}) == 1


def test_a_question_under_way_has_a_connection_of_its_own(server: OpaServer, engine: OpaEngine) -> None:
    meet = threading.Barrier(2)

    def together(exchange: Exchange) -> None:
        meet.wait(30)
        exchange.answer(exchange.body)

    server.scripts[PATH] = together
    found: dict[int, Outcome] = {}
    threads = [threading.Thread(target=lambda i=i: found.__setitem__(i, ask(engine, i))) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {0: Answered(0), 1: Answered(1)}
    assert len({exchange.client for exchange in server.asked}) == 2


@pytest.mark.parametrize("announced", [True, False])
def test_connections_that_the_server_closes_between_questions(
    server: OpaServer, engine: OpaEngine, announced: bool
) -> None:
    def once(exchange: Exchange) -> None:
        if announced:
            exchange.answer(1, Connection="close")
        else:
            exchange.answer(1)
            exchange.hang_up()

    for i in range(1, 6):
        assert outcome(server, engine, once) == Answered(1)
        assert len(server.asked) == i, "and nobody was asked twice"


def test_a_kept_connection_that_closes_under_the_question_is_replaced_once(
    server: OpaServer, engine: OpaEngine
) -> None:
    assert outcome(server, engine, value(1)) == Answered(1)
    left = [1]

    def close_first(exchange: Exchange) -> None:
        if left[0]:
            left[0] -= 1
            exchange.hang_up()
        else:
            exchange.answer(2)

    assert outcome(server, engine, close_first) == Answered(2)
    assert len(server.asked) == 3
    assert server.asked[1].body == server.asked[2].body

    found = outcome(server, engine, lambda exchange: exchange.hang_up())
    assert isinstance(found, Unreachable)
    assert "closes its connections" in found.text
    assert len(server.asked) == 5, "twice, not for ever"


def test_a_new_connection_that_closes_is_not_tried_again(server: OpaServer, engine: OpaEngine) -> None:
    assert isinstance(outcome(server, engine, lambda exchange: exchange.hang_up()), Unreachable)
    assert len(server.asked) == 1


def test_an_answer_that_began_is_not_asked_for_again(server: OpaServer, engine: OpaEngine) -> None:
    assert outcome(server, engine, value(1)) == Answered(1)
    assert isinstance(outcome(server, engine, raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1")), Unreachable)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "stray",
    [
        b'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"stray"',
        b'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"stray"',
        b'HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"stray"',
        b'HTTP/1.1 304 Not Modified\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"stray"',
    ],
)
def test_nothing_of_one_answer_becomes_the_next(server: OpaServer, engine: OpaEngine, stray: bytes) -> None:
    sent = threading.Event()

    def twice(exchange: Exchange) -> None:
        head, mark, tail = stray.rpartition(b"HTTP/1.1 200")
        exchange.send(head)
        exchange.wait(0.05)
        exchange.send(mark + tail)
        sent.set()

    assert outcome(server, engine, twice) != Answered("stray")
    assert sent.wait(30)
    server.scripts[PATH] = value(False)
    for _ in range(3):
        assert ask(engine) == Answered(False)


def test_after_an_early_hint_the_connection_is_given_up(server: OpaServer, engine: OpaEngine) -> None:
    """The answer that it announces may come at any time, and is none to the next question."""
    hint = raw(b"HTTP/1.1 103 Early Hints\r\n\r\n", cut=False)
    assert isinstance(outcome(server, engine, hint), Failed)
    assert outcome(server, engine, value(1)) == Answered(1)
    assert server.asked[0].client != server.asked[1].client


def test_an_interim_answer_is_waited_out(server: OpaServer, engine: OpaEngine) -> None:
    script = raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue", cut=False)
    assert outcome(server, engine, script) == Answered(True)


def test_only_so_many_idle_connections_are_kept(server: OpaServer, engine: OpaEngine) -> None:
    meet = threading.Barrier(40)

    def together(exchange: Exchange) -> None:
        meet.wait(30)
        exchange.answer(1)

    server.scripts[PATH] = together
    threads = [threading.Thread(target=ask, args=(engine,)) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.scripts[PATH] = value(2)
    before = {exchange.client for exchange in server.asked}
    assert ask(engine) == Answered(2)
    assert server.asked[-1].client in before


# --- answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "kind", "said"),
    [
        (error(404, "undefined_document", "document undefined: data.x"), Undefined, "document undefined: data.x"),
        (error(404, "not_found", "no such page"), Failed, "404"),
        (error(404, "undefined_document", "document missing: data.x"), Undefined, "document missing: data.x"),
        (raw(b"HTTP/1.1 404 Not Found\r\nContent-Length: 13\r\n\r\n<html></html>"), Failed, "not JSON"),
        (error(400, "invalid_parameter", "bad input"), Failed, "400: bad input"),
        (error(401, "unauthorized", "request rejected by administrative policy"), Failed, "401: request rejected"),
        (error(429, "x", "slow down"), Failed, "429"),
        (error(500, "internal_error", "x", errors=["y"]), Failed, "500"),
        (error(500, "internal_error", "x", errors=[{}]), Failed, "500"),
        (error(503, "x", "y" * 100_000), Failed, "503"),
        (value([]), Answered, ""),
        (lambda e: e.answer(["x"], 500), Failed, "500"),
        (lambda e: e.answer(ALLOWED, 500), Failed, "500"),
        (lambda e: e.answer(ALLOWED, 201), Failed, "201"),
        (lambda e: e.answer(ALLOWED, 206), Failed, "206"),
        (lambda e: e.raw_answer(b""), Failed, "not JSON"),
        (lambda e: e.raw_answer(b"{"), Failed, "not JSON"),
        (lambda e: e.raw_answer(b'{"status":{"allowed":true}} x'), Failed, "not JSON"),
        (lambda e: e.raw_answer(b"NaN"), Failed, "not JSON"),
        (lambda e: e.raw_answer(b"\xff\xfe"), Failed, "not JSON"),
        (lambda e: e.raw_answer(b"[" * 100_000), Failed, "not JSON"),
        (lambda e: e.raw_answer(b"1" * 5_000), Failed, "not JSON"),
        (lambda e: e.raw_answer(b"\x1f\x8b\x08", Content_Encoding="gzip"), Failed, "not JSON"),
        (lambda e: e.raw_answer(b" " * (MAX_ANSWER + 1)), Failed, "8 MiB"),
        (raw(b"HTTP/1.1 204 No Content\r\n\r\n"), Failed, "204"),
        (raw(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), Failed, "101"),
        (raw(b"HTTP/1.1 200 OK\r\n\r\ntrue"), Answered, ""),
        (raw(b"HTTP/1.0 200 OK\r\n\r\ntrue"), Answered, ""),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ntr\r\n2\r\nue\r\n0\r\n\r\n"), Answered, ""),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ntrue\r\n"), Unreachable, "short"),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\ntrue\r\n"), Unreachable, ""),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\ntrue\r\n"), Unreachable, ""),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\ntrue      "[:-3]), Unreachable, "short"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n"), Failed, "not JSON"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\ntrue"), Answered, ""),
        (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), Unreachable, "SSH-2.0"),
        (raw(b"\x00" * 100), Unreachable, ""),
        (raw(b"HTTP/1.1 abc\r\n\r\n"), Unreachable, ""),
        (raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"), Unreachable, ""),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1_000 + b"\r\n"), Unreachable, ""),
    ],
)  # fmt: skip
def test_answers_of_every_kind(server: OpaServer, engine: OpaEngine, script: Script, kind: Any, said: str) -> None:
    found = outcome(server, engine, script)
    assert isinstance(found, kind)
    if not isinstance(found, Answered):
        assert said in found.text
        assert len(found.text) < 2_000
    server.scripts[PATH] = value(7)
    assert ask(engine) == Answered(7), "and the next question is answered"


def test_endless_answers_end(server: OpaServer, engine: OpaEngine) -> None:
    def flood(head: bytes, piece: bytes) -> Script:
        def script(exchange: Exchange) -> None:
            exchange.send(head)
            while not exchange.wait(0):
                exchange.send(piece)

        return script

    spaces = b" " * 65_536
    for script in (
        flood(b"HTTP/1.1 200 OK\r\n\r\n", spaces),
        flood(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n", spaces),
        flood(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + spaces + b"\r\n"),
        flood(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", spaces),
        flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000),
    ):
        found = outcome(server, engine, script)
        assert found == Failed(f"{server.url} answered with more than 8 MiB")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(server: OpaServer, engine: OpaEngine, status: int) -> None:
    server.scripts["/elsewhere"] = value(ALLOWED)
    found = outcome(server, engine, lambda e: e.answer(ALLOWED, status, Location=f"{server.url}/elsewhere"))
    assert isinstance(found, Failed)
    assert str(status) in found.text
    assert "redirect" in found.text
    assert [exchange.path for exchange in server.asked] == [PATH]


# --- what cannot be reached, and what cannot be used ---------------------------------------------------


def test_nobody_is_there() -> None:
    with OpaServer({}) as gone:
        url = gone.url
    engine = engine_at(url)
    found = ask(engine)
    assert isinstance(found, Unreachable)
    assert url in found.text
    assert "refused" in found.text.lower()
    assert "refused" in engine.ready().lower()


@pytest.mark.parametrize("status", [500, 404, 302])
def test_not_healthy(server: OpaServer, engine: OpaEngine, status: int) -> None:
    server.scripts["/health"] = lambda e: e.answer({}, status)
    assert str(status) in engine.ready()
    server.scripts["/health"] = lambda e: e.hang_up()
    assert "closes" in engine.ready()
    server.scripts["/health"] = raw(b"SSH-2.0-OpenSSH_9.2\r\n")
    assert engine.ready()


def test_reviews_that_cannot_be_written(server: OpaServer) -> None:
    def refuse(document: Any) -> bytes:
        raise document

    engine = OpaEngine(server.url, refuse, entry_point=("x",))
    assert isinstance(ask(engine, ValueError("too long")), Failed)
    assert isinstance(ask(engine, RecursionError("too deep")), Failed)
    assert server.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "", "opa", "opa:8181", "ftp://opa", "http://", "http://:8181", "http://opa:x", "http://opa:99999",
        "http://opa:0", "http://opa?x=1", "http://opa#x", "http://[::1", "http://opa/a b", "http://opa/\u00fc",
        "http://a..b", "http://" + "a" * 64, "unix:///var/run/opa.sock", "http://opa/\x7f",
    ],
)  # fmt: skip
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(UnusablePolicy, match="http://host:port"):
        engine_at(url)


@pytest.mark.parametrize("url", ["http://kim:secret@opa", "http://kim:secret@opa:x", "https://:secret@opa", "x@secret"])
def test_passwords_in_addresses_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UnusablePolicy) as caught:
        engine_at(url)
    assert "secret" not in str(caught.value)
    assert "password" in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://opa", "https://opa:8181", "http://[::1]:8181", "http://10.0.0.1/x", "http://ö"]
)
def test_addresses(url: str) -> None:
    assert engine_at(url, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)).url == url


# --- TLS ---------------------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def secure(authority: Authority) -> Iterator[OpaServer]:
    pair = authority.issue("opa")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    with OpaServer({PATH: value(1), "/health": value({})}, tls=context) as running:
        yield running


def test_over_tls(secure: OpaServer, authority: Authority) -> None:
    with closing() as made:
        made.append(engine_at(secure.url, tls=ssl.create_default_context(cafile=str(authority.certificate))))
        assert made[0].ready() == ""
        for _ in range(3):
            assert ask(made[0]) == Answered(1)
        secure.scripts[PATH] = lambda e: e.answer(2, Connection="close")
        assert ask(made[0]) == Answered(2)
        secure.scripts[PATH] = value(3)
        assert ask(made[0]) == Answered(3)


def test_a_slow_server_over_tls(secure: OpaServer, authority: Authority) -> None:
    secure.scripts[PATH] = drip_body
    tls = ssl.create_default_context(cafile=str(authority.certificate))
    assert isinstance(ask(engine_at(secure.url, seconds=0.4, tls=tls)), Exceeded)


def test_a_certificate_of_somebody_else_is_refused(secure: OpaServer) -> None:
    engine = engine_at(secure.url)
    found = ask(engine)
    assert isinstance(found, Unreachable)
    assert "certificate verify failed" in found.text
    assert "certificate verify failed" in engine.ready()
    assert secure.asked == []


def test_a_certificate_for_another_name_is_refused(secure: OpaServer, authority: Authority) -> None:
    url = secure.url.replace("127.0.0.1", "127.1")
    engine = engine_at(url, tls=ssl.create_default_context(cafile=str(authority.certificate)))
    assert isinstance(ask(engine), Unreachable)
    assert secure.asked == []


def test_plain_where_tls_is_spoken_and_the_other_way_round(secure: OpaServer, server: OpaServer) -> None:
    assert isinstance(ask(engine_at(secure.url.replace("https", "http"), seconds=2)), Unreachable | Failed | Exceeded)
    assert isinstance(ask(engine_at(server.url.replace("http", "https"), seconds=2)), Unreachable | Exceeded)
