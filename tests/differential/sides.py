"""The two sides of the comparison: a real OPA (its command line, or the driver that answers many cases), and ours."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from image_enforcer import rego
from image_enforcer.opa.trees import occupied

from .cases import NOW, Case, Fault, Json, Outcome, canonical, exact, spelled

LIMITS = rego.Limits(seconds=20.0, memory=512 << 20)
PLACE = re.compile(r"\S*\b(test-\d+\.rego)(:\d+)")
"""How OPA writes a place inside a message: our modules have no folder."""


class NoAnswer(Exception):
    """OPA neither answered nor failed as a policy fails; the text is what it wrote."""


@dataclass(frozen=True, slots=True)
class Opa:
    """A real OPA. It is started once a case, with all modules at once and with ``print``; ``folder`` is the case's."""

    binary: Path
    folder: Path

    def answer(self, case: Case) -> Outcome:
        """What OPA says. Raises :class:`NoAnswer` where it ends in a way of its own."""
        names = [f"test-{i}.rego" for i in range(len(case.modules))]
        for name, text in zip(names, case.modules, strict=True):
            (self.folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))
        (self.folder / "data.json").write_text(case.data, "utf-8")
        command = [str(self.binary), "eval", "--format=json", "--data=data.json", *(f"--data={n}" for n in names)]
        if case.input is not None:
            (self.folder / "input.json").write_text(case.input, "utf-8")
            command.append("--input=input.json")
        if case.strict:
            command.append("--strict-builtin-errors")
        if case.strict_compile:
            command.append("--strict")
        if case.version == 0:
            command.append("--v0-compatible")
        done = subprocess.run(
            [*command, case.query],
            cwd=self.folder,
            capture_output=True,
            check=False,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
        try:
            answer = exact(done.stdout)
        except ValueError:
            raise NoAnswer((done.stdout + done.stderr)[-2000:].decode("utf-8", "replace")) from None
        assert isinstance(answer, dict)
        printed = tuple(done.stderr.decode("utf-8", "replace").splitlines())
        if "errors" in answer:
            errors = answer["errors"]
            assert isinstance(errors, list)
            return Outcome(faults=tuple(map(_fault, errors)), printed=printed)
        results = answer.get("result", [])
        assert isinstance(results, list)
        return Outcome(results=frozenset(map(_result, results)), printed=printed)


@dataclass(frozen=True, slots=True)
class Driver:
    """A real OPA as a library (``driver/main.go``): it answers as the command line does, many cases in one process."""

    binary: Path
    workers: int = 2

    def answers(self, cases: Sequence[Case]) -> list[Outcome | None]:
        """What OPA says to each case; None where it ends in a way of its own."""
        found: list[Outcome | None] = [None] * len(cases)
        todo = list(range(len(cases)))
        while todo:
            answered = self._ask(cases, todo, found)
            todo = [i for i in todo if i not in answered]
            # It has died of one of the next few: each is asked alone.
            for i in todo[: 3 * self.workers]:
                self._ask(cases, [i], found)
            todo = todo[3 * self.workers :]
        return found

    def _ask(self, cases: Sequence[Case], numbers: Sequence[int], found: list[Outcome | None]) -> set[int]:
        """Ask one process; the numbers of the cases that it has dealt with."""
        asked = "".join(json.dumps(_asked(i, cases[i])) + "\n" for i in numbers)
        done = subprocess.run(
            [str(self.binary), str(self.workers)],
            input=asked.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        answered: set[int] = set()
        for line in done.stdout.split(b"\n")[:-1]:
            answer = exact(line)
            assert isinstance(answer, dict)
            number = answer["id"]
            assert isinstance(number, int)
            found[number] = None if "broken" in answer else _driven(answer)
            answered.add(number)
        return answered


def _driven(answer: Mapping[str, Json]) -> Outcome:
    errors, results, printed = (answer.get(k, []) for k in ("errors", "results", "printed"))
    assert isinstance(errors, list)
    assert isinstance(results, list)
    assert isinstance(printed, list)
    faults = [{"code": e["code"], "message": e["message"], "location": e} for e in errors if isinstance(e, dict)]
    texts = [str(text) for text in results]
    return Outcome(
        results=frozenset(canonical(exact(text)) for text in texts),
        faults=tuple(map(_fault, faults)),
        printed=_lines([str(line) for line in printed]),
        spelled=frozenset(map(spelled, texts)),
    )


def _asked(number: int, case: Case) -> Mapping[str, object]:
    return {
        "id": number,
        "modules": case.modules,
        "data": case.data,
        "input": case.input,
        "query": case.query,
        "strict": case.strict,
        "strict_compile": case.strict_compile,
        "version": case.version,
        "now": NOW,
    }


def _result(result: Json) -> str:
    assert isinstance(result, dict)
    expressions = result["expressions"]
    assert isinstance(expressions, list)
    values = [e["value"] for e in expressions if isinstance(e, dict)]
    return canonical([result.get("bindings", {}), *values])


def _fault(error: Json) -> Fault:
    assert isinstance(error, dict)
    location = error.get("location")
    place = location if isinstance(location, dict) else {}
    row, col = place.get("row", 0), place.get("col", 0)
    assert isinstance(row, int)
    assert isinstance(col, int)
    return Fault(code=str(error.get("code", "")), message=_plain(str(error["message"])), row=row, col=col)


def _plain(message: str) -> str:
    return PLACE.sub(r"\1\2", message)


def ours(case: Case) -> Outcome:
    """What our engine says. Whatever is neither an answer nor one of its errors goes on to the caller."""
    printed: list[str] = []
    host = rego.Host(now_ns=lambda: NOW, print=lambda line, _: printed.append(line))
    modules = {f"test-{i}.rego": text for i, text in enumerate(case.modules)}
    try:
        data = rego.from_json(case.data)
        policy = rego.compile_modules(
            modules,
            version=case.version,
            strict=case.strict_compile,
            path_conflicts=lambda path: occupied(data, path),
        )
        query = policy.prepare(case.query, strict_builtin_errors=case.strict)
        given = rego.UNDEFINED if case.input is None else rego.from_json(case.input)
        found = query.run(input=given, data=data, limits=LIMITS, host=host)
    except rego.CompileError as refused:
        return Outcome(faults=tuple(_problem(p.code, p.message, p.location) for p in refused.problems))
    except rego.EvalError as failed:
        return Outcome(faults=(_problem(failed.code, failed.message, failed.location),), printed=_lines(printed))
    except rego.LimitError as ended:
        return Outcome(faults=(Fault(code=f"limit_{ended.kind}", message=ended.message),), printed=_lines(printed))
    texts = [_solution(one) for one in found]
    return Outcome(
        results=frozenset(canonical(exact(text)) for text in texts),
        printed=_lines(printed),
        spelled=frozenset(map(spelled, texts)),
    )


def _lines(printed: list[str]) -> tuple[str, ...]:
    return tuple([line for text in printed for line in text.splitlines() or [""]])


def _problem(code: str, message: str, location: rego.Location) -> Fault:
    return Fault(code=code, message=message, row=location.row, col=location.col)


def _solution(solution: rego.Solution) -> str:
    bindings = ", ".join(f"{json.dumps(name)}: {rego.to_json(value)}" for name, value in solution.bindings.items())
    return f"[{', '.join([f'{{{bindings}}}', *(rego.to_json(e.value) for e in solution.expressions)])}]"
