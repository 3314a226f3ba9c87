"""What was found in a bundle as people read it, in OPA's layout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ...rego.syntax.nodes import Annotations, Ref, Scalar, Term, Var
from ...rego.syntax.printer import term_text
from ..bundles import Manifest
from ..tables import table
from .contents import Contents, Note, in_order

WIDEST_CELL: Final = 50
WIDEST_LINE: Final = 80


def report(contents: Contents, *, annotations: bool) -> str:
    """The manifest, who is where, and the annotations where they are wanted."""
    out = "" if contents.manifest is None else _manifest(contents.manifest)
    rows = [
        ["" if i else name, shortened(file)]
        for name in sorted(contents.namespaces)
        for i, file in enumerate(contents.namespaces[name])
    ]
    if rows:
        out += f"NAMESPACES:\n{table(['NAMESPACE', 'FILE'], rows)}\n"
    if annotations and contents.notes:
        out += "ANNOTATIONS:\n" + "".join(_note(n) for n in contents.notes)
    return out


def _manifest(manifest: Manifest) -> str:
    rows: list[list[str]] = []
    if manifest.rego_version is not None:
        rows.append(["Rego Version", str(manifest.rego_version)])
    if manifest.revision:
        rows.append(["Revision", cut(manifest.revision, WIDEST_CELL)])
    roots = sorted(manifest.roots)
    rows += [["" if i else "Roots", shortened(root)] for i, root in enumerate(roots) if root or len(roots) > 1]
    if manifest.metadata:
        rows.append(["Metadata", cut(_compact(manifest.metadata), WIDEST_CELL)])
    return f"MANIFEST:\n{table(['FIELD', 'VALUE'], rows)}\n" if rows else ""


def _note(note: Note) -> str:
    block = note.block
    title = block.title.strip() or _without_data(note.path)
    lines = [title, "=" * min(len(title.encode()), WIDEST_LINE), ""]
    if block.description:
        lines += [block.description, ""]
    if note.package is not None:
        lines.append(f"Package:  {_without_data(note.package.path)}")
    if note.rule is not None:
        lines.append(f"Rule:     {term_text(note.rule.head.ref)}")
    lines.append(f"Location: {note.location}")
    lines.append(f"Scope: {block.scope}")
    if block.entrypoint:
        lines.append("Entrypoint: true")
    lines.append("")
    for name, entries, between in _lists(block):
        if entries:
            lines += [f"{name}:", *_listed(entries, between), ""]
    return "\n".join(lines) + "\n"


def _lists(block: Annotations) -> Iterable[tuple[str, Sequence[tuple[str, str]], str]]:
    yield "Organizations", [("", _line(o)) for o in block.organizations], ""
    authors = [f"{a.name} <{a.email}>" if a.email and a.name else f"<{a.email}>" if a.email else a.name
               for a in block.authors]  # fmt: skip
    yield "Authors", [("", _line(a)) for a in authors], ""
    schemas = [
        (term_text(s.path), _compact(s.definition) if s.schema is None else term_text(s.schema)) for s in block.schemas
    ]
    yield "Schemas", schemas, ": "
    yield "Related Resources", [(_line(r.ref), r.description) for r in block.related_resources], " "
    yield "Custom", [(k, _compact(v)) for k, v in sorted(block.custom.items())], ": "


def _listed(entries: Sequence[tuple[str, str]], between: str) -> Iterable[str]:
    width = max(len(key.encode()) for key, _ in entries)
    for key, value in entries:
        room = " " * (width - len(key.encode()))
        yield cut(f" {key}{between}{room}{value}" if value else f" {key}", WIDEST_LINE)


def _compact(value: object) -> str:
    from .. import presentation

    return presentation.dumps(in_order(value), indent=None)


def _line(text: str) -> str:
    return text.replace("\n", " ")


def _without_data(path: Ref) -> str:
    terms: list[Term] = list(path.terms[1:])
    if terms and isinstance(terms[0], Scalar) and isinstance(terms[0].value, str):
        terms[0] = Var(terms[0].value)
    return term_text(Ref(tuple(terms))) if terms else ""


def cut(text: str, most: int) -> str:
    """A text of less than so many bytes."""
    raw = text.encode()
    return text if len(raw) < most else raw[: most - 3].decode(errors="ignore") + "..."


def shortened(path: str, most: int = WIDEST_CELL) -> str:
    """A path whose middle gives way to dots where it is too long."""
    size = len(path.encode())
    if size < most:
        return path
    folder = path.rpartition("/")[0].removeprefix("/")
    first, slash, rest = folder.partition("/")
    middle = rest if slash and first else folder
    more = most - (size - len(middle.encode()) + 3)
    if more > 0:
        raw = middle.encode()
        middle = "" if more > len(raw) else raw[: len(raw) - more].decode(errors="ignore")
    return path.replace(middle, "...", 1) if len(middle.encode()) > 3 else path


__all__ = ["cut", "report", "shortened"]
