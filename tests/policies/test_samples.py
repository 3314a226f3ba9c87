"""The sample policies decide rightly: on the sample data, on the shared seed data, and where facts are missing."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from image_enforcer import rego
from tests.policies.conftest import modules

VERIFY = "data.io.k8s.image_policy.verify"


def status(policy: rego.Policy, review: rego.Value, data: rego.Value) -> dict[str, object]:
    """The `status` of the answer to a review."""
    answer = policy.prepare(VERIFY).value(input=review, data=data)
    assert isinstance(answer, dict)
    assert (answer["apiVersion"], answer["kind"]) == ("imagepolicy.k8s.io/v1alpha1", "ImageReview")
    found = answer["status"]
    assert isinstance(found, dict)
    return found


def production(*images: str) -> dict[str, object]:
    """A review of images in the namespace `production`."""
    return {"spec": {"namespace": "production", "containers": [{"image": image} for image in images]}}


def mock(policy: rego.Policy, name: str) -> rego.Value:
    """A mock review."""
    return policy.prepare(f"data.mock.{name}").value(data={})


@pytest.fixture(scope="session")
def seed_data(shared_cases: Path) -> rego.Value:
    """The original project's data."""
    folder = shared_cases / "seed-data"
    if not folder.is_dir():
        pytest.skip("the shared cases hold no seed-data")
    return {name: rego.from_json((folder / name / f"{name}.json").read_bytes()) for name in ("docker", "clair")}


def test_mock_reviews_on_the_sample_data(policy: rego.Policy, sample_data: rego.Value) -> None:
    assert status(policy, mock(policy, "allowed"), sample_data) == {"allowed": True}
    denied = status(policy, mock(policy, "denied"), sample_data)
    assert denied["allowed"] is False
    reason = str(denied["reason"])
    assert reason.startswith("library/wordpress:4-apache: known vulnerabilities in its layers: 6 (CVE-")
    assert "rebuild it on patched packages" in reason
    assert reason.endswith("[scan-vulnerable]")
    assert "openpolicyagent" not in reason


def test_mock_reviews_on_the_seed_data(policy: rego.Policy, seed_data: rego.Value) -> None:
    assert status(policy, mock(policy, "allowed"), seed_data) == {"allowed": True}
    denied = status(policy, mock(policy, "denied"), seed_data)
    assert denied["allowed"] is False
    assert "library/wordpress:4-apache: known vulnerabilities in its layers: 36 (" in str(denied["reason"])
    assert "library/wordpress:4-apache: not known to be clean: 5 of its layers have not been scanned" in str(
        denied["reason"]
    )


def test_every_image_of_the_seed_data(policy: rego.Policy, seed_data: rego.Value) -> None:
    assert isinstance(seed_data, dict)
    manifests, documents = seed_data["docker"]["layers"], seed_data["clair"]["layers"]
    seen = {True: 0, False: 0}
    for owner, repositories in manifests.items():
        for name, tags in repositories.items():
            for tag, manifest in tags.items():
                layers = [layer["digest"] for layer in manifest.get("layers") or ()]
                scanned = bool(layers) and all(layer in documents for layer in layers)
                flawed = any(
                    feature.get("Vulnerabilities")
                    for layer in layers
                    for feature in documents.get(layer, {"Layer": {}})["Layer"].get("Features", ())
                )
                wanted = bool(scanned and not flawed and tag != "latest")
                answer = status(policy, production(f"{owner}/{name}:{tag}"), seed_data)
                assert answer["allowed"] is wanted, f"{owner}/{name}:{tag}: {answer}"
                seen[wanted] += 1
    assert seen == {True: 35, False: 14}


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ("library/alpine:3.20", ""),
        ("alpine:3.20", ""),
        ("docker.io/alpine:3.20", ""),
        ("nginx:1.27-alpine", ""),
        ("redis:7", ""),
        ("wordpress:6-apache", ""),
        ("shop/web:1.4.2", ""),
        ("nginx:1.9", "scan-vulnerable"),
        ("redis:5", "scan-vulnerable"),
        ("shop/worker:1.4.2", "scan-vulnerable"),
        ("wordpress:3", "scan-unknown"),
        ("shop/web:1.5.0", "scan-unknown"),
        ("shop/web:9", "scan-unknown"),
        ("nosuch:1", "scan-unknown"),
        ("openpolicyagent/opa:latest", "pinning-moving-tag"),
        ("redis", "pinning-no-tag"),
        ("registry.example/library/alpine:3.20", "registry-external"),
        ("localhost:5000/shop/web:1.4.2", "naming-local-host"),
        ("Registry.example/shop/web:1.4.2", "naming-host-case"),
        ("shop//web:1", "unparsable"),
        ("", "unparsable"),
    ],
)
def test_images_on_the_sample_data(policy: rego.Policy, sample_data: rego.Value, image: str, code: str) -> None:
    answer = status(policy, production(image), sample_data)
    if code:
        assert answer["allowed"] is False
        assert f"[{code}]" in str(answer["reason"])
    else:
        assert answer == {"allowed": True}


