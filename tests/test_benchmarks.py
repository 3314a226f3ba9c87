"""What the benchmarks compare, and how they tell that engines disagree."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import facts, idioms, rules, tasks
from image_enforcer import rego


def test_forty_policies_by_a_fixed_rule(shared_cases: Path) -> None:
    chosen = idioms.policies(shared_cases / "rego-suite" / "idioms", 0.1)
    assert len(chosen) == len({task.id for task in chosen}) == idioms.COUNT
    assert chosen == idioms.policies(shared_cases / "rego-suite" / "idioms", 0.1)
    families = {task.id.partition("-")[0] for task in chosen}
    assert len(families) > 10
    for task in chosen:
        assert task.inputs
        rego.compile_modules(task.modules, version=task.version).prepare(task.query)


def test_disagreements() -> None:
    figures: dict[str, tasks.Figures] = {
        "ours": {"answers": [{"a": 1, "b": 2}, True]}, "same": {"answers": [{"b": 2, "a": 1}]},
        "other": {"answers": [{"a": 1, "b": 2}, 1]}, "none": {"error": "fell over"},
    }  # fmt: skip
    assert tasks.disagreements(figures) == ["other"]
    assert tasks.disagreements({"other": {"answers": [1]}}) == []


def test_the_least_of_the_rounds() -> None:
    rounds: list[tasks.Figures] = [
        {"id": "x", "us": 2.0, "decisions": 5},
        {"id": "x", "error": "slow"},
        {"id": "x", "us": 1.0, "decisions": 7},
    ]
    assert tasks.best(rounds) == {"id": "x", "us": 1.0, "decisions": 7}
    assert tasks.best(rounds[1:2]) == {"id": "x", "error": "slow"}


def test_many_rules_answer() -> None:
    query = rego.compile_modules({"rules.rego": rules.policy(60)}).prepare(rules.QUERY)
    answers = [query.value(input=rego.from_json(text), data={}) for text in rules.inputs()]
    assert any(len(answer) for answer in answers)


def test_a_layer_s_document_has_about_its_size() -> None:
    for size in (1_000, 30_000):
        assert 0.8 < len(facts.layer(size)) / size < 1.2
    assert "Layer" in json.loads(facts.layer(1_000))
