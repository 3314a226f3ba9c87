"""``x in p`` asked of the rules alone is what enumerating ``p`` would say; and it costs no enumeration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from image_enforcer import rego

MANY = {f"k{i}": {"n": i} for i in range(20_000)}
TIGHT = rego.Limits(seconds=None, units=600)
"""Steps enough for some look-ups, far too few for twenty thousand elements."""


def query(policy: str, *, strict: bool = False) -> rego.Query:
    return rego.compile_modules({"t.rego": f"package t\n{policy}"}).prepare("data.t.a", strict_builtin_errors=strict)


KEYED = "p contains k if { some k, v in data.many; v.n > 0 }\n"


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        ("a := input.k in p", True),
        ("a := input.z in p", False),
        ("a if { input.k in p }", True),
        ("a if { not input.z in p }", True),
        ("a := {x | some x in [input.k, input.z]; x in p} == {input.k}", True),
        ('a if { every x in [input.k, "k9"] { x in p } }', True),
        ('a := "k0" in p', False),
        ("q contains x if { some x in [input.k, input.z]; x in p }\na := q == {input.k}", True),
        ("f(x) := x in p\na := f(input.k)", True),
        ('a if { not input.k in p with input.k as "nobody" }', True),
    ],
)
def test_a_member_is_looked_up(ask: str, expected: bool) -> None:
    given = {"k": "k7", "z": "z"}
    assert query(KEYED + ask).value(data={"many": MANY}, input=given, limits=TIGHT) is expected


def test_a_set_that_depends_on_input_is_looked_up() -> None:
    policy = "p contains k if { some k, v in data.many; v.n > input.least }\na := input.k in p"
    snapshot = rego.Snapshot({"many": MANY})
    for least, expected in ((3, True), (7, False)):
        given = {"k": "k7", "least": least}
        assert query(policy).value(data=snapshot, input=given, limits=TIGHT) is expected


@pytest.mark.parametrize(
    "policy",
    [
        # the member is found by scanning in any case
        'p contains v.n if { some v in data.many }\na := "x" in p',
        # numbers have several spellings, of which a rule may see one
        "p contains k if { some k, _ in data.many }\na := 1 in p",
        'p contains k if { some k, _ in data.many }\na := ["x", 1] in p',
        # errors of other members are OPA's answer
        'p contains k if { some k, _ in data.many; f(k) }\nf(_) := 1\nf(x) := 2 if x == "z"\na := "k1" in p',
        'p contains k if { some k, _ in data.many; count({1: x | some x in [k]}) > 0 }\na := "k1" in p',
        'p contains k if { some k, _ in data.many; print(k) }\na := "k1" in p',
        'p contains k if { some k, _ in data.many }\na if { "k1" in p with data.other as 1 }',
        'p contains k if { some k, _ in data.many }\na := ["k1" in p, count(p)]',
    ],
)
def test_a_set_is_enumerated_where_asking_could_tell(policy: str) -> None:
    with pytest.raises(rego.LimitError):
        query(policy).value(data={"many": MANY}, limits=TIGHT)


def test_strict_mode_meets_the_faults_of_other_members() -> None:
    policy = 'p contains k if { some k, v in data.m; to_number(v) > 0 }\na := "x" in p'
    data = {"m": {"x": "1", "y": "no number"}}
    assert query(policy).value(data=data) is True
    with pytest.raises(rego.EvalError, match="to_number"):
        query(policy, strict=True).value(data=data)


@pytest.mark.parametrize("ask", ['a := "x" in p', "a := count(p)"])
def test_what_is_remembered_outside_strict_mode_is_no_answer_in_it(ask: str) -> None:
    policy = rego.compile_modules(
        {"t.rego": f"package t\np contains k if {{ some k, v in data.m; to_number(v) > 0 }}\n{ask}"}
    )
    snapshot = rego.Snapshot({"m": {"x": "1", "y": "no number"}})
    lax, strict = (policy.prepare("data.t.a", strict_builtin_errors=s) for s in (False, True))
    for _ in range(2):
        assert lax.value(data=snapshot) in (True, 1)
        with pytest.raises(rego.EvalError, match="to_number"):
            strict.value(data=snapshot)


def test_conflicts_of_other_members_are_met() -> None:
    rules = 'p contains k if { some k, v in data.m; f(v) }\nf(x) := true if x > 0\nf(x) := 7 if x > 1\na := "x" in p'
    assert query(rules).value(data={"m": {"x": 1}}) is True
    with pytest.raises(rego.EvalError, match="conflicting values"):
        query(rules).value(data={"m": {"x": 1, "y": 2}})


def test_prints_of_other_members_are_heard() -> None:
    heard: list[str] = []
    host = rego.Host(print=lambda text, _: heard.append(text))
    policy = 'p contains k if { some k, _ in data.m; print(k) }\na := "x" in p'
    assert query(policy).value(data={"m": {"x": 1, "y": 2}}, host=host) is True
    assert heard == ["x", "y"]


class Listing(Mapping[str, Any]):
    """A lazy document whose listing and look-ups disagree."""

    def __getitem__(self, k: str) -> Any:
        return 1

    def __iter__(self) -> Any:
        return iter(["x"])

    def __len__(self) -> int:
        return 1


def test_lazy_documents_are_listed() -> None:
    policy = 'p contains k if { some k, _ in data.m }\na := "y" in p'
    assert query(policy).value(data=rego.Snapshot({"m": Listing()})) is False


def test_numbers_do_not_find_the_keys_that_are_their_text() -> None:
    policy = 'p contains k if { some k; data.m[k] }\na := [1 in p, "1" in p, 1.0 in p]'
    assert query(policy).value(data={"m": {"1": 5}}) == [False, True, False]


def test_equal_numbers_are_one_member() -> None:
    policy = 'p contains [k, v] if { some k, v in data.m }\na := [["x", 1.0] in p, ["x", 1] in p, ["x", true] in p]'
    assert query(policy).value(data={"m": {"x": 1}}) == [True, True, False]


# --- between evaluations -------------------------------------------------------------------------


def test_nothing_is_stale_after_a_change_of_data() -> None:
    asked = query("p contains k if { some k, v in data.m; v }\na := input in p")
    for size in (3, 30_000):
        for held in (True, False, True):
            snapshot = rego.Snapshot({"m": {**{f"k{i}": True for i in range(size)}, "x": held}})
            for _ in range(3):
                assert asked.value(data=snapshot, input="x") is held
                assert asked.value(data=snapshot, input="k1") is True
                assert asked.value(data=snapshot, input="no") is False


def test_an_evaluation_that_met_its_limit_leaves_no_answer() -> None:
    asked = query("p contains k if { some k, v in data.m; some x in v; x > 5 }\na := input in p")
    snapshot = rego.Snapshot({"m": {"x": list(range(3_000)), "y": [1]}})
    for units in (1, 50, 1_000, 2_500):
        with pytest.raises(rego.LimitError):
            query("p contains k if { some k, v in data.m; some x in v; x > 5000 }\na := input in p").value(
                data=snapshot, input="x", limits=rego.Limits(seconds=None, units=units)
            )
        with pytest.raises(rego.LimitError):
            asked.value(data=snapshot, input="x", limits=rego.Limits(seconds=None, units=units))
    assert asked.value(data=snapshot, input="x") is True
    assert asked.value(data=snapshot, input="y") is False


def test_many_questions_cost_about_one_enumeration() -> None:
    rules = "p contains k if { some k, v in data.m; some x in v; x == input.x }\n"
    data = rego.Snapshot({"m": {f"k{i}": list(range(20)) for i in range(2_000)}})
    enough = rego.Limits(seconds=None, units=400_000)
    asked = query(f"{rules}a := count([k | some _ in numbers.range(1, 20); some k, _ in data.m; k in p])")
    assert asked.value(data=data, input={"x": 3}, limits=enough) == 40_000


def test_answers_kept_with_the_data_are_not_those_of_replaced_documents() -> None:
    rules = "p contains k if { some k, v in data.m; v == w }\nw := 1\n"
    ask = "a := [x | x := input in p]\nb := [x | x := input in p with data.t.w as 2]\n"
    ask += "c := [x | x := input in p with data.m as {}]"
    policy = rego.compile_modules({"t.rego": f"package t\n{rules}{ask}"})
    snapshot = rego.Snapshot({"m": {**{f"k{i}": 1 for i in range(6_000)}, "z": 2}})
    for _ in range(2):
        for asked, member, expected in (("a", "k1", True), ("b", "k1", False), ("b", "z", True), ("c", "k1", False)):
            assert policy.prepare(f"data.t.{asked}").value(data=snapshot, input=member) == [expected]


# --- generated -----------------------------------------------------------------------------------

BODIES = [
    "p contains k if { some k, v in data.m; v.n == input.n }",
    "p contains k if { some k; data.m[k].n > 1 }",
    "p contains k if { some k, v in data.m; not v.off; h(v) }",
    "p contains [k, n] if { some k, v in data.m; n := v.tag }",
    "p contains [k, [t]] if { some k; t := data.m[k].tags[_] }",
    'p contains ["c", k] if { some k, _ in data.m }',
    'p contains "c"',
    "p contains k if { k := input.q }",
    'p contains data.m[k].tag if { some k, _ in data.m; k != "b" }',
    "p contains lower(k) if { some k, _ in data.m }",
    "p contains k if { some k, _ in data.m; k in r }",
    "p contains k if { some k, _ in data.m; o[k] }",
    'p contains k if { some k, v in data.m; every t in v.tags { t != "a" } }',
    "p contains k if { some k, v in data.m; count([t | some t in v.tags; t in r]) > 0 }",
    'p contains k if { some k, _ in data.m; g(k) == "x" }',
    "p contains [k, k] if { some k, _ in data.m }",
    "p contains {k} if { some k, _ in data.m }",
    'p contains {"k": k} if { some k, _ in data.m }',
    "p contains v if { walk(data.m, [_, v]) }",
    "p contains k if { some k, v in data.m; w == v.n }",
]
OTHERS = """
r contains k if { some k, v in data.m; v.n > 0 }
o[k] contains v.n if { some k, v in data.m }
h(v) if v.n > 1
h(v) if v.tag
default g(_) := "d"
g(x) := "x" if { x == "a" } else := "y" if { x == "b" }
default w := 2
w := 1 if input.n == 1
"""
ASKS = [
    "a := [[x, x in p] | some x in input.xs]",
    "a := [x | some x in input.xs; x in p]",
    "a := [x | some x in input.xs; not x in p]",
    "a := every_one\ndefault every_one := false\nevery_one if { every x in input.xs { x in p } }",
    "a := [y | some x in input.xs; y := x in p with input.n as 2]",
    "a := [y | some x in input.xs; y := x in p with data.m.a.n as 2]",
]

LEAF = st.sampled_from(["a", "b", "c", "x", "1", 1, 2, True, None, False])
MEMBER = st.one_of(
    LEAF,
    st.lists(LEAF, max_size=2),
    st.tuples(LEAF, st.lists(LEAF, max_size=1)).map(list),
    st.builds(lambda x: {"k": x}, LEAF),
)
ENTRY = st.fixed_dictionaries(
    {}, optional={"n": st.integers(0, 2), "tag": LEAF, "tags": st.lists(LEAF, max_size=2), "off": st.booleans()}
)
DATA = st.one_of(st.dictionaries(st.sampled_from(["a", "b", "x", "1"]), ENTRY), st.lists(ENTRY, max_size=2))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(BODIES), min_size=1, max_size=2), st.sampled_from(ASKS), DATA,
    st.lists(MEMBER, min_size=1, max_size=5), st.sampled_from([{}, {"n": 1}, {"n": 2, "q": "x"}]),
)  # fmt: skip
@example(["p contains k if { some k; data.m[k].n > 1 }"], ASKS[0], [{}, {"n": 2}], ["1", 1, ["1"]], {})
def test_asking_is_enumerating(
    bodies: list[str], ask: str, entries: Any, members: list[Any], more: dict[str, Any]
) -> None:
    rules = "\n".join(dict.fromkeys(bodies)) + OTHERS
    asked, whole = query(f"{rules}{ask}"), query(f"{rules}{ask.replace('in p', 'in {y | some y in p}')}")
    given_input = {"xs": members, **more}
    snapshot = rego.Snapshot({"m": entries})
    expected = whole.value(data=rego.Snapshot({"m": entries}), input=given_input)
    padded = rego.Snapshot({"m": entries, "lazy": Listing()})
    assert asked.value(data=snapshot, input=given_input) == expected
    assert asked.value(data=snapshot, input=given_input) == expected
    untried = rego.Limits(seconds=None, units=2_000)  # too few for a try to make the set
    assert asked.value(data=rego.Snapshot({"m": entries}), input=given_input, limits=untried) == expected
    assert asked.value(data=padded, input=given_input) == expected
