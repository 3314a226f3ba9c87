"""The forms of a report: whole, unforgeable by what images and files are called, and as their readers want them."""

import json
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.cli.outputs import FORMATS, Style, render
from image_enforcer.cli.outputs.report import Place, Reason, Report, Result, Trouble, Verdict
from image_enforcer.cli.shown import line

HOSTILE = "x\n::error::forged\r\n\x1b[31m ]]> <b> & \" ' %0A \u202e \u2028 # \x00 ok 9 - y, file=z: \ufffe \udcff"


def place(**given: Any) -> Place:
    usual = {"file": "m/a b.yaml", "line": 7, "document": 1, "resource": "Pod/web", "role": "container", "name": "c"}
    return Place(**{**usual, **given})


def result(image: str = "shop/web:1", verdict: Verdict = Verdict.DENY, **given: Any) -> Result:
    reasons = () if verdict is Verdict.ALLOW else (Reason("tag", "it moves"), Reason("", "and more"))
    usual = {"image": image, "verdict": verdict, "workload": verdict, "place": place(), "reasons": reasons}
    return Result(**{**usual, **given})


REPORT = Report(
    results=(
        result("good:1", Verdict.ALLOW, workload=Verdict.DENY),
        result(seconds=0.25),
        result("odd:1", Verdict.UNDECIDED, place=Place(), reasons=(Reason("policy-error", "it failed"),), cause="e"),
        result("fine:1", Verdict.ALLOW, place=Place()),
    ),
    troubles=(Trouble(code="IE2022", text="not an object", place=Place(file="m/b.yaml", line=3, document=2)),),
    others=Counter({"ConfigMap": 2}),
    policy="sha256:1", data="1",
)  # fmt: skip


def shown(form: str, report: Report = REPORT, **style: bool) -> str:
    return render(form, report, Style(**style))


# --- the report itself ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdicts", "troubles", "fail_on_deny", "verdict", "code"),
    [
        ([], 0, True, "allow", 0),
        (["allow"], 0, True, "allow", 0),
        (["allow", "deny"], 0, True, "deny", 1),
        (["allow", "undecided"], 0, True, "undecided", 3),
        (["deny", "undecided"], 0, True, "deny", 1),
        (["deny"], 1, True, "error", 2),
        (["undecided"], 1, True, "error", 2),
        ([], 1, True, "error", 2),
        (["deny"], 0, False, "deny", 0),
        (["deny", "undecided"], 0, False, "deny", 3),
        (["undecided"], 0, False, "undecided", 3),
        (["deny"], 1, False, "error", 2),
    ],
)
def test_exit_codes(verdicts: list[str], troubles: int, fail_on_deny: bool, verdict: str, code: int) -> None:
    report = Report(
        results=tuple(result(verdict=Verdict(v)) for v in verdicts),
        troubles=tuple(Trouble(code="IE2022", text="x") for _ in range(troubles)),
        fail_on_deny=fail_on_deny,
    )
    assert (report.verdict.value, report.exit_code) == (verdict, code)


def test_a_workload_that_is_not_allowed_counts_though_its_image_is() -> None:
    report = Report(results=(result(verdict=Verdict.ALLOW, workload=Verdict.DENY),))
    assert (report.verdict, report.exit_code) == (Verdict.DENY, 1)


# --- people -----------------------------------------------------------------------------------------------------------


def test_pretty() -> None:
    assert shown("pretty", verbose=True) == (
        "allow m/a b.yaml:7  Pod/web  container c  good:1  (Pod/web is denied for another image)\n"
        "DENY  m/a b.yaml:7  Pod/web  container c\n"
        "      shop/web:1\n"
        "      it moves [tag]\n"
        "      and more\n"
        "UNDECIDED odd:1\n"
        "      it failed [policy-error]\n"
        "allow fine:1\n"
        "4 images: 2 allowed, 1 denied, 1 undecided; 1 could not be checked\n"
        "policy sha256:1, data 1\n"
        "no images in: 2 ConfigMap\n"
    )


def test_pretty_quiet() -> None:
    text = shown("pretty", quiet=True)
    assert "allow" not in text
    assert "it moves [tag]" in text
    assert "images:" not in text


