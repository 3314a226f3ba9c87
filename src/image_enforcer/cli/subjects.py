"""What ``verify`` is asked about: images of the command line, manifests in files, directories and standard input."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

from ..analysis.manifests import Flaw, Workload, WrittenReview, read
from ..analysis.review import KIND
from ..rego import from_json
from .outputs.report import Place, Trouble
from .shown import line
from .verdicts import Subject, review_of

MAX_FILE: Final = 32 << 20
"""Bytes of one file with manifests."""
ENDINGS: Final = (".yaml", ".yml", ".json")
STDIN: Final = "stdin"


def of_images(images: Iterable[str], namespace: str) -> Iterator[Subject | Trouble]:
    """A review for each image."""
    for image in images:
        try:
            image.encode()
        except UnicodeEncodeError:
            yield Trouble(code="IE2022", text=f"{line(image, 255)}: the image is not UTF-8 text")
            continue
        place = Place(namespace=line(namespace, 255))
        yield Subject(document=review_of([image], namespace), places=(place,), whole=place)


def of_files(names: Iterable[str], namespace: str, others: Counter[str]) -> Iterator[Subject | Trouble]:
    """The reviews of all manifests; ``others`` counts the kinds that carry no Pods."""
    seen_stdin = False
    for name in names:
        if name == "-":
            if not seen_stdin:
                yield from _stdin(namespace, others)
            seen_stdin = True
        elif _is_directory(name):
            yield from _directory(name, namespace, others)
        else:
            yield from _file(name, namespace, others)


def _stdin(namespace: str, others: Counter[str]) -> Iterator[Subject | Trouble]:
    if sys.stdin is None:
        yield _unreadable(STDIN, "it is closed")
        return
    try:
        yield from _stream(sys.stdin.buffer, STDIN, namespace, others)
    except OSError as e:
        yield _unreadable(STDIN, e.strerror or str(e))


def _is_directory(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except (OSError, ValueError):
        return False  # opening it says what is wrong


def _is_new(folder: Path, seen: set[tuple[int, int]]) -> bool:
    """Whether a folder has not been seen by whatever name; from now on it has."""
    try:
        found = folder.stat()
    except OSError:
        return True  # reading it says what is wrong
    known = len(seen)
    seen.add((found.st_dev, found.st_ino))
    return len(seen) > known


def _directory(root: str, namespace: str, others: Counter[str]) -> Iterator[Subject | Trouble]:
    found = False
    faults: list[OSError] = []
    seen: set[tuple[int, int]] = set()
    _is_new(Path(root), seen)
    for folder, folders, names in os.walk(root, onerror=faults.append, followlinks=True):
        # By links there may be many ways to a folder, round in circles too: the first one counts.
        folders[:] = [name for name in sorted(folders) if _is_new(Path(folder, name), seen)]
        for name in sorted(names):
            if name.endswith(ENDINGS):
                found = True
                path = Path(folder, name)
                if path.exists() and not path.is_file():
                    # A pipe that is named is read; one that lies about would be waited for without end.
                    yield _unreadable(str(path), "it is no regular file")
                else:
                    yield from _file(str(path), namespace, others)
    for fault in faults:
        yield _unreadable(str(fault.filename), fault.strerror or str(fault))
    if not found and not faults:
        text = f"there are no files ending in {', '.join(ENDINGS)}"
        yield Trouble(code="IE2004", text=f"{line(root)}: {text}", place=Place(file=line(root)))


def _file(name: str, namespace: str, others: Counter[str]) -> Iterator[Subject | Trouble]:
    try:
        with Path(name).open("rb") as stream:
            yield from _stream(stream, name, namespace, others)
    except (OSError, ValueError) as e:
        hint = f"image-enforcer verify {name}" if "://" not in name and "/" in name and ":" in name else ""
        reason = getattr(e, "strerror", None) or str(e)
        if "://" in name:
            hint = "fetch it first, and give it with -f -"
        yield _unreadable(name, reason, hint)


def _stream(stream: IO[bytes], name: str, namespace: str, others: Counter[str]) -> Iterator[Subject | Trouble]:
    raw = stream.read(MAX_FILE + 1)
    if len(raw) > MAX_FILE:
        yield _unreadable(name, f"it is larger than {MAX_FILE >> 20} MiB")
        return
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as e:
        yield _unreadable(name, f"it is not UTF-8 text (byte {e.start})")
        return
    contents = read(text)
    others.update(contents.others)
    shown = line(name)
    for item in contents.found:
        match item:
            case Flaw():
                place = Place(file=shown, document=item.document, line=item.line, resource=line(item.resource, 255))
                yield Trouble(code="IE2022", text=line(item.text), place=place)
            case Workload():
                yield _workload(item, shown, item.namespace or namespace)
            case WrittenReview():
                yield _review(item, shown)


def _unreadable(name: str, reason: str, hint: str = "") -> Trouble:
    return Trouble(
        code="IE2004",
        text=f"{line(name)}: cannot be read: {line(reason)}",
        place=Place(file=line(name)),
        hint=line(hint),
    )


def _workload(item: Workload, file: str, namespace: str) -> Subject:
    whole = Place(
        file=file, document=item.document, line=item.line, resource=line(item.resource, 255),
        namespace=line(namespace, 255),
    )  # fmt: skip
    return Subject(
        document=review_of([use.image for use in item.uses], namespace, item.annotations),
        places=tuple(
            replace(whole, line=use.line, path=use.path, role=use.role, name=line(use.name, 255)) for use in item.uses
        ),
        whole=whole,
    )


def _review(item: WrittenReview, file: str) -> Subject | Trouble:
    whole = Place(file=file, document=item.document, line=item.line, resource=KIND)
    try:
        document = from_json(item.text)
    except ValueError as e:
        return Trouble(code="IE2022", text=line(str(e)), place=whole)
    spec = document.get("spec") if isinstance(document, dict) else None
    given = spec.get("namespace") if isinstance(spec, dict) else None
    whole = replace(whole, namespace=line(given, 255) if isinstance(given, str) else "")
    places = tuple(
        replace(whole, line=number, path=f"spec.containers[{i}].image") for i, number in enumerate(item.lines)
    )
    return Subject(document=document, places=places, whole=whole)