def test_without_data_nothing_is_allowed_in_production(policy: rego.Policy) -> None:
    assert status(policy, mock(policy, "allowed"), {})["allowed"] is False


def test_one_unknown_layer_among_known_ones_denies(policy: rego.Policy, sample_data: rego.Value) -> None:
    data = json.loads(rego.to_json(sample_data))
    layer = data["docker"]["layers"]["openpolicyagent"]["opa"]["0.4.9"]["layers"][0]["digest"]
    del data["clair"]["layers"][layer]
    answer = status(policy, mock(policy, "allowed"), data)
    assert answer["allowed"] is False
    assert f"have not been scanned, the first is {layer}" in str(answer["reason"])


@pytest.mark.parametrize(
    "review", [rego.UNDEFINED, None, {}, [], "x", 7, {"spec": None}, {"spec": {"containers": None}}]
)
def test_a_review_that_is_none_is_denied(policy: rego.Policy, sample_data: rego.Value, review: rego.Value) -> None:
    answer = status(policy, review, sample_data)
    assert answer["allowed"] is False
    assert "the review names no image" in str(answer["reason"])


def test_default_alone_says_that_no_rule_is_loaded(root: Path, sample_data: rego.Value) -> None:
    text = (root / "policies" / "default.rego").read_text(encoding="utf-8")
    policy = rego.compile_modules({"default.rego": text})
    answer = status(policy, production("openpolicyagent/opa:0.4.9"), sample_data)
    assert answer["allowed"] is False
    assert str(answer["reason"]).startswith("no rule is loaded, so nothing can be judged; load the rule files")


@pytest.mark.parametrize("name", ["scan", "naming", "pinning", "registry", "freshness"])
def test_each_rule_file_works_beside_default_alone(root: Path, sample_data: rego.Value, name: str) -> None:
    found = modules(root / "policies", tests=False)
    policy = rego.compile_modules({key: found[key] for key in ("default.rego", f"{name}.rego")}, strict=True)
    answer = policy.prepare(VERIFY).value(input=production("shop/web:1.4.2"), data=sample_data)
    assert isinstance(answer, dict)
    assert answer["status"] == {"allowed": True}


def test_data_cannot_take_a_rule_s_place(root: Path) -> None:
    written = {("io", "k8s", "image_policy", "verify")}
    with pytest.raises(rego.CompileError, match="conflicting rule for data path io/k8s/image_policy/verify"):
        rego.compile_modules(modules(root / "policies", tests=False), path_conflicts=lambda path: path in written)


def test_every_finding_is_documented_in_its_annotations(sources: Mapping[str, str]) -> None:
    codes = []
    for name, module in rego.compile_modules(dict(sources)).modules.items():
        for rule in module.rules:
            if rule.head.name == "deny":
                custom = rule.annotations[-1].custom
                assert set(custom) == {"code", "message", "remedy"}, f"{name}:{rule.loc.row}"
                codes.append(custom["code"])
    assert len(codes) == len(set(codes)) == 20


def test_the_sample_data_is_what_its_description_says(root: Path) -> None:
    from tools import sample_data

    assert sample_data.main(["--check"]) == 0
    assert len(sample_data.IMAGES) >= 12