def test_pretty_colours_the_verdicts_only() -> None:
    text = shown("pretty", colour=True)
    assert re.sub("\x1b\\[[0-9;]*m", "", text) == shown("pretty")
    assert text.count("\x1b[0m") == 4


def test_table() -> None:
    rows = shown("table").splitlines()
    assert rows[0].split() == ["VERDICT", "IMAGE", "WHERE", "RESOURCE", "PART", "RULES"]
    assert rows[1].startswith("allow*     good:1")
    assert rows[2].endswith("tag")
    assert rows[5].split()[-1] == "IE2022"
    assert rows[6].startswith("* its workload is not allowed")
    assert len({row.index("  ", row.index(":1")) > 0 for row in rows[1:5]}) == 1


def test_name() -> None:
    assert shown("name") == "shop/web:1\nodd:1\n"


# --- machines ---------------------------------------------------------------------------------------------------------


def test_json_and_yaml_are_the_same_document() -> None:
    document = json.loads(shown("json"))
    assert yaml.safe_load(shown("yaml")) == document
    assert list(document) == ["schema", "verdict", "exit", "summary", "policy", "results", "errors"]
    assert document["schema"] == "verify/v1"
    assert document["summary"] == {
        "images": 4, "allowed": 2, "denied": 1, "undecided": 1, "errors": 1, "others": {"ConfigMap": 2},
    }  # fmt: skip
    assert document["results"][1] == {
        "image": "shop/web:1", "verdict": "deny", "workload": "deny",
        "where": {
            "file": "m/a b.yaml", "doc": 1, "line": 7, "path": "", "resource": "Pod/web",
            "container": "c", "namespace": "",
        },
        "reasons": [{"rule": "tag", "msg": "it moves"}, {"rule": "", "msg": "and more"}],
        "cause": "", "timing": {"ms": 250.0},
    }  # fmt: skip
    assert document["errors"][0]["where"]["line"] == 3
    assert shown("json").isascii()
    assert shown("yaml").isascii()


def test_sarif() -> None:
    log = json.loads(shown("sarif"))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["tag", "denied", "policy-error"]
    assert [(r["ruleId"], rules[r["ruleIndex"]], r["level"]) for r in run["results"]] == [
        ("tag", "tag", "error"), ("denied", "denied", "error"), ("policy-error", "policy-error", "error"),
    ]  # fmt: skip
    assert run["results"][0]["message"]["text"] == "shop/web:1: it moves"
    physical = [r["locations"][0]["physicalLocation"] for r in run["results"]]
    assert physical[0] == {"artifactLocation": {"uri": "m/a%20b.yaml"}, "region": {"startLine": 7}}
    assert physical[2] == {"artifactLocation": {"uri": "odd%3A1"}, "region": {"startLine": 1}}
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["exitCode"] == 2
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == "IE2022: not an object"


def test_sarif_fingerprints_outlive_lines_and_tags_and_tell_rules_apart() -> None:
    def prints(report: Report) -> list[str]:
        found = json.loads(shown("sarif", report))["runs"][0]["results"]
        return [r["partialFingerprints"]["imageRule/v1"] for r in found]

    before = prints(Report(results=(result(),)))
    assert prints(Report(results=(result("shop/web:2", place=place(line=99)),))) == before
    assert prints(Report(results=(result("shop/api:1"),))) != before
    assert len(set(before)) == 2


def test_sarif_of_an_absolute_file_is_a_uri() -> None:
    log = json.loads(shown("sarif", Report(results=(result(place=place(file="/srv/a#b.yaml")),))))
    location = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "file:///srv/a%23b.yaml"


def test_junit() -> None:
    suites = ElementTree.fromstring(shown("junit"))
    (suite,) = suites
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("5", "1", "2")
    assert suite.get("time") == "0.250000"
    kinds = [(case.get("name"), [child.tag for child in case]) for case in suite]
    assert kinds == [
        ("container c good:1", ["system-out"]),
        ("container c shop/web:1", ["failure"]),
        ("odd:1", ["error"]),
        ("fine:1", []),
        ("m/b.yaml:3 IE2022", ["error"]),
    ]
    failure = suite[1][0]
    assert (failure.get("type"), failure.get("message"), failure.text) == (
        "tag",
        "it moves",
        "it moves [tag]\nand more",
    )


