"""Comments move out of what they stand in, and nothing else changes."""

import pytest

from image_enforcer.opa.format.moving import Reach, moved
from image_enforcer.rego.syntax import parse_module

ALL = (Reach.ODD, Reach.HEADS, Reach.EXPRESSIONS, Reach.STATEMENTS)


def after(source: str, reach: Reach) -> str:
    """The source with its comments moved."""
    module = parse_module("a.rego", source)
    return moved(module, [reach] * len(module.rules), reach) or source


@pytest.mark.parametrize(
    ("source", "wanted", "reaches"),
    [
        ("p := # c\n 1\n", "# c\np :=\n 1\n", ALL),
        ("p := 1 # c\n", "p := 1 # c\n", ALL[:3]),
        ("p := 1 # c\n", "# c\np := 1\n", ALL[3:]),
        ("p := 1\n\n# c\nq := 1\n", "p := 1\n\n# c\nq := 1\n", ALL),
        ("p if {\n\tx # a\n\t# b\n\ty\n}\n", "p if {\n\tx # a\n\t# b\n\ty\n}\n", ALL[:3]),
        ("p if {\n\tx # a\n\t# b\n\ty\n}\n", "# a\n# b\np if {\n\tx\n\ty\n}\n", ALL[3:]),
        ("p if {\n\tx == # c\n\ty\n}\n", "p if {\n# c\n\tx ==\n\ty\n}\n", ALL[:3]),
        ("p if { x == # c\n\ty }\n", "# c\np if { x ==\n\ty }\n", ALL),
        ("p if {\n\tx == [ # c\n1]\n}\n", "p if {\n\tx == [ # c\n1]\n}\n", ALL[:2]),
        ("p if {\n\tx == [ # c\n1]\n}\n", "p if {\n# c\n\tx == [\n1]\n}\n", ALL[2:3]),
        ("p := 1 if x\n# c\nelse := 2\n", "p := 1 if x\n# c\nelse := 2\n", ALL[:3]),
        ("# METADATA\n# title: x\np := # c\n 1\n", "# c\n# METADATA\n# title: x\np :=\n 1\n", ALL),
        ("f(\n\tx, # c\n) if {\n\tx # d\n\ty\n}\n", "# c\nf(\n\tx,\n) if {\n\tx # d\n\ty\n}\n", ALL[1:3]),
        ("# above\np := # c\n 1\n", "# above\n# c\np :=\n 1\n", ALL),
        ("p := # METADATA\n 1\n", "p := # METADATA\n 1\n", ALL),
        ("p := 1 q := # c\n 2\n", "p := 1 \n# c\nq :=\n 2\n", ALL[:3]),
    ],
)
def test_comments_move(source: str, wanted: str, reaches: tuple[Reach, ...]) -> None:
    for reach in reaches:
        assert after("package a\n\n" + source, reach) == "package a\n\n" + wanted, reach


def test_comments_of_packages_and_imports_move() -> None:
    source = "package # a\n b\nimport # c\ndata.x # d\n"
    assert after(source, Reach.ODD) == "# a\npackage\n b\n# c\nimport\ndata.x # d\n"
