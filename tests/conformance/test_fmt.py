"""Layouts of all policies at hand: they mean what the source means, are their own layouts, and are OPA's.

The recordings of ``opa fmt`` and ``opa parse`` are compared too. Where a real OPA is, its layouts are compared byte for
byte; without it, what holds for a good layout is checked. A few of OPA's layouts are not good ones: where ours are
others, each kind is named here.
"""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_enforcer.cli.main import main
from image_enforcer.opa.format import V0, Conversion, LaidOut, Unformatted, changed_rules, lay_out, lost_comments
from tests.differential.generators import GENERATORS
from tools import peers

SETS = ("compliance", "compliance-v0", "fuzz", "idioms", "errors", "fixtures")
READ_V1 = Conversion()
READ_V0 = Conversion(0, V0)

EXEMPT = {("opa", "parse"): "wrong use is told with a hint instead of the list of options"}
"""Recordings that differ by intent."""
OURS = {
    '"foo", (2 in {"bar": 2}) in {"foo": true}': "OPA's is without the parentheses, and so is another expression",
    "(-1 * x4) > 10": "OPA's is without the parentheses, and so goes on with the line before",
    'else := input.spec.jobTemplate.spec.template.spec if input.kind == "CronJob"': "OPA writes the next branch twice",
    'else := split(v2, ":") if v2 := "null"': "OPA writes what is between the two strings twice",
    'with input.name as "İstanbul"': "OPA writes what is between the two strings twice",
    "obj.baz := true { input.baz }": "OPA's has another layout, without the value",
}
"""Policies whose layout is another one than OPA's, by what they hold, and why."""
FEW = 0.005
"""The share of them that is not too large."""


def sources(shared_cases: Path, name: str) -> Iterator[tuple[str, Conversion]]:
    """The policies of a set, each once, and how they are read."""
    folder = shared_cases / "rego-suite" / name
    found: list[tuple[str, int]] = []
    if name == "fixtures":
        paths = sorted((shared_cases / "opa-golden" / "fixtures").rglob("*.rego"))
        found = [(path.read_text(encoding="utf-8"), version) for path in paths for version in (0, 1)]
    elif name == "errors":
        path = shared_cases / "opa-golden" / "errors.json"
        rows = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
        found = [(row["module"], 0 if "--v0-compatible" in row["args"] else 1) for row in rows]
    elif folder.is_dir():
        cases = [
            case for path in sorted(folder.glob("*.json")) for case in json.loads(path.read_text(encoding="utf-8"))
        ]
        found = [(text, case.get("rego_version", 1)) for case in cases for text in case.get("modules", ())]
    if not found:
        pytest.skip(f"the shared cases hold no {name}")
    for text, version in dict.fromkeys(found):
        yield text, READ_V1 if version else READ_V0


def laid_out(text: str, conversion: Conversion) -> LaidOut | None:
    """A layout; None where the text has none."""
    try:
        return lay_out("a.rego", text, conversion)
    except Unformatted:
        return None


def is_kept(text: str, conversion: Conversion) -> bool:
    """Whether a text has a layout, which is to mean the same, to have all comments, and to be its own."""
    laid = laid_out(text, conversion)
    if laid is None:
        return False
    assert changed_rules(laid, conversion) == []
    assert lost_comments(text, laid.text) == []
    again = replace(conversion, read=conversion.result_version)
    assert lay_out("a.rego", laid.text, again).text == laid.text
    return True


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_layouts_keep_what_they_lay_out(shared_cases: Path, name: str, record_property: Any) -> None:
    number = 0
    for text, conversion in sources(shared_cases, name):
        number += is_kept(text, conversion)
    record_property("figures", f"fmt {name}: {number} laid out, all mean the same and are their own layouts")


