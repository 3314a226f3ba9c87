"""What may be meant by the beginning of a name: imports, rules, commands, and the keys of documents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ...rego import to_json
from ..documents import State
from .commands import COMMANDS
from .entered import Entered, Names, import_name

MAX_CANDIDATES: Final = 200
"""How many names are offered at most."""

_NAME: Final = re.compile(r"""[A-Za-z_]\w*(?:\.\w*|\["(?:[^"\\]|\\.)*"\])*(?:\["(?:[^"\\]|\\.)*)?\.?$""")
_STEP: Final = re.compile(r"""\.(?P<word>\w*)|\["(?P<key>(?:[^"\\]|\\.)*)(?P<closed>"\])?""")
_WORD: Final = re.compile(r"[A-Za-z_]\w*")


def candidates(before: str, entered: Entered, package: Names, state: State) -> list[str]:
    """What the last name before the cursor may become, whole names in order."""
    found = _NAME.search(before)
    begun = found.group() if found else ""
    if not begun:
        return []
    names = set(_names(entered, package, state))
    if begun == before.lstrip():
        names |= {c for c in COMMANDS if c.startswith(begun.lower())}
    names |= set(_documents(begun, state.snapshot.root))
    return sorted(n for n in names if n.startswith(begun) and n != begun)[:MAX_CANDIDATES]


def begun_name(before: str) -> str:
    """The last name before the cursor, which a candidate takes the place of."""
    found = _NAME.search(before)
    return found.group() if found else ""


def _names(entered: Entered, package: Names, state: State) -> Iterator[str]:
    yield from ("data", "input")
    for item in entered.entry(package).imports:
        yield import_name(item)
    for rule in entered.entry(package).rules:
        yield rule.head.name
    for names, entry in entered.packages.items():
        yield from (_path(("data", *names, r.head.name)) for r in entry.rules)
    for module in state.modules.values():
        yield from (_path(("data", *module.package.names, r.head.name)) for r in module.rules)


def _documents(begun: str, root: Any) -> Iterator[str]:
    """The keys of the base document that a name leads to."""
    head = _WORD.match(begun)
    if head is None or head.group() != "data":
        return
    at, written, node = head.end(), "data", root
    for step in _STEP.finditer(begun, at):
        last = step.end() == len(begun) and not step.group("closed")
        part = step.group("word") if step.group("word") is not None else step.group("key")
        if last:
            yield from (written + _step(k) for k in _starting(node, part))
            return
        node = node.get(part) if isinstance(node, Mapping) else None
        written += step.group()
        at = step.end()


def _starting(node: Any, begun: str) -> Iterable[str]:
    if not isinstance(node, Mapping):
        return ()
    return [k for k in node if isinstance(k, str) and k.startswith(begun)][: 10 * MAX_CANDIDATES]


def _path(names: Iterable[str]) -> str:
    first, *rest = names
    return first + "".join(_step(n) for n in rest)


def _step(name: str) -> str:
    return f".{name}" if _WORD.fullmatch(name) else f"[{to_json(name)}]"
