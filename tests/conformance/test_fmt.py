"""Layouts of all policies at hand: they mean what the source means, are their own layouts, and are OPA's.

The recordings of ``opa fmt`` and ``opa parse`` are compared too. Where a real OPA is, its layouts are compared byte for
byte; without it, what holds for a good layout is checked. Some of OPA's layouts are not good ones, and ours are the
same: each kind is named here.
"""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
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
FEW = 0.015
"""The share of policies whose layout may mean something else, or have another layout: fmt says so of the former, and
does not write them. What is known: the parentheses of ``"a", (b in c) in d`` go, a line that begins with ``-x`` goes on
the one before, and a branch of one expression that ends with a string is written twice."""


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


def laid_out(text: str, conversion: Conversion) -> tuple[LaidOut, bool] | None:
    """A layout and whether it changes what a rule means; None where the text has none, or one that is no policy."""
    try:
        laid = lay_out("a.rego", text, conversion)
        return laid, bool(changed_rules(laid, conversion))
    except Unformatted:
        return None


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_layouts_keep_what_they_lay_out(shared_cases: Path, name: str, record_property: Any) -> None:
    number = changed = unstable = 0
    for text, conversion in sources(shared_cases, name):
        found = laid_out(text, conversion)
        if found is None:
            continue
        laid, differs = found
        number += 1
        changed += differs
        again = lay_out("a.rego", laid.text, conversion)
        unstable += again.text != laid.text
        assert lost_comments(text, laid.text) == []
    record_property("figures", f"fmt {name}: {number} laid out, {changed} mean something else, {unstable} not settled")
    assert changed <= 1 + FEW * number
    assert unstable <= 1 + FEW * number


@pytest.mark.e2e
@pytest.mark.parametrize("name", SETS)
def test_layouts_are_those_of_a_real_opa(shared_cases: Path, tmp_path: Path, name: str, record_property: Any) -> None:
    try:
        opa = peers.find("opa")
    except peers.Unavailable as reason:
        if "opa" in os.environ.get("E2E_REQUIRE", "").split(","):
            pytest.fail(f"E2E_REQUIRE names opa, but: {reason}")
        pytest.skip(str(reason))
    wanted: dict[Path, str] = {}
    for i, (text, conversion) in enumerate(sources(shared_cases, name)):
        found = laid_out(text, conversion)
        if found is not None:
            path = tmp_path / f"v{conversion.read}" / f"{i}.rego"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text.encode())
            wanted[path] = found[0].text
    for version, flags in (("v0", ["--v0-compatible"]), ("v1", [])):
        if (tmp_path / version).is_dir():
            command = [str(opa), "fmt", "-w", *flags, str(tmp_path / version)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
            assert (done.returncode, done.stderr) == (0, "")
    different = [path for path, text in wanted.items() if path.read_bytes() != text.encode()]
    record_property("figures", f"fmt {name}: {len(wanted) - len(different)} of {len(wanted)} layouts are OPA's")
    assert [path.name for path in different] == []


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
    """A layout is its own, unless it is one of those that change a rule and are told."""
    for text in GENERATORS[name](seed).modules:
        found = laid_out(text, READ_V1)
        if found is not None and not found[1]:
            laid = found[0]
            assert lay_out("a.rego", laid.text).text == laid.text
            assert lost_comments(text, laid.text) == []


@settings(max_examples=60)
@given(st.sampled_from(sorted(GENERATORS)), st.integers(0, 2**32), st.data())
def test_policies_with_breaks_anywhere(name: str, seed: int, data: st.DataObject) -> None:
    """Lines and comments where nobody would put them: there is a layout or a named error, never anything else."""
    for text in GENERATORS[name](seed).modules:
        spaces = [i for i, c in enumerate(text) if c == " "]
        for at in sorted(data.draw(st.lists(st.sampled_from(spaces), max_size=4, unique=True)), reverse=True):
            text = (
                text[:at] + data.draw(st.sampled_from(["\n", " # c\n", "\n\n", "\n# own\n", "\r\n"])) + text[at + 1 :]
            )
        try:
            laid = lay_out("a.rego", text)
        except Unformatted:
            continue
        assert laid.text.startswith(("package ", "#"))
