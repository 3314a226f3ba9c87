"""Verdicts: defaults, missing refusals, answers without ``allowed``, denials that nobody asks for."""

import pytest

from image_enforcer.opa.lint import lint
from image_enforcer.rego import parse_module


def codes(text: str) -> list[str]:
    return [f.rule.code for f in lint({"a.rego": parse_module("a.rego", "package a\n\n" + text)})]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("default allow := true\n", ["IL201"]),
        ("default allow := false\n", []),
        ("default verdict := true\n", ["IL201"]),
        ("default enabled := true\n", []),
        ('default status := {"allowed": true}\n', ["IL201"]),
        ("allow if input.ok\n", ["IL202"]),
        ("allow := true if {\n\tinput.ok\n} else := false\n", []),
        ("allow := count(deny) == 0\n\ndeny contains 1 if input.x\n", []),
        ("allow if not deny\n\ndefault allow := false\n\ndeny if input.x\n", ["IL203"]),
        ("allow if {\n\tinput.ok\n\tnot deny\n}\n\ndefault allow := false\n\ndeny if input.x\n", []),
        ('status := {"allowed": true} if input.ok\n', ["IL204"]),
        ('status := {"allowed": true} if input.ok\n\nstatus := {"allowed": false} if not input.ok\n', []),
        ('response := {"allowed": true, "uid": 1} if {\n\tinput.ok\n} else := {"allowed": false}\n', []),
        ('r := {"kind": "ImageReview"}\n', ["IL205"]),
        ('r := {"kind": "ImageReview", "spec": {}}\n', []),
        ('r := {"kind": "ImageReview", "status": s}\n\ns := {"reason": "x"}\n', ["IL205"]),
        ('r := {"kind": "AdmissionReview", "response": {"uid": 1}}\n', ["IL205"]),
        ('r := {"kind": "AdmissionReview", "response": {"allowed": false}}\n', []),
        ("default allow := false\n\nallow if input.ok\n\nviolation contains 1 if input.x\n", ["IL206"]),
        ("violation contains 1 if input.x\n", []),
    ],
)
def test_verdicts(text: str, found: list[str]) -> None:
    assert codes(text) == found
