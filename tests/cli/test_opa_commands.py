"""OPA's commands as a user has them: options, wrong use, interrupts, closed pipes, much output."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from image_enforcer.cli.main import main
from image_enforcer.cli.refused import INSTEAD

Ran = tuple[int, str, str]
Run = Callable[..., Ran]
COMMAND = [sys.executable, "-P", "-m", "image_enforcer.cli.main"]

POLICY = "package a\nallow if input.x == 1\ntest_ok if allow with input.x as 1\ntest_no if allow\n"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.rego").write_text(POLICY, encoding="utf-8")
    (tmp_path / "in.json").write_text('{"x": 1}', encoding="utf-8")

    def go(*arguments: str) -> Ran:
        code = main(list(arguments))
        return (code, *capsys.readouterr())

    return go


def test_check_knows_schemas(run: Run, tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "in.json").write_text('{"properties": {"y": {"type": "string"}}}', encoding="utf-8")
    assert run("check", "a.rego") == (0, "", "")
    code, _, said = run("check", "a.rego", "--schema", "s/in.json")
    assert (code, "undefined ref: input.x" in said, 'want (one of): ["y"]' in said) == (1, True, True)
    note = "package b\n# METADATA\n# schemas: [{input: schema.in}]\np if input.y == 1\n"
    (tmp_path / "b.rego").write_text(note, encoding="utf-8")
    assert run("check", "b.rego")[0] == 0
    code, _, said = run("check", "b.rego", "-s", "s")
    assert (code, "b.rego:4: rego_type_error: match error" in said) == (1, True)
    assert run("check", "a.rego", "-s", "none")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["test"], 1, "specify at least one file"),
        (["check"], 1, "specify at least one file"),
        (["deps"], 1, "specify exactly one query argument"),
        (["inspect", "a", "b"], 1, "specify exactly one OPA bundle or path"),
        (["bench"], 1, "specify query argument or --stdin"),
        (["exec"], 1, "requires at least 1 path arg, or the --stdin-input flag"),
        (["test", ".", "--format", "gobench"], 1, "cannot use output format gobench"),
        (["test", ".", "--threshold", "101"], 1, "Code coverage threshold must be between 0 and 100"),
        (["test", ".", "--bench", "-c"], 1, "coverage reporting is not supported when benchmarking tests"),
        (["test", ".", "--coverage-runs", "x"], 2, 'invalid --coverage-runs value "x"'),
        (["test", ".", "--timeout", "5"], 2, "missing unit"),
        (["test", ".", "--count", "-1"], 2, "are not negative"),
        (["test", ".", "--format", "xml"], 2, "--format"),
        (["test", ".", "--target", "wasm"], 2, "test --target is not supported"),
        (["check", ".", "--capabilities", "x"], 2, "check --capabilities is not supported"),
        (["bench", "1", "--e2e"], 2, "bench --e2e is not supported"),
        (["bench", "1", "-p", "-u", "1"], 2, "names no document"),
        (["exec", "in.json", "-c", "x"], 2, "exec --config-file is not supported"),
        (["capabilities", "--version", "v9"], 1, "no capabilities version found: v9"),
        (["capabilities", "--file", "nope"], 1, "stat nope: no such file or directory"),
        (["exec", "in.json", "--fail", "--fail-defined"], 1, "specify --fail or --fail-defined but not both"),
        (["exec", "nope.json"], 1, "lstat nope.json: no such file or directory"),
        (["exec", "in.json", "-b", "nope"], 1, "stat nope: no such file or directory"),
    ],
)
def test_wrong_use(run: Run, arguments: list[str], code: int, text: str) -> None:
    got, out, err = run(*arguments)
    assert (got, out) == (code, "")
    assert text in err
    assert "hint: " in err or err.startswith("{")


@pytest.mark.parametrize("command", INSTEAD)
def test_what_is_not_there_is_refused(run: Run, command: str) -> None:
    code, out, err = run(command, "--anything")
    assert (code, out) == (2, "")
    assert err.startswith(f"error[IE2005]: {command} is not supported: ")
    assert "hint: " in err


def test_test(run: Run) -> None:
    assert run("test", ".")[0] == 2
    assert run("test", "-r", "ok", ".")[:2] == (0, "PASS: 1/1\n")
    assert run("test", "-r", "zzz", ".")[:2] == (1, "")
    assert run("test", "-r", "zzz", "--fail-on-empty=false", ".")[0] == 0
    assert json.loads(run("test", "-f", "json", "-r", "no", ".")[1])[0]["fail"] is True
    assert run("test", "-v", "-r", "ok", "-p", "1", "--count", "2", ".")[1].count("PASS: 1/1") == 2
    assert run("test", "-r", "ok", "--sort", "duration", ".")[2].startswith("warning: --sort is only supported")
    assert run("test", "-b", "-r", "ok", ".")[0] == 0
    assert run("test", "--v0-compatible", ".")[0] == 1
    assert run("test", "--ignore", "b.rego,a.rego", ".")[0] == 1


def test_a_test_that_takes_too_long_is_an_error(run: Run, tmp_path: Path) -> None:
    """OPA's own timer may be late or early, so that the same command beside a real one tells nothing."""
    long = "test_long if { some i in numbers.range(1, 9000); some j in numbers.range(1, 9000); i == j + 9000 }"
    (tmp_path / "long.rego").write_text(f"package long\n{long}\n", encoding="utf-8")
    code, out, _ = run("test", "long.rego", "--timeout", "100ms")
    assert (code, "eval_cancel_error: context deadline exceeded" in out, "ERROR: 1/1" in out) == (2, True, True)
    assert run("test", "a.rego", "--timeout", "5s", "-r", "test_ok")[0] == 0


