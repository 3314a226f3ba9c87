"""A hundred threads at once get the answers that one gets: of one query, of many, and while the data is replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from image_enforcer import rego
from tests.differential.generators import GENERATORS

from .test_savings import Answer, answers, compiled

THREADS: Final = 100
LIMITS: Final = rego.Limits(seconds=60.0)
"""Each waits for all the others."""
POLICY: Final = """package t
default allow := false
allow if { input.user in admins; not denied }
admins contains name if { some name, role in data.roles; role == "admin" }
denied if { some rule in data.rules; rule.user == input.user; f(rule.level) > input.least }
f(x) := x * 2 if x > 1 else := x
grouped[role] contains name if some name, role in data.roles
chosen := {name: f(n) | some name in grouped.admin; n := count(name)}
all_of := [allow, chosen, sum([v | some v in chosen]), data.version, object.keys(grouped)]
"""


def at_once(jobs: list[Callable[[], object]]) -> list[object]:
    """What each of some jobs gives, all begun at one moment in threads of their own."""
    gate = threading.Barrier(len(jobs))

    def run(job: Callable[[], object]) -> object:
        gate.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def data(version: int) -> rego.Snapshot:
    """Data that says in every part which version it is."""
    roles = {f"u{i}-{version}": ("admin", "dev")[i % 2] for i in range(6)}
    rules = [{"user": f"u{i}-{version}", "level": i} for i in range(3)]
    return rego.Snapshot({"roles": roles, "rules": rules, "version": version})


def test_one_query_in_a_hundred_threads() -> None:
    query = rego.compile_modules({"t.rego": POLICY}).prepare("data.t.all_of")
    given = [{"user": f"u{i % 7}-1", "least": i % 4} for i in range(THREADS)]
    shared = data(1)
    alone = [rego.to_json(query.value(input=g, data=data(1))) for g in given]
    together = at_once([lambda g=g: rego.to_json(query.value(input=g, data=shared, limits=LIMITS)) for g in given])  # type: ignore[misc] # a default argument keeps the loop's value
    assert together == alone


def test_a_query_made_and_first_run_in_a_hundred_threads() -> None:
    policy = rego.compile_modules({"t.rego": POLICY})
    asked = ("data.t.all_of", "data.t.chosen", "data.t = x", "data.t.grouped[r] = x", "x = data.t.f(3)")
    shared = data(1)

    def ask(number: int) -> str:
        query = policy.prepare(asked[number % len(asked)])
        found = query.run(input={"user": "u0-1", "least": 1}, data=shared, limits=LIMITS)
        return rego.to_json(sorted(rego.to_json(dict(s.bindings)) for s in found))

    alone = [ask(i) for i in range(len(asked))]
    together = at_once([lambda i=i: ask(i) for i in range(THREADS)])  # type: ignore[misc] # as above
    assert together == [alone[i % len(asked)] for i in range(THREADS)]


def test_while_the_data_is_replaced() -> None:
    query = rego.compile_modules({"t.rego": POLICY}).prepare("data.t.all_of")
    wanted = {
        version: rego.to_json(query.value(input={"user": f"u0-{version}", "least": 9}, data=data(version)))
        for version in range(8)
    }
    now = {"version": 0, "data": data(0)}
    stop = threading.Event()

    def replacing() -> None:
        version = 0
        while not stop.wait(0.001):
            version = (version + 1) % 8
            now.update(version=version, data=data(version))

    def asking() -> list[str]:
        wrong = []
        for _ in range(10):
            snapshot = now["data"]
            assert isinstance(snapshot, rego.Snapshot)
            version = snapshot.root["version"]
            given = {"user": f"u0-{version}", "least": 9}
            said = rego.to_json(query.value(input=given, data=snapshot, limits=LIMITS))
            wrong += [] if said == wanted[version] else [f"{said} with the data of {version}"]
        return wrong

    replacer = threading.Thread(target=replacing)
    replacer.start()
    try:
        found = at_once([asking] * THREADS)
    finally:
        stop.set()
        replacer.join()
    assert [f for f in found if f] == []


def test_generated_programs_side_by_side() -> None:
    drawn = [(name, seed) for seed in range(40) for name in ("small", "wide", "programs")]
    cases = [GENERATORS[name](seed) for name, seed in drawn]
    ready = [(policy, case) for case in cases if (policy := compiled(case)) is not None][:50]

    def job(number: int) -> Answer:
        policy, case = ready[number % len(ready)]
        return answers(policy, case)

    alone = [job(i) for i in range(len(ready))]
    together = at_once([lambda i=i: job(i) for i in range(THREADS)])  # type: ignore[misc] # as above
    for number, said in enumerate(together):
        expected = alone[number % len(ready)]
        assert said == expected or expected[0] == "limit", ready[number % len(ready)][1].shown()
