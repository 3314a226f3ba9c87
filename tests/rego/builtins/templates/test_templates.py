"""Templates: what OPA makes of them, and how hostile ones end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer import rego
from image_enforcer.rego.builtins.byte_texts import as_utf8
from tests.rego.builtins.expressions import EMPTY, outcome

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "outcomes.json").read_text("utf-8"))
VARIABLES: dict[str, Any] = RECORDED["variables"]
OUTCOMES: dict[str, str] = RECORDED["outcomes"]


def rendered(template: str) -> str:
    """``=`` and the text, or ``!`` and the fault."""
    query = EMPTY.prepare("strings.render_template(input.template, input.variables)", strict_builtin_errors=True)
    given = rego.from_json(json.dumps({"template": template, "variables": VARIABLES}))
    try:
        return f"= {as_utf8(query.value(input=given))}"
    except rego.EvalError as error:
        return "! " + error.message.removeprefix("strings.render_template: ")


@pytest.mark.parametrize("template", OUTCOMES)
def test_templates_come_to_what_they_come_to_in_opa(template: str) -> None:
    assert rendered(template) == OUTCOMES[template]


FAULT = "fault: strings.render_template: "
KEY_FAULT = f"{FAULT}invalid character '"
EXPRESSIONS = {
    "strings.render_template(`{{.a}}`, {`a`: 1.50})": '"1.50"',
    "strings.render_template(``, {`a`: {1}})": f"{KEY_FAULT}1' looking for beginning of object key string",
    "strings.render_template(``, {`a`: {`b`}})": f"{FAULT}invalid character '}}' after object key",
    "strings.render_template(``, {`a`: set()})": f"{FAULT}invalid character 's' looking for beginning of value",
    'strings.render_template(``, {`a`: "\\u0007"})': f"{FAULT}invalid character 'a' in string escape code",
    "strings.render_template(``, {`a`: {[1]: 2}})": f"{KEY_FAULT}[' looking for beginning of object key string",
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_variables_are_what_json_has(expression: str) -> None:
    assert outcome(expression) == EXPRESSIONS[expression]


LIMITED = {
    "actions": "{{if true}}" * 100_000,
    "parentheses": "{{" + "(" * 100_000,
    "a template that calls itself": '{{define "t"}}{{template "t"}}{{end}}{{template "t"}}',
    "templates that double": "".join(
        f'{{{{define "t{i}"}}}}{{{{template "t{i + 1}"}}}}{{{{template "t{i + 1}"}}}}{{{{end}}}}' for i in range(60)
    )
    + '{{define "t60"}}{{end}}{{template "t0"}}',
    "a long range": "{{range 1000000000}}{{end}}",
    "text that doubles": '{{$x := "xxxxxxxxxx"}}' + "{{$x = print $x $x}}" * 60,
    "wide numbers": '{{printf "%1000000d" 1}}' * 1000,
}


@pytest.mark.parametrize("name", LIMITED)
def test_hostile_ones_end_at_a_limit(name: str) -> None:
    query = EMPTY.prepare("strings.render_template(input, {})")
    with pytest.raises(rego.LimitError):
        query.value(input=LIMITED[name], limits=rego.Limits(seconds=1.0))


PIECES = [
    *("{{", "}}", "{{- ", " -}}", "if ", "range ", "with ", "end", "else", 'define "t"', 'template "t"', ".", ".list"),
    *(
        "$x",
        " := ",
        " | ",
        "(",
        ")",
        "print ",
        "index ",
        "printf ",
        '"%d"',
        "1",
        "0x",
        "'a'",
        "`",
        '"',
        "\\",
        "\n",
        ",",
    ),
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.sampled_from(sorted(OUTCOMES)))
def test_any_text_has_an_answer_or_a_named_fault(template: str) -> None:
    assert rendered(template)[:2] in ("= ", "! ")
    assert "Error: " not in rendered(template)
