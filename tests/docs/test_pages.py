"""The pages agree with what they describe: links lead somewhere, tables list what there is, examples work."""

import re
from pathlib import Path

import pytest

from image_enforcer import rego
from tests.policies.conftest import modules

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_begin_with_a_title(page: Path) -> None:
    assert page.read_text(encoding="utf-8").startswith("# ")


@pytest.fixture(scope="module")
def compiled(root: Path) -> rego.Policy:
    """The sample policies without their tests."""
    return rego.compile_modules(dict(modules(root / "policies", tests=False)))


def table(text: str, columns: int) -> list[tuple[str, ...]]:
    """The rows of the tables with so many columns, code marks removed."""
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in text.splitlines() if line[:1] == "|"]
    return [tuple(cell.strip("`") for cell in row) for row in rows if len(row) == columns and row[0].startswith("`")]


def test_sample_policies_page_lists_every_code(root: Path, compiled: rego.Policy) -> None:
    text = (root / "docs/reference/sample-policies.md").read_text(encoding="utf-8").partition("## Parameters")[0]
    listed = {(code, file) for code, file, _ in table(text, 3)}
    written = {
        (rule.annotations[-1].custom["code"], name)
        for name, module in compiled.modules.items()
        for rule in module.rules
        if rule.head.name == "deny"
    }
    assert listed == written


def test_sample_policies_page_lists_every_parameter(root: Path, compiled: rego.Policy) -> None:
    text = (root / "docs/reference/sample-policies.md").read_text(encoding="utf-8").partition("## Parameters")[2]
    listed = {name: rego.from_json(default) for name, default, _ in table(text, 3)}
    topics = compiled.prepare("data.io.k8s.image_policy.topics").value(data={})
    assert isinstance(topics, dict)
    assert listed == {f"{topic}.{name}": value for topic, names in topics.items() for name, value in names.items()}


def test_the_page_of_what_clair_gets_wrong_has_every_caution_and_a_rule_that_heeds_them(root: Path) -> None:
    text = (root / "docs/concepts/what-clair-gets-wrong.md").read_text(encoding="utf-8")
    source = (root / "src/image_enforcer/analysis/cautions.py").read_text(encoding="utf-8")
    made = set(re.findall(r"_caution\(\"([a-z-]+)\"", source))
    assert {code for code, _ in table(text, 2)} == made
    (rule,) = re.findall(r"^```rego file=cautions.rego\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    heeded = set(re.findall(r"caution.code in \{(.*)\}", rule)[0].replace('"', "").split(", "))
    assert heeded <= made
    samples = {name: (root / "policies" / name).read_text(encoding="utf-8") for name in ("default.rego", "naming.rego")}
    policy = rego.compile_modules({**samples, "cautions.rego": rule})
    query = policy.prepare("data.io.k8s.image_policy.verify.status.allowed")

    def allowed(namespace: str, code: str, package: str) -> object:
        scan = {"cautions": [{"code": code, "text": "it is odd", "packages": [package]}]}
        images = {"nginx:1": {"platforms": [{"scan": scan}]}}
        spec = {"namespace": namespace, "containers": [{"image": "nginx:1"}]}
        return query.value(input={"spec": spec, "images": images}, data={})

    assert allowed("production", "epoch-differs", "vim") is False
    assert allowed("production", "epoch-differs", "bsdutils") is True
    assert allowed("production", "alpine-unrated", "busybox") is True
    assert allowed("staging", "epoch-differs", "vim") is True


def test_the_page_s_rule_works_beside_the_samples(root: Path) -> None:
    text = (root / "docs/how-to/write-a-rule.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```rego\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    default = (root / "policies/default.rego").read_text(encoding="utf-8")
    policy = rego.compile_modules({"default.rego": default, "owner.rego": example})
    query = policy.prepare("data.io.k8s.image_policy.verify.status")
    review = {"spec": {"namespace": "shop", "containers": [{"image": "shop/web:1"}]}}
    assert query.value(input=review, data={}) == {"allowed": True}
    review = {"spec": {"namespace": "shop", "containers": [{"image": "evil/web:1"}]}}
    answer = query.value(input=review, data={})
    assert isinstance(answer, dict)
    assert answer["allowed"] is False
    assert str(answer["reason"]).startswith("evil/web:1: evil/web is not an image of this team; use an image that")


def test_every_decision_record_is_listed(root: Path) -> None:
    listed = (root / "docs/adr/README.md").read_text(encoding="utf-8")
    for record in sorted((root / "docs/adr").glob("0*.md")):
        text = record.read_text(encoding="utf-8")
        assert record.name in listed
        for part in ("## Context", "## Decision", "## Rejected", "## Consequences"):
            assert part in text, f"{record.name} lacks {part}"


def test_make_help_lists_every_target(root: Path) -> None:
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    documented = set(re.findall(r"^([a-z0-9]+):.*## ", makefile, flags=re.MULTILINE))
    phony = set(re.findall(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)[0].split())
    assert documented == phony
    assert documented >= {"demo", "test", "check", "e2e", "bench", "soak", "help"}
