"""The command line as a whole: what is understood, what is refused and with which words, and that nothing is lost."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from image_enforcer import __version__
from image_enforcer.cli import faults
from image_enforcer.cli.main import COMMANDS, PARSED, main

EXECUTABLE = Path(sys.executable).with_name("image-enforcer")
installed = pytest.mark.skipif(not EXECUTABLE.exists(), reason="the image-enforcer command is not installed")
Ran = tuple[int, str, str]
Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    for name in [name for name in os.environ if name.startswith("IMAGE_ENFORCER_")]:
        monkeypatch.delenv(name)

    def go(*arguments: str) -> Ran:
        code = main(list(arguments))
        return (code, *capsys.readouterr())

    return go


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A policy that allows everything."""
    path = tmp_path / "p.rego"
    text = 'package io.k8s.image_policy\nverify := {"kind": "ImageReview", "status": {"allowed": true}}\n'
    path.write_text(text, encoding="utf-8")
    return path


# --- help and version -------------------------------------------------------------------------------------------------


def test_without_arguments(run: Run) -> None:
    assert run() == (2, "", "error[IE2001]: no command is given\n  hint: image-enforcer --help lists the commands\n")


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["-help"], ["help"]])
def test_overview(run: Run, arguments: list[str]) -> None:
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    assert re.findall(r"^  ([a-z]+)  ", out, flags=re.MULTILINE) == list(COMMANDS)
    assert "Exit codes: 0 allowed or done, 1 denied" in out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command(run: Run, command: str) -> None:
    code, out, err = run("help", command)
    assert (code, err) == (0, "")
    assert run(command, "--help") == run(command, "-h") == run(command, "-help") == (code, out, err)
    assert out.startswith(f"usage: image-enforcer {command}")
    assert "\n\nExit codes:\n  0 " in out
    assert out.rstrip().endswith("130  interrupted")
    assert "\x1b" not in out
    assert "╭" not in out


def test_help_of_verify(run: Run) -> None:
    _, out, _ = run("verify", "--help")
    for row in (
        r"  IMAGE  images to decide about",
        r"  -f, --filename FILE … +a file with manifests, .*",
        r"  -o, --output FORMAT\[=FILE\] … +FORMAT or .*",
        r"  --fail-on deny\|none +none: .* \(default: deny\)",
        r"  --allow-empty +do not fail .*",
        r"  3 +undecided: .*",
    ):
        assert re.search(f"^{row}$", out, flags=re.MULTILINE), row
    assert "--no-" not in out
    assert "--empty-" not in out


def test_every_option_is_explained(run: Run) -> None:
    for command in ("verify", "init", "serve"):
        _, out, _ = run("help", command)
        options = out.partition("Options:\n")[2].partition("\n\n")[0]
        for row in options.splitlines():
            assert len(row.split("  ")[-1]) > 10, row


def test_help_wins_over_other_arguments_but_not_after_the_end_of_options(run: Run) -> None:
    assert run("verify", "x", "--help")[1].startswith("usage:")
    assert run("verify", "--policy", "/nowhere", "--", "--help")[0] == 2


def test_version(run: Run) -> None:
    assert run("version") == run("--version") == (0, f"image-enforcer {__version__}\n", "")
    assert run("version", "x")[0] == run("--version", "x")[0] == 2