@pytest.mark.e2e
@pytest.mark.parametrize("name", SETS)
def test_layouts_are_those_of_a_real_opa(shared_cases: Path, tmp_path: Path, name: str, record_property: Any) -> None:
    try:
        opa = peers.find("opa")
    except peers.Unavailable as reason:
        if "opa" in os.environ.get("E2E_REQUIRE", "").split(","):
            pytest.fail(f"E2E_REQUIRE names opa, but: {reason}")
        pytest.skip(str(reason))
    wanted: dict[Path, tuple[str, str]] = {}
    for i, (text, conversion) in enumerate(sources(shared_cases, name)):
        found = laid_out(text, conversion)
        if found is not None:
            path = tmp_path / f"v{conversion.read}" / f"{i}.rego"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text.encode())
            wanted[path] = text, found.text
    for version, flags in (("v0", ["--v0-compatible"]), ("v1", [])):
        if (tmp_path / version).is_dir():
            command = [str(opa), "fmt", "-w", "--check-result=false", *flags, str(tmp_path / version)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
            assert (done.returncode, done.stderr) == (0, "")
    different = [source for path, (source, ours) in wanted.items() if path.read_bytes() != ours.encode()]
    record_property("figures", f"fmt {name}: {len(wanted) - len(different)} of {len(wanted)} layouts are OPA's")
    assert [text for text in different if not any(held in text for held in OURS)] == []
    assert len(different) <= 1 + FEW * len(wanted)


# --- recordings ----------------------------------------------------------------------------------


def recordings(shared_cases: Path) -> list[Any]:
    path = shared_cases / "opa-golden" / "cli.json"
    if not path.is_file():
        pytest.skip("the shared cases hold no recordings of OPA's command line")
    rows = json.loads(path.read_text(encoding="utf-8"))
    found = [row for row in rows if row["command"][1:2] in (["fmt"], ["parse"])]
    return [row for row in found if not row.get("nondeterministic") and "--help" not in row["command"]]


def test_recordings(
    shared_cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "fixtures"
    different = []
    for row in recordings(shared_cases):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(shared_cases / "opa-golden" / "fixtures", folder, copy_function=shutil.copyfile)
        monkeypatch.chdir(folder)
        for name, text in row.get("files_before", {}).items():
            (folder / name).write_bytes(text.encode())
        stdin = io.TextIOWrapper(io.BytesIO(row.get("stdin", "").encode()), encoding="utf-8")
        monkeypatch.setattr(sys, "stdin", stdin)
        code = main(row["command"][1:])
        out, err = capsys.readouterr()
        after = {name: (folder / name).read_text(encoding="utf-8") for name in row.get("files_after", {})}
        same = (code, out, after) == (row["exit"], row["stdout"], row.get("files_after", {})) and row["stderr"] in err
        if not same and tuple(row["command"]) not in EXEMPT:
            different.append(row["command"])
    assert different == []


# --- generated policies --------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.sampled_from(sorted(GENERATORS)), st.integers(0, 2**32))
def test_generated_policies(name: str, seed: int) -> None:
    for text in GENERATORS[name](seed).modules:
        is_kept(text, READ_V1)


BREAKS = ("\n", " # c\n", "\n\n", "\n# own\n", "\r\n", " # one\n # two\n", "\t#\n")


@settings(max_examples=60)
@given(st.sampled_from(sorted(GENERATORS)), st.integers(0, 2**32), st.data())
def test_policies_with_breaks_anywhere(name: str, seed: int, data: st.DataObject) -> None:
    """Lines and comments where nobody would put them: there is a good layout or a named error, never anything else."""
    for text in GENERATORS[name](seed).modules:
        places = [i for i, c in enumerate(text) if c in " ([{}]),:" and i]
        for at in sorted(data.draw(st.lists(st.sampled_from(places), max_size=6, unique=True)), reverse=True):
            text = text[:at] + data.draw(st.sampled_from(BREAKS)) + text[at + (text[at] == " ") :]
        is_kept(text, READ_V1)
