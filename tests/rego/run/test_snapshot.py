"""What is remembered between evaluations, and what must never be."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from image_enforcer import rego
from image_enforcer.rego.run.state import State


class Counting(Mapping[str, Any]):
    """A lazy document that counts what it is asked, and can be told to fail or to answer otherwise."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        self.asked: list[str] = []
        self.fault: BaseException | None = None

    def __getitem__(self, k: str) -> Any:
        self.asked.append(k)
        if self.fault is not None:
            raise self.fault
        return self.content[k]

    def __iter__(self) -> Iterator[str]:
        if self.fault is not None:
            raise self.fault
        self.asked.append("*")
        return iter(self.content)

    def __len__(self) -> int:
        return len(self.content)


def query(policy: str, asked: str = "data.t.p") -> rego.Query:
    return rego.compile_modules({"t.rego": f"package t\n{policy}"}).prepare(asked)


class Steps:
    """How many steps an evaluation takes, by the least limit under which it ends."""

    def __init__(self, asked: rego.Query) -> None:
        self.asked = asked

    def within(self, units: int, **given: Any) -> bool:
        try:
            self.asked.value(limits=rego.Limits(seconds=None, units=units), **given)
        except rego.LimitError:
            return False
        return True


DERIVED = "vulnerable contains name if { some name, layer in data.layers; count(layer) > 0 }\np := count(vulnerable)"


def layers(count: int) -> dict[str, Any]:
    return {"layers": {f"l{i}": [1] * (i % 2) for i in range(count)}}


def test_what_rests_on_data_alone_is_made_once_for_a_snapshot() -> None:
    steps = Steps(query(DERIVED))
    snapshot = rego.Snapshot(layers(20_000))
    assert not steps.within(10_000, data=snapshot)
    assert not steps.within(10_000, data=snapshot)  # a crossed limit is not remembered
    assert steps.within(1_000_000, data=snapshot)
    assert steps.within(10_000, data=snapshot)
    assert not steps.within(10_000, data=rego.Snapshot(snapshot.root))


BY_KEY = "vulnerable contains name if { some name; some part in data.layers[name]; part > 0 }\np := vulnerable[input.x]"


def test_what_a_set_holds_under_a_key_is_found_out_once_for_a_snapshot() -> None:
    steps = Steps(query(BY_KEY))
    snapshot = rego.Snapshot({"layers": {"long": [0] * 20_000, "bad": [0] * 20_000 + [1]}})
    for name in ("long", "bad"):
        given = {"x": name}
        assert not steps.within(10_000, data=snapshot, input=given)
        assert steps.within(1_000_000, data=snapshot, input=given)
        assert steps.within(10_000, data=snapshot, input=given)
        assert not steps.within(10_000, data=rego.Snapshot(snapshot.root), input=given)
    asked = steps.asked
    wanted = {"long": rego.UNDEFINED, "bad": "bad", "none": rego.UNDEFINED}
    for _ in range(2):
        assert {name: asked.value(input={"x": name}, data=snapshot) for name in wanted} == wanted


def test_what_a_set_holds_under_a_key_is_not_kept_beside_with() -> None:
    asked = query(BY_KEY + '\nq := [p, a, p] if { a := p with data.layers as {"bad": [0], "good": [1]} }', "data.t.q")
    snapshot = rego.Snapshot({"layers": {"bad": [1], "good": [1]}})
    given = {"x": "good"}
    for _ in range(2):
        assert asked.value(input=given, data=snapshot) == ["good", "good", "good"]
        assert asked.value(input={"x": "bad"}, data=snapshot) is rego.UNDEFINED
        assert asked.value(input=given, data=rego.Snapshot({"layers": {}})) is rego.UNDEFINED


def test_keys_of_other_kinds_have_answers_of_their_own() -> None:
    asked = query('s contains x if { some x in [1, 1.0, true, null, [1], "1", "true"]; data.on }\np := s[input.x]')
    snapshot = rego.Snapshot({"on": True})
    for x in (1, True, [1], "1", "true", 1) * 2:
        assert asked.value(input={"x": x}, data=snapshot) == x


def test_a_new_snapshot_has_new_answers() -> None:
    asked = query(DERIVED)
    assert asked.value(data=rego.Snapshot(layers(4))) == 2
    assert asked.value(data=rego.Snapshot(layers(8))) == 4
    assert asked.value(data=layers(2)) == 1
    assert asked.value() == 0


def test_no_more_is_kept_than_the_snapshot_has_room_for() -> None:
    steps = Steps(query(DERIVED))
    snapshot = rego.Snapshot(layers(20_000), memo_bytes=100_000)
    assert steps.within(1_000_000, data=snapshot)
    assert not steps.within(10_000, data=snapshot)
    assert steps.asked.value(data=snapshot) == 10_000


def test_undefined_is_remembered_as_undefined() -> None:
    asked = query("p if { some x in data.list; x == 9 }\ndefault q := false\nq if p", "data.t.q")
    snapshot = rego.Snapshot({"list": [1, 2]})
    assert [asked.value(data=snapshot) for _ in range(3)] == [False] * 3


