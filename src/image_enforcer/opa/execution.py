"""One decision about many documents, each the input of an evaluation of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from ..rego import UNDEFINED, Host, LimitError, Limits, Location, RegoError, RegoSet, Value
from ..rego.run.limits import QUERY_MEMORY
from ..rego.syntax.nodes import Expr, Ref, Scalar, TermExpr, Var
from . import files, presentation
from .document_text import document_of_unknown
from .documents import Documents
from .errors import LoadError
from .loader import Loaded

ENDINGS: Final = (".json", ".yaml", ".yml")
UNDEFINED_CODE: Final = "opa_undefined_error"


class Unread(Exception):
    """A path that cannot be gone through: nothing is decided then."""

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of one document: a value, or an error in OPA's form."""

    path: str
    value: Value = UNDEFINED
    error: Any = None

    @property
    def undefined(self) -> bool:
        """Whether there was no decision, for no other reason."""
        return isinstance(self.error, dict) and self.error.get("code") == UNDEFINED_CODE

    @property
    def is_empty(self) -> bool:
        """Whether the value is a list or set of nothing."""
        return isinstance(self.value, list | RegoSet) and not len(self.value)

    def json(self) -> dict[str, Any]:
        """As OPA's JSON."""
        if self.error is not None:
            return {"path": self.path, "error": self.error}
        return {"decision_id": str(uuid4()), "path": self.path, "result": presentation.Raw(self.value)}


class Execution:
    """Makes decisions. ``heard`` is told what policies print."""

    def __init__(self, loaded: Loaded, decision: str, *, seconds: float | None, heard: Callable[[str], object]) -> None:
        """Raises :class:`CompileError` where the policies cannot be compiled."""
        state = Documents(loaded).state
        self.decision = decision
        self._data = state.snapshot
        steps = [Scalar(s) for s in decision.strip("/").split("/") if s]
        path = Ref((Var("data"), *steps))
        self._query = state.policy.prepare((Expr(TermExpr(path)),))
        self._limits = Limits(seconds=seconds, memory=QUERY_MEMORY)
        self._heard = heard
        self._decided: list[Decided] = []

    def files(self, root: str) -> None:
        """Decide about a file, or those in a directory. Raises :class:`Unread`."""
        for path in _below(root):
            if not path.endswith(ENDINGS):
                continue
            try:
                given = document_of_unknown(path, files.read(path))
            except files.Unreadable as e:
                self._decided.append(Decided(path, error={"message": e.text}))
            except LoadError as e:
                self._decided.append(Decided(path, error={"message": e.causes[0].text}))
            else:
                self.document(path, given)

    def document(self, path: str, given: Value) -> None:
        """Decide about one document."""
        host = Host(print=self._print)
        try:
            value = self._query.value(input=given, data=self._data, limits=self._limits, host=host)
        except LimitError as e:
            made = Decided(path, error={"code": "eval_cancel_error", "message": e.message})
        except RegoError as e:
            found = presentation.errors(e)[0]
            made = Decided(
                path, error={"code": found["code"], "message": found["message"], "location": found["location"]}
            )
        else:
            told = {"code": UNDEFINED_CODE, "message": f"{self.decision} decision was undefined"}
            made = Decided(path, error=told) if value is UNDEFINED else Decided(path, value)
        self._decided.append(made)

    def _print(self, text: str, _: Location) -> None:
        self._heard(text)

    def json(self) -> list[dict[str, Any]]:
        """What was decided so far."""
        return [made.json() for made in self._decided]

    def counts(self, flag: str) -> tuple[int, int]:
        """How many failures and errors there are in the sense of an option."""
        failures = errors = 0
        for made in self._decided:
            if made.error is not None:
                errors += flag == "--fail" or not made.undefined
            elif flag == "--fail":
                failures += made.value is None
            elif made.value is not None:
                failures += flag == "--fail-defined" or not made.is_empty
        return failures, errors


def _below(root: str) -> Iterator[str]:
    """A file, or the files in a directory and those in it, by name; links are not followed."""
    try:
        about = os.lstat(root)
    except (OSError, ValueError) as e:
        reason = (e.strerror or str(e)).lower() if isinstance(e, OSError) else "invalid argument"
        raise Unread(f"lstat {root}: {reason}", "check the path") from None
    if not Path(root).is_dir() or (about.st_mode & 0o170000) != 0o040000:
        yield root
        return
    left = files.MAX_ENTRIES
    todo = [root]
    while todo:
        at = todo.pop()
        if at != root and not (Path(at).is_dir() and not Path(at).is_symlink()):
            yield at
            continue
        try:
            names = sorted(entry.name for entry in Path(at).iterdir())
        except OSError as e:
            raise Unread(f"open {at}: {(e.strerror or str(e)).lower()}", f"allow reading it: chmod a+rX {at}") from None
        left -= len(names)
        if left < 0:
            raise Unread(f"{root}: more than {files.MAX_ENTRIES} names below it", "name fewer directories")
        todo.extend(os.path.join(at, n) for n in reversed(names))  # noqa: PTH118 - as it was written, with ./
