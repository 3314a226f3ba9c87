"""The rules of the lint: each finds its own example, and nothing in the mended one."""

import pytest

from image_enforcer.opa.lint import RULES, SEVERITIES, Rule, lint
from image_enforcer.rego import compile_modules, parse_module

DATA = {"IL305": {"a": {"limit": 1}}}
"""Documents that a rule's example stands beside."""


def codes(text: str, data: object = None) -> list[str]:
    return [f.rule.code for f in lint({"a.rego": parse_module("a.rego", text)}, data=data or {})]


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.code)
def test_examples(rule: Rule) -> None:
    compile_modules({"a.rego": rule.bad})
    compile_modules({"a.rego": rule.good})
    assert set(codes(rule.bad, DATA.get(rule.code))) == {rule.code}
    assert codes(rule.good, DATA.get(rule.code)) == []


def test_codes_are_in_order_and_names_are_names() -> None:
    assert [r.code for r in RULES] == sorted({r.code for r in RULES})
    assert len({r.name for r in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.severity in SEVERITIES
        assert rule.summary.endswith(".")
        assert rule.why.endswith(".")
        assert rule.remedy.endswith((".", ")."))
