"""Small projects of policies, compiled for tests and run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from image_enforcer.opa.testing.finding import find_tests
from image_enforcer.opa.testing.results import Result
from image_enforcer.opa.testing.running import Options, Runner
from image_enforcer.opa.testing.session import TestSession, Wanted
from image_enforcer.rego import Policy, compile_modules
from image_enforcer.rego.check.test_rules import ForTests


def compiled(text: str, *, values: bool = False) -> Policy:
    return compile_modules({"t.rego": text}, tests=ForTests(values))


def ran(text: str, options: Options | None = None, *, data: Any = None, pattern: str = "") -> list[Result]:
    """The results of the tests in a module."""
    chosen = options or Options()
    policy = compiled(text, values=chosen.values)
    runner = Runner(policy, data or {}, chosen)
    return [runner.run(test) for test in find_tests(policy, pattern)]


def written(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Write files; the folder as an argument."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [str(folder)]


def session(paths: Sequence[str], **wanted: Any) -> tuple[int, str, str]:
    """Run a session over files: the exit code, what it wrote, what it said."""
    from image_enforcer.opa.loader import load

    out: list[str] = []
    said: list[str] = []
    made = TestSession(Wanted(**{"processes": 1, **wanted}), out.append, said.append)
    code = made.run(lambda: load(paths))
    return code, "".join(out), "\n".join(said)
