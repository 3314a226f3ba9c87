"""``verify`` from arguments to exit code: the verdict, where it stands, and that nothing wrong ends in 0."""

import io
import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from image_enforcer.cli.main import main
from image_enforcer.cli.outputs import FORMATS

POLICY = """\
package io.k8s.image_policy

verify := {"apiVersion": "imagepolicy.k8s.io/v1alpha1", "kind": "ImageReview", "status": status} if not silent

status := {"allowed": true} if {
	count(lines) == 0
} else := {"allowed": false, "reason": concat("; ", lines)}

images contains container.image if some container in input.spec.containers

lines contains sprintf("%s: it is bad; take a good one [bad]", [image]) if {
	some image in images
	contains(image, "bad")
}

lines contains "left and right do not go together [pair]" if {
	"left" in images
	"right" in images
}

lines contains sprintf("namespace %v; not here [namespace]", [input.spec.namespace]) if "where" in images

lines contains sprintf("ticket %v [ticket]", [input.spec.annotations[_]]) if "ticket" in images

silent if "silent" in images

status := {"allowed": true} if "broken" in images
status := {"allowed": false} if "broken" in images
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the policy, as the current one."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/default.rego").write_text(POLICY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


class Ran:
    """What a command line did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err
        assert "Traceback" not in err
        assert "\x1b" not in out + err

    @property
    def document(self) -> Any:
        found = json.loads(self.out)
        assert found["schema"] == "verify/v1"
        assert found["exit"] == self.code
        return found

    @property
    def rows(self) -> list[tuple[str, str]]:
        return [(r["image"], r["verdict"]) for r in self.document["results"]]


Run = Callable[..., Ran]


@pytest.fixture
def run(here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def go(*arguments: str, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main(["verify", *arguments])
        return Ran(code, *capsys.readouterr())

    return go


def pod(*images: str, name: str = "web") -> str:
    """A Pod with these images."""
    spec = {"containers": [{"name": f"c{i}", "image": image} for i, image in enumerate(images)]}
    return json.dumps({"kind": "Pod", "metadata": {"name": name}, "spec": spec}, indent=1)


# --- verdicts and exit codes ------------------------------------------------------------------------------------------


def test_allowed_denied_and_both(run: Run) -> None:
    allowed = run("good:1")
    assert (allowed.code, allowed.out) == (0, "allow good:1\n1 image: 1 allowed, 0 denied, 0 undecided\n")
    denied = run("bad:1")
    assert denied.code == 1
    assert denied.out.startswith("DENY  bad:1\n      it is bad; take a good one [bad]\n1 image: 0 allowed, 1 denied")
    both = run("-o", "json", "good:1", "bad:1", "better:1")
    assert both.code == 1
    assert both.rows == [("good:1", "allow"), ("bad:1", "deny"), ("better:1", "allow")]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["good"], 0),
        (["bad"], 1),
        (["silent"], 3),
        (["broken"], 3),
        (["UPPER/Case"], 1),
        (["bad", "silent"], 1),
        (["good", "broken"], 3),
        (["bad", "-f", "nowhere"], 2),
        (["silent", "-f", "nowhere"], 2),
        (["--fail-on", "none", "bad"], 0),
        (["--fail-on", "none", "bad", "silent"], 3),
        (["--fail-on", "none", "bad", "-f", "nowhere"], 2),
        (["--fail-on", "none", "silent"], 3),
        ([], 2),
        (["--allow-empty"], 0),
        (["--allow-empty", "-f", "nowhere"], 2),
        (["--fail-on", "none"], 2),
        ([""], 2),
        (["a" * 5000], 2),
    ],
)
def test_exit_codes(run: Run, arguments: list[str], code: int) -> None:
    assert run("-o", "json", *arguments).document["exit"] == code


