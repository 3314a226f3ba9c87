"""Nothing in the sample policies is there for nothing: without any one rule or branch, a test fails."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from image_enforcer import rego
from tests.policies.rego_tests import failing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def survives(place: str, modules: Mapping[str, object]) -> bool | None:
    """Whether no test fails with these modules; None where they do not compile. The policy's own tests come first,
    since they are those that most often fail."""
    own = f"{place.partition('.')[0]}_test.rego"
    first = {name: module for name, module in modules.items() if name == own or not name.endswith("_test.rego")}
    try:
        return all(next(failing(rego.compile_modules(some)), None) is None for some in (first, modules))  # type: ignore[arg-type]
    except rego.CompileError:
        return None


def mutants(sources: Mapping[str, str]) -> Iterator[tuple[str, dict[str, object]]]:
    """Each policy with one rule, or one else branch and what follows it, left out; with the place that is missing."""
    whole = dict(rego.compile_modules(dict(sources)).modules)
    for name, module in whole.items():
        if name.endswith("_test.rego"):
            continue
        for place, rule in enumerate(module.rules):
            without = module.rules[:place] + module.rules[place + 1 :]
            yield f"{name}:{rule.loc.row}", {**whole, name: replace(module, rules=without)}
            if rule.else_ is not None:
                shortened = (*module.rules[:place], replace(rule, else_=None), *module.rules[place + 1 :])
                yield f"{name}:{rule.else_.loc.row}", {**whole, name: replace(module, rules=shortened)}


def test_deleting_any_rule_fails_a_test(sources: Mapping[str, str]) -> None:
    survivors = []
    killed = 0
    for place, modules in mutants(sources):
        if survives(place, modules):
            survivors.append(place)
        else:
            killed += 1
    assert survivors == []
    assert killed >= 60


# Without it, object.get is handed what is no object and is undefined: the same, said less clearly.
EQUIVALENT = {"scan.rego: is_object(document.Layer)"}


def thinned(sources: Mapping[str, str]) -> Iterator[tuple[str, dict[str, object]]]:
    """Each policy with one expression of one rule's body left out; with what is missing."""
    whole = dict(rego.compile_modules(dict(sources)).modules)
    for name, module in whole.items():
        if name.endswith("_test.rego"):
            continue
        lines = module.text.splitlines()
        for place, rule in enumerate(module.rules):
            for index, expression in enumerate(rule.body):
                if len(rule.body) < 2:
                    continue
                body = rule.body[:index] + rule.body[index + 1 :]
                changed = (*module.rules[:place], replace(rule, body=body), *module.rules[place + 1 :])
                text = lines[expression.loc.row - 1].strip()
                yield f"{name}: {text}", {**whole, name: replace(module, rules=changed)}


@pytest.mark.soak
def test_leaving_out_any_expression_fails_a_test(sources: Mapping[str, str]) -> None:
    survivors = {place for place, modules in thinned(sources) if survives(place, modules)}
    assert survivors == EQUIVALENT