def test_check(run: Run, tmp_path: Path) -> None:
    assert run("check", ".") == (0, "", "")
    (tmp_path / "b.rego").write_text("package b\nimport data.a\np := 1\n", encoding="utf-8")
    assert run("check", ".")[0] == 0
    code, out, err = run("check", "-S", ".")
    assert (code, out) == (1, "")
    assert err == "1 error occurred: b.rego:2: rego_compile_error: import data.a unused\n"
    assert json.loads(run("check", "-S", "-f", "json", ".")[2])["errors"][0]["code"] == "rego_compile_error"
    assert run("check", "in.json") == (0, "", "no policies were found: files whose names end with .rego are checked\n")


def test_deps_inspect_exec_capabilities(run: Run) -> None:
    assert "data.a.allow" in run("deps", "-d", "a.rego", "data.a.allow")[1]
    assert json.loads(run("deps", "-d", "a.rego", "-f", "json", "data.a.allow")[1])["base"]
    assert run("deps", "1") == (0, "", "")
    assert run("inspect", ".")[1].startswith("NAMESPACES:\n")
    assert json.loads(run("inspect", "-f", "json", "a.rego")[1])["namespaces"] == {"data.a": ["a.rego"]}
    assert json.loads(run("exec", "-b", ".", "--decision", "a/allow", "in.json")[1])["result"][0]["result"] is True
    assert run("exec", "-b", ".", "--decision", "a/allow", "--fail-defined", "in.json")[0] == 1
    assert run("capabilities") == (0, "v1.22.2\n", "")
    assert "builtins" in json.loads(run("capabilities", "--current")[1])


def test_bench(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from image_enforcer.opa import measuring

    monkeypatch.setattr(
        measuring, "measure", lambda do, **_: measuring.Measured(do() + 1, 3000, times=array("q", [1000]))
    )
    assert run("bench", "-d", ".", "-i", "in.json", "data.a.allow")[1].startswith("┌")
    assert json.loads(run("bench", "1+1", "-f", "json")[1])["N"] == 2
    assert run("bench", "1+1", "-f", "gobench", "--metrics=false", "--benchmem=false")[1].startswith(
        "BenchmarkOPAEval\t"
    )
    assert run("bench", "data.nope")[0] == 1
    assert run("bench", "data.nope", "--fail=false")[0] == 0
    assert json.loads(run("bench", "x", "-f", "json")[1])["errors"]
    assert run("bench", "-p", "-d", ".", "data.a.allow")[0] == 0


@contextlib.contextmanager
def process(arguments: list[str], folder: Path, **how: object) -> "Iterator[subprocess.Popen[bytes]]":
    """The command as a process of its own; killed at the end where it has not ended."""
    import image_enforcer

    assert image_enforcer.__file__ is not None
    environment = {**os.environ, "PYTHONPATH": str(Path(image_enforcer.__file__).parents[1])}
    with subprocess.Popen([*COMMAND, *arguments], cwd=folder, env=environment, **how) as made:  # type: ignore[call-overload]  # options by name
        try:
            yield made
        except BaseException:
            made.kill()
            raise


def many(folder: Path, body: str, count: int) -> None:
    text = "package a\n" + "\n".join(f"test_{i} if {body}" for i in range(count))
    (folder / "many_test.rego").write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_an_interrupt_ends_it_and_its_processes(tmp_path: Path) -> None:
    many(tmp_path, "count([1 | numbers.range(1, 4000)[_]; numbers.range(1, 4000)[_]]) > 0", 64)
    command, pipe = ["test", "-p", "2", "."], subprocess.PIPE
    with process(command, tmp_path, stdout=pipe, stderr=pipe, start_new_session=True) as made:
        children = Path(f"/proc/{made.pid}/task/{made.pid}/children")
        until = time.monotonic() + 30
        while len(children.read_text("utf-8").split()) < 2:
            assert made.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        time.sleep(1)  # by then they are at their tests
        os.killpg(made.pid, signal.SIGINT)
        out, err = made.communicate(timeout=30)
    assert made.returncode == 130
    assert b"Traceback" not in out + err
    with pytest.raises(ProcessLookupError):
        os.killpg(made.pid, 0)


@pytest.mark.slow
def test_nobody_reads_the_output(tmp_path: Path) -> None:
    many(tmp_path, f'print("{"x" * 2000}")', 300)
    with process(["test", "-v", "."], tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as made:
        assert made.stdout is not None
        made.stdout.read(100)
        made.stdout.close()
        assert made.stderr is not None
        err = made.stderr.read()
    assert made.returncode == 141
    assert b"Traceback" not in err


@pytest.mark.slow
def test_watching_runs_again(tmp_path: Path) -> None:
    (tmp_path / "a_test.rego").write_text("package a\ntest_x if true\n", encoding="utf-8")
    with process(["test", "-w", "."], tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as made:
        assert made.stdout is not None
        seen = b""
        while b"Watching for changes ...\n" not in seen:
            seen += made.stdout.readline()
        assert b"PASS: 1/1" in seen
        (tmp_path / "a_test.rego").write_text("package a\ntest_x if false\n", encoding="utf-8")
        while b"FAIL: 1/1" not in seen:
            line = made.stdout.readline()
            assert line
            seen += line
        made.send_signal(signal.SIGINT)
        assert made.wait(timeout=30) == 0


def test_an_interrupt_ends_a_quiet_watch(tmp_path: Path) -> None:
    (tmp_path / "a_test.rego").write_text("package a\ntest_x if true\n", encoding="utf-8")
    with process(["test", "-w", "."], tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as made:
        assert made.stdout is not None
        while made.stdout.readline() != b"Watching for changes ...\n":
            pass
        time.sleep(0.5)  # by then it waits for events
        made.send_signal(signal.SIGINT)
        assert made.wait(timeout=30) == 0