@pytest.mark.parametrize(
    "image", ["a b", "a\nallow b", "\x1b[31mred", "\u202eevil", "a:b:c", "registry/", "a@sha256:1"]
)
def test_what_is_no_reference_is_denied_and_shown_safely(run: Run, image: str) -> None:
    for form in FORMATS:
        done = run("-o", form, image)
        assert done.code == 1
        assert "\u202e" not in done.out + done.err
        assert "\nallow b" not in done.out
    assert run("-o", "json", image).document["results"][0]["cause"] == "unparsable-image"


def test_the_reason_of_what_is_undecided_is_said(run: Run) -> None:
    done = run("silent")
    assert done.out.startswith("UNDECIDED silent\n      the policy gives no answer: ")
    assert "[policy-undefined]" in done.out


def test_not_utf8_on_the_command_line(run: Run) -> None:
    assert run("a\udcff").code == 2


# --- namespaces and annotations ---------------------------------------------------------------------------------------


def test_namespaces(run: Run, here: Path) -> None:
    def reason(*arguments: str) -> str:
        return str(run("-o", "json", *arguments).document["results"][0]["reasons"][0]["msg"])

    (here / "a.yaml").write_text("kind: Pod\nspec: {containers: [{image: where}]}\n", encoding="utf-8")
    (here / "b.yaml").write_text(
        "kind: Pod\nmetadata: {namespace: own}\nspec: {containers: [{image: where}]}\n", encoding="utf-8"
    )
    assert reason("where") == "namespace ; not here"
    assert reason("-n", "shop", "where") == "namespace shop; not here"
    assert reason("-f", "a.yaml") == "namespace default; not here"
    assert reason("-n", "shop", "-f", "a.yaml") == "namespace shop; not here"
    assert reason("-n", "", "-f", "a.yaml") == "namespace ; not here"
    assert reason("-n", "shop", "-f", "b.yaml") == "namespace own; not here"


def test_annotations_reach_the_policy(run: Run) -> None:
    metadata = {"annotations": {"a.image-policy.k8s.io/ticket": "T-7"}}
    text = json.dumps({"kind": "Pod", "metadata": metadata, "spec": {"containers": [{"image": "ticket"}]}})
    assert run("-o", "json", "-f", "-", stdin=text.encode()).document["results"][0]["reasons"][0]["msg"] == "ticket T-7"


# --- workloads --------------------------------------------------------------------------------------------------------


def test_an_image_beside_a_denied_one_is_never_simply_allowed(run: Run, here: Path) -> None:
    (here / "pod.json").write_text(pod("good:1", "bad:1"), encoding="utf-8")
    done = run("-f", "pod.json", "-o", "json")
    assert [(r["image"], r["verdict"], r["workload"]) for r in done.document["results"]] == [
        ("good:1", "allow", "deny"),
        ("bad:1", "deny", "deny"),
    ]
    for form in ("pretty", "table", "tap", "junit"):
        shown = run("-f", "pod.json", "-o", form).out
        assert "denied for another image" in shown or "* its workload is not allowed" in shown


def test_images_that_only_together_are_denied_are_both_denied(run: Run, here: Path) -> None:
    assert run("left", "right").code == 0
    done = run("-f", "-", "-o", "json", stdin=pod("left", "right").encode())
    assert done.rows == [("left", "deny"), ("right", "deny")]
    assert done.code == 1
    assert done.document["results"][0]["reasons"] == [{"rule": "pair", "msg": "left and right do not go together"}]


def test_what_is_said_of_all_images_together_is_not_lost(run: Run) -> None:
    done = run("-f", "-", "-o", "json", stdin=pod("left", "right", "bad").encode())
    assert done.rows == [("left", "allow"), ("right", "allow"), ("bad", "deny")]
    assert [r["rule"] for r in done.document["results"][2]["reasons"]] == ["bad", "pair"]


def test_a_workload_that_is_undecided(run: Run) -> None:
    done = run("-f", "-", "-o", "json", stdin=pod("good", "silent").encode())
    assert done.rows == [("good", "allow"), ("silent", "undecided")]
    assert done.document["results"][0]["workload"] == "undecided"
    assert done.code == 3


