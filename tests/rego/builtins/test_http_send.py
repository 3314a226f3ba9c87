"""What ``http.send`` makes of requests and answers; the network here is a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from image_enforcer import rego
from image_enforcer.opa.http_cache import HttpCache
from image_enforcer.rego.outside import HttpRequest, HttpResponse, SendFault
from image_enforcer.rego.values import Num
from tests.rego.builtins.expressions import EMPTY

NOW_NS = 1_700_000_000_000_000_000
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"  # the same moment


class Net:
    """Answers what it is told to, and remembers what was asked."""

    def __init__(self, *answers: HttpResponse | SendFault) -> None:
        self.answers = list(answers)
        self.asked: list[HttpRequest] = []
        self.pauses: list[float] = []
        self.kept = HttpCache()

    def check(self, host: str) -> None:
        raise SendFault(f"disallowed host: {host}", network=False)

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def send(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, SendFault):
            raise answer
        return answer

    def lookup(self, name: str, seconds: float) -> Sequence[str]:
        raise AssertionError


def answer(body: str = "", code: int = 200, kind: str = "", **headers: str) -> HttpResponse:
    found = {name.replace("_", "-").title(): (value,) for name, value in headers.items()}
    if kind:
        found["Content-Type"] = (kind,)
    return HttpResponse(code, f"{code} OK", found, body.encode())


def ask(net: Net | None, request: Any, expression: str = "http.send(input)", now_ns: int = NOW_NS) -> Any:
    query = EMPTY.prepare(expression, strict_builtin_errors=True)
    return query.value(input=request, host=rego.Host(network=net, now_ns=lambda: now_ns))


GET = {"method": "get", "url": "http://h.example/x"}


def test_an_answer_as_an_object() -> None:
    net = Net(answer('{"a": [1.50]}', kind="application/json; charset=utf-8", x_more="1"))
    assert ask(net, GET) == {
        "status": "200 OK", "status_code": 200, "body": {"a": [Num("1.50")]}, "raw_body": '{"a": [1.50]}',
        "headers": {"content-type": ["application/json; charset=utf-8"], "x-more": ["1"]},
    }  # fmt: skip
    (request,) = net.asked
    assert (request.method, request.url, request.body) == ("GET", "http://h.example/x", b"")


@pytest.mark.parametrize(
    ("text", "kind", "more", "body"),
    [
        ('{"a": 1}', "text/plain", {}, None),
        ('{"a": 1}', "text/plain", {"force_json_decode": True}, {"a": 1}),
        ('{"a": 1} x', "application/json", {}, {"a": 1}),
        ('{"a":', "application/json", {}, None),
        ('{"a": 1}', "application/problem+json", {}, {"a": 1}),
        ("a: [1]", "application/yaml", {}, {"a": [1]}),
        ("a: [1]", "", {"force_yaml_decode": True}, {"a": [1]}),
        ("a: [", "application/x-yaml", {}, None),
    ],
)
def test_bodies(text: str, kind: str, more: dict[str, Any], body: Any) -> None:
    assert ask(Net(answer(text, kind=kind)), GET | more)["body"] == body


def test_what_is_sent() -> None:
    net = Net(answer())
    ask(net, {"method": "post", "url": '"http://h.example"', "body": {"b": "<", "a": 1}, "headers": {"x-a": "1"}})
    assert net.asked[0].body == b'{"a":1,"b":"\\u003c"}'
    assert net.asked[0].headers == {"X-A": "1"}
    assert net.asked[0].url == "http://h.example"
    ask(net, GET | {"raw_body": "text", "body": 1, "timeout": "1s", "enable_redirect": True, "tls_server_name": "n"})
    assert (net.asked[1].body, net.asked[1].seconds, net.asked[1].redirects) == (b"text", 1.0, True)
    assert net.asked[1].tls.server_name == "n"


FAULTS: list[tuple[Any, str]] = [
    ({}, 'operand 1 missing required request parameters(s): {"method", "url"}'),
    (GET | {"x": 1}, 'operand 1 invalid request parameters(s): {"x"}'),
    (GET | {"raise_error": 1}, "invalid value for raise_error field"),
    (GET | {"method": 1}, '"method" must be a string'),
    (GET | {"method": "a b"}, 'net/http: invalid method "A B"'),
    (GET | {"url": ":"}, 'parse ":": missing protocol scheme'),
    (GET | {"headers": 1}, "invalid type for headers key"),
    (GET | {"headers": {"a": 1}}, 'invalid type for headers value "1"'),
    (GET | {"timeout": "x"}, 'invalid timeout value "x": time: invalid duration "x"'),
    (GET | {"timeout": Num("1.5")}, "invalid timeout number value 1.5, must be int64"),
    (GET | {"timeout": None}, "operand 1 'timeout' must be one of {string, number} but got null"),
    (GET | {"enable_redirect": "true"}, 'strconv.ParseBool: parsing "\\"true\\"": invalid syntax'),
    (GET | {"cache": 1}, 'invalid value for "cache" field'),
    (GET | {"force_cache": True}, "'force_cache' set but 'force_cache_duration_seconds' parameter is missing"),
    (GET | {"max_retry_attempts": -1}, 'invalid value -1 for field "max_retry_attempts"'),
    (GET | {"cache_ignored_headers": 1, "headers": {}}, "cache_ignored_headers must be an array of strings"),
    (1, "operand 1 must be object but got number"),
]


@pytest.mark.parametrize(("request_", "fault"), FAULTS)
def test_requests_that_are_none(request_: Any, fault: str) -> None:
    net = Net(answer())
    with pytest.raises(rego.EvalError) as caught:
        ask(net, request_)
    assert caught.value.message == f"http.send: {fault}"
    assert net.asked == []


def test_faults_as_answers() -> None:
    quiet = GET | {"raise_error": False}
    found = ask(Net(SendFault('Get "x": EOF')), quiet)
    assert found == {"status_code": 0, "error": {"code": "eval_http_send_network_error", "message": 'Get "x": EOF'}}
    found = ask(Net(SendFault("disallowed host: x", network=False)), quiet)
    assert found["error"]["code"] == "eval_http_send_internal_error"
    assert found["error"]["message"] == "eval_builtin_error: http.send: disallowed host: x"
    with pytest.raises(rego.EvalError, match=r"http\.send: Get http://h\.example/x: request timed out"):
        ask(Net(SendFault("late", late=True)), GET)


def test_without_a_network_there_is_no_answer_not_even_undefined() -> None:
    for request in (GET, GET | {"raise_error": False}):
        query = EMPTY.prepare("http.send(input)")
        with pytest.raises(rego.EvalError, match="--allow-net HOST"):
            query.value(input=request)


def test_a_replaced_call_needs_no_network() -> None:
    policy = rego.compile_modules({"a.rego": 'package a\np := http.send({"method": "get", "url": "x"}).n'})
    assert policy.prepare('data.a.p with http.send as {"n": 1}').value() == 1


TWICE = "[http.send(input), http.send(input)]"


def test_equal_requests_of_one_evaluation_are_sent_once() -> None:
    net = Net(answer("1"), answer("2"))
    assert [found["raw_body"] for found in ask(net, GET, TWICE)] == ["1", "1"]
    net = Net(answer("1", code=500), answer("2", code=500))
    assert [found["raw_body"] for found in ask(net, GET, TWICE)] == ["1", "2"]  # no code that may be kept
    net = Net(SendFault("once"), answer("2"))
    found = ask(net, GET | {"raise_error": False}, TWICE)
    assert [one["status_code"] for one in found] == [0, 0]
    assert len(net.asked) == 1


def test_headers_that_do_not_matter() -> None:
    net = Net(answer("1"), answer("2"))
    text = '[http.send(object.union(input, {"headers": {"a": "1"}})), http.send(object.union(input, {"headers": {}}))]'
    found = ask(net, GET | {"cache_ignored_headers": ["a"]}, text)
    assert [one["raw_body"] for one in found] == ["1", "1"]
    assert net.asked[0].headers == {"A": "1"}


def test_tries() -> None:
    net = Net(SendFault("1"), SendFault("2"), answer("3"))
    assert ask(net, GET | {"max_retry_attempts": 2})["raw_body"] == "3"
    assert net.pauses == [0.1, 0.2]
    net = Net(SendFault("no", network=False), answer())
    with pytest.raises(rego.EvalError):
        ask(net, GET | {"max_retry_attempts": 2})
    assert len(net.asked) == 1


CACHE = GET | {"cache": True}
SECOND = 1_000_000_000


def bodies(net: Net, request: Any, *after_seconds: int) -> list[str]:
    return [ask(net, request, now_ns=NOW_NS + s * SECOND)["raw_body"] for s in after_seconds]


def test_answers_are_kept_for_as_long_as_they_are_fresh() -> None:
    aged: Any = {"cache_control": "max-age=10", "date": DATE}
    assert bodies(Net(answer("1", **aged), answer("2", **aged)), CACHE, 0, 9, 10) == ["1", "1", "2"]
    gone: Any = {"expires": "Tue, 14 Nov 2023 22:13:30 GMT"}
    assert bodies(Net(answer("1", **gone), answer("2")), CACHE, 0, 9, 11) == ["1", "1", "2"]
    assert bodies(Net(answer("1"), answer("2")), CACHE, 0, 1) == ["1", "2"]
    assert bodies(Net(answer("1", cache_control="max-age=10"), answer("2")), CACHE, 0, 1) == ["1", "2"]  # no date
    assert bodies(Net(answer("1", **aged, code=500), answer("2")), CACHE, 0, 1) == ["1", "2"]
    kept: Any = {"cache_control": "no-store, max-age=10", "date": DATE}
    assert bodies(Net(answer("1", **kept), answer("2")), CACHE, 0, 1) == ["1", "2"]
    assert bodies(Net(answer("1", **aged), answer("2")), GET, 0, 1) == ["1", "2"]


def test_answers_are_kept_by_force() -> None:
    forced = GET | {"force_cache": True, "force_cache_duration_seconds": 5}
    net = Net(answer("1", cache_control="no-store"), answer("2"))
    assert bodies(net, forced, 0, 4, 5) == ["1", "1", "2"]


def test_stale_answers_are_confirmed() -> None:
    first = answer("1", cache_control="max-age=1", date=DATE, etag="e")
    same = answer("", code=304, cache_control="max-age=10", date=DATE)
    net = Net(first, same, answer("2"))
    assert bodies(net, CACHE, 0, 2, 3) == ["1", "1", "1"]
    assert net.asked[1].headers == {"If-None-Match": "e"}
    net = Net(first, answer("2", cache_control="max-age=10", date=DATE), answer("3"))
    assert bodies(net, CACHE, 0, 2, 3) == ["1", "2", "2"]


def test_no_more_time_than_the_evaluation_has() -> None:
    net = Net(answer())
    query = EMPTY.prepare("http.send(input)")
    query.value(input=GET, host=rego.Host(network=net), limits=rego.Limits(seconds=2.0))
    assert 0 < net.asked[0].seconds <= 2.0
