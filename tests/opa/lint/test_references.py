"""Image references as texts: what is found, and what is not since it is right or fails closed."""

import pytest

from image_enforcer.opa.lint import lint
from image_enforcer.rego import parse_module

HEAD = "package a\n\ndefault allow := false\n\n"


def codes(text: str) -> list[str]:
    return [f.rule.code for f in lint({"a.rego": parse_module("a.rego", HEAD + text)})]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('startswith(input.image, "gcr.io")', "IL103"),
        ('startswith(input.image, "gcr.io/")', ""),
        ('startswith(input.image, "gcr.io/team/web:")', ""),
        ('startswith(input.name, "gcr.io")', ""),
        ('startswith(lower(input.image), "gcr.io")', "IL103"),
        ('strings.any_prefix_match(input.image, ["gcr.io/", "quay.io"])', "IL103"),
        ("strings.any_prefix_match(input.image, registries)", "IL103"),
        ("strings.any_prefix_match(input.image, input.registries)", ""),
        ("startswith(input.image, only)", "IL103"),
        ('not startswith(input.image, "gcr.io")', ""),
        ('contains(input.image, "gcr.io/")', "IL104"),
        ('contains(input.image, "@sha256:")', ""),
        ('endswith(input.image, "/web")', "IL104"),
        ('endswith(input.image, ":1.2")', ""),
        ('endswith(input.image, "*")', ""),
        ('contains(input.image, "//")', ""),
        ('not endswith(input.image, ":latest")', "IL105"),
        ('contains(input.image, ":")', "IL106"),
        ("regex.match(`gcr\\.io/`, input.image)", "IL107"),
        ("regex.match(`^gcr\\.io/`, input.image)", ""),
        ("regex.match(`^gcr\\.io`, input.image)", "IL107"),
        ("regex.match(`^gcr.io/`, input.image)", "IL107"),
        ("regex.match(`^gcr\\.io/web$|quay\\.io/`, input.image)", "IL107"),
        ("regex.match(`^(gcr|quay)\\.io/[^:]+:[^:]+$`, input.image)", ""),
        ("regex.match(`:v?[0-9.]+$`, input.image)", ""),
        ("regex.match(`@sha256:[0-9a-f]{64}$`, input.image)", ""),
        ('glob.match("gcr.io/*", [], input.image)', "IL108"),
        ('glob.match("gcr.io/*", null, input.image)', "IL108"),
        ('glob.match("gcr.io/*", ["."], input.image)', "IL108"),
        ('glob.match("gcr.io/*", ["/"], input.image)', ""),
        ('glob.match("gcr.io/**", [], input.image)', ""),
        ('lower(input.tag) == "latest"', "IL109"),
        ('input.digest == "sha256:0A"', "IL109"),
        ('input.digest == "sha256:0a"', ""),
    ],
)
def test_in_allow(body: str, code: str) -> None:
    text = f'allow if {{\n\t{body}\n}}\n\nregistries := {{"quay.io", "gcr.io/"}}\n\nonly := "gcr.io"\n'
    assert [c for c in codes(text) if c.startswith("IL1")] == ([code] if code else [])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('startswith(image, "evil.io")', ""),
        ('not startswith(image, "gcr.io")', "IL103"),
        ('contains(image, "evil")', ""),
        ('not contains(image, "gcr.io/")', "IL104"),
        ("regex.match(`evil`, image)", ""),
        ("not regex.match(`gcr`, image)", "IL107"),
        ('glob.match("*evil*", [], image)', ""),
        ('endswith(image, ":latest")', "IL105"),
        ('some p in ["gcr.io", "quay.io/"]; not startswith(image, p)', "IL103"),
        ('every p in ["gcr.io"] { not startswith(image, p) }', "IL103"),
    ],
)
def test_in_deny(body: str, code: str) -> None:
    text = f"deny contains image if {{\n\tsome image in input.images\n\t{body}\n}}\n"
    assert [c for c in codes(text) if c.startswith("IL1")] == ([code] if code else [])


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('[name, tag] := split(image, ":")', "IL101"),
        ('[name, tag] = split(image, ":")', "IL101"),
        ('split(image, "@") = [name, digest]', "IL101"),
        ('[user, group] := split(input.owner, ":")', ""),
        ('parts := split(image, "/")', ""),
        ('tag := split(image, ":")[1]', "IL102"),
        ('name := split(image, "@")[0]', ""),
        ('last := split(input.last, ":")[1]', ""),
    ],
)
def test_taking_apart(line: str, code: str) -> None:
    assert codes(f"f(image) if {{\n\t{line}\n}}\n") == ([code] if code else [])


def test_helpers_are_judged_by_who_asks_them() -> None:
    helper = '\nours(image) if startswith(image, "gcr.io")\n'
    assert codes("allow if ours(input.image)\n" + helper) == ["IL103"]
    assert codes('deny contains "x" if ours(input.image)\n' + helper) == ["IL206"]
    assert codes('deny contains "x" if not ours(input.image)\n\nallow if count(deny) == 0\n' + helper) == ["IL103"]
    assert codes("allow if good\n\ngood if not bad\n\nbad if ours(input.image)\n" + helper) == []