def test_a_written_review_is_judged_as_it_is(run: Run) -> None:
    review = {
        "kind": "ImageReview", "apiVersion": "imagepolicy.k8s.io/v1alpha1",
        "spec": {"namespace": "own", "containers": [{"image": "where"}, {"image": "good"}]},
    }  # fmt: skip
    done = run("-n", "shop", "-f", "-", "-o", "json", stdin=json.dumps(review, indent=1).encode())
    assert done.rows == [("where", "deny"), ("good", "allow")]
    assert done.document["results"][0]["reasons"][0]["msg"] == "namespace own; not here"
    assert done.document["results"][0]["where"]["line"] == 8


@pytest.mark.parametrize(
    "review",
    [
        "kind: ImageReview",
        "{kind: ImageReview, spec: {}}",
        "{kind: ImageReview, spec: {containers: []}}",
        "{kind: ImageReview, spec: {containers: {}}}",
        "{kind: ImageReview, spec: {containers: [5]}}",
        "{kind: ImageReview, spec: {containers: [{image: 5}]}}",
        "{kind: ImageReview, spec: {containers: [{image: good}, {}]}}",
        "{kind: ImageReview, apiVersion: v9, spec: {containers: [{image: good}]}}",
        "{kind: ImageReview, spec: {containers: [{image: good}], namespace: 5}}",
        "{kind: ImageReview, spec: {containers: [{image: good}], size: .inf}}",
    ],
)
def test_a_broken_review_is_an_error(run: Run, review: str) -> None:
    done = run("-f", "-", "-o", "json", stdin=review.encode())
    assert done.code == 2
    assert done.document["errors"][0]["code"] == "IE2022"


# --- files ------------------------------------------------------------------------------------------------------------

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: web
        image: bad:1
      initContainers:
      - name: first
        image: good:1
