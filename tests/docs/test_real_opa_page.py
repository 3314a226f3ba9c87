"""The page about a real OPA: its rule refuses by facts that are old, or not there."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from image_enforcer import rego

NOW = datetime.now(UTC)
AGES = [(timedelta(0), True), (timedelta(hours=23), True), (timedelta(hours=25), False), (None, False)]


@pytest.mark.parametrize(("age", "allowed"), AGES)
def test_the_page_s_rule_works_beside_the_samples(root: Path, age: timedelta | None, allowed: bool) -> None:
    text = (root / "docs/how-to/use-a-real-opa.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```rego\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    modules = {name: (root / "policies" / name).read_text("utf-8") for name in ("default.rego", "naming.rego")}
    policy = rego.compile_modules({**modules, "age.rego": example})
    facts: dict[str, rego.Value] = {} if age is None else {"facts": {"as_of": (NOW - age).isoformat()}}
    review: rego.Value = {"spec": {"namespace": "shop", "containers": [{"image": "shop/web:1"}]}}
    answer = policy.prepare("data.io.k8s.image_policy.verify.status").value(
        input=review, data={"image_enforcer": facts}
    )
    assert isinstance(answer, dict)
    assert answer["allowed"] is allowed
    assert allowed or "[facts-old]" in str(answer["reason"])
