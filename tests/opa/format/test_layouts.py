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
    """An annotation in the middle of a term is not moved, and has no place in it."""
    laid = lay_out("a.rego", "package a\n\np if {\n\t[v\n# METADATA\n]\n\t:= input\n\tq\n}\n")
    assert not laid.sound
    assert [rule.head.name for rule in changed_rules(laid, Conversion())] == ["p"]


KEPT = {
    "k, (v in vs) in xs": "k, (v in vs) in xs",
    "(k in ks), v in xs": "(k in ks), v in xs",
    "a in (b in c)": "a in (b in c)",
    "(a in b) in c": "a in b in c",
    "(a in b) == c": "(a in b) == c",
    "a == (b != c)": "a == (b != c)",
    "(a == b) != c": "a == b != c",
    "(a + b) * c": "(a + b) * c",
    "a - (b - c)": "a - (b - c)",
    "a - (b * c) > d": "a - (b * c) > d",
    "x = (a in b)": "x = a in b",
    "some x in (a in b)": "some x in (a in b)",
    "every x in (a in b) { x }": "every x in (a in b) { x }",
    "[(a in b) | c]": "[(a in b) | c]",
    "{(a + b): (c in d) | e}": "{a + b: (c in d) | e}",
    "(a in b)[0]": "(a in b)[0]",
    "f(eq(1, 2))": "f(eq(1, 2))",
    "(-1 * x) > 10": "(-1 * x) > 10",
    "(-1 in x) in y": "(-1 in x) in y",
    "((-1 * x) + 2) > 10": "(-1 * x) + 2 > 10",
    "(-1), x in xs": "(-1), x in xs",
    "(-1) > x": "(-1) > x",
    "(-1)": "(-1)",
    "not -1 > x": "not -1 > x",
}
"""Expressions behind others, and how they are laid out: with the parentheses that they need and no more."""


@pytest.mark.parametrize("source", KEPT)
def test_needed_parentheses_are_kept(source: str) -> None:
    text = "package a\n\np if {{\n\tinput.x\n\t{}\n}}\n".format
    laid = lay_out("a.rego", text(source))
    assert laid.text == text(KEPT[source])
    assert changed_rules(laid, Conversion()) == []


def test_a_sign_needs_no_parentheses_where_nothing_goes_on() -> None:
    source = "package a\n\np if {\n\t-1 > x\n\tevery y in ys { y }\n\t-1 > x\n}\n"
    assert lay_out("a.rego", source).text == source


def test_branches_of_one_line_are_written_once() -> None:
    """All that is in such a branch counts as standing where the branch does, its strings and what follows included."""
    source = """package a

kind := 1 if input.kind == "Job"

else := 2 if input.kind == "Cron\\"Job"

else := split("a", ":") if input.kind == "Pod"

else := `\\d` if regex.match(`\\d`, `a`)
"""
    wanted = source.replace("(`\\d`, `a`", '("\\\\d", "a"')
    laid = lay_out("a.rego", source)
    assert (laid.text, laid.sound) == (wanted, True)
    assert lay_out("a.rego", wanted).text == wanted


def test_a_branch_behind_one_of_one_line_gets_its_own() -> None:
    source = "package a\n\np := 1 if {\n\tx\n} else := 2 if y else := 3 if {\n\tz\n\tx\n}\n"
    laid = lay_out("a.rego", source)
    assert "\n} else := 2 if y\n\nelse := 3 if {\n" in laid.text
    assert lay_out("a.rego", laid.text).text == laid.text


def test_a_brace_behind_the_if_of_a_branch_opens_a_body() -> None:
    source = "package a\n\np := 1 if {\n\tx\n\ty\n} else := 2 if { {1, 2}[y] } else := 3 if { not {1}[y] }\n"
    laid = lay_out("a.rego", source)
    assert laid.text.endswith("\n} else := 2 if {\n\t{1, 2}[y]\n}\n\nelse := 3 if not {1}[y]\n")
    assert laid.sound


def test_values_that_go_without_saying_behind_if_are_left_out_at_once() -> None:
    source = "package a\n\nimport future.keywords\n\nobj.baz := true { input.baz }\n\nobj[k] := true { k = 1 }\n"
    laid = lay_out("a.rego", source, CONVERSIONS["v0"])
    wanted = 'obj["baz"] if input.baz\n\nobj[k] := true if k = 1\n'
    assert laid.text.endswith(wanted)
    assert lay_out("a.rego", laid.text, CONVERSIONS["v0"]).text == laid.text


def test_strings_in_heads_are_read_again() -> None:
    """OPA shows a head's only step as its messages do, with escapes that Go has and Rego has not."""
    source = 'package a\n\no["\x7f"] := 1 if x\n\no[f({"a": "\x7f"})] := 1 if x\n'
    laid = lay_out("a.rego", source)
    assert (laid.text, laid.sound) == (source, True)


def test_comments_of_other_rules_stay() -> None:
    """The layout of OPA's layout of the first rule leaves out its arguments."""
    rest = "\n\nq if {\n\tx == [\n\t\t1, # one\n\t\t2, # two\n\t]\n\n\t# three\n\ty # four\n}\n"
    body = "if {\n\tx # d\n\ty\n}" + rest
    laid = lay_out("a.rego", "package a\n\nf(\n\tx, # c\n) := x + # e\n y " + body)
    assert (laid.text, laid.sound) == ("package a\n\n# c\n# e\nf(\n\tx,\n) := x + y " + body, True)


def test_comments_without_a_place_move() -> None:
    """OPA's layout of the first has another layout, those of the others lose comments."""
    laid = lay_out("a.rego", "package a\n\np := # c\n1\n")
    assert laid.text == "package a\n\np := 1 # c\n"
    laid = lay_out("a.rego", "package a\n\np := # one\n# two\n1\n")
    assert laid.text == "package a\n\n# one\n# two\np := 1\n"
    source = "package a\n\np contains x if some # own\nx in # own\nxs\n"
    assert lay_out("a.rego", source).text == "package a\n\n# own\n# own\np contains x if some x in xs\n"


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