# --- what is not understood -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["verfy", "x"], "error[IE2001]: there is no command 'verfy'", "did you mean 'verify'?"),
        (["zzzzzz"], "error[IE2001]: there is no command 'zzzzzz'", "image-enforcer --help lists the commands"),
        (["-q"], "error[IE2001]: there is no command '-q'", "image-enforcer --help lists the commands"),
        (["help", "srve"], "error[IE2001]: there is no command 'srve'", "did you mean 'serve'?"),
        (["help", "run", "x"], "error[IE2002]: give one command to explain", "image-enforcer help run"),
        (["verify", "--polcy", "x"], "error[IE2002]: unknown option: --polcy", "did you mean --policy?"),
        (["verify", "--pol", "x"], "error[IE2002]: unknown option: --pol", "did you mean --policy?"),
        (["verify", "-z"], "error[IE2002]: unknown option: -z", "image-enforcer verify --help"),
        (["verify", "-"], "error[IE2002]: unknown option: -", "-f - reads manifests from standard input"),
        (["verify", "--version"], "error[IE2002]: unknown option: --version", "did you mean --verbose?"),
        (["verify", "-f"], "error[IE2002]: parameter -f requires an argument", "image-enforcer verify --help"),
        (["verify", "-q", "-q"], "error[IE2002]: parameter -q specified multiple times", "image-enforcer verify"),
        (["verify", "-n", "a", "-n", "b"], "error[IE2002]: parameter -n specified multiple times", "image-enforcer"),
        (
            ["verify", "--fail-on", "nne", "x"],
            'error[IE2002]: invalid value "nne" for --fail-on. Choose from: "deny", "none"',
            'did you mean "none"?',
        ),
        (
            ["verify", "--quiet=perhaps", "x"],
            'error[IE2002]: invalid value for --quiet: unable to convert "perhaps" into bool',
            "image-enforcer verify --help",
        ),
        (["verify", "--no-quiet", "x"], "error[IE2002]: unknown option: --no-quiet", "did you mean --quiet?"),
        (["completion"], "error[IE2003]: give one of bash, zsh, fish", "image-enforcer completion bash > "),
        (["completion", "tcsh"], "error[IE2003]: 'tcsh' is not one of bash, zsh, fish", "image-enforcer completion"),
        (["a\n::error::\x1b[31m"], "error[IE2001]: there is no command 'a\\n::error::\\x1b[31m'", "image-enforcer"),
    ],
)
def test_errors(run: Run, arguments: list[str], error: str, hint: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert first == error
    assert second.startswith(f"  hint: {hint}")


@pytest.mark.parametrize(
    "arguments", [["verify", "\x1b[31m", "--\x1b[31m"], ["verify", "-f", "\n::error::x", "a"], ["\udcff"]]
)
def test_errors_show_arguments_safely(run: Run, arguments: list[str]) -> None:
    code, out, err = run(*arguments)
    assert code == 2
    assert "\x1b" not in out + err
    assert not re.search(r"^\s*::", out + err, flags=re.MULTILINE)


@pytest.mark.parametrize(
    "arguments",
    [
        ["IMAGE", "-f", "F", "-o", "name"],
        ["-oname", "-f=F", "IMAGE"],
        ["-f", "F", "--output=name", "--", "IMAGE"],
        ["--filename", "F", "IMAGE", "-qo", "name"],
    ],
)
def test_spellings_of_the_same(run: Run, tmp_path: Path, policy: Path, arguments: list[str]) -> None:
    (tmp_path / "F.yaml").write_text("kind: Pod\nspec: {containers: [{image: Bad/One}]}\n", encoding="utf-8")
    given = [a.replace("F", str(tmp_path / "F.yaml"), 1) if a in ("F", "-f=F") else a for a in arguments]
    assert run("verify", "--policy", str(policy), *given)[:2] == (1, "IMAGE\nBad/One\n")


# --- environment ------------------------------------------------------------------------------------------------------


def test_options_from_the_environment(run: Run, policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_ENFORCER_VERIFY_POLICY", str(policy))
    monkeypatch.setenv("IMAGE_ENFORCER_VERIFY_OUTPUT", "name")
    assert run("verify", "Bad/One")[:2] == (1, "Bad/One\n")
    assert run("verify", "-o", "tap", "a")[1].startswith("TAP")
    monkeypatch.setenv("IMAGE_ENFORCER_VERIFY_FAIL_ON", "none")
    assert run("verify", "Bad/One")[0] == 0
    assert run("verify", "--fail-on", "deny", "Bad/One")[0] == 1


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("IMAGE_ENFORCER_VERIFY_POLCY", "did you mean IMAGE_ENFORCER_VERIFY_POLICY?"),
        ("IMAGE_ENFORCER_VERIFY_IMAGES", "did you mean"),
        ("IMAGE_ENFORCER_VERIFY_IMAGE", "did you mean"),
        ("IMAGE_ENFORCER_POLICY", "did you mean"),
        ("IMAGE_ENFORCER_ZZZZZZZZ", "options are IMAGE_ENFORCER_COMMAND_OPTION"),
    ],
)
def test_names_that_stand_for_no_option(
    run: Run, policy: Path, monkeypatch: pytest.MonkeyPatch, name: str, hint: str
) -> None:
    monkeypatch.setenv(name, "secret")
    code, out, err = run("verify", "--policy", str(policy), "a")
    assert (code, out) == (2, "")
    assert err.startswith(f"error[IE2031]: the environment variable {name} stands for no option\n  hint: {hint}")
    assert "secret" not in err
    assert run("version")[0] == run("help", "verify")[0] == 0


