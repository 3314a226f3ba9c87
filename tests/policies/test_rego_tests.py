"""Every `test_` rule of the sample policies holds in our own engine."""

from collections.abc import Mapping

from image_enforcer import rego
from tests.policies.rego_tests import failing, names_of


def test_every_policy_has_tests_beside_it(sources: Mapping[str, str]) -> None:
    policies = {name.removesuffix(".rego") for name in sources if not name.endswith("_test.rego")}
    assert policies == {name.removesuffix("_test.rego") for name in sources if name.endswith("_test.rego")}
    assert policies == {"default", "scan", "naming", "pinning", "registry", "freshness", "mock/input"}


def test_every_test_holds(sources: Mapping[str, str]) -> None:
    policy = rego.compile_modules(dict(sources), strict=True)
    assert len(names_of(policy)) >= 60
    assert list(failing(policy)) == []


def test_a_failing_test_is_seen() -> None:
    rules = ("test_holds if true", "test_false := false", "test_undefined if input.x", "test_wrong := 1 if 1 == 2")
    policy = rego.compile_modules({"t.rego": "\n".join(("package t", *rules))})
    assert list(failing(policy)) == ["data.t.test_false", "data.t.test_undefined", "data.t.test_wrong"]
