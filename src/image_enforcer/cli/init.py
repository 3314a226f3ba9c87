"""``init``: sample policies, their tests and sample data in a folder, to begin with."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from .faults import Fault
from .shown import line

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

Flag = Annotated[bool, Parameter(negative=())]
LISTED: Final = 10


def init(*directory: str, force: Flag = False, dry_run: Flag = False) -> int:
    """Write sample policies, their tests and sample data into a directory.

    What is there is never overwritten. The directory is made where it does not exist. Where not all can be written,
    no new file is left.

    Parameters
    ----------
    directory
        the directory to write to
    force
        overwrite files of the same names
    dry_run
        only list what would be written
    """
    from .. import samples

    if len(directory) != 1 or not directory[0]:
        raise Fault("IE2002", "give one directory", hint="image-enforcer init my-policies")
    root = Path(f"./{directory[0]}" if directory[0].startswith("-") else directory[0])
    sources = (("policies", samples.policies()), ("data", samples.data()))
    files = [(Path(name, inner), source) for name, folder in sources for inner, source in _walk(folder)]
    if not files:
        raise Fault("IE2040", "this installation holds no samples", hint="install image-enforcer again")
    try:
        _refuse_to_overwrite(root, [path for path, _ in files], force)
        if not dry_run:
            _write(root, files)
    except (OSError, ValueError) as e:
        raise _unwritable(root, e) from None
    for path, _ in files:
        print(f"{'would write' if dry_run else 'wrote'} {line(str(root / path))}")
    if not dry_run:
        _next_steps(root)
    return 0


def _walk(folder: Traversable) -> Iterator[tuple[str, Traversable]]:
    """The files below a folder by path, in order; nothing that Python or an editor left there."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir():
            yield from ((f"{entry.name}/{inner}", source) for inner, source in _walk(entry))
        else:
            yield entry.name, entry


def _refuse_to_overwrite(root: Path, paths: list[Path], force: bool) -> None:
    there = [str(root / path) for path in paths if os.path.lexists(root / path)]
    if not there or force:
        return
    shown = "\n".join(there[:LISTED]) + (f"\nand {len(there) - LISTED} more" if len(there) > LISTED else "")
    raise Fault(
        "IE2041",
        f"{len(there)} of {len(paths)} files are there already, so nothing was written:\n{shown}",
        hint="choose another directory; --force overwrites them",
    )


def _write(root: Path, files: list[tuple[Path, Traversable]]) -> None:
    """All of the files; or, where that fails or is interrupted, none that was not there before."""
    from .files import write

    made: list[Path] = []
    done = False
    try:
        for path, source in files:
            target = root / path
            for folder in reversed(target.parents):
                if not folder.exists():
                    folder.mkdir()
                    made.append(folder)
            if target.is_dir():
                raise IsADirectoryError(0, "a directory is in the place of a file", str(target))
            if not os.path.lexists(target):
                made.append(target)
            write(target, source.read_bytes())
        done = True
    finally:
        for path in [] if done else reversed(made):
            with suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)


def _unwritable(root: Path, error: OSError | ValueError) -> Fault:
    if isinstance(error, OSError):
        where = error.filename or root
        return Fault(
            "IE2042", f"{where}: cannot be written: {error.strerror or error}", hint="choose another directory"
        )
    return Fault("IE2042", f"{root}: cannot be written: {error}", hint="choose another directory")


def _next_steps(root: Path) -> None:
    policies, data = shlex.quote(str(root / "policies")), shlex.quote(str(root / "data"))
    steps = (
        f"image-enforcer verify --policy {policies} --data {data} -n production shop/web:1.4.2",
        f"image-enforcer run {policies} {data}/* -w",
        f"image-enforcer serve --policy {policies} --data {data} --addr 127.0.0.1:8181",
    )
    print("\nNext: decide, try the policies at a prompt, answer Kubernetes:")
    for step in steps:
        print(f"  {line(step)}")