def test_values_that_cannot_be(run: Run, policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_ENFORCER_VERIFY_ALLOW_EMPTY", "perhaps")
    code, _, err = run("verify", "--policy", str(policy))
    assert code == 2
    assert "IMAGE_ENFORCER_VERIFY_ALLOW_EMPTY" in err


def test_the_names_of_the_tests_are_allowed(run: Run, policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_ENFORCER_CASES", "/nowhere")
    assert run("verify", "--policy", str(policy), "a")[0] == 0


# --- completion -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(run: Run, shell: str) -> None:
    code, out, err = run("completion", shell)
    assert (code, err) == (0, "")
    for word in (*PARSED, "fail-on", "allow-empty", "none"):
        assert word in out
    checker = (
        subprocess.run([shell, "-n"], input=out, text=True, capture_output=True, check=False) if _has(shell) else None
    )
    assert checker is None or checker.returncode == 0, checker.stderr


def _has(shell: str) -> bool:
    return any(Path(folder, shell).exists() for folder in os.environ["PATH"].split(os.pathsep))


# --- errors as such ---------------------------------------------------------------------------------------------------


def test_the_form_of_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    fault = faults.Fault("IE2004", "a: b\nerror[IE9]: forged\n", at="f:3", hint="do", exit_code=3)
    assert fault.show() == 3
    assert capsys.readouterr().err == "error[IE2004]: a: b\n  error[IE9]: forged\n  at f:3\n  hint: do\n"


def test_the_page_lists_every_code(root: Path) -> None:
    used: set[str] = set()
    for path in (root / "src/image_enforcer").rglob("*.py"):
        used |= set(re.findall(r'"(IE\d{4})"', path.read_text(encoding="utf-8")))
    page = (root / "docs/reference/command-line.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(IE\d{4})` \|", page, flags=re.MULTILINE)) == used


def test_the_page_lists_every_command_and_option_of_verify(root: Path, run: Run) -> None:
    page = (root / "docs/reference/command-line.md").read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f"| `{command}` |" in page
    _, out, _ = run("help", "verify")
    for option in re.findall(r"(?<![\w-])--[a-z-]+", out.partition("Options:")[2].partition("In the environment")[0]):
        assert f"`{option}" in page or f", {option}" in page, option


# --- the process ------------------------------------------------------------------------------------------------------


def shell(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in bash with ``$IE`` as the command."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("IMAGE_ENFORCER_")}
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False, timeout=60,
        env={**inherited, "IE": str(EXECUTABLE), **environment},
    )  # fmt: skip


@installed
@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("$IE verify --policy p.rego a >&-", 2, "error[IE2030]: standard output is closed"),
        ("$IE verify --policy p.rego a >/dev/full", 2, "error[IE2030]: the output cannot be written: No space left"),
        ("$IE help >/dev/full", 2, "error[IE2030]"),
        ("$IE version >/dev/full", 2, "error[IE2030]"),
        ("$IE verify --policy p.rego a 2>&-", 0, ""),
        ("$IE verify --policy p.rego a 2>/dev/full", 0, ""),
        ("$IE verify --policy p.rego Bad/One 2>&-", 1, ""),
        ("$IE verfy 2>/dev/full", 2, ""),
        ("$IE verfy 2>&- >&-", 2, ""),
        ("$IE verify --policy p.rego -f - <&-", 2, "stdin: cannot be read: it is closed"),
        ("$IE verify --policy p.rego -f /dev/zero", 2, "larger than 32 MiB"),
        ("( sleep 0.3; $IE help; echo $? >&2 ) | true", 0, "141\n"),
        (
            "LC_ALL=C PYTHONUTF8=0 PYTHONIOENCODING=ascii $IE verify --policy p.rego $'caf\\xc3\\xa9'",
            2,
            "caf\\udcc3\\udca9: the image",
        ),
        ("$IE verify --policy p.rego $'a\\xff'", 2, "error[IE2022]"),
    ],
)
def test_streams_that_fail(policy: Path, script: str, code: int, words: str) -> None:
    done = shell(script, policy.parent)
    assert done.returncode == code, done
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


