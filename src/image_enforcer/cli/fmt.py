"""``fmt``: policies laid out as OPA lays them out, printed, listed, compared or written back."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from . import opa
from .faults import Fault, say

if TYPE_CHECKING:
    from ..opa.format import Conversion, LaidOut

FAILED: Final = 2
NOTHING_READ: Final = 1
MAX_POLICY: Final = 32 << 20
"""Bytes of a policy beyond which it is not laid out."""
COMPARING: Final = 5.0
"""Seconds that are spent on the differences of one file; what is left is then shown as replaced."""
_STEPS_SINCE: Final = (1, 6)
"""The version of OPA since which steps of references may be named like keywords."""


class _End(Exception):
    """The command ends here: what is said, and the exit code."""

    def __init__(self, text: str, code: int = FAILED, hint: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.code = code
        self.hint = hint


@dataclass(frozen=True, slots=True)
class _Wish:
    """What to do with a file whose layout is another one."""

    conversion: Conversion
    check: bool
    write: bool
    list: bool
    diff: bool
    fail: bool


def fmt(
    *paths: str,
    write: Annotated[bool, Parameter(name=["--write", "-w"], negative=())] = False,
    list_: Annotated[bool, Parameter(name=["--list", "-l"], negative=())] = False,
    diff: Annotated[bool, Parameter(name=["--diff", "-d"], negative=())] = False,
    fail: opa.Flag = False,
    v0_compatible: opa.Flag = False,
    v0_v1: Annotated[bool, Parameter(name=["--v0-v1", "--rego-v1"], negative=())] = False,
    v1_compatible: opa.HiddenFlag = False,
    check_result: opa.Flag = True,
    drop_v0_imports: opa.Flag = False,
    capabilities: str = "",
) -> int:
    """Lay out policies and print them. Without paths, the policy on standard input.

    Parameters
    ----------
    paths
        policy files, and directories with files whose names end with .rego
    write
        write each file back instead; one is replaced as a whole or left as it is
    list_
        print the names of files whose layout is another one instead
    diff
        print what would change instead, in colours
    fail
        exit with 2 where a layout is another one
    v0_compatible
        read and write Rego v0
    v0_v1
        read Rego v0, and write what Rego v0 and v1 both read
    check_result
        read the result again before it is used; --check-result=false does not
    drop_v0_imports
        leave out imports that the result does not need: rego.v1, future.keywords
    capabilities
        a version of OPA or a file of capabilities that the result is for
    """
    from ..opa.format import BOTH, V0, V1, Conversion

    conversion = Conversion(
        read=0 if v0_compatible or (v0_v1 and not v1_compatible) else 1,
        target=BOTH if v0_v1 else V0 if v0_compatible else V1,
        drop_imports=drop_v0_imports,
        keyword_steps=_keyword_steps(capabilities) if capabilities else True,
    )
    wish = _Wish(conversion, check_result, write, list_, diff, fail)
    try:
        if not paths:
            _standard_input(conversion)
        else:
            _files(paths, wish)
    except _End as end:
        say(_harmless(end.text))
        if end.hint:
            say(f"hint: {end.hint}")
        return end.code
    return 0


def _standard_input(conversion: Conversion) -> None:
    from ..opa.format import Unformatted, lay_out

    try:
        opa.write(lay_out("stdin", opa.standard_input("policy"), conversion).text)
    except Unformatted as e:
        raise _End(str(e), NOTHING_READ) from None


def _files(paths: tuple[str, ...], wish: _Wish) -> None:
    from ..opa.format.paths import Unwalkable, policies

    seen = False
    for path in paths:
        try:
            for file in policies(path):
                seen = True
                _one(file, wish)
        except Unwalkable as e:
            raise _End(str(e), NOTHING_READ) from None
    if not seen:
        say("no policies were found: files whose names end with .rego are laid out")


def _one(file: str, wish: _Wish) -> None:
    from ..opa.format import Unformatted, lay_out

    raw = _read(file)
    text = _decoded(file, raw)
    try:
        laid = lay_out(file, text, wish.conversion)
    except Unformatted as e:
        raise _End(f"failed to format Rego source file: {e}") from None
    doubts = _doubts(file, text, laid, wish)
    result = laid.text
    changed = result.encode("utf-8", "surrogatepass") != raw
    if wish.fail and changed and not (wish.list or wish.diff):
        raise _End("unexpected diff")
    if wish.list:
        _told(changed, wish, lambda: opa.write(file + "\n"))
        return
    for doubt in doubts:
        if wish.write and not wish.diff:
            raise _End(f"{doubt}, so the file stays as it is", hint="write it in another way, or edit the file by hand")
        say(doubt)
    if wish.diff:
        _told(changed, wish, lambda: _compare(text, result))
    elif not wish.write:
        opa.write(result)
    elif changed:
        _replace(file, result)


def _doubts(file: str, text: str, laid: LaidOut, wish: _Wish) -> list[str]:
    """What a layout would lose or change."""
    if laid.sound:
        return []
    from ..opa.format import Unformatted, changed_rules, lost_comments

    lost = [f"{file}:{c.loc.row}: the layout has no place for this comment" for c in lost_comments(text, laid.text)]
    if not wish.check:
        return lost
    try:
        rules = changed_rules(laid, wish.conversion)
    except Unformatted as e:
        raise _End(
            f"{file} was successfully formatted, but the result is invalid: {e}\n\n"
            "To inspect the formatted Rego, you can turn off this check with --check-result=false."
        ) from None
    return [*(f"{file}:{r.loc.row}: the layout of this rule means something else" for r in rules), *lost]


def _told(changed: bool, wish: _Wish, tell: Callable[[], None]) -> None:
    if not changed:
        return
    tell()
    if wish.fail:
        raise _End("unexpected diff")


def _read(file: str) -> bytes:
    from ..opa import files

    try:
        raw = files.read_bytes(file)
    except files.Unreadable as e:
        action = "read" if e.text.endswith("is a directory") else "open"
        told = e.text.removeprefix("stat ")
        raise _End(f"failed to open file: {action} {told}", hint=e.hint) from None
    if len(raw) > MAX_POLICY:
        raise _End(f"{file}: larger than {MAX_POLICY >> 20} MiB", hint="put what it lists into data")
    return raw


def _decoded(file: str, raw: bytes) -> str:
    from ..opa import files
    from ..rego.errors import PARSE_ERROR, CompileError, Problem
    from ..rego.places import Location

    try:
        return raw.decode()
    except UnicodeDecodeError as e:
        place = Location.named(file, *files.place(raw, e.start))
        problem = CompileError([Problem(PARSE_ERROR, "illegal utf-8 character", place)])
        raise _End(f"failed to format Rego source file: {problem}", hint="save the file in UTF-8") from None


def _compare(text: str, result: str) -> None:
    from ..opa.format.changes import changes, coloured

    end = time.monotonic() + COMPARING
    found = changes(text, result, lambda: time.monotonic() > end)
    if sys.stdout.isatty():
        found = [(kind, _harmless(piece)) for kind, piece in found]
    sys.stdout.write(coloured(found) + "\n")
    sys.stdout.flush()


def _replace(file: str, result: str) -> None:
    from ..opa.format.writing import replace_text

    try:
        replace_text(file, result)
    except OSError as e:
        text = f"failed to open file for writing: open {file}: {(e.strerror or str(e)).lower()}"
        raise _End(text, hint="it is replaced by a new file: that needs to be allowed in its directory, too") from None


def _harmless(text: str) -> str:
    from ..opa import presentation

    return presentation.harmless(text)


def _keyword_steps(capabilities: str) -> bool:
    """Whether steps of references may be named like keywords in a version of OPA, or by a file of capabilities."""
    import re
    from pathlib import Path

    from ..opa import files
    from ..opa.document_text import document_of_unknown
    from ..opa.errors import LoadError

    missing = f"no such file or capabilities version found: {capabilities}"
    version = re.fullmatch(r"v(\d+)\.(\d+)\.(\d+)", capabilities)
    if version is not None and not Path(capabilities).exists():
        return (int(version[1]), int(version[2])) >= _STEPS_SINCE
    try:
        found = document_of_unknown(capabilities, files.read(capabilities))
    except (files.Unreadable, LoadError):
        raise Fault("IE2003", missing, hint="--capabilities v1.22.2", exit_code=1) from None
    features = found.get("features") if isinstance(found, dict) else None
    return isinstance(features, list) and "keywords_in_refs" in features
