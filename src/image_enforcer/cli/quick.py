"""``eval`` and ``check`` without the parser of options, and without the compiler where it was compiled before.

It is the same evaluation and gives the same text, or it gives nothing: whatever is out of the ordinary (an option that
is rarely used or used twice, a file that cannot be read, an error of the compiler or the evaluation) is left to the
command itself, which then starts afresh. Nothing has been printed by then.
"""

from __future__ import annotations

import gc
import os
import sys

from .faults import Done

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ..opa.code_cache import CodeCache
    from ..opa.loader import Loaded
    from ..rego import Query, Value
    from ..rego.run.running import Running

MANY = {"--data": "data", "-d": "data"}
ONE = {"--input": "input", "-i": "input", "--format": "format", "-f": "format"}
FLAGS = {"--fail": "fail", "--fail-defined": "fail_defined", "--strict-builtin-errors": "strict"}
"""The options that are understood here, with the names they have below."""

CHECKED = "\0check"
"""Stands in the place of a query, which it cannot be."""

RIGHT = b"right"
FORMATS = ("json", "values", "bindings", "raw")


def parsed(arguments: Sequence[str]) -> dict[str, Any] | None:
    """What an ordinary command line says; None where it is not one."""
    found: dict[str, Any] = {"data": ()}
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if name in MANY or name in ONE:
            if not equals:
                value = next(words, "")
            if not value or value.startswith("-"):
                return None
            if name in MANY:
                found["data"] = (*found["data"], value)
                continue
            key = ONE[name]
        elif word in FLAGS:
            key, value = FLAGS[word], "yes"
        elif word and not word.startswith("-"):
            key, value = "query", word
        else:
            return None
        if key in found:
            return None
        found[key] = value
    usual = found.get("format", "json") in FORMATS and not ("fail" in found and "fail_defined" in found)
    return found if usual and "query" in found else None


def evaluate(arguments: Sequence[str], environ: Mapping[str, str]) -> int | None:
    """Run ``eval`` with these arguments; None where that is left to the command."""
    given = parsed(arguments)
    if given is None or _set(environ):
        return None
    from ..opa import code_cache

    cache = code_cache.CodeCache(code_cache.folder(environ))
    collected = gc.isenabled()
    gc.disable()  # what is loaded stays
    try:
        ready = _ready(given, cache)
    finally:
        if collected:
            gc.enable()
    code = None if ready is None else ready()
    return None if code is None else Done(code)


def check(arguments: Sequence[str], environ: Mapping[str, str]) -> int | None:
    """Run ``check`` with these arguments; None where that is left to the command."""
    paths = [word for word in arguments if word not in ("-S", "--strict")]
    if not paths or len(paths) < len(arguments) - 1 or any(word[:1] in ("-", "") for word in paths) or _set(environ):
        return None
    from ..opa import code_cache

    cache = code_cache.CodeCache(code_cache.folder(environ))
    if not cache.used:
        return None
    from ..opa.checking import policies
    from ..opa.errors import LoadError

    unparsed: Any = lambda name, text, version: text  # noqa: ARG005 - what the compiler would be given
    try:
        texts: dict[str, Any] = policies(paths, parse=unparsed)
    except LoadError:
        return None
    name = code_cache.query_name(texts, CHECKED, strict=len(paths) < len(arguments))
    return Done(0) if texts and cache.read(name) == RIGHT else None


def _set(environ: Mapping[str, str]) -> bool:
    """Whether a variable stands for an option."""
    from .environment import FOREIGN, PREFIX

    return any(name.startswith(PREFIX) and name not in FOREIGN for name in environ)


