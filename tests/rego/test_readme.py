"""What the page about the compiler shows is what the compiler makes of the policy it follows."""

import re
from pathlib import Path

from image_enforcer import rego
from image_enforcer.opa.format import V1
from image_enforcer.opa.format.document import write_module
from image_enforcer.rego.plan.printer import program_text
from image_enforcer.rego.plan.program import ProgramPlanner

PAGE = Path(__file__).parents[2] / "src" / "image_enforcer" / "rego" / "README.md"


def shown(kind: str) -> list[str]:
    """The page's examples of one kind."""
    return re.findall(rf"```{kind}\n(.*?)\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_each_stage_is_as_shown() -> None:
    policy_text, checked = shown("rego")
    policy = rego.compile_modules({"images.rego": policy_text})
    assert write_module(policy.compiled["images.rego"], V1) == f"package images\n\n{checked}\n"

    planner = ProgramPlanner(policy.compiled)
    node = planner.world.find(("images", "foreign"))
    assert node is not None
    assert shown("text") == [program_text(planner, planner.routine(node.doc, "")).strip()]

    query = policy.prepare("data.images.foreign", capture=False)
    query.run(input={})
    source = "\n".join(query.linked.source)
    for code in shown("code"):
        assert code in source


def test_the_policy_says_what_the_page_says_of_it() -> None:
    query = rego.compile_modules({"images.rego": shown("rego")[0]}).prepare("data.images.foreign")
    for images, foreign in (
        (["registry.example.com/a:1"], rego.UNDEFINED),
        (["registry.example.com/a", "nginx"], True),
    ):
        containers = [{"image": image} for image in images]
        assert query.value(input={"spec": {"containers": containers}}) is foreign


def test_what_the_page_names_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:syntax|check|plan|run|builtins)/\w+)(?:\.\w+)?`", text):
        assert list(PAGE.parent.glob(f"{name}*")), name
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (PAGE.parent / link).is_file(), link