@installed
def test_results_and_talk_are_apart(policy: Path) -> None:
    done = shell("mkdir policies; cp p.rego policies; $IE verify -o json a -f nowhere 2>/dev/null", policy.parent)
    assert done.returncode == 2
    assert done.stdout.startswith("{")
    assert done.stderr == ""


@installed
@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("cyclopts", "verify --policy p.rego a"),
        ("yaml", "verify --policy p.rego a"),
        ("yaml", "verify --policy p.rego -f p.yaml"),
        ("difflib", "verfy"),
        ("difflib", "verify -o jsn a"),
    ],
)
def test_an_interrupt_while_something_is_imported(policy: Path, module: str, arguments: str) -> None:
    (policy.parent / f"{module}.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nfor _ in range(10**9): pass\n", encoding="utf-8"
    )
    done = shell(f"$IE {arguments}", policy.parent, PYTHONPATH=str(policy.parent))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@installed
def test_an_interrupt_while_waiting(policy: Path) -> None:
    process = subprocess.Popen(
        [EXECUTABLE, "verify", "--policy", policy, "a", "-f", "-"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        # It reads standard input once everything is loaded; until then an interrupt must do the same.
        for _ in range(200):
            if process.poll() is not None:
                break
            try:
                waiting = Path(f"/proc/{process.pid}/wchan").read_text(encoding="utf-8")
            except OSError:
                pytest.skip("this system does not tell what a process waits for")
            if "pipe" in waiting:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out, err) == (130, "", "")


@installed
def test_a_mistake_of_ours_is_no_verdict(policy: Path) -> None:
    (policy.parent / "yaml.py").write_text("raise KeyError('x')\n", encoding="utf-8")
    done = shell("$IE verify --policy p.rego a", policy.parent, PYTHONPATH=str(policy.parent))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error[IE2099]: a mistake in image-enforcer: KeyError: 'x'\n  at ")
    assert "Traceback" not in done.stderr
    environment = {"PYTHONPATH": str(policy.parent), "PYTHONDEVMODE": "1"}
    done = shell("$IE verify --policy p.rego a", policy.parent, **environment)
    assert done.returncode == 2
    assert "Traceback" in done.stderr


@installed
@pytest.mark.parametrize("command", ["version", "help"])
def test_nothing_heavy_is_loaded_to_say_the_version(command: str) -> None:
    script = f"import sys; from image_enforcer.cli.main import main; main([{command!r}]); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {"cyclopts", "yaml", "image_enforcer.rego", "image_enforcer.opa", "asyncio", "rich"}