@pytest.mark.parametrize(
    "rule",
    [
        "input.x",
        "f(input.x)",
        "[y | y := input.x][0]",
        "{input.x: 1}",
        "other",
        "every_one",
        'object.get(input, "x", 0)',
        "other_set[input.x]",
        "[v | some v in input][0]",
        "v if { some k; v := input[k] }",
        '{v | walk(input, [["x"], v])}',
        'indirect["x"]',
    ],
)
def test_what_reads_the_input_is_never_kept(rule: str) -> None:
    policy = f"""p := {rule}
f(x) := x
other := input.x
every_one := input.x if {{ every y in [1] {{ y == 1 }} }}
other_set contains input.x
indirect := data.t.deeper
deeper := input"""
    asked = query(policy)
    snapshot = rego.Snapshot({})
    for x in (1, "two", [3], 1):
        fresh = asked.value(input={"x": x}, data=rego.Snapshot({}))
        assert rego.to_json(asked.value(input={"x": x}, data=snapshot)) == rego.to_json(fresh)
        assert str(x if type(x) is not list else 3) in rego.to_json(fresh)


@pytest.mark.parametrize(
    "rule", ["time.now_ns()", 'rand.intn("x", 1000000000)', 'uuid.rfc4122("x")', "f(1)", "[x | x := time.now_ns()][0]"]
)
def test_what_clock_and_chance_say_is_never_kept(rule: str) -> None:
    asked = query(f"p := q\nq := {rule}\nf(x) := time.now_ns() + x")
    snapshot = rego.Snapshot({})
    ticks = iter(range(1, 10))
    host = rego.Host(now_ns=lambda: next(ticks), random_bytes=lambda n: bytes([next(ticks)]) * n)
    assert asked.value(data=snapshot, host=host) != asked.value(data=snapshot, host=host)


def test_prints_are_heard_every_time() -> None:
    heard: list[str] = []
    host = rego.Host(print=lambda text, _: heard.append(text))
    asked = query('p if q\nq if { print("here"); data.x == 1 }')
    snapshot = rego.Snapshot({"x": 1})
    for _ in range(2):
        assert asked.value(data=snapshot, host=host) is True
    assert heard == ["here", "here"]


def test_with_neither_uses_nor_leaves_what_is_kept() -> None:
    policy = """p := [a, b, c, d] if {
	a := n
	b := n with data.list as [1]
	c := n with count as 7
	d := n
}
n := count(data.list)"""
    asked = query(policy)
    snapshot = rego.Snapshot({"list": [1, 2, 3]})
    for _ in range(3):
        assert asked.value(data=snapshot) == [3, 1, 7, 3]


def test_with_input_does_not_touch_what_rests_on_data() -> None:
    body = "a := m with input.x as 1; b := m with input.x as 2"
    policy = f"p := [a, b] if {{ {body} }}\nm := [n, input.x]\nn := count(data.list)"
    snapshot = rego.Snapshot({"list": [1, 2, 3]})
    for _ in range(2):
        assert query(policy).value(data=snapshot) == [[3, 1], [3, 2]]


def test_errors_are_not_remembered() -> None:
    asked = query("p := q if input.ask\ndefault p := 0\nq := 1 if data.a\nq := 2 if data.b")
    snapshot = rego.Snapshot({"a": True, "b": True})
    for _ in range(2):
        with pytest.raises(rego.EvalError, match="conflict"):
            asked.value(input={"ask": True}, data=snapshot)
        assert asked.value(input={}, data=snapshot) == 0


def test_two_policies_on_one_snapshot_keep_apart() -> None:
    snapshot = rego.Snapshot({"x": 1})
    for n in range(5):
        assert query(f"p := q\nq := data.x + {n}").value(data=snapshot) == 1 + n


# --- lazy documents ------------------------------------------------------------------------------


def test_a_lazy_document_is_asked_for_what_is_needed_only() -> None:
    lazy = Counting({"a": {"n": 1}, "b": {"n": 2}})
    asked = query("p := data.docs.lazy[input.k].n")
    assert asked.value(input={"k": "b"}, data=rego.Snapshot({"docs": {"lazy": lazy}})) == 2
    assert asked.value(input={"k": "z"}, data={"docs": {"lazy": lazy}}) is rego.UNDEFINED
    assert lazy.asked == ["b", "z"]


def test_what_rests_on_a_lazy_document_is_not_kept() -> None:
    lazy = Counting({"a": 1})
    asked = query("p := q\nq := data.docs.lazy.a")
    snapshot = rego.Snapshot({"docs": {"lazy": lazy}})
    assert snapshot.lazy
    assert asked.value(data=snapshot) == 1
    lazy.content = {"a": 2}
    assert asked.value(data=snapshot) == 2
    lazy.fault = OSError("disk is gone")
    with pytest.raises(rego.DocumentError):
        asked.value(data=snapshot)