"""


def test_file_line_resource_and_container(run: Run, here: Path) -> None:
    (here / "m").mkdir()
    (here / "m/deploy.yaml").write_text(f"kind: ConfigMap\n---\n{DEPLOYMENT}", encoding="utf-8")
    done = run("-f", "m", "-v")
    assert "DENY  m/deploy.yaml:12  Deployment/web  container web\n      bad:1\n" in done.out
    assert "allow m/deploy.yaml:15  Deployment/web  init container first  good:1  (Deployment/web is denied" in done.out
    assert "no images in: 1 ConfigMap" in done.out
    where = run("-f", "m", "-o", "json").document["results"][0]["where"]
    assert where == {
        "file": "m/deploy.yaml", "doc": 2, "line": 12, "path": "spec.template.spec.containers[0].image",
        "resource": "Deployment/web", "container": "web", "namespace": "default",
    }  # fmt: skip


def test_directories_are_walked_in_order(run: Run, here: Path) -> None:
    for name in ("b/z.yml", "a/x.json", "a/b/y.yaml", "a/readme.md", "a/other.txt"):
        path = here / "m" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pod(f"good/{path.stem}"), encoding="utf-8")
    assert [image for image, _ in run("-f", "m", "-o", "json").rows] == ["good/x", "good/y", "good/z"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", 2),
        (b"\n---\n# nothing\n---\n", 2),
        (b"kind: ConfigMap\n", 2),
        (b"\x00\x01\x02\xff", 2),
        (b"\xff\xfe", 2),
        (b"kind: Pod\nspec: {containers: [{image: caf\xe9}]}\n", 2),
        (b"[" * 100_000, 2),
        (b"a: " * 100_000, 2),
        (b"kind: Pod\nkind: Pod\nspec: {containers: [{image: good}]}\n", 2),
        (b"kind: Pod\nspec: {containers: [{image: bad, image: good}]}\n", 2),
        (b"kind: Pod\nspec: {containers: [{image: 5}]}\n", 2),
        (b"kind: Pod\nspec: {containers: {}}\n", 2),
        (b"kind: Deployment\nspec: {template: ~}\n", 2),
        (b"kind: pod\nspec: {containers: [{image: good}]}\n", 2),
        (b"kind: List\nitems: []\n", 2),
        (b"kind: Pod\nspec: {containers: [{image: good}]}\n---\na: b: c\n", 2),
        (b"a: b: c\n---\nkind: Pod\nspec: {containers: [{image: bad}]}\n", 2),
        (b"kind: Pod\nspec: {containers: [{image: good}]}\n", 0),
        (b"\xef\xbb\xbfkind: Pod\r\nspec: {containers: [{image: good}]}\r\n", 0),
    ],
)
def test_contents(run: Run, content: bytes, code: int) -> None:
    assert run("-f", "-", "-o", "json", stdin=content).document["exit"] == code


def test_what_is_beside_a_broken_document_is_judged(run: Run) -> None:
    text = f"a: b: c\n---\n{DEPLOYMENT}---\nkind: pod\n"
    done = run("-f", "-", "-o", "json", stdin=text.encode())
    assert done.rows == [("bad:1", "deny"), ("good:1", "allow")]
    assert [(e["where"]["file"], e["where"]["doc"], e["where"]["line"]) for e in done.document["errors"]] == [
        ("stdin", 1, 1),
        ("stdin", 3, 17),
    ]
    assert "error[IE2022]: there is no kind 'pod'; did you mean 'Pod'?\n  at stdin:17" in done.err


def test_folders_behind_links_are_looked_through_once(run: Run, here: Path) -> None:
    (here / "m/real").mkdir(parents=True)
    (here / "elsewhere").mkdir()
    (here / "elsewhere/pod.yaml").write_text(pod("bad"), encoding="utf-8")
    (here / "m/real/pod.yaml").write_text(pod("good"), encoding="utf-8")
    (here / "m/linked").symlink_to("../elsewhere")
    (here / "m/again").symlink_to("real")
    (here / "m/real/round").symlink_to("..")
    done = run("-f", "m", "-o", "json")
    assert done.code == 1
    assert sorted(done.rows) == [("bad", "deny"), ("good", "allow")]


def test_a_pipe_in_a_directory_is_not_waited_for_and_one_that_is_named_is_read(run: Run, here: Path) -> None:
    (here / "m").mkdir()
    os.mkfifo(here / "m/pipe.yaml")
    (here / "m/gone.yaml").symlink_to("nowhere")
    done = run("-f", "m", "-o", "json")
    assert done.code == 2
    assert [e["msg"] for e in done.document["errors"]] == [
        "m/gone.yaml: cannot be read: No such file or directory",
        "m/pipe.yaml: cannot be read: it is no regular file",
    ]
    writer = threading.Thread(target=lambda: (here / "m/pipe.yaml").write_text(pod("bad"), encoding="utf-8"))
    writer.start()
    assert run("-f", "m/pipe.yaml", "-o", "json").rows == [("bad", "deny")]
    writer.join()


def test_an_alias_bomb_costs_little(run: Run) -> None:
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 40)]
    text = "\n".join([*lines, "kind: Pod", "spec: {containers: *a39}"])
    done = run("-f", "-", "-o", "json", stdin=text.encode())
    assert done.code == 2
    assert len(done.document["errors"]) == 9


def test_files_that_cannot_be_read(run: Run, here: Path) -> None:
    (here / "empty").mkdir()
    (here / "big.yaml").write_bytes(b"#" * (33 << 20))
    (here / "loop.yaml").symlink_to("loop.yaml")
    for name, words in (
        ("nowhere.yaml", "No such file"),
        ("empty", "there are no files ending in"),
        ("big.yaml", "larger than 32 MiB"),
        ("loop.yaml", "symbolic links"),
        ("a\x00b", "cannot be read"),
        ("https://example.org/pod.yaml", "cannot be read"),
        ("x" * 5000, "File name too long"),
        ("", "cannot be read"),
    ):
        done = run("-o", "json", f"-f={name}")
        assert done.code == 2, name
        assert words in done.document["errors"][0]["msg"], name


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_files_without_permission(run: Run, here: Path) -> None:
    (here / "closed").mkdir()
    (here / "closed/pod.yaml").write_text(pod("good"), encoding="utf-8")
    (here / "closed/pod.yaml").chmod(0)
    assert "Permission denied" in run("-f", "closed", "-o", "json").document["errors"][0]["msg"]
    (here / "closed").chmod(0)
    try:
        assert run("-f", "closed").code == 2
    finally:
        (here / "closed").chmod(0o700)


# --- policies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ("package a\nb = = 1", "IE2006"),
        ("not rego", "IE2006"),
        ("package a\nallow if x", "IE2006"),
        ("package a\nallow := true", "IE2007"),
        ("", "IE2006"),
    ],
)
def test_policies_that_cannot_be_used(run: Run, here: Path, policy: str, code: str) -> None:
    (here / "p.rego").write_text(policy, encoding="utf-8")
    done = run("--policy", "p.rego", "-o", "json", "good")
    assert done.code == 2
    assert [e["code"] for e in done.document["errors"]] == [code]
    assert done.document["results"] == []
    assert done.document["verdict"] == "error"


def test_policies_and_data_that_are_not_there(run: Run, here: Path) -> None:
    (here / "data.json").write_text("{", encoding="utf-8")
    (here / "list.json").write_text("[1]", encoding="utf-8")
    (here / "deep.yaml").write_text("[" * 200_000, encoding="utf-8")
    (here / "deep.json").write_text("[" * 200_000, encoding="utf-8")
    (here / "binary.rego").write_bytes(b"\x00\xff")
    for name in ("nowhere", "data.json", "list.json", "deep.yaml", "deep.json"):
        done = run("--data", name, "-o", "json", "good")
        assert (done.code, done.document["errors"][0]["code"]) == (2, "IE2006"), name
    for name in ("nowhere", "data.json", "binary.rego", "", "a\x00b"):
        done = run("--policy", name, "-o", "json", "good")
        assert (done.code, done.document["errors"][0]["code"][:5]) == (2, "IE200"), name


def test_an_answer_that_is_none(run: Run, here: Path) -> None:
    for value in (
        "1",
        '{"status": {}}',
        '{"status": {"allowed": "yes"}}',
        '{"status": {"allowed": 1}}',
        '{"kind": "x"}',
    ):
        (here / "p.rego").write_text(f"package io.k8s.image_policy\nverify := {value}\n", encoding="utf-8")
        done = run("--policy", "p.rego", "-o", "json", "good")
        assert (done.code, done.rows, done.document["results"][0]["cause"]) == (
            3,
            [("good", "undecided")],
            "policy-answer",
        )


def test_without_any_policy(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    done = run("good")
    assert done.code == 2
    assert "error[IE2006]: no policy is named" in done.err
    assert "hint: image-enforcer init DIR" in done.err


def test_what_is_taken_from_the_current_directory_is_said(run: Run, here: Path) -> None:
    assert "note: policies and data are those of the current directory: policies\n" in run("-q", "good").err
    (here / "data").mkdir()
    assert "current directory: policies, data\n" in run("good").err
    assert run("--policy", "policies", "good").err == ""


def test_an_opa_server_that_is_not_there_leaves_everything_undecided(run: Run) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        done = run("--policy", address, "-o", "json", "a", "b", "c", "d", "e")
        assert done.code == 3
        assert {(r["verdict"], r["cause"]) for r in done.document["results"]} == {("undecided", "policy-unreachable")}
        assert run("--policy", address, "--data", "x", "a").code == 2
    assert run("--policy", "ftp://example.org", "a").code == 2


# --- outputs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_same_exit_code_and_is_whole(run: Run, here: Path, form: str) -> None:
    for arguments, code in ((["good"], 0), (["bad", "good"], 1), ([], 2), (["silent"], 3)):
        done = run("-o", form, *arguments)
        assert done.code == code
        match form:
            case "json" | "sarif":
                assert json.loads(done.out)
            case "yaml":
                assert yaml.safe_load(done.out)["exit"] == code


def test_several_outputs(run: Run, here: Path) -> None:
    done = run("-o", "json=r.json", "-o", "sarif=r.sarif", "-o", "name", "bad", "good")
    assert (done.code, done.out) == (1, "bad\n")
    assert json.loads((here / "r.json").read_text(encoding="utf-8"))["exit"] == 1
    assert json.loads((here / "r.sarif").read_text(encoding="utf-8"))["version"] == "2.1.0"
    assert run("-o", "json=r.json", "good").out.startswith("allow good\n")
    assert json.loads((here / "r.json").read_text(encoding="utf-8"))["exit"] == 0
    assert sorted(path.name for path in here.iterdir()) == ["policies", "r.json", "r.sarif"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "jsn"], "did you mean 'json'?"),
        (["-o", "zzzz"], "one of pretty, json, yaml"),
        (["-o", ""], "one of pretty, json, yaml"),
        (["-o", "json="], "names no file"),
        (["-o", "json", "-o", "yaml"], "two outputs for standard output"),
        (["-o", "json=a", "-o", "yaml=a"], "two outputs for the file a"),
        (["--output", "=x"], "one of pretty"),
    ],
)
def test_outputs_that_cannot_be(run: Run, arguments: list[str], words: str) -> None:
    done = run(*arguments, "good")
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_a_file_that_cannot_be_written_is_an_error_and_the_others_are_written(run: Run, here: Path) -> None:
    (here / "folder").mkdir()
    done = run("-o", "json=no/r.json", "-o", "sarif=r.sarif", "-o", "tap=folder", "-o", "table=/dev/full", "good")
    assert done.code == 2
    assert done.err.count("error[IE2030]") == 3
    assert done.out.startswith("allow good\n")
    assert (here / "r.sarif").exists()


def test_quiet_shows_reasons_and_nothing_that_is_allowed(run: Run) -> None:
    assert run("-q", "good").out == ""
    assert run("-q", "good", "bad").out == "DENY  bad\n      it is bad; take a good one [bad]\n"


def test_colours_only_where_they_are_wanted(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("--color", "auto", "bad").code == 1  # Ran refuses escapes
    assert run("--color", "never", "bad").code == 1
    assert main(["verify", "--color", "always", "bad"]) == 1
    assert "\x1b[1;31mDENY \x1b[0m bad" in capsys.readouterr().out


def test_in_a_workflow_of_github_a_format_is_recommended_never_chosen(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    done = run("bad")
    assert "note: -o github" in done.err
    assert done.out.startswith("DENY ")
    assert "-o github" not in run("-o", "github", "bad").err


def test_the_same_input_gives_the_same_output(run: Run, here: Path) -> None:
    (here / "deploy.yaml").write_text(DEPLOYMENT, encoding="utf-8")
    for form in ("pretty", "sarif", "github", "tap", "table", "name"):
        arguments = ("-f", "deploy.yaml", "-o", form, "bad", "silent")
        assert run(*arguments).out == run(*arguments).out


# --- the same as the samples say --------------------------------------------------------------------------------------


def test_the_samples(run: Run, root: Path) -> None:
    arguments = ("--policy", str(root / "policies"), "--data", str(root / "data"), "-n", "production", "-o", "json")
    assert run(*arguments, "openpolicyagent/opa:0.4.9").code == 0
    done = run(*arguments, "wordpress:4-apache")
    assert done.code == 1
    assert [r["rule"] for r in done.document["results"][0]["reasons"]] == ["scan-vulnerable"]