def test_junit_has_no_twins() -> None:
    suite = ElementTree.fromstring(shown("junit", Report(results=(result(), result(), result()))))[0]
    assert len({(case.get("classname"), case.get("name")) for case in suite}) == 3


def test_github() -> None:
    assert shown("github").splitlines() == [
        (
            "::error file=m/a b.yaml,line=7,title=image denied::"
            "Pod/web container c: shop/web:1%0Ait moves [tag]%0Aand more"
        ),
        "::error title=image undecided::odd:1%0Ait failed [policy-error]",
        "::error file=m/b.yaml,line=3,title=not checked (IE2022)::not an object",
        "4 images: 2 allowed, 1 denied, 1 undecided; 1 could not be checked",
    ]


def test_github_escapes_what_would_end_a_property() -> None:
    report = Report(results=(result(place=place(file="a,b:c%d")),))
    assert shown("github", report).startswith("::error file=a%2Cb%3Ac%25d,line=7,")


def test_tap() -> None:
    assert shown("tap").splitlines() == [
        "TAP version 13",
        "1..5",
        "ok 1 - good:1  m/a b.yaml:7  Pod/web  container c",
        "# Pod/web is denied for another image",
        "not ok 2 - shop/web:1  m/a b.yaml:7  Pod/web  container c",
        "# it moves [tag]",
        "# and more",
        "not ok 3 - odd:1",
        "# undecided",
        "# it failed [policy-error]",
        "ok 4 - fine:1",
        "not ok 5 - m/b.yaml:3  IE2022",
        "# not an object",
    ]


# --- what outsiders call things ---------------------------------------------------------------------------------------


def hostile(text: str) -> Report:
    """A report in which everything from outside, made safe as ``verify`` does, is this text."""
    said = line(text)
    where = Place(file=said, line=1, document=1, path=said, resource=said, role="container", name=said, namespace=said)
    results = tuple(
        Result(image=said, verdict=v, workload=Verdict.DENY, place=where, reasons=(Reason("a", said),)) for v in
        (Verdict.ALLOW, Verdict.DENY, Verdict.UNDECIDED)
    )  # fmt: skip
    return Report(
        results=results, troubles=(Trouble(code="IE2022", text=said, place=where),), others=Counter({said: 1})
    )


def check(form: str, text: str) -> None:
    given = shown(form, hostile(text), verbose=True)
    plain = shown(form, hostile("x"), verbose=True)
    # In YAML a long key has a line of its own, which begins with a question mark.
    keys = len(re.findall(r"^ *\? ", given, flags=re.MULTILINE)) if form == "yaml" else 0
    assert given.count("\n") - keys == plain.count("\n"), form
    assert all(c == "\n" or c.isprintable() for c in given), form
    if form != "github":
        assert not re.search(r"^\s*::|##\[|##vso\[", given, flags=re.MULTILINE), form
    match form:
        case "json" | "sarif":
            json.loads(given)
        case "yaml":
            assert yaml.safe_load(given)["results"][0]["image"] == line(text)
            assert keys <= 1
        case "junit":
            assert len(ElementTree.fromstring(given)[0]) == 4
        case "github":
            assert sum(row.startswith("::error ") for row in given.splitlines()) == 3
        case "tap":
            assert [row[:4] for row in given.splitlines()[2:] if not row.startswith("#")] == [
                "ok 1",
                "not ",
                "not ",
                "not ",
            ]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("text", [HOSTILE, "::error::x", "  ::stop-commands::x", "a ##[error]x", "##vso[task.x]"])
def test_hostile_names_change_nothing(form: str, text: str) -> None:
    check(form, text)


@given(st.text(min_size=1, max_size=40) | st.text(":#[vso ]\n\x1b", min_size=1), st.sampled_from(FORMATS))
def test_any_name_changes_nothing(text: str, form: str) -> None:
    check(form, text)
