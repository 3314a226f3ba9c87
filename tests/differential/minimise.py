"""Shrinks a case on which the answers differ for as long as they differ in the same way, and keeps it as a file.

python -m tests.differential.minimise GENERATOR SEED [SEED…]         shows the smallest cases found
python -m tests.differential.minimise --keep GENERATOR SEED [SEED…]  writes them to tests/differential/kept too
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

from tools import peers

from .cases import Case, Difference, Json, compare
from .generators import GENERATORS
from .keeping import keep
from .sides import Driver, ours

Mark = tuple[object, ...]
"""What has to stay the same of a difference."""
SIMPLE = ("1", '"a"', "true", "[]", "x")
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`|[\w.]+|\S')
CLOSED = {"(": ")", "[": "]", "{": "}"}


def mark(found: Difference) -> Mark:
    """The kind of a difference with the codes of the errors, so that another one does not slip in."""
    codes = [tuple(sorted({f.code for f in side.faults})) for side in (found.ours, found.theirs)]
    return (found.kind, *codes)


def difference(driver: Driver, case: Case) -> Difference | None:
    """How the answers to a case differ."""
    theirs = driver.answers([case])[0]
    return None if theirs is None else compare(case, ours(case), theirs)


def smallest(driver: Driver, found: Difference, rounds: int = 60) -> Difference:
    """The smallest case reached by leaving out and simplifying one thing after the other."""
    wanted = mark(found)
    for _ in range(rounds):
        smaller = _smaller(driver, found.case, wanted)
        if smaller is None:
            break
        found = smaller
    return found


def _smaller(driver: Driver, case: Case, wanted: Mark) -> Difference | None:
    tried = sorted({c for c in reductions(case) if _size(c) < _size(case)}, key=_size)
    for start in range(0, len(tried), 100):
        some = tried[start : start + 100]
        for one, theirs in zip(some, driver.answers(some), strict=True):
            found = None if theirs is None else compare(one, ours(one), theirs)
            if found is not None and mark(found) == wanted:
                return found
    return None


def _size(case: Case) -> tuple[int, int]:
    texts = (*case.modules, case.data, case.input or "", case.query)
    return sum(map(len, texts)) + case.strict + case.strict_compile, sum(t.count(c) for t in texts for c in "[{(")


def reductions(case: Case) -> Iterator[Case]:
    """Cases a step smaller."""
    for i, module in enumerate(case.modules):
        rest = case.modules[:i] + case.modules[i + 1 :]
        if rest:
            yield case.having(modules=rest)
        for text in _texts(module):
            yield case.having(modules=(*case.modules[:i], text, *case.modules[i + 1 :]))
    for text in _documents(case.data):
        yield replace(case, data=text)
    if case.input is not None:
        yield replace(case, input=None)
        for text in _documents(case.input):
            yield replace(case, input=text)
    for text in _terms(case.query):
        yield replace(case, query=text)
    if case.query != "data.t = x":
        yield replace(case, query="data.t = x")
    for name in re.findall(r"(?m)^(\w+)", "\n".join(case.modules)):
        yield replace(case, query=f"data.t.{name} = x")
    if case.strict:
        yield replace(case, strict=False)
    if case.strict_compile:
        yield replace(case, strict_compile=False)


def _texts(module: str) -> Iterator[str]:
    for separator in ("\n\n", "\n", "; "):
        parts = module.split(separator)
        for i in range(len(parts)):
            yield separator.join(parts[:i] + parts[i + 1 :])
    yield from _terms(module)


def _terms(text: str) -> Iterator[str]:
    """The text with a term gone, simple, or replaced by what is inside it."""
    tokens = [(m.start(), m.end()) for m in TOKEN.finditer(text)]
    for i, (start, end) in enumerate(tokens):
        last = _closing(text, tokens, i)
        if last is None:
            if end - start > 1:
                for simple in SIMPLE:
                    yield text[:start] + simple + text[end:]
            yield text[:start] + text[end:]
            continue
        stop = tokens[last][1]
        yield text[:start] + text[stop:]
        yield text[:start] + text[start + 1 : stop - 1] + text[stop:]
        for simple in SIMPLE:
            yield text[:start] + simple + text[stop:]
        before = tokens[i - 1][0] if i else 0
        for simple in (*SIMPLE, text[start + 1 : stop - 1]):
            yield text[:before] + simple + text[stop:]
        for j in range(i + 1, last):
            if text[tokens[j][0] : tokens[j][1]] in (",", "|", ":"):
                yield text[:start] + text[tokens[i][1] : tokens[j][0]] + text[stop:]
                yield text[: tokens[i][1]] + text[tokens[j][1] :].lstrip()
                yield text[: tokens[j][0]] + text[tokens[last][0] :]


def _closing(text: str, tokens: list[tuple[int, int]], start: int) -> int | None:
    wanted = [CLOSED.get(text[tokens[start][0]], "")]
    if not wanted[0]:
        return None
    for i in range(start + 1, len(tokens)):
        token = text[tokens[i][0] : tokens[i][1]]
        if token in CLOSED:
            wanted.append(CLOSED[token])
        elif token == wanted[-1]:
            wanted.pop()
            if not wanted:
                return i
    return None


def _documents(text: str) -> Iterator[str]:
    document = json.loads(text, parse_float=_Number, parse_int=_Number)
    for smaller in _smaller_documents(document):
        yield _written(smaller)


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


def _smaller_documents(document: Json) -> Iterator[Json]:
    match document:
        case dict():
            for key, value in document.items():
                rest = {k: v for k, v in document.items() if k != key}
                yield rest
                for smaller in (1, *_smaller_documents(value)):
                    yield {**document, key: smaller}
        case list():
            for i, value in enumerate(document):
                yield document[:i] + document[i + 1 :]
                for smaller in (1, *_smaller_documents(value)):
                    yield [*document[:i], smaller, *document[i + 1 :]]
        case _Number():
            pass
        case str() if document:
            yield document[:-1]
            yield document[1:]
        case _:
            pass


def _written(document: object) -> str:
    match document:
        case dict():
            return "{" + ", ".join(f"{json.dumps(k)}: {_written(v)}" for k, v in document.items()) + "}"
        case list():
            return f"[{', '.join(map(_written, document))}]"
        case _Number():
            return str(document)
        case _:
            return json.dumps(document)


def main(arguments: list[str]) -> int:
    """The command line."""
    keeps = arguments[:1] == ["--keep"]
    name, *seeds = arguments[keeps:] or [""]
    if name not in GENERATORS or not seeds:
        print(__doc__, file=sys.stderr)
        return 2
    make: Callable[[int], Case] = GENERATORS[name]
    driver = Driver(peers.find("opa-driver"))
    for seed in map(int, seeds):
        found = difference(driver, make(seed))
        if found is None:
            print(f"{name} {seed}: no difference")
            continue
        found = smallest(driver, found)
        print(f"{name} {seed}: {found.shown()}\n", flush=True)
        if keeps:
            print(keep(found.case, found.theirs, f"{name}-{seed}"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
