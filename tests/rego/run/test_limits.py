"""Every way found to make an evaluation endless or huge ends soon, in one of three outcomes, in little memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from image_enforcer import rego
from image_enforcer.rego.meter import METER
from tests.rego.run.bombs import BOMBS

MEGABYTES = 64
ANSWERED = frozenset(
    {
        "exponent plus", "exponent into text", "exponent compared", "format, wide", "format, given width",
        "version, long", "subsets", "values, very deep", "rules, very deep", "exponent to integer", "globs that meet",
        "functions",
    }
)  # fmt: skip
"""What looks dangerous and has an answer all the same."""

UNDEFINED = frozenset(
    {
        "pattern with repeats", "YAML aliases", "YAML, deep", "JSON, deep",
        "JSON, deep and whole", "JSON, long number", "number from text",
        "quantity, long", "quantity, exponent", "quantity of bytes, exponent",
        "duration, long", "years", "time in the far future",
    }
)  # fmt: skip
"""What a built-in refuses."""


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_ends_soon_and_small(root: Path, name: str) -> None:
    paths = os.pathsep.join((str(root / "src"), str(root)))
    done = subprocess.run(
        [sys.executable, "-m", "tests.rego.run.bombs", name],
        cwd=root, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    ended = json.loads(done.stdout)
    if ended["outcome"] == "limit: time":  # half a second is soon over where the machine has other work
        pass
    elif name in ANSWERED:
        assert ended["outcome"] == "answer"
    elif name in UNDEFINED:
        assert ended["outcome"] in ("undefined", "limit: memory")
    else:
        assert ended["outcome"].startswith("limit: ")
    assert ended["grown"] < MEGABYTES


def query(policy: str, strict: bool = False) -> rego.Query:
    policies = rego.compile_modules({"t.rego": f"package t\n{policy}"})
    return policies.prepare("data.t.p", strict_builtin_errors=strict)


def crossed(policy: str, limits: rego.Limits, host: rego.Host | None = None) -> str:
    with pytest.raises(rego.LimitError) as caught:
        query(policy).value(limits=limits, host=host or rego.Host())
    return caught.value.kind


ENDLESS = "p := count([1 | some a in r; some b in r; some c in r])\nr := numbers.range(1, 3000)"


def test_time_is_the_hosts() -> None:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            self.now += 0.01
            return self.now

    clock = Clock()
    assert crossed(ENDLESS, rego.Limits(seconds=1.0), rego.Host(monotonic=clock)) == "time"
    assert 1.0 < clock.now < 1.1


def test_units_are_counted_the_same_every_time() -> None:
    policy = "p := count([1 | some a in r; some b in r])\nr := numbers.range(1, 100)"
    enough = rego.Limits(seconds=None, units=40_000)
    assert query(policy).value(limits=enough) == 10_000
    for _ in range(3):
        assert crossed(policy, rego.Limits(seconds=None, units=4_000)) == "units"


def test_memory_is_counted_across_built_ins_and_comprehensions() -> None:
    limits = rego.Limits(seconds=None, memory=100_000)
    assert crossed('p := concat("", [x, x, x])\nx := sprintf("%050000d", [1])', limits) == "memory"
    assert crossed("p := numbers.range(1, 10000)", limits) == "memory"
    grows = "p := count({[a, b] | some a in r; some b in r})\nr := numbers.range(1, 100)"
    assert crossed(grows, limits) == "memory"


def test_without_bounds_nothing_is_refused() -> None:
    unbounded = rego.Limits(seconds=None, memory=None)
    assert query("p := count(numbers.range(1, 1000000))").value(limits=unbounded) == 1_000_000


def test_a_limit_is_no_error_and_not_undefined() -> None:
    policy = 'default p := "safe"\np := count([1 | some a in r; some b in r; some c in r])\nr := numbers.range(1, 3000)'
    assert crossed(policy, rego.Limits(seconds=None, units=100_000)) == "units"
    negated = "p if not q\nq if { some a in r; some b in r; a + b < 0 }\nr := numbers.range(1, 3000)"
    assert crossed(negated, rego.Limits(seconds=None, units=100_000)) == "units"


def test_a_limit_inside_a_built_in_passes_lax_and_strict_mode() -> None:
    for strict in (False, True):
        with pytest.raises(rego.LimitError):
            query("p := bits.lsh(1, 10000000)", strict).value()


def test_limits_of_one_evaluation_do_not_reach_the_next() -> None:
    asked = query("p := count([1 | some a in r; some b in r])\nr := numbers.range(1, 300)")
    snapshot = rego.Snapshot({})
    tight = rego.Limits(seconds=None, units=1_000)
    for _ in range(2):
        with pytest.raises(rego.LimitError):
            asked.value(data=snapshot, limits=tight)
        assert asked.value(data=snapshot) == 90_000
        snapshot = rego.Snapshot({})
    assert METER.payer is None


def test_a_chain_of_three_thousand_rules_has_an_answer() -> None:
    rules = "\n".join(f"q{i} := q{i + 1} + 1" for i in range(3000))
    assert query(f"{rules}\nq3000 := 0\np := q0").value() == 3000


def test_a_value_that_is_long_only_when_written_is_refused_when_written() -> None:
    rules = "\n".join(f"q{i + 1} := array.concat([q{i}], [q{i}])" for i in range(60))
    value = query(f"q0 := 1\n{rules}\np := q60").value()
    with pytest.raises(rego.LimitError) as caught:
        rego.to_json(value, most=1 << 20)
    assert caught.value.kind == "output"
