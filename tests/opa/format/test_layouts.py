"""Layouts as OPA's: what is kept of the source, and what is settled."""

import re
from pathlib import Path

import pytest

from image_enforcer.opa.format import BOTH, V0, Conversion, Unformatted, changed_rules, lay_out, lost_comments

CONVERSIONS = {"": Conversion(), "v0": Conversion(0, V0), "both": Conversion(0, BOTH)}


def layouts() -> list[tuple[str, Conversion, str, str]]:
    """Cases from the file beside this one: name, conversion, source, OPA's layout of it."""
    text = Path(__file__).with_name("layouts.txt").read_text(encoding="utf-8")
    found = []
    for part in re.split(r"(?m)^=== ", text)[1:]:
        title, _, rest = part.partition("\n")
        name, _, version = title.rstrip(")").partition(" (")
        source, _, wanted = rest.partition("\n---\n")
        found.append((name, CONVERSIONS[version], source.replace("␍", "\r") + "\n", wanted.rstrip("\n") + "\n"))
    return found


@pytest.mark.parametrize(("name", "conversion", "source", "wanted"), layouts())
def test_layouts(name: str, conversion: Conversion, source: str, wanted: str) -> None:
    laid = lay_out("a.rego", source, conversion)
    assert laid.text == wanted, name
    assert changed_rules(laid, conversion) == []


@pytest.mark.parametrize(("name", "conversion", "source", "wanted"), layouts())
def test_a_layout_is_its_own(name: str, conversion: Conversion, source: str, wanted: str) -> None:
    if "stand in the way" not in name:
        read = conversion.result_version
        assert lay_out("a.rego", wanted, Conversion(read, conversion.target)).text == wanted


def refused(source: str, conversion: Conversion = CONVERSIONS[""]) -> str:
    with pytest.raises(Unformatted) as e:
        lay_out("a.rego", source, conversion)
    return str(e.value)


def test_what_does_not_parse_is_refused_in_opas_words() -> None:
    assert refused("") == "a.rego:0: rego_parse_error: empty module"
    assert refused("package a\n\np if {\n").startswith(
        "1 error occurred: a.rego:4: rego_parse_error: unexpected eof token"
    )
    text = "`if` keyword is required before rule body"
    assert refused("package a\np { true }\n") == f"1 error occurred: a.rego:2: rego_parse_error: {text}"


def test_what_rego_v1_does_not_allow_is_refused() -> None:
    both = CONVERSIONS["both"]
    text = "1 error occurred: a.rego:3: rego_compile_error: import must not shadow import data.b.x"
    assert refused("package a\nimport data.b.x\nimport data.c.x\n") == text
    text = "1 error occurred: a.rego:2: rego_compile_error: rules must not shadow input (use a different rule name)"
    assert refused("package a\ninput = 1\n", both) == text
    text = "1 error occurred: a.rego:2: rego_parse_error: if keyword cannot be used for rule name"
    assert refused("package a\nif = 1\n", both) == text
    text = "1 error occurred: a.rego:2: rego_compile_error: args must not shadow data (use a different variable name)"
    assert refused("package a\nf(data) := 1\n") == text
    assert "deprecated built-in function calls in expression: any" in refused("package a\np { any([]) }\n", both)
    assert lay_out("a.rego", "package a\ninput = 1\n", CONVERSIONS["v0"]).text == "package a\n\ninput = 1\n"


def test_operators_with_too_few_operands_are_refused() -> None:
    assert refused("package a\np if plus(1)\n") == (
        "a.rego: 1 error occurred: a.rego:2: rego_type_error: plus: arity mismatch\n"
        "\thave: (number)\n\twant: (number,number)"
    )


def test_needless_imports_can_be_dropped() -> None:
    source = "package a\n\nimport future.keywords\nimport rego.v1\n\np := 1\n"
    assert lay_out("a.rego", source, Conversion(drop_imports=True)).text == "package a\n\np := 1\n"
    assert lay_out("a.rego", source).text == "package a\n\nimport rego.v1\n\np := 1\n"


def test_steps_named_like_keywords_get_quotes_where_they_have_to() -> None:
    source = "package a\n\np := data.if.x\n"
    assert lay_out("a.rego", source).text == source
    assert lay_out("a.rego", source, Conversion(keyword_steps=False)).text == 'package a\n\np := data["if"].x\n'


def test_a_layout_that_means_something_else_is_told() -> None:
    """OPA's loses the parentheses, so that the second line goes on the first."""
    laid = lay_out("a.rego", "package a\n\np if {\n\tsome x in xs\n\t(-1 * x) > 1\n}\n")
    assert "\t-1 * x > 1\n" in laid.text
    assert [rule.head.name for rule in changed_rules(laid, Conversion())] == ["p"]


def test_lost_comments_are_told() -> None:
    assert lost_comments("p := 1 # a\n# b\n# a", "# a\np := 1\n# b\n") != []
    assert [c.loc.row for c in lost_comments("p := 1 # a\n# b\n# c", "# c\np := 1 # a\n")] == [2]
    assert lost_comments('p := "#"', 'p := "#"') == []
    assert lost_comments("# a  \n", "# a\n") == []


@pytest.mark.parametrize("depth", [60, 5000])
def test_deep_nesting_has_an_answer_or_a_named_error(depth: int) -> None:
    for source in (
        f"package a\n\np := {'[' * depth}{']' * depth}\n",
        f"package a\n\np := {'f(' * depth}1{')' * depth}\n",
    ):
        if depth < 100:
            assert lay_out("a.rego", source).text == source
        else:
            assert "nested" in refused(source)


def test_many_comments_take_linear_time() -> None:
    """Each part of a policy looks for comments; it must not look at all of them."""
    rules = "".join(f"p{i} := [1, 2, 3] # {i}\n# {i}\n" for i in range(3000))
    laid = lay_out("a.rego", "package a\n\n" + rules)
    assert laid.text.count("#") == 6000