def _ready(given: Mapping[str, Any], cache: CodeCache) -> Callable[[], int | None] | None:
    """What evaluates the query and prints what comes of it, or gives None before it has printed anything."""
    from ..opa.code_cache import query_name
    from ..rego.errors import RegoError
    from ..rego.meter import make_room
    from ..rego.run.stored import restored
    from ..rego.values import UNDEFINED

    make_room()
    raw: dict[str, str] = {}
    documents: dict[str, Value] = {}
    notices: tuple[str, ...] = ()
    input_: Value = UNDEFINED
    if given["data"]:
        loaded = _loaded(given["data"])
        if loaded is None:
            return None
        raw, documents, notices = loaded.raw, loaded.documents, loaded.notices
    query, strict = str(given["query"]), "strict" in given
    kept = cache.read(query_name(raw, query, strict=strict)) if cache.used else None
    running = None if kept is None else restored(kept, lambda: _compiled(raw, query, strict))
    fresh: Query | None = None
    if running is None:
        try:
            running = fresh = _compiled(raw, query, strict)
        except RegoError:
            return None
    if _conflicts(running, documents):
        return None
    if "input" in given:
        from ..opa.errors import LoadError
        from ..opa.loader import input_document

        try:
            input_ = input_document(str(given["input"]))
        except LoadError:
            return None

    def finished() -> int | None:
        code = _shown(given, running, documents, input_, notices)
        if code is not None and fresh is not None and cache.used:
            keep(raw, fresh, query)
        return code

    return finished


def _loaded(paths: Sequence[str]) -> Loaded | None:
    from ..opa.errors import LoadError
    from ..opa.loader import load

    def unparsed(name: str, text: str) -> Any:
        if not name.endswith(".rego"):  # whether it is policy is found out by parsing it
            raise LoadError([name])
        return text

    try:
        return load(paths, parse=unparsed)
    except LoadError:
        return None


def _compiled(raw: Mapping[str, str], query: str, strict: bool) -> Query:
    from ..rego import compile_modules

    return compile_modules(raw).prepare(query, strict_builtin_errors=strict)


def _conflicts(running: Running, documents: dict[str, Any]) -> bool:
    """Whether a document stands where rules are."""
    if not documents:
        return False
    from ..opa.trees import occupied
    from ..rego.run.stored import rule_paths

    return any(occupied(documents, path) for path in rule_paths(running))


def _shown(
    given: Mapping[str, Any], running: Running, documents: dict[str, Any], input_: Value, notices: Sequence[str]
) -> int | None:
    from time import time_ns

    from ..opa import presentation
    from ..opa.version import runtime_document
    from ..rego.errors import RegoError
    from ..rego.run.limits import QUERY_MEMORY, Host, Limits
    from ..rego.run.snapshot import Snapshot
    from .faults import say

    now = time_ns()
    printed: list[str] = []
    runtime = runtime_document(os.environ)
    host = Host(print=lambda text, _: printed.append(text), now_ns=lambda: now, runtime=runtime)
    limits = Limits(seconds=None, memory=QUERY_MEMORY)
    try:
        solutions = running.run(input=input_, data=Snapshot(documents), limits=limits, host=host)
        text = presentation.render(given.get("format", "json"), solutions)
    except RegoError:
        return None
    for line in (*notices, *printed):
        say(line)
    sys.stdout.write(presentation.harmless(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()
    defined = bool(solutions)
    return int(defined if "fail_defined" in given else "fail" in given and not defined)


def keep(raw: Mapping[str, str], query: Query, text: str) -> None:
    """Keep a query that was evaluated for the next time."""
    from ..opa import code_cache
    from ..rego.run.storing import stored

    cache = code_cache.CodeCache(code_cache.folder(os.environ))
    kept = stored(query) if cache.used else None
    if kept is not None:
        cache.write(code_cache.query_name(raw, text, strict=query.strict), kept)


def keep_checked(texts: Mapping[str, str], strict: bool) -> None:
    """Keep that policies can be compiled."""
    from ..opa import code_cache

    cache = code_cache.CodeCache(code_cache.folder(os.environ))
    if cache.used and texts:
        cache.write(code_cache.query_name(texts, CHECKED, strict=strict), RIGHT)


__all__ = ["check", "evaluate", "keep", "keep_checked", "parsed"]
