"""What a bundle, or one policy file, holds: its manifest, who is where, annotations, and what it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...rego import CompileError, Location, Policy, compile_modules
from ...rego.check.documents import rule_path
from ...rego.check.visit import Rewriter, operator_name
from ...rego.signatures import signatures
from ...rego.syntax.annotation_json import annotations_json
from ...rego.syntax.nodes import (
    Annotations,
    Array,
    Call,
    CallExpr,
    Expr,
    ExprTerms,
    Module,
    Package,
    Ref,
    Rule,
    Scalar,
    Term,
    TermExpr,
    Var,
)
from ...rego.syntax.printer import term_text
from ...rego.syntax.term_order import term_order
from ...rego.syntax.tree_json import term_json
from ..bundles import Bundle, Manifest, read_bundle
from ..checking import policies
from .capabilities import required


@dataclass(frozen=True, slots=True)
class Note:
    """Annotations and what they are of."""

    block: Annotations
    path: Ref
    location: Location
    package: Package | None = None
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """All that is told; ``manifest`` and ``signatures`` are those of a bundle."""

    namespaces: Mapping[str, tuple[str, ...]]
    notes: tuple[Note, ...] = ()
    needs: Mapping[str, Any] = field(default_factory=dict)
    manifest: Manifest | None = None
    signatures: Any = None

    def json(self, *, annotations: bool) -> dict[str, Any]:
        """As OPA's JSON."""
        shown: dict[str, Any] = {}
        if self.manifest is not None:
            shown["manifest"] = _manifest_json(self.manifest)
        shown["signatures_config"] = self.signatures or {}
        if self.namespaces:
            shown["namespaces"] = {name: list(self.namespaces[name]) for name in sorted(self.namespaces)}
        if annotations and self.notes:
            shown["annotations"] = [_note_json(note) for note in self.notes]
        shown["capabilities"] = dict(self.needs)
        return shown


def inspect(path: str, *, version: int = 1) -> Contents:
    """Look into a bundle, a directory or a policy file. Raises :class:`LoadError` and :class:`CompileError`."""
    if path.endswith(".rego"):
        modules = policies([path], version="v1" if version else "v0")
        return Contents(_by_package(modules), tuple(_notes(modules)), _needs(modules, version))
    bundle = read_bundle(path, version=version, data=False)
    return Contents(
        _namespaces(bundle), tuple(_notes(bundle.modules)), _needs(bundle.modules, version), bundle.manifest,
        bundle.signatures,
    )  # fmt: skip


def _needs(modules: Mapping[str, Module], version: int) -> Mapping[str, Any]:
    try:
        return required(compile_modules(dict(modules), version=version, keep_prints=False))
    except CompileError as e:
        left = [p for p in e.problems if not p.message.startswith("undefined function ")]
        if left:
            raise CompileError(left) from None
    # functions may be missing: then what is written is all that is known
    return required(_without_missing(modules, version))


class _Known(Rewriter):
    """Puts something of any type that looks at the operands in the place of calls of functions that are missing."""

    def term(self, term: Term) -> Term:
        """A term; a step into the input in the place of such a call."""
        made = super().term(term)
        return made if not isinstance(made, Call) or _is_known(made.operator) else _anything(made.args, made.loc)

    def expr_terms(self, expr: Expr) -> ExprTerms:
        """What an expression consists of."""
        made = super().expr_terms(expr)
        if isinstance(made, CallExpr) and not _is_known(made.operator):
            return TermExpr(_anything(made.args, expr.loc))
        return made


def _anything(args: tuple[Term, ...], loc: Location) -> Term:
    return Ref((Var("input", loc), Array(args, loc)), loc)


def _is_known(operator: Ref) -> bool:
    return operator_name(operator) in signatures()


def _without_missing(modules: Mapping[str, Module], version: int) -> Policy:
    """A policy for looking at, whose calls of functions that are missing are gone, and those of its own with them."""
    rewriter = _Known()
    made = {k: replace(m, rules=tuple(rewriter.rule(r) for r in m.rules)) for k, m in modules.items()}
    return compile_modules(made, version=version, keep_prints=False)


def _by_package(modules: Mapping[str, Module]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name, module in modules.items():
        found.setdefault(term_text(module.package.path), []).append(str(Path(name)))
    return {k: tuple(v) for k, v in found.items()}


def _namespaces(bundle: Bundle) -> dict[str, tuple[str, ...]]:
    found = _by_package(bundle.modules)
    for data in bundle.data_files:
        name = ".".join(("data", *data.steps))
        found[name] = (*found.get(name, ()), data.shown)
    return found


# --- annotations ---------------------------------------------------------------------------------


def _notes(modules: Mapping[str, Module]) -> list[Note]:
    found = [note for module in modules.values() for note in _of_module(module)]
    documents: dict[tuple[str, Ref], Note] = {}
    kept: list[Note] = []
    for note in found:
        if note.block.scope in ("document", "subpackages"):
            if (note.block.scope, note.path) in documents:
                continue
            documents[note.block.scope, note.path] = note
        kept.append(note)

    def order(note: Note) -> tuple[object, ...]:
        loc = note.block.loc
        return term_order(note.path), loc.file, loc.row, loc.col

    return sorted(kept, key=order)


def _of_module(module: Module) -> Iterable[Note]:
    for block in module.annotations:
        if block.rule is not None and block.scope in ("rule", "document"):
            rule = module.rules[block.rule]
            yield Note(block, _ground(rule_path(module.package.path.terms, rule)), rule.loc, module.package, rule)
        elif block.scope in ("package", "subpackages"):
            yield Note(block, module.package.path, module.package.loc, module.package)


def _ground(ref: Ref) -> Ref:
    terms: list[Term] = []
    for i, term in enumerate(ref.terms):
        if i and not isinstance(term, Scalar):
            break
        terms.append(term)
    return Ref(tuple(terms))


def _note_json(note: Note) -> dict[str, Any]:
    at = note.location
    return {
        "annotations": annotations_json(note.block, term_json, {}),
        "location": {"file": at.file, "row": at.row, "col": at.col},
        "path": [term_json(t) for t in note.path.terms],
    }


def _manifest_json(manifest: Manifest) -> dict[str, Any]:
    shown: dict[str, Any] = {"revision": manifest.revision, "roots": list(manifest.roots)}
    if manifest.rego_version is not None:
        shown["rego_version"] = manifest.rego_version
    if manifest.file_versions:
        shown["file_rego_versions"] = in_order(manifest.file_versions)
    if manifest.metadata:
        shown["metadata"] = in_order(manifest.metadata)
    return shown


def in_order(value: Any) -> Any:
    """A value with the keys of objects in order, as Go writes them."""
    if isinstance(value, Mapping):
        return {str(k): in_order(value[k]) for k in sorted(value)}
    return [in_order(v) for v in value] if isinstance(value, list | tuple) else value


__all__ = ["Contents", "Note", "inspect"]