def test_a_lazy_document_is_a_value_like_any_other() -> None:
    lazy = Counting({"a": {"n": 1}, "b": Counting({"n": 2})})
    data = {"docs": {"lazy": lazy, "plain": 1}, "beside": 3}
    for expression, wanted in {
        "count(data.docs.lazy)": "2",
        "data.docs": '{"lazy":{"a":{"n":1},"b":{"n":2}},"plain":1}',
        "{data.docs.lazy.b}": '[{"n":2}]',
        'object.get(data.docs, ["lazy", "b", "n"], 0)': "2",
        "[k | data.docs.lazy[k].n > 0]": '["a","b"]',
        'data.docs.lazy == {"a": {"n": 1}, "b": {"n": 2}}': "true",
        "is_object(data.docs.lazy)": "true",
        "[v | walk(data.docs, [_, v]); is_number(v)]": "[1,2,1]",
        "json.marshal(data.docs.lazy)": '"{\\"a\\":{\\"n\\":1},\\"b\\":{\\"n\\":2}}"',
        "object.union(data.docs.lazy, {}).b.n": "2",
        "[data.docs.lazy, 1][0].a.n": "1",
        "sort([data.docs.lazy.b, data.docs.lazy.a])": '[{"n":1},{"n":2}]',
        "{k | some k, _ in data.docs.lazy}": '["a","b"]',
        "[n | n := data[_].lazy[_].n]": "[1,2]",
    }.items():
        assert rego.to_json(query(f"p := {expression}").value(data=data)) == wanted, expression


def test_with_beside_and_inside_a_lazy_document() -> None:
    data = {"docs": {"lazy": Counting({"a": {"n": 1}, "b": {"n": 2}})}}
    for replacement, wanted in {
        "data.docs.lazy.a.n as 7": '{"lazy":{"a":{"n":7},"b":{"n":2}}}',
        "data.docs.other as 7": '{"lazy":{"a":{"n":1},"b":{"n":2}},"other":7}',
        "data.docs.lazy as 7": '{"lazy":7}',
    }.items():
        assert (
            rego.to_json(query(f"p := x if {{ x := q with {replacement} }}\nq := data.docs").value(data=data)) == wanted
        )


def test_announced_lazy_documents_may_stand_anywhere() -> None:
    deep: dict[str, Any] = {"lazy": Counting({"a": 1})}
    for step in range(8):
        deep = {f"s{step}": deep}
    assert not rego.Snapshot(layers(3)).lazy
    assert rego.Snapshot(deep, lazy=True).lazy


@pytest.mark.parametrize(
    "fault", [OSError("x"), ValueError("x"), TypeError("x"), IndexError("x"), rego.DocumentError("x")]
)
@pytest.mark.parametrize(
    "rule",
    [
        "data.docs.lazy.a",
        "data.docs.lazy[input.k]",
        "not data.docs.lazy.a",
        "count(data.docs.lazy)",
        "[v | some v in data.docs.lazy]",
        'object.get(data.docs, ["lazy", "a"], 1)',
        "{v | v := data.docs[_][_]}",
        "1 in data.docs.lazy",
        "data.docs.lazy == {}",
        "walks",
    ],
)
def test_a_failing_look_up_is_an_error_never_undefined(rule: str, fault: BaseException) -> None:
    lazy = Counting({"a": 1})
    lazy.fault = fault
    holds = rule if rule.startswith("not ") else f"x := {rule}"
    asked = query(f"default p := 0\np := 1 if {{ {holds} }}\nwalks := [v | walk(data.docs, [_, v])]")
    with pytest.raises(rego.DocumentError):
        asked.value(input={"k": "a"}, data={"docs": {"lazy": lazy}})


# --- threads -------------------------------------------------------------------------------------


def test_one_policy_serves_many_threads() -> None:
    policy = rego.compile_modules(
        {"t.rego": f"package t\n{DERIVED}\nq[k] := v if {{ some k, v in input; vulnerable }}"}
    )
    snapshots = [rego.Snapshot(layers(n)) for n in (100, 200, 300)]
    wrong: list[Any] = []
    start = threading.Barrier(8)

    def work(number: int) -> None:
        start.wait()
        for i in range(60):
            asked = policy.prepare("[data.t.p, data.t.q]" if i % 3 else "[data.t.p, data.t.q, 1]")
            n = (number + i) % 3
            got = asked.value(input={"n": number, "i": i}, data=snapshots[n])[:2]
            if got != [(n + 1) * 50, {"n": number, "i": i}]:
                wrong.append(got)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_states_share_nothing_but_the_snapshot() -> None:
    assert "m" in State.__slots__
    asked = query("p := [q, input.x]\nq := count(data.list)")
    snapshot = rego.Snapshot({"list": [1]})
    assert asked.value(input={"x": 1}, data=snapshot) == [1, 1]
    assert asked.value(input={"x": 2}, data=snapshot) == [1, 2]
